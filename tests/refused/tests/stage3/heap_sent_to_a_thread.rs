//! One thread makes a heap, and another is to have it.

use stage3_freelist::{Heap, ProcessBrk};

fn send_to_another_thread<T: Send>(_: T) {}

fn main() {
    // SAFETY: nothing else moves the break while the heap is there.
    let heap: Heap<_> = Heap::new(unsafe { ProcessBrk::new() });
    send_to_another_thread(heap);
}
