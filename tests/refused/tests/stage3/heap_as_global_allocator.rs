//! All that a Rust program allocates comes from a static, and its functions
//! get `&self`. A cell makes a `&mut` of that, but not for several threads.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;

use stage3_freelist::{Heap, ProcessBrk};

struct OneThread(UnsafeCell<Heap<ProcessBrk>>);

// SAFETY: none: two threads may be in the heap.
unsafe impl GlobalAlloc for OneThread {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: none, as above.
        let heap = unsafe { &mut *self.0.get() };
        heap.memalign(layout.align(), layout.size())
    }

    unsafe fn dealloc(&self, payload: *mut u8, _layout: Layout) {
        // SAFETY: none, as above.
        unsafe { (*self.0.get()).free(payload) };
    }
}

#[global_allocator]
static HEAP: OneThread = OneThread(UnsafeCell::new(Heap::new(
    // SAFETY: none: the C library moves the break too.
    unsafe { ProcessBrk::new() },
)));

fn main() {}
