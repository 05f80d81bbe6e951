//! What it costs to find a chunk in the stack, by how many lie above it: with
//! the walk from the top alone, and with the search that stage 5 goes over to.
//!
//! ```text
//! cargo run --release -p timing --example find_chunk
//! ```
//!
//! Both do the same work in turns: again and again a chunk is pushed, and the
//! one is freed that then has so many chunks above it.

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Instant;

use stage5_lifo_stack::{Brk, Heap, SimBrk};

#[path = "../../../book/steps/5-1-ground.rs"]
#[allow(dead_code)]
mod ground;

/// How many chunks lie above the one that is freed.
const ABOVE: [usize; 7] = [0, 1, 8, 64, 512, 4096, 16_384];

/// Each is measured so often, and the time in the middle counts.
const TIMES: usize = 9;

/// So many chunks are pushed and freed in a measurement.
const PAIRS: usize = 10_000;

/// Room for the chunks of a measurement, those that wait included.
const CHUNKS: usize = 32_768;

const SIZE: usize = 16;

fn main() {
    let mut walk = Box::new(ground::Heap::<_, CHUNKS>::new(brk()));
    let mut search = Box::new(Heap::<_, CHUNKS>::new(brk()));
    println!("Nanoseconds to push a chunk and to free another one");
    println!();
    println!("chunks above it    the walk alone      and the search");
    for above in ABOVE {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..TIMES {
            times[0].push(nanoseconds(&mut *walk, above));
            times[1].push(nanoseconds(&mut *search, above));
        }
        let [walk, search] = times.map(middle);
        println!(
            "{above:15} {:>10} ±{:6} {:>10} ±{:6}  ×{:.1}",
            short(walk.0),
            short(walk.1),
            short(search.0),
            short(search.1),
            walk.0 / search.0,
        );
    }
}

fn brk() -> SimBrk<'static> {
    SimBrk::new(Box::leak(Box::new_uninit_slice(2 * CHUNKS * SIZE)))
}

trait Stack {
    fn push(&mut self) -> *mut u8;

    /// # Safety
    ///
    /// `chunk` is live, and nobody uses it any more.
    unsafe fn free(&mut self, chunk: *mut u8);
}

impl<B: Brk> Stack for ground::Heap<B, CHUNKS> {
    fn push(&mut self) -> *mut u8 {
        self.malloc(SIZE)
    }

    unsafe fn free(&mut self, chunk: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { self.free(chunk) };
    }
}

impl<B: Brk> Stack for Heap<B, CHUNKS> {
    fn push(&mut self) -> *mut u8 {
        self.malloc(SIZE)
    }

    unsafe fn free(&mut self, chunk: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { self.free(chunk) };
    }
}

/// The time for a push and a free. The stack is empty before and after.
fn nanoseconds(stack: &mut dyn Stack, above: usize) -> f64 {
    let mut chunks = VecDeque::with_capacity(above + 1);
    chunks.extend((0..above).map(|_| stack.push()));
    let start = Instant::now();
    for _ in 0..PAIRS {
        chunks.push_back(black_box(stack.push()));
        let chunk = chunks.pop_front().expect("one was pushed");
        // SAFETY: the chunk is live, and nobody uses it.
        unsafe { stack.free(black_box(chunk)) };
    }
    let time = start.elapsed();
    for chunk in chunks.into_iter().rev() {
        // SAFETY: as above.
        unsafe { stack.free(chunk) };
    }
    time.as_nanos() as f64 / PAIRS as f64
}

/// The time in the middle, and half of what the middle half of them covers.
fn middle(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    let at = |part: usize| times[times.len() * part / 4];
    (at(2), (at(3) - at(1)) / 2.0)
}

/// A number with a digit after the point, if that says something.
fn short(number: f64) -> String {
    if number < 100.0 { format!("{number:.1}") } else { format!("{number:.0}") }
}
