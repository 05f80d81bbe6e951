//! What three exercises make of the programs that break the rules, and what
//! each of them costs: the rows that are not as they were in the stage.
//!
//! ```text
//! cargo run -p pages --example misuse_solved
//! ```
//!
//! It builds each stage and each solution in a copy under `target/misuse`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use book::{build, patch, practice, stage};
use tests::misuse::{Library, row, rows};
use timing::run::{Used, run_within};
use timing::workspace::workspace;

/// A stage, what heads the columns of its solved exercises, and their numbers.
type Solved = (&'static str, &'static [(&'static str, &'static str)]);

const SOLVED: [Solved; 2] = [
    ("2", &[("2", ""), ("canary", "2.2")]),
    ("3", &[("3", ""), ("filled", "3.6"), ("secret links", "3.7")]),
];

fn main() {
    for (number, heaps) in SOLVED {
        let library = |(name, exercise): &(&'static str, &str)| {
            Library::at(name, built(number, exercise))
        };
        let libraries: Vec<_> = heaps.iter().map(library).collect();
        let names: Vec<_> = heaps.iter().map(|it| it.0.to_owned()).collect();
        print!("{}", row(&libraries, "", &names));
        for (what, outcomes) in rows(&libraries) {
            if outcomes.iter().any(|outcome| *outcome != outcomes[0]) {
                print!("{}", row(&libraries, what, &outcomes));
            }
        }
        let used = least(&libraries);
        let time = used.iter().map(|it| format!("{}", it.time.as_millis()));
        print!(
            "{}",
            row(&libraries, "hard work, ms", &time.collect::<Vec<_>>())
        );
        let memory = used.iter().map(|it| format!("{}", it.memory / 1024));
        let memory: Vec<_> = memory.collect();
        println!("{}", row(&libraries, "its memory, KiB", &memory));
    }
}

/// What a program uses with each library that breaks no rule, at best: in turns,
/// for ten seconds.
fn least(libraries: &[Library]) -> Vec<Used> {
    let start = Instant::now();
    let mut best: Vec<_> = libraries.iter().map(Library::used).collect();
    while start.elapsed() < Duration::from_secs(10) {
        for (library, best) in libraries.iter().zip(&mut best) {
            let used = library.used();
            if used.time < best.time {
                *best = used;
            }
        }
    }
    best
}

/// The C library of a stage with a solution in it, or as it is.
fn built(number: &str, exercise: &str) -> PathBuf {
    let root = workspace();
    let stage = stage::find(root, number).expect("a stage");
    let folder =
        root.join("target/misuse").join(format!("{number}-{exercise}"));
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("a copy of ours");
    }
    practice::copy(root, &stage, &folder, false).expect("a copy");
    if !exercise.is_empty() {
        solve(&folder, exercise);
    }
    let mut cargo = Command::new(env!("CARGO"));
    let example = format!("malloc{number}");
    cargo.args(["build", "--release", "--quiet", "--example", &example]);
    // One folder for all, so that what they depend on is built once.
    let target = root.join("target/misuse/build");
    cargo.current_dir(&folder).env("CARGO_TARGET_DIR", &target);
    let outcome = run_within(Duration::from_secs(300), cargo);
    assert!(outcome.status.success(), "{exercise}: {outcome:?}");
    let library = folder.join(format!("lib{example}.so"));
    let made = target.join("release/examples").join(format!("lib{example}.so"));
    fs::copy(made, &library).expect("cargo has built it");
    library
}

fn solve(folder: &Path, exercise: &str) {
    let file = format!("solutions/{exercise}.patch");
    let patch = fs::read_to_string(build::folder().join(file));
    let changes = patch::changes(folder, &patch.expect("a solution"));
    for change in changes.expect("it fits") {
        fs::write(folder.join(change.path), change.text).expect("a copy");
    }
}
