//! What is true of stage 3, the good and the bad.

use std::cell::UnsafeCell;
use std::env;
use std::mem::MaybeUninit;
use std::process::Command;
use std::ptr::{self, NonNull};
use std::slice;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use stage3_freelist::brk::PAGE;
use stage3_freelist::heap::{
    Block, DEFAULT, LARGE_REST, MOST_SLACK, SLACK, STEP,
};
use stage3_freelist::{Brk, OutOfMemory, SimBrk};

type Heap<B> = stage3_freelist::Heap<B, DEFAULT>;

/// Less than a step: the break refuses steps, and rises by what is needed.
const REGION: usize = 64 * 1024;

fn region() -> Box<[MaybeUninit<u8>]> {
    Box::new_uninit_slice(REGION)
}

/// Room for a break that falls.
fn large_region() -> Box<[MaybeUninit<u8>]> {
    Box::new_uninit_slice(4 * SLACK)
}

/// Where a break starts that is a multiple of 16, so that nothing is left out in
/// front of the first block.
fn aligned(region: &mut [MaybeUninit<u8>]) -> &mut [MaybeUninit<u8>] {
    let skipped = region.as_ptr().align_offset(16);
    &mut region[skipped..]
}

fn free_bytes(heap: &Heap<SimBrk>) -> usize {
    heap.blocks().filter(|block| block.is_free).map(|block| block.size).sum()
}

#[test]
fn a_walk_meets_every_block_from_the_lowest_up() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let blocks = [1, 1000, 100].map(|size| heap.malloc(size).addr());
    // One that goes round in a circle meets more.
    let met = heap.blocks().take(4).map(|block| block.payload);
    assert_eq!(met.collect::<Vec<_>>(), blocks, "where the payloads start");
    assert_eq!(format!("{heap:?}"), "[16 used][1008 used][112 used]");
}

// What comes back.

#[test]
fn a_freed_block_in_the_middle_is_used_again() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let a = heap.malloc(100);
    let _guard = heap.malloc(1);
    for _ in 0..1000 {
        // SAFETY: the block is live.
        unsafe { heap.free(a) };
        let again = heap.malloc(100);
        assert_eq!(again, a, "the free block's place: {heap:?}");
    }
}

#[test]
fn a_large_free_block_is_split() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let a = heap.malloc(1000);
    let _guard = heap.malloc(1);
    // SAFETY: the block is live.
    unsafe { heap.free(a) };
    let b = heap.malloc(100);
    assert_eq!(b, a, "the front of the free block: {heap:?}");
    assert_eq!(format!("{heap:?}"), "[112 used][880 free][16 used]");
}

#[test]
fn a_rest_that_is_no_block_stays_with_the_block() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let a = heap.malloc(112);
    let _guard = heap.malloc(1);
    // SAFETY: the block is live.
    unsafe { heap.free(a) };
    heap.malloc(96);
    assert_eq!(format!("{heap:?}"), "[112 used][16 used]");
}

#[test]
fn a_rest_of_the_smallest_size_is_a_block() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let a = heap.malloc(144);
    let _guard = heap.malloc(1);
    // SAFETY: the block is live.
    unsafe { heap.free(a) };
    heap.malloc(112);
    assert_eq!(format!("{heap:?}"), "[112 used][16 free][16 used]");
}

#[test]
fn free_neighbours_become_one_block() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let (a, b, c) = (heap.malloc(100), heap.malloc(100), heap.malloc(100));
    let _guard = heap.malloc(1);
    // SAFETY: the blocks are live.
    unsafe {
        heap.free(a);
        heap.free(c);
        assert_eq!(
            format!("{heap:?}"),
            "[112 free][112 used][112 free][16 used]"
        );
        heap.free(b);
    }
    assert_eq!(format!("{heap:?}"), "[368 free][16 used]");
}

#[test]
fn padding_is_used_again() {
    let mut region = region();
    let page = region.as_ptr().align_offset(4096);
    let mut heap = Heap::new(SimBrk::new(&mut region[page..]));
    let a = heap.malloc(16);
    let b = heap.memalign(1024, 16);
    let c = heap.malloc(100);
    assert!(a < c && c < b, "{c:p} between {a:p} and {b:p}: {heap:?}");
}

#[test]
fn what_lies_behind_an_aligned_block_is_free() {
    let mut region = region();
    let page = region.as_ptr().align_offset(4096);
    let mut heap = Heap::new(SimBrk::new(&mut region[page..]));
    heap.memalign(1024, 16);
    assert_eq!(format!("{heap:?}"), "[992 free][16 used][16 free]");
}

#[test]
fn an_aligned_block_starts_as_low_as_it_can() {
    for at in (0..256).step_by(16) {
        let mut region = region();
        let page = region.as_ptr().align_offset(4096);
        let mut heap = Heap::new(SimBrk::new(&mut region[page + at..]));
        let block = heap.memalign(64, 100).addr();
        let start = heap.brk().start().addr().get();
        // Right behind the first header, or with a block of its own below.
        let mut places = [16].into_iter().chain((48..).step_by(16));
        let lowest = places.find(|place| (start + place).is_multiple_of(64));
        assert_eq!(Some(block - start), lowest, "on a break at {at}");
    }
}

#[test]
fn free_bytes_can_be_enough_and_no_block_large_enough() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let blocks: Vec<_> = (0..100).map(|_| heap.malloc(100)).collect();
    for block in blocks.iter().step_by(2) {
        // SAFETY: the block is live, and freed once.
        unsafe { heap.free(*block) };
    }
    assert_eq!(free_bytes(&heap), 50 * 112);
    let used = heap.brk().used();
    heap.malloc(200);
    assert!(heap.brk().used() > used, "the heap grew with half of it free");
}

#[test]
fn what_somebody_else_took_is_a_block_that_is_never_freed() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let a = heap.malloc(16);
    heap.brk().somebody_else_takes(100).unwrap();
    let b = heap.malloc(16);
    // SAFETY: the blocks are live.
    unsafe {
        heap.free(a);
        heap.free(b);
    }
    let states: Vec<bool> = heap.blocks().map(|block| block.is_free).collect();
    assert_eq!(states, [true, false, true], "theirs is between ours");
    assert!(heap.brk().foreign_is_intact());
}

/// A break that somebody else raises each time before it rises for the heap:
/// after the heap has asked where it is.
struct LeapingBrk<'a>(SimBrk<'a>);

// SAFETY: as `SimBrk`, which others may raise at any time.
unsafe impl Brk for LeapingBrk<'_> {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, OutOfMemory> {
        if increment > 0 && self.0.foreign().len() < 8 {
            self.0.somebody_else_takes(100)?;
        }
        // SAFETY: the caller's promise.
        unsafe { self.0.sbrk(increment) }
    }
}

#[test]
fn what_somebody_else_takes_while_the_heap_grows_stays_theirs() {
    let mut region = region();
    let mut heap = Heap::new(LeapingBrk(SimBrk::new(aligned(&mut region))));
    for size in [100, 1000, 5000] {
        let block = heap.malloc(size);
        assert!(!block.is_null(), "there is memory for {size} bytes");
        // SAFETY: the block has so many bytes.
        unsafe { block.write_bytes(7, size) };
    }
    assert_eq!(heap.brk().0.foreign().len(), 8, "how often they were first");
    assert!(heap.brk().0.foreign_is_intact(), "what they took is as it was");
}

#[test]
fn what_is_free_at_the_end_is_not_asked_for_again() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let last = heap.malloc(1000);
    // SAFETY: the block is live.
    unsafe { heap.free(last) };
    let used = heap.brk().used();
    assert_eq!(heap.malloc(2000), last, "it begins with the free block");
    let risen = heap.brk().used() - used;
    assert_eq!(risen, 2000 - 1008, "2,000 bytes, and 1,008 were free");
}

// In place.

#[test]
fn realloc_grows_into_the_free_block_above() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let (a, b) = (heap.malloc(100), heap.malloc(100));
    let _guard = heap.malloc(1);
    // SAFETY: the blocks are live.
    unsafe {
        heap.free(b);
        assert_eq!(heap.realloc(a, 150), a, "where it was: {heap:?}");
    }
    assert_eq!(format!("{heap:?}"), "[160 used][64 free][16 used]");
    // SAFETY: the block is live.
    let all = unsafe { heap.realloc(a, 240) };
    assert_eq!(all, a, "it grows into the whole of it");
    assert_eq!(format!("{heap:?}"), "[240 used][16 used]");
}

#[test]
fn realloc_grows_at_the_end_of_the_heap() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let mut block = heap.malloc(16);
    for size in (16..10_000).step_by(16) {
        // SAFETY: the block is live.
        let grown = unsafe { heap.realloc(block, size) };
        assert_eq!(grown, block, "where it was, with {size} bytes: {heap:?}");
        block = grown;
    }
}

#[test]
fn realloc_at_the_end_asks_for_what_is_missing_alone() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let (a, b) = (heap.malloc(1000), heap.malloc(1000));
    // SAFETY: the blocks are live.
    unsafe {
        let used = heap.brk().used();
        assert_eq!(heap.realloc(b, 2000), b, "where it was");
        assert_eq!(heap.brk().used() - used, 2000 - 1008, "bytes more");
        heap.free(b);
        // A free block above and its header are there already.
        let used = heap.brk().used();
        assert_eq!(heap.realloc(a, 4000), a, "where it was");
        let there = 1008 + 16 + 2000;
        assert_eq!(heap.brk().used() - used, 4000 - there, "bytes more");
    }
}

#[test]
fn what_realloc_does_not_need_of_a_step_is_free() {
    let mut region = large_region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let block = heap.malloc(100);
    // SAFETY: the block is live.
    let grown = unsafe { heap.realloc(block, STEP) };
    assert_eq!(grown, block, "where it was");
    let rest = STEP - 32 - 16;
    assert_eq!(format!("{heap:?}"), format!("[{STEP} used][{rest} free]"));
}

#[test]
fn what_the_heap_grew_by_in_vain_is_a_block() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let place = heap.malloc(100);
    heap.malloc(1); // a guard, so that they do not join
    let block = heap.malloc(16);
    heap.brk().somebody_else_takes(16).unwrap();
    // It lacks 16 bytes, and a header has as many. But their memory lies where
    // it would grow.
    // SAFETY: the blocks are live.
    let moved = unsafe {
        heap.free(place);
        heap.realloc(block, 32)
    };
    assert_eq!(moved, place, "it could not grow where it was");
    assert_eq!(
        format!("{heap:?}"),
        "[32 used][64 free][16 used][16 free][16 used][16 free]",
    );
    let used = heap.brk().used();
    heap.malloc(200);
    assert_eq!(heap.brk().used() - used, 208 - 16, "16 were free at the end");
}

#[test]
fn realloc_gives_the_rest_of_a_smaller_block_back() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let a = heap.malloc(1000);
    let _guard = heap.malloc(1);
    // SAFETY: the block is live.
    assert_eq!(unsafe { heap.realloc(a, 100) }, a);
    assert_eq!(format!("{heap:?}"), "[112 used][880 free][16 used]");
}

#[test]
fn realloc_gives_a_small_rest_back_too() {
    for size in [976, 912, 512] {
        let mut region = region();
        let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
        let a = heap.malloc(1008);
        let _guard = heap.malloc(1);
        // SAFETY: the block is live.
        assert_eq!(unsafe { heap.realloc(a, size) }, a, "with {size} bytes");
        let rest = 1008 - size - 16;
        let expected = format!("[{size} used][{rest} free][16 used]");
        assert_eq!(format!("{heap:?}"), expected);
    }
}

/// Makes a block of a mebibyte one of `size` bytes, with a block above it.
fn made_small(heap: &mut Heap<SimBrk>, size: usize) -> [*mut u8; 2] {
    let large = heap.malloc(SLACK);
    assert!(!large.is_null(), "{SLACK} bytes of {} used", heap.brk().used());
    let _guard = heap.malloc(1);
    // SAFETY: the block is live, and has so many bytes.
    unsafe {
        large.write_bytes(7, size);
        [large, heap.realloc(large, size)]
    }
}

#[test]
fn a_large_block_made_small_leaves_its_place_to_the_next() {
    let mut region = large_region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let (first, _) = (heap.malloc(SLACK), heap.malloc(1));
    // SAFETY: the block is live.
    unsafe { heap.free(first) };
    for round in 0..50 {
        let [large, small] = made_small(&mut heap, 5000);
        assert_eq!(large, first, "the place of the large one, round {round}");
        let kept = [0, 4999].map(|at| byte(small, at)) == [7, 7];
        assert!(kept, "the contents have moved too, round {round}");
    }
    let used = heap.brk().used();
    assert!(used < 2 * SLACK, "{used} bytes for 250,000 and one mebibyte");
}

#[test]
fn a_large_block_stays_where_it_keeps_the_larger_part() {
    for kept in [SLACK / 2, SLACK / 2 + 16] {
        let mut region = large_region();
        let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
        let [large, smaller] = made_small(&mut heap, kept);
        assert_eq!(smaller, large, "where it was, with {kept} bytes");
    }
}

#[test]
fn a_block_moves_only_if_it_gives_back_a_large_rest() {
    for (rest, moves) in [(LARGE_REST, true), (LARGE_REST - 16, false)] {
        let mut region = large_region();
        let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
        let (block, _guard) = (heap.malloc(rest + 16), heap.malloc(1));
        // SAFETY: the block is live.
        let small = unsafe { heap.realloc(block, 16) };
        assert_eq!(small != block, moves, "it moves for {rest} bytes");
    }
}

#[test]
fn realloc_that_moves_loses_no_byte() {
    let mut region = large_region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let [large, small] = made_small(&mut heap, 1003);
    assert_ne!(small, large, "it moves");
    let lost = (0..1003).find(|&at| byte(small, at) != 7);
    assert_eq!(lost, None, "the first of 1,003 bytes that was lost");
}

#[test]
fn a_large_block_at_the_end_is_made_small_where_it_is() {
    let mut region = large_region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let last = heap.malloc(SLACK);
    // SAFETY: the block is live.
    let small = unsafe { heap.realloc(last, 16) };
    assert_eq!(small, last, "what it gives back is free at the end");
}

#[test]
fn a_large_block_is_made_small_where_it_is_if_there_is_no_other_place() {
    let mut region = large_region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let (large, _guard) = (heap.malloc(SLACK), heap.malloc(1));
    heap.brk().refuse(usize::MAX);
    while !heap.malloc(1).is_null() {}
    // SAFETY: the block is live.
    let small = unsafe { heap.realloc(large, 5000) };
    assert_eq!(small, large, "where it was");
    assert_eq!(free_bytes(&heap), SLACK - 5008 - 16, "the rest is free");
}

// How long it looks.

#[test]
fn a_request_looks_at_eight_blocks_of_its_class_at_most() {
    let (used, grown) = blocks_of_one_class::<DEFAULT>(7);
    assert_eq!(grown, used, "it found the eighth block");
    let (used, grown) = blocks_of_one_class::<DEFAULT>(8);
    assert!(grown > used, "it found the ninth block: {grown} after {used}");
}

#[test]
fn a_free_block_is_on_the_list_of_its_class() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let blocks = [16, 112, 1024, 1040, 1264, 5008, 30_000].map(|size| {
        let block = heap.malloc(size);
        heap.malloc(1); // a guard, so that they do not join
        block
    });
    for block in blocks {
        // SAFETY: the block is live, and freed once.
        unsafe { heap.free(block) };
    }
    let sizes = [(0, 16), (6, 112), (63, 1024), (64, 1264), (64, 1040)];
    let mut expected = sizes.to_vec();
    expected.extend([(72, 5008), (83, 30_000)]);
    assert_eq!(on_lists(&heap), expected, "class and size");
    // No block of its own class: the next one above is cut.
    assert_eq!(heap.malloc(2000), blocks[5], "the block from the class above");
    expected[5] = (69, 5008 - 2000 - 16);
    assert_eq!(on_lists(&heap), expected, "class and size");
}

#[test]
fn what_is_free_and_not_the_last_can_be_read_from_the_lists() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let [large, small] = [1000, 100].map(|size| {
        let block = heap.malloc(size);
        heap.malloc(1); // a guard, so that they do not join
        block
    });
    let on_all = |heap: &Heap<SimBrk>| {
        let on_list = |class| heap.free_list(class).take(3);
        let blocks: Vec<Block> = (0..DEFAULT).flat_map(on_list).collect();
        blocks.iter().map(|block| block.size).collect::<Vec<_>>()
    };
    assert_eq!(on_all(&heap), [], "on the lists: nothing was freed");
    // SAFETY: the blocks are live.
    unsafe {
        heap.free(large);
        heap.free(small);
    }
    assert_eq!(on_all(&heap), [112, 1008], "on the lists: {heap:?}");
    heap.malloc(100);
    assert_eq!(on_all(&heap), [1008], "on the lists: {heap:?}");
}

/// The free blocks by the lists that they are on. The bitmap has to name those
/// lists and no other.
fn on_lists(heap: &Heap<SimBrk>) -> Vec<(usize, usize)> {
    let on_list = |class| {
        heap.free_list(class).map(move |block: Block| (class, block.size))
    };
    for class in 0..DEFAULT {
        let is_marked = heap.bitmap() & 1 << class != 0;
        let has_any = on_list(class).next().is_some();
        assert_eq!(is_marked, has_any, "the bit of class {class}");
    }
    (0..DEFAULT).flat_map(on_list).collect()
}

#[test]
fn of_the_classes_above_the_next_one_is_cut() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let blocks = [9000, 3000, 5000].map(|size| {
        let block = heap.malloc(size);
        heap.malloc(1); // a guard, so that they do not join
        block
    });
    for block in blocks {
        // SAFETY: the block is live, and freed once.
        unsafe { heap.free(block) };
    }
    assert_eq!(heap.malloc(2000), blocks[1], "the block of 3,000 bytes");
}

#[test]
fn one_list_is_searched_to_its_end() {
    let (used, grown) = blocks_of_one_class::<1>(20);
    assert_eq!(grown, used, "it found the block");
}

#[test]
fn the_last_of_many_lists_is_searched_to_its_end() {
    // The blocks are of class 64. With 65 lists that is the last.
    let (used, grown) = blocks_of_one_class::<65>(20);
    assert_eq!(grown, used, "it found the block");
    let (used, grown) = blocks_of_one_class::<66>(20);
    assert!(grown > used, "there is a class above: {grown} after {used}");
}

#[test]
fn the_last_block_serves_a_request_that_did_not_find_it() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let mut blocks = Vec::new();
    for _ in 0..20 {
        blocks.push(heap.malloc(1040));
        heap.malloc(1); // a guard, so that they do not join
    }
    let last = heap.malloc(1264);
    for block in [last].into_iter().chain(blocks) {
        // SAFETY: the block is live, and freed once.
        unsafe { heap.free(block) };
    }
    assert_eq!(heap.malloc(1264), last, "the free block at the end");
}

/// Frees a block of 1,264 bytes and then some of 1,040, which are of the same
/// class and in front of it on the list, and asks for 1,264 bytes. Returns the
/// break before and after.
fn blocks_of_one_class<const LISTS: usize>(in_front: usize) -> (usize, usize) {
    let mut region = region();
    let mut heap: stage3_freelist::Heap<_, LISTS> =
        stage3_freelist::Heap::new(SimBrk::new(aligned(&mut region)));
    let mut blocks = Vec::new();
    for size in [1264].into_iter().chain(vec![1040; in_front]) {
        blocks.push(heap.malloc(size));
        heap.malloc(1); // a guard, so that they do not join
    }
    for block in blocks {
        // SAFETY: the block is live, and freed once.
        unsafe { heap.free(block) };
    }
    let used = heap.brk().used();
    heap.malloc(1264);
    (used, heap.brk().used())
}

// What it costs.

#[test]
fn one_byte_costs_32() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let (a, b) = (heap.malloc(1), heap.malloc(1));
    assert_eq!(b.addr() - a.addr(), 32, "a header of 16 bytes, and 16");
}

#[test]
fn usable_is_what_lies_between_two_headers() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    for (size, expected) in [(0, 16), (1, 16), (16, 16), (17, 32), (100, 112)] {
        // SAFETY: null is no block.
        let from_realloc = unsafe { heap.realloc(ptr::null_mut(), size) };
        let blocks = [heap.malloc(size), heap.calloc(1, size), from_realloc];
        // SAFETY: the blocks are live.
        let usable = blocks.map(|block| unsafe { heap.usable_size(block) });
        assert_eq!(usable, [expected; 3], "of blocks for {size} bytes");
    }
}

/// A break whose whole pages come as sevens, where they should be zero.
struct SevenBrk<'a>(SimBrk<'a>);

// SAFETY: none: that memory is zero is not true. It is what shows below that
// nobody wrote zeroes.
unsafe impl Brk for SevenBrk<'_> {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, OutOfMemory> {
        // SAFETY: the caller's promise. The bytes have just been given.
        unsafe {
            let old = self.0.sbrk(increment)?;
            old.write_bytes(7, increment.max(0) as usize);
            Ok(old)
        }
    }
}

/// The byte `at` of a block, which has as many.
fn byte(block: *mut u8, at: usize) -> u8 {
    // SAFETY: the heap has written it, or the break has.
    unsafe { block.add(at).read() }
}

/// Where a byte of the block is not zero.
fn not_zero(block: *mut u8, size: usize) -> Option<usize> {
    // SAFETY: the heap has written all of it, or the break has.
    let bytes = unsafe { slice::from_raw_parts(block, size) };
    // One comparison: to look at each takes minutes under Miri.
    if bytes == vec![0; size] {
        return None;
    }
    bytes.iter().position(|&it| it != 0)
}

#[test]
fn calloc_does_not_clear_what_is_fresh() {
    let mut region = large_region();
    let mut heap = Heap::new(SevenBrk(SimBrk::new(aligned(&mut region))));
    let fresh = heap.calloc(1, 2 * PAGE);
    assert_eq!(byte(fresh, PAGE), 7, "left as it came");
    // SAFETY: the block is live.
    unsafe { heap.free(fresh) };
    let used = heap.calloc(1, 2 * PAGE);
    assert_eq!(used, fresh, "the same place");
    assert_eq!(byte(used, PAGE), 0, "cleared");
}

#[test]
fn calloc_does_not_clear_what_was_given_back_and_comes_again() {
    let mut region = large_region();
    let mut heap = Heap::new(SevenBrk(SimBrk::new(aligned(&mut region))));
    for block in [(); 3].map(|()| heap.malloc(SLACK)) {
        // SAFETY: the block is live.
        unsafe { heap.free(block) };
    }
    let [stayed, again] = [(); 2].map(|()| heap.calloc(1, SLACK));
    assert_eq!(byte(stayed, SLACK - 1), 0, "cleared");
    assert_eq!(byte(again, PAGE), 7, "left as it came");
}

#[test]
fn calloc_knows_how_far_the_heap_was_ever_used() {
    let mut region = large_region();
    let mut heap = Heap::new(SevenBrk(SimBrk::new(aligned(&mut region))));
    let (low, _guard) = (heap.malloc(100), heap.malloc(1));
    let small = heap.malloc(100);
    // SAFETY: the block is live.
    unsafe { heap.free(small) };
    let size = STEP - 1024;
    let block = heap.calloc(1, size);
    assert_eq!(block, small, "the same place");
    assert_eq!(byte(block, 99), 0, "cleared");
    assert_eq!(byte(block, size - 1), 7, "above that nobody has used it");
    // SAFETY: the blocks are live.
    unsafe {
        heap.free(block);
        heap.free(low);
    }
    // A block further down was used last.
    assert_eq!(heap.malloc(100), low, "the free block's place");
    let again = heap.calloc(1, size);
    assert_eq!(again, block, "the same place");
    assert_eq!(byte(again, size - 1), 0, "cleared");
}

#[test]
fn what_was_on_a_list_is_zero_for_calloc() {
    let mut region = large_region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let place = heap.malloc(60_000);
    heap.malloc(1); // a guard, so that they do not join
    let listed = heap.malloc(35_000);
    heap.malloc(1);
    let block = heap.malloc(100);
    heap.brk().somebody_else_takes(100).unwrap();
    // What is left of the step is the last block no more: it goes to the list of
    // `listed`. Nobody has used it yet, but its links are there.
    // SAFETY: the blocks are live.
    let moved = unsafe {
        heap.free(place);
        heap.free(listed);
        heap.realloc(block, 50_000)
    };
    assert_eq!(moved, place, "their memory lies where it would grow");
    let block = heap.calloc(1, 35_500);
    assert_eq!(not_zero(block, 500), None, "where links were");
}

#[test]
fn a_block_across_two_steps_is_zero_for_calloc() {
    let mut region = large_region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    heap.malloc(100);
    let block = heap.calloc(1, 2 * STEP);
    let dirty = not_zero(block, 2 * STEP);
    assert_eq!(dirty, None, "where the first step ended there was a header");
}

#[test]
fn what_a_block_grew_into_is_zero_for_calloc() {
    let mut region = large_region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let block = heap.malloc(16);
    // SAFETY: the block is live, and has so many bytes when it has grown.
    unsafe {
        let grown = heap.realloc(block, 10_000);
        assert_eq!(grown, block, "where it was");
        grown.write_bytes(7, 10_000);
        heap.free(grown);
    }
    let again = heap.calloc(1, 10_000);
    assert_eq!(again, block, "the same place");
    assert_eq!(not_zero(again, 10_000), None, "where the block had grown");
}

#[test]
fn what_was_given_back_and_comes_again_is_zero_for_calloc() {
    let mut region = large_region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    for block in [(); 3].map(|()| heap.malloc(SLACK)) {
        // SAFETY: the block is live.
        unsafe {
            block.write_bytes(7, SLACK);
            heap.free(block);
        }
    }
    assert_eq!(heap.brk().calls(), 4, "up three times and down once");
    // The last one reaches beyond the old end, where a header was.
    for size in [SLACK, SLACK, SLACK + STEP] {
        let block = heap.calloc(1, size);
        assert_eq!(not_zero(block, size), None, "in {size} bytes");
    }

    let mut region = large_region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let small = heap.malloc(100);
    // SAFETY: the block is live, and has so many bytes.
    unsafe {
        small.write_bytes(7, 100);
        heap.free(small);
    }
    let block = heap.calloc(1, 200);
    assert_eq!(block, small, "it reaches beyond the old block");
    assert_eq!(not_zero(block, 200), None, "over the header above that");
}

#[test]
fn what_somebody_else_wrote_and_gave_back_is_zero_for_calloc() {
    let mut region = large_region();
    let page = region.as_ptr().align_offset(PAGE);
    // The break stands inside a page, before and after.
    let brk = SimBrk::new(&mut region[page + 48..]);
    let mut heap = Heap::new(brk);
    for size in [100, 200 * 1024] {
        heap.brk().somebody_else_gives_back(1000).unwrap();
        let block = heap.calloc(1, size);
        assert_eq!(not_zero(block, size), None, "in {size} bytes");
    }
}

/// Where a byte above the break has been written, in bytes from the break, which
/// can rise to the end of a region of `len` bytes.
fn written_above(brk: &SimBrk, len: usize) -> Option<usize> {
    // SAFETY: the region has `len` bytes, and `SimBrk` has written them all.
    let above = unsafe {
        let start = brk.start().add(brk.used());
        slice::from_raw_parts(start.as_ptr(), len - brk.used())
    };
    // One comparison: as in `not_zero`.
    if above == vec![SimBrk::POISON; above.len()] {
        return None;
    }
    above.iter().position(|&it| it != SimBrk::POISON)
}

#[test]
fn what_is_left_of_a_page_is_cleared_up_to_the_break_alone() {
    let mut region = large_region();
    let page = region.as_ptr().align_offset(PAGE);
    let region = &mut region[page + 48..];
    let len = region.len();
    let mut heap = Heap::new(SimBrk::new(region));
    heap.malloc(100);
    assert_eq!(heap.brk().used(), STEP, "a step");
    // No step is to be had: the break rises within the page.
    heap.brk().refuse(1);
    heap.malloc(STEP);
    let risen = heap.brk().used() - STEP;
    assert!(0 < risen && risen < PAGE - 48, "by {risen} bytes");
    let written = written_above(heap.brk(), len);
    assert_eq!(written, None, "above the break a byte was written");
}

// System calls.

#[test]
fn the_break_moves_in_steps() {
    let mut region = large_region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    for _ in 0..5000 {
        assert!(!heap.malloc(100).is_null());
    }
    assert_eq!(heap.brk().used(), 5 * STEP, "640,000 bytes in steps");
    assert_eq!(heap.brk().calls(), 5, "moves of the break");
    heap.malloc(5 * STEP / 2);
    assert_eq!(heap.brk().used(), 8 * STEP, "two and a half more");

    // What is left of a step is cut when no list has anything.
    let mut region = large_region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let (a, _guard) = (heap.malloc(100), heap.malloc(1));
    // SAFETY: the block is live.
    unsafe { heap.free(a) };
    assert_eq!(heap.malloc(100), a, "the place of the block on a list");
}

#[test]
fn what_is_a_multiple_of_a_step_is_not_rounded_up() {
    // Two headers more: the block's and the end.
    for (size, steps) in [(STEP - 48, 1), (STEP - 32, 1), (STEP - 16, 2)] {
        let mut region = large_region();
        let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
        heap.malloc(size);
        let used = heap.brk().used();
        assert_eq!(used, steps * STEP, "for a block of {size} bytes");
    }
}

#[test]
fn nothing_is_written_above_the_break() {
    let mut region = large_region();
    let region = aligned(&mut region);
    let len = region.len();
    let mut heap = Heap::new(SimBrk::new(region));
    let blocks = [(); 3].map(|()| {
        let block = heap.malloc(SLACK);
        let written = written_above(heap.brk(), len);
        assert_eq!(written, None, "when it has risen");
        block
    });
    for block in blocks {
        // SAFETY: the block is live.
        unsafe { heap.free(block) };
    }
    let written = written_above(heap.brk(), len);
    assert_eq!(written, None, "when it has fallen");
}

#[test]
fn the_end_goes_back_but_for_the_slack() {
    let mut region = large_region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    for block in [(); 3].map(|()| heap.malloc(SLACK)) {
        // SAFETY: the block is live.
        unsafe { heap.free(block) };
    }
    assert_eq!(heap.brk().used(), SLACK + 32, "a free block, and two headers");
    assert_eq!(heap.brk().calls(), 4, "up three times and down once");

    let mut region = large_region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let last = heap.malloc(3 * SLACK);
    // SAFETY: the block is live.
    unsafe { heap.realloc(last, 16) };
    let used = heap.brk().used();
    assert!(used < 2 * SLACK, "{used} bytes for a block that was made small");

    let mut region = large_region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    for block in [(); 4].map(|()| heap.malloc(SLACK / 4 * 3)) {
        // SAFETY: the block is live, and has so many bytes.
        unsafe {
            block.write_bytes(7, SLACK / 4 * 3);
            heap.free(block);
        }
    }
    // The new end lies where somebody has written.
    let all = heap.malloc(SLACK);
    // SAFETY: the block is live.
    unsafe { heap.free(all) };
    assert_eq!(heap.brk().used(), SLACK + 32, "it was taken and came back");

    let mut region = large_region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let blocks = [(); 3].map(|()| heap.malloc(SLACK));
    heap.brk().somebody_else_takes(100).unwrap();
    let used = heap.brk().used();
    for block in blocks {
        // SAFETY: the block is live.
        unsafe { heap.free(block) };
    }
    assert_eq!(heap.brk().used(), used, "theirs lies above it");
    assert!(heap.brk().foreign_is_intact());
}

#[test]
fn the_end_goes_back_when_it_is_twice_the_slack() {
    for (size, left) in [(2 * SLACK, SLACK), (2 * SLACK - 16, 2 * SLACK - 16)] {
        let mut region = large_region();
        let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
        // No step is to be had, so there is nothing behind the two blocks.
        let blocks = [SLACK, size - 16 - SLACK].map(|size| {
            heap.brk().refuse(1);
            heap.malloc(size)
        });
        assert_eq!(heap.brk().used(), size + 32, "both, and two headers");
        for block in blocks {
            // SAFETY: the block is live.
            unsafe { heap.free(block) };
        }
        assert_eq!(heap.brk().used(), left + 32, "of {size} free bytes");
    }
}

#[test]
fn the_end_goes_back_when_it_is_twice_a_slack_that_has_grown() {
    let mut region = Box::new_uninit_slice(14 * SLACK);
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    // Four mebibytes went back and came again: the slack is five.
    swing(&mut heap, 5);
    swing(&mut heap, 5);
    swing(&mut heap, 8);
    let used = heap.brk().used();
    assert!(used > 8 * SLACK, "{used} bytes stay: less than twice the slack");
    swing(&mut heap, 11);
    let used = heap.brk().used();
    assert!(used < 6 * SLACK, "{used} bytes stay: the slack alone");
}

#[test]
fn what_the_break_does_not_take_back_stays() {
    let mut region = Box::new_uninit_slice(6 * SLACK);
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let [a, b, c] = [(); 3].map(|()| heap.malloc(SLACK));
    let used = heap.brk().used();
    // SAFETY: the blocks are live.
    unsafe {
        heap.free(a);
        heap.free(b);
        heap.brk().refuse(1);
        heap.free(c);
    }
    assert_eq!(heap.brk().used(), used, "the break has refused");
    let free = used - 32;
    assert_eq!(free_bytes(&heap), free, "all of it is one free block");
    // What did not go back does not come again: the slack is as it was.
    swing(&mut heap, 5);
    assert_eq!(heap.brk().used(), SLACK + 32, "a free block, and two headers");
}

#[test]
fn what_is_refused_does_not_count_as_needed_again() {
    let mut region = Box::new_uninit_slice(6 * SLACK);
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let low = heap.malloc(SLACK);
    swing(&mut heap, 3);
    let used = heap.brk().used();
    assert_eq!(used, 2 * SLACK + 48, "two blocks, and three headers");
    heap.brk().refuse(2);
    let more = heap.malloc(SLACK + SLACK / 2);
    assert!(more.is_null(), "the break has refused");
    // SAFETY: the block is live.
    unsafe { heap.free(low) };
    assert_eq!(heap.brk().used(), SLACK + 32, "the slack is as it was");
}

#[test]
fn a_swing_within_the_slack_asks_nobody() {
    let mut region = large_region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    // Less than twice the slack.
    let most = heap.malloc(SLACK + SLACK / 2);
    let calls = heap.brk().calls();
    // SAFETY: the block is live.
    unsafe { heap.free(most) };
    for _ in 0..1000 {
        let block = heap.malloc(SLACK);
        // SAFETY: the block is live.
        unsafe { heap.free(block) };
    }
    assert_eq!(heap.brk().calls(), calls, "moves of the break");
}

/// Allocates so many blocks of a mebibyte and frees them.
fn swing(heap: &mut Heap<SimBrk>, blocks: usize) {
    let blocks: Vec<_> = (0..blocks).map(|_| heap.malloc(SLACK)).collect();
    for block in blocks {
        // SAFETY: the block is live.
        unsafe { heap.free(block) };
    }
}

#[test]
fn a_swing_wider_than_the_slack_soon_asks_nobody() {
    let mut region = Box::new_uninit_slice(6 * SLACK);
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    for _ in 0..2 {
        swing(&mut heap, 5);
    }
    let calls = heap.brk().calls();
    for _ in 0..50 {
        swing(&mut heap, 5);
    }
    assert_eq!(heap.brk().calls(), calls, "moves of the break");
}

#[test]
fn however_wide_the_swing_only_so_much_stays() {
    let mut region = Box::new_uninit_slice(2 * MOST_SLACK + 2 * SLACK);
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    for _ in 0..2 {
        swing(&mut heap, 65);
    }
    let used = heap.brk().used();
    assert!(used <= MOST_SLACK + 32, "{used} bytes, and none is in use");
}

#[test]
fn a_swing_wider_than_what_may_stay_leaves_the_slack_as_it_is() {
    let mut region = Box::new_uninit_slice(MOST_SLACK + 10 * SLACK);
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    for _ in 0..3 {
        let block = heap.malloc(MOST_SLACK + 8 * SLACK);
        assert!(!block.is_null(), "there is memory for the block");
        // SAFETY: the block is live.
        unsafe { heap.free(block) };
    }
    let used = heap.brk().used();
    assert!(used <= SLACK + 32, "{used} bytes stay, and none is in use");
}

#[test]
fn what_is_known_of_a_swing_is_known_after_a_wider_one() {
    let mut region = Box::new_uninit_slice(14 * SLACK);
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    swing(&mut heap, 5);
    swing(&mut heap, 5);
    swing(&mut heap, 12);
    let calls = heap.brk().calls();
    swing(&mut heap, 5);
    assert_eq!(heap.brk().calls(), calls, "moves of the break");
}

#[test]
fn who_grows_once_and_shrinks_once_keeps_the_slack_alone() {
    let mut region = Box::new_uninit_slice(18 * SLACK);
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    for block in [(); 16].map(|()| heap.malloc(SLACK)).into_iter().rev() {
        // SAFETY: the block is live.
        unsafe { heap.free(block) };
    }
    assert_eq!(heap.brk().used(), SLACK + 32, "nothing was needed again");

    // Two came again, and six more were never there before.
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    swing(&mut heap, 3);
    swing(&mut heap, 9);
    let used = heap.brk().used();
    assert!(used < 4 * SLACK, "{used} bytes stay, and three were needed");

    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    swing(&mut heap, 3);
    let all = heap.malloc(9 * SLACK);
    // SAFETY: the block is live.
    unsafe { heap.free(all) };
    let used = heap.brk().used();
    assert!(used < 4 * SLACK, "{used} bytes stay of nine, as before");
}

#[test]
fn what_fell_in_many_moves_is_counted_as_a_whole() {
    let mut region = Box::new_uninit_slice(10 * SLACK);
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    for block in [(); 8].map(|()| heap.malloc(SLACK)).into_iter().rev() {
        // SAFETY: the block is live.
        unsafe { heap.free(block) };
    }
    swing(&mut heap, 8);
    let calls = heap.brk().calls();
    swing(&mut heap, 8);
    assert_eq!(heap.brk().calls(), calls, "moves of the break");
}

// What the tags notice.

/// What a program does wrong.
type Crime = fn(&mut Heap<SimBrk>);

/// Runs `crime` in a process of its own, which must end with `line`.
#[track_caller]
fn ends_with(line: &str, name: &str, crime: Crime) {
    each_ends_with(line, name, &[("it", crime)]);
}

/// Runs each of the crimes in a process of its own, which must end with `line`.
#[track_caller]
fn each_ends_with(line: &str, name: &str, crimes: &[(&str, Crime)]) {
    if let Ok(wanted) = env::var("CRIME") {
        let mut region = region();
        let heap = &mut Heap::new(SimBrk::new(aligned(&mut region)));
        for (_, crime) in crimes.iter().filter(|(what, _)| *what == wanted) {
            crime(heap);
        }
        return;
    }
    for (what, _) in crimes {
        let output = Command::new(env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env("CRIME", what)
            .output()
            .unwrap();
        let (errors, status) =
            (String::from_utf8_lossy(&output.stderr), output.status);
        assert!(errors.contains(line), "{what}: {line:?} not in {errors:?}");
        assert!(!status.success(), "{what}: it ended with {status}");
    }
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
fn what_lies_below_the_heap_is_not_even_read() {
    let line = "malloc: this is no block of the heap: 0x";
    ends_with(line, "what_lies_below_the_heap_is_not_even_read", |heap| {
        heap.malloc(100);
        // No program has memory there.
        // SAFETY: none: this is the crime.
        unsafe { heap.free(ptr::without_provenance_mut(64)) };
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

/// Frees what looks like a block in the middle of another: its payload starts
/// `at` bytes into that one. It has these sizes, and its neighbours say that it
/// has `told`.
fn free_in_disguise(
    heap: &mut Heap<SimBrk>,
    at: usize,
    [prev_size, size]: [usize; 2],
    told: [usize; 2],
) {
    let block = heap.calloc(1, 400);
    let _guard = heap.malloc(1);
    // SAFETY: none: the last one is the crime. (What is written lies in the
    // block. What would lie outside of it is not written.)
    unsafe {
        let payload = block.add(at);
        let write = |place: usize, word: usize| {
            if place < 400 {
                block.add(place).cast::<usize>().write_unaligned(word);
            }
        };
        write(at - 16, prev_size);
        write(at - 8, size);
        write(at.wrapping_add(size), told[1]);
        write(at.wrapping_sub(24).wrapping_sub(prev_size), told[0]);
        heap.free(payload);
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn what_only_looks_like_a_block_is_noticed() {
    let line = "malloc: this is no block of the heap: 0x";
    let name = "what_only_looks_like_a_block_is_noticed";
    let crimes: [(&str, Crime); 10] = [
        ("an address that is no multiple of 16", |heap| {
            free_in_disguise(heap, 168, [16, 32], [16, 32]);
        }),
        ("a size that is no multiple of 16", |heap| {
            free_in_disguise(heap, 160, [16, 24], [16, 24]);
        }),
        ("a size below that is no multiple of 16", |heap| {
            free_in_disguise(heap, 160, [24, 32], [24, 32]);
        }),
        ("no room for links", |heap| {
            free_in_disguise(heap, 160, [16, 0], [16, 0]);
        }),
        ("nothing below", |heap| {
            free_in_disguise(heap, 160, [0, 32], [0, 32]);
        }),
        ("a size that leads out of the heap", |heap| {
            free_in_disguise(heap, 160, [16, 1 << 40], [16, 0]);
        }),
        ("a size below that leads out of the heap", |heap| {
            free_in_disguise(heap, 160, [1 << 40, 32], [0, 32]);
        }),
        ("a block above that has another size of it", |heap| {
            free_in_disguise(heap, 160, [16, 32], [16, 48]);
        }),
        ("a block below that has another size", |heap| {
            free_in_disguise(heap, 160, [16, 32], [32, 32]);
        }),
        ("an address below the heap", |heap| {
            let first = heap.malloc(100);
            // SAFETY: none: this is the crime.
            unsafe { heap.free(first.wrapping_sub(64)) };
        }),
    ];
    each_ends_with(line, name, &crimes);
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn whatever_takes_a_block_looks_at_it_first() {
    let name = "whatever_takes_a_block_looks_at_it_first";
    let crimes: [(&str, Crime); 2] = [
        ("realloc of an address in a block", |heap| {
            let (a, _guard) = (heap.calloc(1, 100), heap.malloc(1));
            // SAFETY: none: this is the crime.
            unsafe { heap.realloc(a.add(48), 10) };
        }),
        ("usable_size of an address in a block", |heap| {
            let (a, _guard) = (heap.calloc(1, 100), heap.malloc(1));
            // SAFETY: none: this is the crime.
            unsafe { heap.usable_size(a.add(48)) };
        }),
    ];
    each_ends_with("malloc: this is no block of the heap: 0x", name, &crimes);
    let crimes: [(&str, Crime); 2] = [
        ("realloc of a free block", |heap| {
            let (a, _guard) = (heap.malloc(100), heap.malloc(1));
            // SAFETY: none: the second one is the crime.
            unsafe {
                heap.free(a);
                heap.realloc(a, 10);
            }
        }),
        ("usable_size of a free block", |heap| {
            let (a, _guard) = (heap.malloc(100), heap.malloc(1));
            // SAFETY: none: the second one is the crime.
            unsafe {
                heap.free(a);
                heap.usable_size(a);
            }
        }),
    ];
    each_ends_with("malloc: this block is free already: 0x", name, &crimes);
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_header_that_was_written_over_is_noticed() {
    let line = "malloc: this is no block of the heap: 0x";
    let name = "a_header_that_was_written_over_is_noticed";
    let crimes: [(&str, Crime); 3] = [
        ("its own", |heap| {
            let (a, b, _guard) =
                (heap.malloc(16), heap.malloc(16), heap.malloc(1));
            // SAFETY: none: `a` has 16 bytes.
            unsafe {
                a.write_bytes(255, 17);
                heap.free(b);
            }
        }),
        ("the one above", |heap| {
            let (a, _above) = (heap.malloc(16), heap.malloc(1));
            // SAFETY: none: as above.
            unsafe {
                a.write_bytes(255, 17);
                heap.free(a);
            }
        }),
        ("that of the first block", |heap| {
            let (a, _above) = (heap.malloc(16), heap.malloc(1));
            // SAFETY: none: nobody may write in front of it.
            unsafe {
                a.sub(16).write(16);
                heap.free(a);
            }
        }),
    ];
    each_ends_with(line, name, &crimes);
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_block_freed_twice_is_noticed_after_it_was_joined() {
    let line = "malloc: this is no block of the heap: 0x";
    let name = "a_block_freed_twice_is_noticed_after_it_was_joined";
    ends_with(line, name, |heap| {
        let (a, b, _guard) =
            (heap.malloc(100), heap.malloc(100), heap.malloc(1));
        // SAFETY: none: the last one is the crime.
        unsafe {
            heap.free(a);
            heap.free(b);
            heap.free(b);
        }
    });
}

#[test]
fn a_block_freed_twice_is_not_noticed_once_it_has_a_new_owner() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let mine = heap.malloc(100);
    let _guard = heap.malloc(1);
    // SAFETY: the block is live.
    unsafe { heap.free(mine) };
    let yours = heap.malloc(100);
    assert_eq!(yours, mine, "the same place: {heap:?}");
    // SAFETY: none: it is not mine any more. Yours is free now.
    unsafe { heap.free(mine) };
    assert_eq!(format!("{heap:?}"), "[112 free][16 used]");
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

/// The lie of `examples/malloc3.rs`.
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
        let mut region = region();
        let start = NonNull::from(&mut *region).cast();
        let brk = SharedBrk { start, current: AtomicUsize::new(0) };
        let heap = Arc::new(OneThread(UnsafeCell::new(Heap::new(brk))));
        heap.malloc(1);

        let theirs = heap.clone();
        let thread = loom::thread::spawn(move || theirs.malloc(100).addr());
        let our_block = heap.malloc(100).addr();
        let their_block = thread.join().unwrap();

        assert_ne!(our_block, their_block, "both threads got the same block");
    });
}

// What is easily got wrong.

#[test]
fn a_block_leaves_its_list_from_any_place() {
    for place in 0..3 {
        let mut region = region();
        let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
        let blocks: Vec<[*mut u8; 3]> = (0..3)
            .map(|_| [heap.malloc(100), heap.malloc(16), heap.malloc(16)])
            .collect();
        // SAFETY: the blocks are live.
        unsafe {
            blocks.iter().for_each(|[block, ..]| heap.free(*block));
            // It joins the block below it, which goes to another list.
            heap.free(blocks[place][1]);
        }
        let expected = [(6, 112), (6, 112), (8, 144)];
        assert_eq!(on_lists(&heap), expected, "without block {place}");
        let mut again = [(); 3].map(|()| heap.malloc(100));
        again.sort();
        let blocks: Vec<*mut u8> = blocks.iter().map(|it| it[0]).collect();
        assert_eq!(again, *blocks, "all three are used again");
    }
}

#[test]
fn what_was_the_end_and_is_it_no_more_is_on_its_list() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let last = heap.malloc(1000);
    // SAFETY: the block is live.
    unsafe { heap.free(last) };
    assert_eq!(on_lists(&heap), [], "the last free block is on no list");
    heap.brk().somebody_else_takes(100).unwrap();
    heap.malloc(5000);
    assert_eq!(on_lists(&heap), [(62, 1008)], "there are blocks above it");
}

/// What is free is on a list or the last, or else its neighbour is joined with
/// it and taken off a list that it is not on.
#[test]
fn what_was_the_end_and_is_it_no_more_is_used_again() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let [lower, last] = [1000; 2].map(|size| heap.malloc(size));
    // SAFETY: the blocks are live, and have so many bytes.
    unsafe {
        last.write_bytes(7, 1000);
        heap.free(last);
        heap.brk().somebody_else_takes(100).unwrap();
        heap.malloc(5000);
        heap.free(lower);
    }
    assert_eq!(heap.malloc(2000), lower, "both are one block: {heap:?}");
    assert_ne!(heap.malloc(1000), last, "it is in use: {heap:?}");
}

#[test]
fn what_the_heap_grew_by_in_vain_is_used() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(aligned(&mut region)));
    let place = heap.malloc(2000);
    heap.malloc(1); // a guard, so that they do not join
    let block = heap.malloc(100);
    heap.brk().somebody_else_takes(100).unwrap();
    // Their memory lies where the block would grow.
    // SAFETY: the blocks are live.
    let moved = unsafe {
        heap.free(place);
        heap.realloc(block, 1900)
    };
    assert_eq!(moved, place, "it could not grow where it was");
    let calls = heap.brk().calls();
    heap.malloc(1500);
    assert_eq!(heap.brk().calls(), calls, "moves of the break: {heap:?}");
}
