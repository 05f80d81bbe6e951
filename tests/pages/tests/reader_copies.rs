//! A reader gets a copy of a stage, and nothing that is done to it is lost or
//! in the way.

use std::fs;
use std::process::Command;

use book::empty::{empty, functions};

mod readers;

use readers::Copy;

#[test]
fn a_copy_is_made_where_the_reader_is_told() {
    let repository = Copy::new();
    let told = repository.told(&["practice", "1"]);
    let first = "practice/stage1 is your copy of stage1-bump.\n";
    assert!(told.starts_with(first), "{told}");
    let command = "cargo test --manifest-path practice/stage1/Cargo.toml\n";
    assert!(told.contains(command), "{told}");
    for file in ["src/heap.rs", "tests/contract.rs", "examples/malloc1.rs"] {
        let original = repository.read(&format!("stage1-bump/{file}"));
        let copy = repository.read(&format!("practice/stage1/{file}"));
        assert_eq!(copy, original, "{file}");
    }
}

#[test]
fn a_copy_inherits_nothing() {
    let repository = Copy::new();
    repository.told(&["practice", "3"]);
    let manifest = repository.read("practice/stage3/Cargo.toml");
    assert!(!manifest.contains("workspace = true"), "{manifest}");
    for line in [
        "edition = \"2024\"",
        "libc = \"0.2\"",
        "unsafe_op_in_unsafe_fn = \"deny\"",
        "crate-type = [\"cdylib\"]",
        "[workspace]",
    ] {
        let mut lines = manifest.lines();
        assert!(lines.any(|is| is == line), "no {line} in:\n{manifest}");
    }
    let lock = repository.read("practice/stage3/Cargo.lock");
    assert_eq!(lock, repository.read("Cargo.lock"));
}

#[test]
fn no_exercise_of_a_copy_is_ignored() {
    let repository = Copy::new();
    let tests = "#[test]\n#[ignore = \"exercise 1.1\"]\nfn one() {}\n";
    fs::write(repository.path("stage1-bump/tests/exercises.rs"), tests)
        .unwrap();
    repository.told(&["practice", "1"]);
    let copy = repository.read("practice/stage1/tests/exercises.rs");
    assert_eq!(copy, "#[test]\nfn one() {}\n");
}

#[test]
fn a_copy_is_never_overwritten() {
    let repository = Copy::new();
    repository.told(&["practice", "1"]);
    let mine = repository.path("practice/stage1/src/heap.rs");
    fs::write(&mine, "// mine\n").unwrap();
    let first = "practice/stage1 is there already, and stays as you left it.\n";

    // Whoever wants a copy has one.
    let told = repository.told(&["practice", "1"]);
    assert!(told.starts_with(first), "{told}");
    for how in ["list", "--force", "--empty --force"] {
        let how = format!("cargo run -- practice 1 {how}\n");
        assert!(told.contains(&how), "no {how:?} in {told}");
    }
    assert_eq!(fs::read_to_string(&mine).unwrap(), "// mine\n");

    // Whoever wants an empty one has none.
    let (status, message) = repository.refused(&["practice", "1", "--empty"]);
    assert_eq!(status, Some(1), "{message}");
    assert!(message.starts_with(&format!("error: {first}")), "{message}");
    let how = "cargo run -- practice 1 --empty --force\n";
    assert!(message.contains(how), "no {how:?} in {message}");
    assert_eq!(fs::read_to_string(&mine).unwrap(), "// mine\n");
}

#[test]
fn force_keeps_what_was_there_under_another_name() {
    let repository = Copy::new();
    repository.told(&["practice", "1"]);
    let mine = repository.path("practice/stage1/src/heap.rs");
    for number in 1..3 {
        fs::write(&mine, format!("// mine {number}\n")).unwrap();
        let told = repository.told(&["practice", "1", "--force"]);
        let old = format!("practice/stage1.old-{number}");
        assert!(told.contains(&format!("{old} now.\n")), "{told}");
        let kept = repository.read(&format!("{old}/src/heap.rs"));
        assert_eq!(kept, format!("// mine {number}\n"));
        let new = fs::read_to_string(&mine).unwrap();
        assert_eq!(new, repository.read("stage1-bump/src/heap.rs"));
    }
}

#[test]
fn a_stage_that_does_not_exist_ends_with_status_2() {
    let repository = Copy::new();
    let (status, message) = repository.refused(&["practice", "77"]);
    assert_eq!(status, Some(2), "{message}");
    let line = "there is no stage `77`. There is: `1`, `2`, ";
    assert!(message.starts_with(line), "{message}");
    assert_eq!(message.lines().count(), 2, "{message}");
    let (status, message) = repository.refused(&["practice", "1", "--new"]);
    assert_eq!(status, Some(2), "{message}");
    assert!(message.starts_with("unknown: --new"), "{message}");
    assert!(!repository.path("practice").exists(), "a folder was made");
}

#[test]
fn an_empty_copy_has_bodies_to_write_and_names_the_first_promise() {
    let repository = Copy::new();
    let told = repository.told(&["practice", "3", "--empty"]);
    let first = "--test contract a_block_can_be_written_and_read\n";
    assert!(told.contains(first), "{told}");
    for path in ["src/heap.rs", "src/free_lists.rs"] {
        let source = repository.read(&format!("practice/stage3/{path}"));
        let original = repository.read(&format!("stage3-freelist/{path}"));
        let names = functions(path, &original).unwrap();
        let todos = source.matches("todo!(").count();
        assert_eq!(todos, names.len(), "bodies of {path} to write");
        assert!(!source.contains("todo!()"), "one of {path} says nothing");
    }
}

#[test]
fn a_broken_copy_does_not_stop_the_book() {
    let repository = Copy::new();
    repository.told(&["practice", "1"]);
    for file in ["src/heap.rs", "tests/contract.rs", "Cargo.toml"] {
        let file = repository.path("practice/stage1").join(file);
        fs::write(file, "this is = no code {{").unwrap();
    }
    // Cargo reads all manifests of a workspace before it runs anything.
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(repository.path("book"))
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
    let told = repository.told(&["--no-open"]);
    assert!(told.starts_with("The book is at "), "{told}");
    let first_page = repository.path("target/book/index.html");
    assert!(first_page.is_file(), "there is no {}", first_page.display());
}

const SOURCE: &str = "\
//! Comments stay.

/// This says {what} \"it\" does. See [`early`].
///
/// # Safety
///
/// None.
pub fn plain(
    a: usize,
) -> usize {
    // This goes.
    a + 1
}

pub const fn early() -> usize {
    1
}

impl Heap {
    fn nothing(&self) {}

    /// All of them, from the first to the last, in the order in which they stand.
    fn all(&self) -> impl Iterator<Item = usize> {
        (0..1).map(|a| a)
    }

    fn unnamed(&self) -> impl Fn() {
        || {}
    }
}

impl Debug for Heap {
    fn fmt(&self) -> Result {
        Ok(())
    }
}
";

#[test]
fn a_body_becomes_what_it_must_do_and_all_around_it_stays() {
    let emptied = empty("heap.rs", SOURCE, |name| name == "Heap::nothing");
    let plain =
        "    todo!(\"This says {{what}} \\\"it\\\" does. See `early`.\")\n";
    let all = "\
core::iter::from_fn(|| {
            todo!(
                \"All of them, from the first to the last, in the order in \\
                 which they stand.\"
            )
        })";
    let fmt = "todo!(\"What its name says: `Debug for Heap::fmt(&self) -> Result`.\")";
    let expected = SOURCE
        .replace("    // This goes.\n    a + 1\n", plain)
        .replace("(0..1).map(|a| a)", all)
        .replace("Ok(())", fmt);
    assert_eq!(emptied.unwrap(), expected);
}

#[test]
fn the_bodies_to_write_are_named_in_their_order() {
    assert_eq!(
        functions("heap.rs", SOURCE).unwrap(),
        ["plain", "Heap::nothing", "Heap::all", "Debug for Heap::fmt"]
    );
}

#[test]
fn an_empty_body_is_to_be_written_too() {
    let emptied = empty("heap.rs", "    fn free() {}\n", |_| false);
    let expected = "    fn free() {\n        todo!(\"What its name says: `free()`.\")\n    }\n";
    assert_eq!(emptied.unwrap(), expected);
}
