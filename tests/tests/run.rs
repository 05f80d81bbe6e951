//! How the tests run a program: always in the same way, and not for ever.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use timing::run::{command, run, run_together, run_within};

/// A command for the shell, in a folder that every system has.
fn shell(script: &str) -> Command {
    let mut shell = command("sh", Path::new("/"));
    shell.args(["-c", script]);
    shell
}

#[test]
#[cfg_attr(not(unix), ignore = "needs sh")]
fn it_tells_outputs_and_exit_status_apart() {
    let outcome = run(shell("echo good; echo bad >&2; exit 3"));
    assert_eq!(outcome.stdout, "good\n");
    assert_eq!(outcome.stderr, "bad\n");
    assert_eq!(outcome.status.code(), Some(3), "{outcome:?}");
}

#[test]
#[cfg_attr(not(unix), ignore = "needs sh")]
fn both_outputs_together_are_in_the_order_of_writing() {
    let both = run_together(shell("echo 1; echo 2 >&2; echo 3"));
    assert_eq!(both, "1\n2\n3\n");
}

#[test]
#[cfg_attr(not(unix), ignore = "needs sh")]
fn the_environment_is_always_the_same() {
    let outcome = run(shell("echo \"$LC_ALL $TZ ${HOME-nobody} $(pwd)\""));
    assert_eq!(outcome.stdout, "C UTC nobody /\n");
}

#[test]
#[cfg_attr(not(unix), ignore = "needs sh")]
#[should_panic(expected = "still running after 100ms")]
fn a_program_that_hangs_is_stopped() {
    run_within(Duration::from_millis(100), shell("exec sleep 1000"));
}
