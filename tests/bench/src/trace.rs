//! The recordings of real programs. The reader is that of the `tests` package,
//! which would bring the whole book along.

use std::fs;

#[path = "../../src/trace/event.rs"]
mod event;
#[allow(dead_code)]
#[path = "../../src/trace/file.rs"]
mod file;

pub use event::{Event, Trace, What, blocks};
use event::{check, threads};

use crate::results::workspace;

impl Trace {
    /// The recording of this name.
    pub fn load(name: &str) -> Self {
        let path = workspace().join("tests/traces").join(name);
        let path = path.with_extension("trace");
        let bytes = fs::read(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        file::read(&bytes)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

/// The names of all recordings.
pub fn names() -> Vec<String> {
    let folder = workspace().join("tests/traces");
    let files = fs::read_dir(folder).expect("a folder");
    let paths = files.map(|file| file.expect("a file").path());
    let names = paths.filter_map(|path| {
        let is_recording = path.extension().is_some_and(|it| it == "trace");
        is_recording.then(|| path.file_stem()?.to_str().map(str::to_owned))?
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}
