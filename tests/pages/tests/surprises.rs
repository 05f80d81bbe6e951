//! What the page of surprises tells stands in a script each.

use std::collections::BTreeSet;
use std::fs;

use timing::workspace::workspace;

const PAGE: &str = "book/chapters/back/what-surprised-us.md";

/// The path of a script, its text, and what the page says of it.
struct Told {
    path: String,
    script: String,
    words: String,
}

fn told() -> Vec<Told> {
    let page = fs::read_to_string(workspace().join(PAGE)).expect("a page");
    let parts = page.split("\n## ").filter_map(|part| {
        let (words, after) = part.split_once("{{#script ")?;
        let (path, _) = after.split_once("}}").expect("it ends");
        let script = fs::read_to_string(workspace().join(path));
        let script = script.unwrap_or_else(|error| panic!("{path}: {error}"));
        Some(Told { path: path.into(), script, words: words.into() })
    });
    parts.collect()
}

/// The words that are versions: `2.36`, `1.95.0`.
fn versions(words: &str) -> BTreeSet<&str> {
    let is_version = |word: &&str| {
        let digits = |it: &str| {
            !it.is_empty() && it.chars().all(|letter| letter.is_ascii_digit())
        };
        word.contains('.') && word.split('.').all(digits)
    };
    words
        .split_whitespace()
        .map(|word| word.trim_matches([',', '.', ':', ';', '(', ')']))
        .filter(is_version)
        .collect()
}

#[test]
fn ten_scripts_or_more_are_told_each_once() {
    let told = told();
    let paths: BTreeSet<&str> = told.iter().map(|it| &*it.path).collect();
    assert!(told.len() >= 10, "{paths:?}");
    assert_eq!(paths.len(), told.len());
    let are_findings = paths.iter().all(|it| it.starts_with("findings/"));
    assert!(are_findings, "{paths:?}");
}

#[test]
fn the_versions_on_the_page_stand_in_the_scripts() {
    for it in told() {
        for version in versions(&it.words) {
            assert!(it.script.contains(version), "{}: {version}", it.path);
        }
    }
}

#[test]
fn every_surprise_names_a_version() {
    for it in told() {
        assert!(!versions(&it.words).is_empty(), "{}", it.path);
    }
}

/// The paragraph that names a source: a file, a function, a manual page or an
/// issue, with its version.
fn source(words: &str) -> Option<&str> {
    let paragraphs = words.split("\n\n").map(str::trim);
    let mut of_source = paragraphs.filter(|it| it.starts_with("**Source.** "));
    of_source.next()
}

/// Whether it names both.
fn is_whole(source: &str) -> bool {
    let names_place = source.contains('`') || source.contains("/issues/");
    names_place && !versions(source).is_empty()
}

#[test]
fn every_surprise_has_a_source_with_its_version() {
    for it in told() {
        let Some(source) = source(&it.words) else {
            panic!("{}: no paragraph **Source.**", it.path);
        };
        assert!(is_whole(source), "{}: {source}", it.path);
    }
}

#[test]
fn a_source_without_a_place_or_a_version_is_found() {
    for (words, whole) in [
        (
            "It does.\n\n**Source.** `free` in `malloc.c` of glibc 2.36.\n",
            Some(true),
        ),
        (
            "It does.\n\n**Source.** `free` in `malloc.c` of glibc.\n",
            Some(false),
        ),
        ("It does.\n\n**Source.** The paper of glibc 2.36.\n", Some(false)),
        ("It does, in `malloc.c` of glibc 2.36.\n", None),
    ] {
        assert_eq!(source(words).map(is_whole), whole, "{words}");
    }
}

#[test]
fn a_version_is_numbers_with_points_between() {
    let words = "In glibc 2.36, Rust 1.95.0. Not 200, e.g. or 3.x. (5.3.0)";
    assert_eq!(versions(words), BTreeSet::from(["1.95.0", "2.36", "5.3.0"]));
}
