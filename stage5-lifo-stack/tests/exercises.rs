//! The exercises of this stage: a test for each, which fails until the
//! exercise is done.
//!
//! They are ignored here. `cargo run -- practice` makes a copy of the stage in
//! which they are not.

use std::mem::MaybeUninit;
use std::slice;

use stage5_lifo_stack::SimBrk;
use stage5_lifo_stack::heap::{DEFAULT, STEP};
use stage5_lifo_stack::per_thread::holes::Holes;
use stage5_lifo_stack::per_thread::record;
use stage5_lifo_stack::per_thread::sim::SimMmap;
use stage5_lifo_stack::per_thread::stack::Stack;

type Heap<B, const CHUNKS: usize = DEFAULT> =
    stage5_lifo_stack::Heap<B, CHUNKS>;

const REGION: usize = 100 * 1024;

#[repr(align(4096))]
struct Region([MaybeUninit<u8>; REGION]);

fn region() -> Box<Region> {
    Box::new(Region([const { MaybeUninit::uninit() }; REGION]))
}

/// All of the first `size` bytes of a chunk must be `byte`.
///
/// # Safety
///
/// `chunk` has `size` bytes, all written.
#[track_caller]
unsafe fn expect_filled(what: &str, chunk: *mut u8, size: usize, byte: u8) {
    // SAFETY: as the caller promises.
    let bytes = unsafe { slice::from_raw_parts(chunk, size) };
    if let Some(at) = bytes.iter().position(|&is| is != byte) {
        let is = bytes[at];
        panic!("byte {at} of {what} should be {byte:#04x} but is {is:#04x}");
    }
}

#[test]
#[ignore = "exercise 5.1"]
fn the_top_grows_though_the_array_is_full() {
    let mut region = region();
    // One of the four is what lies below the heap.
    let mut heap: Heap<_, 4> = Heap::new(SimBrk::new(&mut region.0));
    let chunks = [(); 3].map(|()| heap.malloc(100));
    // SAFETY: the chunks are live and have so many bytes.
    unsafe {
        chunks[2].write_bytes(7, 100);
        let grown = heap.realloc(chunks[2], STEP);
        assert_eq!(
            grown, chunks[2],
            "the top should grow where it is: there is memory for it, and it \
             has a record already"
        );
        expect_filled("the top", grown, 100, 7);
        grown.write_bytes(8, STEP);
    }
    assert!(heap.malloc(1).is_null(), "there is no record for another chunk");

    heap.brk().somebody_else_takes(100).unwrap();
    is_refused(&mut heap, chunks[2], "the array is full");

    let mut heap: Heap<_, 5> = Heap::new(SimBrk::new(&mut region.0));
    let top = [(); 3].map(|()| heap.malloc(100))[2];
    heap.brk().somebody_else_takes(100).unwrap();
    is_refused(&mut heap, top, "there is one record left");
}

/// Somebody else has moved the break, so the top has to go elsewhere to grow.
/// That takes a record for what is theirs and one for the chunk.
#[track_caller]
fn is_refused<const N: usize>(
    heap: &mut Heap<SimBrk, N>,
    top: *mut u8,
    why: &str,
) {
    let (state, used) = (format!("{heap:?}"), heap.brk().used());
    // SAFETY: the chunk is live, and stays so if this fails.
    let moved = unsafe { heap.realloc(top, 2 * STEP) };
    assert!(
        moved.is_null(),
        "a top below what somebody else took should not grow while {why}: \
         {heap:?}"
    );
    assert_eq!(
        (format!("{heap:?}"), heap.brk().used()),
        (state, used),
        "the heap and its break after a realloc that failed, when {why}"
    );
    assert!(heap.brk().foreign_is_intact(), "what somebody else took");
}

/// What the heap of exercise 5.2 has. Until it has it, these are called: a
/// method of the heap's own would come first.
#[allow(dead_code)]
trait ToBeWritten {
    fn mark(&mut self) -> usize {
        panic!("write a method of Heap: pub fn mark(&self) -> usize");
    }

    /// # Safety
    ///
    /// None.
    unsafe fn release(&mut self, _mark: usize) {
        panic!("write a method of Heap: pub unsafe fn release(&mut self, …)");
    }
}

impl<const CHUNKS: usize> ToBeWritten for Heap<SimBrk<'_>, CHUNKS> {}

#[test]
#[ignore = "exercise 5.2"]
fn a_mark_releases_all_that_came_after_it() {
    let mut region = region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    let bottom = heap.mark();
    // SAFETY: there are no chunks.
    unsafe { heap.release(bottom) };

    let below = [100, 200].map(|size| heap.malloc(size));
    // SAFETY: the chunks are live, and each is freed or released once.
    unsafe {
        below[1].write_bytes(7, 200);
        let mark = heap.mark();
        for _ in 0..100 {
            let first = heap.malloc(50);
            heap.malloc(60);
            heap.free(first);
            heap.malloc(1);
            heap.release(mark);
            assert_eq!(
                format!("{heap:?}"),
                "[100 used][200 used]",
                "the chunks that were there at the mark"
            );
        }
        expect_filled("a chunk below the mark", below[1], 200, 7);

        heap.free(below[0]);
        heap.malloc(300);
        heap.release(mark);
        assert_eq!(
            format!("{heap:?}"),
            "[100 free][200 used]",
            "what was freed below the mark still waits"
        );
        heap.malloc(300);
        heap.free(below[1]);
        heap.release(mark);
        assert_eq!(
            format!("{heap:?}"),
            "",
            "both chunks below the mark are free. What lay above them was \
             released, so their turn has come"
        );
        heap.release(mark);
        assert_eq!(
            format!("{heap:?}"),
            "",
            "a mark above the top releases nothing"
        );

        heap.malloc(16);
        let mark = heap.mark();
        heap.malloc(16);
        heap.brk().somebody_else_takes(100).unwrap();
        heap.malloc(2 * STEP);
        heap.release(mark);
        assert_eq!(
            format!("{heap:?}"),
            "[16 used][16 free][theirs]",
            "what somebody else took stays where it is, and what lies below \
             it waits"
        );
        heap.malloc(STEP).write_bytes(8, STEP);
        assert!(heap.brk().foreign_is_intact(), "a chunk lies over theirs");

        heap.release(bottom);
        let used = heap.brk().used();
        heap.malloc(1000);
        assert_eq!(
            heap.brk().used(),
            used,
            "there is room: all but theirs was released: {heap:?}"
        );
    }
}

#[test]
#[ignore = "exercise 5.3"]
fn a_free_chunk_near_the_top_is_used_again() {
    let mut region = region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    let lowest = heap.malloc(16);
    let chunks = [100, 100, 50, 16].map(|size| heap.malloc(size));
    // SAFETY: all chunks here are live, have so many bytes, and are freed
    // once.
    unsafe {
        for chunk in &chunks[..3] {
            heap.free(*chunk);
        }
        let again = heap.malloc(80);
        assert_eq!(
            again, chunks[1],
            "the free chunk nearest the top that has 80 bytes: {heap:?}"
        );
        assert_eq!(
            format!("{heap:?}"),
            "[16 used][100 free][100 used][50 free][16 used]",
            "a chunk of 100 bytes was taken for 80: it is not cut, and keeps \
             its size"
        );
        again.write_bytes(1, 80);
        let zeroes = heap.calloc(1, 50);
        assert_eq!(zeroes, chunks[2], "a free chunk with 50 bytes: {heap:?}");
        expect_filled("a chunk from calloc", zeroes, 50, 0);
        let aligned = heap.memalign(1024, 16);
        assert_eq!(aligned.addr() % 1024, 0, "the address modulo 1,024");
        assert_eq!(heap.malloc(0), chunks[0], "a free chunk for no bytes");
        for chunk in [lowest, chunks[3], chunks[0], aligned, zeroes, again] {
            heap.free(chunk);
        }
        assert_eq!(format!("{heap:?}"), "", "the chunks that are left");
    }

    // A queue: the oldest goes, and a new one comes.
    let mut queue = [(); 5].map(|()| heap.malloc(100));
    for round in 0..1000 {
        let oldest = &mut queue[round % 5];
        // SAFETY: the chunk is live, and freed once.
        unsafe { heap.free(*oldest) };
        *oldest = heap.malloc(100);
    }
    let waiting = heap.chunks().iter().filter(|chunk| chunk.free).count();
    assert_eq!(waiting, 0, "chunks that wait in a queue of five: {heap:?}");

    let deep = heap.malloc(3000);
    let above = [(); 8].map(|()| heap.malloc(100));
    // SAFETY: the chunk is live.
    unsafe { heap.free(deep) };
    assert!(
        heap.malloc(3000) > above[7],
        "a request found a chunk below eight others; it should look at eight, \
         or malloc takes longer the more chunks wait"
    );
}

#[test]
#[ignore = "exercise 5.4"]
fn free_chunks_side_by_side_need_one_record() {
    for order in
        [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
    {
        let mut region = region();
        let mut heap: Heap<_, 6> = Heap::new(SimBrk::new(&mut region.0));
        let chunks = [(); 5].map(|()| heap.malloc(112));
        assert!(heap.malloc(1).is_null(), "the array is full: {heap:?}");
        // SAFETY: the chunks are live, have so many bytes, and are freed once.
        unsafe {
            chunks[0].write_bytes(1, 112);
            chunks[4].write_bytes(5, 112);
            for chunk in order {
                heap.free(chunks[1 + chunk]);
            }
            assert_eq!(
                format!("{heap:?}"),
                "[112 used][336 free][112 used]",
                "three chunks that wait side by side, freed in the order \
                 {order:?}"
            );
            let more = [(); 2].map(|()| heap.malloc(112));
            assert!(
                more[0] > chunks[4] && more[1] > more[0],
                "there are two records again, for two chunks at the top: \
                 {heap:?}"
            );
            expect_filled("the chunk below", chunks[0], 112, 1);
            expect_filled("the chunk above", chunks[4], 112, 5);
            for chunk in [chunks[4], more[1], chunks[0], more[0]] {
                heap.free(chunk);
            }
        }
        assert_eq!(format!("{heap:?}"), "", "the chunks that are left");
    }

    let mut region = region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    let below = heap.malloc(16);
    heap.brk().somebody_else_takes(100).unwrap();
    let (above, top) = (heap.malloc(2 * STEP), heap.malloc(16));
    // SAFETY: the chunks are live, and freed once.
    unsafe {
        heap.free(below);
        heap.free(above);
        assert_eq!(
            format!("{heap:?}"),
            "[16 free][theirs][40960 free][16 used]",
            "what somebody else took lies between two free chunks"
        );
        heap.free(top);
        heap.malloc(STEP).write_bytes(8, STEP);
    }
    assert!(heap.brk().foreign_is_intact(), "a chunk lies over theirs");
}

/// What the stack of exercise 5.5 has, as in [`ToBeWritten`].
#[allow(dead_code)]
trait GivesBack {
    fn give_back(&mut self) {
        panic!("write a method of Stack: pub fn give_back(&mut self)");
    }
}

/// Bytes of a segment in these tests.
const SEGMENT: usize = 16 * 1024;

type Memory<'a> = SimMmap<SimBrk<'a>>;

impl GivesBack for Stack<Memory<'_>> {}

#[test]
#[ignore = "exercise 5.5"]
fn a_stack_gives_back_the_segments_that_it_keeps() {
    let mut region = Box::new_uninit_slice(10 * SEGMENT);
    let memory = SimMmap::new(SimBrk::new(&mut region));
    let mut stack: Stack<Memory> = Stack::new(memory);
    stack.give_back();
    assert_eq!(stack.mmap().mapped(), 0, "bytes of a stack without chunks");

    let mut chunks = Vec::new();
    // One is kept the first time. What went back and comes again is kept too.
    for round in 0..2 {
        chunks.extend((chunks.len()..60).map(|_| stack.malloc(1000)));
        for chunk in chunks.drain(5..).rev() {
            // SAFETY: the chunk is live.
            unsafe { stack.free(chunk) };
        }
        let kept = stack.mmap().mapped() / SEGMENT - 1;
        assert!(kept > round, "{kept} empty segments are kept");
        for _ in 0..2 {
            stack.give_back();
            let mapped = stack.mmap().mapped();
            assert_eq!(
                mapped, SEGMENT,
                "bytes of a stack with five chunks, which kept {kept} empty \
                 segments"
            );
        }
    }
    // SAFETY: the chunks are live, and have so many bytes.
    unsafe {
        chunks[4].write_bytes(7, 1000);
        for _ in 0..40 {
            let chunk = stack.malloc(1000);
            assert!(!chunk.is_null(), "there is memory for 1,000 bytes");
            chunk.write_bytes(8, 1000);
        }
        expect_filled("a chunk that stays", chunks[4], 1000, 7);
    }
}

/// Frees a chunk as a thread does whose stack it is not on.
///
/// # Safety
///
/// It is a live chunk, and nobody uses it any more.
unsafe fn free_in_another_thread(chunk: *mut u8) {
    // SAFETY: as the caller promises; the pointer comes from the stack.
    unsafe { record::mark(chunk) };
}

#[test]
#[ignore = "exercise 5.6"]
fn what_others_have_freed_at_the_top_is_used_again() {
    let mut region = Box::new_uninit_slice(60 * SEGMENT);
    let memory = SimMmap::new(SimBrk::new(&mut region));
    let mut stack: Stack<Memory> = Stack::new(memory);
    for _ in 0..5000 {
        let chunk = stack.malloc(100);
        // SAFETY: the chunk has so many bytes, and nobody uses it any more.
        unsafe {
            chunk.write_bytes(1, 100);
            free_in_another_thread(chunk);
        }
    }
    let most = stack.mmap().most();
    assert!(
        most <= 2 * SEGMENT,
        "a stack that never has more than one live chunk of 100 bytes takes \
         {most} bytes"
    );

    let below = stack.malloc(100);
    // SAFETY: the chunk has so many bytes.
    unsafe { below.write_bytes(7, 100) };
    let chunks = [(); 100].map(|()| stack.malloc(1000));
    for chunk in chunks {
        // SAFETY: the chunk is live, and nobody uses it any more.
        unsafe { free_in_another_thread(chunk) };
    }
    // More than a segment has room for.
    for _ in 0..2 * SEGMENT / 1000 {
        let next = stack.malloc(1000);
        // SAFETY: the chunk has so many bytes, and nobody uses it any more.
        unsafe {
            next.write_bytes(8, 1000);
            free_in_another_thread(next);
        }
    }
    // SAFETY: the chunk is live.
    unsafe { expect_filled("the chunk below", below, 100, 7) };
    let mapped = stack.mmap().mapped();
    assert!(
        mapped <= 3 * SEGMENT,
        "the stack keeps {mapped} bytes for 1,100 that are in use; when it \
         pops so much, segments should go back as after a free"
    );
}

#[test]
#[ignore = "exercise 5.7"]
fn a_chunk_of_the_next_size_is_used_again() {
    let mut region = region();
    let memory = SimMmap::new(SimBrk::new(&mut region.0));
    let mut holes: Holes<Memory> = Holes::new(memory);
    let chunks = [104, 40, 1000].map(|size| holes.malloc(size));
    let mut top = holes.malloc(1500);
    // SAFETY: the chunks are live.
    unsafe { chunks.iter().for_each(|chunk| holes.free(*chunk)) };
    let larger = holes.malloc(88);
    assert_eq!(
        larger, chunks[0],
        "a chunk for 88 bytes, when there is one of 104 on its list"
    );
    assert_eq!(
        // SAFETY: the chunk is live.
        unsafe { holes.usable_size(larger) },
        104,
        "the size of that chunk, which should stay as it is: the next chunk is \
         found by it"
    );
    for (size, chunk) in [(40, chunks[1]), (1000, chunks[2])] {
        let unlike = holes.malloc(size - 32);
        assert!(
            unlike > top,
            "a chunk for {} bytes came from the list of those of {size}",
            size - 32
        );
        assert_eq!(holes.malloc(size), chunk, "a chunk for {size} bytes");
        top = unlike;
    }
    assert!(holes.malloc(1000) > top, "there is no chunk of 1000 any more");
    no_list_of_several_sizes_is_the_next();
}

/// Behind the lists for one size there is one for chunks of 2,048 bytes, with
/// their records, and more.
fn no_list_of_several_sizes_is_the_next() {
    let mut region = region();
    let memory = SimMmap::new(SimBrk::new(&mut region.0));
    let mut holes: Holes<Memory> = Holes::new(memory);
    let pair = [(); 2].map(|()| holes.malloc(1100));
    holes.malloc(8);
    // SAFETY: the chunks are live.
    unsafe {
        pair.iter().for_each(|chunk| holes.free(*chunk));
        holes.tidy();
        let on_list: Vec<_> = holes.list(2048).collect();
        assert_eq!(on_list, [pair[0]], "a hole of 2,240 bytes is on its list");
        assert_ne!(
            holes.malloc(2024),
            pair[0],
            "the place of a chunk for 2,024 bytes, when there is room at the \
             top. The next list has chunks of several sizes, and this one has \
             too many bytes"
        );
    }
}

#[test]
#[ignore = "exercise 5.8"]
fn the_chunk_that_fits_best_is_taken() {
    let mut region = region();
    let memory = SimMmap::new(SimBrk::new(&mut region.0));
    let mut holes: Holes<Memory> = Holes::new(memory);
    // Of two blocks side by side each, and all on the same list after a sweep.
    let sizes = [1100, 1048, 1200, 1064];
    let pairs = sizes.map(|size| {
        let pair = [holes.malloc(1000), holes.malloc(size)];
        holes.malloc(8);
        pair
    });
    let (shrinks, _above) = (holes.malloc(1500), holes.malloc(8));
    // SAFETY: the chunks are live.
    unsafe {
        pairs.iter().flatten().for_each(|chunk| holes.free(*chunk));
        holes.tidy();
        // Now there is no room at the top.
        assert_eq!(holes.realloc(shrinks, 1000), shrinks, "in its place");
    }
    let chunks = pairs.map(|pair| pair[0]);
    let on_list: Vec<_> = holes.list(2048).collect();
    assert!(
        chunks.iter().all(|chunk| on_list.contains(chunk)),
        "holes of one class: {chunks:?}, on its list: {on_list:?}"
    );
    for best in [1, 3, 0, 2] {
        let chunk = holes.malloc(2008);
        assert_eq!(
            chunk, chunks[best],
            "the place of a chunk for 2008 bytes: the smallest hole of the list \
             is that of 1000 and {} bytes",
            sizes[best]
        );
        // SAFETY: the chunk has so many bytes.
        unsafe { chunk.write_bytes(1, 2008) };
    }
    let top = holes.malloc(2008);
    assert!(!chunks.contains(&top), "all four are in use");
    only_eight_are_looked_at();
}

/// Of more than eight holes the smallest is the last on the list.
fn only_eight_are_looked_at() {
    let mut region = region();
    let memory = SimMmap::new(SimBrk::new(&mut region.0));
    let mut holes: Holes<Memory> = Holes::new(memory);
    // A sweep lists the holes of the second segment first, from the lowest up.
    // So they are the last on the list. The further down, the smaller they are.
    let mut pairs: Vec<([*mut u8; 2], usize)> = Vec::new();
    let segment = |chunk: *mut u8| chunk.addr() / SEGMENT;
    let mut above = 0;
    for _ in 0..14 {
        let lower = holes.malloc(1000);
        let is_above = segment(lower)
            != segment(pairs.first().map_or(lower, |it| it.0[0]));
        above += usize::from(is_above);
        let size = if is_above { 1040 + 16 * above } else { 1264 };
        pairs.push(([lower, holes.malloc(size)], size));
        holes.malloc(8);
    }
    let (shrinks, _above) = (holes.malloc(1500), holes.malloc(8));
    // SAFETY: the chunks are live.
    unsafe {
        for chunk in pairs.iter().flat_map(|(pair, _)| pair) {
            holes.free(*chunk);
        }
        holes.tidy();
        assert_eq!(holes.realloc(shrinks, 1000), shrinks, "in its place");
    }
    let on_list: Vec<_> = holes.list(2048).collect();
    let size = |hole: &&*mut u8| {
        let pair = pairs.iter().find(|(pair, _)| pair[0] == **hole);
        pair.expect("a hole of ours").1
    };
    let best = on_list.iter().take(8).min_by_key(size).expect("a hole");
    let smallest = on_list.iter().min_by_key(size).expect("a hole");
    assert_ne!(best, smallest, "the smallest is none of the first eight");
    assert_eq!(
        holes.malloc(2008),
        *best,
        "of the {} holes on the list the smallest of the first eight should be \
         taken, however small the others are: the list is {on_list:?}",
        on_list.len()
    );
}
