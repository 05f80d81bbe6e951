//! What is true of stage 1, the good and the bad.

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use stage1_bump::{Brk, Heap, OutOfMemory, SimBrk};

const REGION: usize = 64 * 1024;

fn region() -> Box<[MaybeUninit<u8>]> {
    Box::new_uninit_slice(REGION)
}

// Leaks.

#[test]
fn free_gives_nothing_back() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region));
    let mut rounds = 0;
    loop {
        let before = heap.brk().used();
        let block = heap.malloc(100);
        if block.is_null() {
            break;
        }
        // SAFETY: the block is live.
        unsafe { heap.free(block) };
        let after = heap.brk().used();
        assert_eq!(after, before + 115, "the break after {rounds} rounds");
        rounds += 1;
    }
    // Never more than one block was in use, and the memory is gone.
    assert_eq!(rounds, REGION / 115);
}

#[test]
fn no_block_is_given_out_twice() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region));
    let mut highest = 0;
    for _ in 0..100 {
        let block = heap.malloc(100);
        assert!(
            block.addr() > highest,
            "{:#x} after {highest:#x}",
            block.addr()
        );
        highest = block.addr();
        // SAFETY: the block is live.
        unsafe { heap.free(block) };
    }
}

#[test]
fn realloc_moves_even_to_make_a_block_smaller() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region));
    let block = heap.malloc(1000);
    // SAFETY: the block is live.
    let smaller = unsafe { heap.realloc(block, 10) };
    assert_ne!(smaller, block);
}

#[test]
fn realloc_carries_the_neighbours_bytes_along() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region));
    let (block, next) = (heap.malloc(16), heap.malloc(16));
    // SAFETY: both blocks are live and have 16 bytes.
    let grown = unsafe {
        block.write_bytes(1, 16);
        next.write_bytes(2, 16);
        heap.realloc(block, 100)
    };
    let distance = next.addr() - block.addr();
    // SAFETY: `grown` has 100 bytes; the break gave zeroes, then came both
    // blocks' bytes.
    let byte = unsafe { grown.add(distance).read() };
    assert_eq!(byte, 2, "the first byte of the block above");
}

// System calls.

#[test]
fn every_malloc_moves_the_break() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region));
    for mallocs in 1..=100 {
        let block = heap.malloc(100);
        assert_eq!(heap.brk().calls(), mallocs, "moves of the break");
        // SAFETY: the block is live.
        unsafe { heap.free(block) };
        assert_eq!(heap.brk().calls(), mallocs, "free does not move it");
    }
}

// Memory.

#[test]
fn no_byte_is_spent_on_bookkeeping_and_15_on_alignment() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region));
    for size in 1..100 {
        let before = heap.brk().used();
        heap.malloc(size);
        assert_eq!(heap.brk().used() - before, size + 15);
    }
}

#[test]
fn the_size_of_a_block_is_not_known() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region));
    let block = heap.malloc(100);
    // SAFETY: the block is live.
    let usable = unsafe { heap.usable_size(block) };
    assert_eq!(usable, 0);
}

// Threads.

/// A break moved as glibc's `sbrk` moves it: read the old one, store the new.
/// The clones are one break, as all threads of a process have one.
#[derive(Clone)]
struct SharedBrk {
    start: NonNull<u8>,
    current: Arc<AtomicUsize>,
}

// SAFETY: for one thread the promises hold: `start` reaches the whole region,
// and no byte is given out twice. That they do not hold for two is shown here.
unsafe impl Brk for SharedBrk {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, OutOfMemory> {
        let old = self.current.load(Ordering::Relaxed);
        let new = old.checked_add_signed(increment).ok_or(OutOfMemory)?;
        if new > REGION {
            return Err(OutOfMemory);
        }
        self.current.store(new, Ordering::Relaxed);
        // SAFETY: `old` is at most REGION.
        Ok(unsafe { self.start.add(old) })
    }
}

/// Stage 1's heap is nothing but its break, so two heaps on one break are what
/// two threads in one heap are.
#[test]
#[should_panic(expected = "both threads got the same block")]
fn two_threads_can_get_the_same_block() {
    loom::model(|| {
        let mut region = region();
        let start = NonNull::from(&mut *region).cast();
        let brk = SharedBrk { start, current: Arc::new(AtomicUsize::new(0)) };

        let mut theirs = Heap::new(brk.clone());
        let thread = loom::thread::spawn(move || theirs.malloc(100).addr());
        let our_block = Heap::new(brk).malloc(100).addr();
        let their_block = thread.join().unwrap();

        assert_ne!(our_block, their_block, "both threads got the same block");
    });
}

/// The same model, one thread after the other: it is the interleaving that
/// breaks, not the heap.
#[test]
fn two_threads_one_after_the_other_get_two_blocks() {
    loom::model(|| {
        let mut region = region();
        let start = NonNull::from(&mut *region).cast();
        let brk = SharedBrk { start, current: Arc::new(AtomicUsize::new(0)) };

        let mut theirs = Heap::new(brk.clone());
        let thread = loom::thread::spawn(move || theirs.malloc(100).addr());
        let their_block = thread.join().unwrap();
        let our_block = Heap::new(brk).malloc(100).addr();

        assert_ne!(our_block, their_block, "both threads got the same block");
    });
}
