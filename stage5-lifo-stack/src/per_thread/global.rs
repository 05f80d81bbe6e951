//! The stacks of all threads behind Rust's interface.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr;

use super::record::ALIGN;
use super::threads::{calloc, free, malloc, memalign, realloc};

/// The stacks of all threads, as a program's global allocator.
#[derive(Clone, Copy, Debug, Default)]
pub struct PerThread;

// SAFETY: a block has the size and the alignment that were asked for and is
// nobody else's until it is freed, whichever thread asks; nothing unwinds.
unsafe impl GlobalAlloc for PerThread {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= ALIGN {
            return malloc(layout.size());
        }
        memalign(layout.align(), layout.size())
    }

    #[inline]
    unsafe fn dealloc(&self, payload: *mut u8, _layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { free(payload) };
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= ALIGN {
            return calloc(1, layout.size());
        }
        let payload = memalign(layout.align(), layout.size());
        if !payload.is_null() {
            // SAFETY: `payload` is a block of at least so many bytes.
            unsafe { payload.write_bytes(0, layout.size()) };
        }
        payload
    }

    unsafe fn realloc(
        &self,
        payload: *mut u8,
        layout: Layout,
        size: usize,
    ) -> *mut u8 {
        if layout.align() <= ALIGN {
            // SAFETY: as the caller promises.
            return unsafe { realloc(payload, size) };
        }
        // `realloc` keeps no alignment above `ALIGN` when it moves.
        let new = memalign(layout.align(), size);
        if !new.is_null() {
            // SAFETY: both are blocks, with at least so many bytes, and nobody
            // uses the old one after this.
            unsafe {
                let kept = layout.size().min(size);
                ptr::copy_nonoverlapping(payload, new, kept);
                free(payload);
            }
        }
        new
    }
}
