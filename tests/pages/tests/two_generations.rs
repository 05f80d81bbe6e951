//! What the page on two generations says stands in the table above it.

use std::fs;

use book::captured::parse;
use pages::captures::folder;
use timing::workspace::workspace;

/// The widths of the questions and of an answer, as the program prints them.
const QUESTION: usize = 30;
const ANSWER: usize = 12;

/// The answers of an allocator, older and newer, to each question.
struct Asked {
    versions: [String; 2],
    rows: Vec<(String, [String; 2])>,
}

fn cells(line: &str) -> Vec<String> {
    let letters: Vec<char> = line.chars().skip(QUESTION).collect();
    let cell = |it: &[char]| {
        let text: String = it.iter().collect();
        text.trim().trim_end_matches(" *").trim().to_owned()
    };
    letters.chunks(ANSWER).map(cell).collect()
}

/// The part of the table that is about one allocator.
fn asked(name: &str) -> Asked {
    let file = folder().join("two-generations.txt");
    let text = fs::read_to_string(file).expect("a table");
    let table = parse(&text).expect("an output that is kept").output;
    let part = table
        .split("\n\n")
        .find(|part| part.lines().next().unwrap().contains(name))
        .unwrap_or_else(|| panic!("{name} was not asked"));
    let mut lines = part.lines();
    let names = cells(lines.next().unwrap());
    let places: Vec<usize> =
        (0..names.len()).filter(|at| names[*at] == name).collect();
    let [old, new] = places[..] else { panic!("{name}: {places:?}") };
    let pair = |line: &str| {
        let cells = cells(line);
        let cell = |at: usize| cells.get(at).cloned().unwrap_or_default();
        [cell(old), cell(new)]
    };
    let versions = pair(lines.next().unwrap());
    let rows = lines
        .map(|line| (line[..QUESTION].trim().to_owned(), pair(line)))
        .collect();
    Asked { versions, rows }
}

impl Asked {
    fn row(&self, question: &str) -> [&str; 2] {
        let (_, answers) = self
            .rows
            .iter()
            .find(|(it, _)| it == question)
            .unwrap_or_else(|| panic!("nobody asked {question:?}"));
        answers.each_ref().map(|it| &**it)
    }

    fn numbers(&self, question: &str) -> [u64; 2] {
        self.row(question).map(|it| it.parse().expect("a number"))
    }

    /// The number of the block that comes first.
    fn first(&self, question: &str) -> [u64; 2] {
        self.row(question).map(|it| {
            let first = it.split_whitespace().next().expect("an answer");
            first.parse().expect("a number")
        })
    }
}

const NAMES: [&str; 4] = ["glibc", "jemalloc", "tcmalloc", "mimalloc"];

/// A page, each run of spaces as one.
fn page(name: &str) -> String {
    let path = workspace().join("book/chapters/back").join(name);
    let text = fs::read_to_string(path).expect("a page");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What another page says of the table.
fn is_said(name: &str, sentence: &str) {
    let says = page(name).contains(sentence);
    assert!(says, "{name} does not say {sentence:?}");
}

fn says(sentence: &str) {
    is_said("real-allocators/two-generations.md", sentence);
}

#[test]
fn all_four_were_asked_the_same_questions_in_two_versions() {
    let questions = |name| {
        let rows = asked(name).rows.into_iter();
        rows.map(|(question, _)| question).collect::<Vec<_>>()
    };
    for name in NAMES {
        assert!(questions(name).len() >= 30, "{name}");
        assert_eq!(questions(name), questions("glibc"), "{name}");
        let [old, new] = asked(name).versions;
        assert_ne!(old, new, "{name}");
        says(&format!("## {name} {old} and {new}"));
    }
}

#[test]
fn every_question_has_an_answer_of_each() {
    for name in NAMES {
        for (question, answers) in asked(name).rows {
            let has_all = answers.iter().all(|it| !it.is_empty());
            assert!(has_all, "{name}, {question}: {answers:?}");
        }
    }
}

/// What is measured in MiB is never quite the same.
fn differ(question: &str, old: &str, new: &str) -> bool {
    match (old.parse::<u64>(), new.parse::<u64>()) {
        (Ok(old), Ok(new)) if question.contains("MiB") => {
            old.abs_diff(new) > 2.max(old.max(new) / 10)
        }
        _ => old != new,
    }
}

#[test]
fn a_star_stands_where_the_newer_one_differs_and_nowhere_else() {
    let file = folder().join("two-generations.txt");
    let text = fs::read_to_string(file).expect("a table");
    let stars: usize =
        text.lines().map(|line| line.matches(" *").count()).sum();
    let rows = NAMES.map(asked).into_iter().flat_map(|it| it.rows);
    let differing =
        rows.filter(|(question, [old, new])| differ(question, old, new));
    let differing = differing.count();
    assert_eq!(stars, differing);
    assert!(differing > 0);
}

#[test]
fn the_cache_of_glibc_has_grown_and_calloc_takes_from_it() {
    let glibc = asked("glibc");
    let [old, new] = &glibc.versions;
    let [from_old, from_new] = glibc.first("64 of 24 freed: first come");
    says(&format!(
        "{old} gives back {from_old} from its cache, and {new} gives back \
         {from_new}."
    ));
    let [calloc_old, calloc_new] = glibc.first("calloc(24): first come");
    says(&format!("gave was number {calloc_old}, the top of another list"));
    says(&format!("In {new} it begins with number {calloc_new}, as `malloc`"));
    assert_eq!(calloc_new, from_new);
}

#[test]
fn a_million_small_blocks_go_back_in_the_newer_glibc() {
    let [old, new] = asked("glibc").numbers("1000000 of 100: MiB left");
    assert!(old > 90 && new < 20, "{old} {new}");
    says("in 2.36 nearly all of their memory stays, in 2.43 little does");
}

#[test]
fn aligned_alloc_of_an_odd_alignment_is_refused_by_the_newer_glibc() {
    let glibc = asked("glibc");
    assert_eq!(glibc.row("aligned_alloc(24, 48)"), ["a block", "null"]);
    assert_eq!(glibc.row("memalign(24, 48)"), ["a block", "a block"]);
}

#[test]
fn jemallocs_classes_above_64_kib_are_pages_in_the_newer_one() {
    let jemalloc = asked("jemalloc");
    let [old, new] = &jemalloc.versions;
    let [room_old, room_new] = jemalloc.numbers("room in one of 70000");
    let [takes, took] =
        [room_new, room_old].map(|it| book::amount::number(it.into()));
    says(&format!("bytes {old} takes {took}, and {new} takes {takes}"));
    assert_eq!(room_new % 4096, 0);
    assert!(room_new - 70_000 < 4096);
}

#[test]
fn jemalloc_gives_half_back_at_once_and_nothing_while_it_is_not_called() {
    let jemalloc = asked("jemalloc");
    let [version, _] = &jemalloc.versions;
    let question = "100 of 1 MiB: MiB freed, left";
    let [left, _] = jemalloc.numbers(question);
    assert!((40..=60).contains(&left), "{left}");
    let [later, _] = jemalloc.numbers("MiB left 2 s later");
    assert!(left.abs_diff(later) <= 2, "{left} {later}");
    let own = "real-allocators/jemalloc.md";
    is_said(
        own,
        &format!(
            "in jemalloc {version} about half of a hundred blocks of 1 MiB is gone \
         before the last `free` returns"
        ),
    );
    is_said(
        own,
        &format!(
            "jemalloc {version} looks at the clock when it is called, and not while \
         the program sleeps"
        ),
    );
    let (row, _) = question.split_once(':').expect("a row");
    is_said(
        own,
        &format!("the row *{row}* [then and now](two-generations.md)"),
    );
    is_said(
        "what-surprised-us.md",
        "a hundred blocks of 1 MiB, and half is gone before the last `free` returns",
    );
}

#[test]
fn tcmalloc_leaves_sbrk_alone_in_the_newer_one() {
    let tcmalloc = asked("tcmalloc");
    assert_eq!(tcmalloc.row("sbrk"), ["its own", "libc"]);
    assert_eq!(tcmalloc.row("__libc_malloc"), ["its own", "its own"]);
}

#[test]
fn mimalloc_3_reserves_a_gib_keeps_what_is_freed_and_clears_nothing_fresh() {
    let mimalloc = asked("mimalloc");
    let [_, addresses] = mimalloc.numbers("MiB of addresses at the start");
    assert!((1000..1100).contains(&addresses), "{addresses}");
    let [old, new] = mimalloc.numbers("smallest ulimit -v, in MiB");
    assert!(new < old, "{new} {old}");
    let [at_once_old, at_once_new] =
        mimalloc.numbers("100 of 1 MiB: MiB freed, left");
    let [later_old, later_new] = mimalloc.numbers("MiB left 2 s later");
    assert!(later_old + 10 < at_once_old, "{later_old} {at_once_old}");
    assert!(later_new >= at_once_new.min(100), "{later_new} {at_once_new}");
    let [old, new] = mimalloc.numbers("MiB of calloc(256 MiB)");
    assert!(old >= 256 && new == 0, "{old} {new}");
}

#[test]
fn what_stayed_has_no_star() {
    for name in NAMES {
        for question in [
            "room in a block of 0",
            "room in one of 1",
            "room in one of 24",
            "room in one of 25",
            "room in one of 1000",
            "a remote free: to the",
            "two of 3000, one of 6000",
        ] {
            let asked = asked(name);
            let [old, new] = asked.row(question);
            assert_eq!(old, new, "{name}, {question}");
        }
    }
    let all: Vec<_> =
        NAMES.map(asked).into_iter().flat_map(|it| it.rows).collect();
    let differing = all.iter().filter(|(_, [old, new])| old != new).count();
    assert!(2 * differing < all.len(), "most rows have a star");
}
