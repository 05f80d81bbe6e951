//! What a page says of somebody's allocator is true for a version, or it is not
//! true. Each page, each exercise and each note of a figure that names one says
//! which, or leads to the page that does; and where it tells an amount or says
//! "always", the version stands nearby.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use book::captured::parse;
use book::prose::{CODE, passages};
use pages::captures::folder;
use syn::visit::Visit;
use timing::workspace::workspace;

/// The allocators, each with the words by which a page names it.
const NAMES: [(&str, &[&str]); 9] = [
    ("dlmalloc", &["dlmalloc"]),
    (
        "glibc",
        &[
            "glibc",
            "c library's",
            "c library\u{2019}s",
            "malloc of the c library",
            "\u{fffc} of the c library",
        ],
    ),
    ("jemalloc", &["jemalloc"]),
    ("mimalloc", &["mimalloc"]),
    ("musl", &["musl"]),
    ("rpmalloc", &["rpmalloc"]),
    ("snmalloc", &["snmalloc"]),
    ("tcmalloc", &["tcmalloc", "gperftools"]),
    ("valkey", &["valkey"]),
];

/// The page that says which versions are meant.
const VERSIONS: &str = "back/real-allocators/versions.md";

/// Pages that claim nothing: the contents, the words, and that page itself.
const CLAIM_NOTHING: [&str; 3] = ["SUMMARY.md", "back/words.md", VERSIONS];

/// A version stands so many passages away at most.
const NEAR: usize = 2;

/// Words of a sentence that holds until somebody changes it.
const ABSOLUTE: [&str; 7] =
    ["always", "ever", "never", "no longer", "no more", "since", "today"];

/// What a number follows that is no amount.
const NUMBERED: [&str; 10] = [
    "chapter",
    "chapters",
    "exercise",
    "exercises",
    "question",
    "questions",
    "stage",
    "stages",
    "step",
    "steps",
];

fn files(folder: &str) -> Vec<PathBuf> {
    let mut folders = vec![workspace().join("book").join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// A paragraph, an item of a list, or a row of a table.
#[derive(Clone, Debug, Default)]
struct Said {
    /// In small letters.
    text: String,
    links: Vec<(Range<usize>, String)>,
    line: usize,
    is_heading: bool,
}

impl Said {
    /// What a figure's note says.
    fn note(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        Self { text, ..Self::default() }
    }

    /// Where an allocator is named by one of its words.
    fn places(&self, words: &[&str]) -> Vec<usize> {
        let is_letter = |it: Option<char>| {
            it.is_some_and(|it| it.is_alphanumeric() || "_-".contains(it))
        };
        let is_alone = |at: usize, word: &str| {
            !is_letter(self.text[..at].chars().next_back())
                && !is_letter(self.text[at + word.len()..].chars().next())
        };
        let places = words.iter().flat_map(|word| {
            let all = self.text.match_indices(word).map(|(at, _)| at);
            all.filter(|at| is_alone(*at, word)).collect::<Vec<_>>()
        });
        places.collect()
    }

    /// Whether it says something of an allocator. A heading does not, nor who
    /// asks for a system, nor a name that leads to a page about it, which says
    /// the version.
    fn names(&self, words: &[&str]) -> bool {
        let is_asked_for = |at: usize| {
            ["linux with ", "needs "]
                .iter()
                .any(|it| self.text[..at].ends_with(it))
        };
        let leads_there = |at: usize| {
            let mut links = self.links.iter();
            links.any(|(it, to)| {
                it.contains(&at)
                    && NAMES.iter().any(|(name, _)| {
                        let page = to.split('#').next().unwrap_or(to);
                        page.ends_with(".md") && page.contains(name)
                    })
            })
        };
        let mut places = self.places(words).into_iter();
        !self.is_heading
            && places.any(|at| !is_asked_for(at) && !leads_there(at))
    }

    /// Whether a version stands behind one of the words: `glibc 2.36`. Or the
    /// page with the versions is linked beside it.
    fn says_version(&self, words: &[&str]) -> bool {
        let has_one = |word: &&str| {
            self.text.match_indices(word).any(|(at, word)| {
                let rest = &self.text[at + word.len()..];
                let rest = rest.strip_prefix("-sys").unwrap_or(rest);
                let rest = rest.strip_prefix("'s").unwrap_or(rest).trim_start();
                let is_of_it = |it: &char| it.is_ascii_digit() || *it == '.';
                let version: String =
                    rest.chars().take_while(is_of_it).collect();
                version.trim_end_matches('.').contains('.')
            })
        };
        let leads =
            || self.links.iter().any(|(_, to)| to.ends_with("versions.md"));
        words.iter().any(has_one) || !self.places(words).is_empty() && leads()
    }

    /// Whether it tells an amount that somebody typed, or says that something is
    /// always so.
    fn is_sharp(&self) -> bool {
        let words = |text: &str| {
            let is_edge = |it: char| !it.is_alphanumeric();
            let words =
                text.split_whitespace().map(|it| it.trim_matches(is_edge));
            words
                .filter(|it| !it.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let words = words(&self.text);
        let spaced = format!(" {} ", words.join(" "));
        if ABSOLUTE.iter().any(|it| spaced.contains(&format!(" {it} "))) {
            return true;
        }
        let is_number =
            |it: &str| it.starts_with(|it: char| it.is_ascii_digit());
        let is_year = |it: &str| {
            it.len() == 4
                && ["19", "200", "201", "202"]
                    .iter()
                    .any(|start| it.starts_with(start))
        };
        // The number of a question stands first.
        let mut is_numbered = self
            .text
            .trim_start_matches(|it: char| it.is_ascii_digit())
            .starts_with(". ");
        for word in &words {
            let goes_on = ["and", "or", "to"].contains(&word.as_str());
            if NUMBERED.contains(&word.as_str()) {
                is_numbered = true;
            } else if is_number(word) && !is_numbered && !is_year(word) {
                return true;
            } else if !is_number(word) && !goes_on {
                is_numbered = false;
            }
        }
        false
    }
}

/// Without the numbers that a machine puts in. Each comes from the source, or
/// from a file that says on which system it was measured.
fn typed(markdown: &str) -> String {
    let mut rest = markdown;
    let mut typed = String::new();
    while let Some(at) = rest.find("{{#") {
        let kinds = ["const ", "count ", "ran ", "result ", "said "];
        let is_inline = kinds.iter().any(|it| rest[at + 3..].starts_with(it));
        let length = rest[at..].find("}}").map_or(rest.len() - at, |it| it + 2);
        typed += &rest[..at];
        if is_inline {
            typed.push(CODE);
        } else {
            typed += &rest[at..at + length];
        }
        rest = &rest[at + length..];
    }
    typed + rest
}

/// What a page says, with the cells of a row together.
fn said(markdown: &str) -> Vec<Said> {
    let markdown = typed(markdown);
    let lines: Vec<&str> = markdown
        .lines()
        .map(|line| line.trim_start_matches(['>', ' ']))
        .collect();
    let mut all: Vec<Said> = Vec::new();
    for passage in passages(&markdown) {
        let line = passage.line(0);
        let of_page = lines.get(line - 1).copied().unwrap_or_default();
        let text = passage.text.to_ascii_lowercase();
        let cell = all.last_mut().filter(|last| last.line == line);
        if let Some(row) = cell.filter(|_| of_page.starts_with('|')) {
            row.text += " | ";
            let by = row.text.len();
            row.text += &text;
            let moved = passage.links.into_iter();
            let moved = moved.map(|(it, to)| (it.start + by..it.end + by, to));
            row.links.extend(moved);
        } else {
            let is_heading = of_page.starts_with('#');
            all.push(Said { text, links: passage.links, line, is_heading });
        }
    }
    all
}

/// The allocators that a page names, and of which it says no version: with the
/// line where that is, and whether an amount stands there.
fn without_version(all: &[Said]) -> Vec<(&'static str, usize, bool)> {
    let mut without = Vec::new();
    for (name, words) in NAMES {
        let named = |it: &&Said| it.names(words);
        let Some(first) = all.iter().find(named) else { continue };
        if !all.iter().any(|it| it.says_version(words)) {
            without.push((name, first.line, false));
        }
        for (at, it) in all.iter().enumerate() {
            let near =
                &all[at.saturating_sub(NEAR)..(at + NEAR + 1).min(all.len())];
            let is_said = near.iter().any(|it| it.says_version(words));
            if it.names(words) && it.is_sharp() && !is_said {
                without.push((name, it.line, true));
            }
        }
    }
    without
}

/// What is wrong with a page, a line each.
fn faults(page: &str, all: &[Said]) -> String {
    let faults =
        without_version(all).into_iter().map(|(name, line, is_sharp)| {
            let what = match is_sharp {
                true => {
                    "an amount, or what is always so, and no version nearby"
                }
                false => "no version on the whole page",
            };
            format!("{page}:{line}: {name}: {what}\n")
        });
    faults.collect()
}

const HELP: &str = "Write the version behind the name, or link to \
                    back/real-allocators/versions.md beside it.";

#[test]
fn each_page_that_names_an_allocator_says_which_version() {
    let mut wrong = String::new();
    let mut named_somewhere = 0;
    for folder in ["chapters", "exercises", "milestones"] {
        for page in files(folder) {
            let root = workspace().join("book").join(folder);
            let name = page.strip_prefix(&root).expect("a page").to_owned();
            let is_page = name.extension().is_some_and(|it| it == "md");
            if !is_page || CLAIM_NOTHING.iter().any(|it| name == Path::new(it))
            {
                continue;
            }
            let all = said(&fs::read_to_string(&page).expect("a page"));
            let names =
                |it: &Said| NAMES.iter().any(|(_, words)| it.names(words));
            named_somewhere += usize::from(all.iter().any(names));
            wrong += &faults(&format!("{folder}/{}", name.display()), &all);
        }
    }
    assert!(wrong.is_empty(), "{HELP}\n{wrong}");
    assert!(named_somewhere > 60, "{named_somewhere}");
}

/// The texts in a file of Rust.
#[derive(Default)]
struct Texts(Vec<Said>);

impl<'ast> Visit<'ast> for Texts {
    // A comment is one, too.
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        // One word is no sentence: the name of a column, or of a picture.
        if text.value().contains(' ') {
            self.0.push(Said::note(&text.value()));
        }
    }
}

#[test]
fn each_note_of_a_figure_that_names_an_allocator_says_which_version() {
    let mut wrong = String::new();
    let mut named_somewhere = 0;
    for folder in ["src/drawing", "src/figure", "src/quiz"] {
        for file in files(folder) {
            let text = fs::read_to_string(&file).expect("a file");
            let parsed = syn::parse_file(&text).expect("Rust");
            let mut texts = Texts::default();
            texts.visit_file(&parsed);
            let name = file.file_name().expect("a name").display().to_string();
            // Each stands alone before its reader.
            for note in texts.0 {
                let is_named = |(_, words): &(&str, &[&str])| note.names(words);
                named_somewhere += usize::from(NAMES.iter().any(is_named));
                for (allocator, ..) in
                    without_version(std::slice::from_ref(&note))
                {
                    wrong += &format!(
                        "{folder}/{name}: {allocator}: {}\n",
                        note.text
                    );
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{HELP}\n{wrong}");
    assert!(named_somewhere > 5, "{named_somewhere}");
}

#[test]
fn a_name_without_a_version_is_found() {
    for (page, found) in [
        ("# T\n\nglibc joins them.\n", vec!["glibc"]),
        ("# T\n\nWith glibc's list and jemalloc 5.3.0.\n", vec!["glibc"]),
        ("# T\n\nglibc 2.36 joins them. In glibc it is so.\n", vec![]),
        ("# T\n\nIt needs Linux with glibc.\n", vec![]),
        (
            "# T\n\n[glibc](a/versions.md) does.\n\njemalloc too.\n",
            vec!["jemalloc"],
        ),
        ("# T\n\n[glibc](a/versions.md) and jemalloc do.\n", vec![]),
        ("# T\n\n[glibc](dlmalloc-and-glibc.md) does.\n", vec![]),
        ("# T\n\n[glibc](../stage3/large-blocks.md) does.\n", vec!["glibc"]),
        ("# T\n\n```sh needs=glibc\nls\n```\n", vec![]),
        ("# T\n\nmimalloc 2 does.\n", vec!["mimalloc"]),
        ("# T\n\nThe C library's `malloc` does.\n", vec!["glibc"]),
        ("# T\n\nThe `malloc` of the C library does.\n", vec!["glibc"]),
        ("# T\n\nmusl and valkey do.\n", vec!["musl", "valkey"]),
        ("# T\n\n| a | b |\n| --- | --- |\n| glibc 2.36 | 7 |\n", vec![]),
        ("# T\n\n| a | b |\n| --- | --- |\n| glibc | 7 |\n", vec!["glibc"]),
    ] {
        let without = without_version(&said(page)).into_iter();
        let names: BTreeSet<&str> = without.map(|(name, ..)| name).collect();
        assert_eq!(names, BTreeSet::from_iter(found), "{page}");
    }
}

#[test]
fn a_version_far_away_is_none() {
    let far = "Of something else.\n\n".repeat(NEAR);
    let lie = "jemalloc always gives everything back within a second.\n\n";
    let at = 2 * NEAR + 5;
    for (before, found) in [
        ("jemalloc 5.3.0 was asked.", vec![("jemalloc", at, true)]),
        ("[jemalloc](a/versions.md) was asked.", vec![("jemalloc", at, true)]),
        (
            "[glibc](a/versions.md) was asked.",
            vec![("jemalloc", at, false), ("jemalloc", at, true)],
        ),
    ] {
        let page = format!("# T\n\n{before}\n\n{far}{lie}");
        assert_eq!(without_version(&said(&page)), found, "{page}");
        let page = format!("# T\n\n{lie}Of something else.\n\n{before}\n");
        let is_there = !before.contains("glibc");
        assert_eq!(
            without_version(&said(&page)).is_empty(),
            is_there,
            "{page}"
        );
    }
    // An exercise is read like a page.
    let exercise = format!("minutes: 10\n\n# Task\n\n{lie}");
    assert_eq!(without_version(&said(&exercise)).len(), 2);
}

#[test]
fn an_amount_or_a_word_for_all_times_asks_for_a_version() {
    for (text, is_sharp) in [
        ("glibc joins them", false),
        ("glibc never joins them", true),
        ("glibc joins 7 of them", true),
        ("it is no longer so in glibc", true),
        (
            "glibc is like stage 3, stages 3 to 5, and the seventh chapter",
            false,
        ),
        ("glibc is like stage 3, with 7 blocks", true),
        ("malloc(3) tells it", false),
        ("jemalloc was written in 2004", false),
        ("3. what does glibc do?", false),
        ("2048 blocks of glibc's", true),
        ("every block of glibc's takes 2048 bytes", true),
    ] {
        assert_eq!(Said::note(text).is_sharp(), is_sharp, "{text}");
    }
    let page =
        "glibc takes {{#result a b}} s, and `64` of\n{{#const c D}} bytes.\n";
    assert!(!said(page)[0].is_sharp(), "{:?}", said(page));
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
    let text =
        fs::read_to_string(workspace().join("book/chapters").join(VERSIONS));
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
