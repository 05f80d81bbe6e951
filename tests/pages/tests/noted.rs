//! Diffs with notes: each hunk has its note beside it, or the build stops.

use std::fs;
use std::path::Path;

use book::page::Page;
use book::sources::Sources;
use tempfile::TempDir;

const OLD: &str = "\
//! A heap.

use core::ptr;

struct Heap;

impl Heap {
    /// Gives.
    fn malloc() -> *mut u8 {
        ptr::null_mut()
    }

    /// Takes.
    fn free() {}
}
";

const NEW: &str = "\
//! A better heap.

use core::ptr;

struct Heap;

impl Heap {
    /// Gives a block.
    fn malloc() -> *mut u8 {
        let null = ptr::null_mut();
        null
    }

    /// Takes it back.
    fn free() {
        release();
    }

    fn fresh() {}
}

fn release() {}
";

/// A repository with a heap in two folders.
struct Repository(TempDir);

impl Repository {
    fn new() -> Self {
        let this = Self(TempDir::new().unwrap());
        this.write("one/heap.rs", OLD);
        this.write("one/brk.rs", "fn sbrk() {}\n");
        this.write("two/heap.rs", NEW);
        this.write("two/brk.rs", "fn sbrk() {}\n");
        this.write("two/fault.rs", "fn abort() {}\n");
        this
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The Markdown of a diff with these notes.
    fn diff(&self, arguments: &str, notes: &str) -> Result<String, String> {
        let book = self.0.path().join("book");
        let sources = Sources::new(&book, book.join("chapters"));
        let page = format!(
            "# T\n\n{{{{#diff {arguments}}}}}\n\n{notes}\n{{{{/diff}}}}\n\nend\n"
        );
        let page = Page::new(&page).expand(Path::new("one.md"), &sources);
        page.map_err(|mistakes| {
            let texts = mistakes.into_iter().map(|(line, text)| {
                assert_eq!(line, Some(3), "{text}");
                text
            });
            texts.collect::<Vec<_>>().join("\n")
        })
    }
}

const HEAP: &str = "one/heap.rs two/heap.rs";

const NOTES: &str = "\
- `Heap::malloc`: It has a name for
  *null*.
- `Heap::free`: It frees.
- `Heap::fresh` and `release`: Both are new.
";

#[test]
fn a_note_stands_below_its_hunk() {
    let page = Repository::new().diff(HEAP, NOTES).unwrap();
    let [malloc, free, new] =
        ["It has a name for\n*null*.", "It frees.", "Both are new."]
            .map(|note| page.find(note).unwrap_or_else(|| panic!("{page}")));
    let [null, frees] = ["        null\n</ins>", "release();\n</ins>"]
        .map(|code| page.find(code).unwrap_or_else(|| panic!("{page}")));
    assert!(null < malloc && malloc < frees, "{page}");
    assert!(frees < free && free < new, "{page}");
    assert_eq!(page.matches("<div class=\"hunk\">").count(), 3, "{page}");
    assert!(page.ends_with("\nend\n"), "{page}");
    assert!(!page.contains("{{"), "{page}");
}

#[test]
fn a_hunk_of_comments_alone_is_folded() {
    let page = Repository::new().diff(HEAP, NOTES).unwrap();
    let folds = page.matches("with 2 of comments changed");
    assert_eq!(folds.count(), 1, "{page}");
}

/// What is said of the file as a whole belongs to no item: another item that
/// comes first does not change it.
#[test]
fn what_a_file_begins_with_stays_if_another_item_comes_first() {
    let repository = Repository::new();
    let file = "//! A block.\n\n/// How large.\nconst SIZE: usize = 1;\n";
    repository.write("one/heap.rs", file);
    let more = file.replace("\n\n", "\n\nuse core::ptr;\n\n");
    repository.write("two/heap.rs", &more);
    let page = repository.diff(HEAP, "- `use`: A name.\n").unwrap();
    let first = "<span data-n=\"1 1\"";
    assert!(page.contains(first), "no {first} in {page}");
    assert!(!page.contains("<del"), "{page}");
}

/// A line that has moved to the right has not changed in its blanks.
#[test]
fn words_that_stand_out_begin_and_end_with_no_blank() {
    let repository = Repository::new();
    repository.write("one/heap.rs", "fn a() {\n    one(two, three);\n}\n");
    let more = "fn a() {\n    if b {\n        one(two, four);\n    }\n}\n";
    repository.write("two/heap.rs", more);
    let page = repository.diff(HEAP, "- `a`: Another.\n").unwrap();
    assert!(page.contains("<b>"), "no word stands out in {page}");
    for blank in ["<b> ", " </b>"] {
        assert!(!page.contains(blank), "{page}");
    }
}

#[test]
fn a_hunk_without_a_note_stops_the_build() {
    let notes = NOTES.replace("- `Heap::free`: It frees.\n", "");
    let mistake = Repository::new().diff(HEAP, &notes).unwrap_err();
    assert_eq!(
        mistake,
        "the hunk in `Heap::free` (one/heap.rs, line 14) has no note"
    );
}

#[test]
fn a_note_without_a_hunk_stops_the_build() {
    let notes = format!("{NOTES}- `Heap`: It is as it was.\n");
    let mistake = Repository::new().diff(HEAP, &notes).unwrap_err();
    assert_eq!(
        mistake,
        "a note is about `Heap`, and no hunk is. There is: `Heap::malloc`, \
         `Heap::free`, `Heap::fresh`, `release`"
    );
}

#[test]
fn what_is_no_note_stops_the_build() {
    let notes = format!("{NOTES}\nAnd more.\n");
    let mistake = Repository::new().diff(HEAP, &notes).unwrap_err();
    assert!(mistake.starts_with("`And more.` is no note."), "{mistake}");
}

#[test]
fn a_folder_s_diff_tells_of_each_file() {
    let notes = format!(
        "`heap.rs`: It works.\n\n{NOTES}\n`fault.rs`: It ends the process.\n"
    );
    let repository = Repository::new();
    let page = repository.diff("one two", &notes).unwrap();
    for text in [
        "It works.",
        "It ends the process.",
        "<span>two/fault.rs</span> <span>new",
        "Not changed by a byte: `brk.rs`.",
    ] {
        assert!(page.contains(text), "no {text}: {page}");
    }
    let without = notes.replace("`fault.rs`", "`brk.rs`");
    let mistake = repository.diff("one two", &without).unwrap_err();
    assert!(mistake.contains("`fault.rs` changes and has no note"));
    let more = format!("{notes}\n`brk.rs`: It is the same.\n");
    let mistake = repository.diff("one two", &more).unwrap_err();
    assert!(mistake.contains("the file `brk.rs`, and it does not change"));
}

#[test]
fn a_folded_note_stands_behind_a_click() {
    let notes = NOTES.replace("`Heap::free`:", "`Heap::free` (folded):");
    let page = Repository::new().diff(HEAP, &notes).unwrap();
    let fold = "<details class=\"hunk\"><summary><code>Heap::free</code>: ";
    assert!(page.contains(fold), "{page}");
}

#[test]
fn mixed_hunks_have_both_notes_and_each_says_what_it_is_about() {
    let repository = Repository::new();
    repository.write("one/a.rs", "fn a() {}\nfn b() {}\nfn c() {}\n");
    let new = "fn a(x: u8) {}\nfn b(x: u8) {}\nfn c(x: u8) {}\n";
    repository.write("two/a.rs", new);
    let notes = "- `a` and `c`: First.\n- `b`: Second.\n";
    let page = repository.diff("one/a.rs two/a.rs", notes).unwrap();
    assert_eq!(page.matches("<div class=\"hunk\">").count(), 1, "{page}");
    assert!(page.contains("`a`, `c`: First.\n\n`b`: Second."), "{page}");
}
