//! What the pages on misuse say of their table is what stands in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use book::{captured, count};
use timing::workspace::workspace;

/// The outcomes of the table, by row and column.
type Table = BTreeMap<String, BTreeMap<String, String>>;

/// A captured table, whatever number of parts it is in. The columns are as wide as
/// their names, and two spaces lie between them.
fn table(name: &str) -> Table {
    let path = workspace().join(format!("book/captured/{name}.txt"));
    let text = fs::read_to_string(path).expect("the table");
    let output = captured::parse(&text).expect("a captured file").output;
    let mut table = Table::new();
    let mut columns: Vec<&str> = Vec::new();
    for line in output.lines().filter(|it| !it.is_empty()) {
        let cells = line.split("  ").map(str::trim).filter(|it| !it.is_empty());
        let mut cells: Vec<&str> = cells.collect();
        if line.starts_with(' ') {
            columns = cells;
            continue;
        }
        let row = table.entry(cells.remove(0).to_owned()).or_default();
        assert_eq!(cells.len(), columns.len(), "cells of {line}");
        let pairs = columns.iter().zip(cells);
        row.extend(pairs.map(|(a, b)| ((*a).to_owned(), b.to_owned())));
    }
    table
}

/// The columns in which all of these rows say this.
fn columns(rows: &[&str], word: &str) -> Vec<String> {
    let table = table("misuse");
    let columns = table[rows[0]].keys().cloned();
    columns
        .filter(|column| rows.iter().all(|row| table[*row][column] == word))
        .collect()
}

/// The rows of a wrong `free`, and of a `realloc` that is one.
const WRONG_FREES: [&str; 8] = [
    "freed twice, at once",
    "freed twice, later",
    "once it has a new owner",
    "from another thread",
    "free of the middle",
    "of a stack address",
    "of another heap's block",
    "realloc of a freed block",
];

#[test]
fn only_stage_2_and_one_stack_tell_of_every_wrong_free() {
    assert_eq!(columns(&WRONG_FREES, "told"), ["2", "one stack"]);
    let row = ["once it has a new owner"];
    assert_eq!(columns(&row, "told"), ["2", "one stack"]);
}

#[test]
fn a_byte_past_the_end_is_told_by_glibc_alone() {
    assert_eq!(columns(&["one byte past the end"], "told"), ["glibc"]);
}

#[test]
fn sixteen_bytes_past_the_room_have_the_ends_that_the_page_names() {
    let row = ["sixteen past that"];
    assert_eq!(columns(&row, "told"), ["2", "3", "4"]);
    let data = ["1", "glibc", "mimalloc", "one stack", "per thread"];
    assert_eq!(columns(&row, "data"), data);
    assert_eq!(columns(&row, "killed"), ["tcmalloc"]);
    assert_eq!(columns(&row, "-"), ["jemalloc"]);
}

#[test]
fn some_rows_are_the_same_in_all_columns() {
    let all = table("misuse")["never freed"].len();
    for (row, word) in [
        ("the same, further in", "-"),
        ("never freed", "-"),
        ("dealloc, wrong Layout", "-"),
        ("a limit not expected", "killed"),
    ] {
        assert_eq!(columns(&[row], word).len(), all, "{row}");
    }
}

#[test]
fn a_canary_tells_of_all_that_is_past_the_end() {
    let solved = table("misuse-solved");
    for row in [
        "one byte past the end",
        "one past all its room",
        "sixteen past that",
        "one byte before it",
    ] {
        assert_eq!(solved[row]["canary"], "told", "{row}");
    }
}

#[test]
fn who_fills_freed_blocks_tells_of_a_write_that_no_heap_notices() {
    let solved = table("misuse-solved");
    assert_eq!(solved["the same, further in"]["filled"], "told");
    assert_eq!(solved["the same, further in"]["secret links"], "-");
    assert_eq!(solved["written after free"]["filled"], "killed");
    assert_eq!(solved["written after free"]["secret links"], "told");
}

// The directive. -------------------------------------------------------------

/// What is counted in a table of three heaps.
fn counted(arguments: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let captured = folder.path().join("book/captured");
    fs::create_dir_all(&captured).expect("a folder");
    let text = "# command: a\n# system: b\n# compare: exact\n\n\
                \x20         1     2\nfreed     -    told\nread      -    data\n\n\
                \x20    glibc\nfreed  told\nread   data\n";
    fs::write(captured.join("misuse.txt"), text).expect("a file");
    count::value(folder.path(), arguments)
}

#[test]
fn rows_and_columns_and_words_are_counted_over_both_parts_of_the_table() {
    for (arguments, number) in [
        ("misuse rows", "two"),
        ("misuse columns", "three"),
        ("misuse told: freed", "two"),
        ("misuse -: read", "one"),
        ("misuse killed: read", "none"),
    ] {
        assert_eq!(counted(arguments).as_deref(), Ok(number), "{arguments}");
    }
}

#[test]
fn what_is_not_in_the_table_is_not_counted() {
    for arguments in ["misuse told: written", "misuse", "misuse heaps"] {
        let error = counted(arguments).expect_err("there is none");
        assert!(error.contains("misuse"), "{error}");
    }
    let error = count::value(Path::new("/nowhere"), "misuse rows");
    assert!(error.expect_err("no table").contains("is not there"));
}
