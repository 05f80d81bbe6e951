//! What a step costs that other threads may see, when nobody else is there.
//!
//! ```text
//! cargo run --release -p timing --example atomics_cost
//! ```

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use spin::mutex::SpinMutex;

/// How often a step is taken in a measurement.
const STEPS: u32 = 2_000_000;

/// Each is measured so often, in turns, and the time in the middle counts.
const TIMES: usize = 21;

type Step = fn(&AtomicU32, &SpinMutex<u32>, u32);

const ROWS: [(&str, Step); 7] = [
    ("nothing but the loop", |_, _, _| ()),
    ("a store with Relaxed", |atomic, _, step| {
        atomic.store(step, Ordering::Relaxed);
    }),
    ("a store with Release", |atomic, _, step| {
        atomic.store(step, Ordering::Release);
    }),
    ("a load with Relaxed", |atomic, _, _| {
        black_box(atomic.load(Ordering::Relaxed));
    }),
    ("a load with Acquire", |atomic, _, _| {
        black_box(atomic.load(Ordering::Acquire));
    }),
    ("an exchange", |atomic, _, step| {
        black_box(atomic.swap(step, Ordering::AcqRel));
    }),
    ("a lock, taken and released", |_, lock, step| *lock.lock() = step),
];

fn main() {
    let mut times = [const { Vec::new() }; ROWS.len()];
    for _ in 0..TIMES {
        for ((_, step), times) in ROWS.iter().zip(&mut times) {
            times.push(measure(*step));
        }
    }
    println!("Nanoseconds for a step, with the loop around it");
    for ((name, _), times) in ROWS.iter().zip(times) {
        println!("{name:28}{:5.1}", middle(times));
    }
}

/// Nanoseconds for a step and the loop around it.
fn measure(step: Step) -> f64 {
    let (atomic, lock) = (AtomicU32::new(0), SpinMutex::new(0));
    let step = black_box(step);
    let start = Instant::now();
    for number in 0..STEPS {
        step(black_box(&atomic), black_box(&lock), number);
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(STEPS)
}

fn middle(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
