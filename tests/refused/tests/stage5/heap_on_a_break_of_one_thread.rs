//! The lock guards the heap, and what the break uses is reached from elsewhere
//! too: an `Rc` counts its users without a lock.

use std::ptr::NonNull;
use std::rc::Rc;

use stage5_lifo_stack::{Brk, Heap, LockedHeap, Mutex, OutOfMemory, SimBrk};

struct CountedBrk {
    brk: SimBrk<'static>,
    _users: Rc<()>,
}

// SAFETY: it is a `SimBrk`.
unsafe impl Brk for CountedBrk {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, OutOfMemory> {
        // SAFETY: as the caller promises.
        unsafe { self.brk.sbrk(increment) }
    }
}

fn share_between_threads<T: Sync>(_: &T) {}

fn shared(brk: CountedBrk) {
    let heap: LockedHeap<_> = LockedHeap::new(Mutex::new(Heap::new(brk)));
    share_between_threads(&heap);
}

fn main() {}
