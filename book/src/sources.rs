//! Where everything lies that the book shows.

use std::path::{Path, PathBuf};

use crate::numbering::Numbering;
use crate::repository::Repository;

/// The folders of a repository that directives and exercises read.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The root of the repository.
    pub root: PathBuf,
    /// The folder of the book, with its captured output and its exercises.
    pub book: PathBuf,
    /// The folder of the chapters.
    pub chapters: PathBuf,
    /// The numbers of the chapters.
    pub numbering: Numbering,
    /// Where the repository lies on the network, if it does.
    pub repository: Option<Repository>,
    /// The commit that is published, if it is.
    pub commit: Option<String>,
}

impl Sources {
    /// The sources of the book in `folder`, which lies in the root of the
    /// repository.
    pub fn new(folder: &Path, chapters: PathBuf) -> Self {
        let root = folder.parent().unwrap_or(folder).to_owned();
        let (book, numbering) = (folder.to_owned(), Numbering::default());
        let (repository, commit) = (None, None);
        Self { root, book, chapters, numbering, repository, commit }
    }
}
