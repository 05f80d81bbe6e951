//! Three threads that share a heap behind a lock: nothing goes wrong, in
//! whatever order they take it.
//!
//! The files of `src` are compiled here once more, over loom's own lock. That
//! has fewer steps than a lock that is made of atomics, and so leaves fewer
//! orders to try.

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

use heap::{DEFAULT, Heap};
use locked::LockedHeap;
use scenarios::WatchedBrk;
use sync::Mutex;

mod sync {
    use loom::sync::MutexGuard;

    pub struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect("no thread panics with the lock")
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
    scenarios::malloc_against_malloc(2, locked);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
fn malloc_with_free() {
    scenarios::malloc_with_free(2, locked);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
fn calloc_with_free() {
    scenarios::calloc_with_free(2, locked);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
fn realloc_with_malloc() {
    scenarios::realloc_with_malloc(2, locked);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
fn the_break_given_back_while_others_grow() {
    scenarios::the_break_given_back_while_others_grow(2, locked);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
fn a_block_freed_by_another_thread() {
    scenarios::a_block_freed_by_another_thread(2, locked);
}
