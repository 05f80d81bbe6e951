//! Threads that share a heap of stage 3, which the compiler does not allow. A
//! lie gets them past the compiler. What they do then is a data race in each
//! scenario.

mod scenarios;

use std::cell;
use std::ptr::NonNull;

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use scenarios::counted::{spawn, stored};
use stage3_freelist::heap::DEFAULT;
use stage3_freelist::{Brk, OutOfMemory, brk};

type Heap<B> = stage3_freelist::Heap<B, DEFAULT>;

/// So much goes back to the system when it is freed at the end of the heap, with
/// the free bytes beside it.
pub const LARGE: usize = 2 * 1024 * 1024 - 64;

/// The `OneThread` of `examples/malloc3.rs`, where loom sees it.
pub struct Shared<B>(UnsafeCell<Heap<B>>);

// SAFETY: none. This is a lie: threads that share the heap are in it at the
// same time.
unsafe impl<B> Sync for Shared<B> {}
// SAFETY: none, as above.
unsafe impl<B> Send for Shared<B> {}

impl<B: Brk> Shared<B> {
    fn new(brk: B) -> Self {
        Self(UnsafeCell::new(Heap::new(brk)))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Heap<B>) -> T) -> T {
        // SAFETY: none. loom stops a second thread.
        self.0.with_mut(|heap| work(unsafe { &mut *heap }))
    }

    pub fn malloc(&self, size: usize) -> *mut u8 {
        self.with(|heap| heap.malloc(size))
    }

    /// # Safety
    ///
    /// As for [`Heap::free`].
    pub unsafe fn free(&self, payload: *mut u8) {
        // SAFETY: as the caller promises.
        self.with(|heap| unsafe { heap.free(payload) });
    }

    pub fn calloc(&self, count: usize, size: usize) -> *mut u8 {
        self.with(|heap| heap.calloc(count, size))
    }

    /// # Safety
    ///
    /// As for [`Heap::realloc`].
    pub unsafe fn realloc(&self, payload: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        self.with(|heap| unsafe { heap.realloc(payload, size) })
    }
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
#[should_panic(expected = "Concurrent write accesses to `UnsafeCell`")]
fn malloc_against_malloc() {
    scenarios::malloc_against_malloc(1, Shared::new);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
#[should_panic(expected = "Concurrent write accesses to `UnsafeCell`")]
fn malloc_with_free() {
    scenarios::malloc_with_free(1, Shared::new);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
#[should_panic(expected = "Concurrent write accesses to `UnsafeCell`")]
fn calloc_with_free() {
    scenarios::calloc_with_free(1, Shared::new);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
#[should_panic(expected = "Concurrent write accesses to `UnsafeCell`")]
fn realloc_with_malloc() {
    scenarios::realloc_with_malloc(1, Shared::new);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
#[should_panic(expected = "Concurrent write accesses to `UnsafeCell`")]
fn the_break_given_back_while_others_grow() {
    scenarios::the_break_given_back_while_others_grow(1, Shared::new);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
#[should_panic(expected = "Concurrent write accesses to `UnsafeCell`")]
fn a_block_freed_by_another_thread() {
    scenarios::a_block_freed_by_another_thread(1, Shared::new);
}

/// A break with a lock: two threads that move it do so one after the other.
struct LockedBrk {
    start: NonNull<u8>,
    used: Mutex<usize>,
    /// How often it was moved. Loom changes threads only at what it sees, and
    /// this is seen after the lock is released.
    moves: AtomicUsize,
}

const REGION: usize = 4096;

// SAFETY: `start` reaches the whole region, and no byte is given out twice.
unsafe impl Brk for LockedBrk {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, OutOfMemory> {
        let mut used = self.used.lock().unwrap();
        let old = *used;
        *used = old
            .checked_add_signed(increment)
            .filter(|&new| new <= REGION)
            .ok_or(OutOfMemory)?;
        drop(used);
        stored(&self.moves);
        self.moves.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the break is never above the end of the region.
        Ok(unsafe { self.start.add(old) })
    }
}

/// The lie again, where loom does not see it: it is to go on until the harm is
/// done.
struct Unseen(cell::UnsafeCell<Heap<LockedBrk>>);

// SAFETY: none.
unsafe impl Sync for Unseen {}
// SAFETY: none.
unsafe impl Send for Unseen {}

impl Unseen {
    fn malloc(&self, size: usize) -> usize {
        // SAFETY: none: two threads may be here.
        unsafe { (*self.0.get()).malloc(size) }.addr()
    }

    /// Whether the heap knows of a block that starts there.
    fn knows(&self, payload: usize) -> bool {
        // SAFETY: the other thread is done.
        unsafe { &*self.0.get() }.blocks().any(|it| it.payload == payload)
    }
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
#[should_panic(expected = "a block lies outside the heap")]
fn a_lock_around_sbrk_alone_is_not_enough() {
    scenarios::explore(|| {
        let mut region = vec![0_u8; REGION];
        let start = NonNull::from(&mut *region).cast();
        let (used, moves) = (Mutex::new(0), AtomicUsize::new(0));
        let brk = LockedBrk { start, used, moves };
        let heap = Arc::new(Unseen(cell::UnsafeCell::new(Heap::new(brk))));
        heap.malloc(1);

        let theirs = heap.clone();
        let thread = spawn(move || theirs.malloc(100));
        let our_block = heap.malloc(100);
        let their_block = thread.join();

        for block in [our_block, their_block] {
            assert!(heap.knows(block), "a block lies outside the heap");
        }
    });
}
