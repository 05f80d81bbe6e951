//! The outputs that the book quotes are what the programs print.

use std::collections::BTreeSet;
use std::fs;

use book::captured::{Captured, Compare, parse};
use pages::captures::{CAPTURES, Capture, comparable, folder};
use similar::TextDiff;
use timing::programs::REDIS;
use timing::results::NO_FIGURE;
use timing::workspace::workspace;

fn kept(capture: &Capture) -> Captured {
    let file = capture.file();
    let text = fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    parse(&text).unwrap_or_else(|error| panic!("{} {error}", file.display()))
}

/// What differs between two outputs, if it matters.
fn difference(kept: &str, now: &str, compare: Compare) -> Option<String> {
    let (kept, now) = (comparable(kept, compare), comparable(now, compare));
    if kept == now {
        return None;
    }
    let diff = TextDiff::from_lines(&kept, &now);
    Some(diff.unified_diff().header("kept", "now").to_string())
}

/// An output without the line of a program that works with no preloaded malloc
/// on this system.
fn possible(output: &str) -> String {
    let Some(why) = REDIS.refusal() else { return output.to_owned() };
    let (redis, others): (Vec<_>, Vec<_>) =
        output.split_inclusive('\n').partition(|it| it.starts_with(REDIS.name));
    for line in redis {
        println!("passed over, {why}: {line}");
    }
    others.concat()
}

/// Makes each of the `captures` again: they must be what the book has.
fn are_as_they_are_kept<'a>(captures: impl Iterator<Item = &'a Capture>) {
    let mut differences = String::new();
    for capture in captures {
        let (kept, now) = (kept(capture), capture.make());
        let (kept, now) = (possible(&kept.output), possible(&now.output));
        if let Some(difference) = difference(&kept, &now, capture.compare) {
            differences += &format!(
                "{name}: `{command}` prints something else now:\n\
                 {difference}\n\
                 If that is right, make the file again:\n\
                 cargo run -p pages --example capture -- {name}\n\n",
                name = capture.name,
                command = capture.command,
            );
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")),
    ignore = "needs Linux with glibc on x86-64"
)]
fn the_programs_print_what_the_book_quotes() {
    are_as_they_are_kept(CAPTURES.iter().filter(|it| !it.needs_more()));
}

#[test]
#[ignore = "needs other programs, and minutes: the pages' commands do the same"]
fn what_needs_more_than_cargo_prints_what_the_book_quotes() {
    let need_more = CAPTURES.iter().filter(|it| it.needs_more());
    let is_asked_elsewhere =
        |it: &&Capture| is_about_miri(it) || is_about_newest(it);
    are_as_they_are_kept(need_more.filter(|it| !is_asked_elsewhere(it)));
}

/// The pages' commands are to be done by hand, so nobody else runs them.
#[test]
#[ignore = "needs a nightly compiler with Miri: .ci/run runs it"]
fn miri_says_what_the_book_quotes() {
    are_as_they_are_kept(CAPTURES.iter().filter(|it| is_about_miri(it)));
}

fn is_about_miri(capture: &Capture) -> bool {
    ["miri-on-a-copy", "misuse-told-nightly"].contains(&capture.name)
}

/// What is the newest changes from one day to the next.
fn is_about_newest(capture: &Capture) -> bool {
    capture.name == "two-generations"
}

#[test]
fn every_file_that_is_kept_can_be_made_again() {
    let files = fs::read_dir(folder()).expect("the book keeps outputs");
    let kept: BTreeSet<String> = files
        .map(|file| file.expect("a file").file_name())
        .map(|name| name.into_string().expect("a name in UTF-8"))
        .collect();
    let registered: BTreeSet<String> =
        CAPTURES.iter().map(|it| format!("{}.txt", it.name)).collect();
    assert_eq!(kept, registered, "left: book/captured; right: CAPTURES");
}

#[test]
fn every_file_that_is_kept_says_what_made_it() {
    for capture in &CAPTURES {
        let kept = kept(capture);
        assert_eq!(kept.command, capture.command, "{}", capture.name);
        assert_eq!(kept.compare, capture.compare, "{}", capture.name);
        assert_eq!(kept.notes, capture.notes(), "{}", capture.name);
        assert_ne!(kept.system, "", "{}", capture.name);
        let has_all = !kept.output.contains(NO_FIGURE);
        assert!(has_all, "{}: {}", capture.name, kept.output);
    }
}

#[test]
fn a_stack_for_each_thread_gives_and_takes_what_glibc_does() {
    let table = CAPTURES.iter().find(|it| it.name == "where-it-ends");
    let table = kept(table.expect("a table")).output;
    let rows: Vec<&str> =
        table.lines().skip(1).filter(|row| !row.is_empty()).collect();
    let is_well =
        |row: &&&str| row.ends_with("  no less") || row.ends_with("  well");
    let others: Vec<_> = rows.iter().filter(|row| !is_well(row)).collect();
    assert!(others.is_empty(), "{others:#?}");
    assert!(rows.len() > 20, "{table}");
}

// How outputs are compared.

#[test]
fn an_exact_output_is_the_same_to_the_byte() {
    let compare = Compare::Exact;
    assert_eq!(difference("a 1\n", "a 1\n", compare), None);
    for other in ["a 2\n", "a  1\n", "a 1", "a 1\n\n"] {
        assert_ne!(difference("a 1\n", other, compare), None, "{other:?}");
    }
}

#[test]
fn a_shape_leaves_out_numbers_addresses_and_the_width_of_columns() {
    let kept = "0x7ffd  stack\n    12 blocks, 0.5 s, 0.1 net\n";
    let now = "0x56a7c stack\n1234 blocks, 12 s, -3.0 net\n";
    assert_eq!(difference(kept, now, Compare::Shape), None);
}

#[test]
fn a_shape_notices_a_word_and_a_line() {
    let kept = "1 block\n2 blocks\n";
    for now in ["1 block\n2 chunks\n", "1 block\n", "1\n2 blocks\n"] {
        assert_ne!(difference(kept, now, Compare::Shape), None, "{now:?}");
    }
}

#[test]
fn a_difference_shows_both_lines() {
    let difference = difference("a\nb\n", "a\nc\n", Compare::Exact);
    let difference = difference.expect("b is not c");
    assert!(difference.contains("\n-b\n+c\n"), "{difference}");
}

/// The page "Out of reach" says so of these two columns.
#[test]
fn stage_2_and_one_stack_alone_tell_of_every_wrong_free() {
    const WRONG: [&str; 8] = [
        "freed twice, at once",
        "freed twice, later",
        "once it has a new owner",
        "from another thread",
        "free of the middle",
        "of a stack address",
        "of another heap's block",
        "realloc of a freed block",
    ];
    let mut capture = CAPTURES.iter().filter(|it| it.name == "misuse");
    let output = kept(capture.next().expect("a capture")).output;
    let tables = output.split("\n\n").filter(|it| !it.trim().is_empty());
    let mut columns = Vec::new();
    for table in tables {
        let rows = WRONG.map(|wrong| {
            let row = table.lines().find_map(|it| it.strip_prefix(wrong));
            let cells = row.expect(wrong).split_whitespace();
            cells.collect::<Vec<_>>()
        });
        for column in 0..rows[0].len() {
            columns.push(rows.iter().all(|row| row[column] == "told"));
        }
    }
    let [t, f] = [true, false];
    assert_eq!(columns, [f, t, f, f, t, f, f, f, f, f]);
}

/// The rows of a table of outcomes, with their cells, and what heads it.
fn outcomes(table: &str) -> Vec<(String, Vec<String>)> {
    let rows = table.lines().filter(|line| !line.is_empty());
    let parts = |line: &str| {
        let (what, cells) = line.split_at_checked(24)?;
        let cells = cells.split_whitespace().map(str::to_owned).collect();
        Some((what.trim().to_owned(), cells))
    };
    rows.filter_map(parts).collect()
}

/// The page "Three repairs" says which, and that it is two.
#[test]
fn two_rows_are_without_a_line_in_a_heap_with_all_three_repairs() {
    let output = |name: &str| {
        let mut all = CAPTURES.iter().filter(|it| it.name == name);
        kept(all.next().expect(name)).output
    };
    let [rows, solved] = ["misuse", "misuse-solved"].map(output);
    let stages = rows.split("\n\n").next().expect("the stages");
    let (rows, solved) = (outcomes(stages), outcomes(&solved));
    let last = rows.iter().position(|it| it.0 == "realloc of a freed block");
    let rows = &rows[..=last.expect("the last row that is asked about")];
    // Column 3 is stage 3, in which two of the repairs are made.
    let is_silent = |(what, cells): &&(String, Vec<String>)| {
        let after = solved.iter().filter(|it| it.0 == *what);
        let mut after = after.flat_map(|it| &it.1);
        !what.is_empty() && cells[2] != "told" && !after.any(|it| it == "told")
    };
    let without: Vec<_> =
        rows.iter().filter(is_silent).map(|it| &*it.0).collect();
    assert_eq!(without, ["once it has a new owner", "read after free"]);
    let before = solved.iter().find(|it| it.0 == "one byte before it");
    let before = &before.expect("a row that the canary has changed").1;
    assert_eq!(before, &["-", "told"], "stage 2, and with the canary");
    let page = workspace().join("book/chapters/back/misuse/three-repairs.md");
    let page = fs::read_to_string(page).expect("the page");
    for says in
        ["reasoning.** Two. The read after free", "`told` now in stage 2"]
    {
        assert!(page.contains(says), "{says}\n{page}");
    }
}
