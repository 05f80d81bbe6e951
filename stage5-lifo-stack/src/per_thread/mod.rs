//! Beyond the design: a stack of chunks for each thread.
//!
//! A call stack belongs to a thread, so a stack of chunks does. [`stack`] is
//! one such stack and knows nothing of threads, `slot` is where a thread finds
//! its own, [`threads`] gives each thread its own and keeps what threads leave
//! behind, [`holes`] uses again what a stack alone would wait for, [`global`]
//! is Rust's interface to it. [`chunks`] shows a stack's inside.

// The model checks put loom's in its place.
use core::sync::atomic;

pub mod chunks;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub mod global;
pub mod holes;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod slot;
pub mod stack;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub mod threads;
