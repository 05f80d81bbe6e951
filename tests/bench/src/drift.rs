//! The heap after a long run: many calls, whose sizes drift from small to large
//! and back, again and again. Some blocks live long and most do not. Does the
//! process have more memory each time that the sizes are as they were?
//!
//! Each allocator is in a fresh process. A byte of every page of a block is
//! written to, so all that the program has is in memory.

use fastrand::Rng;

use crate::allocators::{
    ALONE, Allocator, PEERS, PER_THREAD, STAGE_3, STAGE_4, by_name, more_peers,
};
use crate::measure::Plan;
use crate::memory::{have_all_of_each_file, memory};
use crate::results::{self, in_fresh_processes};

/// How many calls of `malloc` and `free` there are, and after how many to look.
const CALLS: usize = 100_000_000;
const STEP: usize = 1_000_000;

/// How many calls it takes until the sizes are as they were.
const PERIOD: usize = 20 * STEP;

/// How many blocks are alive, and how many of them do not live long.
const SLOTS: usize = 20_000;
const SHORT_LIVED: usize = SLOTS / 4;

/// One block in so many that are replaced is one of those that live long.
const SELDOM: usize = 16;

/// The middle of the sizes goes from here, this many times to its double, and
/// back.
const SMALLEST: f64 = 32.0;
const DOUBLED: f64 = 7.0;

pub fn main(plan: Plan) {
    // Neither stage 1 nor 2 nor one stack: they would be at it for an hour.
    let ours = [STAGE_3, STAGE_4, PER_THREAD];
    let contenders = [&ours[..], &PEERS, &more_peers(), &ALONE].concat();
    let looks = if plan.is_kept { CALLS } else { PERIOD / 4 } / STEP;
    let looks = looks.to_string();
    let names = contenders.iter().map(|it| it.name);
    let jobs: Vec<_> = names.map(|it| ["in-drift", it, &looks]).collect();
    let mut rows = Vec::new();
    for ([_, name, _], seen) in jobs.iter().zip(in_fresh_processes(&jobs)) {
        for (look, seen) in seen.chunks(2).enumerate() {
            let calls = ((look + 1) * STEP).to_string();
            let period = (look * STEP / PERIOD + 1).to_string();
            let [live, memory] = [0, 1].map(|it| format!("{:.0}", seen[it]));
            rows.push(vec![(*name).to_owned(), period, calls, live, memory]);
        }
    }
    let columns = ["allocator", "period", "calls", "live", "memory"];
    results::keep(plan, "drift", &columns, &rows);
}

/// Prints, each time, the live bytes and how much memory the process has more
/// than without them.
pub fn child(allocator: &str, looks: &str) {
    let contender = by_name(allocator);
    let looks: usize = looks.parse().expect("how often to look");
    let mut seen = Vec::with_capacity(looks);
    let mut work = Work::new();
    have_all_of_each_file();
    let before = memory();
    let mut allocator = (contender.new)();
    work.fill(&mut *allocator);
    for _ in 0..looks {
        work.go_on(&mut *allocator, STEP / 2);
        seen.push((work.live, memory().saturating_sub(before)));
    }
    for (live, memory) in seen {
        println!("{live} {memory}");
    }
}

struct Work {
    rng: Rng,
    /// Each block, and its bytes.
    blocks: Vec<(*mut u8, usize)>,
    /// How many calls there were.
    calls: usize,
    live: usize,
}

impl Work {
    fn new() -> Self {
        // Not null: all of this is to be in memory from now on.
        let blocks = vec![(std::ptr::without_provenance_mut(1), 0); SLOTS];
        Self { rng: Rng::with_seed(1), blocks, calls: 0, live: 0 }
    }

    fn fill(&mut self, allocator: &mut dyn Allocator) {
        let middle = middle(0);
        for at in 0..SLOTS {
            self.put(allocator, at, middle);
        }
    }

    /// Replaces so many blocks.
    fn go_on(&mut self, allocator: &mut dyn Allocator, steps: usize) {
        let mut middle = middle(self.calls);
        for _ in 0..steps {
            if self.calls.is_multiple_of(1024) {
                middle = self::middle(self.calls);
            }
            let at = if self.rng.usize(..SELDOM) == 0 {
                self.rng.usize(SHORT_LIVED..SLOTS)
            } else {
                self.rng.usize(..SHORT_LIVED)
            };
            let (block, size) = self.blocks[at];
            // SAFETY: the block is ours, and another takes its place.
            unsafe { allocator.free(block, size) };
            self.live -= size;
            self.put(allocator, at, middle);
            self.calls += 2;
        }
    }

    /// Allocates a block of a half to one and a half of the middle, and writes
    /// to each of its pages.
    fn put(&mut self, allocator: &mut dyn Allocator, at: usize, middle: f64) {
        let size = (middle * (0.5 + self.rng.f64())) as usize;
        let block = allocator.malloc(size);
        assert!(!block.is_null(), "out of memory");
        for byte in (0..size).step_by(4096).chain([size - 1]) {
            // SAFETY: the block has so many bytes, and is ours.
            unsafe { block.add(byte).write_volatile(1) };
        }
        self.blocks[at] = (block, size);
        self.live += size;
    }
}

/// The middle of the sizes after so many calls.
fn middle(calls: usize) -> f64 {
    let half = PERIOD as f64 / 2.0;
    let at = (calls % PERIOD) as f64;
    let way = if at < half { at / half } else { 2.0 - at / half };
    SMALLEST * (way * DOUBLED).exp2()
}
