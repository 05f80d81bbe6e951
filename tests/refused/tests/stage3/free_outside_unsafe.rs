//! The compiler cannot know that nobody uses the block any more.

use std::mem::MaybeUninit;

use stage3_freelist::{Heap, SimBrk};

fn main() {
    let mut region = [MaybeUninit::uninit(); 4096];
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region));
    let block = heap.malloc(100);
    heap.free(block);
}
