//! A small repository, whose pages have mistakes.

#![allow(dead_code, reason = "not all tests that share this use all of it")]

use std::fs;
use std::path::{Path, PathBuf};

use book::page::Page;
use book::sources::Sources;
use tempfile::TempDir;

/// A repository of a few files.
pub struct Small(TempDir);

impl Small {
    /// One with these files.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let this = Self(TempDir::new().unwrap());
        for (path, text) in files {
            this.write(path, text);
        }
        this
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).unwrap();
    }

    pub fn sources(&self) -> Sources {
        let book = self.path("book");
        Sources::new(&book, book.join("chapters"))
    }

    /// What the build says about a page that has `line` as its third.
    pub fn mistake(&self, line: &str) -> String {
        let page = format!("# T\n\n{line}\n");
        let mistakes = Page::new(&page)
            .expand(Path::new("one.md"), &self.sources())
            .unwrap_err();
        let [(Some(3), text)] = &mistakes[..] else {
            panic!("expected one mistake in line 3, not {mistakes:?}");
        };
        text.clone()
    }
}
