//! Real programs as they are and on a heap of ours, stage 3's unless another
//! library is named. Those with threads are for the stages that allow it:
//!
//! ```text
//! cargo run --release -p timing --example real_programs
//! cargo run --release -p timing --example real_programs -- malloc2 sort perl
//! cargo run --release -p timing --example real_programs -- malloc4
//! cargo run --release -p timing --example real_programs -- malloc5
//! ```
//!
//! The times are those of the processors, of all threads and processes
//! together. It needs Linux with glibc, gcc, perl, python3, sqlite3 and git;
//! with threads also xz, zstd and redis.

use std::env;

use timing::programs::{ALONE, THREADED, Work};
use timing::run::Used;
use timing::workspace::build_example;

/// The heaps for programs with threads.
const MANY_THREADS: [&str; 3] = ["malloc4", "malloc5_one_stack", "malloc5"];

/// Each is run so often, and the shortest time counts.
const RUNS: usize = 3;

fn main() {
    let mut args = env::args().skip(1);
    let library = args.next().unwrap_or_else(|| "malloc3".to_owned());
    let wanted: Vec<String> = args.collect();
    let ours = build_example(&library);
    let name = match &*library {
        "malloc5" => "a stack a thread".to_owned(),
        _ => library.replace("malloc", "stage ").replace('_', " "),
    };

    println!("{:32} {:>16} {name:>17}", "", "glibc");
    let threaded: &[Work] =
        if MANY_THREADS.contains(&&*library) { &THREADED } else { &[] };
    for work in ALONE.iter().chain(threaded) {
        if !wanted.is_empty() && !wanted.iter().any(|it| is_named(work, it)) {
            continue;
        }
        let mut glibc = Vec::new();
        let mut with = Vec::new();
        // In turns: what else the machine does hits both.
        for _ in 0..RUNS {
            glibc.push(work.run(&[]).used);
            with.push(work.run(&[&ours]).used);
        }
        let (time, memory) = least(&glibc);
        let (our_time, our_memory) = least(&with);
        println!(
            "{:32} {time:5.2} s {memory:4.0} MB  {our_time:5.2} s \
             {our_memory:4.0} MB  ×{:.2}",
            work.name,
            our_time / time,
        );
    }
}

fn is_named(work: &Work, name: &str) -> bool {
    work.name.starts_with(name)
}

/// The least time, in seconds, and the least memory, in MB.
fn least(runs: &[Used]) -> (f64, f64) {
    let time = runs.iter().map(|used| used.time).min();
    let memory = runs.iter().map(|used| used.memory).min();
    (
        time.expect("at least one run").as_secs_f64(),
        memory.expect("at least one run") as f64 / 1e6,
    )
}
