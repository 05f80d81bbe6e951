//! What threads may ask of one heap at the same time. A model checker, loom,
//! plays each scenario in every order in which the threads can take turns.
//!
//! `crate::Shared` is the heap that the threads share, and `crate::LARGE` a size
//! that goes back to the system. loom sees what is made of its own types, and
//! nothing of memory. So there is a cell of loom's beside the break, and one
//! beside every 16 bytes of memory: loom stops where two threads use a cell and
//! nothing says which of them was first.

#[allow(dead_code)]
pub mod counted;

use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use loom::cell::UnsafeCell;
use loom::sync::{Arc, mpsc};

use crate::brk::{Brk, OutOfMemory, SimBrk};
use crate::{LARGE, Shared};
use counted::spawn;

/// How far the break can rise: so little that it cannot rise in steps. It moves
/// whenever the heap grows.
const REGION: usize = 16 * 1024;

/// Room for some large blocks.
const LARGE_REGION: usize = 4 * LARGE;

/// There is a cell for each 16 bytes of so many.
const WATCHED: usize = 1024;

/// A break that is seen by loom when it moves.
pub struct WatchedBrk {
    sim: SimBrk<'static>,
    cell: UnsafeCell<()>,
}

// SAFETY: it is a `SimBrk`.
unsafe impl Brk for WatchedBrk {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, OutOfMemory> {
        self.cell.with_mut(|_| ());
        // SAFETY: as the caller promises.
        unsafe { self.sim.sbrk(increment) }
    }
}

/// The memory under the break, until the heap is gone.
struct Region(*mut [MaybeUninit<u8>]);

// SAFETY: it is kept to be freed, by one thread.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: `World::new` made it from a box, and the heap is gone.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

/// A heap that threads share, and what loom sees of its memory.
struct World {
    heap: Shared<WatchedBrk>,
    /// Where the cells begin.
    start: usize,
    /// Who has a block writes to its cells.
    cells: Vec<UnsafeCell<()>>,
    /// How many blocks there were: each holds another byte.
    blocks: AtomicU8,
    // The last field: it goes when the heap is gone.
    _region: Region,
}

/// A block, in the hands of the thread that may use it.
struct Block {
    payload: *mut u8,
    size: usize,
    /// What all its bytes are.
    byte: u8,
}

// SAFETY: nobody else has it.
unsafe impl Send for Block {}

impl World {
    fn new(region: usize, make: Make) -> Self {
        let bytes = Box::into_raw(Box::new_uninit_slice(region));
        // SAFETY: the bytes live until the region is dropped, after the break.
        let brk = SimBrk::new(unsafe { &mut *bytes });
        let start = brk.start().addr().get().next_multiple_of(16);
        let brk = WatchedBrk { sim: brk, cell: UnsafeCell::new(()) };
        Self {
            heap: make(brk),
            start,
            cells: (0..WATCHED / 16).map(|_| UnsafeCell::new(())).collect(),
            blocks: AtomicU8::new(1),
            _region: Region(bytes),
        }
    }

    /// The cells beside a block's payload.
    fn cells(&self, payload: *mut u8, size: usize) -> &[UnsafeCell<()>] {
        let from = (payload.addr() - self.start) / 16;
        let to = (payload.addr() - self.start + size).div_ceil(16);
        &self.cells[from.min(self.cells.len())..to.min(self.cells.len())]
    }

    /// Takes a block of `size` bytes into use.
    fn fill(&self, payload: *mut u8, size: usize) -> Block {
        assert!(!payload.is_null(), "there is no memory for {size} bytes");
        for cell in self.cells(payload, size) {
            cell.with_mut(|_| ());
        }
        let byte = self.blocks.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the heap says that these bytes are ours.
        unsafe { payload.write_bytes(byte, size) };
        Block { payload, size, byte }
    }

    /// The first `size` bytes of a block must all be `byte`.
    fn expect(&self, payload: *mut u8, size: usize, byte: u8) {
        for cell in self.cells(payload, size) {
            cell.with(|_| ());
        }
        // SAFETY: the heap says that these bytes are ours.
        let bytes = unsafe { slice::from_raw_parts(payload, size) };
        // In pieces: byte by byte takes long, as a debug build does it.
        let expected = [byte; 4096];
        let is_whole = |piece: &[u8]| *piece == expected[..piece.len()];
        assert!(
            bytes.chunks(expected.len()).all(is_whole),
            "somebody else wrote to a block of {size}",
        );
    }

    fn malloc(&self, size: usize) -> Block {
        self.fill(self.heap.malloc(size), size)
    }

    fn calloc(&self, size: usize) -> Block {
        let payload = self.heap.calloc(1, size);
        assert!(!payload.is_null(), "there is no memory for {size} bytes");
        self.expect(payload, size, 0);
        self.fill(payload, size)
    }

    fn realloc(&self, block: Block, size: usize) -> Block {
        self.expect(block.payload, block.size, block.byte);
        // SAFETY: the block is live, and ours.
        let payload = unsafe { self.heap.realloc(block.payload, size) };
        assert!(!payload.is_null(), "there is no memory for {size} bytes");
        self.expect(payload, block.size.min(size), block.byte);
        self.fill(payload, size)
    }

    fn free(&self, block: Block) {
        self.expect(block.payload, block.size, block.byte);
        // SAFETY: the block is live, and ours.
        unsafe { self.heap.free(block.payload) };
    }
}

/// Puts the heap that is to be shared on a break.
pub type Make = fn(WatchedBrk) -> Shared<WatchedBrk>;

/// What a thread does with the block that it has, and what it has then.
type Part = fn(&World, Block) -> Vec<Block>;

/// Two parts that are played at the same time. Each thread begins with a block
/// of as many bytes as stand in front of its part.
struct Scenario {
    region: usize,
    ours: (usize, Part),
    theirs: (usize, Part),
}

impl Scenario {
    /// Plays it in every order: our part, and theirs by `others` threads.
    fn play(self, others: usize, make: Make) {
        explore(move || {
            let world = Arc::new(World::new(self.region, make));
            let (size, our_part) = self.ours;
            let our_block = world.malloc(size);
            let (size, their_part) = self.theirs;
            let their_blocks: Vec<_> =
                (0..others).map(|_| world.malloc(size)).collect();

            let threads: Vec<_> = their_blocks
                .into_iter()
                .map(|block| {
                    let world = world.clone();
                    spawn(move || their_part(&world, block))
                })
                .collect();
            let mut blocks = our_part(&world, our_block);
            for thread in threads {
                blocks.extend(thread.join());
            }
            for block in blocks {
                world.free(block);
            }
        });
    }
}

/// Tries every order, and prints how many there were.
pub fn explore(scenario: impl Fn() + Send + Sync + 'static) {
    let orders = std::sync::Arc::new(AtomicUsize::new(0));
    let begun = orders.clone();
    loom::model(move || {
        begun.fetch_add(1, Ordering::Relaxed);
        counted::begin();
        scenario();
    });
    println!("{} orders", orders.load(Ordering::Relaxed));
}

// A lock is written twice whenever it is taken, and must not be written more
// often than loom can tell: each scenario takes it three times.

fn mallocs_once(world: &World, block: Block) -> Vec<Block> {
    vec![block, world.malloc(100)]
}

fn mallocs(world: &World, block: Block) -> Vec<Block> {
    vec![block, world.malloc(100), world.malloc(40)]
}

fn frees(world: &World, block: Block) -> Vec<Block> {
    world.free(block);
    vec![world.malloc(40)]
}

/// Each thread is given blocks.
pub fn malloc_against_malloc(others: usize, make: Make) {
    let (ours, theirs) = ((1, mallocs_once as Part), (1, mallocs as Part));
    Scenario { region: REGION, ours, theirs }.play(others, make);
}

/// A block that is freed may be the one that others are given.
pub fn malloc_with_free(others: usize, make: Make) {
    let (ours, theirs) = ((100, frees as Part), (1, mallocs_once as Part));
    Scenario { region: REGION, ours, theirs }.play(others, make);
}

/// The same, and it must be all zero for them.
pub fn calloc_with_free(others: usize, make: Make) {
    let callocs: Part = |world, block| vec![block, world.calloc(100)];
    let (ours, theirs) = ((100, frees as Part), (1, callocs));
    Scenario { region: REGION, ours, theirs }.play(others, make);
}

/// A block that grows wants the memory that others are given.
pub fn realloc_with_malloc(others: usize, make: Make) {
    let reallocs: Part =
        |world, block| vec![world.realloc(world.realloc(block, 200), 50)];
    let (ours, theirs) = ((1, mallocs_once as Part), (100, reallocs));
    Scenario { region: REGION, ours, theirs }.play(others, make);
}

/// The break goes down and, for others, up.
pub fn the_break_given_back_while_others_grow(others: usize, make: Make) {
    let grows: Part = |world, block| vec![block, world.malloc(LARGE)];
    let (ours, theirs) = ((1, grows), (LARGE, frees as Part));
    Scenario { region: LARGE_REGION, ours, theirs }.play(others, make);
}

/// They allocate a block and send it, we free it, and they allocate again.
pub fn a_block_freed_by_another_thread(others: usize, make: Make) {
    explore(move || {
        let world = Arc::new(World::new(REGION, make));
        world.free(world.malloc(100));
        let (sender, receiver) = mpsc::channel();
        let threads: Vec<_> = (0..others)
            .map(|_| {
                let (world, sender) = (world.clone(), sender.clone());
                spawn(move || {
                    sender.send(world.malloc(100)).unwrap();
                    world.malloc(100)
                })
            })
            .collect();
        for _ in 0..others {
            world.free(receiver.recv().unwrap());
        }
        for thread in threads {
            world.free(thread.join());
        }
    });
}
