//! Changes that nobody thought of, as the book has them.

use std::fs;

use book::mutants::{Fate, Tried, table};
use tempfile::TempDir;
use timing::workspace::workspace;

/// The page on which the table stands.
const PAGE: &str = "book/chapters/back/machines-that-look-for-faults.md";

#[test]
fn of_fifty_changes_one_in_twenty_survives_at_most_and_the_page_says_why() {
    let tried = Tried::read(workspace()).expect("what was tried");
    let compile = tried.count(|it| *it != Fate::DoesNotCompile);
    let lives = tried.count(|it| *it == Fate::Survives);
    assert!(compile >= 50, "{compile} changes compile");
    assert!(20 * lives <= compile, "{lives} of {compile} survive");
    let page = fs::read_to_string(workspace().join(PAGE)).expect("the page");
    let words: Vec<_> = page.split_whitespace().collect();
    let page = words.join(" ");
    for mutant in tried.mutants.iter().filter(|it| it.fate == Fate::Survives) {
        let change = format!("`{}`", mutant.change);
        assert!(page.contains(&change), "{PAGE} does not explain {change}");
    }
}

#[test]
fn what_was_changed_is_a_file_of_a_stage() {
    let tried = Tried::read(workspace()).expect("what was tried");
    for mutant in tried.mutants {
        let is_there = workspace().join(&mutant.file).is_file();
        assert!(is_there, "{} is not there any more", mutant.file);
        assert!(mutant.file.starts_with("stage"), "{}", mutant.file);
    }
}

/// A repository in which these rows were seen.
fn seen(rows: &str) -> (TempDir, Result<String, String>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let results = folder.path().join("tests/results");
    fs::create_dir_all(&results).expect("a folder of ours");
    let text = format!(
        "# system: a machine\n# listed: 1234\n\
         file,line,package,program,test,seconds,change\n{rows}"
    );
    fs::write(results.join("mutants.csv"), text).expect("a file of ours");
    let table = table(folder.path());
    (folder, table)
}

#[test]
fn the_table_counts_what_was_seen_and_shows_what_compiles() {
    let (_folder, table) = seen(
        "stage1-bump/src/heap.rs,3,stage1-bump,contract,a_test,0.25,a < b, c\n\
         stage1-bump/src/heap.rs,4,tests,shadow,it,1.00,the second\n\
         stage1-bump/src/heap.rs,5,rustc,,,,the third\n\
         stage1-bump/src/heap.rs,6,nobody,,,,the last\n",
    );
    let table = table.expect("a table");
    for part in [
        "It listed 1,234 changes, and a seed picked 4 of them. 1 does not",
        "Of the other 3, 2 are seen by a test, 1 of them by one of the stage",
        "One survives.",
        "heap.rs: a &lt; b, c<small>contract: <code>a_<wbr>test</code></small>",
        "<td>0.25 s</td>",
        "the last<small>nobody</small>",
        "a machine",
    ] {
        assert!(table.contains(part), "{part} is not in {table}");
    }
    assert!(!table.contains("the third"), "{table}");
}

#[test]
fn a_row_with_too_few_cells_is_told() {
    let (_folder, table) = seen("stage1-bump/src/heap.rs,3,nobody\n");
    let error = table.expect_err("too few cells");
    assert!(error.contains("has too few cells"), "{error}");
}
