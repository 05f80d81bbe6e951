//! Which heap the contract is about: that of a thread, in segments of 4 KiB.

mod step;

use std::ptr;

use stage5_lifo_stack::Brk;
pub use stage5_lifo_stack::SimBrk;
use stage5_lifo_stack::per_thread::sim::SimMmap;

/// The heap, with what C asks of it.
pub struct Heap<B>(step::Heap<SimMmap<B, 4096>>);

impl<B: Brk> Heap<B> {
    pub fn new(brk: B) -> Self {
        Self(step::Heap::new(SimMmap::new(brk)))
    }

    pub fn brk(&mut self) -> &mut B {
        self.0.mmap().brk()
    }

    pub fn malloc(&mut self, size: usize) -> *mut u8 {
        self.0.malloc(size)
    }

    /// # Safety
    ///
    /// `payload` is null or a live block.
    pub unsafe fn free(&mut self, payload: *mut u8) {
        if !payload.is_null() {
            // SAFETY: as the caller promises.
            unsafe { self.0.free(payload) };
        }
    }

    pub fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        match count.checked_mul(size) {
            Some(bytes) => self.0.calloc(bytes),
            None => ptr::null_mut(),
        }
    }

    /// # Safety
    ///
    /// As for `free`.
    pub unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        if payload.is_null() {
            return self.0.malloc(size);
        }
        // SAFETY: as the caller promises.
        unsafe { self.0.realloc(payload, size) }
    }

    pub fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.0.memalign(align, size)
    }

    /// # Safety
    ///
    /// As for `free`.
    pub unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        if payload.is_null() {
            return 0;
        }
        // SAFETY: as the caller promises.
        unsafe { self.0.usable_size(payload) }
    }
}
