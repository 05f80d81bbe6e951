//! What is true of stage 2, the good and the bad.

use std::cell::UnsafeCell;
use std::env;
use std::mem::MaybeUninit;
use std::process::Command;
use std::ptr::NonNull;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use stage2_headers::{Brk, Heap, OutOfMemory, SimBrk};

const REGION: usize = 64 * 1024;

/// A break in it starts where a block may.
#[repr(align(16))]
struct Region([MaybeUninit<u8>; REGION]);

fn region() -> Box<Region> {
    Box::new(Region([const { MaybeUninit::uninit() }; REGION]))
}

// What comes back.

#[test]
fn the_last_block_goes_back_when_it_is_freed() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    for _ in 0..1000 {
        let block = heap.malloc(100);
        assert!(!block.is_null(), "memory for one block at a time");
        // SAFETY: the block is live.
        unsafe { heap.free(block) };
        assert_eq!(heap.brk().used(), 0, "the break after free");
    }
}

#[test]
fn free_blocks_at_the_end_go_back_in_one_move() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    let (a, b, c) = (heap.malloc(100), heap.malloc(100), heap.malloc(100));
    let with_a = heap.brk().used() / 3;
    // SAFETY: the blocks are live.
    unsafe {
        heap.free(b);
        let calls = heap.brk().calls();
        heap.free(c);
        assert_eq!(heap.brk().used(), with_a, "b and c are gone");
        assert_eq!(heap.brk().calls() - calls, 1, "moves of the break");
        heap.free(a);
    }
    assert_eq!(heap.brk().used(), 0, "nothing stays behind");
}

#[test]
fn a_free_block_waits_for_the_blocks_above_it() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    let (a, b) = (heap.malloc(1000), heap.malloc(1000));
    // SAFETY: the blocks are live.
    unsafe { heap.free(a) };
    assert_eq!(heap.brk().used(), 2080, "b lies in the way");
    // SAFETY: as above.
    unsafe { heap.free(b) };
    assert_eq!(heap.brk().used(), 0);
}

#[test]
fn a_freed_block_in_the_middle_is_never_used_again() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    let a = heap.malloc(100);
    let _guard = heap.malloc(1);
    // SAFETY: the block is live.
    unsafe { heap.free(a) };
    let mut block = heap.malloc(100);
    while !block.is_null() {
        assert_ne!(block, a, "the free block's place");
        block = heap.malloc(100);
    }
    let free: usize = heap
        .blocks()
        .filter(|block| block.is_free)
        .map(|block| block.size)
        .sum();
    assert_eq!(free, 112, "bytes free when memory has run out");
}

#[test]
fn what_somebody_else_took_holds_the_break_up() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    let a = heap.malloc(100);
    heap.brk().somebody_else_takes(50).unwrap();
    let used = heap.brk().used();
    // SAFETY: the block is live.
    unsafe { heap.free(a) };
    assert_eq!(heap.brk().used(), used, "the break stays above their memory");
    assert!(heap.brk().foreign_is_intact());
}

// What a header tells, and what it costs.

#[test]
fn one_byte_costs_48() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    heap.malloc(1);
    assert_eq!(heap.brk().used(), 48, "a header of 32 bytes, and 16");
}

#[test]
fn the_size_of_a_block_is_known() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    let block = heap.malloc(100);
    // SAFETY: the block is live.
    let usable = unsafe { heap.usable_size(block) };
    assert_eq!(usable, 112);
    // SAFETY: as above.
    let smaller = unsafe { heap.realloc(block, 10) };
    assert_eq!(smaller, block, "a smaller block stays where it is");
}

#[test]
fn the_heap_can_be_printed() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    let (a, _b) = (heap.malloc(100), heap.malloc(1));
    // SAFETY: the block is live.
    unsafe { heap.free(a) };
    assert_eq!(format!("{heap:?}"), "[112 free][16 used]");
}

#[test]
fn padding_belongs_to_the_block_below() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    let (a, b) = (heap.malloc(16), heap.memalign(1024, 16));
    // SAFETY: the block is live.
    let usable = unsafe { heap.usable_size(a) };
    let header_of_b = b.addr() - 32;
    assert_eq!(usable, header_of_b - a.addr(), "up to the header of b");
    // SAFETY: the blocks are live.
    unsafe {
        heap.free(a);
        heap.free(b);
    }
    assert_eq!(heap.brk().used(), 0, "nothing is lost");
}

// System calls.

#[test]
fn every_malloc_moves_the_break() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    for mallocs in 1..=100 {
        heap.malloc(100);
        assert_eq!(heap.brk().calls(), mallocs, "moves of the break");
    }
}

// What a header notices.

/// Runs `crime` in a process of its own, which must end with `line`.
#[track_caller]
fn ends_with(line: &str, name: &str, crime: fn(&mut Heap<SimBrk>)) {
    if env::var_os("CRIME").is_some() {
        let mut region = region();
        crime(&mut Heap::new(SimBrk::new(&mut region.0)));
        return;
    }
    let output = Command::new(env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env("CRIME", "now")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains(line), "{line:?} is not in {errors:?}");
    assert!(!output.status.success(), "it ended with {}", output.status);
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_block_freed_twice_is_noticed() {
    let line = "malloc: this block is free already: 0x";
    ends_with(line, "a_block_freed_twice_is_noticed", |heap| {
        let (a, _guard) = (heap.malloc(100), heap.malloc(1));
        // SAFETY: none: the second one is the crime.
        unsafe {
            heap.free(a);
            heap.free(a);
        }
    });
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_pointer_from_elsewhere_is_noticed() {
    let line = "malloc: this is no block of the heap: 0x";
    ends_with(line, "a_pointer_from_elsewhere_is_noticed", |heap| {
        heap.malloc(100);
        let mut local = 0_u128;
        // SAFETY: none: this is the crime.
        unsafe { heap.free((&raw mut local).cast()) };
    });
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_pointer_into_a_block_is_noticed() {
    let line = "malloc: this is no block of the heap: 0x";
    ends_with(line, "a_pointer_into_a_block_is_noticed", |heap| {
        let (a, _guard) = (heap.calloc(1, 100), heap.malloc(1));
        // SAFETY: none: the second one is the crime.
        unsafe { heap.free(a.add(48)) };
    });
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_header_that_was_written_over_is_noticed() {
    let line = "malloc: this is no block of the heap: 0x";
    ends_with(line, "a_header_that_was_written_over_is_noticed", |heap| {
        let (a, b, _guard) = (heap.malloc(16), heap.malloc(16), heap.malloc(1));
        // SAFETY: none: `a` has 16 bytes.
        unsafe {
            a.write_bytes(255, 17);
            heap.free(b);
        }
    });
}

#[test]
fn a_block_freed_twice_is_not_noticed_once_it_has_a_new_owner() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    let mine = heap.malloc(100);
    // SAFETY: the block is live.
    unsafe { heap.free(mine) };
    let yours = heap.malloc(100);
    assert_eq!(yours, mine, "the same place");
    // SAFETY: none: it is not mine any more. Yours is given back.
    unsafe { heap.free(mine) };
    assert_eq!(heap.brk().used(), 0);
}

#[test]
fn bytes_that_look_like_a_header_are_taken_for_one() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    let (a, b) = (heap.malloc(100), heap.malloc(1));
    let header_of_b = b.addr() - 32;
    // A size of 16, not free, and a link to b's header: see `Header`.
    let forged = a.cast::<usize>();
    // SAFETY: `a` has 100 bytes. What is freed is no block: this shows that it
    // is not noticed.
    unsafe {
        forged.write(16);
        forged.add(1).write(0);
        forged.add(2).write(header_of_b);
        heap.free(a.add(32));
        assert_eq!(forged.add(1).read(), 1, "a flag was set inside of a");
    }
}

// Threads.

/// A break moved as glibc's `sbrk` moves it: read the old one, store the new.
struct SharedBrk {
    start: NonNull<u8>,
    current: AtomicUsize,
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

/// The lie of `examples/malloc2.rs`.
struct OneThread(UnsafeCell<Heap<SharedBrk>>);

impl OneThread {
    fn malloc(&self, size: usize) -> *mut u8 {
        // SAFETY: none: two threads may be here.
        unsafe { (*self.0.get()).malloc(size) }
    }
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
#[should_panic(expected = "both threads got the same block")]
fn two_threads_can_get_the_same_block() {
    loom::model(|| {
        let mut region = Box::<[u8]>::new_uninit_slice(REGION);
        let start = NonNull::from(&mut *region).cast();
        let brk = SharedBrk { start, current: AtomicUsize::new(0) };
        let heap = Arc::new(OneThread(UnsafeCell::new(Heap::new(brk))));

        let theirs = heap.clone();
        let thread = loom::thread::spawn(move || theirs.malloc(100).addr());
        let our_block = heap.malloc(100).addr();
        let their_block = thread.join().unwrap();

        assert_ne!(our_block, their_block, "both threads got the same block");
    });
}

// What is easily got wrong.

#[test]
fn the_end_goes_back_down_to_what_somebody_else_took() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    let a = heap.malloc(100);
    heap.brk().somebody_else_takes(50).unwrap();
    let b = heap.malloc(100);
    // SAFETY: the blocks are live.
    unsafe {
        heap.free(a);
        heap.free(b);
    }
    let (_, theirs) = heap.brk().foreign()[0];
    let b = b.addr() - heap.brk().start().addr().get();
    let used = heap.brk().used();
    assert!((theirs..b).contains(&used), "{used} is not in {theirs}..{b}");
    assert!(heap.brk().foreign_is_intact());
}

#[test]
fn a_block_stays_if_it_lacks_nothing_and_moves_if_it_lacks_16_bytes() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    for (size, stays) in [(32, true), (48, false)] {
        let block = heap.malloc(32);
        heap.malloc(1);
        // SAFETY: the block is live.
        let new = unsafe { heap.realloc(block, size) };
        assert_eq!(new == block, stays, "it stays, with {size} bytes for 32");
    }
}
