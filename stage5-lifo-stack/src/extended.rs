//! A break that goes on elsewhere when it can rise no further.

use core::ptr::NonNull;

use crate::brk::{Brk, OutOfMemory};
use crate::reserved::ReservedBrk;

/// A break that goes on in address space of its own when `B` is at its end:
/// something may be mapped in the way of the process's break, far below the
/// end of the memory.
///
/// What lies between looks to a heap as if somebody else had taken it.
#[derive(Debug)]
pub struct ExtendedBrk<B> {
    brk: B,
    /// Where it has gone on, once it has.
    beyond: Option<ReservedBrk>,
}

impl<B: Brk> ExtendedBrk<B> {
    /// A break that is `brk`, as long as that can rise.
    pub const fn new(brk: B) -> Self {
        Self { brk, beyond: None }
    }

    /// Goes on in address space of its own, if it can be had further up and
    /// has room for `increment` bytes.
    fn go_on(&mut self, increment: isize) -> Result<NonNull<u8>, OutOfMemory> {
        // If it does not serve, its space goes with it.
        let mut beyond = ReservedBrk::new();
        // SAFETY: nothing is given back.
        let (end, start) =
            unsafe { (self.brk.sbrk(0)?, beyond.sbrk(increment)?) };
        // A break comes back to an address only after it was lowered.
        if start < end {
            return Err(OutOfMemory);
        }
        self.beyond = Some(beyond);
        Ok(start)
    }
}

// SAFETY: each of the two breaks gives bytes that are nobody else's, and the
// second lies above the first. Both are the kernel's memory, which to Rust is
// one: an address in it, whichever call it comes from, reaches all of it.
unsafe impl<B: Brk> Brk for ExtendedBrk<B> {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, OutOfMemory> {
        if let Some(beyond) = &mut self.beyond {
            // SAFETY: as the caller promises.
            return unsafe { beyond.sbrk(increment) };
        }
        // SAFETY: as the caller promises.
        match unsafe { self.brk.sbrk(increment) } {
            Err(OutOfMemory) if increment > 0 => self.go_on(increment),
            moved => moved,
        }
    }
}
