//! Which heap the contract is about.

use std::ops::Deref;

pub use stage5_lifo_stack::SimBrk;
use stage5_lifo_stack::{Brk, LockedHeap, Mutex};

/// A heap behind its lock.
pub struct Heap<B>(LockedHeap<B>);

impl<B: Brk> Heap<B> {
    pub fn new(brk: B) -> Self {
        Self(LockedHeap::new(Mutex::new(stage5_lifo_stack::Heap::new(brk))))
    }

    pub fn brk(&mut self) -> &mut B {
        self.0.heap.get_mut().brk()
    }
}

impl<B> Deref for Heap<B> {
    type Target = LockedHeap<B>;

    fn deref(&self) -> &LockedHeap<B> {
        &self.0
    }
}
