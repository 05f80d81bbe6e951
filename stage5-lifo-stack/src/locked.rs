//! A heap that threads share: one at a time, behind a lock.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr;

use crate::brk::{Brk, SimBrk};
use crate::heap::{ALIGN, DEFAULT, Heap};
use crate::sync::Mutex;

// SAFETY: what a heap's pointers lead to came from its break, and nobody but
// the heap follows them. Wherever the heap goes, all of it goes, if its break
// may go there.
unsafe impl<B: Send, const N: usize> Send for Heap<B, N> {}

// SAFETY: it has the region to itself, as a `&mut [MaybeUninit<u8>]` would
// have it, and that may go to another thread.
unsafe impl Send for SimBrk<'_> {}

/// A heap behind a lock. Each function takes the lock, does what the one of
/// the same name in [`Heap`] does, and lets go of it.
pub struct LockedHeap<B, const N: usize = DEFAULT> {
    /// The heap, for who holds its lock.
    pub heap: Mutex<Heap<B, N>>,
}

impl<B: Brk, const N: usize> LockedHeap<B, N> {
    /// A heap that threads may share.
    pub const fn new(heap: Mutex<Heap<B, N>>) -> Self {
        Self { heap }
    }

    /// See [`Heap::malloc`].
    pub fn malloc(&self, size: usize) -> *mut u8 {
        self.heap.lock().malloc(size)
    }

    /// See [`Heap::free`].
    ///
    /// # Safety
    ///
    /// `payload` is null or a block of this heap, and no thread uses it any
    /// more. It may come from another thread than this.
    pub unsafe fn free(&self, payload: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { self.heap.lock().free(payload) };
    }

    /// See [`Heap::calloc`].
    pub fn calloc(&self, count: usize, size: usize) -> *mut u8 {
        self.heap.lock().calloc(count, size)
    }

    /// See [`Heap::realloc`].
    ///
    /// # Safety
    ///
    /// `payload` is null or a block of this heap that no other thread uses.
    pub unsafe fn realloc(&self, payload: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { self.heap.lock().realloc(payload, size) }
    }

    /// See [`Heap::memalign`].
    pub fn memalign(&self, align: usize, size: usize) -> *mut u8 {
        self.heap.lock().memalign(align, size)
    }

    /// See [`Heap::usable_size`].
    ///
    /// # Safety
    ///
    /// `payload` is null or a block of this heap.
    pub unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        // SAFETY: as the caller promises.
        unsafe { self.heap.lock().usable_size(payload) }
    }
}

// SAFETY: a block has the size and the alignment that were asked for and is
// nobody else's until it is freed, whichever thread asks; nothing unwinds.
unsafe impl<B: Brk + Send, const N: usize> GlobalAlloc for LockedHeap<B, N> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.memalign(layout.align(), layout.size())
    }

    unsafe fn dealloc(&self, payload: *mut u8, _layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { self.free(payload) };
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= ALIGN {
            // It knows what is zero already.
            return self.calloc(1, layout.size());
        }
        let payload = self.memalign(layout.align(), layout.size());
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
            return unsafe { self.realloc(payload, size) };
        }
        // `Heap::realloc` keeps no alignment above `ALIGN` when it moves.
        let new = self.memalign(layout.align(), size);
        if !new.is_null() {
            // SAFETY: both are blocks, with at least so many bytes, and nobody
            // uses the old one after this.
            unsafe {
                let kept = layout.size().min(size);
                ptr::copy_nonoverlapping(payload, new, kept);
                self.free(payload);
            }
        }
        new
    }
}
