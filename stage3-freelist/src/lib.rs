//! # Stage 3: free lists
//!
//! Freed blocks are used again. Boundary tags find a block's neighbours, and
//! lists by size class find a block that fits, in constant time.
//!
//! What is true of this stage, each held by a test in `tests/checkpoints.rs`:
//!
//! | question | answer |
//! | --- | --- |
//! | Does freed memory come back? | yes: it is used again |
//! | May two threads use it? | no: they can be given the same block |
//! | How often does it ask the kernel? | now and then, for [`STEP`](heap::STEP) bytes at a time |
//!
//! [`heap`] is the allocator, `block` is what it hands out, [`brk`] is where its
//! memory comes from, [`fault`] is what happens when a program breaks the rules.
//! `free_lists` keeps what is free.

#![no_std]
#![deny(missing_docs)]

mod block;
pub mod brk;
pub mod fault;
mod free_lists;
pub mod heap;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub use brk::ProcessBrk;
pub use brk::{Brk, OutOfMemory, SimBrk};
pub use heap::Heap;
