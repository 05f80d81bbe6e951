//! How deep frees go.
//!
//! The blocks of a thread, in the order in which it allocated them, are a pile.
//! The depth of a `free` is how many of them lie above the block: how many the
//! same thread has allocated later and not yet freed. If what was allocated
//! last is freed first, it is 0 every time.
//!
//! A `realloc` counts as what a stack of chunks has to do for it. The newest
//! block grows and shrinks where it is, and any other can shrink. In all other
//! cases a new block comes on top, and the old one, which now lies at least one
//! deep, is freed.

use super::{Event, What, blocks, threads};

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Depths {
    /// How often a block was freed, by `free` or by a `realloc` that moved it.
    pub frees: u64,
    /// How many of those were a `realloc`.
    pub moves: u64,
    /// How many came from another thread than the one that had allocated the
    /// block. They have no depth, and count only here.
    pub by_others: u64,
    /// How many of the rest hit one of the newest 1, 4 and 16 blocks.
    pub newest: [u64; 3],
    /// How many had more than a thousand blocks above them.
    pub past_1000: u64,
    /// How many had a depth of 0, of 1, of 2 to 3, of 4 to 7, and so on.
    pub histogram: Vec<u64>,
    /// The most bytes that were alive at one time, as they were asked for.
    pub live_bytes: u64,
    /// The most blocks that were alive at one time.
    pub live_blocks: u64,
}

/// The depth at which a bar of the histogram starts.
pub fn bar_start(bar: usize) -> u64 {
    if bar == 0 { 0 } else { 1 << (bar - 1) }
}

/// The bar for a depth.
fn bar(depth: u64) -> usize {
    depth.checked_ilog2().map_or(0, |log| log as usize + 1)
}

/// Counts the depths of all frees.
pub fn depths(events: &[Event]) -> Depths {
    let mut piles: Vec<Pile> = vec![Pile::default(); threads(events)];
    // A `realloc` may put a block on a pile once more.
    for event in events {
        if !matches!(event.what, What::Free { .. }) {
            piles[event.thread as usize].places += 1;
        }
    }
    for pile in &mut piles {
        pile.tree = vec![0; pile.places + 1];
        pile.places = 0;
    }
    let mut counter = Counter {
        piles,
        alive: Vec::with_capacity(blocks(events)),
        bytes: 0,
        count: 0,
        depths: Depths::default(),
    };
    for event in events {
        counter.add(event);
    }
    counter.depths
}

/// A block: where it lies, and how large it is.
#[derive(Clone, Copy)]
struct Alive {
    thread: u32,
    place: usize,
    /// As it was asked for.
    size: u64,
    /// What a chunk would have room for.
    room: u64,
}

struct Counter {
    piles: Vec<Pile>,
    alive: Vec<Alive>,
    bytes: u64,
    count: u64,
    depths: Depths,
}

impl Counter {
    fn add(&mut self, event: &Event) {
        match event.what {
            What::Allocate { size, .. } => {
                let block = self.push(event.thread, size);
                self.alive.push(block);
                self.count += 1;
                self.bytes += size;
            }
            What::Resize { block, size } => {
                self.resize(event.thread, block as usize, size);
            }
            What::Free { block } => {
                let block = self.alive[block as usize];
                self.free(event.thread, block);
                self.count -= 1;
                self.bytes -= block.size;
            }
        }
        let depths = &mut self.depths;
        depths.live_bytes = depths.live_bytes.max(self.bytes);
        depths.live_blocks = depths.live_blocks.max(self.count);
    }

    fn push(&mut self, thread: u32, size: u64) -> Alive {
        let place = self.piles[thread as usize].push();
        Alive { thread, place, size, room: size }
    }

    fn resize(&mut self, thread: u32, number: usize, size: u64) {
        let old = self.alive[number];
        self.bytes = self.bytes - old.size + size;
        let is_newest = self.depth(old) == 0 && old.thread == thread;
        self.alive[number] = if is_newest {
            Alive { size, room: size, ..old }
        } else if size <= old.room {
            Alive { size, ..old }
        } else {
            let new = self.push(thread, size);
            self.free(thread, old);
            self.depths.moves += 1;
            new
        };
    }

    fn free(&mut self, thread: u32, block: Alive) {
        let depth = self.depth(block);
        self.piles[block.thread as usize].remove(block.place);
        let depths = &mut self.depths;
        depths.frees += 1;
        if block.thread != thread {
            depths.by_others += 1;
            return;
        }
        for (count, newest) in depths.newest.iter_mut().zip([1, 4, 16]) {
            *count += u64::from(depth < newest);
        }
        depths.past_1000 += u64::from(depth > 1000);
        let bar = bar(depth);
        if depths.histogram.len() <= bar {
            depths.histogram.resize(bar + 1, 0);
        }
        depths.histogram[bar] += 1;
    }

    fn depth(&self, block: Alive) -> u64 {
        self.piles[block.thread as usize].above(block.place)
    }
}

/// The blocks of a thread, each in a place of its own, the oldest first.
///
/// How many are alive up to a place is the sum of a few numbers in `tree`, a
/// Fenwick tree: number `n`, from 1 on, counts as many places, up to `n`, as
/// its lowest bit says.
#[derive(Clone, Default)]
struct Pile {
    places: usize,
    alive: u64,
    tree: Vec<u32>,
}

impl Pile {
    fn push(&mut self) -> usize {
        self.places += 1;
        self.alive += 1;
        let mut at = self.places;
        while let Some(count) = self.tree.get_mut(at) {
            *count += 1;
            at += lowest_bit(at);
        }
        self.places
    }

    fn remove(&mut self, place: usize) {
        self.alive -= 1;
        let mut at = place;
        while let Some(count) = self.tree.get_mut(at) {
            *count -= 1;
            at += lowest_bit(at);
        }
    }

    /// How many live blocks lie above a place.
    fn above(&self, place: usize) -> u64 {
        let mut up_to = 0;
        let mut at = place;
        while at > 0 {
            up_to += u64::from(self.tree[at]);
            at -= lowest_bit(at);
        }
        self.alive - up_to
    }
}

fn lowest_bit(number: usize) -> usize {
    number & number.wrapping_neg()
}
