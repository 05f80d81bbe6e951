//! Which heap the contract is about: a step on the way to this stage. It has
//! `malloc` and `free`; the rest is made of these as well as it can be.

mod step;

use std::ptr;

use stage5_lifo_stack::Brk;
pub use stage5_lifo_stack::SimBrk;

/// More chunks than any promise needs.
const CHUNKS: usize = 256;

/// A step's heap.
pub struct Heap<B>(step::Heap<B, CHUNKS>);

impl<B: Brk> Heap<B> {
    pub fn new(brk: B) -> Self {
        Self(step::Heap::new(brk))
    }

    pub fn brk(&mut self) -> &mut B {
        self.0.brk()
    }

    pub fn malloc(&mut self, size: usize) -> *mut u8 {
        self.0.malloc(size)
    }

    /// # Safety
    ///
    /// As for the step's.
    pub unsafe fn free(&mut self, payload: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { self.0.free(payload) };
    }

    pub fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        self.0.malloc(count.wrapping_mul(size))
    }

    /// # Safety
    ///
    /// As for `free`.
    pub unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        let new = self.0.malloc(size);
        if payload.is_null() {
            return new;
        }
        // SAFETY: as the caller promises. It does not know how many bytes the
        // old chunk has; above it lies the new one, which has enough.
        unsafe {
            ptr::copy(payload, new, size);
            self.0.free(payload);
        }
        new
    }

    pub fn memalign(&mut self, _align: usize, size: usize) -> *mut u8 {
        self.0.malloc(size)
    }

    /// # Safety
    ///
    /// None.
    pub unsafe fn usable_size(&self, _payload: *mut u8) -> usize {
        0
    }
}
