//! The C library's `sbrk` has no lock.

use timing::run::{command, run};
use timing::workspace::{build_example, workspace};

/// How often one run of the example found memory given out again.
fn given_out_again() -> u32 {
    let outcome = run(command(build_example("race"), workspace()));
    assert!(outcome.status.success(), "{outcome:?}");
    let last = outcome.stdout.lines().last().expect("three lines");
    let number = last.split_whitespace().next().expect("a number first");
    number.parse().unwrap_or_else(|_| panic!("a number first in {last:?}"))
}

/// Threads that never meet, as may happen on one processor, find nothing: so
/// more than one try.
#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn threads_that_race_for_the_break_are_given_the_same_memory() {
    let tries = 50;
    assert!(
        (0..tries).any(|_| given_out_again() > 0),
        "{tries} runs, and no memory was given out again"
    );
}
