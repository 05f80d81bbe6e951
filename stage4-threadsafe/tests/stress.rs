//! Threads do random work on one heap, hand blocks to each other, and look
//! whether what they wrote is still there.
//!
//! A failure names its seed. `MALLOC_SEED=17 cargo test -p PACKAGE --test
//! stress` begins with the same random numbers; what the threads make of them
//! together is another matter.

use std::env;
use std::slice;
use std::sync::Mutex;
use std::thread;

use fastrand::Rng;
use stage4_threadsafe::{Brk, Heap, LockedHeap, SimBrk};

const THREADS: usize = 4;

/// What a thread does in all.
const OPERATIONS: usize = if cfg!(miri) { 40 } else { 20_000 };

/// The largest block.
const LARGEST: usize = if cfg!(miri) { 1000 } else { 300 * 1024 };

/// A block in the hands of the thread that may use it.
struct Block {
    payload: *mut u8,
    size: usize,
    /// What all its bytes are.
    byte: u8,
}

// SAFETY: nobody else has it.
unsafe impl Send for Block {}

/// A thread, what it has, and what it shares with the others.
struct Worker<'a, B> {
    heap: &'a LockedHeap<B>,
    /// Blocks that any thread may take.
    table: &'a Mutex<Vec<Block>>,
    blocks: Vec<Block>,
    rng: Rng,
}

impl<B: Brk + Send> Worker<'_, B> {
    fn work(mut self) {
        for _ in 0..OPERATIONS {
            match self.rng.u8(..10) {
                0..2 => self.malloc(),
                2 => self.calloc(),
                3 => self.memalign(),
                4 => self.realloc(),
                5 => self.put_on_the_table(),
                6 => self.take_from_the_table(),
                _ => self.free(),
            }
        }
        while !self.blocks.is_empty() {
            self.free();
        }
    }

    /// Mostly small, now and then so large that the break moves.
    fn size(&mut self) -> usize {
        match self.rng.u8(..) {
            0 => self.rng.usize(..=LARGEST),
            1..20 => self.rng.usize(..=5000.min(LARGEST)),
            _ => self.rng.usize(..=300),
        }
    }

    /// Takes what the heap gave into use, if it gave anything.
    fn admit(&mut self, payload: *mut u8, size: usize) {
        if payload.is_null() {
            return;
        }
        // SAFETY: the heap says that this is a block.
        let usable = unsafe { self.heap.usable_size(payload) };
        assert!(usable >= size, "{usable} bytes are usable of {size}");
        let byte = self.rng.u8(..);
        // SAFETY: the heap says that these bytes are ours.
        unsafe { payload.write_bytes(byte, size) };
        self.blocks.push(Block { payload, size, byte });
    }

    fn any_block(&mut self) -> Option<Block> {
        if self.blocks.is_empty() {
            return None;
        }
        let at = self.rng.usize(..self.blocks.len());
        Some(self.blocks.swap_remove(at))
    }

    fn malloc(&mut self) {
        let size = self.size();
        self.admit(self.heap.malloc(size), size);
    }

    fn calloc(&mut self) {
        let size = self.size();
        let payload = self.heap.calloc(1, size);
        if !payload.is_null() {
            expect_bytes("calloc returns zeroes", payload, size, 0);
        }
        self.admit(payload, size);
    }

    fn memalign(&mut self) {
        let (size, align) = (self.size(), 1 << self.rng.u32(4..10));
        let payload = self.heap.memalign(align, size);
        assert_eq!(payload.addr() % align, 0, "the address modulo {align}");
        self.admit(payload, size);
    }

    fn realloc(&mut self) {
        let Some(block) = self.any_block() else { return };
        block.check();
        let size = self.size();
        // SAFETY: the block is live, and ours.
        let payload = unsafe { self.heap.realloc(block.payload, size) };
        if payload.is_null() {
            self.blocks.push(block);
            return;
        }
        let kept = block.size.min(size);
        expect_bytes("realloc keeps the contents", payload, kept, block.byte);
        self.admit(payload, size);
    }

    fn free(&mut self) {
        let Some(block) = self.any_block() else { return };
        block.check();
        // SAFETY: the block is live, and ours.
        unsafe { self.heap.free(block.payload) };
    }

    fn put_on_the_table(&mut self) {
        let block = self.any_block();
        self.table.lock().unwrap().extend(block);
    }

    fn take_from_the_table(&mut self) {
        let block = self.table.lock().unwrap().pop();
        self.blocks.extend(block);
    }
}

impl Block {
    fn check(&self) {
        let what = "a block keeps its contents";
        expect_bytes(what, self.payload, self.size, self.byte);
    }
}

/// The first `size` bytes at `payload`, which are ours, must all be `byte`.
fn expect_bytes(what: &str, payload: *mut u8, size: usize, byte: u8) {
    // SAFETY: the heap says that these bytes are ours.
    let bytes = unsafe { slice::from_raw_parts(payload, size) };
    if let Some(at) = bytes.iter().position(|&it| it != byte) {
        panic!(
            "{what}: byte {at} of {size} should be {byte} and is {}",
            bytes[at]
        );
    }
}

fn seed() -> u64 {
    let seed = match env::var("MALLOC_SEED") {
        Ok(seed) => seed.parse().expect("MALLOC_SEED is a number"),
        Err(_) => Rng::new().u64(..),
    };
    println!("MALLOC_SEED={seed}");
    seed
}

/// Threads work on a heap with this break until all is freed. Then it must be
/// one free block again.
fn stress<B: Brk + Send>(brk: B) {
    let heap = LockedHeap::new(stage4_threadsafe::Mutex::new(Heap::new(brk)));
    let table = Mutex::new(Vec::new());
    let seed = seed();
    thread::scope(|scope| {
        for number in 0..THREADS {
            let rng = Rng::with_seed(seed.wrapping_add(number as u64));
            let (heap, table) = (&heap, &table);
            let worker = Worker { heap, table, blocks: Vec::new(), rng };
            scope.spawn(|| worker.work());
        }
    });
    for block in table.into_inner().unwrap() {
        block.check();
        // SAFETY: the block is live, and nobody took it.
        unsafe { heap.free(block.payload) };
    }
    let blocks: Vec<_> = heap.heap.lock().blocks().collect();
    assert_eq!(blocks.len(), 1, "blocks when all is freed: {blocks:?}");
    assert!(blocks[0].is_free, "it is in use: {blocks:?}");
}

#[test]
fn threads_share_a_heap_on_a_simulated_break() {
    let len = if cfg!(miri) { 16 } else { 4096 } * 1024;
    let mut region = Box::new_uninit_slice(len);
    stress(SimBrk::new(&mut region));
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
#[cfg_attr(miri, ignore = "Miri reserves no address space")]
fn threads_share_a_heap_on_a_break_of_its_own() {
    stress(stage4_threadsafe::ReservedBrk::new());
}
