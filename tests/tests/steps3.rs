//! The steps of stage 3, against the shadow heap, and what each of them adds
//! to the one before.

use stage1_bump::{Brk, OutOfMemory};
use tests::shadow::{Allocator, Break, Demands, play};

#[path = "../../book/steps/3-0-headers.rs"]
mod headers;

#[path = "../../book/steps/3-1-reuse.rs"]
mod reuse;

#[path = "../../book/steps/3-2-boundary-tags.rs"]
mod boundary_tags;

#[path = "../../book/steps/3-3-one-list.rs"]
mod one_list;

/// A step's heap, and what can be done with it.
struct Step<H> {
    name: &'static str,
    heap: H,
    malloc: fn(&mut H, usize) -> *mut u8,
    free: unsafe fn(&mut H, *mut u8),
    brk: fn(&mut H) -> &mut Break,
    trouble: Option<Trouble>,
}

/// Who makes trouble during a game, and how often so far.
#[derive(Default)]
struct Trouble {
    mallocs: usize,
    frees: usize,
}

impl<H> Step<H> {
    /// The break under it, for us to watch and to play tricks with.
    fn brk(&mut self) -> Break {
        (self.brk)(&mut self.heap).clone()
    }

    /// How far the break is above the start of the heap, but for the padding
    /// there.
    fn used(&mut self) -> usize {
        self.brk().sim().used() / 16 * 16
    }
}

impl<H> Allocator for Step<H> {
    /// Where there is trouble, somebody else has raised the break now and then.
    fn malloc(&mut self, size: usize) -> *mut u8 {
        let brk = self.brk();
        if let Some(trouble) = &mut self.trouble {
            trouble.mallocs += 1;
            if trouble.mallocs.is_multiple_of(10) {
                // Not more often than the simulated break can remember.
                let _ = brk.sim().somebody_else_takes(trouble.mallocs);
            }
        }
        (self.malloc)(&mut self.heap, size)
    }

    /// Where there is trouble, the break refuses to fall now and then.
    unsafe fn free(&mut self, payload: *mut u8) {
        let brk = self.brk();
        if let Some(trouble) = &mut self.trouble {
            trouble.frees += 1;
            brk.sim().refuse(usize::from(trouble.frees.is_multiple_of(3)));
        }
        // SAFETY: the caller's promise.
        unsafe { (self.free)(&mut self.heap, payload) };
        brk.sim().refuse(0);
    }

    fn calloc(&mut self, _count: usize, _size: usize) -> *mut u8 {
        unreachable!("a step has malloc and free alone")
    }

    unsafe fn realloc(&mut self, _payload: *mut u8, _size: usize) -> *mut u8 {
        unreachable!("a step has malloc and free alone")
    }

    fn memalign(&mut self, _align: usize, _size: usize) -> *mut u8 {
        unreachable!("a step has malloc and free alone")
    }

    unsafe fn usable_size(&self, _payload: *mut u8) -> usize {
        0
    }
}

fn headers(room: usize) -> Step<headers::Heap<Break>> {
    Step {
        name: "3-0-headers",
        heap: headers::Heap::new(Break::new(room)),
        malloc: headers::Heap::malloc,
        free: headers::Heap::free,
        brk: headers::Heap::brk,
        trouble: None,
    }
}

fn reuse(room: usize) -> Step<reuse::Heap<Break>> {
    Step {
        name: "3-1-reuse",
        heap: reuse::Heap::new(Break::new(room)),
        malloc: reuse::Heap::malloc,
        free: reuse::Heap::free,
        brk: reuse::Heap::brk,
        trouble: None,
    }
}

fn boundary_tags(room: usize) -> Step<boundary_tags::Heap<Break>> {
    Step {
        name: "3-2-boundary-tags",
        heap: boundary_tags::Heap::new(Break::new(room)),
        malloc: boundary_tags::Heap::malloc,
        free: boundary_tags::Heap::free,
        brk: boundary_tags::Heap::brk,
        trouble: None,
    }
}

fn one_list(room: usize) -> Step<one_list::Heap<Break>> {
    Step {
        name: "3-3-one-list",
        heap: one_list::Heap::new(Break::new(room)),
        malloc: one_list::Heap::malloc,
        free: one_list::Heap::free,
        brk: one_list::Heap::brk,
        trouble: None,
    }
}

/// What each step is held to.
const DEMANDS: Demands =
    Demands { align: 16, overhead: 48, nested: false, everything: false };

/// Plays a game for each seed, in a fresh heap of the step's.
fn plays<H>(
    step: fn(usize) -> Step<H>,
    room: usize,
    trouble: fn() -> Option<Trouble>,
) {
    let (seeds, rounds) = if cfg!(miri) { (2, 60) } else { (100, 400) };
    for seed in 0..seeds {
        let mut step = Step { trouble: trouble(), ..step(room) };
        let (name, brk) = (step.name, step.brk());
        if let Err(fault) = play(step, &brk, DEMANDS, seed, rounds) {
            panic!("{name}, seed {seed}: {fault}");
        }
    }
}

/// More than a game can use.
const ENOUGH: usize = if cfg!(miri) { 8 * 1024 } else { 64 * 1024 };

/// So little that most games run out of memory.
const LITTLE: usize = 1024;

#[test]
fn every_step_keeps_its_promises() {
    plays(headers, ENOUGH, || None);
    plays(reuse, ENOUGH, || None);
    plays(boundary_tags, ENOUGH, || None);
    plays(one_list, ENOUGH, || None);
}

#[test]
fn every_step_keeps_its_promises_when_memory_runs_out() {
    plays(headers, LITTLE, || None);
    plays(reuse, LITTLE, || None);
    plays(boundary_tags, LITTLE, || None);
    plays(one_list, LITTLE, || None);
}

#[test]
fn every_step_keeps_its_promises_whoever_moves_the_break() {
    plays(headers, ENOUGH, || Some(Trouble::default()));
    plays(reuse, ENOUGH, || Some(Trouble::default()));
    plays(boundary_tags, ENOUGH, || Some(Trouble::default()));
    plays(one_list, ENOUGH, || Some(Trouble::default()));
}

/// The sizes of a heap's blocks, and which of them are free, after three were
/// allocated and the middle one was freed.
fn told<H>(
    mut step: Step<H>,
    blocks: impl Fn(&H) -> Vec<(usize, usize, bool)>,
) -> [(usize, bool); 3] {
    let [a, b, c] = [16, 48, 32].map(|size| step.malloc(size));
    // SAFETY: nobody uses the block.
    unsafe { step.free(b) };
    let told = blocks(&step.heap);
    let places: Vec<usize> = told.iter().map(|block| block.0).collect();
    assert_eq!(places, [a, b, c].map(|payload| payload.addr()));
    [0, 1, 2].map(|index| (told[index].1, told[index].2))
}

#[test]
fn every_step_tells_of_its_blocks() {
    let expected = [(16, false), (48, true), (32, false)];
    let told = [
        told(headers(ENOUGH), |heap| heap.blocks().collect()),
        told(reuse(ENOUGH), |heap| heap.blocks().collect()),
        told(boundary_tags(ENOUGH), |heap| heap.blocks().collect()),
        told(one_list(ENOUGH), |heap| heap.blocks().collect()),
    ];
    assert_eq!(told, [expected; 4]);
}

#[test]
fn the_list_has_the_block_that_was_freed_last_in_front() {
    let mut step = one_list(ENOUGH);
    let [a, _, c, _] = [16; 4].map(|size| step.malloc(size));
    // SAFETY: nobody uses the blocks.
    unsafe {
        step.free(a);
        step.free(c);
    }
    let list: Vec<usize> = step.heap.free_list().collect();
    assert_eq!(list, [c, a].map(|payload| payload.addr()));
}

/// What a heap returns for sizes that none can give.
fn huge_blocks<H>(mut step: Step<H>) -> Vec<*mut u8> {
    [isize::MAX as usize - 15, isize::MAX as usize, usize::MAX - 15, usize::MAX]
        .map(|size| step.malloc(size))
        .to_vec()
}

#[test]
fn no_step_gives_what_no_heap_can_give() {
    let nothing = vec![std::ptr::null_mut::<u8>(); 4];
    assert_eq!(huge_blocks(headers(ENOUGH)), nothing);
    assert_eq!(huge_blocks(reuse(ENOUGH)), nothing);
    assert_eq!(huge_blocks(boundary_tags(ENOUGH)), nothing);
    assert_eq!(huge_blocks(one_list(ENOUGH)), nothing);
}

/// How many bytes stay below the break when three blocks are freed, the
/// lowest first, for which no bytes were asked.
fn left_when_all_is_free<H>(mut step: Step<H>) -> usize {
    let blocks = [0, 400, 4].map(|size| step.malloc(size));
    for block in blocks {
        // SAFETY: it is a block, and nobody uses it.
        unsafe { step.free(block) };
    }
    step.used()
}

#[test]
fn every_step_gives_the_end_back() {
    assert_eq!(left_when_all_is_free(headers(ENOUGH)), 0);
    assert_eq!(left_when_all_is_free(reuse(ENOUGH)), 0);
    // From here on the end has a header.
    assert_eq!(left_when_all_is_free(boundary_tags(ENOUGH)), 16);
    assert_eq!(left_when_all_is_free(one_list(ENOUGH)), 16);
}

/// How many bytes stay below the break in the end, when the break at first
/// refused to take a block back, and that block was used again.
fn left_after_a_refusal<H>(mut step: Step<H>) -> usize {
    let refused = step.malloc(1000);
    step.brk().sim().refuse(1);
    // SAFETY: it is a block, and nobody uses it.
    unsafe { (step.free)(&mut step.heap, refused) };
    for block in [100, 2000].map(|size| step.malloc(size)) {
        // SAFETY: as above.
        unsafe { step.free(block) };
    }
    step.used()
}

#[test]
fn what_the_break_refuses_goes_back_later() {
    assert_eq!(left_after_a_refusal(headers(ENOUGH)), 0);
    assert_eq!(left_after_a_refusal(reuse(ENOUGH)), 0);
    assert_eq!(left_after_a_refusal(boundary_tags(ENOUGH)), 16);
    assert_eq!(left_after_a_refusal(one_list(ENOUGH)), 16);
}

/// By how much the break rises for two small blocks when a large one below a
/// live one is free.
fn rise_for_two_small_blocks<H>(mut step: Step<H>) -> usize {
    let (large, _live) = (step.malloc(1000), step.malloc(1));
    // SAFETY: it is a block, and nobody uses it.
    unsafe { step.free(large) };
    let before = step.used();
    step.malloc(100);
    step.malloc(100);
    step.used() - before
}

#[test]
fn a_free_block_is_used_again_from_step_1_on() {
    let rise = rise_for_two_small_blocks(headers(ENOUGH));
    assert_eq!(rise, 2 * (112 + 32));
    assert_eq!(rise_for_two_small_blocks(reuse(ENOUGH)), 0);
    assert_eq!(rise_for_two_small_blocks(boundary_tags(ENOUGH)), 0);
    assert_eq!(rise_for_two_small_blocks(one_list(ENOUGH)), 0);
}

/// By how much the break rises for a block of 1,000 bytes, when as many were
/// cut into pieces and the pieces freed.
fn rise_after_pieces<H>(mut step: Step<H>) -> usize {
    let (large, _live) = (step.malloc(1000), step.malloc(1));
    // SAFETY: it is a block, and nobody uses it.
    unsafe { step.free(large) };
    let pieces = [100; 6].map(|size| step.malloc(size));
    for piece in pieces {
        // SAFETY: as above.
        unsafe { step.free(piece) };
    }
    let before = step.used();
    step.malloc(1000);
    step.used() - before
}

#[test]
fn pieces_become_one_block_again_from_step_2_on() {
    assert_eq!(rise_after_pieces(reuse(ENOUGH)), 1008 + 32);
    assert_eq!(rise_after_pieces(boundary_tags(ENOUGH)), 0);
    assert_eq!(rise_after_pieces(one_list(ENOUGH)), 0);
}

/// Of two free blocks of one size, whether a request takes the one that was
/// freed later. It lies higher.
fn takes_the_one_freed_later<H>(mut step: Step<H>) -> bool {
    let [low, _, high, _] = [100; 4].map(|size| step.malloc(size));
    // SAFETY: they are blocks, and nobody uses them.
    unsafe {
        step.free(low);
        step.free(high);
    }
    let again = step.malloc(100);
    assert!(again == low || again == high, "{again:p}: {low:p} or {high:p}");
    again == high
}

#[test]
fn a_request_goes_by_the_list_of_free_blocks_in_step_3() {
    assert!(!takes_the_one_freed_later(reuse(ENOUGH)));
    assert!(!takes_the_one_freed_later(boundary_tags(ENOUGH)));
    assert!(takes_the_one_freed_later(one_list(ENOUGH)));
}
