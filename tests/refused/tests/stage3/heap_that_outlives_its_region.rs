//! The memory is gone, and the heap still gives out blocks of it.

use std::mem::MaybeUninit;

use stage3_freelist::{Heap, SimBrk};

fn main() {
    let mut heap: Heap<_> = {
        let mut region = [MaybeUninit::uninit(); 4096];
        Heap::new(SimBrk::new(&mut region))
    };
    heap.malloc(100);
}
