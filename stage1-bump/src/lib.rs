//! # Stage 1: a bump allocator
//!
//! `malloc` moves the program break up and returns where it was. `free` does
//! nothing. That is the whole of it.
//!
//! What is true of this stage, each held by a test in `tests/checkpoints.rs`:
//!
//! | question | answer |
//! | --- | --- |
//! | Does freed memory come back? | never: it leaks |
//! | May two threads use it? | no: they can be given the same block |
//! | How often does it ask the kernel? | once for each `malloc` |
//!
//! [`heap`] is the allocator, [`brk`] is where its memory comes from.

#![no_std]
#![deny(missing_docs)]

pub mod brk;
pub mod heap;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub use brk::ProcessBrk;
pub use brk::{Brk, OutOfMemory, SimBrk};
pub use heap::Heap;
