//! Traces: what real programs asked of malloc, in the order in which they asked.
//!
//! The library `record` (an example) writes down what a program asks, [`raw`]
//! reads that, [`mod@file`] keeps it in a few bytes under `tests/traces`, and
//! [`rep`] prints it in the format of the malloc lab. [`programs`] says which
//! programs have been recorded, and records them again. [`depths`] and
//! [`memory`] ask what the chapter "Is the claim true?" asks of a trace, and
//! [`claim`] puts the answers into tables.

use std::path::PathBuf;

use crate::workspace::workspace;

pub mod claim;
pub mod depths;
mod event;
pub mod file;
pub mod memory;
pub mod programs;
pub mod raw;
pub mod rep;

pub use event::{Event, Trace, What, blocks, check, threads};

impl Trace {
    /// The recording of this name.
    ///
    /// # Panics
    ///
    /// If it is not there or not well formed.
    pub fn load(name: &str) -> Self {
        let path = path(name);
        let bytes = std::fs::read(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        file::read(&bytes)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

/// Where the recording of this name is kept.
pub fn path(name: &str) -> PathBuf {
    folder().join(name).with_extension("trace")
}

/// The folder that holds all recordings.
pub fn folder() -> PathBuf {
    workspace().join("tests/traces")
}
