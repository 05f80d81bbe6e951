//! The map of the book has all of its chapters, and what it says of them is
//! possible; the short way is short.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use book::build;
use book::map::{COLUMNS, LOOKED_UP, PLACES, SHORT, SHORT_MINUTES, row};
use timing::workspace::workspace;

/// The first pages of the chapters, in the order of the contents.
fn chapters() -> Vec<String> {
    let file = workspace().join("book/chapters/SUMMARY.md");
    let text = fs::read_to_string(file).expect("the book has contents");
    let lines = text.lines().filter_map(|line| line.strip_prefix("- ["));
    let pages = lines.filter_map(|line| {
        let path = line.split_once("](")?.1;
        Some(path.strip_suffix(')')?.to_owned())
    });
    pages.collect()
}

#[test]
fn every_chapter_is_on_the_map_or_is_there_to_look_things_up() {
    let chapters: BTreeSet<String> = chapters().into_iter().collect();
    let placed = PLACES.iter().map(|it| it.page).chain(LOOKED_UP);
    let known: BTreeSet<String> = placed.clone().map(str::to_owned).collect();
    assert_eq!(known, chapters);
    assert_eq!(placed.count(), chapters.len(), "one stands there twice");
}

#[test]
fn what_a_chapter_needs_comes_before_it_in_the_book() {
    let chapters = chapters();
    let at = |page: &str| {
        let at = chapters.iter().position(|it| it == page);
        at.unwrap_or_else(|| panic!("{page} is no chapter"))
    };
    for place in PLACES {
        for needed in place.needs {
            assert!(at(needed) < at(place.page), "{} and {needed}", place.page);
        }
    }
}

#[test]
fn no_two_chapters_lie_in_one_place_and_no_line_runs_through_one() {
    let places: Vec<_> =
        PLACES.iter().map(|it| (it.column, row(it.page))).collect();
    let unlike: BTreeSet<_> = places.iter().collect();
    assert_eq!(unlike.len(), places.len(), "{places:?}");
    for place in PLACES {
        assert!(place.column < COLUMNS, "{}", place.page);
        for needed in place.needs {
            let from = PLACES.iter().find(|it| it.page == *needed);
            let from = from.unwrap_or_else(|| panic!("{needed} has no place"));
            let way = row(needed) + 1..row(place.page);
            let between = way
                .map(|row| (from.column, row))
                .find(|it| unlike.contains(it));
            assert_eq!(between, None, "from {needed} to {}", place.page);
        }
    }
}

#[test]
fn the_short_way_goes_forward_and_takes_no_more_than_it_says() {
    let lengths = build::lengths(&build::folder()).expect("the book is there");
    let at = |page: &str| {
        let at = lengths.iter().position(|(it, _)| it == Path::new(page));
        at.unwrap_or_else(|| panic!("{page} is no page"))
    };
    let places = SHORT.map(|(page, _)| at(page));
    assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
    let minutes: usize = places.iter().map(|&at| lengths[at].1.to_read).sum();
    assert!(minutes <= SHORT_MINUTES, "{minutes} of {SHORT_MINUTES} minutes");
}
