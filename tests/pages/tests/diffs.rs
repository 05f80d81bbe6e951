//! The differences between the stages, in the book: each is shown whole once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use book::diff::{self, Side};
use timing::workspace::workspace;

/// How often each directive stands in the chapters below `folder`.
fn diffs(folder: &Path, found: &mut BTreeMap<String, usize>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            diffs(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).expect("a text");
        let lines = text.lines().filter(|line| line.starts_with("{{#diff "));
        for line in lines {
            *found.entry(line.to_owned()).or_default() += 1;
        }
    }
}

#[test]
fn the_whole_difference_of_a_stage_is_shown_once() {
    let mut found = BTreeMap::new();
    diffs(&workspace().join("book/chapters"), &mut found);
    let stages = [
        "stage1-bump",
        "stage2-headers",
        "stage3-freelist",
        "stage4-threadsafe",
        "stage5-lifo-stack",
    ];
    for pair in stages.windows(2) {
        let [old, new] = [&pair[0], &pair[1]];
        let whole = format!("{{{{#diff {old}/src {new}/src}}}}");
        assert_eq!(found.get(&whole), Some(&1), "{whole}");
        let part = format!("{{{{#diff {old}/src/");
        let parts: Vec<_> =
            found.keys().filter(|line| line.starts_with(&part)).collect();
        assert!(parts.is_empty(), "shown twice, in part: {parts:?}");
    }
}

/// Those that can be seen are not behind the click.
#[test]
fn a_fold_counts_the_changes_that_it_hides() {
    let side = |near: &str, far: &str| {
        let same: String = (0..10).map(|line| format!("// {line}\n")).collect();
        let text = format!("// {near}\n{same}// {far}\n// a\n// b\n// c\n");
        Side { path: "a.rs".to_owned(), first_line: 1, text }
    };
    let rows = diff::lines(&side("one", "two"), &side("three", "four"), 2);
    let changed = rows.iter().filter(|row| row.is_changed()).count();
    assert_eq!(changed, 4, "two lines are others");
    let folded = diff::folded(&rows, true, true);
    let says = "<summary>… 11 lines, with 2 of comments changed</summary>";
    assert!(folded.contains(says), "no {says} in {folded}");
}
