//! The table of faults, and which test sees each of them first.

use std::fs;

use book::faults;
use tempfile::TempDir;
use tests::fault::Fault;
use tests::sight::recorded;
use timing::workspace::workspace;

#[test]
fn every_fault_that_is_recorded_has_a_row_that_says_what_goes_wrong() {
    let table = faults::table(workspace()).expect("the table");
    let all = recorded();
    assert_eq!(table.matches("<th scope=\"row\">").count(), all.len(), "rows");
    for sight in all {
        let fault = Fault::named(&sight.fault);
        let what = format!("<th scope=\"row\">{}", faults::told(&fault.what));
        assert!(table.contains(&what), "{}: {what}", fault.name);
    }
}

/// A repository with one fault of stage 2, and what was seen of it.
fn seen(row: &str) -> (TempDir, Result<String, String>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        let parent = path.parent().expect("a folder");
        fs::create_dir_all(parent).expect("a folder of ours");
        fs::write(path, text).expect("a file of ours");
    };
    write("tests/faults/2-a.fault", "It is < wrong.\na.rs\n-right\n+wrong\n");
    let text = format!(
        "# system: a machine\nfault,package,program,test,seconds\n{row}\n"
    );
    write("tests/results/faults.csv", &text);
    let table = faults::table(folder.path());
    (folder, table)
}

#[test]
fn a_row_has_the_test_and_the_seconds_of_the_file() {
    let (_folder, table) = seen("2-a,stage2-headers,contract,a_test,0.25");
    let table = table.expect("a table");
    for part in [
        "Stage 2",
        "It is &lt; wrong.<small>contract: <code>a_<wbr>test</code></small>",
        "<td>0.25 s</td>",
        "There are 1 faults in the table. 0 of them",
        "0 of these in an answer to the malloc lab. Of 1 the first",
        "and all of those are seen in less than 10 seconds",
        "a machine",
    ] {
        assert!(table.contains(part), "{part} is not in {table}");
    }
}

#[test]
fn a_test_from_outside_and_a_slow_one_are_counted_as_such() {
    let (_folder, table) = seen("2-a,tests,shadow,a_test,0.25");
    let table = table.expect("a table");
    assert!(table.contains("lab. Of 0 the first"), "{table}");
    let (_folder, table) = seen("2-a,stage2-headers,contract,a_test,10.0");
    let table = table.expect("a table");
    assert!(table.contains("and 0 of those"), "{table}");
}

/// Whoever reads the table is to know that these are mistakes that people make.
#[test]
fn twenty_faults_are_seen_elsewhere_and_some_in_answers_to_the_malloc_lab() {
    let all = Fault::all();
    let elsewhere: Vec<&str> =
        all.iter().filter_map(|it| it.seen_in.as_deref()).collect();
    let answers = elsewhere.iter().filter(|it| it.ends_with("mm.c")).count();
    assert!(elsewhere.len() >= 20, "{} are seen elsewhere", elsewhere.len());
    assert!(answers >= 4, "{answers} are seen in answers");
    let table = faults::table(workspace()).expect("the table");
    let (elsewhere, answers) = (elsewhere.len(), answers);
    let said = format!(
        "{elsewhere} of them have a link to somebody who made it in public, \
         {answers} of these in an answer to the malloc lab."
    );
    assert!(table.contains(&said), "{said}");
}

/// Whoever follows the link finds the same words next year.
#[test]
fn a_link_to_a_file_names_its_version() {
    for Fault { name, seen_in, .. } in Fault::all() {
        let Some(address) = seen_in else { continue };
        let parts: Vec<&str> = address.split('/').collect();
        assert!(
            address.starts_with("https://github.com/"),
            "{name}: {address}"
        );
        match parts[5] {
            "issues" | "pull" => assert_eq!(parts.len(), 7, "{address}"),
            "blob" => assert_eq!(parts[6].len(), 40, "{name}: {address}"),
            _ => panic!("{name}: {address} is none of these"),
        }
    }
}

#[test]
fn what_is_wrong_with_the_file_is_told() {
    for (row, problem) in [
        ("2-b,stage2-headers,contract,a_test,1", "2-b.fault is not there"),
        ("2-a,stage2-headers,contract,a_test,soon", "soon is no number"),
        ("2-a,stage2-headers,a_test,1", "wants 5 cells"),
    ] {
        let (_folder, table) = seen(row);
        let error = table.expect_err(row);
        assert!(error.contains(problem), "{error}: not {problem}");
    }
}

#[test]
fn the_name_of_a_function_at_the_start_of_a_sentence_is_code() {
    for (what, told) in [
        ("Calloc clears < all.", "<code>calloc</code> clears &lt; all."),
        ("free(null) frees.", "<code>free(null)</code> frees."),
        ("A free block stays.", "A free block stays."),
    ] {
        assert_eq!(faults::told(what), told);
    }
}

#[test]
fn what_takes_no_time_is_said_to_take_less_than_what_is_told() {
    let (_folder, table) = seen("2-a,stage2-headers,contract,a_test,0.00");
    assert!(table.expect("a table").contains("<td>&lt; 0.01 s</td>"));
}
