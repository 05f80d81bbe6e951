//! Blocks that are freed in any order: so many are alive at all times, and each
//! step frees one of them and allocates another.

use fastrand::Rng;

use crate::allocators::{
    Allocator, NOTHING, PEERS, PER_THREAD, STAGE_3, STAGE_4,
};
use crate::measure::{self, Plan, in_turns, own_time};
use crate::nested::{sizes, touch};
use crate::results;

const LIVE: [usize; 3] = [1_000, 10_000, 100_000];

pub fn main(plan: Plan) {
    // Not one stack: with these it would grow with every step.
    let ours = [NOTHING, PER_THREAD, STAGE_4, STAGE_3];
    let contenders = [&ours[..], &PEERS].concat();
    let names: Vec<_> = contenders.iter().map(|it| it.name).collect();
    let mut allocators: Vec<_> =
        contenders.iter().map(|it| (it.new)()).collect();
    let mut rows = Vec::new();
    for live in LIVE {
        let steps = if plan.is_kept { live.max(100_000) } else { live };
        let mut rng = Rng::with_seed(live as u64);
        let slots: Vec<usize> = (0..steps).map(|_| rng.usize(..live)).collect();
        let sizes = sizes(&mut rng);
        let spreads = in_turns(plan.turns, &mut allocators, |allocator| {
            measure(&mut **allocator, live, &slots, &sizes)
        });
        let results: Vec<_> = names.iter().copied().zip(spreads).collect();
        rows.extend(measure::rows(&[&live.to_string()], &results));
    }
    let columns = [&["live"][..], &measure::COLUMNS].concat();
    results::keep(plan, "random", &columns, &rows);
}

/// Nanoseconds for a step.
fn measure(
    allocator: &mut dyn Allocator,
    live: usize,
    slots: &[usize],
    sizes: &[usize],
) -> f64 {
    let mut sizes = sizes.iter().copied().cycle();
    let mut new = |allocator: &mut dyn Allocator| {
        let block = allocator.malloc(sizes.next().expect("it goes round"));
        touch(block);
        block
    };
    let mut blocks: Vec<_> = (0..live).map(|_| new(allocator)).collect();
    // Once round, so that none lies where it was put at first.
    let mut start = own_time();
    for half in [&slots[..slots.len() / 2], slots] {
        start = own_time();
        for &slot in half {
            // SAFETY: the block is ours, and another takes its place.
            unsafe { allocator.free(blocks[slot]) };
            blocks[slot] = new(allocator);
        }
    }
    let time = (own_time() - start) / slots.len() as f64;
    for block in blocks {
        // SAFETY: the block is ours, and nobody uses it any more.
        unsafe { allocator.free(block) };
    }
    time
}
