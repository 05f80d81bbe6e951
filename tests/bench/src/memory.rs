//! How much memory the recordings of real programs take, on each allocator: in
//! a fresh process, with every byte written to. Beside it the most bytes that
//! the heap had, of those that tell: how far the break was up, without what
//! the allocator keeps elsewhere, which is all records of `one stack`.

use std::fs;
use std::ops::Range;
use std::ptr;

use crate::allocators::{
    ADDITIONS, ALONE, NOTHING, ONE_STACK, PEERS, PER_THREAD, STAGE_1, STAGE_2,
    STAGE_3, STAGE_4, by_name, more_peers,
};
use crate::measure::Plan;
use crate::results::{self, in_fresh_processes};
use crate::trace::{self, Event, Trace};
use crate::traces::{Replay, Touch};

pub fn main(plan: Plan) {
    let ours = [ONE_STACK, STAGE_1, STAGE_2, STAGE_3, STAGE_4, PER_THREAD];
    let mut contenders =
        [&[NOTHING], &PEERS[..], &more_peers(), &ALONE, &ours, &ADDITIONS]
            .concat();
    if !plan.is_kept {
        // It takes half a minute for each of two programs.
        contenders.retain(|it| it.name != STAGE_2.name);
    }
    let programs = trace::names();
    // The first is nothing: what the process has without any allocator.
    let names = || contenders.iter().map(|contender| contender.name);
    let jobs: Vec<_> = programs
        .iter()
        .flat_map(|program| names().map(move |it| ["in-memory", it, program]))
        .collect();
    let results = in_fresh_processes(&jobs);
    let mut rows = Vec::new();
    for (program, results) in
        programs.iter().zip(results.chunks(contenders.len()))
    {
        let live = lives(&Trace::load(program)).into_iter().max();
        let live = live.expect("no recording is empty");
        let alone = results[0][0];
        for (name, result) in names().zip(results).skip(1) {
            let [memory, heap] = result[..] else { panic!("two numbers") };
            rows.push(vec![
                program.clone(),
                name.to_owned(),
                live.to_string(),
                format!("{:.0}", (memory - alone).max(0.0)),
                if heap == 0.0 { String::new() } else { format!("{heap:.0}") },
            ]);
        }
    }
    let columns = ["program", "allocator", "live", "memory", "heap"];
    results::keep(plan, "trace-memory", &columns, &rows);
}

/// How many bytes a program had after each event.
pub fn lives(trace: &Trace) -> Vec<u64> {
    let mut sizes = Vec::new();
    let mut live = 0;
    let after = |event: &Event| {
        match event.what {
            trace::What::Allocate { size, .. } => {
                live += size;
                sizes.push(size);
            }
            trace::What::Resize { block, size } => {
                let old = &mut sizes[block as usize];
                live = live - *old + size;
                *old = size;
            }
            trace::What::Free { block } => live -= sizes[block as usize],
        }
        live
    };
    trace.events.iter().map(after).collect()
}

/// After how many events to look at a heap that does not tell its most.
const OFTEN: usize = 16;

/// Prints the most memory that a recording takes, and the most bytes that the
/// allocator's heap had, 0 if it does not tell.
pub fn child(allocator: &str, program: &str) {
    let contender = by_name(allocator);
    let mut allocator = (contender.new)();
    let trace = Trace::load(program);
    let mut replay = Replay::new(&trace);
    have_all_of_each_file();
    let before = memory();
    forget_most();
    let touch = if contender.name == NOTHING.name {
        Touch::Nothing
    } else {
        Touch::AllBytes
    };
    let mut seen = 0;
    if allocator.most().is_some() || allocator.heap().is_none() {
        replay.run(&mut *allocator, touch);
    } else {
        replay.run_and_look(&mut *allocator, touch, OFTEN, |allocator| {
            seen = seen.max(allocator.heap().unwrap_or(0));
        });
    }
    let most = most_memory().saturating_sub(before);
    println!("{most} {}", allocator.most().unwrap_or(seen));
}

/// Has all pages of the program and its libraries in memory. Else how many of
/// them come while one measures depends on where they lie: the kernel brings
/// sixteen at a time.
pub fn have_all_of_each_file() {
    for Mapping { bytes, .. } in mappings() {
        // SAFETY: `MADV_POPULATE_READ` changes no byte. What cannot be read, or
        // an older kernel, is an error, and all stays as it was.
        unsafe {
            libc::madvise(
                ptr::with_exposed_provenance_mut(bytes.start),
                bytes.len(),
                libc::MADV_POPULATE_READ,
            );
        }
    }
}

/// The bytes of memory that this process has.
pub fn memory() -> usize {
    status("VmRSS:")
}

/// The most bytes of memory that this process had.
pub fn most_memory() -> usize {
    status("VmHWM:")
}

/// Begins anew to look for the most: see proc_pid_clear_refs(5).
pub fn forget_most() {
    fs::write("/proc/self/clear_refs", "5").expect("it may be written");
}

fn status(key: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("it is there");
    let bytes = status.lines().find_map(|line| kibibytes(line, key));
    bytes.expect("a number of KiB")
}

/// The bytes that a line tells behind a key: `VmRSS:   1024 kB`.
fn kibibytes(line: &str, key: &str) -> Option<usize> {
    let number = line.strip_prefix(key)?.trim().strip_suffix(" kB")?;
    Some(number.parse::<usize>().ok()? * 1024)
}

/// A part of this process's address space that is mapped in one way.
pub struct Mapping {
    pub bytes: Range<usize>,
    pub is_writable: bool,
    /// How many bytes of memory it has.
    pub resident: usize,
}

/// All that is mapped: see proc_pid_smaps(5).
pub fn mappings() -> Vec<Mapping> {
    let smaps = fs::read_to_string("/proc/self/smaps").expect("it is there");
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in smaps.lines() {
        if let Some(resident) = kibibytes(line, "Rss:") {
            let last = mappings.last_mut();
            last.expect("it is about a mapping").resident = resident;
        } else if let Some(mapping) = mapping(line) {
            mappings.push(mapping);
        }
    }
    mappings
}

/// The first line about a mapping: `7f0000000000-7f0000001000 rw-p …`.
fn mapping(line: &str) -> Option<Mapping> {
    let mut words = line.split_ascii_whitespace();
    let (from, to) = words.next()?.split_once('-')?;
    let [from, to] = [from, to].map(|it| usize::from_str_radix(it, 16).ok());
    let is_writable = words.next()?.starts_with("rw");
    Some(Mapping { bytes: from?..to?, is_writable, resident: 0 })
}
