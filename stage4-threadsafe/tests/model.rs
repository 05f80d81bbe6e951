//! Two threads that share a heap behind a lock of the kind that ships: nothing
//! goes wrong, in whatever order they take their steps. And what goes wrong
//! where something is missing.
//!
//! The files of `src` are compiled here once more, over a lock made of loom's
//! types.

#[path = "../src/block.rs"]
mod block;
#[allow(dead_code)]
#[path = "../src/brk.rs"]
mod brk;
#[allow(dead_code)]
#[path = "../src/fault.rs"]
mod fault;
#[allow(dead_code)]
#[path = "../src/free_lists.rs"]
mod free_lists;
#[allow(dead_code)]
#[path = "../src/heap.rs"]
mod heap;
#[allow(dead_code)]
#[path = "../src/locked.rs"]
mod locked;
mod scenarios;

use std::ptr::NonNull;

use brk::{Brk, OutOfMemory};
use heap::{DEFAULT, Heap};
use locked::LockedHeap;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use scenarios::WatchedBrk;
use scenarios::counted::{spawn, stored};
use sync::Mutex;

/// The steps of spin's mutex, on an atomic of loom's.
mod sync {
    use std::ops::{Deref, DerefMut};

    use loom::cell::{MutPtr, UnsafeCell};
    use loom::sync::atomic::Ordering;

    use crate::scenarios::counted::AtomicBool;

    pub struct Mutex<T> {
        is_locked: AtomicBool,
        /// How it is taken: `Acquire`, if it is to be right.
        taking: Ordering,
        /// loom stops where two threads are in here and nothing says which of
        /// them was first.
        value: UnsafeCell<T>,
    }

    // SAFETY: one thread at a time has the value.
    unsafe impl<T: Send> Sync for Mutex<T> {}

    impl<T> Mutex<T> {
        pub fn new(value: T) -> Self {
            Self::taken_with(Ordering::Acquire, value)
        }

        pub fn taken_with(taking: Ordering, value: T) -> Self {
            let is_locked = AtomicBool::new(false);
            Self { is_locked, taking, value: UnsafeCell::new(value) }
        }

        pub fn lock(&self) -> Guard<'_, T> {
            while !self.try_to_take() {
                while self.is_locked.load(Ordering::Relaxed) {
                    loom::thread::yield_now();
                }
            }
            let value = self.value.get_mut();
            Guard { value, _release: Release(&self.is_locked) }
        }

        fn try_to_take(&self) -> bool {
            self.is_locked
                .compare_exchange_weak(
                    false,
                    true,
                    self.taking,
                    Ordering::Relaxed,
                )
                .is_ok()
        }
    }

    /// The value, for the thread that has the lock. The fields are dropped in
    /// this order.
    pub struct Guard<'a, T> {
        value: MutPtr<T>,
        _release: Release<'a>,
    }

    struct Release<'a>(&'a AtomicBool);

    impl Drop for Release<'_> {
        fn drop(&mut self) {
            self.0.store(false, Ordering::Release);
        }
    }

    impl<T> Deref for Guard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            // SAFETY: this thread has the lock.
            unsafe { self.value.deref() }
        }
    }

    impl<T> DerefMut for Guard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            // SAFETY: this thread has the lock.
            unsafe { self.value.deref() }
        }
    }
}

/// So much goes back to the system when it is freed at the end of the heap, with
/// the free bytes beside it.
pub const LARGE: usize = 2 * 1024 * 1024 - 64;

pub type Shared<B> = LockedHeap<B, DEFAULT>;

fn locked(brk: WatchedBrk) -> Shared<WatchedBrk> {
    LockedHeap::new(Mutex::new(Heap::new(brk)))
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
fn malloc_against_malloc() {
    scenarios::malloc_against_malloc(1, locked);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
fn malloc_with_free() {
    scenarios::malloc_with_free(1, locked);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
fn calloc_with_free() {
    scenarios::calloc_with_free(1, locked);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
fn realloc_with_malloc() {
    scenarios::realloc_with_malloc(1, locked);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
fn the_break_given_back_while_others_grow() {
    scenarios::the_break_given_back_while_others_grow(1, locked);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
fn a_block_freed_by_another_thread() {
    scenarios::a_block_freed_by_another_thread(1, locked);
}

// What goes wrong where something is missing.

/// Each change to the heap is there, but nothing says that the next thread
/// sees it.
#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
#[should_panic(expected = "Concurrent write accesses to `UnsafeCell`")]
fn a_lock_that_is_taken_without_acquire_is_not_enough() {
    scenarios::malloc_against_malloc(1, |brk| {
        let heap = Mutex::taken_with(Ordering::Relaxed, Heap::new(brk));
        LockedHeap::new(heap)
    });
}

/// The break of a process: whoever has a pointer to it may move it, in the two
/// steps that glibc's `sbrk` takes.
#[derive(Clone)]
struct AnybodysBrk {
    start: NonNull<u8>,
    used: Arc<AtomicUsize>,
}

const REGION: usize = 4096;

// SAFETY: the region is there until both threads are done.
unsafe impl Send for AnybodysBrk {}

// SAFETY: for one thread the promises hold: `start` reaches the whole region,
// and no byte is given out twice. That they do not hold for two is shown here.
unsafe impl Brk for AnybodysBrk {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, OutOfMemory> {
        let old = self.used.load(Ordering::Relaxed);
        let new = old.checked_add_signed(increment).ok_or(OutOfMemory)?;
        if new > REGION {
            return Err(OutOfMemory);
        }
        if new != old {
            stored(&*self.used);
            self.used.store(new, Ordering::Relaxed);
        }
        // SAFETY: the break is never above the end of the region.
        Ok(unsafe { self.start.add(old) })
    }
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
#[should_panic(expected = "the block is somebody else's memory")]
fn a_lock_is_no_help_against_those_who_do_not_take_it() {
    scenarios::explore(|| {
        let mut region = vec![0_u8; REGION];
        let start = NonNull::from(&mut *region).cast();
        let used = Arc::new(AtomicUsize::new(0));
        let mut brk = AnybodysBrk { start, used };
        let heap =
            LockedHeap::<_, DEFAULT>::new(Mutex::new(Heap::new(brk.clone())));
        heap.malloc(1);

        let thread = spawn(move || {
            // SAFETY: the break rises: nothing is given back.
            unsafe { brk.sbrk(256) }.unwrap().addr().get()
        });
        let block = heap.malloc(100).addr();
        let theirs = thread.join();

        assert!(
            !(theirs..theirs + 256).contains(&block),
            "the block is somebody else's memory"
        );
    });
}
