//! What is so in stage 3 because somebody chose it. Other choices would do as
//! well: `cargo run -- vary SEED` makes a copy of which some are asked. And what
//! is so whatever was chosen.

use std::mem::MaybeUninit;

use stage3_freelist::heap::SLACK;
use stage3_freelist::{Heap, SimBrk};

// The choices.
const ALIGN: usize = 16;
const FREE: usize = 1;
const SIZE_STANDS: usize = 1;
const TAKEN: usize = NEWEST;

/// Which of the free blocks of a class is taken: see `FREED`.
const NEWEST: usize = 0;
const OLDEST: usize = 1;
const LOWEST: usize = 2;
const SMALLEST: usize = 3;

/// Two words are in front of each payload, and it is aligned all the same.
const HEADER: usize = if ALIGN > 16 { ALIGN } else { 16 };

/// Less than a step: the break rises by what is needed and no more.
const REGION: usize = 64 * 1024;

type Region = Box<[MaybeUninit<u8>]>;

fn region() -> Region {
    Box::new_uninit_slice(REGION)
}

/// A heap on a break that starts with a page.
fn heap(region: &mut Region) -> Heap<SimBrk<'_>> {
    let page = region.as_ptr().align_offset(4096);
    Heap::new(SimBrk::new(&mut region[page..]))
}

#[test]
fn every_payload_is_aligned_and_none_more_than_it_must() {
    let mut region = region();
    let mut heap = heap(&mut region);
    let blocks: Vec<_> = (0..100).map(|size| heap.malloc(size)).collect();
    for (size, block) in blocks.iter().enumerate() {
        let over = block.addr() % ALIGN;
        assert_eq!(over, 0, "a block of {size}: its address modulo {ALIGN}");
    }
    let (one, next) = (blocks[0].addr(), blocks[1].addr());
    let bytes = HEADER + ALIGN;
    assert_eq!(next - one, bytes, "bytes from a block of 0 to the next one");
}

/// The two words of a block's header.
///
/// # Safety
///
/// `block` is a block, in use or free.
unsafe fn words(block: *mut u8) -> [usize; 2] {
    // SAFETY: a header is in front of each payload.
    unsafe { block.sub(HEADER).cast::<[usize; 2]>().read() }
}

#[test]
fn a_header_has_both_sizes_and_the_flag_in_their_places() {
    let mut region = region();
    let mut heap = heap(&mut region);
    let [below, block, _guard] = [200, 100, 1].map(|size| heap.malloc(size));
    let [below_size, size] =
        [200_usize, 100].map(|size| size.next_multiple_of(ALIGN));
    // SAFETY: the blocks are live. The second one is freed, once.
    unsafe {
        let words_in_use = words(block);
        assert_eq!(
            (words_in_use[SIZE_STANDS], words_in_use[1 - SIZE_STANDS]),
            (size, below_size),
            "the block's own size, in word {SIZE_STANDS} of its header, and the \
             size of the block below, in the other one: {words_in_use:?}"
        );
        heap.free(block);
        let words_when_free = words(block);
        assert_eq!(
            words_when_free[SIZE_STANDS],
            size | FREE,
            "the size of a free block, with {FREE} for the flag"
        );
        let size_in_use = words(below)[SIZE_STANDS];
        assert_eq!(size_in_use, below_size, "the size of a block in use");
    }
}

/// The blocks that are free, in the order of their addresses. All are of one
/// class, and large enough for the request.
const FREED: [usize; 4] = [1200, 1040, 1100, 1150];

/// The order in which they are freed, and which of them each choice takes.
const ORDER: [usize; 4] = [2, 0, 1, 3];
const TAKES: [(usize, usize, &str); 4] = [
    (NEWEST, 3, "the one that was freed last"),
    (OLDEST, 2, "the one that was freed first"),
    (LOWEST, 0, "the one with the lowest address"),
    (SMALLEST, 1, "the smallest one"),
];

#[test]
fn the_block_is_taken_that_was_chosen() {
    let mut region = region();
    let mut heap = heap(&mut region);
    let blocks = FREED.map(|size| {
        let block = heap.malloc(size);
        heap.malloc(1); // a guard, so that they do not join
        block
    });
    for index in ORDER {
        // SAFETY: the block is live, and freed once.
        unsafe { heap.free(blocks[index]) };
    }
    let (_, wanted, name) = TAKES.into_iter().find(|it| it.0 == TAKEN).unwrap();
    let block = heap.malloc(1030);
    let got = blocks.iter().position(|&it| it == block);
    assert_eq!(
        got,
        Some(wanted),
        "of free blocks with {FREED:?} bytes, freed in the order {ORDER:?}, \
         {name} should be taken: {heap:?}"
    );
}

// Whatever was chosen.

#[test]
fn free_neighbours_become_one_block() {
    let mut region = region();
    let mut heap = heap(&mut region);
    let [a, b, c] = [(); 3].map(|()| heap.malloc(100));
    let _guard = heap.malloc(1);
    let used = heap.brk().used();
    for block in [a, c, b] {
        // SAFETY: the block is live, and freed once.
        unsafe { heap.free(block) };
    }
    let large = heap.malloc(300);
    assert_eq!(large, a, "three free blocks of 100 bytes have 300: {heap:?}");
    assert_eq!(heap.brk().used(), used, "the break");
}

#[test]
fn the_rest_of_a_block_is_used_too() {
    let mut region = region();
    let mut heap = heap(&mut region);
    let large = heap.malloc(2000);
    let guard = heap.malloc(1);
    // SAFETY: the block is live, and freed once.
    unsafe { heap.free(large) };
    let [one, other] = [500, 1000].map(|size| heap.malloc(size));
    assert_eq!(one, large, "the front of the free block: {heap:?}");
    let is_inside = large < other && other < guard;
    assert!(is_inside, "{other:p} between {large:p} and {guard:p}: {heap:?}");
}

#[test]
fn what_is_free_at_the_end_goes_back() {
    let mut region = Box::new_uninit_slice(4 * SLACK);
    let mut heap = heap(&mut region);
    let blocks = [(); 3].map(|()| heap.malloc(SLACK));
    let most = heap.brk().used();
    for block in blocks {
        // SAFETY: the block is live, and freed once.
        unsafe { heap.free(block) };
    }
    let used = heap.brk().used();
    assert!(
        used < 2 * SLACK,
        "{used} bytes stay of {most}, and none is in use"
    );
}

#[test]
fn what_is_too_much_to_stay_makes_nothing_else_stay() {
    const LARGE: usize = 40 * SLACK;
    let mut region = Box::new_uninit_slice(LARGE + SLACK);
    let mut heap = heap(&mut region);
    for round in 0..3 {
        let block = heap.malloc(LARGE);
        // SAFETY: the block is live, and freed once.
        unsafe { heap.free(block) };
        let used = heap.brk().used();
        assert!(used < 2 * SLACK, "{used} bytes stay in round {round}");
    }
}
