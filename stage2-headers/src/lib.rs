//! # Stage 2: headers
//!
//! In front of each payload stands a header that says how long the block is and
//! whether it is free. So `free` can give the end of the heap back.
//!
//! What is true of this stage, each held by a test in `tests/checkpoints.rs`:
//!
//! | question | answer |
//! | --- | --- |
//! | Does freed memory come back? | at the end of the heap; in the middle never |
//! | May two threads use it? | no: they can be given the same block |
//! | How often does it ask the kernel? | once for each `malloc`, and when the end is free |
//!
//! [`heap`] is the allocator, `block` is what it hands out, [`brk`] is where its
//! memory comes from, [`fault`] is what happens when a program breaks the rules.

#![no_std]
#![deny(missing_docs)]

mod block;
pub mod brk;
pub mod fault;
pub mod heap;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub use brk::ProcessBrk;
pub use brk::{Brk, OutOfMemory, SimBrk};
pub use heap::Heap;
