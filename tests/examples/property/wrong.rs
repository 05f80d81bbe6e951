//! Programs that break the rules. A heap that notices it ends them.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::{ptr, slice, thread};

use stage3_freelist::{Heap, SimBrk};

use crate::Verdict;
use crate::block::{Block, blocks};

crate::programs! { fn() -> Verdict:
    twice twice_later twice_joined twice_by_another twice_large no_block
    of_another_heap middle odd realloc_of_freed new_owner
}

/// Frees an address, whatever is there.
fn free(address: *mut u8) {
    // SAFETY: none. This is the crime.
    unsafe { libc::free(black_box(address).cast()) };
}

fn unnoticed() -> Verdict {
    Err("nobody has noticed".into())
}

/// At once.
fn twice() -> Verdict {
    let (block, _above) = (Block::new(100), Block::new(100));
    free(block.start());
    free(block.start());
    unnoticed()
}

/// Others are freed in between.
fn twice_later() -> Verdict {
    let all = blocks(30, 100);
    let start = all[7].start();
    all.iter().step_by(2).skip(1).for_each(|it| free(it.start()));
    free(start);
    free(all[11].start());
    free(start);
    unnoticed()
}

/// Its neighbours are free.
fn twice_joined() -> Verdict {
    let all = blocks(5, 1000);
    for i in [1, 2, 3, 2] {
        free(all[i].start());
    }
    unnoticed()
}

/// One thread each.
fn twice_by_another() -> Verdict {
    static FREED: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
    static IS_READY: AtomicBool = AtomicBool::new(false);
    let other = thread::spawn(|| {
        IS_READY.store(true, Ordering::Release);
        while FREED.load(Ordering::Acquire).is_null() {
            thread::yield_now();
        }
        free(FREED.load(Ordering::Acquire));
    });
    // A thread that starts has memory from the same heap: it might be the new
    // owner of the block.
    while !IS_READY.load(Ordering::Acquire) {
        thread::yield_now();
    }
    let (block, _above) = (Block::new(100), Block::new(100));
    free(block.start());
    FREED.store(block.start(), Ordering::Release);
    other.join().expect("it does not panic");
    unnoticed()
}

/// A block that may have had memory of its own.
fn twice_large() -> Verdict {
    let (block, _above) = (Block::new(8 << 20), Block::new(100));
    free(block.start());
    free(block.start());
    unnoticed()
}

/// A variable of a function.
fn no_block() -> Verdict {
    let _block = Block::new(100);
    let mut local = [0_u128; 8];
    free((&raw mut local[4]).cast());
    unnoticed()
}

/// A block from a heap in a library of its own, with that heap's header.
fn of_another_heap() -> Verdict {
    const BYTES: usize = 16 * 1024;
    static mut MEMORY: [u128; BYTES / 16] = [0; BYTES / 16];
    let _block = Block::new(100);
    // SAFETY: nobody else knows it, and a number may be any bytes.
    let memory =
        unsafe { slice::from_raw_parts_mut((&raw mut MEMORY).cast(), BYTES) };
    let mut other: Heap<_> = Heap::new(SimBrk::new(memory));
    let (block, above) = (other.malloc(100), other.malloc(100));
    assert!(!above.is_null(), "it has so much");
    free(block);
    unnoticed()
}

/// A multiple of 16 in a block.
fn middle() -> Verdict {
    let mut block = Block::new(200);
    block.fill(0);
    let _above = Block::new(100);
    free(block.start().wrapping_add(48));
    unnoticed()
}

/// An address that no block can have.
fn odd() -> Verdict {
    let mut block = Block::new(200);
    block.fill(0);
    let _above = Block::new(100);
    free(block.start().wrapping_add(1));
    unnoticed()
}

fn realloc_of_freed() -> Verdict {
    let (block, _above) = (Block::new(100), Block::new(100));
    free(block.start());
    // SAFETY: none. This is the crime.
    let new = unsafe { libc::realloc(black_box(block.start()).cast(), 5000) };
    black_box(new);
    unnoticed()
}

/// Somebody else has got it meanwhile.
fn new_owner() -> Verdict {
    let mine = Block::new(100).start();
    free(mine);
    let is_mine = |block: &Block| block.start() == mine;
    let yours = (0..1000).map(|_| Block::new(100)).find(is_mine);
    free(mine);
    black_box(yours);
    unnoticed()
}
