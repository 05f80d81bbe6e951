//! The exercises of this stage: a test for each, which fails until the
//! exercise is done.
//!
//! They are ignored here. `cargo run -- practice` makes a copy of the stage in
//! which they are not.

use std::mem::MaybeUninit;
use std::slice;

use stage1_bump::{Heap, SimBrk};

const REGION: usize = 64 * 1024;

#[repr(align(4096))]
struct Region([MaybeUninit<u8>; REGION]);

fn region() -> Box<Region> {
    Box::new(Region([const { MaybeUninit::uninit() }; REGION]))
}

/// All of the first `size` bytes of a block must be `byte`.
///
/// # Safety
///
/// `block` has `size` bytes, all written.
#[track_caller]
unsafe fn expect_filled(what: &str, block: *mut u8, size: usize, byte: u8) {
    // SAFETY: as the caller promises.
    let bytes = unsafe { slice::from_raw_parts(block, size) };
    if let Some(at) = bytes.iter().position(|&is| is != byte) {
        let is = bytes[at];
        panic!("byte {at} of {what} should be {byte:#04x} but is {is:#04x}");
    }
}

#[test]
#[ignore = "exercise 1.1"]
fn blocks_of_16_bytes_lie_side_by_side() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    let first = heap.malloc(16);
    for blocks in 1..100 {
        let next = heap.malloc(16);
        assert_eq!(
            next.addr() - first.addr(),
            16 * blocks,
            "bytes from the first block to block {blocks}: where the break is \
             a multiple of 16 already, a block needs no padding"
        );
    }
    let before = heap.brk().used();
    let odd = heap.malloc(1);
    assert_eq!(
        heap.brk().used() - before,
        1,
        "bytes by which the break rose for a block of 1 byte, from a multiple \
         of 16 on: the block, and no padding behind it"
    );
    let next = heap.malloc(16);
    assert_eq!(
        next.addr() - odd.addr(),
        16,
        "bytes from a block of 1 byte to the next: one, and 15 of padding"
    );

    for bytes in [1, 5, 16, 100] {
        heap.brk().somebody_else_takes(bytes).unwrap();
        let block = heap.malloc(16);
        assert_eq!(
            block.addr() % 16,
            0,
            "the address modulo 16, after somebody else has raised the break \
             by {bytes}"
        );
        let end = block.addr() + 16 - heap.brk().start().addr().get();
        let used = heap.brk().used();
        assert!(
            end <= used,
            "the block ends at {end}, but the break is at {used}, after \
             somebody else has raised it by {bytes}"
        );
        // SAFETY: the block has 16 bytes.
        unsafe { block.write_bytes(7, 16) };
        assert!(
            heap.brk().foreign_is_intact(),
            "the block lies over the {bytes} bytes that somebody else took"
        );
    }
}

#[test]
#[ignore = "exercise 1.2"]
fn the_last_block_grows_where_it_is() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    let (below, mut block) = (heap.malloc(100), heap.malloc(100));
    let place = block;
    // SAFETY: the block has 100 bytes.
    unsafe { block.write_bytes(7, 100) };
    for size in [200, 300, 5000, 10] {
        // SAFETY: the block is live.
        block = unsafe { heap.realloc(block, size) };
        assert_eq!(
            block, place,
            "nothing lies above the last block, so with {size} bytes it \
             should be where it was"
        );
        // SAFETY: the block has `size` bytes, and 10 of them are written.
        unsafe {
            expect_filled("the block", block, 10, 7);
            block.write_bytes(7, size);
        }
    }
    let next = heap.malloc(100);
    let distance = next.addr() - block.addr();
    assert!(distance >= 10, "the next block starts {distance} bytes above");
    // SAFETY: the block is live.
    let empty = unsafe { heap.realloc(next, 0) };
    let above = heap.malloc(1);
    assert_ne!(
        above, empty,
        "two blocks have one address: the last block shrank to 0 bytes, and \
         then another was allocated"
    );

    // SAFETY: the block is live.
    let moved = unsafe { heap.realloc(below, 200) };
    assert_ne!(moved, below, "a block that is not the last one has to move");

    let last = heap.malloc(100);
    heap.brk().somebody_else_takes(50).unwrap();
    // SAFETY: the blocks are live, and the new one has 300 bytes.
    unsafe {
        let grown = heap.realloc(last, 300);
        assert!(!grown.is_null(), "there is memory for 300 bytes");
        grown.write_bytes(7, 300);
    }
    assert!(
        heap.brk().foreign_is_intact(),
        "the block grew over the 50 bytes that somebody else took above it"
    );
}

#[test]
#[ignore = "exercise 1.3"]
fn the_break_moves_a_page_at_a_time() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    let mut blocks = Vec::new();
    for round in 1..=4 {
        for _ in 0..30 {
            let block = heap.malloc(100);
            assert!(!block.is_null(), "there is memory for 100 bytes");
            assert_eq!(block.addr() % 16, 0, "the address modulo 16");
            // SAFETY: the block has 100 bytes.
            unsafe { block.write_bytes(blocks.len() as u8, 100) };
            blocks.push(block);
        }
        assert!(
            heap.brk().foreign_is_intact(),
            "a block lies over memory that somebody else took"
        );
        let calls = heap.brk().calls();
        assert!(
            calls <= 2 * round,
            "{calls} moves of the break for {} blocks of 100 bytes, of which \
             a page holds 36",
            blocks.len()
        );
        heap.brk().somebody_else_takes(50).unwrap();
    }
    for (&block, byte) in blocks.iter().zip(0..) {
        // SAFETY: the block has 100 bytes, all written.
        unsafe { expect_filled(&format!("block {byte}"), block, 100, byte) };
    }

    // Two pages to the byte have no room for what is in front of the block.
    for size in [10_000, 8192] {
        let large = heap.malloc(size);
        assert!(!large.is_null(), "there is memory for more than a page");
        let end = large.addr() + size - heap.brk().start().addr().get();
        let used = heap.brk().used();
        assert!(
            end <= used,
            "a block of {size} bytes ends at {end}, the break is at {used}"
        );
        heap.brk().somebody_else_takes(50).unwrap();
    }
}

#[test]
#[ignore = "exercise 1.4"]
fn a_freed_block_is_filled_with_0xdd() {
    const POISON: u8 = 0xDD;
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    for (align, size) in [(16, 100), (16, 16), (16, 1), (1024, 5000)] {
        let below = heap.malloc(40);
        let block = heap.memalign(align, size);
        let above = heap.malloc(40);
        assert_eq!(
            block.addr() % align,
            0,
            "the address modulo {align}: what stands in front of a block \
             must not shift it"
        );
        // SAFETY: the blocks are live and have so many bytes. What was freed
        // is below the break, and nobody uses it.
        unsafe {
            below.write_bytes(7, 40);
            block.write_bytes(7, size);
            above.write_bytes(7, 40);
            heap.free(block);
            let freed = format!("a freed block of {size} bytes");
            expect_filled(&freed, block, size, POISON);
            expect_filled("the live block below it", below, 40, 7);
            expect_filled("the live block above it", above, 40, 7);
        }
    }

    // The block above it keeps it from growing where it is.
    let (block, _above) = (heap.malloc(100), heap.malloc(1));
    // SAFETY: as above.
    unsafe {
        block.write_bytes(7, 100);
        let moved = heap.realloc(block, 200);
        expect_filled("what realloc returned", moved, 100, 7);
        expect_filled("the block that realloc left", block, 100, POISON);
    }
}
