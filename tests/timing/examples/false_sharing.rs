//! What a step costs each of two threads that count, the nearer their counters.
//!
//! ```text
//! cargo run --release -p timing --example false_sharing
//! ```

use std::hint;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use timing::score::time::own_time;

/// How far a thread counts in a measurement.
const STEPS: u32 = 200_000;

/// Each is measured so often, in turns, and the slowest counts: on a busy machine
/// two threads seldom run at the same time.
const TIMES: usize = 301;

/// How many bytes lie from one counter to the other.
const DISTANCES: [usize; 6] = [8, 16, 32, 64, 128, 256];

/// A counter has eight bytes.
const COUNTER: usize = size_of::<AtomicU64>();

/// Counters in a row. The first is the first in a line of the cache.
#[repr(align(4096))]
struct Counters([AtomicU64; 512 / COUNTER]);

fn main() {
    let mut alone = Vec::new();
    let mut times = [const { Vec::new() }; DISTANCES.len()];
    for _ in 0..TIMES {
        alone.push(measure(&[0]));
        for (distance, times) in DISTANCES.iter().zip(&mut times) {
            times.push(measure(&[0, distance / COUNTER]));
        }
    }
    println!("Nanoseconds for a step, in the slowest of {TIMES} turns");
    println!("one thread, alone        {:5.1}", most(alone));
    println!("two, from counter to counter");
    for (distance, times) in DISTANCES.iter().zip(times) {
        println!("{distance:15} bytes    {:5.1}", most(times));
    }
}

/// Nanoseconds for a step of the slowest, where one thread counts at each of
/// these places.
fn measure(places: &[usize]) -> f64 {
    let counters = Counters([const { AtomicU64::new(0) }; 512 / COUNTER]);
    let waiting = AtomicUsize::new(places.len());
    let count = |place: usize| {
        let counter = &counters.0[place];
        waiting.fetch_sub(1, Ordering::AcqRel);
        // Whoever sleeps here is late.
        while waiting.load(Ordering::Acquire) > 0 {
            hint::spin_loop();
        }
        let start = own_time();
        for _ in 0..STEPS {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        (own_time() - start) / f64::from(STEPS)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = places
            .iter()
            .map(|&place| scope.spawn(move || count(place)))
            .collect();
        let times = threads.into_iter().map(|it| it.join().expect("it counts"));
        times.fold(0.0, f64::max)
    })
}

fn most(times: Vec<f64>) -> f64 {
    times.into_iter().fold(0.0, f64::max)
}
