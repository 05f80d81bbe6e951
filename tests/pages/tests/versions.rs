//! What a page says of somebody's allocator is true for a version, or it is not
//! true: each page that names one says which, or leads to the page that does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use book::captured::parse;
use book::prose::{Passage, passages};
use pages::captures::folder;
use timing::workspace::workspace;

const NAMES: [&str; 8] = [
    "dlmalloc",
    "glibc",
    "gperftools",
    "jemalloc",
    "mimalloc",
    "rpmalloc",
    "snmalloc",
    "tcmalloc",
];

/// The page that says which versions are meant.
const VERSIONS: &str = "back/real-allocators/versions.md";

/// Pages that claim nothing: the contents, the words, and that page itself.
const CLAIM_NOTHING: [&str; 3] = ["SUMMARY.md", "back/words.md", VERSIONS];

fn chapters() -> PathBuf {
    workspace().join("book/chapters")
}

fn pages() -> Vec<PathBuf> {
    let mut folders = vec![chapters()];
    let mut pages = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

/// The allocators that a passage names, without those that it links to, since
/// their pages say the version, and without a system that is asked for.
fn named(passage: &Passage) -> BTreeSet<&'static str> {
    let text = passage.text.to_lowercase();
    let is_asked_for = |at: usize| {
        text[..at].ends_with("linux with ") || text[..at].ends_with("needs ")
    };
    let is_link =
        |at: usize| passage.links.iter().any(|(it, _)| it.contains(&at));
    let is_alone = |at: usize, name: &str| {
        let is_letter = |it: Option<char>| {
            it.is_some_and(|it| it.is_alphanumeric() || "_-".contains(it))
        };
        !is_letter(text[..at].chars().next_back())
            && !is_letter(text[at + name.len()..].chars().next())
    };
    let is_named = |name: &&str| {
        text.match_indices(*name).any(|(at, name)| {
            is_alone(at, name) && !is_link(at) && !is_asked_for(at)
        })
    };
    NAMES.into_iter().filter(is_named).collect()
}

/// Whether a passage says a version of an allocator: `glibc 2.36`.
fn says_version(passage: &Passage, name: &str) -> bool {
    let text = passage.text.to_lowercase();
    text.match_indices(name).any(|(at, name)| {
        let rest = &text[at + name.len()..];
        let rest = rest.strip_prefix("'s").unwrap_or(rest).trim_start();
        let version: String = rest
            .chars()
            .take_while(|it| it.is_ascii_digit() || *it == '.')
            .collect();
        version.trim_end_matches('.').contains('.')
    })
}

/// The allocators that a page names, and of which it says no version.
fn without_version(markdown: &str) -> Vec<&'static str> {
    let passages = passages(markdown);
    let leads = |passage: &Passage| {
        passage.links.iter().any(|(_, to)| to.ends_with("versions.md"))
    };
    if passages.iter().any(leads) {
        return Vec::new();
    }
    let all: BTreeSet<&str> = passages.iter().flat_map(named).collect();
    let has_none =
        |name: &&str| !passages.iter().any(|it| says_version(it, name));
    all.into_iter().filter(has_none).collect()
}

#[test]
fn each_page_that_names_an_allocator_says_which_version() {
    let mut wrong = String::new();
    let mut named_somewhere = 0;
    for page in pages() {
        let name = page.strip_prefix(chapters()).expect("a chapter");
        if CLAIM_NOTHING.iter().any(|it| name == Path::new(it)) {
            continue;
        }
        let text = fs::read_to_string(&page).expect("a page");
        if passages(&text).iter().any(|it| !named(it).is_empty()) {
            named_somewhere += 1;
        }
        let without = without_version(&text);
        if !without.is_empty() {
            wrong += &format!("{}: {without:?}\n", name.display());
        }
    }
    assert!(
        wrong.is_empty(),
        "these pages name allocators and no version. Write one behind the name, \
         or link the name to {VERSIONS}:\n{wrong}"
    );
    assert!(named_somewhere > 20, "{named_somewhere}");
}

#[test]
fn a_name_without_a_version_is_found() {
    for (page, found) in [
        ("# T\n\nglibc joins them.\n", vec!["glibc"]),
        ("# T\n\nWith glibc's list and jemalloc 5.3.0.\n", vec!["glibc"]),
        ("# T\n\nglibc 2.36 joins them. In glibc it is so.\n", vec![]),
        ("# T\n\nIt needs Linux with glibc.\n", vec![]),
        ("# T\n\n[glibc](a/versions.md) and jemalloc do.\n", vec![]),
        ("# T\n\n[glibc](dlmalloc-and-glibc.md) does.\n", vec![]),
        ("# T\n\n```sh needs=glibc\nls\n```\n", vec![]),
        ("# T\n\nmimalloc 2 does.\n", vec!["mimalloc"]),
    ] {
        assert_eq!(without_version(page), found, "{page}");
    }
}

/// The cells of a table's rows, without links.
fn rows(markdown: &str) -> Vec<Vec<String>> {
    let lines = markdown.lines().filter(|line| line.starts_with("| "));
    let cells = |line: &str| {
        let cells = line.trim_matches('|').split('|');
        cells.map(|it| it.trim().to_owned()).collect()
    };
    lines.skip(1).filter(|it| !it.starts_with("| ---")).map(cells).collect()
}

fn page_of_versions() -> Vec<Vec<String>> {
    let text = fs::read_to_string(chapters().join(VERSIONS));
    rows(&text.expect("the page is there"))
}

/// The crates of the workspace, with their versions.
fn crates() -> BTreeMap<String, String> {
    let lock = fs::read_to_string(workspace().join("Cargo.lock"));
    let lock = lock.expect("Cargo.lock is there");
    let value = |line: Option<&str>, key: &str| {
        let line = line?.strip_prefix(key)?;
        Some(line.trim_matches(['"', ' ', '=']).to_owned())
    };
    let packages = lock.split("[[package]]\n").skip(1);
    packages
        .filter_map(|package| {
            let mut lines = package.lines();
            let name = value(lines.next(), "name")?;
            Some((name, value(lines.next(), "version")?))
        })
        .collect()
}

#[test]
fn the_crates_on_the_page_of_versions_are_those_that_are_built() {
    let crates = crates();
    let mut seen = 0;
    for row in page_of_versions() {
        let Some((before, named)) = row[2].split_once("crate ") else {
            continue;
        };
        let (name, version) = named.split_once(' ').expect("a version");
        let built = &crates[name];
        let plain = built.split('+').next().expect("a version");
        assert_eq!(version, plain, "{name}");
        // This one says in its version what it contains.
        if name.starts_with("tikv") {
            let inner = before.trim_end_matches([',', ' ']);
            assert!(built.contains(&format!("+{inner}-")), "{built}");
        }
        seen += 1;
    }
    assert_eq!(seen, 5);
}

/// Debian 12's are the first column of each pair in the table.
#[test]
fn the_preloaded_versions_are_those_that_were_asked() {
    let file = folder().join("two-generations.txt");
    let text = fs::read_to_string(file).expect("a table");
    let table = parse(&text).expect("an output that is kept").output;
    let mut older = BTreeSet::new();
    for part in table.split("\n\n").filter(|it| !it.trim().is_empty()) {
        let mut lines = part.lines().map(str::split_whitespace);
        let names = lines.next().expect("names");
        let versions = lines.next().expect("versions");
        older.extend(names.zip(versions).step_by(2));
    }
    let rows = page_of_versions();
    for (name, version) in older {
        let is_it =
            |row: &&Vec<String>| row[0].starts_with(&format!("[{name}]"));
        let row = rows.iter().find(is_it).expect("a row for each");
        assert_eq!(row[1], version, "{name}");
    }
}
