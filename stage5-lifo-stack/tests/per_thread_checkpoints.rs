//! What is true of a stack for each thread, the good and the bad.

use std::env;
use std::iter;
use std::mem::{self, MaybeUninit};
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use fastrand::Rng;
use stage5_lifo_stack::SimBrk;
use stage5_lifo_stack::per_thread::chunks::Chunk;
use stage5_lifo_stack::per_thread::found::free_without_stack;
use stage5_lifo_stack::per_thread::holes::Holes;
use stage5_lifo_stack::per_thread::record::mark;
use stage5_lifo_stack::per_thread::segment::Mmap;
use stage5_lifo_stack::per_thread::sim::SimMmap;
use stage5_lifo_stack::per_thread::stack::Stack;

/// Bytes of a segment in these tests.
const SEGMENT: usize = 16 * 1024;

const REGION: usize = 8 * SEGMENT;

/// A break in it starts at a multiple of 4,096.
#[repr(align(4096))]
struct Region([MaybeUninit<u8>; REGION]);

fn region() -> Box<Region> {
    Box::new(Region([const { MaybeUninit::uninit() }; REGION]))
}

/// Memory of that many segments.
fn large_region() -> Box<[MaybeUninit<u8>]> {
    Box::new_uninit_slice(50 * SEGMENT)
}

type Memory<'a> = SimMmap<SimBrk<'a>>;

fn memory(region: &mut [MaybeUninit<u8>]) -> Memory<'_> {
    SimMmap::new(SimBrk::new(region))
}

type Default<'a> = Holes<Memory<'a>>;

// A stack for each thread.

#[test]
fn a_freed_chunk_at_the_top_is_used_again() {
    let mut region = region();
    let mut stack = Stack::new(memory(&mut region.0));
    let a = stack.malloc(100);
    for _ in 0..1000 {
        let b = stack.malloc(100);
        assert_eq!(b.addr() - a.addr(), 112, "the place above a");
        // SAFETY: the chunk is live.
        unsafe { stack.free(b) };
    }
}

#[test]
fn a_chunk_that_is_freed_under_another_goes_when_that_goes() {
    let mut region = region();
    let mut stack = Stack::new(memory(&mut region.0));
    let (a, b) = (stack.malloc(100), stack.malloc(100));
    // SAFETY: both chunks are live.
    unsafe {
        stack.free(a);
        stack.free(b);
    }
    assert_eq!(stack.malloc(100), a, "the place of the lower one");
}

#[test]
fn eight_bytes_stand_in_front_of_a_chunk() {
    let mut region = region();
    let mut stack = Stack::new(memory(&mut region.0));
    let sizes = [0, 8, 9, 24, 25, 40];
    let chunks = sizes.map(|size| stack.malloc(size));
    let places = chunks.map(|chunk| chunk.addr() - chunks[0].addr());
    assert_eq!(places, [0, 16, 32, 64, 96, 144], "bytes above the first");
    // SAFETY: the chunks are live.
    let usable = chunks.map(|chunk| unsafe { stack.usable_size(chunk) });
    assert_eq!(usable, [8, 8, 24, 24, 40, 40], "bytes that may be used");
}

#[test]
fn a_free_from_another_thread_is_a_mark() {
    let mut region = region();
    let mut stack = Stack::new(memory(&mut region.0));
    let (a, b) = (stack.malloc(100), stack.malloc(100));
    // SAFETY: the chunk is live. Another thread needs no more than this.
    unsafe { mark(b) };
    assert_eq!(format!("{stack:?}"), "[104 used][104 marked][room]");
    assert!(stack.malloc(100) > b, "the owner has not looked yet");
    // SAFETY: as above.
    unsafe { mark(a) };
    assert_eq!(
        format!("{stack:?}"),
        "[104 marked][104 marked][104 used][room]"
    );
}

/// A chunk in the hands of a thread that has no stack.
struct Theirs(*mut u8);

// SAFETY: nobody else has it.
unsafe impl Send for Theirs {}

impl Theirs {
    /// Writes to the chunk, and frees it.
    fn write_and_free(self) {
        // SAFETY: the chunk is live, and has so many bytes.
        unsafe {
            self.0.write_bytes(2, 100);
            mark(self.0);
        }
    }
}

/// (Miri sees it if the owner writes where the other one may still be.)
#[test]
fn another_thread_frees_while_the_owner_works() {
    let rounds = if cfg!(miri) { 100 } else { 1000 };
    let mut region = region();
    let mut stack = Stack::new(memory(&mut region.0));
    let (sender, receiver) = mpsc::sync_channel(3);
    thread::scope(|scope| {
        scope.spawn(|| receiver.into_iter().for_each(Theirs::write_and_free));
        for _ in 0..rounds {
            let (theirs, mine) = (stack.malloc(100), stack.malloc(100));
            // SAFETY: the chunks are live, and have so many bytes.
            unsafe {
                theirs.write_bytes(1, 100);
                mine.write_bytes(1, 100);
            }
            sender.send(Theirs(theirs)).expect("a receiver");
            // SAFETY: the chunk is live.
            unsafe { stack.free(mine) };
        }
        drop(sender);
    });
    let last = stack.malloc(1);
    // SAFETY: the chunk is live.
    unsafe { stack.free(last) };
    assert_eq!(format!("{stack:?}"), "[room]", "what is left");
}

#[test]
fn the_owner_pops_what_others_have_marked() {
    let mut region = region();
    let mut stack = Stack::new(memory(&mut region.0));
    let chunks = [(); 10].map(|()| stack.malloc(100));
    for chunk in &chunks[..9] {
        // SAFETY: the chunk is live, and marked once.
        unsafe { mark(*chunk) };
    }
    // SAFETY: the chunk is live.
    unsafe { stack.free(chunks[9]) };
    assert_eq!(format!("{stack:?}"), "[room]", "what is left");
}

#[test]
fn what_others_have_marked_at_the_top_waits_for_a_pop() {
    let mut region = region();
    let mut stack = Stack::new(memory(&mut region.0));
    for _ in 0..100 {
        // SAFETY: the chunk is live.
        unsafe { mark(stack.malloc(100)) };
    }
    let marked = stack.chunks().count() - 1;
    assert_eq!(marked, 100, "chunks that nobody has");
    let top = stack.malloc(100);
    // SAFETY: the chunk is live.
    unsafe { stack.free(top) };
    assert_eq!(format!("{stack:?}"), "[room]", "what is left");
}

/// A thread that has no stack frees the chunks of the lower segment, all or all
/// but the first of them. Returns the pieces of that segment.
fn freed_by_another(size: usize, is_one_left: bool) -> Vec<usize> {
    let mut region = region();
    let mut stack = Stack::new(memory(&mut region.0));
    let lower = stack.malloc(size);
    let mut chunks = vec![lower];
    loop {
        let chunk = stack.malloc(size);
        if chunk.addr() / SEGMENT != lower.addr() / SEGMENT {
            break;
        }
        chunks.push(chunk);
    }
    for chunk in &chunks[usize::from(is_one_left)..] {
        // SAFETY: the chunk is live.
        unsafe { free_without_stack(stack.mmap(), *chunk) };
    }
    let is_lower =
        |piece: &Chunk| piece.start.addr() / SEGMENT == lower.addr() / SEGMENT;
    stack.chunks().filter(is_lower).map(|it| it.size).collect()
}

#[test]
fn whoever_frees_the_last_chunk_of_a_segment_empties_it() {
    for size in [20, 100, 1000] {
        let pieces = freed_by_another(size, false);
        assert_eq!(pieces.len(), 1, "of {size} bytes: {pieces:?}");
        assert!(pieces[0] > SEGMENT - 256, "of {size} bytes: {pieces:?}");
    }
}

#[test]
fn a_segment_with_a_chunk_in_use_is_as_it_was() {
    for size in [20, 100, 1000] {
        let pieces = freed_by_another(size, true);
        assert!(pieces.len() > 14, "of {size} bytes: {pieces:?}");
    }
}

#[test]
fn what_an_alignment_leaves_out_is_a_chunk_that_is_free_at_once() {
    let mut region = region();
    let mut stack = Stack::new(memory(&mut region.0));
    let a = stack.malloc(8);
    let aligned = stack.memalign(1024, 8);
    assert_eq!(aligned.addr() % 1024, 0, "the address modulo 1,024");
    let filler = aligned.addr() - a.addr() - 16 - 8;
    assert_eq!(
        format!("{stack:?}"),
        format!("[8 used][{filler} marked][8 used][room]")
    );
    // SAFETY: the chunk is live.
    unsafe { stack.free(aligned) };
    assert_eq!(format!("{stack:?}"), "[8 used][room]");
}

// Segments.

#[test]
fn a_stack_has_no_chunk_for_more_than_half_of_the_largest() {
    let mut region = region();
    let mut stack = Stack::new(memory(&mut region.0));
    let half = Stack::<Memory>::LARGEST / 2;
    assert!(!stack.malloc(half).is_null(), "{half} bytes");
    assert!(stack.malloc(half + 1).is_null(), "{half} bytes and one");
    assert!(!stack.memalign(half, half).is_null(), "at a multiple of {half}");
    assert!(stack.memalign(2 * half, 1).is_null(), "of twice as much");
}

#[test]
fn a_stack_goes_on_in_another_segment() {
    let mut region = region();
    let mut stack = Stack::new(memory(&mut region.0));
    let chunks: Vec<*mut u8> = (0..40).map(|_| stack.malloc(1000)).collect();
    let segments: Vec<usize> =
        chunks.iter().map(|chunk| chunk.addr() / SEGMENT).collect();
    let mut different = segments.clone();
    different.dedup();
    assert_eq!(different.len(), 3, "segments of 40 chunks: {segments:?}");
    // SAFETY: the chunks are live.
    unsafe { chunks.iter().rev().for_each(|chunk| stack.free(*chunk)) };
    assert_eq!(format!("{stack:?}"), "[room]", "what is left");
    let again: Vec<*mut u8> = (0..40).map(|_| stack.malloc(1000)).collect();
    assert_eq!(again[..15], chunks[..15], "the places in the lowest segment");
}

#[test]
fn one_empty_segment_is_kept() {
    let mut region = region();
    let mut stack = Stack::new(memory(&mut region.0));
    let chunks: Vec<*mut u8> = (0..100).map(|_| stack.malloc(1000)).collect();
    let used = stack.mmap().mapped();
    // SAFETY: the chunks are live.
    unsafe { chunks.iter().rev().for_each(|chunk| stack.free(*chunk)) };
    let left = stack.mmap().mapped();
    assert_eq!((used, left), (7 * SEGMENT, 2 * SEGMENT), "mapped");
}

#[test]
fn a_swing_over_a_border_asks_nobody() {
    let mut region = region();
    let mut stack = Stack::new(memory(&mut region.0));
    let below: Vec<*mut u8> = (0..16).map(|_| stack.malloc(1000)).collect();
    let calls = stack.mmap().brk().calls();
    let swings = if cfg!(miri) { 100 } else { 1000 };
    for _ in 0..swings {
        let chunks = [(); 4].map(|()| stack.malloc(1000));
        let is_over = chunks[3].addr() / SEGMENT != below[0].addr() / SEGMENT;
        assert!(is_over, "the border is passed");
        // SAFETY: the chunks are live.
        unsafe { chunks.iter().rev().for_each(|chunk| stack.free(*chunk)) };
    }
    let more = stack.mmap().brk().calls() - calls;
    assert!(more <= 1, "{more} calls for {swings} swings");
}

#[test]
fn a_stack_that_fell_grows_again_in_segments_of_its_own() {
    let mut region = region();
    let mut stack = Stack::new(memory(&mut region.0));
    // What went back and was needed again stays the next time.
    for kept in [1, 4, 4] {
        let mut chunks = Vec::new();
        while chunks.len() < 4 * (SEGMENT / 1008) + 4 {
            let chunk = stack.malloc(1000);
            assert!(!chunk.is_null(), "after {} chunks", chunks.len());
            chunks.push(chunk);
        }
        for chunk in chunks.into_iter().rev() {
            // SAFETY: the chunk is live.
            unsafe { stack.free(chunk) };
        }
        let mapped = stack.mmap().mapped() / SEGMENT;
        assert_eq!(mapped, 1 + kept, "segments: the lowest, and what is kept");
    }
}

#[test]
fn what_is_left_of_a_segment_waits_and_is_popped() {
    let mut region = region();
    let mut stack = Stack::new(memory(&mut region.0));
    let mut chunks = vec![stack.malloc(1000)];
    while chunks[chunks.len() - 1].addr() / SEGMENT
        == chunks[0].addr() / SEGMENT
    {
        chunks.push(stack.malloc(1000));
    }
    let state = format!("{stack:?}");
    assert!(state.ends_with(" marked][1000 used][room]"), "{state}");
    // SAFETY: the chunk is live.
    unsafe { stack.free(chunks[chunks.len() - 1]) };
    let state = format!("{stack:?}");
    assert!(state.ends_with("[1000 used][room]"), "{state}");
}

/// Fills a segment with chunks of 64 bytes up to its end, and has others free
/// them all, one of them last. Returns how many bytes the first chunk has then.
fn freed_last(of_the_highest: usize) -> usize {
    let mut region = region();
    let mut stack = Stack::new(memory(&mut region.0));
    let mut chunks = vec![stack.malloc(8)];
    let room = |stack: &Stack<Memory>| {
        stack.chunks().last().map_or(0, |room: Chunk| room.size)
    };
    let over = room(&stack) % 64;
    if over > 0 {
        chunks.push(stack.malloc(over - 8));
    }
    for _ in 0..room(&stack) / 64 {
        chunks.push(stack.malloc(56));
    }
    // In the next segment: now others may empty this one.
    stack.malloc(56);
    let last = chunks.remove(chunks.len() - of_the_highest);
    chunks.push(last);
    for chunk in chunks {
        // SAFETY: the chunk is live.
        unsafe { free_without_stack(stack.mmap(), chunk) };
    }
    let first = stack.chunks().next();
    first.map_or(0, |chunk| chunk.size)
}

#[test]
fn of_small_chunks_the_highest_asks_whether_it_is_the_last() {
    let whole = freed_last(1);
    assert!(whole > SEGMENT - 256, "{whole} bytes of a segment are one chunk");
    // There is room for one like it above the second highest.
    assert_eq!(freed_last(2), 16, "the first chunk is as it was");
}

#[test]
fn a_stack_that_gets_no_segment_is_as_it_was() {
    let mut region = region();
    let mut stack = Stack::new(memory(&mut region.0));
    stack.mmap().brk().refuse(1);
    assert!(stack.malloc(100).is_null(), "while the break refuses");
    // As many as one segment has.
    let chunks = [(); 16].map(|()| stack.malloc(1000));
    let before = format!("{stack:?}");
    stack.mmap().brk().refuse(1);
    assert!(stack.malloc(1000).is_null(), "while the break refuses");
    assert_eq!(format!("{stack:?}"), before);
    // SAFETY: the chunks are live.
    unsafe { chunks.iter().rev().for_each(|chunk| stack.free(*chunk)) };
    assert_eq!(format!("{stack:?}"), "[room]", "what is left");
}

// Holes.

/// Frees a chunk that lies under another one.
fn free_deep(heap: &mut Default, size: usize) -> *mut u8 {
    let chunk = heap.malloc(size);
    heap.malloc(1500);
    // SAFETY: the chunk is live.
    unsafe { heap.free(chunk) };
    chunk
}

#[test]
fn a_chunk_freed_deep_is_used_again_by_size() {
    let mut region = region();
    let mut heap: Default = Holes::new(memory(&mut region.0));
    let chunk = free_deep(&mut heap, 100);
    assert_eq!(format!("{heap:?}"), "[104 listed][1512 used][room]");
    assert_ne!(heap.malloc(72), chunk, "another size");
    assert_eq!(heap.malloc(89), chunk, "a size of the same list");
    assert_ne!(heap.malloc(89), chunk, "it is in use now");
}

#[test]
fn a_list_gives_out_first_what_it_got_last() {
    let mut region = region();
    let mut heap: Default = Holes::new(memory(&mut region.0));
    let chunks = [(); 3].map(|()| heap.malloc(100));
    heap.malloc(1500);
    for chunk in chunks {
        // SAFETY: the chunk is live.
        unsafe { heap.free(chunk) };
    }
    let again = [(); 3].map(|()| heap.malloc(100));
    assert_eq!(again, [chunks[2], chunks[1], chunks[0]]);
}

#[test]
fn a_list_takes_all_that_is_freed_and_gives_it_out_again() {
    let mut region = region();
    let mut heap: Default = Holes::new(memory(&mut region.0));
    let chunks = [(); 80].map(|()| heap.malloc(100));
    heap.malloc(1500);
    let mapped = heap.mmap().mapped();
    for chunk in chunks {
        // SAFETY: the chunk is live.
        unsafe { heap.free(chunk) };
    }
    let state = format!("{heap:?}");
    assert_eq!(state.matches("listed").count(), 80, "listed: {state}");
    let again = [(); 80].map(|()| heap.malloc(100));
    assert!(again.iter().rev().eq(&chunks), "{again:?}, before {chunks:?}");
    assert_eq!(heap.mmap().mapped(), mapped, "bytes that are mapped");
}

/// Each cut leaves a smaller chunk behind, and only a sweep makes large ones.
#[test]
fn blocks_of_all_sizes_make_the_heap_no_larger_in_the_long_run() {
    let mut region = region();
    let mut heap: Default = Holes::new(memory(&mut region.0));
    let mut rng = Rng::with_seed(1);
    let mut blocks = [(); 64].map(|()| heap.malloc(rng.usize(..400)));
    for _ in 0..if cfg!(miri) { 500 } else { 100_000 } {
        let block = &mut blocks[rng.usize(..64)];
        // SAFETY: the chunk is live.
        unsafe { heap.free(*block) };
        *block = heap.malloc(rng.usize(..400));
        assert!(!block.is_null(), "there is memory");
    }
    let mapped = heap.mmap().mapped();
    let live = 64 * 200;
    assert!(mapped <= 5 * live, "{mapped} bytes for about {live}");
}

/// Segments in which there are blocks of several kilobytes.
type Larger<'a> = SimMmap<SimBrk<'a>, 65536>;

/// A heap with a hole of 8,192 bytes.
fn with_a_hole(brk: SimBrk) -> (Holes<Larger>, *mut u8) {
    let mut heap = Holes::new(Larger::new(brk));
    let hole = heap.malloc(8184);
    heap.malloc(1);
    // SAFETY: the chunk is live.
    unsafe { heap.free(hole) };
    (heap, hole)
}

#[test]
fn a_larger_request_is_cut_from_what_is_free() {
    let mut region = region();
    let (mut heap, hole) = with_a_hole(SimBrk::new(&mut region.0));
    assert_eq!(heap.malloc(3000), hole, "the start of the hole");
    assert_eq!(format!("{heap:?}"), "[3064 used][5112 listed][8 used][room]");
}

#[test]
fn what_is_left_of_a_cut_is_cut_next() {
    let mut region = region();
    let (mut heap, hole) = with_a_hole(SimBrk::new(&mut region.0));
    assert_eq!(heap.malloc(2040), hole, "cut from what is free");
    let rest = heap.in_hand();
    assert_eq!(rest, Some(hole.wrapping_add(2048)), "what is left");
    assert_eq!(Some(heap.malloc(3000)), rest, "the next one");
    assert_eq!(heap.in_hand(), rest.map(|it| it.wrapping_add(3072)));
}

#[test]
fn the_larger_of_two_rests_is_in_hand() {
    let mut region = region();
    let memory = Larger::new(SimBrk::new(&mut region.0));
    let mut heap: Holes<Larger> = Holes::new(memory);
    let [one, _, other, _] = [8184, 1, 6136, 1].map(|size| heap.malloc(size));
    // SAFETY: the chunk is live.
    unsafe { heap.free(one) };
    assert_eq!(heap.malloc(4088), one, "cut from what is free");
    let rest = Some(one.wrapping_add(4096));
    assert_eq!(heap.in_hand(), rest, "4,096 bytes");
    // SAFETY: the chunk is live.
    unsafe { heap.free(other) };
    assert_eq!(heap.malloc(5112), other, "too much for what is in hand");
    assert_eq!(heap.in_hand(), rest, "1,024 bytes are left, which are fewer");
}

#[test]
fn a_chunk_grows_into_what_is_in_hand_above_it() {
    let mut region = region();
    let (mut heap, hole) = with_a_hole(SimBrk::new(&mut region.0));
    let chunk = heap.malloc(2040);
    assert_eq!(chunk, hole, "cut from what is free");
    // SAFETY: the chunk is live.
    unsafe {
        for size in [2500, 5000, 8184] {
            assert_eq!(heap.realloc(chunk, size), chunk, "{size} bytes");
        }
        assert_eq!(heap.in_hand(), None, "all of it is used");
        assert_ne!(heap.realloc(chunk, 8185), chunk, "no room for so many");
    }
}

#[test]
fn small_chunks_are_cut_in_batches() {
    let mut region = region();
    let mut heap: Default = Holes::new(memory(&mut region.0));
    let (block, _above) = (heap.malloc(2000), heap.malloc(1));
    // SAFETY: the block is live.
    unsafe { assert_eq!(heap.realloc(block, 8), block, "in its place") };
    let hole = block.wrapping_add(16);
    assert_eq!(heap.malloc(120), hole, "the first of four");
    let others = [128, 256, 384].map(|it| hole.wrapping_add(it));
    let listed: Vec<_> = heap.list(128).collect();
    assert_eq!(listed, others, "on their list, the lowest first");
    assert_eq!(heap.in_hand(), Some(hole.wrapping_add(512)), "what is left");
    let again = [(); 3].map(|()| heap.malloc(120));
    assert_eq!(again, others, "the next ones");
    // No two of these fit into a batch.
    let large = [(); 2].map(|()| heap.malloc(300));
    assert_eq!(large, [512, 832].map(|it| hole.wrapping_add(it)));
    assert_eq!(heap.list(320).count(), 0, "chunks for 300 bytes on a list");
}

#[test]
fn every_chunk_on_a_list_of_several_sizes_is_large_enough() {
    let mut region = large_region();
    let mut heap: Holes<Larger> =
        Holes::new(Larger::new(SimBrk::new(&mut region)));
    for size in (2041..8184).step_by(61) {
        let chunk = heap.malloc(size);
        heap.malloc(1);
        // SAFETY: the chunk is live.
        let room = unsafe { heap.usable_size(chunk) };
        assert!(
            (size..size + size / 8 + 16).contains(&room),
            "{room} bytes for {size}"
        );
        // SAFETY: the chunk is live.
        unsafe { heap.free(chunk) };
        assert_eq!(heap.malloc(room), chunk, "the largest of its list");
        // SAFETY: as above.
        unsafe { heap.free(chunk) };
        assert_eq!(heap.malloc(size), chunk, "{size} bytes, again");
    }
}

#[test]
fn a_block_that_moves_to_grow_has_room_to_grow_again() {
    let mut region = region();
    let mut heap: Default = Holes::new(memory(&mut region.0));
    let (block, _above) = (heap.malloc(392), heap.malloc(1));
    // SAFETY: the blocks are live.
    unsafe {
        let moved = heap.realloc(block, 400);
        assert_ne!(moved, block, "it has moved");
        assert_eq!(heap.usable_size(moved), 504, "bytes, for 400");
        let larger = heap.realloc(moved, 1000);
        assert_eq!(heap.usable_size(larger), 1000, "it has moved by much");
    }
}

#[test]
fn a_block_grows_by_what_it_must_where_there_is_no_more() {
    let mut region = region();
    let mut heap: Default = Holes::new(memory(&mut region.0));
    let (hole, _above) = (heap.malloc(420), heap.malloc(1));
    let (block, _above) = (heap.malloc(400), heap.malloc(1));
    // SAFETY: the chunks are live, and have so many bytes.
    unsafe {
        block.write_bytes(7, 400);
        heap.mmap().brk().refuse(1000);
        while !heap.malloc(1000).is_null() {}
        while !heap.malloc(1).is_null() {}
        heap.free(hole);
        let moved = heap.realloc(block, 420);
        assert_eq!(moved, hole, "there is room for 420 bytes, not for 500");
        for at in 0..400 {
            assert_eq!(moved.add(at).read(), 7, "byte {at} of the block");
        }
    }
}

#[test]
fn a_sweep_makes_one_chunk_of_many() {
    let mut region = large_region();
    let mut heap: Default = Holes::new(memory(&mut region));
    let small: Vec<*mut u8> = (0..1000).map(|_| heap.malloc(100)).collect();
    heap.malloc(1500);
    // SAFETY: the chunks are live.
    unsafe { small.iter().for_each(|chunk| heap.free(*chunk)) };
    let used = heap.mmap().most();
    for _ in 0..80 {
        assert!(!heap.malloc(1000).is_null(), "there is memory");
    }
    let most = heap.mmap().most();
    assert_eq!(most, used, "bytes that were mapped at most");
}

#[test]
fn the_row_of_segments_closes_where_empty_ones_went_back() {
    let mut region = large_region();
    let mut heap: Default = Holes::new(memory(&mut region));
    let mut chunks = Vec::new();
    while heap.mmap().mapped() < 20 * SEGMENT {
        chunks.push(heap.malloc(1000));
    }
    let segment = |chunk: &*mut u8| chunk.addr() / SEGMENT;
    let lowest = segment(&chunks[0]);
    let highest = segment(&chunks[chunks.len() - 1]);
    chunks.retain(|chunk| {
        let stays = [lowest, highest].contains(&segment(chunk));
        if !stays {
            // SAFETY: the chunk is live.
            unsafe { heap.free(*chunk) };
        }
        stays
    });
    let mapped = heap.mmap().mapped();
    assert!(mapped < 10 * SEGMENT, "{mapped} bytes stay mapped");
    // The stack falls from the highest segment, and rises again.
    while segment(&chunks[chunks.len() - 1]) == highest {
        // SAFETY: the chunk is live.
        unsafe { heap.free(chunks.pop().expect("it is the last")) };
    }
    let mut risen = 0;
    while heap.mmap().mapped() < 20 * SEGMENT {
        assert!(!heap.malloc(1000).is_null(), "after {risen} chunks");
        risen += 1;
    }
    assert!(risen > 10 * SEGMENT / 1008, "{risen} chunks in ten segments");
}

#[test]
fn what_is_cut_off_a_smaller_block_is_used_again() {
    let mut region = region();
    let mut heap: Default = Holes::new(memory(&mut region.0));
    let (a, _guard) = (heap.malloc(1500), heap.malloc(100));
    // SAFETY: the chunk is live.
    unsafe { assert_eq!(heap.realloc(a, 200), a, "in its place") };
    assert_eq!(format!("{heap:?}"), "[200 used][1304 listed][104 used][room]");
    let next = heap.malloc(500);
    assert_eq!(next.addr() - a.addr(), 208, "the place behind it");
}

/// A sweep would join what is free side by side.
#[test]
fn blocks_that_shrink_bring_no_sweep_if_the_stack_hardly_grows() {
    let mut region = large_region();
    let mut heap: Default = Holes::new(memory(&mut region));
    let [a, b, _guard] = [8; 3].map(|size| heap.malloc(size));
    for _ in 0..130 {
        heap.malloc(1000);
    }
    // SAFETY: the chunks are live.
    unsafe {
        heap.free(a);
        heap.free(b);
    }
    let are_apart = |heap: &Default| {
        [a, b].iter().all(|chunk| heap.list(16).any(|it| it == *chunk))
    };
    assert!(are_apart(&heap), "before: {heap:?}");
    for time in 0..300 {
        let (room, _note) = (heap.malloc(1000), heap.malloc(30));
        // SAFETY: the block is live.
        let same = unsafe { heap.realloc(room, 20) };
        assert_eq!(same, room, "it stays where it is");
        assert!(are_apart(&heap), "swept after {time} blocks: {heap:?}");
    }
}

#[test]
fn the_top_grows_where_it_is() {
    let mut region = region();
    let mut heap: Default = Holes::new(memory(&mut region.0));
    let (a, b) = (heap.malloc(100), heap.malloc(100));
    // SAFETY: the chunks are live.
    unsafe {
        assert_eq!(heap.realloc(b, 1900), b, "the top");
        assert_eq!(heap.realloc(b, 10), b, "the top");
        assert_eq!(heap.realloc(a, 90), a, "not worth it");
    }
    assert_eq!(format!("{heap:?}"), "[104 used][24 used][room]");
}

/// A queue of 50: what comes in first is the first to go. Returns how many
/// bytes were mapped at most.
fn most_of_a_queue<const LISTS: bool, const HOLE: usize>() -> usize {
    let mut region = large_region();
    let mut heap = Holes::<_, LISTS, HOLE>::new(memory(&mut region));
    let mut queue = [(); 50].map(|()| heap.malloc(1500));
    for turn in 0..300 {
        let first = mem::replace(&mut queue[turn % 50], heap.malloc(1500));
        // SAFETY: the chunk is live.
        unsafe { heap.free(first) };
    }
    heap.mmap().most()
}

#[test]
fn a_pure_stack_grows_where_holes_do_not() {
    let mut region = large_region();
    let mut stack = Stack::new(memory(&mut region));
    let mut queue = [(); 50].map(|()| stack.malloc(1000));
    for turn in 0..300 {
        let first = mem::replace(&mut queue[turn % 50], stack.malloc(1000));
        // SAFETY: the chunk is live.
        unsafe { stack.free(first) };
    }
    let pure = stack.mmap().most();
    assert!(pure > 300 * 1008, "a pure stack: {pure} for {}", 300 * 1008);
    let both = most_of_a_queue::<true, 16>();
    assert!(both <= 8 * SEGMENT, "with holes: {both} for {}", 50 * 1512);
    let holes = most_of_a_queue::<false, 16>();
    assert!(holes <= 12 * SEGMENT, "holes alone: {holes}");
}

// Large blocks.

#[test]
fn a_large_block_has_a_mapping_of_its_own_which_is_kept() {
    let mut region = region();
    let mut heap: Default = Holes::new(memory(&mut region.0));
    let a = heap.malloc(10_000);
    let mapped = heap.mmap().mapped();
    // SAFETY: the block is live.
    unsafe { heap.free(a) };
    assert_eq!(heap.mmap().mapped(), mapped, "it is kept");
    assert_eq!(heap.malloc(9500), a, "and used again");
    assert_ne!(heap.malloc(9500), a, "it is in use now");
}

#[test]
fn few_mappings_are_kept() {
    let mut region = large_region();
    let mut heap: Default = Holes::new(memory(&mut region));
    let blocks = [(); 12].map(|()| heap.malloc(10_000));
    let all = heap.mmap().mapped();
    for block in blocks {
        // SAFETY: the block is live.
        unsafe { heap.free(block) };
    }
    let kept = heap.mmap().mapped();
    assert_eq!(kept * 12, all * 8, "{kept} of {all} bytes");
}

#[test]
fn a_kept_mapping_of_twice_the_length_is_not_taken() {
    let mut region = large_region();
    let mut heap: Default = Holes::new(memory(&mut region));
    let large = heap.malloc(20_000);
    // SAFETY: the block is live.
    unsafe { heap.free(large) };
    let half = heap.malloc(10_000);
    // SAFETY: the block is live.
    let usable = unsafe { heap.usable_size(half) };
    assert!((10_000..15_000).contains(&usable), "{usable} bytes");
}

/// The first segment of a stack comes to lie where a large block was.
#[test]
fn a_large_block_that_has_moved_is_in_no_segment_at_its_old_place() {
    #[repr(align(16384))]
    struct Segments([MaybeUninit<u8>; 16 * SEGMENT]);
    let region = Box::<Segments>::new_uninit();
    // SAFETY: bytes that need no value have none.
    let mut region = unsafe { region.assume_init() };
    let mut heap: Default = Holes::new(memory(&mut region.0));
    // SAFETY: the blocks are live.
    unsafe {
        let old = heap.malloc(8 * SEGMENT);
        let block = heap.realloc(old, 8448);
        assert_ne!(block, old, "it has moved");
        let small = heap.malloc(22);
        let [start, place] = [old, small].map(|it| it.addr() / SEGMENT);
        assert_eq!(place, start, "a segment begins where it was");
        heap.free(block);
        heap.free(small);
    }
}

#[test]
fn nothing_is_noted_where_there_is_no_room_for_notes() {
    let mut region = region();
    let mut heap: Default = Holes::new(memory(&mut region.0));
    let block = heap.malloc(100);
    for units in 900..1100 {
        let far = block.wrapping_add(units * SEGMENT / 16);
        let noted = heap.mmap().mapping_at(far);
        assert!(noted.is_null(), "{units} units above: {noted:?}");
    }
}

#[test]
fn no_more_is_mapped_than_there_is_room_for_notes() {
    let mut region = region();
    let brk = SimBrk::new(&mut region.0);
    let mut memory = SimMmap::<_, SEGMENT, 64>::new(brk);
    let unit = SEGMENT / 16;
    let mapped = iter::from_fn(|| memory.map(unit, unit)).count();
    assert_eq!(mapped, 63, "units, of {} that the break has", REGION / unit);
}

#[test]
fn a_large_block_grows_by_more_than_it_must() {
    let mut region = large_region();
    let mut heap: Default = Holes::new(memory(&mut region));
    let (mut block, mut moves) = (heap.malloc(10_000), 0);
    for size in (10_000..100_000).step_by(100) {
        // SAFETY: the block is live.
        let new = unsafe { heap.realloc(block, size) };
        assert!(!new.is_null(), "{size} bytes");
        moves += usize::from(new != block);
        block = new;
    }
    assert!(moves < 25, "{moves} moves for 900 steps");
}

#[test]
fn what_calloc_gives_is_zero_though_it_was_used() {
    let mut region = region();
    let mut heap: Default = Holes::new(memory(&mut region.0));
    for size in [100, 1500, 9000] {
        let block = heap.malloc(size);
        // SAFETY: the block is live, and has so many bytes.
        let is_zero = unsafe {
            block.write_bytes(7, size);
            heap.free(block);
            let block = heap.calloc(size);
            (0..size).all(|at| *block.add(at) == 0)
        };
        assert!(is_zero, "{size} bytes");
    }
}

// What is noticed.

/// Runs `crime` in a process of its own, which must end with `line`.
#[track_caller]
fn ends_with(line: &str, name: &str, crime: fn(&mut Default)) {
    if env::var_os("CRIME").is_some() {
        let mut region = region();
        crime(&mut Holes::new(memory(&mut region.0)));
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

const FREE_ALREADY: &str = "malloc: this block is free already: 0x";

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_double_free_is_noticed() {
    ends_with(FREE_ALREADY, "a_double_free_is_noticed", |heap| {
        let (a, _guard) = (heap.malloc(100), heap.malloc(100));
        // SAFETY: none: the second one is the crime.
        unsafe {
            heap.free(a);
            heap.free(a);
        }
    });
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_double_free_is_noticed_on_a_list() {
    ends_with(FREE_ALREADY, "a_double_free_is_noticed_on_a_list", |heap| {
        let chunk = free_deep(heap, 100);
        // SAFETY: none: this is the crime.
        unsafe { heap.free(chunk) };
    });
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_double_free_is_noticed_after_it_was_popped() {
    let name = "a_double_free_is_noticed_after_it_was_popped";
    ends_with(FREE_ALREADY, name, |heap| {
        let a = heap.malloc(100);
        // SAFETY: none: the second one is the crime.
        unsafe {
            heap.free(a);
            heap.free(a);
        }
    });
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_double_free_is_noticed_after_its_segment_was_left() {
    let name = "a_double_free_is_noticed_after_its_segment_was_left";
    ends_with(FREE_ALREADY, name, |heap| {
        let below = heap.malloc(1000);
        let mut above = Vec::new();
        while above.last().unwrap_or(&below).addr() / SEGMENT
            == below.addr() / SEGMENT
        {
            above.push(heap.malloc(1000));
        }
        // SAFETY: the chunks are live. The last line is the crime.
        unsafe {
            above.iter().rev().for_each(|chunk| heap.free(*chunk));
            heap.free(above[above.len() - 1]);
        }
    });
}

/// The word in front of it is what a chunk would have that ends at the top. But
/// the top is in another segment.
#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_pointer_into_another_segment_is_noticed_whatever_stands_in_front() {
    let name = "a_pointer_into_another_segment_is_noticed_\
        whatever_stands_in_front";
    ends_with("malloc: this is no block of the heap: 0x", name, |heap| {
        let a = heap.malloc(100);
        let mut last = a;
        while a.addr() / SEGMENT == last.addr() / SEGMENT {
            last = heap.malloc(1000);
        }
        assert!(last > a, "{last:p} lies above {a:p}");
        let top = last.addr() + 1008;
        // SAFETY: the chunk is live. The last line is the crime.
        unsafe {
            let place = a.add(32);
            let size = (top - place.addr()) as u32;
            a.add(28).cast::<u32>().write(size);
            heap.free(place);
        }
    });
}

#[test]
fn a_double_free_is_not_noticed_once_it_has_a_new_owner() {
    let mut region = region();
    let mut heap: Default = Holes::new(memory(&mut region.0));
    let mine = heap.malloc(100);
    // SAFETY: the chunk is live.
    unsafe { heap.free(mine) };
    let yours = heap.malloc(100);
    assert_eq!(yours, mine, "the same place");
    // SAFETY: none: it is not mine any more. Yours is free now.
    unsafe { heap.free(mine) };
    assert_eq!(format!("{heap:?}"), "[room]", "what is left");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod in_a_process {
    use stage5_lifo_stack::per_thread::threads::{
        calloc, free, malloc, realloc,
    };

    use std::collections::BTreeSet;
    use std::thread;

    use super::ends_with;

    const NO_BLOCK: &str = "malloc: this is no block of the heap: 0x";

    #[test]
    #[cfg_attr(miri, ignore = "Miri starts no process")]
    fn a_pointer_from_elsewhere_is_noticed() {
        let name = "in_a_process::a_pointer_from_elsewhere_is_noticed";
        ends_with(NO_BLOCK, name, |_| {
            let (mut local, a, _guard) = (0_u128, malloc(100), malloc(100));
            // SAFETY: the first one is right; the second one is the crime.
            unsafe {
                free(a);
                free((&raw mut local).cast());
            }
        });
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri starts no process")]
    fn a_pointer_into_a_block_is_noticed_if_no_block_can_start_there() {
        let name = "in_a_process::\
            a_pointer_into_a_block_is_noticed_if_no_block_can_start_there";
        ends_with(NO_BLOCK, name, |_| {
            let (a, _guard) = (malloc(100), malloc(100));
            // SAFETY: the block has 100 bytes: they could be records. The last
            // line is the crime.
            unsafe {
                a.write_bytes(0x40, 100);
                free(a.add(8));
            }
        });
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri starts no process")]
    fn a_pointer_into_a_block_is_noticed_if_no_record_stands_there() {
        let name = "in_a_process::\
            a_pointer_into_a_block_is_noticed_if_no_record_stands_there";
        ends_with(NO_BLOCK, name, |_| {
            let (a, _guard) = (calloc(1, 100), malloc(100));
            // SAFETY: none: this is the crime.
            unsafe { free(a.add(32)) };
        });
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri starts no process")]
    fn a_block_that_two_threads_free_is_noticed() {
        let name = "in_a_process::a_block_that_two_threads_free_is_noticed";
        let line = super::FREE_ALREADY;
        ends_with(line, name, |_| {
            let (a, _guard) = (malloc(100).expose_provenance(), malloc(100));
            let free_it = move || {
                let a = std::ptr::with_exposed_provenance_mut(a);
                // SAFETY: the second time none: this is the crime.
                unsafe { free(a) };
            };
            thread::spawn(free_it).join().unwrap();
            free_it();
        });
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri starts no process")]
    fn a_large_block_that_is_freed_twice_is_noticed() {
        let name = "in_a_process::a_large_block_that_is_freed_twice_is_noticed";
        ends_with(NO_BLOCK, name, |_| {
            let a = malloc(1 << 20);
            // SAFETY: none: the second one is the crime.
            unsafe {
                free(a);
                free(a);
            }
        });
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri starts no process")]
    fn a_huge_block_that_is_freed_twice_is_noticed() {
        let name = "in_a_process::a_huge_block_that_is_freed_twice_is_noticed";
        ends_with(NO_BLOCK, name, |_| {
            let a = malloc(1 << 30);
            // SAFETY: none: the second one is the crime.
            unsafe {
                free(a);
                free(a);
            }
        });
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri starts no process")]
    fn a_pointer_into_a_large_block_is_noticed() {
        let name = "in_a_process::a_pointer_into_a_large_block_is_noticed";
        ends_with(NO_BLOCK, name, |_| {
            let a = malloc(1 << 20);
            // In the page, and so in the unit, where the block starts: of a
            // unit behind it, the table knows nothing.
            // SAFETY: none: this is the crime.
            unsafe { free(a.add(16)) };
        });
    }

    /// The table has one entry for so many bytes.
    const UNIT: usize = 256 * 1024;

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no system to ask for a mapping")]
    fn a_large_block_that_shrinks_leaves_no_room_for_another_in_its_unit() {
        // Where they lie in their units is up to the system. What is freed
        // would be used again, so nothing is until the end.
        let mut blocks = Vec::new();
        for pages in 0..UNIT / 4096 {
            let large = malloc(4 * UNIT + pages * 4096);
            // SAFETY: the block is live.
            blocks.push(unsafe { realloc(large, UNIT / 2 + 4096) });
            blocks.extend([(); 4].map(|()| malloc(UNIT)));
        }
        let units: BTreeSet<usize> =
            blocks.iter().map(|block| block.addr() / UNIT).collect();
        assert_eq!(units.len(), blocks.len(), "left: units; right: blocks");
        for block in blocks {
            // SAFETY: it is live.
            unsafe { free(block) };
        }
    }
}
