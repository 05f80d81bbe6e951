//! Blocks that are freed in any order: so many are alive at all times, and each
//! step frees one of them and allocates another.

use fastrand::Rng;

use crate::allocators::{
    ALONE, Allocator, NOTHING, ONE_STACK, PEERS, PER_THREAD, STAGE_1, STAGE_2,
    STAGE_3, STAGE_4, more_peers,
};
use crate::measure::{self, Plan, in_turns, own_time};
use crate::nested::touch;
use crate::results;

const LIVE: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

pub fn main(plan: Plan) {
    let ours = [NOTHING, PER_THREAD, ONE_STACK];
    let stages = [STAGE_1, STAGE_2, STAGE_3, STAGE_4];
    let mut contenders =
        [&ours[..], &stages, &PEERS, &ALONE, &more_peers()].concat();
    let lives = if plan.is_kept { &LIVE[..] } else { &LIVE[..2] };
    let mut rows = Vec::new();
    for &live in lives {
        if live > STAGE_2_MOST {
            contenders.retain(|it| it.name != STAGE_2.name);
        }
        let steps = if plan.is_kept { live.max(100_000) } else { live };
        // A million blocks need a second, and leave less to chance.
        let turns = if live > 100_000 { plan.turns.min(5) } else { plan.turns };
        let work = Work::new(live, steps);
        let names = contenders.iter().map(|it| it.name);
        let mut allocators: Vec<_> =
            contenders.iter().map(|it| (it.new)()).collect();
        let spreads = in_turns(turns, &mut allocators, |allocator| {
            work.measure(&mut **allocator)
        });
        let results: Vec<_> = names.zip(spreads).collect();
        rows.extend(measure::rows(&[&live.to_string()], &results));
    }
    let columns = [&["live"][..], &measure::COLUMNS].concat();
    results::keep(plan, "random", &columns, &rows);
}

/// With more blocks than this, stage 2 is left out. Its list has all blocks that
/// were ever freed, so what it takes depends less on how many are alive than on
/// how many steps there were for each: with more blocks in as many steps it
/// would look better than it is.
const STAGE_2_MOST: usize = 10_000;

/// What is to be done, drawn beforehand.
struct Work {
    /// The sizes of the first blocks.
    sizes: Vec<u32>,
    /// Half as many steps again as are measured, to begin with: so that many
    /// blocks do not lie where they were put at first.
    steps: Vec<Step>,
    measured: usize,
}

/// A block is freed, and another takes its place.
struct Step {
    slot: u32,
    old: u32,
    new: u32,
}

impl Work {
    fn new(live: usize, measured: usize) -> Self {
        let mut rng = Rng::with_seed(live as u64);
        let sizes: Vec<u32> = (0..live).map(|_| rng.u32(16..=512)).collect();
        let mut alive = sizes.clone();
        let step = |_| {
            let (slot, new) = (rng.usize(..live), rng.u32(16..=512));
            let old = std::mem::replace(&mut alive[slot], new);
            Step { slot: slot as u32, old, new }
        };
        let steps = (0..measured / 2 + measured).map(step).collect();
        Self { sizes, steps, measured }
    }

    /// Nanoseconds for a step.
    fn measure(&self, allocator: &mut dyn Allocator) -> f64 {
        let new = |allocator: &mut dyn Allocator, size: u32| {
            let block = allocator.malloc(size as usize);
            touch(block);
            block
        };
        let first = self.sizes.iter().map(|&size| new(allocator, size));
        let mut blocks: Vec<_> = first.collect();
        let mut walk = |steps: &[Step]| {
            let start = own_time();
            for step in steps {
                let block = &mut blocks[step.slot as usize];
                // SAFETY: the block is ours, and another takes its place.
                unsafe { allocator.free(*block, step.old as usize) };
                *block = new(allocator, step.new);
            }
            (own_time() - start) / steps.len() as f64
        };
        let (before, measured) =
            self.steps.split_at(self.steps.len() - self.measured);
        walk(before);
        let time = walk(measured);
        if !allocator.start_over() {
            self.free(allocator, &blocks);
        }
        time
    }

    /// Frees all blocks that are left after the last step.
    fn free(&self, allocator: &mut dyn Allocator, blocks: &[*mut u8]) {
        let mut sizes = self.sizes.clone();
        for step in &self.steps {
            sizes[step.slot as usize] = step.new;
        }
        for (&block, size) in blocks.iter().zip(sizes) {
            // SAFETY: the block is ours, and nobody uses it any more.
            unsafe { allocator.free(block, size as usize) };
        }
    }
}
