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
    let requests = outcome
        .stdout
        .strip_suffix(" requests were refused, one in a child each\n")
        .and_then(|count| count.parse::<usize>().ok());
    // Without ours there would be none.
    assert!(requests > Some(20), "{requests:?} requests: {outcome:?}");
    assert_eq!(outcome.stderr, "", "{outcome:?}");
}
