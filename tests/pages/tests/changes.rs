//! Who comes back to the book finds where to stop: the changes stand under days,
//! the last one first.

use std::fs;

use timing::workspace::workspace;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A day as year, month and day of the month.
fn day(heading: &str) -> Option<(u32, usize, u32)> {
    let mut words = heading.split(' ');
    let (day, month, year) = (words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|it| *it == month)?;
    words.next().is_none().then_some(())?;
    Some((year.parse().ok()?, month, day.parse().ok()?))
}

#[test]
fn every_block_of_changes_has_its_day_and_the_last_comes_first() {
    let page = workspace().join("book/chapters/back/what-has-changed.md");
    let text = fs::read_to_string(page).expect("a page");
    let headings = text.lines().filter_map(|it| it.strip_prefix("## "));
    let days: Vec<_> = headings
        .map(|it| day(it).unwrap_or_else(|| panic!("{it:?} is no day")))
        .collect();
    assert!(days.len() >= 2, "{days:?}");
    assert!(days.is_sorted_by(|one, next| one > next), "{days:?}");
}

#[test]
fn a_day_is_three_words() {
    assert_eq!(day("29 November 2026"), Some((2026, 10, 29)));
    for heading in ["In the stages", "29 Nov 2026", "29 November 2026 too"] {
        assert_eq!(day(heading), None, "{heading}");
    }
}
