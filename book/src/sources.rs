//! Where everything lies that the book shows.

use std::path::{Path, PathBuf};

/// The folders of a repository that directives and exercises read.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The root of the repository.
    pub root: PathBuf,
    /// The folder of the book, with its captured output and its exercises.
    pub book: PathBuf,
    /// The folder of the chapters.
    pub chapters: PathBuf,
}

impl Sources {
    /// The sources of the book in `folder`, which lies in the root of the
    /// repository.
    pub fn new(folder: &Path, chapters: PathBuf) -> Self {
        let root = folder.parent().unwrap_or(folder).to_owned();
        Self { root, book: folder.to_owned(), chapters }
    }
}
