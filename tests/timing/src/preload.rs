//! One of our heaps under a real program.
//!
//! The loader only warns of a library that it cannot preload: the program then
//! runs on the C library's own malloc, and a test that compares outputs passes
//! for nothing. So a second library goes in front, `count_sbrk`, which counts
//! how often the break is moved through the name `sbrk`, and how often a break
//! of our own rises, through the name `mprotect`. The C library's malloc does
//! both too, but by names of its own. A count above zero is a heap of ours at
//! work.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Outcome, Used, try_measured};
use crate::workspace::build_example;

/// The environment variable that names the file for the count. The library
/// `count_sbrk` reads it.
pub const COUNT_FILE: &str = "MALLOC_COUNT_FILE";

/// How one process moved the break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moves {
    /// How often.
    pub calls: u64,
    /// How far in all.
    pub bytes: i64,
}

/// Puts `libraries` in front of all others that the program uses.
pub fn preload(command: &mut Command, libraries: &[&Path]) {
    let paths: Vec<&str> = libraries
        .iter()
        .map(|path| path.to_str().expect("a path in UTF-8"))
        .collect();
    let separators = [' ', ':'];
    for path in &paths {
        assert!(
            !path.contains(separators),
            "LD_PRELOAD splits its value at spaces and colons, so it cannot \
             take {path:?}: build in a folder without them",
        );
    }
    command.env("LD_PRELOAD", paths.join(" "));
}

/// Runs `command` with `library` preloaded, and returns how each process that
/// came to its end had moved the break.
pub fn run_preloaded(
    command: Command,
    library: &Path,
) -> (Outcome, Vec<Moves>) {
    let (outcome, _used, moves) = run_counted(command, &[library]);
    (outcome, moves)
}

/// Runs `command` with `libraries` preloaded, and returns what it used and how
/// each process that came to its end had moved the break.
///
/// # Panics
///
/// If it does not start, is not done after a minute, or nothing was counted.
pub fn run_counted(
    command: Command,
    libraries: &[&Path],
) -> (Outcome, Used, Vec<Moves>) {
    let name = format!("{command:?}");
    try_counted(command, libraries).unwrap_or_else(|why| panic!("{name} {why}"))
}

/// The same.
///
/// # Errors
///
/// That it does not start, is not done after a minute, or nothing was counted.
/// The sentence lacks its subject.
pub fn try_counted(
    mut command: Command,
    libraries: &[&Path],
) -> Result<(Outcome, Used, Vec<Moves>), String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("moves");
    let counter = counter();
    preload(&mut command, &[&[&*counter], libraries].concat());
    command.env(COUNT_FILE, &file);
    if libraries.iter().any(|library| library.ends_with("libmalloc5.so")) {
        command.env("MALLOC_COUNT_SEGMENTS", "1");
    }
    let (outcome, used) = try_measured(command)?;
    let report = fs::read_to_string(&file).map_err(|_| {
        let nothing = "left no count of the moves of the break".to_owned();
        outcome.failure().unwrap_or(nothing)
    })?;
    Ok((outcome, used, report.lines().map(moves).collect()))
}

/// The library that counts.
pub fn counter() -> PathBuf {
    build_example("count_sbrk")
}

/// Reads a line of the library's report:
/// `process 123 moved the break 45 times, by 6789 bytes`.
fn moves(line: &str) -> Moves {
    let numbers: Vec<i64> =
        line.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
    let [_process, calls, bytes] = numbers[..] else {
        panic!("three numbers in {line:?}");
    };
    Moves { calls: calls.unsigned_abs(), bytes }
}
