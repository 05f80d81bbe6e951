//! What the page on whole systems says stands in its table.

use std::collections::BTreeSet;
use std::fs;

use book::whole_systems::{Step, Visit, project, read, table, visits};
use tempfile::TempDir;
use timing::workspace::workspace;

const HEAPS: [&str; 2] = ["malloc4", "malloc5"];

/// The step that asks the loader.
const WHOSE: &str = "whose malloc each program gets";

fn steps() -> Vec<Step> {
    read(workspace()).expect("the results").1
}

/// The page, each run of spaces as one.
fn page() -> String {
    let path = "book/chapters/beyond/measured/whole-systems.md";
    let text = fs::read_to_string(workspace().join(path)).expect("a page");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn says(sentence: &str) {
    assert!(page().contains(sentence), "the page does not say {sentence:?}");
}

#[test]
fn each_system_did_the_same_steps_on_each_heap() {
    let steps = steps();
    let names = |suite: &str, heap: &str| {
        let of_heap =
            steps.iter().filter(|it| it.suite == suite && it.heap == heap);
        of_heap.map(|it| &*it.name).collect::<BTreeSet<_>>()
    };
    let suites: BTreeSet<&str> = steps.iter().map(|it| &*it.suite).collect();
    assert!(!suites.is_empty());
    for suite in suites {
        let mut expected = names(suite, "glibc");
        assert!(expected.len() >= 6, "{suite}: {expected:?}");
        expected.insert(WHOSE);
        for heap in HEAPS {
            assert_eq!(names(suite, heap), expected, "{suite}, {heap}");
        }
    }
}

#[test]
fn every_step_ended_as_on_glibc() {
    for step in steps() {
        let Step { suite, heap, name, status, printed, .. } = &step;
        assert_eq!(status, "0", "{suite}, {heap}, {name}");
        if heap != "glibc" && name != WHOSE {
            assert_eq!(printed, "same", "{suite}, {heap}, {name}");
            let Step { processes, on_ours, others, .. } = &step;
            assert_eq!(on_ours, processes, "{suite}, {heap}: {others:?}");
        }
    }
    says("Every step in the table has ended as on glibc");
}

#[test]
fn the_stages_are_built_and_tested_on_each_heap() {
    for name in ["cargo builds the five stages", "the stages' tests"] {
        for heap in HEAPS {
            let is_there =
                steps().iter().any(|it| it.heap == heap && it.name == name);
            assert!(is_there, "{name} on {heap}");
        }
    }
    says("`cargo` builds the five stages in each system and runs their tests");
}

#[test]
fn the_programs_that_bring_a_heap_are_the_ones_that_the_page_names() {
    let mut brought = BTreeSet::new();
    for step in steps().iter().filter(|it| it.name == WHOSE) {
        let Step { suite, heap, processes, on_ours, others, .. } = step;
        assert!(*processes > 100, "{suite}, {heap}: {processes} programs");
        assert_eq!(processes - on_ours, others.len(), "{suite}, {heap}");
        brought.extend(others.iter().cloned());
    }
    let named: BTreeSet<String> = ["rustc".to_owned()].into();
    assert_eq!(brought, named);
    says("One name is missing in Debian 12 and 13: `rustc`.");
}

#[test]
fn the_book_is_built_and_all_tests_pass_on_three_systems() {
    let (_, visits) = visits(workspace()).expect("the results");
    let mut done = BTreeSet::new();
    for it in &visits {
        let [_, failed, _] = it.counts;
        assert_eq!(
            (&*it.status, failed),
            ("0", 0),
            "{}, {}",
            it.suite,
            it.step
        );
        done.insert((&*it.suite, &*it.step));
    }
    let tests = ["cargo test", "the heaps under programs"];
    for suite in ["bookworm", "trixie", "sid"] {
        assert!(done.contains(&(suite, "the book")), "{suite}: {done:?}");
        for step in tests {
            let of_step =
                |it: &&Visit| (&*it.suite, &*it.step) == (suite, step);
            let passed = visits.iter().find(of_step).map(|it| it.counts[0]);
            assert!(passed > Some(50), "{suite}, {step}: {passed:?}");
        }
    }
    says("It builds the book, runs all tests");
}

#[test]
fn what_the_project_did_is_a_row_of_its_system() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("tests/results/whole-projects.csv");
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    let text = "# sid: Debian sid\n# sid made: today, commit 1\n\
                suite,heap,step,status,passed,failed,ignored\n\
                sid,project,the book,0,0,0,0\n\
                sid,project,cargo test,101,700,2,70\n";
    fs::write(file, text).expect("a file of ours");
    let table = project(folder.path()).expect("a table");
    for part in [
        "Debian sid <small>today, commit 1</small>",
        "<th scope=\"row\">the book</th><td>well</td><td></td><td></td>",
        "<th scope=\"row\">cargo test</th><td>status 101</td>\
         <td>700</td><td>2</td>",
    ] {
        assert!(table.contains(part), "{part} is not in {table}");
    }
}

/// A repository that has these rows alone.
fn seen(rows: &str) -> (TempDir, Result<String, String>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("tests/results/whole-systems.csv");
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    let text = format!(
        "# machine: a machine\n# trixie: Debian < 14\n\
         suite,heap,step,status,printed,seconds,MiB,ratio,processes,ours,others\n\
         {rows}"
    );
    fs::write(file, text).expect("a file of ours");
    let table = table(folder.path());
    (folder, table)
}

#[test]
fn a_cell_says_how_the_step_ended_and_how_much_memory_it_took() {
    let (_folder, table) = seen(
        "trixie,malloc4,whose,0,,1.0,,,9,8,rustc\n\
         trixie,malloc5,whose,0,,1.0,,,9,7,rustc cargo\n\
         trixie,malloc4,a < b,0,same,1.0,30,1.50,5,5,\n\
         trixie,malloc5,a < b,134,other,1.0,30,0.75,5,5,\n",
    );
    let table = table.expect("a table");
    for part in [
        "Debian &lt; 14",
        "<th scope=\"row\">whose</th><td>8 of 9</td><td>7 of 9</td>",
        "<th scope=\"row\">a &lt; b</th>\
         <td>as on glibc<small>memory × 1.50, ours in 5 of 5</small></td>\
         <td>status 134<small>memory × 0.75, ours in 5 of 5</small></td>",
        "a machine",
    ] {
        assert!(table.contains(part), "{part} is not in {table}");
    }
}

#[test]
fn what_is_wrong_with_the_results_is_told() {
    for (rows, problem) in [
        ("", "is empty"),
        ("trixie,malloc4,a,0,same,1,1,1,many,5,\n", "many is no number"),
        ("trixie,malloc4,a,0,same,1,1,1,5,5,\n", "trixie has no a on malloc5"),
    ] {
        let (_folder, table) = seen(rows);
        let error = table.expect_err(rows);
        assert!(error.contains(problem), "{error}: not {problem}");
    }
}
