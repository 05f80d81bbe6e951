//! A lock around our heap does not stop the C library's malloc from moving the
//! break of the process. A break of our own, it does not know.

use timing::run::{command, run};
use timing::workspace::{build_example, workspace};

/// How many of `runs` runs went well on the break of the process, and how many
/// on our own.
fn went_well(runs: usize) -> [usize; 2] {
    let program = build_example("behind_our_back");
    let mut command = command(program, workspace());
    command.arg(runs.to_string());
    let outcome = run(command);
    assert!(outcome.status.success(), "{outcome:?}");
    let numbers: Vec<usize> = outcome
        .stdout
        .lines()
        .filter_map(|line| line.strip_suffix(" went well"))
        .filter_map(|number| number.trim().parse().ok())
        .collect();
    numbers.try_into().unwrap_or_else(|_| panic!("two numbers: {outcome:?}"))
}

/// Threads that never meet, as may happen on one processor, do no harm: so more
/// than one try.
#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_heap_behind_a_lock_is_damaged_on_the_break_of_the_process_alone() {
    let (tries, runs) = (50, 4);
    let is_damaged = (0..tries).any(|_| {
        let [process, own] = went_well(runs);
        assert_eq!(own, runs, "runs that went well on our own break");
        process < runs
    });
    assert!(is_damaged, "{tries} tries, and nothing was damaged");
}
