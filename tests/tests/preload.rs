//! Real programs on our heaps: they print what they print without them, end
//! as they end without them, and their memory was ours.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use tests::preload::{counter, preload, run_preloaded};
use tests::run::{Outcome, command, run};
use tests::workspace::build_example;

/// The heaps as libraries for C programs, by stage. A new stage adds a line.
const LIBRARIES: [&str; 1] = ["malloc1"];

/// Files to read, in a folder that is gone after the test.
fn some_files() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let numbers: String =
        (0..5000).map(|i| format!("{} line {i}\n", i * 7919 % 5000)).collect();
    let files = [
        ("empty", ""),
        ("fruit", "pear\napple\nquince\nplum\n"),
        ("numbers", &numbers),
    ];
    for (name, contents) in files {
        fs::write(folder.path().join(name), contents).expect("a file");
    }
    folder
}

/// Runs a program as it is, and on each of our heaps: it must do the same.
/// Returns what it did.
fn same_with_and_without(program: &str, args: &[&str]) -> Outcome {
    let files = some_files();
    let with_args = || {
        let mut command = command(program, files.path());
        command.args(args);
        command
    };
    let without = run(with_args());
    for library in LIBRARIES {
        let library = build_example(library);
        let (with, moves) = run_preloaded(with_args(), &library);
        let what = format!("{program} {args:?} on {}", library.display());
        assert_eq!(with, without, "{what} does something else");
        let calls = moves.iter().map(|moves| moves.calls).sum::<u64>();
        assert!(calls > 0, "{what} did not use our heap");
    }
    without
}

fn assert_ends_well(outcome: &Outcome) {
    assert!(outcome.status.success(), "{outcome:?}");
    assert_eq!(outcome.stderr, "");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn ls_lists_a_folder() {
    let outcome = same_with_and_without("ls", &["-l"]);
    assert_ends_well(&outcome);
    assert!(outcome.stdout.contains("fruit"), "{outcome:?}");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn ls_says_that_a_file_is_missing() {
    let outcome = same_with_and_without("ls", &["-l", "nothing-here"]);
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.contains("nothing-here"), "{outcome:?}");
    assert!(!outcome.status.success(), "{outcome:?}");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn cat_prints_files() {
    let outcome = same_with_and_without("cat", &["fruit", "empty", "numbers"]);
    assert_ends_well(&outcome);
    assert!(outcome.stdout.ends_with("line 4999\n"), "{outcome:?}");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn grep_finds_lines() {
    let outcome =
        same_with_and_without("grep", &["-n", "^4.*[37]7$", "numbers"]);
    assert_ends_well(&outcome);
    assert!(outcome.stdout.lines().count() > 10, "{outcome:?}");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn grep_says_that_it_found_nothing() {
    let outcome = same_with_and_without("grep", &["banana", "fruit"]);
    assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
    assert_eq!(outcome.stdout, "");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn sort_puts_lines_in_order() {
    let outcome =
        same_with_and_without("sort", &["--parallel=1", "-n", "numbers"]);
    assert_ends_well(&outcome);
    assert!(outcome.stdout.starts_with("0 line 0\n1 line"), "{outcome:?}");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn date_prints_a_date() {
    let outcome = same_with_and_without("date", &["-d", "@0", "+%A %F %T"]);
    assert_ends_well(&outcome);
    assert_eq!(outcome.stdout, "Thursday 1970-01-01 00:00:00\n");
}

// That a program did the same proves nothing if our library was never loaded.

/// `ls` in an empty folder.
fn ls(folder: &Path) -> Command {
    command("ls", folder)
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_library_that_is_missing_moves_no_break() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = folder.path().join("libnothing.so");
    let (outcome, moves) = run_preloaded(ls(folder.path()), &missing);
    assert!(outcome.status.success(), "{outcome:?}");
    let calls: Vec<u64> = moves.iter().map(|moves| moves.calls).collect();
    assert_eq!(calls, [0], "one process, on the C library's own malloc");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn the_count_is_the_same_for_the_same_work() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let library = build_example("malloc1");
    let (_, first) = run_preloaded(ls(folder.path()), &library);
    let (_, second) = run_preloaded(ls(folder.path()), &library);
    assert_eq!(first, second);
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn the_counting_library_changes_nothing() {
    let folder = some_files();
    let without = run(ls(folder.path()));
    let mut with = ls(folder.path());
    preload(&mut with, &[&counter()]);
    assert_eq!(run(with), without);
}
