//! A queue between two threads: one allocates, the other frees. It is bounded,
//! and never empty until the end.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use fastrand::Rng;

use crate::allocators::{
    NOTHING, PEERS, PER_THREAD, STAGE_4, by_name, more_peers,
};
use crate::measure::{self, Plan, Spread};
use crate::memory::{forget_most, memory, most_memory};
use crate::nested::{sizes, touch};
use crate::results::{self, in_a_fresh_process};

/// How many items the queue has room for, and how many it has at least while
/// there are more to come.
const ROOM: usize = 1024;
const LEAST: usize = 64;

const ITEMS: usize = 1_000_000;

pub fn main(plan: Plan) {
    // Not one stack: it would grow with every item.
    let ours = [NOTHING, PER_THREAD, STAGE_4];
    let contenders = [&ours[..], &PEERS, &more_peers()].concat();
    let turns = plan.turns.min(9);
    let items = if plan.is_kept { ITEMS } else { ITEMS / 20 };
    // For each contender: times, memory after a tenth, most memory.
    let mut numbers = vec![[const { Vec::new() }; 3]; contenders.len()];
    for _ in 0..turns {
        for (contender, numbers) in contenders.iter().zip(&mut numbers) {
            let args = ["in-queue", contender.name, &items.to_string()];
            let results = in_a_fresh_process(&args);
            for (numbers, result) in numbers.iter_mut().zip(results) {
                numbers.push(result);
            }
        }
    }
    let spreads: Vec<[Spread; 3]> =
        numbers.into_iter().map(|it| it.map(Spread::of)).collect();
    let names = contenders.iter().map(|it| it.name);
    let times: Vec<_> =
        names.zip(spreads.iter().map(|[time, ..]| *time)).collect();
    let mut rows = measure::rows(&[], &times);
    let [_, tenth_alone, most_alone] = spreads[0].map(|it| it.middle);
    for (row, [_, tenth, most]) in rows.iter_mut().zip(&spreads) {
        row.push(format!("{:.0}", (tenth.middle - tenth_alone).max(0.0)));
        row.push(format!("{:.0}", (most.middle - most_alone).max(0.0)));
    }
    let memory = ["bytes_after_a_tenth", "bytes"];
    let columns = [&measure::COLUMNS[..], &memory].concat();
    results::keep(plan, "queue", &columns, &rows);
}

/// Prints nanoseconds for an item, and the memory that it took: the most in the
/// first tenth, and the most.
pub fn child(allocator: &str, items: &str) {
    let contender = by_name(allocator);
    let items: usize = items.parse().expect("a number of items");
    let sizes = sizes(&mut Rng::with_seed(1));
    let queue = Queue::new();
    let before = memory();
    forget_most();
    let start = Instant::now();
    let tenth = thread::scope(|scope| {
        let (queue, sizes) = (&queue, &sizes);
        scope.spawn(move || {
            let mut allocator = (contender.new)();
            for size in sizes.iter().cycle().take(items) {
                let block = allocator.malloc(*size);
                touch(block);
                queue.put(block);
            }
        });
        let mut allocator = (contender.new)();
        let mut tenth = 0;
        for (item, size) in sizes.iter().cycle().enumerate().take(items) {
            if item == items / 10 {
                tenth = most_memory();
            }
            let block = queue.take(items - item);
            // SAFETY: the other thread has put it there, for us.
            unsafe { allocator.free(block, *size) };
        }
        tenth
    });
    let time = start.elapsed().as_nanos() as f64 / items as f64;
    let most = most_memory().saturating_sub(before);
    println!("{time} {} {most}", tenth.saturating_sub(before));
}

struct Queue {
    blocks: Vec<AtomicPtr<u8>>,
    /// How many items were put here, and taken from here, in all.
    put: Padded,
    taken: Padded,
}

/// On a line of the cache of its own.
#[repr(align(128))]
struct Padded(AtomicUsize);

impl Queue {
    fn new() -> Self {
        let blocks = (0..ROOM).map(|_| AtomicPtr::default()).collect();
        let [put, taken] = [0; 2].map(|it| Padded(AtomicUsize::new(it)));
        Self { blocks, put, taken }
    }

    fn put(&self, block: *mut u8) {
        let put = self.put.0.load(Ordering::Relaxed);
        wait_until(|| put - self.taken.0.load(Ordering::Acquire) < ROOM);
        self.blocks[put % ROOM].store(block, Ordering::Relaxed);
        self.put.0.store(put + 1, Ordering::Release);
    }

    /// Takes an item, of those `to_come`.
    fn take(&self, to_come: usize) -> *mut u8 {
        let taken = self.taken.0.load(Ordering::Relaxed);
        let least = LEAST.min(to_come);
        wait_until(|| self.put.0.load(Ordering::Acquire) - taken >= least);
        let block = self.blocks[taken % ROOM].load(Ordering::Relaxed);
        self.taken.0.store(taken + 1, Ordering::Release);
        block
    }
}

/// There may be less than two cores for us: after a while, others may go first.
fn wait_until(is_true: impl Fn() -> bool) {
    let mut looks = 0;
    while !is_true() {
        looks += 1;
        if looks % 100 == 0 {
            thread::yield_now();
        }
        spin_loop();
    }
}
