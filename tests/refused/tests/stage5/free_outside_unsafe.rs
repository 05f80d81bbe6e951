//! The compiler cannot know that no thread uses the block any more.

use std::mem::MaybeUninit;

use stage5_lifo_stack::{Heap, LockedHeap, Mutex, SimBrk};

fn main() {
    let mut region = [MaybeUninit::uninit(); 4096];
    let brk = SimBrk::new(&mut region);
    let heap: LockedHeap<_> = LockedHeap::new(Mutex::new(Heap::new(brk)));
    let block = heap.malloc(100);
    heap.free(block);
}
