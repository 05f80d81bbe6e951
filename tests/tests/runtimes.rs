//! What counts the calls of programs in many languages counts right.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::process::Command;

use tests::runtimes::counts::{Counts, NAMES};
use timing::preload::preload;
use timing::run::{command, run};
use timing::workspace::{build_example, workspace};

/// The counts of a command, in a folder of their own.
fn counts(mut command: Command) -> Counts {
    let folder = tempfile::tempdir().expect("a temporary folder");
    preload(&mut command, &[&build_example("count_calls")]);
    command.env("MALLOC_CALLS_FILE", folder.path().join("calls"));
    let outcome = run(command);
    assert_eq!(outcome.failure(), None, "{outcome:?}");
    Counts::read(folder.path())
}

/// A job of the table, as this machine has the program.
fn job(program: &str, file: &str) -> Command {
    let mut command = command(program, &workspace().join("tests/programs"));
    command.arg(file);
    command
}

#[test]
#[ignore = "needs cc: .ci/run runs it"]
fn each_call_is_counted_at_the_time_at_which_it_is_made() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut cc = command("cc", workspace());
    cc.args(["-O0", "-o"]).arg(folder.path().join("when"));
    let built = run({
        cc.arg("tests/c/when.c");
        cc
    });
    assert_eq!(built.failure(), None, "{built:?}");
    let counts = counts(command(folder.path().join("when"), folder.path()));
    assert_eq!(counts.programs, 1, "{counts:?}");
    let expected = [
        ("malloc", 9),
        ("calloc", 1),
        ("realloc", 2),
        ("aligned", 0),
        ("free", 7),
        ("to_nothing", 1),
        ("largest", 123_456),
        ("before_main", 2),
        ("after_exit", 4),
        ("in_handlers", 4),
        ("in_children", 3),
        ("left_blocks", 2),
        ("left_bytes", 104 + 72),
        ("threads", 0),
        ("handlers", 2),
    ];
    assert_eq!(expected.map(|(name, _)| name), NAMES);
    for (name, number) in expected {
        assert_eq!(counts.get(name), number, "{name} in {counts:?}");
    }
}

#[test]
fn two_runs_of_a_shell_ask_for_the_same() {
    let [first, second] = [0, 1].map(|_| counts(job("bash", "words.sh")));
    assert_eq!(first, second);
    assert!(first.get("malloc") > 1000, "{first:?}");
    assert!(first.get("in_children") > 0, "{first:?}");
    assert_eq!(first.get("threads"), 0, "{first:?}");
}
