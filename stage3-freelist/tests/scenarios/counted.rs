//! What loom is shown of an atomic, counted.
//!
//! loom keeps seven stores of each atomic. It never lets a thread read an older
//! one, and it does not say so. So there may be no more that a thread could read:
//! the last one from before the threads started, and what they store themselves.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use loom::sync::atomic::{self, Ordering};
use loom::thread::{self, JoinHandle};

/// How many stores of an atomic loom keeps.
pub const KEPT: usize = 7;

thread_local! {
    // All threads of a model are one thread of the test.
    static RUNNING: Cell<usize> = const { Cell::new(0) };
    /// How often the atomic at an address was written while threads ran.
    static STORES: RefCell<HashMap<usize, usize>> = RefCell::default();
}

/// Another order begins: no thread runs.
pub fn begin() {
    RUNNING.set(0);
    STORES.take();
}

/// A thread that runs beside others, until it is waited for.
pub struct Running<T>(JoinHandle<T>);

pub fn spawn<T: 'static>(work: impl FnOnce() -> T + 'static) -> Running<T> {
    RUNNING.set(RUNNING.get() + 1);
    Running(thread::spawn(work))
}

impl<T> Running<T> {
    pub fn join(self) -> T {
        let result = self.0.join().unwrap();
        RUNNING.set(RUNNING.get() - 1);
        result
    }
}

/// An atomic is written.
pub fn stored<T>(atomic: &T) {
    if RUNNING.get() == 0 {
        return;
    }
    let address = std::ptr::from_ref(atomic).addr();
    let stores = STORES.with_borrow_mut(|stores| {
        let stores = stores.entry(address).or_default();
        *stores += 1;
        *stores
    });
    assert!(
        stores < KEPT,
        "one atomic is written {stores} times while threads run, and loom shows \
         no store older than the last {KEPT}: the scenario is too long"
    );
}

/// One of loom's, whose stores are counted.
pub struct AtomicBool(atomic::AtomicBool);

impl AtomicBool {
    pub fn new(value: bool) -> Self {
        Self(atomic::AtomicBool::new(value))
    }

    pub fn load(&self, ordering: Ordering) -> bool {
        self.0.load(ordering)
    }

    pub fn store(&self, value: bool, ordering: Ordering) {
        stored(self);
        self.0.store(value, ordering);
    }

    pub fn compare_exchange_weak(
        &self,
        old: bool,
        new: bool,
        success: Ordering,
        failure: Ordering,
    ) -> Result<bool, bool> {
        let result = self.0.compare_exchange_weak(old, new, success, failure);
        if result.is_ok() {
            stored(self);
        }
        result
    }
}
