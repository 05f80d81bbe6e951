//! What real programs asked of malloc, asked again: the time for an event.
//!
//! One thread asks it all, also what a program's other threads asked.

use std::hint::black_box;
use std::ptr;

use crate::allocators::{
    ADDITIONS, Allocator, NOTHING, ONE_STACK, PEERS, PER_THREAD, STAGE_3,
    STAGE_4,
};
use crate::measure::{self, Plan, in_turns, own_time};
use crate::results;
use crate::trace::{self, Event, Trace, What};

pub fn main(plan: Plan) {
    let ours = [NOTHING, ONE_STACK, STAGE_3, STAGE_4, PER_THREAD];
    let contenders = [&ours[..], &ADDITIONS, &PEERS].concat();
    let names: Vec<_> = contenders.iter().map(|it| it.name).collect();
    let mut allocators: Vec<_> =
        contenders.iter().map(|it| (it.new)()).collect();
    let mut rows = Vec::new();
    for program in trace::names() {
        let trace = Trace::load(&program);
        let mut replay = Replay::new(&trace);
        let turns = plan.turns.min(9);
        let spreads = in_turns(turns, &mut allocators, |allocator| {
            let start = own_time();
            replay.run(&mut **allocator, Touch::FirstByte);
            let time = own_time() - start;
            replay.free_the_rest(&mut **allocator);
            time / trace.events.len() as f64
        });
        let results: Vec<_> = names.iter().copied().zip(spreads).collect();
        rows.extend(measure::rows(&[&program], &results));
    }
    let columns = [&["program"][..], &measure::COLUMNS].concat();
    results::keep(plan, "traces", &columns, &rows);
}

/// What to write to of a new block.
#[derive(Clone, Copy)]
pub enum Touch {
    Nothing,
    FirstByte,
    AllBytes,
}

/// A recording, and the blocks that it has when it is asked for again.
pub struct Replay<'a> {
    events: &'a [Event],
    /// Each block's address, null when it is not alive, and bytes.
    blocks: Vec<(*mut u8, usize)>,
}

impl<'a> Replay<'a> {
    pub fn new(trace: &'a Trace) -> Self {
        // Not null: all of this is to be in memory from now on.
        let block = (ptr::without_provenance_mut(1), 1);
        let blocks = vec![block; trace::blocks(&trace.events)];
        Self { events: &trace.events, blocks }
    }

    /// Asks for all of it.
    #[inline(never)]
    pub fn run(&mut self, allocator: &mut dyn Allocator, touch: Touch) {
        let mut next = 0;
        for event in self.events {
            match event.what {
                What::Allocate { size, align } => {
                    let size = (size as usize).max(1);
                    let block = match align {
                        Some(align) if align > 16 => {
                            allocator.memalign(align as usize, size)
                        }
                        _ => allocator.malloc(size),
                    };
                    // SAFETY: it is a new block.
                    unsafe { touch.new_bytes(block, 0, size) };
                    self.blocks[next] = (block, size);
                    next += 1;
                }
                What::Resize { block, size } => {
                    let size = (size as usize).max(1);
                    let (block, old) = &mut self.blocks[block as usize];
                    // SAFETY: a recording uses only blocks that are alive.
                    unsafe {
                        *block = allocator.realloc(*block, size);
                        touch.new_bytes(*block, *old, size);
                    }
                    *old = size;
                }
                What::Free { block } => {
                    let (block, _) = &mut self.blocks[block as usize];
                    // SAFETY: as above.
                    unsafe { allocator.free(*block) };
                    *block = ptr::null_mut();
                }
            }
        }
    }

    /// Frees what the program had until its end.
    pub fn free_the_rest(&mut self, allocator: &mut dyn Allocator) {
        for (block, _) in self.blocks.iter().rev() {
            if !block.is_null() {
                // SAFETY: the block is alive, and nobody uses it any more.
                unsafe { allocator.free(*block) };
            }
        }
    }
}

impl Touch {
    /// Writes to bytes from `from` on.
    ///
    /// # Safety
    ///
    /// `block` is null or has `to` bytes, one at least; or this is `Nothing`.
    unsafe fn new_bytes(self, block: *mut u8, from: usize, to: usize) {
        assert!(!block.is_null(), "out of memory");
        // SAFETY: as the caller promises.
        unsafe {
            match self {
                Self::Nothing => {}
                Self::FirstByte => block.write_volatile(1),
                Self::AllBytes if from < to => {
                    block.add(from).write_bytes(1, to - from);
                    black_box(block);
                }
                Self::AllBytes => {}
            }
        }
    }
}
