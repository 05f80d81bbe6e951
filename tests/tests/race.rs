//! The C library's `sbrk` has no lock.

use std::cell::Cell;

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

/// The C library's `sbrk`: what it does before the kernel is asked, and after.
struct Sbrk {
    curbrk: Cell<usize>,
}

impl Sbrk {
    fn read(&self) -> usize {
        self.curbrk.get()
    }

    /// The call ends: what it has read is its result.
    fn store(&self, old: usize, increment: usize) -> usize {
        self.curbrk.set(old + increment);
        old
    }
}

/// Both threads are between the reading and the storing at one time.
#[test]
fn an_assertion_holds_in_both_threads_that_get_one_block() {
    let sbrk = Sbrk { curbrk: Cell::new(4096) };
    let requests = [sbrk.read(), sbrk.read()];
    let read = [sbrk.read(), sbrk.read()];
    let blocks = read.map(|old| sbrk.store(old, 64));
    assert_eq!(blocks, requests, "`assert(p == request)` holds in each");
    assert_eq!(blocks[0], blocks[1], "and they have one block");
    assert_eq!(sbrk.read(), 4096 + 64, "one of the two is lost");
}
