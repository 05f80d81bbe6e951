//! Which heap the contract is about: a stack with its records in front of its
//! chunks. What it has not got is made here as `per_thread/threads.rs` makes
//! it, for one thread.

mod step;

use std::ptr::{self, NonNull};

pub use stage5_lifo_stack::SimBrk;
use stage5_lifo_stack::per_thread::stack::STEP;
use stage5_lifo_stack::{Brk, OutOfMemory};

/// A break that rises by no whole step: the contract has memory for one, and
/// means to see how a heap does when it asks again and again.
struct NoSteps<B>(B);

// SAFETY: what it does, the break inside does.
unsafe impl<B: Brk> Brk for NoSteps<B> {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, OutOfMemory> {
        if increment >= STEP as isize {
            return Err(OutOfMemory);
        }
        // SAFETY: as the caller promises.
        unsafe { self.0.sbrk(increment) }
    }
}

/// The stack, with what C asks of a heap.
pub struct Heap<B>(step::Heap<NoSteps<B>>);

impl<B: Brk> Heap<B> {
    pub fn new(brk: B) -> Self {
        Self(step::Heap::new(NoSteps(brk)))
    }

    pub fn brk(&mut self) -> &mut B {
        &mut self.0.brk().0
    }

    pub fn malloc(&mut self, size: usize) -> *mut u8 {
        self.0.malloc(size)
    }

    /// # Safety
    ///
    /// `payload` is null or a live chunk.
    pub unsafe fn free(&mut self, payload: *mut u8) {
        if !payload.is_null() {
            // SAFETY: as the caller promises.
            unsafe { self.0.free(payload) };
        }
    }

    pub fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let Some(bytes) = count.checked_mul(size) else {
            return ptr::null_mut();
        };
        let payload = self.0.malloc(bytes);
        if !payload.is_null() {
            // SAFETY: the chunk has so many bytes.
            unsafe { payload.write_bytes(0, bytes) };
        }
        payload
    }

    /// # Safety
    ///
    /// As for `free`.
    pub unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        if payload.is_null() {
            return self.0.malloc(size);
        }
        // SAFETY: as the caller promises; the new chunk has at least as many
        // bytes as are copied.
        unsafe {
            let old_size = self.0.usable_size(payload);
            if self.0.resize(payload, size).is_some() {
                return payload;
            }
            let new = self.0.malloc(size);
            if !new.is_null() {
                ptr::copy_nonoverlapping(payload, new, old_size.min(size));
                self.0.free(payload);
            }
            new
        }
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
