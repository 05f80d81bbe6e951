//! Measures the allocators of this workspace and some that people use.
//!
//! ```text
//! cargo run --release -p bench -- all
//! ```
//!
//! Instead of `all`: one or more of `nested`, `threads`, `random`, `queue`,
//! `traces`, `memory` and `preloaded`. Each writes a table, or two, below
//! `tests/bench/results`. With `--short` first, all is measured once and
//! nothing is written: for a look whether it works.
//!
//! It needs compilers for C and C++, and for `preloaded` Debian's packages
//! libmimalloc2.0, libjemalloc2, libtcmalloc-minimal4 and valgrind: what is
//! not there is left out, with a word.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
compile_error!("the bench needs Linux with glibc");

use stage4_threadsafe::{Heap, LockedHeap, Mutex, ReservedBrk};

mod allocators;
mod measure;
mod memory;
mod nested;
mod preloaded;
mod queue;
mod random;
mod results;
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
const MEASUREMENTS: [Measurement; 7] = [
    ("nested", nested::main),
    ("threads", threads::main),
    ("random", random::main),
    ("queue", queue::main),
    ("traces", traces::main),
    ("memory", memory::main),
    ("preloaded", preloaded::main),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    // This program starts itself for what needs a fresh process.
    match args[..] {
        ["in-queue", allocator, items] => queue::child(allocator, items),
        ["in-memory", allocator, trace] => memory::child(allocator, trace),
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
    for (name, main) in MEASUREMENTS {
        if names.contains(&name) || names.contains(&"all") {
            main(plan);
        }
    }
}
