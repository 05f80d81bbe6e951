//! What Miri runs, and what it leaves out: nothing without a reason.

use std::collections::BTreeSet;
use std::fs;

use book::miri::{SCRIPT, left_out, programs, table};
use timing::workspace::workspace;

/// What Miri cannot do. None of it is that it is slow: then there is less to do.
const CANNOT: [&str; 4] = [
    "loom switches stacks, which Miri cannot follow",
    "Miri reserves no address space",
    "Miri starts no process",
    "Miri reads no file",
];

/// What it could do, and is not asked to.
const IS_NOT_ASKED: [(&str, &[&str]); 6] = [
    ("Miri has no break", &["what_the_kernel_refuses_is_out_of_memory"]),
    (
        "Miri has no system to ask for a mapping",
        &["a_large_block_that_shrinks_leaves_no_room_for_another_in_its_unit"],
    ),
    (
        "it asks no heap, and is slow under Miri",
        &[
            "the_bytes_for_each_heap_ask_for_all_there_is",
            "what_the_fuzzer_has_left_is_small",
        ],
    ),
    (
        "the fault comes after too many steps for Miri",
        &[
            "bytes_find_a_planted_fault",
            "a_failure_shows_the_heap_and_the_last_operations",
            "a_block_that_two_have_is_found",
            "a_byte_that_calloc_has_left_is_found",
            "a_byte_that_the_heap_has_changed_is_found",
            "the_books_tell_of_a_block_that_was_lost",
            "the_limit_tells_of_blocks_that_were_lost",
            "what_realloc_moves_is_asked_for_twice",
        ],
    ),
    ("the faults would stop Miri", &["the_shadow_catches_each_planted_fault"]),
    (
        "two have the heap at once: that is what is wrong",
        &[
            "a_handler_that_allocates_in_the_middle_of_a_push_gets_the_same_place",
        ],
    ),
];

fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The programs that `.ci/miri` runs: their files, from the root.
fn run() -> BTreeSet<String> {
    let script = read(SCRIPT).replace("\\\n", " ");
    let mut run = BTreeSet::new();
    for line in script.lines() {
        let Some((_, line)) = line.split_once("miri -p ") else { continue };
        let words: Vec<&str> = line.split_whitespace().collect();
        for pair in words.windows(2).filter(|pair| pair[0] == "--test") {
            run.insert(format!("{}/tests/{}.rs", words[0], pair[1]));
        }
    }
    run
}

#[test]
fn miri_runs_each_program_over_a_simulated_break() {
    let root = workspace();
    let run = run();
    let left_out = left_out(root).expect("all tests are Rust");
    let mut over_it = 0;
    for file in programs(root).expect("folders of tests") {
        let text = read(&file);
        let of_it = ["SimBrk", "SimMmap", "shadow::", "fuzzed::"];
        if !of_it.iter().any(|word| text.contains(word)) {
            continue;
        }
        over_it += 1;
        // Each stage's contract is run in a loop.
        let is_run = run.contains(&file)
            || file.starts_with("stage") && file.ends_with("/contract.rs");
        let tests = text.matches("#[test]").count();
        let without = left_out.iter().filter(|it| it.file == file).count();
        assert!(
            is_run || without == tests,
            "{file}: .ci/miri does not run it, and {without} of {tests} tests \
             say why not"
        );
    }
    assert!(over_it > 20, "{over_it} programs are over a simulated break");
}

#[test]
fn what_miri_leaves_out_it_cannot_run_or_it_is_known_by_name() {
    let all = left_out(workspace()).expect("all tests are Rust");
    let mut others: Vec<(&str, Vec<&str>)> = Vec::new();
    for it in &all {
        if CANNOT.contains(&it.reason.as_str()) {
            continue;
        }
        match others.last_mut() {
            Some((reason, tests)) if *reason == it.reason => {
                tests.push(&it.test);
            }
            _ => others.push((&it.reason, vec![&it.test])),
        }
    }
    let known: Vec<(&str, Vec<&str>)> = IS_NOT_ASKED
        .iter()
        .map(|(why, tests)| (*why, tests.to_vec()))
        .collect();
    assert_eq!(others, known, "what Miri leaves out, by its reason");
    for reason in CANNOT {
        let is_there = all.iter().any(|it| it.reason == reason);
        assert!(is_there, "nothing is left out because {reason}");
    }
}

/// Its two models stand on a page, without a word about Miri at their heads.
#[test]
fn what_the_script_skips_is_named_too() {
    let all = left_out(workspace()).expect("all tests are Rust");
    let of_stage_1 = all.iter().filter(|it| it.file.starts_with("stage1"));
    let tests: Vec<&str> = of_stage_1.map(|it| it.test.as_str()).collect();
    let two = [
        "two_threads_can_get_the_same_block",
        "two_threads_one_after_the_other_get_two_blocks",
    ];
    assert_eq!(tests, two, "what Miri leaves out of stage 1");
}

#[test]
fn the_page_names_each_test_that_miri_leaves_out() {
    let page = read("book/chapters/back/machines-that-look-for-faults.md");
    assert!(page.contains("{{#miri}}"), "the page has the list");
    let table = table(workspace()).expect("a table").replace("<wbr>", "");
    for it in left_out(workspace()).expect("all tests are Rust") {
        let test = format!("<code>{}</code>", it.test);
        assert!(table.contains(&test), "{} of {}", it.test, it.file);
    }
}
