//! Who practises can ask what there is to do, how far the copy has come, and
//! for a hint.

use std::fs;
use std::path::Path;
use std::process::ExitStatus;

use book::check::{Failure, Step};
use book::failure;
use timing::workspace::workspace;

mod readers;

use readers::Copy;

/// What `check` prints, and whether it says that the copy is the stage.
fn check(repository: &Copy, stage: &str) -> (String, bool, String) {
    let output = repository.run(&["practice", stage, "check"]);
    let text = |bytes| String::from_utf8(bytes).expect("it prints text");
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 1)), "it ended with {code:?}");
    (text(output.stdout), code == Some(0), text(output.stderr))
}

#[track_caller]
fn expect_in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            panic!("{part:?} is missing, or in another place, in:\n{text}");
        };
        rest = after;
    }
}

#[test]
fn the_list_has_milestones_and_exercises_with_minutes_and_pages() {
    let repository = Copy::new();
    let told = repository.told(&["practice", "3", "list"]);
    expect_in_order(
        &told,
        &[
            "walk",
            "60 minutes",
            "after \"Boundary tags\"",
            "give-back",
            "Exercises",
            "3.1",
            "10 minutes  Look before you unlink, after \"One list of free blocks\"",
            "3.4",
            "You have no copy yet. To make one: cargo run -- practice 3\n",
        ],
    );
    assert!(!repository.path("practice").exists(), "a list makes no copy");
    repository.told(&["practice", "3"]);
    let told = repository.told(&["practice", "3", "list"]);
    let how = "cargo run -- practice 3 check\n";
    assert!(told.ends_with(how), "{how:?} is not at the end of {told}");
    // A stage without milestones has exercises all the same.
    let told = repository.told(&["practice", "1", "list"]);
    assert!(told.starts_with("Exercises"), "{told}");
}

#[test]
fn hints_come_one_by_one_and_are_remembered_in_the_copy() {
    let repository = Copy::new();
    repository.told(&["practice", "3", "--empty"]);
    let hint = || repository.told(&["practice", "3", "hint", "tags"]);
    for number in 1..=3 {
        let told = hint();
        let start = format!("tags (Tags on both sides), hint {number} of 3:\n");
        assert!(told.starts_with(&start), "{start:?} does not start {told:?}");
        assert!(!told.contains("the last one"), "{told}");
    }
    let told = hint();
    assert!(told.contains("hint 3 of 3"), "{told}");
    assert!(told.contains("That was the last one."), "{told}");
    let again = "practice 3 hint tags 1\n";
    assert!(told.ends_with(again), "{again:?} does not end {told:?}");
    // Another one has hints of its own. An exercise has two.
    let other = repository.told(&["practice", "3", "hint", "3.1"]);
    assert!(other.contains("hint 1 of 2"), "{other}");
    // A file that is damaged is as good as none.
    fs::write(repository.path("practice/stage3/progress.json"), "{").unwrap();
    assert!(hint().contains("hint 1 of 3"));
    // A new copy has seen none.
    repository.told(&["practice", "3", "--empty", "--force"]);
    assert!(hint().contains("hint 1 of 3"));
}

#[test]
fn a_hint_can_be_asked_for_by_its_number_and_by_a_test() {
    let repository = Copy::new();
    repository.told(&["practice", "3", "--empty"]);
    let hint = |words: &[&str]| {
        repository.told(&[&["practice", "3", "hint"], words].concat())
    };
    let start = "tags (Tags on both sides), hint";
    for (words, number) in [
        (&["tags"][..], 1),
        (&["tags"], 2),
        // An earlier one again: the next one is still the third.
        (&["tags", "1"], 1),
        (&["tags"], 3),
        (&["tags", "2"], 2),
        (&["a_pointer_into_a_block_is_noticed", "3"], 3),
        (&["a_pointer_into_a_block_is_noticed"], 3),
    ] {
        let (told, start) = (hint(words), format!("{start} {number} of 3:\n"));
        assert!(told.starts_with(&start), "{words:?}: {start:?}: {told:?}");
    }
    // One that was asked for by its number does not count as seen.
    assert!(hint(&["walk", "3"]).contains("hint 3 of 3"));
    assert!(hint(&["walk"]).contains("hint 1 of 3"));
    for number in ["0", "4"] {
        let arguments = ["practice", "3", "hint", "tags", number];
        let (status, message) = repository.refused(&arguments);
        assert_eq!(status, Some(1), "{message}");
        let said = format!("`tags` has no hint {number}. It has 3: 1 to 3");
        assert!(message.contains(&said), "{said:?} is not in {message:?}");
    }
}

#[test]
fn who_asks_for_what_is_not_there_is_told_what_there_is() {
    let repository = Copy::new();
    for words in [&["check"][..], &["hint"], &["hint", "walk"]] {
        let arguments = [&["practice", "3"], words].concat();
        let (status, message) = repository.refused(&arguments);
        assert_eq!(status, Some(1), "{arguments:?}: {message}");
        let start = "error: there is no practice/stage3 yet. To make it: ";
        assert!(message.starts_with(start), "{message}");
    }
    repository.told(&["practice", "3"]);
    let (status, message) =
        repository.refused(&["practice", "3", "hint", "wlak"]);
    assert_eq!(status, Some(1), "{message}");
    assert!(message.contains("Did you mean `walk`?"), "{message}");
    for (words, said) in [
        (&["chekc"][..], "`chekc` is unknown. Did you mean `check`?\n"),
        (&["list", "3.1"], "`3.1` is too much\n"),
        (&["hint", "tags", "two"], "`two` is no number of a hint\n"),
        (&["hint", "tags", "2", "3"], "`3` is too much\n"),
        (&["check", "--empty"], "`--empty` and `--force` are for a new copy\n"),
    ] {
        let arguments = [&["practice", "3"], words].concat();
        let (status, message) = repository.refused(&arguments);
        assert_eq!(status, Some(2), "{arguments:?}: {message}");
        assert!(message.starts_with(said), "{message}");
    }
}

/// What is told of a test whose process wrote this.
fn told_of(errors: &str) -> String {
    let (file, test) = ("checkpoints".to_owned(), "it_holds".to_owned());
    let step = Step { file, test, milestone: None };
    let failure = Failure::Failed(ExitStatus::default(), errors.to_owned());
    failure::told(Path::new("nowhere"), &step, &failure)
}

#[test]
fn addresses_are_short_as_in_the_drawings_and_say_how_far_apart_they_are() {
    let told = |is: &str, should_be: &str| {
        told_of(&format!(
            "thread 'it_holds' panicked at tests/checkpoints.rs:9:5:\n\
             assertion `left == right` failed: the place\n  left: {is}\n \
             right: {should_be}\nnote: run with `RUST_BACKTRACE=1`\n"
        ))
    };
    for (got, wanted, expected) in [
        (
            "0x7f2a10",
            "0x7f2a80",
            ["0x…a80", "0x…a10, which is 112 bytes below"],
        ),
        (
            "0x7f3010",
            "0x7f2fff",
            ["0x…2fff", "0x…3010, which is 17 bytes above"],
        ),
        ("0x7f0001", "0x7f0002", ["0x…002", "0x…001, which is 1 byte below"]),
        ("0x0", "0x7f2a80", ["0x7f2a80", "0x0"]),
        ("0x7f2a80", "12", ["12", "0x7f2a80"]),
    ] {
        let [should_be, is] = expected.map(|value| format!(": {value}"));
        expect_in_order(
            &told(got, wanted),
            &["should be", &should_be, "but is", &is],
        );
    }
}

#[test]
fn an_address_in_the_line_of_a_fault_is_found_in_the_drawings() {
    let fault = "malloc: this is no block of the heap: ";
    let told = told_of(&format!("{fault}0x55bc033800a0\n"));
    expect_in_order(&told, &[fault, "0x55bc033800a0", "last digits: 0x…0a0\n"]);
    let told = told_of(&format!("{fault}0x0\n"));
    expect_in_order(&told, &[fault, "The address 0x0 is null.\n"]);
}

#[test]
#[ignore = "compiles stage 3: .ci/run runs it"]
fn an_empty_copy_is_told_which_body_to_write_first() {
    let repository = Copy::new();
    repository.told(&["practice", "3", "--empty"]);
    let (told, is_stage, _) = check(&repository, "3");
    println!("{told}");
    assert!(!is_stage, "an empty copy is no stage");
    expect_in_order(
        &told,
        &[
            "0 of ",
            " tests pass, taken in order.\n",
            "milestone 1 of 6, walk",
            "a block can be written and read\n",
            "`Heap::malloc` is still to be written (src/heap.rs, line ",
            "Returns a block of at least `size` bytes, aligned to `ALIGN`",
            "\"Boundary tags\" (target/book/stage3/boundary-tags.html)",
            "--test contract a_block_can_be_written_and_read\n",
            "cargo run -- practice 3 hint\n",
        ],
    );
    assert!(!told.contains("earlier check"), "it is the first: {told}");
    let told = repository.told(&["practice", "3", "hint"]);
    assert!(told.starts_with("walk ("), "{told}");

    // Whoever breaks at the third milestone what the first one had is told so.
    let progress = repository.path("practice/stage3/progress.json");
    let text = fs::read_to_string(&progress).expect("it remembers");
    let once = "\"once\": []";
    assert!(text.contains(once), "no {once} in {text}");
    let twice = text.replace(once, "\"once\": [\"walk\", \"tags\"]");
    fs::write(&progress, twice).expect("a copy of ours");
    for _ in 0..2 {
        let (told, ..) = check(&repository, "3");
        let first = "At an earlier check these were: walk, tags, done. ";
        assert!(told.starts_with(first), "{first:?} does not start {told}");
        let hints = "join? Its hints: cargo run -- practice 3 hint join\n";
        expect_in_order(&told, &[hints, "0 of ", "milestone 1 of 6, walk"]);
    }

    let told = repository.told(&["practice", "3", "hint", "3"]);
    let third = told.starts_with("walk (") && told.contains("hint 3 of 3");
    assert!(third, "{told}");
    let told = repository.told(&["practice", "3", "list"]);
    expect_in_order(&told, &["to do  walk", "to do  3.4", "at the last check"]);
}

#[test]
#[ignore = "compiles stage 3: .ci/run runs it"]
fn a_whole_copy_is_the_stage_and_its_exercises_are_still_to_do() {
    let repository = Copy::new();
    repository.told(&["practice", "3"]);
    let (told, is_stage, _) = check(&repository, "3");
    println!("{told}");
    assert!(is_stage, "{told}");
    let first = told.lines().next().unwrap_or_default();
    let end = " tests pass. What is in your copy is stage3-freelist.";
    assert!(first.ends_with(end), "{first}");
    let empty = "cargo run -- practice 3 --empty --force\n";
    assert!(!told.contains("have not looked"), "nobody has written it: {told}");
    expect_in_order(
        &told,
        &[
            "no empty\ncopy, and green says nothing yet",
            empty,
            "to do  3.1",
            "to do  3.2",
            "to do  3.4",
        ],
    );
    let told = repository.told(&["practice", "3", "list"]);
    expect_in_order(&told, &["done  walk", "done  give-back", "to do  3.1"]);

    // Whoever does an exercise sees that it is done.
    let heap = "practice/stage3/src/free_lists.rs";
    let solution = workspace().join("book/solutions/3.1.patch");
    let solution = fs::read_to_string(solution).unwrap();
    let stage = workspace().join("stage3-freelist");
    for change in book::patch::changes(&stage, &solution).unwrap() {
        let path = format!("practice/stage3/{}", change.path);
        fs::write(repository.path(&path), change.text).unwrap();
    }
    let (told, is_stage, errors) = check(&repository, "3");
    assert!(is_stage, "{heap}: {told}{errors}");
    assert!(!told.contains(empty), "somebody has changed it: {told}");
    expect_in_order(
        &told,
        &[
            "done  3.1",
            "to do  3.2",
            "have not looked yet",
            "cargo run -- score practice/stage3\n",
            "cargo build --manifest-path practice/stage3/Cargo.toml --example \
             malloc3\n",
            "LD_PRELOAD=practice/stage3/target/debug/examples/libmalloc3.so ls\n",
            "cargo test --config 'paths=[\"practice/stage3\"]' -p tests --test \
             shadow stage_3\n",
            "\"When it goes wrong\"",
            "cargo +nightly miri test --manifest-path \
             practice/stage3/Cargo.toml --test contract box\n",
        ],
    );

    // Who changes what is looked for has not found it.
    let tests = repository.path("practice/stage3/tests/checkpoints.rs");
    let text = fs::read_to_string(&tests).unwrap();
    fs::write(&tests, text + "\n// Mine.\n").unwrap();
    let (told, is_stage, _) = check(&repository, "3");
    assert!(!is_stage, "{told}");
    assert!(told.contains("tests/checkpoints.rs is changed"), "{told}");
}

#[test]
fn where_nobody_wrote_a_hint_the_comment_of_what_is_missing_is_one() {
    let repository = Copy::new();
    for stage in ["1", "2", "4", "5"] {
        repository.told(&["practice", stage, "--empty"]);
        let told = repository.told(&["practice", stage, "hint"]);
        let folder = repository.path(&format!("practice/stage{stage}"));
        let heap = fs::read_to_string(folder.join("src/heap.rs")).unwrap();
        assert!(heap.contains("todo!"), "stage {stage} is empty");
        expect_in_order(
            &told,
            &[
                "What fails first is ",
                "is still to be written (src/",
                "To read: ",
            ],
        );
        // Of what it must do there is at least a line.
        let hint = told.split_once("):\n").expect(&told).1;
        assert!(hint.starts_with("  "), "stage {stage}: {told}");
        let page = told.split_once("(target/book/").expect(&told).1;
        assert!(page.contains(".html)"), "stage {stage}: {told}");
    }
}

#[test]
fn where_all_is_written_the_comment_of_what_the_test_calls_is_a_hint() {
    let repository = Copy::new();
    repository.told(&["practice", "1"]);
    let path = repository.path("practice/stage1/src/heap.rs");
    let heap = fs::read_to_string(&path).unwrap();
    let wrong = heap.replace("ALIGN: usize = 16", "ALIGN: usize = 8");
    assert_ne!(heap, wrong);
    fs::write(&path, wrong).unwrap();
    let told = repository.told(&["practice", "1", "hint"]);
    expect_in_order(
        &told,
        &[
            "What fails first is ",
            "is `Heap::malloc`. It must do this (src/heap.rs):\n  Returns a \
             block of at least `size` bytes",
            "To read: ",
        ],
    );
    let (told, _, _) = check(&repository, "1");
    assert!(
        told.contains("A hint:    cargo run -- practice 1 hint\n"),
        "{told}"
    );
}

/// Stage 1's heap, with all that the tests of stage 3 name.
fn stage_1_as_stage_3() -> String {
    let heap = workspace().join("stage1-bump/src/heap.rs");
    let heap = fs::read_to_string(heap).unwrap();
    let heap = heap
        .replace(
            "pub struct Heap<B> {",
            "pub struct Heap<B, const L: usize = 1> {",
        )
        .replace(
            "impl<B: Brk> Heap<B> {",
            "impl<B: Brk, const L: usize> Heap<B, L> {",
        )
        .replace("#[derive(Debug)]\n", "");
    heap + "
pub use crate::block::Block;
/// Named by tests.
pub const DEFAULT: usize = 128;
/// Named by tests.
pub const STEP: usize = 128 * 1024;
/// Named by tests.
pub const SLACK: usize = 1024 * 1024;
/// Named by tests.
pub const MOST_SLACK: usize = 32 * SLACK;
/// Named by tests.
pub const LARGE_REST: usize = 128 * 1024;

impl<B: Brk, const L: usize> Heap<B, L> {
    /// It knows of none.
    pub fn blocks(&self) -> impl Iterator<Item = Block> {
        core::iter::empty()
    }

    /// It knows of none.
    pub fn free_list(&self, _class: usize) -> impl Iterator<Item = Block> {
        core::iter::empty()
    }

    /// It knows of none.
    pub fn bitmap(&self) -> u128 {
        0
    }
}

impl<B, const L: usize> core::fmt::Debug for Heap<B, L> {
    fn fmt(&self, _: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        Ok(())
    }
}
"
}

#[test]
#[ignore = "compiles stage 3: .ci/run runs it"]
fn stage_1_in_the_place_of_stage_3_keeps_the_contract_and_does_not_pass() {
    let repository = Copy::new();
    repository.told(&["practice", "3", "--empty"]);
    let heap = repository.path("practice/stage3/src/heap.rs");
    fs::write(heap, stage_1_as_stage_3()).unwrap();
    let (told, is_stage, errors) = check(&repository, "3");
    println!("{told}");
    assert!(!is_stage, "stage 1 passes for stage 3:\n{told}{errors}");
    expect_in_order(
        &told,
        &[
            "8 of ",
            "one byte costs 32",
            "fn one_byte_costs_32() {",
            "->",
            "a header of 16 bytes, and 16",
            "should be: 32",
            "but is: ",
        ],
    );
    // Of the contract alone it keeps all.
    let tests = repository.path("practice/stage3/Cargo.toml");
    let output = std::process::Command::new(env!("CARGO"))
        .args(["test", "--quiet", "--test", "contract", "--manifest-path"])
        .arg(tests)
        .env("CARGO_TARGET_DIR", readers::target())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");

    // All of its files, as they are, have other names.
    for path in ["src", "tests"] {
        let path = repository.path(&format!("practice/stage3/{path}"));
        fs::remove_dir_all(&path).unwrap();
    }
    for path in ["src", "tests"] {
        readers::copy(
            &workspace().join("stage1-bump").join(path),
            &repository.path(&format!("practice/stage3/{path}")),
        );
    }
    let (told, is_stage, errors) = check(&repository, "3");
    assert!(!is_stage, "stage 1 passes for stage 3:\n{told}{errors}");
    assert!(told.starts_with("It does not compile"), "{told}");
}

#[test]
#[ignore = "compiles stage 3: .ci/run runs it"]
fn what_fails_is_shown_with_what_should_be_and_what_is() {
    let repository = Copy::new();
    repository.told(&["practice", "3"]);
    let heap = repository.path("practice/stage3/src/heap.rs");
    let whole = fs::read_to_string(&heap).unwrap();
    let with = |old: &str, new: &str| {
        assert!(whole.contains(old), "{old:?} is not in {}", heap.display());
        fs::write(&heap, whole.replace(old, new)).unwrap();
        let (told, is_stage, errors) = check(&repository, "3");
        println!("{told}");
        assert!(!is_stage, "{new} passes");
        (told, errors)
    };

    // A promise, with all that was asked.
    let (told, _) = with(
        "copy_nonoverlapping(old, new, old_size.min(size))",
        "copy_nonoverlapping(old, new, 0)",
    );
    expect_in_order(
        &told,
        &[
            "milestone 2 of 6, tags",
            "realloc keeps the contents",
            "a promise is broken: realloc keeps as many bytes as fit",
            "This was asked:\n  malloc(24) gave a block at ",
            "These blocks are live:\n  [",
            "byte 0 of the block\n  should be: 2\n  but is:    ",
        ],
    );

    // A checkpoint, with its heap in boxes.
    let (told, _) = with("if (*above).is_free() {", "if false {");
    expect_in_order(
        &told,
        &[
            "milestone 3 of 6, join",
            "free neighbours become one block",
            "heap.free(b);",
            "-> ",
            "+----------+---------+\n",
            "should be: | 368 free | 16 used |\n",
            "but is: | 240 free | 112 free | 16 used |\n",
        ],
    );

    // What is compared is no heap, but the message has it.
    let (told, _) = with(
        "if let Some(block) = self.lists.take(enough) {",
        "if let Some(block) = None.filter(|_| self.lists.take(0).is_some()) {",
    );
    expect_in_order(
        &told,
        &[
            "milestone 4 of 6, list",
            "the free block's place:\n",
            "should be: 0x…",
            "but is: 0x…",
            ", which is ",
            " bytes above that\n",
            "the heap: | 112 free | 16 used | 112 used |\n",
        ],
    );

    // A process that was ended says why.
    let (told, _) =
        with("if payload.is_null() {\n            return 0;\n        }\n", "");
    expect_in_order(
        &told,
        &[
            "usable size is enough or unknown",
            "What is done (tests/contract.rs):",
            "Its process ended (signal: ",
            "malloc: this is no block of the heap: 0x",
        ],
    );

    // What does not compile, in the compiler's words.
    let (told, errors) =
        with("let fresh = self.fresh;", "let fresh = self.fersh;");
    assert!(told.starts_with("It does not compile"), "{told}");
    assert!(errors.contains("no field `fersh`"), "{errors}");
}
