//! How long a heap takes for a trace, beside another heap.

use std::hint::black_box;

use super::{Allocator, Block, Region, bytes};
use crate::trace::{Event, What};

/// How long two heaps take for a trace, in nanoseconds for an operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times {
    pub yours: f64,
    pub ours: f64,
    /// What share of yours ours is, in the middle of all rounds.
    pub speed: f64,
}

/// So often each heap has its turn.
const ROUNDS: usize = 9;

/// A turn takes so many nanoseconds at least.
const TURN: f64 = 4e6;

/// The other takes so many nanoseconds at least.
const LEAST: f64 = 1e6;

/// Whoever takes so many times as long as the other is not waited for.
const TOO_LONG: u32 = 20;

/// Lets two heaps do a trace in turns. None if yours takes far too long.
pub fn compare<Y: Allocator, O: Allocator>(
    events: &[Event],
    yours: impl Fn(Region) -> Y,
    ours: impl Fn(Region) -> O,
) -> Option<Times> {
    // Nobody is the first to be measured on a cold machine.
    let one = turn(events, &ours, 1, f64::INFINITY)?;
    let limit = f64::from(TOO_LONG) * one.max(LEAST);
    turn(events, &yours, 1, limit)?;
    let repeats = (TURN / one).ceil().max(1.0) as usize;
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let mine = || turn(events, &yours, repeats, limit);
        let other = || turn(events, &ours, repeats, f64::INFINITY);
        rounds.push(match round % 2 {
            0 => {
                let mine = mine()?;
                (mine, other()?)
            }
            _ => {
                let other = other()?;
                (mine()?, other)
            }
        });
    }
    let count = events.len() as f64;
    let middle = |of: fn(&(f64, f64)) -> f64| {
        let mut numbers: Vec<f64> = rounds.iter().map(of).collect();
        numbers.sort_by(f64::total_cmp);
        numbers[ROUNDS / 2]
    };
    Some(Times {
        yours: middle(|round| round.0) / count,
        ours: middle(|round| round.1) / count,
        speed: middle(|round| round.1 / round.0),
    })
}

/// The nanoseconds for a trace on new heaps. None if it takes too long.
fn turn<A: Allocator>(
    events: &[Event],
    heap: &impl Fn(Region) -> A,
    repeats: usize,
    limit: f64,
) -> Option<f64> {
    let mut time = 0.0;
    for _ in 0..repeats {
        let mut heap = heap(Region::new(events));
        let mut blocks = Vec::with_capacity(events.len());
        let start = own_time();
        for events in events.chunks(256) {
            replay(events, &mut heap, &mut blocks);
            if own_time() - start > limit {
                return None;
            }
        }
        time += own_time() - start;
    }
    Some(time / repeats as f64)
}

/// Does some events. The first byte of a new block is written, as a program
/// does.
#[inline(never)]
fn replay(
    events: &[Event],
    heap: &mut impl Allocator,
    blocks: &mut Vec<Block>,
) {
    for event in events {
        match event.what {
            What::Allocate { size, align } => {
                let align = align.map(bytes);
                let block = Block::new(heap, bytes(size).max(1), align);
                touch(&block);
                blocks.push(block);
            }
            What::Resize { block, size } => {
                let block = &mut blocks[block as usize];
                // SAFETY: a trace resizes what is alive, and the heap has been
                // checked with it.
                *block = unsafe { block.resized(heap, bytes(size).max(1)) };
                touch(block);
            }
            What::Free { block } => {
                let block = blocks[block as usize];
                // SAFETY: as above.
                unsafe { heap.free(block.base) };
            }
        }
    }
}

fn touch(block: &Block) {
    assert!(!block.payload.is_null(), "a block that was there before");
    // SAFETY: a block of one byte or more.
    unsafe { black_box(block.payload).write_volatile(1) };
}

/// Nanoseconds for which a processor has worked for this thread: whatever else
/// the machine does, that does not grow meanwhile.
#[cfg(unix)]
pub fn own_time() -> f64 {
    let mut time = std::mem::MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: `time` may be written, and all its fields may be zero.
    let time = unsafe {
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, time.as_mut_ptr());
        time.assume_init()
    };
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Nanoseconds, where nothing better is known.
#[cfg(not(unix))]
pub fn own_time() -> f64 {
    use std::sync::LazyLock;
    use std::time::Instant;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_nanos() as f64
}
