//! Amounts of memory in the prose of the five stages and of their exercises.
//!
//! A page takes an amount that is a constant of ours from the source:
//! `{{#const stage3-freelist STEP as size}}`. What it types by hand is somebody
//! else's, or belongs to an example, and stands in a list here. So a constant
//! that changes changes the pages, and nobody types one again.
//!
//! Looked at are numbers in front of KiB, MiB, GiB, KB, MB and GB. Plain bytes
//! are not: most of those are sizes of blocks in examples.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use book::constant::{self, Constants};
use book::prose::passages;
use stage3_freelist::heap::{DEFAULT, SLACK, STEP};
use tests::workspace::workspace;

/// Where the prose lies.
const FOLDERS: [&str; 6] = [
    "book/chapters/stage1",
    "book/chapters/stage2",
    "book/chapters/stage3",
    "book/chapters/stage4",
    "book/chapters/stage5",
    "book/exercises",
];

/// Amounts that are typed, and whose they are.
const TYPED: &[(&str, &str, &str)] = &[
    ("book/chapters/stage1/a-break-to-test-with.md", "4 KiB", "a page of a PC"),
    (
        "book/chapters/stage1/a-break-to-test-with.md",
        "64 KiB",
        "a page of other machines",
    ),
    ("book/chapters/stage3/large-blocks.md", "10 MB", "an example"),
    ("book/chapters/stage3/large-blocks.md", "128 KiB", "glibc's threshold"),
    (
        "book/chapters/stage3/large-blocks.md",
        "32 MiB",
        "the most that glibc's threshold rises to",
    ),
    (
        "book/chapters/stage3/size-classes.md",
        "56 MiB",
        "the last class: its edge is computed",
    ),
    ("book/chapters/stage3/the-end-of-the-heap.md", "10 MB", "an example"),
    (
        "book/chapters/stage3/the-end-of-the-heap.md",
        "128 KiB",
        "glibc's M_TRIM_THRESHOLD",
    ),
    (
        "book/chapters/stage4/a-break-of-our-own.md",
        "16 GiB",
        "an example of a limit",
    ),
    ("book/exercises/3.3.md", "2 MiB", "what the exercise asks for"),
    ("book/exercises/3.3.md", "128 KiB", "glibc's threshold"),
    ("book/exercises/3.3.md", "64 KiB", "the contract's simulated break"),
];

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "KB", "MB", "GB"];

/// The amounts in a text: `128 KiB`.
fn amounts(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let pairs = words.windows(2).filter_map(|pair| {
        let digit = |it: char| it.is_ascii_digit();
        let number = pair[0].trim_start_matches(|it| !digit(it));
        let unit = pair[1].trim_end_matches(|it: char| !it.is_alphanumeric());
        let is_number = number.ends_with(digit);
        (is_number && UNITS.contains(&unit)).then(|| format!("{number} {unit}"))
    });
    pairs.collect()
}

/// The amounts that a page types. Those from a source are none of them.
fn typed(markdown: &str) -> BTreeSet<String> {
    let passages = passages(markdown).into_iter();
    passages
        .flat_map(|passage| amounts(&passage.text))
        .filter(|amount| !amount.starts_with("0 "))
        .collect()
}

/// The pages of a folder, by their paths from the root of the workspace.
fn pages(folder: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(workspace().join(folder)).expect("a folder");
    let files = entries.map(|entry| entry.expect("a file").path());
    files
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy();
            let text = fs::read_to_string(&path).expect("a text");
            (format!("{folder}/{name}"), text)
        })
        .collect()
}

#[test]
fn an_amount_in_prose_comes_from_a_constant_or_is_somebody_elses() {
    let mut found = BTreeSet::new();
    for (path, text) in FOLDERS.iter().flat_map(|folder| pages(folder)) {
        for amount in typed(&text) {
            found.insert((path.clone(), amount));
        }
    }
    let known: BTreeSet<_> = TYPED
        .iter()
        .map(|(path, amount, _)| (path.to_string(), amount.to_string()))
        .collect();
    let new: Vec<_> = found.difference(&known).collect();
    assert!(
        new.is_empty(),
        "typed by hand: {new:#?}\nTake it from the source with `{{{{#const \
         …}}}}`, or say in this test whose it is"
    );
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(gone.is_empty(), "no page says it any more: {gone:#?}");
}

#[test]
fn a_planted_amount_is_found() {
    let page = "Steps of {{#const stage3-freelist STEP as size}}.\n\n\
                | a | table |\n| --- | --- |\n| one a step of 96 KiB | x |\n\n\
                - (2 MiB, or\n  1.25 MiB)\n\n`64 KiB`\n";
    let expected = ["1.25 MiB", "2 MiB", "96 KiB"].map(str::to_owned);
    assert_eq!(typed(page), BTreeSet::from(expected));
}

#[test]
fn the_book_reads_from_a_source_what_the_compiler_does() {
    let value = |stage: &str, expression: &str| {
        let constants = Constants::read(&workspace().join(stage).join("src"));
        constants.and_then(|it| it.evaluate(expression)).expect(expression)
    };
    let compiled = [STEP, SLACK, DEFAULT].map(|value| value as u128);
    let read =
        ["STEP", "SLACK", "DEFAULT"].map(|name| value("stage3-freelist", name));
    assert_eq!(read, compiled);
    // What the headers of the recorded heaps show.
    assert_eq!(value("stage2-headers", "HEADER"), 32);
    assert_eq!(value("stage3-freelist", "HEADER"), 16);
    let chunk = value("stage5-lifo-stack", "size_of::<Chunk>()");
    assert_eq!(chunk, size_of::<stage5_lifo_stack::heap::Chunk>() as u128);
}

/// *Size classes* says so: a free block of 56 MiB goes on the last list, and a
/// smaller one does not.
#[test]
fn the_last_class_begins_at_56_mib() {
    let constants = Constants::read(&workspace().join("stage3-freelist/src"));
    let constants = constants.expect("a folder of Rust");
    let last = "(EXACT << ((DEFAULT - 1 - EXACT / ALIGN) / PARTS)) / PARTS \
                * (PARTS + (DEFAULT - 1 - EXACT / ALIGN) % PARTS)";
    assert_eq!(constants.evaluate(last), Ok(56 << 20));
}

/// In a copy the step is doubled: the pages say so.
#[test]
fn a_page_follows_its_constant() {
    let copy = tempfile::tempdir().expect("a folder of our own");
    let write = |step: &str| {
        let src = copy.path().join("stage3-freelist/src");
        fs::create_dir_all(&src).expect("a folder");
        let source = format!("const STEP: usize = {step};\n");
        fs::write(src.join("heap.rs"), source).expect("a file");
    };
    let said = |root: &Path, how: &str| {
        let text = format!("{{{{#const stage3-freelist STEP{how}}}}} each");
        constant::replaced(root, &text, |_| false)
    };
    write("128 * 1024");
    assert_eq!(said(copy.path(), " as size").as_deref(), Ok("128 KiB each"));
    write("256 * 1024");
    assert_eq!(said(copy.path(), " as size").as_deref(), Ok("256 KiB each"));
    assert_eq!(said(copy.path(), "").as_deref(), Ok("262,144 each"));
    let refused = said(copy.path(), " as word").expect_err("no word for it");
    assert_eq!(refused, "262144 has no word here");
}
