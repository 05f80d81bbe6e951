//! # Stage 5: a stack of chunks
//!
//! What is allocated last tends to be freed first, because calls nest. So the
//! heap is a stack: `malloc` pushes a chunk, and `free` pops what is free at
//! the top.
//!
//! What is true of this stage, each held by a test in `tests/checkpoints.rs`:
//!
//! | question | answer |
//! | --- | --- |
//! | Does freed memory come back? | yes, from the top: what lies under a live chunk waits |
//! | May two threads use it? | yes: one waits for the other, and their chunks pin each other |
//! | How often does it ask the kernel? | now and then: for [`STEP`](heap::STEP) bytes, or for what it needs |
//!
//! [`heap`] is the allocator, [`locked`] puts it behind the lock that [`sync`]
//! names, [`fork`] is what becomes of that lock when a process is copied,
//! [`brk`], [`reserved`] and [`extended`] are where its memory comes from,
//! [`fault`] is what happens when a program breaks the rules.
//!
//! [`per_thread`] goes beyond the design: a stack for each thread.

#![no_std]
#![deny(missing_docs)]

pub mod brk;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub mod extended;
pub mod fault;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub mod fork;
pub mod heap;
pub mod locked;
// Elsewhere nobody calls what only the heap of a thread does.
#[cfg_attr(not(all(target_os = "linux", target_env = "gnu")), allow(dead_code))]
pub mod per_thread;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub mod reserved;
pub mod sync;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub use brk::ProcessBrk;
pub use brk::{Brk, OutOfMemory, SimBrk};
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub use extended::ExtendedBrk;
pub use heap::Heap;
pub use locked::LockedHeap;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub use reserved::ReservedBrk;
pub use sync::Mutex;
