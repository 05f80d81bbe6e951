//! # Stage 4: many threads
//!
//! Threads share the heap, one at a time: whoever uses it holds its lock. The
//! heap itself is that of stage 3, to the letter.
//!
//! What is true of this stage, each held by a test in `tests/checkpoints.rs`:
//!
//! | question | answer |
//! | --- | --- |
//! | Does freed memory come back? | yes: it is used again |
//! | May two threads use it? | yes: one waits for the other |
//! | How often does it ask the kernel? | now and then, for [`STEP`](heap::STEP) bytes at a time |
//!
//! [`heap`] is the allocator, `block` is what it hands out, `free_lists` keeps
//! what is free, [`locked`] puts it behind the lock that [`sync`] names,
//! [`fork`] is what becomes of that lock when a process is copied, [`brk`],
//! [`reserved`] and [`extended`] are where its memory comes from, [`fault`] is
//! what happens when a program breaks the rules.

#![no_std]
#![deny(missing_docs)]

mod block;
pub mod brk;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub mod extended;
pub mod fault;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub mod fork;
mod free_lists;
pub mod heap;
pub mod locked;
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
