//! An exercise is put into a page with all its parts, and a part that is
//! missing or wrong stops the build.

use std::ops::Deref;
use std::path::Path;

use book::exercise::{self, Test};
use book::page::Page;

mod small;

use small::Small;

const HEAP: &str = "\
//! A heap.

/// How many.
pub const FEW: usize = 1;

/// Does nothing.
pub fn free() {}
";

const TEXT: &str = "\
# Count to two
minutes: 10
page: stage1/the-heap.md

## Task

Let `FEW` be *two*.

## Hint 1

Look at **FEW**.

## Hint 2

One and one.

## Why

Two is more.
";

const SOLUTION: &str = "\
--- a/src/heap.rs
+++ b/src/heap.rs
@@ -3,3 +3,3 @@
 /// How many.
-pub const FEW: usize = 1;
+pub const FEW: usize = 2;
 
";

const WRONG: &str = "\
--- a/src/heap.rs
+++ b/src/heap.rs
@@ -4 +4 @@
-pub const FEW: usize = 1;
+pub const FEW: usize = 3;
";

const TESTS: &str = "\
#[test]
#[ignore = \"exercise 1.1\"]
fn few_are_two() {}

#[test]
fn another() {}
";

/// A repository with one stage, one page and one exercise.
struct Repository(Small);

impl Deref for Repository {
    type Target = Small;

    fn deref(&self) -> &Small {
        &self.0
    }
}

impl Repository {
    fn new() -> Self {
        Self(Small::new(&[
            ("stage1-bump/Cargo.toml", ""),
            ("stage1-bump/src/heap.rs", HEAP),
            ("stage1-bump/tests/exercises.rs", TESTS),
            ("book/chapters/stage1/the-heap.md", "# The heap\n"),
            ("book/exercises/1.1.md", TEXT),
            ("book/solutions/1.1.patch", SOLUTION),
            ("book/solutions/1.1.wrong.patch", WRONG),
        ]))
    }

    fn expand(&self, path: &str) -> String {
        let page = Page::new("# T\n\nSome words.\n\n{{#exercise 1.1}}\n");
        page.expand(Path::new(path), &self.sources()).unwrap()
    }

    /// What it says about the exercise if its text has `new` for `old`.
    fn mistake_in_text(&self, old: &str, new: &str) -> String {
        assert!(TEXT.contains(old), "{old:?} is not in {TEXT}");
        self.write("book/exercises/1.1.md", &TEXT.replacen(old, new, 1));
        let mistake = self.mistake("{{#exercise 1.1}}");
        let rest = mistake.strip_prefix("book/exercises/1.1.md ");
        rest.unwrap_or_else(|| panic!("no file in {mistake}")).to_owned()
    }

    /// What it says about the exercise if its solution has `new` for `old`.
    fn mistake_in_solution(&self, old: &str, new: &str) -> String {
        assert!(SOLUTION.contains(old), "{old:?} is not in {SOLUTION}");
        let patch = SOLUTION.replacen(old, new, 1);
        self.write("book/solutions/1.1.patch", &patch);
        let mistake = self.mistake("{{#exercise 1.1}}");
        let rest = mistake.strip_prefix("book/solutions/1.1.patch ");
        rest.unwrap_or_else(|| panic!("no file in {mistake}")).to_owned()
    }
}

#[test]
fn an_exercise_shows_its_parts_in_order() {
    let page = Repository::new().expand("one.md");
    let mut rest = page.as_str();
    for part in [
        "\n## Exercise 1.1: Count to two\n",
        "10 minutes, after [The heap](stage1/the-heap.md).",
        "\nLet `FEW` be *two*.\n",
        "`cargo run -- practice 1`",
        "\ncargo test --manifest-path practice/stage1/Cargo.toml \
         --test exercises few_are_two\n",
        "<details class=\"hint\">\n<summary>Hint 1</summary>\n\nLook at **FEW**.\n\n",
        "<details class=\"hint\">\n<summary>Hint 2</summary>\n\nOne and one.\n\n",
        "<details class=\"hint\">\n<summary>Solution</summary>\n\n",
        "<span>stage1-bump/src/heap.rs</span> <span>+1 −1<a class=\"permalink\"",
        "<del data-n=\"4  \">",
        "<ins data-n=\"  4\">",
        "\nTwo is more.\n\n</details>\n",
    ] {
        let (_, behind) = rest
            .split_once(part)
            .unwrap_or_else(|| panic!("no {part:?} here:\n{rest}"));
        rest = behind;
    }
}

#[test]
fn the_page_to_read_is_linked_from_where_the_exercise_stands() {
    let page = Repository::new().expand("stage1/deep/one.md");
    let link = "[The heap](../../stage1/the-heap.md)";
    assert!(page.contains(link), "{page}");
}

#[test]
fn title_and_task_count_as_words_of_the_page() {
    // T, Some words, Count to two, Let FEW be two.
    let page = Page::new("# T\n\nSome words.\n\n{{#exercise 1.1}}\n");
    let repository = Repository::new();
    let sources = repository.sources();
    let length = page.length(Path::new("one.md"), &sources);
    assert_eq!(length.words, 10);
}

#[test]
fn a_page_takes_as_long_to_do_as_its_exercises() {
    let repository = Repository::new();
    let page = repository.expand("one.md");
    assert!(page.contains(">1 min to read · 10 min to do<"), "{page}");
    let text = TEXT.replace("minutes: 10\n", "minutes: 225\n");
    repository.write("book/exercises/1.1.md", &text);
    let page = repository.expand("one.md");
    assert!(page.contains(">1 min to read · 3 h 45 min to do<"), "{page}");
}

#[test]
fn an_unknown_exercise_stops_the_build() {
    assert_eq!(
        Repository::new().mistake("{{#exercise 1.2}}"),
        "there is no exercise `1.2`. Did you mean `1.1`? Write \
         book/exercises/1.2.md, or take one that there is: `1.1`"
    );
}

#[test]
fn an_exercise_of_an_unknown_stage_stops_the_build() {
    let repository = Repository::new();
    repository.write("book/exercises/7.1.md", TEXT);
    assert_eq!(
        repository.mistake("{{#exercise 7.1}}"),
        "exercise `7.1`: there is no stage `7`. There is: `1`"
    );
}

#[test]
fn an_exercise_without_a_test_stops_the_build() {
    let repository = Repository::new();
    let expected = "exercise `1.1` has no test. Write one in \
         stage1-bump/tests/exercises.rs with `#[ignore = \"exercise 1.1\"]`";
    let tests = TESTS.replace("1.1", "1.2");
    repository.write("stage1-bump/tests/exercises.rs", &tests);
    assert_eq!(repository.mistake("{{#exercise 1.1}}"), expected);
    repository.remove("stage1-bump/tests/exercises.rs");
    assert_eq!(repository.mistake("{{#exercise 1.1}}"), expected);
}

#[test]
fn an_exercise_with_two_tests_stops_the_build() {
    let repository = Repository::new();
    let tests = TESTS.to_owned() + &TESTS.replace("few_are", "they_are");
    repository.write("stage1-bump/tests/exercises.rs", &tests);
    assert_eq!(
        repository.mistake("{{#exercise 1.1}}"),
        "exercise `1.1` has more than one test in \
         stage1-bump/tests/exercises.rs: `few_are_two`, `they_are_two`"
    );
}

#[test]
fn an_exercise_without_a_solution_stops_the_build() {
    for name in ["1.1.patch", "1.1.wrong.patch"] {
        let repository = Repository::new();
        repository.remove(&format!("book/solutions/{name}"));
        let mistake = repository.mistake("{{#exercise 1.1}}");
        let expected = format!("there is no book/solutions/{name}. Write it ");
        assert!(mistake.starts_with(&expected), "{mistake}");
    }
}

#[test]
fn an_exercise_about_a_page_that_does_not_exist_stops_the_build() {
    let repository = Repository::new();
    let mistake =
        repository.mistake_in_text("stage1/the-heap.md", "stage1/heap.md");
    let expected = "sends the reader to `stage1/heap.md`. There is no such";
    assert!(mistake.starts_with(expected), "{mistake}");
}

#[test]
fn a_text_in_the_wrong_form_stops_the_build() {
    let repository = Repository::new();
    for (old, new, expected) in [
        ("# Count", "Count", "has `Count to two` in line 1 instead of `# …`"),
        ("minutes: 10\n", "", "has `page: stage1/the-heap.md` in line 2"),
        ("10", "ten", "has `ten` instead of whole minutes"),
        ("## Task", "Well.\n\n## Task", "has text in front of `## Task`"),
        ("## Hint 2\n", "", "has no line `## Hint 2`"),
        ("One and one.", "", "has nothing in front of `## Why`"),
        ("Two is more.", "", "has nothing under `## Why`"),
    ] {
        let mistake = repository.mistake_in_text(old, new);
        assert!(mistake.starts_with(expected), "{old:?}: {mistake}");
    }
}

#[test]
fn a_solution_that_does_not_fit_to_the_line_stops_the_build() {
    let repository = Repository::new();
    for (old, new, expected) in [
        (
            "-3,3 +3,3",
            "-2,3 +2,3",
            "does not fit src/heap.rs at `@@ -2,3 +2,3 @@`: line 2 of the \
             file is ``, and the patch has `/// How many.`",
        ),
        (
            "-3,3 +3,3",
            "-6,3 +6,3",
            "does not fit src/heap.rs at `@@ -6,3 +6,3 @@`: the file has 7 \
             lines only",
        ),
        (
            "usize = 1",
            "u32 = 1",
            "does not fit src/heap.rs at `@@ -3,3 +3,3 @@`: line 4 of the \
             file is `pub const FEW: usize = 1;`, and the patch has \
             `pub const FEW: u32 = 1;`",
        ),
        ("@@ -3,3 ", "@@ -3,4 ", "is no patch: "),
        ("--- a/src/heap.rs", "--- a/src/hep.rs", "changes more than "),
    ] {
        let mistake = repository.mistake_in_solution(old, new);
        assert!(mistake.starts_with(expected), "{new:?}: {mistake}");
    }
}

#[test]
fn a_patch_of_several_hunks_and_files_changes_them_all() {
    let repository = Repository::new();
    let stage = repository.path("stage1-bump");
    let patch = "\
--- a/src/heap.rs
+++ b/src/heap.rs
@@ -1,2 +1,3 @@
 //! A heap.
+//! It is small.
 
@@ -6,2 +7 @@
-/// Does nothing.
 pub fn free() {}
--- /dev/null
+++ b/src/new.rs
@@ -0,0 +1 @@
+//! New.
";
    let changes = book::patch::changes(&stage, patch).unwrap();
    let texts: Vec<_> =
        changes.iter().map(|change| (&*change.path, &*change.text)).collect();
    let heap = HEAP
        .replace("A heap.\n", "A heap.\n//! It is small.\n")
        .replace("/// Does nothing.\n", "");
    assert_eq!(texts, [("src/heap.rs", &*heap), ("src/new.rs", "//! New.\n")]);
}

#[test]
fn the_exercises_are_counted_in_order() {
    let repository = Repository::new();
    for number in ["2.1", "1.10", "1.9"] {
        repository.write(&format!("book/exercises/{number}.md"), TEXT);
    }
    let numbers = exercise::numbers(&repository.sources());
    assert_eq!(numbers, ["1.1", "1.9", "1.10", "2.1"]);
}

#[test]
fn the_tests_of_a_file_are_found_with_their_exercises() {
    let tests = exercise::tests("exercises.rs", TESTS).unwrap();
    let test = |name: &str, exercise: Option<&str>| Test {
        name: name.into(),
        exercise: exercise.map(Into::into),
    };
    let expected = [test("few_are_two", Some("1.1")), test("another", None)];
    assert_eq!(tests, expected);
}

#[test]
fn exercises_that_are_switched_on_are_ignored_no_more() {
    let switched_on = exercise::switched_on(TESTS);
    let expected = TESTS.replace("#[ignore = \"exercise 1.1\"]\n", "");
    assert_eq!(switched_on, expected);
}
