//! The memory is gone, and the heap still gives out blocks of it.

use std::mem::MaybeUninit;

use stage4_threadsafe::{Heap, LockedHeap, Mutex, SimBrk};

fn main() {
    let heap: LockedHeap<_> = {
        let mut region = [MaybeUninit::uninit(); 4096];
        LockedHeap::new(Mutex::new(Heap::new(SimBrk::new(&mut region))))
    };
    heap.malloc(100);
}
