//! Amounts of memory in the prose of the book and of its exercises.
//!
//! A page takes an amount that is a constant of ours from the source:
//! `{{#const stage3-freelist STEP as size}}`. What it types by hand is somebody
//! else's, or belongs to an example, and stands in a list here. So a constant
//! that changes changes the pages, and nobody types one again.
//!
//! What was measured comes from its file by `{{#result …}}`, and how many there
//! are of something by `{{#count …}}`.
//!
//! Looked at are numbers in front of KiB, MiB, GiB, TiB, KB, MB and GB. Plain
//! bytes are not: most of those are sizes of blocks in examples.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use book::constant::Constants;
use book::inline;
use book::prose::passages;
use stage3_freelist::heap::{DEFAULT, SLACK, STEP};
use timing::workspace::workspace;

/// Where the prose lies.
const FOLDERS: [&str; 13] = [
    "book/chapters/before",
    "book/chapters/stage1",
    "book/chapters/stage2",
    "book/chapters/stage3",
    "book/chapters/stage4",
    "book/chapters/stage5",
    "book/chapters/beyond/claim",
    "book/chapters/beyond/per-thread",
    "book/chapters/beyond/holes",
    "book/chapters/beyond/measured",
    "book/chapters/back",
    "book/chapters/back/real-allocators",
    "book/exercises",
];

/// Amounts that are typed, and whose they are.
const TYPED: &[(&str, &str, &str)] = &[
    (
        "book/chapters/before/where-the-heap-lives.md",
        "8 MiB",
        "what Linux lets a stack grow to",
    ),
    ("book/chapters/stage1/a-break-to-test-with.md", "4 KiB", "a page of a PC"),
    (
        "book/chapters/stage1/a-break-to-test-with.md",
        "64 KiB",
        "a page of other machines",
    ),
    ("book/chapters/stage3/large-blocks.md", "10 MiB", "an example"),
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
    ("book/chapters/stage3/the-end-of-the-heap.md", "40 MB", "an example"),
    ("book/chapters/stage3/the-end-of-the-heap.md", "5 MB", "an example"),
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
    (
        "book/chapters/beyond/claim/what-it-costs.md",
        "32 KB",
        "the buffer of ls for a folder",
    ),
    (
        "book/chapters/beyond/measured/what-is-not-shown.md",
        "4 KiB",
        "a page of the machine",
    ),
    (
        "book/chapters/beyond/measured/without-fooling-yourself.md",
        "4 MiB",
        "the block of an example",
    ),
    (
        "book/chapters/back/real-allocators/two-generations.md",
        "256 MiB",
        "the question of a row",
    ),
    (
        "book/chapters/back/what-surprised-us.md",
        "1 MiB",
        "the blocks of a script in findings",
    ),
    (
        "book/chapters/back/what-surprised-us.md",
        "8 MiB",
        "jemalloc's oversize_threshold",
    ),
    (
        "book/chapters/back/real-allocators/dlmalloc-and-glibc.md",
        "64 MiB",
        "glibc's HEAP_MAX_SIZE",
    ),
    (
        "book/chapters/back/real-allocators/in-the-kernel.md",
        "4 MiB",
        "the kernel's order 10",
    ),
    (
        "book/chapters/back/real-allocators/jemalloc.md",
        "14 KiB",
        "jemalloc's small classes",
    ),
    (
        "book/chapters/back/real-allocators/jemalloc.md",
        "32 KiB",
        "jemalloc's tcache_max",
    ),
    (
        "book/chapters/back/real-allocators/jemalloc.md",
        "1 MiB",
        "the blocks of a question to two generations",
    ),
    (
        "book/chapters/back/real-allocators/jemalloc.md",
        "8 MiB",
        "jemalloc's oversize_threshold",
    ),
    (
        "book/chapters/back/real-allocators/mimalloc.md",
        "4 KiB",
        "mimalloc's MI_MAX_EXTEND_SIZE",
    ),
    (
        "book/chapters/back/real-allocators/mimalloc.md",
        "32 MiB",
        "a segment of mimalloc 2.0",
    ),
    (
        "book/chapters/back/real-allocators/mimalloc.md",
        "64 KiB",
        "mimalloc's slabs",
    ),
    (
        "book/chapters/back/real-allocators/seen-from-outside.md",
        "64 KiB",
        "mimalloc's slabs",
    ),
    (
        "book/chapters/back/real-allocators/snmalloc.md",
        "16 KiB",
        "snmalloc's chunks",
    ),
    (
        "book/chapters/back/real-allocators/tcmalloc.md",
        "2 MiB",
        "a huge page of x86-64",
    ),
    (
        "book/chapters/back/real-allocators/tcmalloc.md",
        "8 KiB",
        "tcmalloc's pages",
    ),
    (
        "book/chapters/beyond/per-thread/measured.md",
        "256 GiB",
        "snmalloc's table",
    ),
    (
        "book/chapters/beyond/per-thread/segments.md",
        "64 TiB",
        "what a first design reserved",
    ),
    (
        "book/chapters/beyond/per-thread/segments.md",
        "16 GiB",
        "a thread's share of it",
    ),
    (
        "book/chapters/beyond/per-thread/segments.md",
        "4,096 MiB",
        "the limit of an example",
    ),
    (
        "book/chapters/beyond/per-thread/segments.md",
        "16 KiB",
        "the segment of an example",
    ),
    (
        "book/chapters/beyond/per-thread/segments.md",
        "3 MiB",
        "what a test allows",
    ),
    (
        "book/chapters/beyond/holes/large-blocks.md",
        "2 MiB",
        "an alignment, as an example",
    ),
    ("book/exercises/3.5.md", "32 MiB", "the most that stays"),
    ("book/exercises/3.5.md", "64 MiB", "glibc's most"),
    ("book/exercises/3.3.md", "2 MiB", "what the exercise asks for"),
    ("book/exercises/3.3.md", "128 KiB", "glibc's threshold"),
    ("book/exercises/3.3.md", "64 KiB", "the contract's simulated break"),
];

const UNITS: [&str; 7] = ["KiB", "MiB", "GiB", "TiB", "KB", "MB", "GB"];

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
        inline::replaced(root, &text, |_| false)
    };
    write("128 * 1024");
    assert_eq!(said(copy.path(), " as size").as_deref(), Ok("128 KiB each"));
    write("256 * 1024");
    assert_eq!(said(copy.path(), " as size").as_deref(), Ok("256 KiB each"));
    assert_eq!(said(copy.path(), "").as_deref(), Ok("262,144 each"));
    let refused = said(copy.path(), " as word").expect_err("no word for it");
    assert_eq!(refused, "262144 has no word here");
}

/// A repository with one file of results, of which a page tells.
fn measured(ls: u32) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder of our own");
    let write = |path: &str, text: String| {
        let path = root.path().join(path);
        let folder = path.parent().expect("a folder");
        fs::create_dir_all(folder).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    let rows = format!(
        "threads,allocator,ns\n1,per thread,{ls}\n2,per thread,60\n\
         4,per thread,80\n1,glibc,2e2\n2,glibc,300\n4,glibc,1234567\n"
    );
    write("tests/bench/results/threads.csv", rows);
    let gaps = "allocator,ns\nglibc,\n";
    write("tests/bench/results/gaps.csv", gaps.into());
    let printed = "# command: x\n# system: y\n# compare: exact\n\n\
                   10 rounds  1,150 bytes ±20 ×2.5\nten  -\nten  5\n";
    write("book/captured/x.txt", printed.into());
    for name in ["a.rs", "b.rs", "common/mod.rs", "notes.txt"] {
        write(&format!("stage1/tests/{name}"), String::new());
    }
    root
}

/// What a directive stands for, or what is wrong with it.
fn said(root: &Path, directive: &str) -> String {
    let text = format!("{{{{#{directive}}}}}");
    inline::replaced(root, &text, |_| false).unwrap_or_else(|error| error)
}

#[test]
fn a_page_follows_its_result() {
    let question = "result threads: 1,per thread: ns / ns of 1,glibc as 1 %";
    for (ns, expected) in [(50, "25 %"), (100, "50 %")] {
        assert_eq!(said(measured(ns).path(), question), expected);
    }
}

#[test]
fn a_result_is_written_as_the_page_asks() {
    let root = measured(50);
    let of_rows = [
        ("1,per thread: ns as 1", "50"),
        ("1,per thread: ns as 20", "60"),
        ("4,glibc: ns as 0.1 MB", "1.2 MB"),
        ("4,glibc: ns as 1", "1,234,567"),
        ("1,per thread: ns / 2048 as 0.001 KiB", "0.000 KiB"),
        ("1,per thread: ns - 60 as 1", "−10"),
        ("1,per thread: ns / 2 + 5 as 10", "30"),
        ("1,per thread: ns / ns of 2,per thread as fraction", "five sixths"),
        ("median *,per thread: ns as 0.1", "60.0"),
        ("least *,per thread: ns as 1", "50"),
        ("most *,per thread: ns as 1", "80"),
        ("count *,per thread: ns > 50 as word", "two"),
        ("count *,per thread: ns < 55 as word", "one"),
    ];
    for (question, expected) in of_rows {
        let question = format!("result threads: {question}");
        assert_eq!(said(root.path(), &question), expected, "{question}");
    }
    let line = |place| {
        said(root.path(), &format!("result captured/x: 10 rounds: {place}"))
    };
    assert_eq!(line("#2 as 10"), "1,150");
    assert_eq!(line("#3 as 0.1"), "2.5");
    assert_eq!(said(root.path(), "count tests stage1"), "two");
    assert_eq!(said(root.path(), "count plot threads"), "two");
}

#[test]
fn a_result_that_is_not_there_stops_the_build() {
    let root = measured(50);
    let wrong = [
        ("result threads: ns as 1", "other arguments"),
        ("result thread: 1,glibc: ns as 1", "thread.csv is not there"),
        ("result threads: 3,glibc: ns as 1", "no row `3,glibc`"),
        ("result threads: 1: ns as 1", "more than one row `1`"),
        ("result threads: median 3: ns as 1", "no row `3`"),
        ("result threads: 1,glibc: ms as 1", "no column `ms`"),
        ("result gaps: glibc: ns as 1", "and no number"),
        ("result threads: 1,glibc: ns / 0 as 1", "is no number"),
        ("result threads: count 1: ns as word", "is a comparison"),
        ("result threads: 1,glibc: ns as 1 MW", "not as `1 MW`"),
        ("result threads: 1,glibc: ns as 0", "not as `0`"),
        ("result threads: 1,glibc: ns as word", "has no word"),
        ("result threads: 1,glibc: ns as fraction", "near no fraction"),
        ("result captured/y: a: #1 as 1", "y.txt is not there"),
        ("result captured/x: ten: #1 as 1", "more than one row `ten`"),
        ("result captured/x: 10 rounds: #4 as 1", "has 3 numbers"),
        ("result captured/x: 10 rounds: 2nd as 1", "no number of a line"),
        ("count plot thread", "Did you mean `threads`?"),
        ("count tests stage9", "no folder stage9/tests"),
        ("count sheep", "other arguments"),
    ];
    for (directive, expected) in wrong {
        let error = said(root.path(), directive);
        assert!(error.contains(expected), "{directive}: {error}");
    }
}

#[test]
fn what_a_heap_says_is_the_line_that_a_test_expects() {
    let root = tempfile::tempdir().expect("a folder of our own");
    let tests = "fn twice() { ends_with(\"malloc: it is free: 0x\", 1); }\n\
                 fn once() {}\n";
    fs::write(root.path().join("t.rs"), tests).expect("a file");
    assert_eq!(said(root.path(), "said t.rs twice"), "it is free");
    let wrong = [
        ("said t.rs once", "expects no line"),
        ("said t.rs trice", "Did you mean `twice`?"),
        ("said u.rs twice", "no file u.rs"),
        ("said t.rs", "the name of a test"),
    ];
    for (directive, expected) in wrong {
        let error = said(root.path(), directive);
        assert!(error.contains(expected), "{directive}: {error}");
    }
}
