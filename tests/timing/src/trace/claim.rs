//! Is what was allocated last freed first? The answers, as tables.
//!
//! All columns but the last come from the recordings alone, and are the same on
//! every machine with pointers of 64 bits. A test computes them again. The last
//! one, `glibc_heap`, depends on the C library that measured it.

use std::path::PathBuf;

use super::depths::{bar_start, depths};
use super::memory::{free_lists, one_stack, stack_for_each_thread};
use super::{Trace, What, blocks, threads};
use crate::workspace::workspace;

/// The columns of `claim.csv` that come from the recordings.
pub const COLUMNS: [&str; 22] = [
    "program",
    "events",
    "threads",
    "allocated",
    "bytes_allocated",
    "resized",
    "frees",
    "moves",
    "by_others",
    "newest",
    "newest_4",
    "newest_16",
    "past_1000",
    "live_blocks",
    "live_bytes",
    "walks",
    "walk_steps",
    "walk_p99",
    "chunks",
    "stage3_heap",
    "one_stack_heap",
    "thread_stacks_heap",
];

/// The one that a C library has measured.
pub const GLIBC: &str = "glibc_heap";

/// The columns of `claim-depths.csv`: how many frees were at least so deep, and
/// not as deep as the next row says.
pub const DEPTHS: [&str; 3] = ["program", "depth", "frees"];

/// The file for a table of results.
pub fn file(name: &str) -> PathBuf {
    workspace().join("tests/bench/results").join(name).with_extension("csv")
}

/// A row of `claim.csv` without its last cell, and the rows of
/// `claim-depths.csv` for the same recording.
pub fn rows(name: &str, trace: &Trace) -> (Vec<String>, Vec<Vec<String>>) {
    let events = &trace.events;
    let depths = depths(events);
    let walks = one_stack(events);
    let [newest, newest_4, newest_16] = depths.newest;
    let (bytes, resized) = asked(trace);
    let numbers = [
        events.len() as u64,
        threads(events) as u64,
        blocks(events) as u64,
        bytes,
        resized,
        depths.frees,
        depths.moves,
        depths.by_others,
        newest,
        newest_4,
        newest_16,
        depths.past_1000,
        depths.live_blocks,
        depths.live_bytes,
        walks.walks,
        walks.steps,
        walks.p99,
        walks.chunks,
        free_lists(events),
        walks.heap,
        stack_for_each_thread(events),
    ];
    let mut row = vec![name.to_owned()];
    row.extend(numbers.map(|number| number.to_string()));
    let bars = depths.histogram.iter().enumerate().map(|(bar, frees)| {
        vec![name.to_owned(), bar_start(bar).to_string(), frees.to_string()]
    });
    (row, bars.collect())
}

/// How many bytes were asked for in all, and how often a block was resized.
fn asked(trace: &Trace) -> (u64, u64) {
    trace.events.iter().fold((0, 0), |(bytes, resized), event| {
        match event.what {
            What::Allocate { size, .. } => (bytes + size, resized),
            What::Resize { .. } => (bytes, resized + 1),
            What::Free { .. } => (bytes, resized),
        }
    })
}
