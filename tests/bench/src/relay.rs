//! Threads that come and go. Two at a time are at work, as in a server that has
//! a thread for each request. Each gets the blocks of the one before it, frees
//! some and allocates others in their place, ends, and hands all on to the
//! next. So what a thread frees was mostly allocated by others, which are gone.

use std::thread;
use std::time::Instant;

use fastrand::Rng;

use crate::allocators::{
    Allocator, Contender, NOTHING, PEERS, PER_THREAD, STAGE_4, by_name,
    more_peers,
};
use crate::measure::{self, Plan, Spread};
use crate::memory::{forget_most, memory, most_memory};
use crate::nested::touch;
use crate::results::{self, in_a_fresh_process};

/// How many blocks a thread hands on, and how many of them it replaces.
const BLOCKS: usize = 1000;
const STEPS: usize = 1000;

/// How many threads there are, one after the other, on each of two lanes.
const ROUNDS: usize = 1500;

pub fn main(plan: Plan) {
    // Not one stack: it would grow with every round.
    let ours = [NOTHING, PER_THREAD, STAGE_4];
    let contenders = [&ours[..], &PEERS, &more_peers()].concat();
    let turns = plan.turns.min(9);
    let rounds = if plan.is_kept { ROUNDS } else { ROUNDS / 15 };
    // For each contender: times, most memory.
    let mut numbers = vec![[const { Vec::new() }; 2]; contenders.len()];
    for _ in 0..turns {
        for (contender, numbers) in contenders.iter().zip(&mut numbers) {
            let args = ["in-relay", contender.name, &rounds.to_string()];
            let results = in_a_fresh_process(&args);
            for (numbers, result) in numbers.iter_mut().zip(results) {
                numbers.push(result);
            }
        }
    }
    let spreads: Vec<[Spread; 2]> =
        numbers.into_iter().map(|it| it.map(Spread::of)).collect();
    let names = contenders.iter().map(|it| it.name);
    let times: Vec<_> = names.zip(spreads.iter().map(|it| it[0])).collect();
    let mut rows = measure::rows(&[], &times);
    let alone = spreads[0][1].middle;
    for (row, [_, most]) in rows.iter_mut().zip(&spreads) {
        row.push(format!("{:.0}", (most.middle - alone).max(0.0)));
    }
    let columns = [&measure::COLUMNS[..], &["bytes"]].concat();
    results::keep(plan, "relay", &columns, &rows);
}

/// Prints nanoseconds for a round by the clock on the wall, since threads may
/// wait for each other, and the most memory that it all took.
pub fn child(allocator: &str, rounds: &str) {
    let contender = by_name(allocator);
    let rounds: usize = rounds.parse().expect("a number of rounds");
    let mut lanes = [0, 1].map(Lane::new);
    let before = memory();
    forget_most();
    let start = Instant::now();
    thread::scope(|scope| {
        for lane in &mut lanes {
            scope.spawn(move || lane.run(contender, rounds));
        }
    });
    let time = start.elapsed().as_nanos() as f64 / rounds as f64;
    println!("{time} {}", most_memory().saturating_sub(before));
}

/// What is handed on.
struct Lane {
    blocks: Vec<Block>,
    rng: Rng,
}

struct Block(*mut u8, usize);

// SAFETY: a block belongs to whoever has it.
unsafe impl Send for Block {}

impl Lane {
    fn new(seed: u64) -> Self {
        Self { blocks: Vec::with_capacity(BLOCKS), rng: Rng::with_seed(seed) }
    }

    /// Starts one thread after the other.
    fn run(&mut self, contender: Contender, rounds: usize) {
        for _ in 0..rounds {
            thread::scope(|scope| {
                scope.spawn(|| self.round(&mut *(contender.new)()));
            });
        }
    }

    fn round(&mut self, allocator: &mut dyn Allocator) {
        while self.blocks.len() < BLOCKS {
            let block = self.block(allocator);
            self.blocks.push(block);
        }
        for _ in 0..STEPS {
            let at = self.rng.usize(..BLOCKS);
            let Block(block, size) = self.blocks[at];
            // SAFETY: the block is ours, and another takes its place.
            unsafe { allocator.free(block, size) };
            self.blocks[at] = self.block(allocator);
        }
    }

    fn block(&mut self, allocator: &mut dyn Allocator) -> Block {
        let size = self.rng.usize(16..=512);
        let block = allocator.malloc(size);
        touch(block);
        Block(block, size)
    }
}
