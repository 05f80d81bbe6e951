//! Calls that nest: a function allocates one to three blocks of 16 to 512
//! bytes, calls another that does the same, and frees its blocks.

use std::ptr;

use fastrand::Rng;

use crate::allocators::{
    ALONE, Allocator, BUMP, BUMPALO, NOTHING, ONE_STACK, PEERS, PER_THREAD,
    STAGE_2, STAGE_3, STAGE_4, more_peers,
};
use crate::measure::{self, Plan, in_turns, own_time};
use crate::results;

/// How many calls are open at the deepest point.
const DEPTHS: [usize; 3] = [10, 100, 1000];

/// How many blocks there are in a loop.
const LOOP: usize = 100;

/// In which order a function frees what it has allocated.
#[derive(Clone, Copy)]
pub enum Order {
    LastFirst,
    Shuffled,
}

pub fn main(plan: Plan) {
    // Not stage 1: it would take more and more memory.
    let nothing = [NOTHING, BUMP, BUMPALO];
    let ours = [PER_THREAD, ONE_STACK, STAGE_4, STAGE_3, STAGE_2];
    let contenders =
        [&nothing, &ours[..], &PEERS, &ALONE, &more_peers()].concat();
    let names: Vec<_> = contenders.iter().map(|it| it.name).collect();
    let mut allocators: Vec<_> =
        contenders.iter().map(|it| (it.new)()).collect();
    let mut rows = Vec::new();
    let mut add = |work: &str, size: usize, spreads: Vec<_>| {
        let results: Vec<_> = names.iter().copied().zip(spreads).collect();
        rows.extend(measure::rows(&[work, &size.to_string()], &results));
    };
    for (name, order) in
        [("nested", Order::LastFirst), ("shuffled", Order::Shuffled)]
    {
        for depth in DEPTHS {
            let mut calls = Calls::new(order, 1);
            let spreads = in_turns(plan.turns, &mut allocators, |allocator| {
                for_a_while(plan, || calls.call(&mut **allocator, depth))
            });
            add(name, depth, spreads);
        }
    }
    let sizes = &sizes(&mut Rng::with_seed(1))[..LOOP];
    let spreads = in_turns(plan.turns, &mut allocators, |allocator| {
        for_a_while(plan, || in_a_loop(&mut **allocator, sizes))
    });
    add("loop", LOOP, spreads);
    let columns = [&["work", "size"][..], &measure::COLUMNS].concat();
    results::keep(plan, "nested", &columns, &rows);
}

/// Does some work, which says how many pairs of malloc and free it was, over
/// and over. Returns the nanoseconds for a pair.
fn for_a_while(plan: Plan, mut work: impl FnMut() -> usize) -> f64 {
    // Another contender had the processor's caches: this one needs them now.
    for_nanoseconds(plan.turn / 5.0, &mut work);
    for_nanoseconds(plan.turn, &mut work)
}

fn for_nanoseconds(long: f64, work: &mut impl FnMut() -> usize) -> f64 {
    let start = own_time();
    let mut pairs = 0;
    loop {
        // To look at the clock takes as long as many pairs.
        let enough = pairs + 20_000;
        while pairs < enough {
            pairs += work();
        }
        let time = own_time() - start;
        if time >= long {
            return time / pairs as f64;
        }
    }
}

/// How many calls are known before they repeat: a power of two.
const KNOWN: usize = 1024;

/// What each call does, drawn beforehand.
pub struct Calls {
    calls: Vec<Call>,
    next: usize,
}

struct Call {
    count: usize,
    sizes: [usize; 3],
    /// In which order it frees its blocks.
    order: [usize; 3],
}

impl Calls {
    pub fn new(order: Order, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let call = |_| {
            let count = rng.usize(1..=3);
            let sizes = [(); 3].map(|()| rng.usize(16..=512));
            let mut last_first = [0, 1, 2];
            last_first[..count].reverse();
            if let Order::Shuffled = order {
                rng.shuffle(&mut last_first[..count]);
            }
            Call { count, sizes, order: last_first }
        };
        Self { calls: (0..KNOWN).map(call).collect(), next: 0 }
    }

    /// A function that has memory of its own, and calls another. Returns how
    /// many blocks there were in all.
    #[inline(never)]
    pub fn call(
        &mut self,
        allocator: &mut dyn Allocator,
        depth: usize,
    ) -> usize {
        let at = self.next;
        self.next = (at + 1) % KNOWN;
        let count = self.calls[at].count;
        let mut blocks = [ptr::null_mut(); 3];
        for (block, &size) in
            blocks.iter_mut().zip(&self.calls[at].sizes).take(count)
        {
            *block = allocator.malloc(size);
            touch(*block);
        }
        let mut pairs = count;
        if depth > 1 {
            pairs += self.call(allocator, depth - 1);
        }
        let call = &self.calls[at];
        for &index in &call.order[..count] {
            // SAFETY: the block is ours, and nobody uses it any more.
            unsafe { allocator.free(blocks[index], call.sizes[index]) };
        }
        pairs
    }
}

/// Writes to a block, as whoever asks for one would.
pub fn touch(block: *mut u8) {
    assert!(!block.is_null(), "out of memory");
    // SAFETY: a block has one byte at least.
    unsafe { block.write_volatile(1) };
}

/// Sizes for a while.
pub fn sizes(rng: &mut Rng) -> Vec<usize> {
    (0..KNOWN).map(|_| rng.usize(16..=512)).collect()
}

/// Allocates some blocks, and frees them the last one first.
fn in_a_loop(allocator: &mut dyn Allocator, sizes: &[usize]) -> usize {
    let mut blocks = [ptr::null_mut(); LOOP];
    for (block, &size) in blocks.iter_mut().zip(sizes) {
        *block = allocator.malloc(size);
        touch(*block);
    }
    for (&block, &size) in blocks.iter().zip(sizes).rev() {
        // SAFETY: the block is ours, and nobody uses it any more.
        unsafe { allocator.free(block, size) };
    }
    LOOP
}
