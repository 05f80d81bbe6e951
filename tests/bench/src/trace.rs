//! The recordings of real programs.

use std::fs;

pub use timing::trace::{Event, Trace, What, blocks};

/// The names of all recordings.
pub fn names() -> Vec<String> {
    let files = fs::read_dir(timing::trace::folder()).expect("a folder");
    let paths = files.map(|file| file.expect("a file").path());
    let names = paths.filter_map(|path| {
        let is_recording = path.extension().is_some_and(|it| it == "trace");
        is_recording.then(|| path.file_stem()?.to_str().map(str::to_owned))?
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}
