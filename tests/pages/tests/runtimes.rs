//! What the page about programs in many languages says stands in its table.

use std::fs;

use book::plot::table::Table;
use book::runtimes;
use timing::workspace::workspace;

/// As many as the page has to have.
const LEAST: usize = 40;

/// The columns that say what happened on a heap.
const OURS: [&str; 4] = ["stage_3", "stage_4", "one_stack", "per_thread"];

const LEFT_OUT: &str = "left out: ";

fn seen() -> Table {
    let file = workspace().join("tests/results/runtimes.csv");
    let text = fs::read_to_string(file).expect("a table");
    Table::parse(&text).expect("a table that can be read")
}

/// The number of a program in a column.
fn number(table: &Table, program: &str, column: &str) -> f64 {
    let programs = table.column("program").expect("names");
    let at = programs.iter().position(|it| *it == program);
    let at = at.unwrap_or_else(|| panic!("there is no row for {program}"));
    table.numbers(column).expect("numbers")[at]
}

#[test]
fn the_table_has_many_programs_and_no_empty_cell() {
    let table = seen();
    assert!(table.rows.len() >= LEAST, "{} rows", table.rows.len());
    for row in &table.rows {
        for (cell, column) in row.iter().zip(&table.columns) {
            assert!(!cell.is_empty(), "{}: no {column}", row[0]);
        }
    }
    for column in ["malloc", "calloc", "realloc", "free", "largest"] {
        let numbers = table.numbers(column).expect("numbers");
        assert!(numbers.iter().any(|it| *it > 0.0), "{column} is all zeros");
    }
}

#[test]
fn a_program_that_was_run_on_a_heap_of_ours_did_what_it_does_elsewhere() {
    let table = seen();
    for heap in OURS {
        let cells = table.column(heap).expect("what was seen");
        for (row, cell) in table.rows.iter().zip(cells) {
            let is_well = cell == "same"
                || heap == "stage_3" && cell.starts_with(LEFT_OUT)
                // It brings one of its own, and was not run on ours.
                || cell.starts_with("not ours: the malloc of ");
            assert!(is_well, "{} on {heap}: {cell}", row[0]);
        }
    }
}

#[test]
fn only_programs_with_threads_are_left_out_on_stage_3() {
    let table = seen();
    let threads = table.numbers("threads").expect("numbers");
    let cells = table.column("stage_3").expect("what was seen");
    for (row, (threads, cell)) in
        table.rows.iter().zip(threads.iter().zip(cells))
    {
        let is_left_out = cell.starts_with(LEFT_OUT);
        assert_eq!(is_left_out, *threads > 0.0, "{}: {cell}", row[0]);
    }
}

#[test]
fn each_program_has_a_row_in_both_tables_of_the_page() {
    let count = seen().rows.len();
    for which in ["calls", "heaps"] {
        let html = runtimes::table(workspace(), which).expect("a table");
        let rows = html.matches("<tr><th scope=\"row\">").count();
        assert_eq!(rows, count, "{which}");
        assert!(!html.contains("<td></td>"), "{which} has an empty cell");
    }
}

// What the page says in words.

#[test]
fn mksh_asks_by_realloc_and_lua_too() {
    let table = seen();
    for program in ["mksh", "lua"] {
        let by_malloc = number(&table, program, "malloc");
        let by_realloc = number(&table, program, "realloc");
        assert!(by_realloc > 100.0 * by_malloc, "{program}: {by_malloc}");
    }
}

#[test]
fn a_collector_asks_for_less_than_a_program_that_has_none() {
    let table = seen();
    for program in ["sbcl", "an OCaml program"] {
        let asked = number(&table, program, "malloc");
        let more = number(&table, "a Fortran program", "malloc");
        assert!(more > 100.0 * asked, "{program} asks {asked} times");
    }
}

#[test]
fn what_the_page_has_seen_at_odd_times_was_seen() {
    let table = seen();
    let odd = [
        ("emacs", "to_nothing"),
        ("emacs", "before_main"),
        ("emacs", "after_exit"),
        ("bash", "in_children"),
        ("swipl", "left_blocks"),
    ];
    for (program, column) in odd {
        let calls = number(&table, program, column);
        assert!(calls > 1.0, "{program}: {calls} in {column}");
    }
    // "One time", as a word.
    assert_eq!(number(&table, "zsh", "in_handlers"), 1.0);
    // "The OCaml program frees two blocks in its whole life."
    assert_eq!(number(&table, "an OCaml program", "free"), 2.0);
    let program = "an Ada program";
    let taken = number(&table, program, "malloc");
    assert_eq!(number(&table, program, "free"), taken);
}
