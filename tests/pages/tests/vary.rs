//! Stage 3 with other choices can be solved, and what solves one of them does
//! not solve the next.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use book::stage::{self, Stage};
use book::vary::{self, Choices, Taken};
use tempfile::TempDir;
use timing::workspace::workspace;

mod copies;

use copies::Copy;

fn stage_3() -> Stage {
    stage::find(workspace(), "3").expect("a stage 3")
}

#[test]
fn a_seed_picks_choices_that_are_not_those_of_stage_3() {
    let count = Choices::COUNT as u64;
    let mut seen = BTreeSet::new();
    for seed in 0..count {
        let choices = Choices::of(seed);
        assert_ne!(choices, Choices::STAGE_3, "those of seed {seed}");
        seen.insert(format!("{choices:?}"));
        let later = Choices::of(seed + count);
        assert_eq!(later, choices, "seed {seed}, and {count} seeds later");
    }
    assert_eq!(seen.len(), Choices::COUNT, "all of them have their turn");
}

#[test]
fn next_years_alignment_is_another() {
    for seed in (0..200).chain([2027, u64::MAX - 1]) {
        let [one, next] = [seed, seed + 1].map(Choices::of);
        assert_ne!(one.align, next.align, "seeds {seed} and {}", seed + 1);
    }
}

/// A folder with what the root of the repository needs for a copy of a stage.
fn root() -> TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir_all(root.path().join("tests/tests")).expect("a folder");
    for file in ["Cargo.toml", "Cargo.lock", "tests/tests/choices.rs"] {
        fs::copy(workspace().join(file), root.path().join(file)).expect(file);
    }
    root
}

#[test]
fn the_task_says_what_its_tests_expect() {
    let root = root();
    for seed in [1, 2, 3, 2027] {
        let folder = vary::make(root.path(), &stage_3(), seed).expect("a copy");
        let read = |file: &str| {
            fs::read_to_string(folder.join(file)).expect("a file of the copy")
        };
        let (task, tests) = (read("TASK.md"), read("tests/choices.rs"));
        let (block, lists) = (read("src/block.rs"), read("src/free_lists.rs"));
        let Choices { align, free, size_stands, taken } = Choices::of(seed);
        let taken_name = format!("{taken:?}").to_uppercase();
        for line in [
            format!("const ALIGN: usize = {align};"),
            format!("const FREE: usize = {free};"),
            format!("const SIZE_STANDS: usize = {size_stands};"),
            format!("const TAKEN: usize = {taken_name};"),
        ] {
            let is_there = tests.lines().any(|it| it == line);
            assert!(is_there, "seed {seed}: no {line} in its tests");
        }
        for line in ["ALIGN: usize = ", "FREE: usize = "] {
            let line = format!("pub const {line}");
            assert!(block.contains(&line), "seed {seed}: {block}");
        }
        assert!(task.contains(&format!("multiple of {align} bytes")), "{task}");
        assert!(task.contains(&format!("has {free} added")), "{task}");
        let first = ["Its first word is the block's own", "Its second word is"];
        assert!(task.contains(first[size_stands]), "{task}");
        assert!(lists.contains("see `TASK.md`"), "seed {seed}: {lists}");
        assert!(lists.contains("todo!("), "seed {seed}: {lists}");
        for gone in ["checkpoints", "exercises"] {
            let file = folder.join("tests").join(gone).with_extension("rs");
            assert!(!file.exists(), "{gone} count bytes as stage 3 has them");
        }
    }
}

#[test]
fn a_variant_that_is_there_is_never_overwritten() {
    let root = root();
    let folder = vary::make(root.path(), &stage_3(), 7).expect("a copy");
    let mine = folder.join("src/heap.rs");
    fs::write(&mine, "// mine\n").expect("a file of ours");
    let error =
        vary::make(root.path(), &stage_3(), 7).expect_err("it is there");
    let error = error.to_string();
    assert!(error.starts_with("practice/vary-7 is there already"), "{error}");
    assert_eq!(fs::read_to_string(mine).expect("a file"), "// mine\n");
}

// Solved.

/// A few of all, in which each alignment, flag, order of the header and order
/// of the lists has its turn.
const SOLVED: [Choices; 4] = [
    Choices { align: 16, free: 8, size_stands: 0, taken: Taken::Oldest },
    Choices { align: 32, free: 2, size_stands: 1, taken: Taken::Lowest },
    Choices { align: 64, free: 4, size_stands: 0, taken: Taken::Smallest },
    Choices { align: 32, free: 1, size_stands: 0, taken: Taken::Newest },
];

/// How stage 3 puts a block on a list, and takes one of those it looks at.
const INSERT: &str = "        let next = self.heads[class];
        // SAFETY: nobody uses the payload of a free block, and `next` is on
        // the list.
        unsafe {
            *links(block) = Links { next, prev: ptr::null_mut() };
            if next.is_null() {
                self.bitmap |= 1 << class;
            } else {
                (*links(next)).prev = block;
            }
        }
        self.heads[class] = block;
";
const LOOK: &str = "take(looks).find(is_enough)";

/// How it is put behind all those for which `GOES_ON` holds.
const INSERT_BEHIND: &str = "        let mut next = self.heads[class];
        let mut prev = ptr::null_mut();
        // SAFETY: nobody uses the payload of a free block, and `next` and
        // `prev` are on the list.
        unsafe {
            while !next.is_null() && GOES_ON {
                prev = next;
                next = (*links(next)).next;
            }
            *links(block) = Links { next, prev };
            if !next.is_null() {
                (*links(next)).prev = block;
            }
            if prev.is_null() {
                self.heads[class] = block;
            } else {
                (*links(prev)).next = block;
            }
        }
        self.bitmap |= 1 << class;
";
const LOOK_AT_ALL: &str = "take(looks).filter(is_enough)
            // SAFETY: what is on a list has a header.
            .min_by_key(|&block| unsafe { (*block).size() })";

fn solve(folder: &Path, taken: Taken) {
    let (old, new) = match taken {
        Taken::Newest => return,
        Taken::Oldest => (INSERT, INSERT_BEHIND.replace("GOES_ON", "true")),
        Taken::Lowest => {
            (INSERT, INSERT_BEHIND.replace("GOES_ON", "next < block"))
        }
        Taken::Smallest => (LOOK, LOOK_AT_ALL.to_owned()),
    };
    let file = folder.join("src/free_lists.rs");
    let source = fs::read_to_string(&file).expect("a file of the stage");
    assert_eq!(source.matches(old).count(), 1, "once in the stage: {old}");
    fs::write(file, source.replacen(old, &new, 1)).expect("a copy is ours");
}

/// What is wrong with a copy: what the compiler complains of, or a test.
fn passes(copy: &Copy, tests: &[&str]) -> Result<(), String> {
    let built = copy.build(&["--test", "contract", "--test", "choices"])?;
    if built.complaints.contains("warning") {
        return Err(built.complaints);
    }
    for test in tests {
        let outcome = built.run(test, &[]);
        if !outcome.status.success() {
            return Err(outcome.stdout);
        }
    }
    Ok(())
}

#[test]
#[ignore = "compiles stage 3 eight times: .ci/run runs it"]
fn a_solution_fits_its_own_choices_and_no_others() {
    for (index, choices) in SOLVED.into_iter().enumerate() {
        let copy = Copy::new("vary", &stage_3(), false);
        vary::choose(workspace(), &copy.folder, choices).expect("choices");
        solve(&copy.folder, choices.taken);
        let solved = passes(&copy, &["contract", "choices"]);
        assert_eq!(solved, Ok(()), "{choices:?}, solved");

        // The same heap, and another year's tests.
        let other = Copy::new("vary-other", &stage_3(), false);
        let next = SOLVED[(index + 1) % SOLVED.len()];
        vary::choose(workspace(), &other.folder, next).expect("choices");
        let tests = other.folder.join("tests/choices.rs");
        let tests = fs::read_to_string(tests).expect("tests");
        copy.write("tests/choices.rs", &tests);
        let fault = passes(&copy, &["choices"]).expect_err("another task");
        let failed = fault.matches(" --- FAILED").count()
            + fault.matches("... FAILED").count();
        assert!(failed >= 2, "{choices:?} solve {next:?}: {fault}");
        println!("{choices:?}: solved, and {failed} tests of {next:?} fail");
    }
}
