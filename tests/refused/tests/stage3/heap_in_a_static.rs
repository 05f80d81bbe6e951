//! Every thread of a program reaches a static.

use stage3_freelist::{Heap, ProcessBrk};

// SAFETY: nothing else moves the break while the heap is there.
static HEAP: Heap<ProcessBrk> = Heap::new(unsafe { ProcessBrk::new() });

fn main() {}
