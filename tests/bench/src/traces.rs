//! What real programs asked of malloc, asked again: the time for an event.
//!
//! One thread asks it all, also what a program's other threads asked. In one of
//! the two recordings of a program with threads another thread has its turn
//! after every five events. Threads that had to wait for each other as often
//! would show what that costs, many times what the events do; and threads that
//! did not wait would free blocks before they are allocated. How it is with
//! threads, `threads` and `queue` measure.

use std::hint::black_box;
use std::ptr;

use crate::allocators::{
    ADDITIONS, ALONE, Allocator, NOTHING, ONE_STACK, PEERS, PER_THREAD,
    STAGE_1, STAGE_2, STAGE_3, STAGE_4, more_peers,
};
use crate::measure::{self, Plan, Spread, in_turns, own_time};
use crate::results;
use crate::trace::{self, Event, Trace, What};

pub fn main(plan: Plan) {
    let ours = [NOTHING, ONE_STACK, PER_THREAD, STAGE_3, STAGE_4];
    let contenders =
        [&ours[..], &ADDITIONS, &PEERS, &ALONE, &more_peers()].concat();
    // These go by themselves. If others had to wait for them, some would give
    // their memory back to the system meanwhile.
    let mut slow = vec![STAGE_1, STAGE_2];
    if !plan.is_kept {
        // It takes half a minute for each of two programs.
        slow.retain(|it| it.name != STAGE_2.name);
    }
    let mut groups = [contenders, slow].map(|contenders| {
        let names: Vec<_> = contenders.iter().map(|it| it.name).collect();
        let allocators = contenders.iter().map(|it| (it.new)());
        (names, allocators.collect::<Vec<_>>())
    });
    let mut rows = Vec::new();
    let programs = trace::names();
    for (index, program) in programs.iter().enumerate() {
        results::progress(program, index, programs.len());
        let trace = Trace::load(program);
        let mut results = Vec::new();
        for (names, allocators) in &mut groups {
            let spreads = times(plan.turns.min(9), &trace, allocators);
            results.extend(names.iter().copied().zip(spreads));
        }
        rows.extend(measure::rows(&[program], &results));
    }
    let columns = [&["program"][..], &measure::COLUMNS].concat();
    results::keep(plan, "traces", &columns, &rows);
}

/// The nanoseconds for an event of a recording, for each allocator.
pub fn times(
    turns: usize,
    trace: &Trace,
    allocators: &mut [Box<dyn Allocator>],
) -> Vec<Spread> {
    let mut replay = Replay::new(trace);
    in_turns(turns, allocators, |allocator| {
        let start = own_time();
        replay.run(&mut **allocator, Touch::FirstByte);
        let time = own_time() - start;
        replay.free_the_rest(&mut **allocator);
        time / trace.events.len() as f64
    })
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
    pub fn run(&mut self, allocator: &mut dyn Allocator, touch: Touch) {
        self.run_and_look(allocator, touch, usize::MAX, |_| {});
    }

    /// Asks for all of it, and looks at the allocator after each so many
    /// events.
    #[inline(always)]
    pub fn run_and_look(
        &mut self,
        allocator: &mut dyn Allocator,
        touch: Touch,
        events: usize,
        mut look: impl FnMut(&mut dyn Allocator),
    ) {
        let mut next = 0;
        for events in self.events.chunks(events) {
            self.ask(allocator, touch, events, &mut next);
            look(allocator);
        }
    }

    #[inline(never)]
    fn ask(
        &mut self,
        allocator: &mut dyn Allocator,
        touch: Touch,
        events: &[Event],
        next: &mut usize,
    ) {
        for event in events {
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
                    self.blocks[*next] = (block, size);
                    *next += 1;
                }
                What::Resize { block, size } => {
                    let size = (size as usize).max(1);
                    let (block, old) = &mut self.blocks[block as usize];
                    // SAFETY: a recording uses only blocks that are alive.
                    unsafe {
                        *block = allocator.realloc(*block, *old, size);
                        touch.new_bytes(*block, *old, size);
                    }
                    *old = size;
                }
                What::Free { block } => {
                    let (block, size) = &mut self.blocks[block as usize];
                    // SAFETY: as above.
                    unsafe { allocator.free(*block, *size) };
                    *block = ptr::null_mut();
                }
            }
        }
    }

    /// Frees what the program had until its end.
    pub fn free_the_rest(&mut self, allocator: &mut dyn Allocator) {
        if allocator.start_over() {
            return;
        }
        for &(block, size) in self.blocks.iter().rev() {
            if !block.is_null() {
                // SAFETY: the block is alive, and nobody uses it any more.
                unsafe { allocator.free(block, size) };
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
