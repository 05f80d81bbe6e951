//! The exercises of this stage: a test for each, which fails until the
//! exercise is done.
//!
//! They are ignored here. `cargo run -- practice` makes a copy of the stage in
//! which they are not.

use std::mem::MaybeUninit;
use std::slice;

use stage5_lifo_stack::SimBrk;
use stage5_lifo_stack::heap::{DEFAULT, STEP};

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
        heap.free(below[1]);
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
            "[100 free][100 used][50 free][16 used]"
        );
        again.write_bytes(1, 80);
        let zeroes = heap.calloc(1, 50);
        assert_eq!(zeroes, chunks[2], "a free chunk with 50 bytes: {heap:?}");
        expect_filled("a chunk from calloc", zeroes, 50, 0);
        let aligned = heap.memalign(1024, 16);
        assert_eq!(aligned.addr() % 1024, 0, "the address modulo 1,024");
        assert_eq!(heap.malloc(0), chunks[0], "a free chunk for no bytes");
        for chunk in [chunks[3], chunks[0], aligned, zeroes, again] {
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
