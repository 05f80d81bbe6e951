//! Whatever a plot shows has been named to the reader.

use std::collections::BTreeSet;
use std::fs;

use book::build;
use book::directive::Directive;
use book::page::Page;
use book::plot;
use timing::workspace::workspace;

/// The names in the first column of a plot's table, if they are those of
/// allocators.
fn allocators(plot: &str) -> BTreeSet<String> {
    let (_, table) = plot.split_once("<table").expect("a plot has a table");
    let (head, body) = table.split_once("</thead>").expect("it has a head");
    let first = cells(head).next();
    if first.as_deref() != Some("allocator") {
        return BTreeSet::new();
    }
    let rows = body.split("<tr").skip(1);
    rows.filter_map(|row| cells(row).next()).collect()
}

/// The texts of the cells of a table.
fn cells(html: &str) -> impl Iterator<Item = String> {
    let cells = html.split(['<']).filter(|tag| tag.starts_with(['t']));
    cells.filter_map(|cell| {
        let (_tag, text) = cell.split_once('>')?;
        (!text.trim().is_empty()).then(|| text.trim().to_owned())
    })
}

/// The allocators of each plot that no page up to it has named.
fn unnamed(pages: &[(String, String)]) -> Vec<String> {
    let mut unnamed = Vec::new();
    let mut read = String::new();
    for (path, text) in pages {
        read += text;
        for (line, directive) in Page::new(text).directives() {
            let Ok(Directive::Plot { name, stage }) =
                Directive::parse(directive)
            else {
                continue;
            };
            let plot = plot::render(workspace(), &name, stage.as_deref());
            for allocator in allocators(&plot.expect("a plot")) {
                let is_stage = allocator.starts_with("stage ");
                if !is_stage && !read.contains(&allocator) {
                    unnamed.push(format!("{path}:{line}: {allocator}"));
                }
            }
        }
    }
    unnamed
}

fn pages() -> Vec<(String, String)> {
    let folder = build::folder();
    let paths = build::pages(&folder).expect("a book").into_iter();
    let page = |path: std::path::PathBuf| {
        let text = fs::read_to_string(folder.join("chapters").join(&path));
        (path.display().to_string(), text.expect("a page"))
    };
    paths.map(page).collect()
}

#[test]
fn every_allocator_in_a_plot_has_been_named() {
    let unnamed = unnamed(&pages());
    assert!(unnamed.is_empty(), "{unnamed:#?}");
}

#[test]
fn an_allocator_that_no_page_names_is_noticed() {
    let page = "# Measured\n\nAgainst glibc, mimalloc and jemalloc:\n\n\
                {{#plot nested}}\n";
    let unnamed = unnamed(&[("one.md".into(), page.into())]);
    let line = "one.md:5: snmalloc".to_owned();
    assert!(unnamed.contains(&line), "{line} is not in {unnamed:?}");
}
