//! Two threads with a reference to the same heap.

use stage3_freelist::{Heap, ProcessBrk};

fn share_between_threads<T: Sync>(_: &T) {}

fn main() {
    // SAFETY: nothing else moves the break while the heap is there.
    let heap: Heap<_> = Heap::new(unsafe { ProcessBrk::new() });
    share_between_threads(&heap);
}
