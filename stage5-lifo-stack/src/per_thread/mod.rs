//! Beyond the design: a stack of chunks for each thread.
//!
//! A call stack belongs to a thread, so a stack of chunks does. In the order in
//! which they are explained:
//!
//! - [`record`]: what stands in front of a chunk, and a free that is one store.
//! - [`segment`]: the memory of a stack, which lies anywhere.
//! - [`stack`]: push and pop. It knows nothing of threads.
//! - `row`: from one segment to the next, and back.
//! - `lists`, [`holes`], `sweep`: what was freed deep is used again.
//! - `large`: blocks that have a mapping of their own.
//! - `table`, [`maps`], [`found`]: memory from the system, and what lies where.
//! - `slot`, [`threads`]: whose heap is mine, and what becomes of it.
//! - [`global`]: Rust's interface to it.
//!
//! [`sim`] is memory for tests and figures, [`chunks`] shows a stack's inside.

// The model checks put loom's in its place.
use core::sync::atomic;

pub mod chunks;
pub mod found;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub mod global;
pub mod holes;
mod large;
mod lists;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub mod maps;
pub mod record;
mod row;
pub mod segment;
pub mod sim;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod slot;
pub mod stack;
mod sweep;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod table;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub mod threads;
