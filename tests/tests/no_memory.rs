//! The system refuses one request for memory, whichever: nothing is lost.

use std::path::Path;
use std::time::Duration;

use timing::preload::preload;
use timing::run::{command, run_within};
use timing::workspace::build_example;

/// Blocks of all kinds, on a stack for each thread: what could not be had is
/// null with `ENOMEM`, all other blocks are as they were, the next request is
/// granted, and in the end as much goes back as if nothing had been refused.
#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn whichever_request_is_refused_nothing_is_lost() {
    let mut program = command(build_example("no_memory"), Path::new("/"));
    preload(&mut program, &[&build_example("malloc5")]);
    let outcome = run_within(Duration::from_secs(120), program);
    assert!(outcome.status.success(), "{outcome:?}");
    let requests: Vec<Option<usize>> = ["alone", "and all after it"]
        .iter()
        .zip(outcome.stdout.lines())
        .map(|(how, line)| {
            let line = line.strip_prefix("each of ")?;
            line.strip_suffix(how)?
                .strip_suffix(" requests was refused, ")?
                .parse()
                .ok()
        })
        .collect();
    // Without ours there would be none.
    let enough = requests.iter().filter(|&&it| it > Some(20)).count();
    assert_eq!(enough, 2, "{requests:?} requests: {outcome:?}");
    assert_eq!(outcome.stderr, "", "{outcome:?}");
}
