//! Measures the allocators of this workspace and some that people use.
//!
//! ```text
//! cargo run --release -p bench -- all
//! ```
//!
//! Instead of `all`: one or more of `nested`, `threads`, `random`, `queue`,
//! `relay`, `traces`, `slowest`, `memory`, `score`, `over-time`, `drift`,
//! `preloaded` and `programs`. Each writes a table below `tests/bench/results`,
//! which should be those of a commit: commit first, then measure. At the end it
//! says what has changed in them by more than the noise since the last commit;
//! `compare` says that again. With `--short` first, all is measured once and
//! nothing is written: for a look whether it works.
//!
//! With `--features google` behind `-p bench`, Google's own tcmalloc is built
//! and measured too. Its build takes longer than that of all others together.
//!
//! What has a library's path in the variable `BESIDE` measures that as well, by
//! the name `beside`, and writes nothing: for a heap beside another build of
//! the same, in the same run.
//!
//! ```text
//! BESIDE=/tmp/before/libmalloc5.so cargo run --release -p bench -- traces
//! ```
//!
//! The newest allocators are crates, and linked into this program: mimalloc
//! 3.3.2, jemalloc 5.3.1, snmalloc 0.7.6 and others. `preloaded` and `programs`
//! have these three as well, as libraries that are made of the same crates, and
//! beside them what Debian 12 has: mimalloc 2.0.9, jemalloc 5.3.0, and tcmalloc
//! of gperftools 2.10. A table says in its line `peers` which versions it is
//! about.
//!
//! It needs compilers for C and C++, Debian's package libtcmalloc-minimal4, for
//! `preloaded` and `programs` also libmimalloc2.0 and libjemalloc2, for the first
//! valgrind too, and for the second the programs of which programs/works.rs
//! speaks: what is not there is left out, with a word.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
compile_error!("the bench needs Linux with glibc");

use std::time::{Instant, SystemTime};

use stage4_threadsafe::{Heap, LockedHeap, Mutex, ReservedBrk};

mod allocators;
mod compare;
mod drift;
mod measure;
mod memory;
mod nested;
mod over_time;
mod peers;
mod preloaded;
mod programs;
mod queue;
mod random;
mod relay;
mod results;
mod score;
mod slowest;
mod threads;
mod trace;
mod traces;

/// What this program needs itself: it is on none of the heaps that are
/// measured.
#[global_allocator]
static OWN: LockedHeap<ReservedBrk> =
    LockedHeap::new(Mutex::new(Heap::new(ReservedBrk::new())));

/// A name, and what measures and keeps the results.
type Measurement = (&'static str, fn(measure::Plan));

/// What can be measured.
const MEASUREMENTS: [Measurement; 13] = [
    ("nested", nested::main),
    ("threads", threads::main),
    ("random", random::main),
    ("queue", queue::main),
    ("relay", relay::main),
    ("traces", traces::main),
    ("slowest", slowest::main),
    ("memory", memory::main),
    ("score", score::main),
    ("over-time", over_time::main),
    ("drift", drift::main),
    ("preloaded", preloaded::main),
    ("programs", programs::main),
];

fn main() {
    #[cfg(feature = "google")]
    peers::leave_rseq_to_tcmalloc();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    // This program starts itself for what needs a fresh process.
    match args[..] {
        ["in-queue", allocator, items] => queue::child(allocator, items),
        ["in-relay", allocator, rounds] => relay::child(allocator, rounds),
        ["in-slowest", allocator, trace, turns] => {
            slowest::child(allocator, trace, turns);
        }
        ["in-drift", allocator, looks] => drift::child(allocator, looks),
        ["in-memory", allocator, trace] => memory::child(allocator, trace),
        ["in-over-time", allocator, trace] => {
            over_time::child(allocator, trace);
        }
        ["in-programs", length] => programs::child(length),
        ["compare"] => results::print_changes(SystemTime::UNIX_EPOCH),
        ["--short", ref names @ ..] => run(measure::Plan::SHORT, names),
        _ => run(measure::Plan::WHOLE, &args),
    }
}

fn run(plan: measure::Plan, names: &[&str]) {
    let known = MEASUREMENTS.map(|(name, _)| name);
    let unknown = names.iter().find(|&it| *it != "all" && !known.contains(it));
    if let Some(unknown) = unknown {
        eprintln!("there is no `{unknown}`; there is: all {}", known.join(" "));
        std::process::exit(2);
    }
    if names.is_empty() {
        eprintln!("what is to be measured? all {}", known.join(" "));
        std::process::exit(2);
    }
    let start = SystemTime::now();
    let mut chosen = MEASUREMENTS.to_vec();
    chosen.retain(|(it, _)| names.contains(it) || names.contains(&"all"));
    for (index, (name, main)) in chosen.iter().enumerate() {
        let begun = Instant::now();
        results::progress(name, index, chosen.len());
        main(plan);
        println!("{name} took {:.0} s", begun.elapsed().as_secs_f64());
    }
    if plan.is_kept {
        results::print_changes(start);
    }
}
