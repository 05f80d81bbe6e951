//! With a thousand times as many blocks alive, stage 3 is slower by no larger
//! factor than glibc: both wait for memory, and neither searches.

use std::path::Path;
use std::time::Duration;

use timing::run::{command, run_within};
use timing::workspace::build_release_example;

/// How often the measurement may be made again, on a machine that is busy.
const RUNS: usize = 3;

/// A run takes a quarter of a minute if nothing else is going on.
const LIMIT: Duration = Duration::from_secs(300);

/// How much steeper stage 3 may rise than glibc: so much do two runs differ.
const MORE: f64 = 1.25;

/// By what the time rises, from the first table that the bench prints.
fn rise(table: &str, row: &str) -> f64 {
    let line = table.lines().find(|line| line.starts_with(row));
    let (_, rise) = line
        .and_then(|line| line.rsplit_once('×'))
        .unwrap_or_else(|| panic!("no rise for {row} in:\n{table}"));
    rise.parse().unwrap_or_else(|error| panic!("{rise}: {error}"))
}

#[test]
#[ignore = "measures time, and has to be alone: .ci/run runs it"]
fn stage_3_rises_no_more_than_glibc() {
    let bench = build_release_example("live_blocks");
    let mut rises = Vec::new();
    for _ in 0..RUNS {
        let outcome = run_within(LIMIT, command(&bench, Path::new("/")));
        assert!(outcome.status.success(), "{outcome:?}");
        let ours = rise(&outcome.stdout, "stage 3, 128 lists");
        let theirs = rise(&outcome.stdout, "glibc");
        println!("{}", outcome.stdout);
        if ours <= theirs * MORE {
            return;
        }
        rises.push((ours, theirs));
    }
    panic!("by how much stage 3 and glibc rise, in each run: {rises:?}");
}
