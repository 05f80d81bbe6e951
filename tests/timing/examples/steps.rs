//! What the steps of stage 3 cost in time and in memory.
//!
//! ```text
//! cargo run --release -p timing --example steps
//! ```
//!
//! Each heap does the same: it holds a number of blocks of random sizes, and
//! again and again one of them, any one, is freed and a new one is made.

use std::hint::black_box;
use std::time::{Duration, Instant};

use fastrand::Rng;
use stage3_freelist::{Brk, Heap, OutOfMemory, SimBrk};

#[path = "../../../book/steps/3-1-reuse.rs"]
#[allow(dead_code)]
mod reuse;

#[path = "../../../book/steps/3-2-boundary-tags.rs"]
#[allow(dead_code)]
mod boundary_tags;

#[path = "../../../book/steps/3-3-one-list.rs"]
#[allow(dead_code)]
mod one_list;

/// How many blocks are alive while the time is taken. Where all blocks are
/// looked at, the most of them would take too long.
const LIVE: [usize; 3] = [1_000, 10_000, 100_000];

/// How often a block is freed and a new one made while the memory is measured.
const PAIRS: usize = 200_000;

/// The time is taken so often, for so long. The best counts: whatever else the
/// machine does can only add to it.
const TIMES: usize = 5;
const LONG_ENOUGH: Duration = Duration::from_millis(100);

/// Blocks have 1 byte to so many.
const LARGEST: usize = 1_000;

fn main() {
    let [few, more, many] = LIVE;
    println!("Of blocks of 1 to {LARGEST} bytes one is freed, and one made.");
    println!("The time for both, in ns, with so many blocks alive, and the");
    println!("bytes of heap for each byte in use, with {few} alive.");
    println!();
    println!("{:18} {few:>9} {more:>9} {many:>9} {:>6}", "", "heap");
    row(reuse());
    row(boundary_tags());
    row(one_list());
    row(size_classes());
}

/// A step, or the stage itself.
struct Step<H> {
    name: &'static str,
    /// Whether a request looks at all blocks, those in use too.
    looks_at_all: bool,
    new: fn(SimBrk<'static>) -> H,
    malloc: fn(&mut H, usize) -> *mut u8,
    free: unsafe fn(&mut H, *mut u8),
}

fn reuse() -> Step<reuse::Heap<SimBrk<'static>>> {
    Step {
        name: "1  reuse and split",
        looks_at_all: true,
        new: reuse::Heap::new,
        malloc: reuse::Heap::malloc,
        free: reuse::Heap::free,
    }
}

fn boundary_tags() -> Step<boundary_tags::Heap<SimBrk<'static>>> {
    Step {
        name: "2  boundary tags",
        looks_at_all: true,
        new: boundary_tags::Heap::new,
        malloc: boundary_tags::Heap::malloc,
        free: boundary_tags::Heap::free,
    }
}

fn one_list() -> Step<one_list::Heap<SimBrk<'static>>> {
    Step {
        name: "3  one list",
        looks_at_all: false,
        new: one_list::Heap::new,
        malloc: one_list::Heap::malloc,
        free: one_list::Heap::free,
    }
}

fn size_classes() -> Step<Heap<SimBrk<'static>>> {
    Step {
        name: "4  size classes",
        looks_at_all: false,
        new: Heap::new,
        malloc: Heap::malloc,
        free: Heap::free,
    }
}

/// Prints what a step costs.
fn row<H>(step: Step<H>) {
    print!("{:18}", step.name);
    for live in LIVE {
        if step.looks_at_all && live == LIVE[2] {
            print!(" {:>9}", "-");
        } else {
            let work = Work::new(&step, live);
            print!(" {:9.0}", nanoseconds(work));
        }
    }
    let work = Work::new(&step, LIVE[0]);
    println!(" {:6.2}", heap_for_payload(work));
}

/// How long a free and a malloc take together, once things have settled.
fn nanoseconds<H>(mut work: Work<'_, H>) -> f64 {
    let settle = work.live.len();
    for _ in 0..settle {
        work.pair();
    }
    let times = (0..TIMES).map(|_| nanoseconds_once(&mut work));
    times.fold(f64::INFINITY, f64::min)
}

fn nanoseconds_once<H>(work: &mut Work<'_, H>) -> f64 {
    let (mut pairs, start) = (0, Instant::now());
    while start.elapsed() < LONG_ENOUGH {
        for _ in 0..100 {
            work.pair();
        }
        pairs += 100;
    }
    start.elapsed().as_nanos() as f64 / f64::from(pairs)
}

/// How many bytes of heap there are for each byte of payload: the most of both.
fn heap_for_payload<H>(mut work: Work<'_, H>) -> f64 {
    for _ in 0..PAIRS {
        work.pair();
    }
    work.most_heap as f64 / work.most_payload as f64
}

/// A program that holds blocks.
struct Work<'s, H> {
    step: &'s Step<H>,
    heap: H,
    rng: Rng,
    live: Vec<(*mut u8, usize)>,
    /// Where the heap starts.
    start: usize,
    payload: usize,
    most_payload: usize,
    /// How far up blocks have reached.
    most_heap: usize,
}

impl<'s, H> Work<'s, H> {
    /// A program that holds `count` blocks.
    fn new(step: &'s Step<H>, count: usize) -> Self {
        // It is there until the program ends. What is never touched costs
        // nothing.
        let room = Box::new_uninit_slice(4 * count * LARGEST);
        let brk = SimBrk::new(Box::leak(room));
        let start = brk.start().addr().get();
        let mut work = Self {
            step,
            heap: (step.new)(brk),
            rng: Rng::with_seed(3),
            live: Vec::with_capacity(count),
            start,
            payload: 0,
            most_payload: 0,
            most_heap: 0,
        };
        for _ in 0..count {
            let block = work.make();
            work.live.push(block);
        }
        work
    }

    /// Frees a block and makes another.
    fn pair(&mut self) {
        let index = self.rng.usize(..self.live.len());
        let (payload, size) = self.live[index];
        // SAFETY: it is a block, and nobody uses it after this.
        unsafe { (self.step.free)(&mut self.heap, payload) };
        self.payload -= size;
        self.live[index] = self.make();
    }

    fn make(&mut self) -> (*mut u8, usize) {
        let size = self.rng.usize(1..=LARGEST);
        let payload = black_box((self.step.malloc)(&mut self.heap, size));
        assert!(!payload.is_null(), "{}: no memory left", self.step.name);
        self.payload += size;
        self.most_payload = self.most_payload.max(self.payload);
        let heap = payload.addr() + size - self.start;
        self.most_heap = self.most_heap.max(heap);
        (payload, size)
    }
}
