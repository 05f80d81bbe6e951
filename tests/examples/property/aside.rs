//! Memory for this program itself: the heap that is asked has none of it.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// More than any property needs. What is not touched costs nothing.
const BYTES: usize = 256 << 20;

/// Takes from an array, and never gives back.
pub struct Aside;

#[repr(align(4096))]
struct Bytes(UnsafeCell<[u8; BYTES]>);

// SAFETY: each byte is given to one owner.
unsafe impl Sync for Bytes {}

static MEMORY: Bytes = Bytes(UnsafeCell::new([0; BYTES]));
static USED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: what is given out lies in the array, is aligned, and is never given
// out again.
unsafe impl GlobalAlloc for Aside {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // So many are enough for each alignment up to a page's.
        let bytes = layout.size() + layout.align();
        let start = USED.fetch_add(bytes, Ordering::Relaxed);
        if start + bytes > BYTES || layout.align() > 4096 {
            return ptr::null_mut();
        }
        let at = start.next_multiple_of(layout.align());
        // SAFETY: it lies in the array.
        unsafe { MEMORY.0.get().cast::<u8>().add(at) }
    }

    unsafe fn dealloc(&self, _block: *mut u8, _layout: Layout) {}
}
