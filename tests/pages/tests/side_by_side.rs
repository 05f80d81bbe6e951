//! The page on which the stages stand side by side.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use book::build::build;
use book::side_by_side;
use pages::chromium::{Browser, address};
use serde_json::json;
use tests::matrix::rows::Cell;
use tests::matrix::{OURS, PEERS, Property, Seen, properties};
use timing::workspace::workspace;

/// What the page has for the table.
fn table() -> String {
    let page = Path::new("back/side-by-side/index.md");
    side_by_side::table(workspace(), page).expect("the table")
}

/// The parts of `text` that lie between two others.
fn between<'a>(text: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    let parts = text.split(from).skip(1);
    parts.map(|it| it.split(to).next().unwrap_or(it)).collect()
}

/// What begins a cell that fails.
const FAILS: &str = " fails\"><a ";

#[test]
fn each_property_has_a_row_and_each_heap_a_sign_in_it() {
    let table = table();
    let rows = between(&table, "<tr><th scope=\"row\">", "</tr>");
    assert_eq!(rows.len(), properties().count(), "rows");
    for (row, property) in rows.iter().zip(properties()) {
        let id = property.row.id;
        let program = format!("<a href=\"programs.html#property-{id}\"");
        let links = 1 + OURS.len() + PEERS.len();
        assert_eq!(row.matches(&program).count(), links, "{id}: {row}");
    }
}

#[test]
fn each_failure_leads_to_the_page_that_tells_why() {
    let table = table();
    let rows = between(&table, "<tr><th scope=\"row\">", "</tr>");
    for (row, property) in rows.iter().zip(properties()) {
        let fails = row.matches(FAILS).count();
        let links = between(row, "<small>", "</small>").concat();
        let pages = links.matches("<a href=\"../../").count();
        assert_eq!(pages, fails, "{}: {row}", property.row.id);
    }
}

/// A table of one row and one heap, with this in the cell, in a book of one page.
fn with_cell(cell: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let results = folder.path().join("tests/results");
    fs::create_dir_all(&results).expect("a folder");
    let text = format!(
        "group,property,source,fact,stage 1\nG,used,a.rs,it is so,{cell}\n"
    );
    fs::write(results.join("side-by-side.csv"), text).expect("a file");
    let chapters = folder.path().join("book/chapters");
    fs::create_dir_all(&chapters).expect("a folder");
    fs::write(chapters.join("c.md"), "# C\n\n## It is so, why?\n")
        .expect("a page");
    side_by_side::table(folder.path(), Path::new("a/b.md"))
}

#[test]
fn a_cell_that_is_turned_around_has_the_other_sign() {
    let signs = |cell| {
        let table = with_cell(cell).expect("a table");
        ["✓", "✗", "–", "?"].map(|it| table.contains(&format!(">{it}</a>")))
    };
    assert_eq!(signs("holds"), [true, false, false, false]);
    assert_eq!(signs("fails: so -> c.md"), [false, true, false, false]);
    assert_eq!(signs("does not apply: so"), [false, false, true, false]);
    assert_eq!(signs("passed over: so"), [false, false, false, true]);
}

#[test]
fn a_failure_without_a_page_stops_the_build() {
    for cell in ["fails: so", "fails: so -> ", "fails", "perhaps"] {
        let error = with_cell(cell).expect_err("it says nothing");
        assert!(error.contains(cell), "{error}");
    }
}

#[test]
fn a_page_or_a_heading_that_is_not_there_stops_the_build() {
    with_cell("fails: so -> c.md#it-is-so-why").expect("there is one");
    for page in ["d.md", "c.md#it-is-so", "c.md#why"] {
        let cell = format!("fails: so -> {page}");
        let error = with_cell(&cell).expect_err("there is none");
        assert!(error.contains(page), "{error}");
    }
}

// What the page says.

/// What is declared for a heap, by the names of the properties.
fn column(name: &str) -> BTreeMap<&'static str, Seen> {
    let at = OURS.iter().position(|it| it.name == name).expect("a heap");
    let seen = |it: Property| (it.row.id, Seen::from(&it.row.on[at]));
    properties().map(seen).collect()
}

#[test]
fn stages_3_and_4_differ_in_rows_on_threads_alone() {
    let (three, four) = (column("stage 3"), column("stage 4"));
    let mut worse = Vec::new();
    for property in properties() {
        let id = property.row.id;
        if three[id] == four[id] {
            continue;
        }
        // How both fail may differ.
        assert!(property.is_race(), "{id}: {} and {}", three[id], four[id]);
        if three[id] == Seen::Holds {
            worse.push(id);
        }
    }
    assert_eq!(worse, ["handler_in_malloc"]);
}

#[test]
fn no_heap_passes_the_two_rows_that_the_page_names() {
    let table = table();
    let rows = between(&table, "<tr><th scope=\"row\">", "</tr>");
    let fails = |row: &str| row.matches(FAILS).count();
    let all = OURS.len() + PEERS.len();
    let failed = rows.iter().zip(properties()).filter(|it| fails(it.0) == all);
    let failed: Vec<&str> = failed.map(|(_, it)| it.row.id).collect();
    assert_eq!(failed, ["back_around_survivors", "new_owner"]);
}

#[test]
fn stage_1_breaks_only_what_needs_memory_that_comes_back_and_none_does() {
    for property in properties() {
        let is_promise = property.group.title == "What C promises";
        if let (true, Cell::Fails { page, .. }) =
            (is_promise, &property.row.on[0])
        {
            assert_eq!(*page, "stage1/it-leaks.md", "{}", property.row.id);
        }
        let is_memory = property.group.title == "Memory that comes back";
        let holds = matches!(Seen::from(&property.row.on[0]), Seen::Holds);
        assert!(!(is_memory && holds), "{}", property.row.id);
    }
}

// In a browser.

#[test]
#[ignore = "needs Chromium: .ci/run installs it and runs it"]
fn a_column_can_be_hidden_and_a_narrow_page_is_no_wider_than_its_window() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    build(&workspace().join("book"), folder.path()).expect("the book");
    let page = folder.path().join("back/side-by-side/index.html");
    let mut browser = Browser::start();
    browser.resize(390, 800);
    browser.open(&address(&page));
    let width = browser.evaluate("document.documentElement.scrollWidth");
    let width = width.as_u64().expect("a number");
    assert!(width <= 390, "the page is {width} wide");
    let shown = "[...document.querySelectorAll('.side-by-side tbody .c2')]\
                 .filter((it) => it.offsetWidth > 0).length";
    let cells = properties().count();
    assert_eq!(browser.evaluate(shown), json!(cells), "cells of stage 3");
    browser.evaluate("document.querySelector('.show-2').click()");
    assert_eq!(browser.evaluate(shown), json!(0), "cells that are hidden");
    let others = shown.replace(".c2", ".c3");
    assert_eq!(browser.evaluate(&others), json!(cells), "cells of stage 4");
    browser.evaluate("document.querySelector('.show-2').click()");
    assert_eq!(browser.evaluate(shown), json!(cells), "shown again");
}
