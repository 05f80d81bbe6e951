//! The steps of stage 5: the design as it was sketched, and the same with
//! something under the stack. Which promises they keep, and what is open.

use std::fs;
use std::mem::MaybeUninit;

use stage5_lifo_stack::{Brk, SimBrk};
use tests::contract::contract_on;
use tests::shadow::{Allocator, Break, Demands, play};
use timing::workspace::workspace;

#[path = "../../book/steps/5-0-sketch.rs"]
#[allow(dead_code)]
mod sketch;

#[path = "../../book/steps/5-1-ground.rs"]
mod ground;

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn the_sketch_keeps_no_promise() {
    let report = contract_on("5-0-sketch");
    assert!(report.list.contains("\n0 passed, 24 failed\n"), "{report:#?}");
    for (test, said) in &report.failed {
        assert!(
            said.contains("attempt to subtract with overflow"),
            "{test}: there is no top on an empty stack: {said}"
        );
    }
}

/// What the sketch leaves open, a test of the contract that asks for it, and
/// what is wrong then where the stack has a bottom.
const OPEN: [(&str, &str, &str); 13] = [
    (
        "alignment",
        "every_block_starts_at_a_multiple_of_16",
        "should be: 0\n  but is:    1",
    ),
    (
        "alignment of a block that has moved",
        "realloc_keeps_the_contents",
        "Then its address modulo 16",
    ),
    (
        "alignment on request",
        "memalign_honours_every_power_of_two",
        "Then the address modulo align",
    ),
    (
        "an alignment that is none",
        "memalign_refuses_what_is_no_power_of_two",
        "should be: true\n  but is:    false",
    ),
    (
        "a chunk of no bytes",
        "a_block_of_no_bytes_is_a_block_of_its_own",
        "Then the number of addresses",
    ),
    (
        "free(null)",
        "free_of_null_does_nothing",
        "attempt to subtract with overflow",
    ),
    (
        "memory that was used before",
        "calloc_zeroes_memory_that_was_used_before",
        "should be: 0\n  but is:    255",
    ),
    (
        "a product that overflows",
        "calloc_checks_its_multiplication",
        "Then the block is null\n  should be: true",
    ),
    (
        "no memory left",
        "out_of_memory_loses_nothing",
        "`Result::unwrap()` on an `Err` value: OutOfMemory",
    ),
    (
        "no memory left to move to",
        "a_failed_realloc_leaves_the_old_block",
        "`Result::unwrap()` on an `Err` value: OutOfMemory",
    ),
    (
        "a break that refuses once",
        "a_break_that_refuses_once_may_be_asked_again",
        "`Result::unwrap()` on an `Err` value: OutOfMemory",
    ),
    (
        "sizes past the largest",
        "a_size_past_the_largest_is_refused",
        "`Result::unwrap()` on an `Err` value: OutOfMemory",
    ),
    (
        "somebody else's memory",
        "what_somebody_else_took_stays_theirs",
        "Then its address modulo 16",
    ),
];

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_bottom_leaves_these_questions_open() {
    let report = contract_on("5-1-ground");
    assert!(report.list.contains("\n11 passed, 13 failed\n"), "{report:#?}");
    for (question, test, wrong) in OPEN {
        let said = report.failed.get(test);
        let said = said.unwrap_or_else(|| panic!("{question}: {test} passes"));
        assert!(said.contains(wrong), "{question}, {test}: {said}");
    }
}

// What the contract cannot ask, or asks too late: it stops at the first promise
// that is broken.

/// What else the sketch leaves open, and a checkpoint of the stage that answers
/// it. What the step does is a test below.
const ALSO_OPEN: [(&str, &str); 5] = [
    (
        "somebody else's memory",
        "what_somebody_else_took_is_a_chunk_that_is_never_freed",
    ),
    ("the array full", "a_full_array_is_like_no_memory"),
    ("a pointer that is no chunk's start", "a_pointer_into_a_chunk_is_noticed"),
    ("a chunk freed twice", "a_chunk_freed_twice_is_noticed"),
    (
        "memory that is not needed any more",
        "what_is_unused_goes_back_past_a_threshold",
    ),
];

#[test]
#[cfg_attr(miri, ignore = "Miri reads no file")]
fn each_question_has_a_checkpoint() {
    let file = workspace().join("stage5-lifo-stack/tests/checkpoints.rs");
    let checkpoints = fs::read_to_string(file).expect("checkpoints");
    for (question, checkpoint) in ALSO_OPEN {
        let test = format!("\nfn {checkpoint}() {{\n");
        assert!(checkpoints.contains(&test), "{question}: {checkpoint}");
    }
}

const REGION: usize = 64 * 1024;

type Region = [MaybeUninit<u8>; REGION];

fn region() -> Box<Region> {
    Box::new([const { MaybeUninit::uninit() }; REGION])
}

/// A heap with room for four records. One of them is the bottom.
fn small(region: &mut Region) -> ground::Heap<SimBrk<'_>, 4> {
    ground::Heap::new(SimBrk::new(region))
}

#[test]
#[should_panic(expected = "attempt to subtract with overflow")]
fn the_sketch_cannot_even_begin() {
    let mut region = region();
    let mut heap = sketch::Heap::<_, 4>::new(SimBrk::new(&mut *region));
    heap.malloc(1);
}

#[test]
fn what_somebody_else_took_is_given_out() {
    let mut region = region();
    let mut heap = small(&mut region);
    heap.malloc(1);
    heap.brk().somebody_else_takes(100).expect("there is room");
    let chunk = heap.malloc(30_000);
    // SAFETY: the heap says that it is a chunk.
    unsafe { chunk.write_bytes(1, 30_000) };
    assert!(!heap.brk().foreign_is_intact(), "somebody else's 100 bytes");
}

#[test]
fn a_size_past_the_largest_gives_a_chunk_that_ends_below_its_start() {
    let mut region = region();
    let mut heap = small(&mut region);
    let below = heap.malloc(100);
    let huge = heap.malloc(usize::MAX - 49);
    assert_eq!(huge.addr(), below.addr() + 100, "its start");
    let above = heap.malloc(1);
    assert_eq!(above.addr(), below.addr() + 50, "the next one, inside below");
}

#[test]
#[should_panic(expected = "the len is 4 but the index is 4")]
fn a_full_array_is_written_past() {
    let mut region = region();
    let mut heap = small(&mut region);
    for _ in 0..4 {
        heap.malloc(1);
    }
}

#[test]
#[should_panic(expected = "attempt to subtract with overflow")]
fn a_pointer_that_is_no_chunk_is_looked_for_below_the_bottom() {
    let mut region = region();
    let mut heap = small(&mut region);
    let chunk = heap.malloc(100);
    // SAFETY: none: it is no chunk's start.
    unsafe { heap.free(chunk.add(16)) };
}

#[test]
fn a_chunk_freed_twice_goes_unnoticed() {
    let mut region = region();
    let mut heap = small(&mut region);
    let (chunk, above) = (heap.malloc(100), heap.malloc(100));
    // SAFETY: none for the second one.
    unsafe {
        heap.free(chunk);
        heap.free(chunk);
        heap.free(above);
    }
    assert_eq!(heap.malloc(1), chunk, "the stack is empty again");
}

#[test]
fn the_break_never_falls() {
    let mut region = region();
    let mut heap = small(&mut region);
    let chunk = heap.malloc(50_000);
    // SAFETY: the chunk is live.
    unsafe { heap.free(chunk) };
    assert_eq!(heap.brk().used(), 50_000, "the break, with nothing in use");
}

// What the step does promise.

/// The step's heap, as the shadow asks for it.
struct Ground(ground::Heap<Break, 1024>);

impl Allocator for Ground {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.0.malloc(size)
    }

    /// `free(null)` is one of the questions.
    unsafe fn free(&mut self, payload: *mut u8) {
        if !payload.is_null() {
            // SAFETY: the caller's promise.
            unsafe { self.0.free(payload) };
        }
    }
}

#[test]
fn chunks_that_fit_keep_their_contents_whatever_is_freed() {
    let demands =
        Demands { align: 1, overhead: 0, nested: false, everything: false };
    let (seeds, rounds) = if cfg!(miri) { (2, 60) } else { (100, 800) };
    for seed in 0..seeds {
        let brk = Break::new(50 * 1024);
        let heap = Ground(ground::Heap::new(brk.clone()));
        if let Err(fault) = play(heap, &brk, demands, seed, rounds) {
            panic!("seed {seed}: {fault}");
        }
    }
}

/// Nothing but its order is asked of the stack: whatever is freed, when all is
/// free it is empty.
#[test]
fn the_stack_is_empty_when_all_is_free() {
    let mut region = region();
    let mut heap = small(&mut region);
    for order in
        [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
    {
        let chunks = [10, 20, 30].map(|size| heap.malloc(size));
        for chunk in order {
            // SAFETY: it is a chunk, and freed once.
            unsafe { heap.free(chunks[chunk]) };
        }
        let lowest = heap.malloc(1);
        assert_eq!(lowest, chunks[0], "after {order:?}");
        // SAFETY: as above.
        unsafe { heap.free(lowest) };
    }
}
