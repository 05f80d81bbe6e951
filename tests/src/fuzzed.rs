//! The heaps that bytes are tried on, which a fuzzer makes or which it has left
//! in `tests/fuzz/corpus`.

use stage4_threadsafe::{LockedHeap, Mutex};
use stage5_lifo_stack::per_thread::holes::Holes;

use crate::shadow::{Allocator, Break, Demands, Memory, play_bytes};

/// A heap, and how to ask it for what some bytes say.
#[derive(Clone, Copy, Debug)]
pub struct Fuzzed {
    /// The name of its target, and of its folder in the corpus.
    pub name: &'static str,
    /// Tells which promise is broken first.
    pub play: fn(&[u8]) -> Result<(), String>,
}

/// All of them.
pub const HEAPS: [Fuzzed; 6] = [
    Fuzzed { name: "stage1", play: stage_1 },
    Fuzzed { name: "stage2", play: stage_2 },
    Fuzzed { name: "stage3", play: stage_3 },
    Fuzzed { name: "stage4", play: stage_4 },
    Fuzzed { name: "stage5", play: stage_5 },
    Fuzzed { name: "stack", play: stack },
];

/// The heap of this name.
pub fn heap(name: &str) -> Option<Fuzzed> {
    HEAPS.into_iter().find(|heap| heap.name == name)
}

/// Plays on a fresh heap. The first byte says how far the break can rise: in
/// KiB, over `least`, or `most`.
fn play<A: Allocator>(
    heap: fn(Break) -> A,
    demands: Demands,
    (least, most): (usize, usize),
    bytes: &[u8],
) -> Result<(), String> {
    let Some((&first, bytes)) = bytes.split_first() else { return Ok(()) };
    let height = match first {
        240.. => most,
        _ => least + usize::from(first),
    };
    let brk = Break::new(height * 1024);
    play_bytes(heap(brk.clone()), &brk, demands, bytes)
}

/// From very little up to so much that the break falls by a megabyte.
const HEIGHT: (usize, usize) = (1, 4096);

fn stage_1(bytes: &[u8]) -> Result<(), String> {
    play(stage1_bump::Heap::new, Demands::STAGE_1, HEIGHT, bytes)
}

fn stage_2(bytes: &[u8]) -> Result<(), String> {
    play(stage2_headers::Heap::new, Demands::STAGE_2, HEIGHT, bytes)
}

fn stage_3(bytes: &[u8]) -> Result<(), String> {
    let heap = stage3_freelist::Heap::<_, 128>::new;
    play(heap, Demands::STAGE_3, HEIGHT, bytes)
}

/// Few lists: their last one is longer, and more is found in it.
fn stage_4(bytes: &[u8]) -> Result<(), String> {
    let heap = |brk| -> LockedHeap<Break, 8> {
        LockedHeap::new(Mutex::new(stage4_threadsafe::Heap::new(brk)))
    };
    play(heap, Demands::STAGE_3, HEIGHT, bytes)
}

/// Few chunks: their array is full soon.
fn stage_5(bytes: &[u8]) -> Result<(), String> {
    let heap = stage5_lifo_stack::Heap::<_, 64>::new;
    play(heap, Demands::STAGE_5, HEIGHT, bytes)
}

/// A stack in segments, as a thread has one.
fn stack(bytes: &[u8]) -> Result<(), String> {
    let heap = |brk| Holes::<_>::new(Memory::new(brk));
    play(heap, Demands::STACK, (64, 900), bytes)
}
