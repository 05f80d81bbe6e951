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
use std::path::Path;

use timing::preload::Moves;
use timing::programs::{ALONE, Done, THREADED, Work};
use timing::progress::Progress;
use timing::results::NO_FIGURE;
use timing::run::Used;
use timing::workspace::build_example;

/// The heaps for programs with threads.
const MANY_THREADS: [&str; 3] = ["malloc4", "malloc5_one_stack", "malloc5"];

/// In front of a program too: some bring another allocator. Debian's
/// redis-server is linked with jemalloc.
const GLIBC: &str = "libc.so.6";

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

    let threaded: &[Work] =
        if MANY_THREADS.contains(&&*library) { &THREADED } else { &[] };
    let mut works: Vec<&Work> = ALONE.iter().chain(threaded).collect();
    if !wanted.is_empty() {
        works.retain(|work| wanted.iter().any(|it| is_named(work, it)));
    }
    let progress = Progress::new(works.len() * RUNS);
    progress.print(format!("{:32} {:>16} {name:>22}", "", "glibc"));
    for work in works {
        let figures = match in_turns(work, &ours, &progress) {
            Ok((glibc, ours)) => figures(&glibc, &ours),
            Err(why) => format!("{NO_FIGURE}: {why}"),
        };
        progress.print(format!("{:32} {figures}", work.name));
    }
}

/// What it uses on glibc's heap and on ours, several times.
fn in_turns(
    work: &Work,
    ours: &Path,
    progress: &Progress,
) -> Result<(Vec<Used>, Vec<Used>), String> {
    let (mut glibc, mut with) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        progress.step(work.name);
        let expected = work
            .measure(&[Path::new(GLIBC)])
            .map_err(|why| format!("on glibc, {why}"))?;
        let done = work.measure(&[ours])?;
        same(&expected, &done)?;
        glibc.push(expected.used);
        with.push(done.used);
    }
    Ok((glibc, with))
}

/// Looks whether the second was at work on our heap, and made the same.
fn same(expected: &Done, done: &Done) -> Result<(), String> {
    let calls = |moves: &Moves| moves.calls;
    if done.moves.iter().map(calls).sum::<u64>() == 0 {
        return Err("our heap was not used".to_owned());
    }
    let made = |done: &Done| (done.outcome.stdout.clone(), done.result.clone());
    if made(expected) != made(done) {
        return Err("it makes something else on our heap".to_owned());
    }
    Ok(())
}

fn figures(glibc: &[Used], ours: &[Used]) -> String {
    let (time, memory) = least(glibc);
    let (our_time, our_memory) = least(ours);
    let ratio = our_time / time;
    format!(
        "{time:5.2} s {memory:4.0} MB       {our_time:5.2} s {our_memory:4.0} MB  \
         ×{ratio:.2}"
    )
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
