//! How much of the past loom shows, and that no scenario has more of it.

#[allow(dead_code)]
#[path = "scenarios/counted.rs"]
mod counted;

use std::collections::BTreeSet;
use std::sync::Mutex;

use counted::{KEPT, spawn, stored};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};

/// Writes 1 to 10 while another thread waits, and then that it is done. All of
/// it is `Relaxed`: who sees that it is done may still read any of them.
fn reads_what_was_written_ten_times() -> usize {
    let value = Arc::new(AtomicUsize::new(0));
    let is_done = Arc::new(AtomicUsize::new(0));
    let (theirs, done) = (value.clone(), is_done.clone());
    let thread = loom::thread::spawn(move || {
        for number in 1..=10 {
            theirs.store(number, Ordering::Relaxed);
        }
        done.store(1, Ordering::Relaxed);
    });
    while is_done.load(Ordering::Relaxed) == 0 {
        loom::thread::yield_now();
    }
    let read = value.load(Ordering::Relaxed);
    thread.join().unwrap();
    read
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
fn loom_shows_no_store_older_than_the_last_seven() {
    let read = std::sync::Arc::new(Mutex::new(BTreeSet::new()));
    let seen = read.clone();
    loom::model(move || {
        let number = reads_what_was_written_ten_times();
        seen.lock().unwrap().insert(number);
    });
    let read: Vec<usize> = read.lock().unwrap().iter().copied().collect();
    let last: Vec<usize> = (11 - KEPT..=10).collect();
    assert_eq!(read, last, "what is read of 0 to 10");
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
#[should_panic(expected = "loom shows no store older than the last 7")]
fn a_scenario_that_stores_more_than_loom_keeps_is_refused() {
    loom::model(|| {
        counted::begin();
        let value = Arc::new(AtomicUsize::new(0));
        let theirs = value.clone();
        let thread = spawn(move || {
            for number in 1..=KEPT {
                stored(&*theirs);
                theirs.store(number, Ordering::Relaxed);
            }
        });
        thread.join();
    });
}
