//! The memory is gone, and the heap still gives out blocks of it.

use std::mem::MaybeUninit;

use stage5_lifo_stack::{Heap, LockedHeap, Mutex, SimBrk};

fn main() {
    let heap: LockedHeap<_> = {
        let mut region = [MaybeUninit::uninit(); 4096];
        LockedHeap::new(Mutex::new(Heap::new(SimBrk::new(&mut region))))
    };
    heap.malloc(100);
}
