//! Building the book.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use mdbook_driver::MDBook;
use mdbook_driver::config::Config;

use crate::page::{Length, Page};
use crate::preprocess::{self, Malloc};
use crate::search;
use crate::sources::Sources;

/// The folder of this book.
pub fn folder() -> PathBuf {
    let compiled_in = env!("CARGO_MANIFEST_DIR").into();
    // That is wrong once the workspace has been moved, and cargo compiles
    // nothing again for it. It also says which package it runs: all of them
    // lie somewhere below the folder that this one lies in.
    match env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from) {
        Some(package) => package
            .ancestors()
            .map(|folder| folder.join("book"))
            .find(|folder| folder.join("book.toml").is_file())
            .unwrap_or(compiled_in),
        None => compiled_in,
    }
}

/// Where `book.toml` wants the book in `folder` to be built.
///
/// # Errors
///
/// What is wrong with `book.toml`.
pub fn destination(folder: &Path) -> Result<PathBuf> {
    let inside = config(folder)?.build.build_dir;
    // The parent's name reads better than `book/../target`.
    let root = folder.parent().unwrap_or(folder);
    Ok(match inside.strip_prefix("..") {
        Ok(inside) => root.join(inside),
        Err(_) => folder.join(inside),
    })
}

/// Builds the book of `folder` into `destination` and returns its first page.
///
/// # Errors
///
/// What is wrong with the book: all of it, if it is in its pages.
pub fn build(folder: &Path, destination: &Path) -> Result<PathBuf> {
    let mut config = config(folder)?;
    config.build.build_dir = destination.to_owned();
    let mut book = load(folder, config)?;
    // It takes the place of the command that `book.toml` names.
    book.with_preprocessor(Malloc);
    book.build()?;
    search::shorten(destination)?;
    Ok(destination.join("index.html"))
}

/// What the directives of the book in `folder` show.
///
/// # Errors
///
/// What is wrong with `book.toml`.
pub fn sources(folder: &Path) -> Result<Sources> {
    let chapters = folder.join(config(folder)?.book.src);
    Ok(Sources::new(folder, chapters))
}

/// The pages of the book in `folder`, in order.
///
/// # Errors
///
/// A page or a summary that cannot be read.
pub fn pages(folder: &Path) -> Result<Vec<PathBuf>> {
    let book = load(folder, config(folder)?)?;
    let chapters = book.book.chapters();
    Ok(chapters.filter_map(|chapter| chapter.source_path.clone()).collect())
}

/// The pages of the book in `folder`, in order, with their length.
///
/// # Errors
///
/// A page or a summary that cannot be read.
pub fn lengths(folder: &Path) -> Result<Vec<(PathBuf, Length)>> {
    let mut sources = sources(folder)?;
    let mut book = load(folder, config(folder)?)?;
    preprocess::configure(&mut sources, &mut book.book, &book.config)?;
    let pages = book.book.chapters().filter_map(|chapter| {
        let path = chapter.source_path.clone()?;
        let length = Page::new(&chapter.content).length(&path, &sources);
        Some((path, length))
    });
    Ok(pages.collect())
}

/// What `book.toml` says, and variables such as `MDBOOK_BOOK__TITLE` in its
/// place, as mdBook takes them.
fn config(folder: &Path) -> Result<Config> {
    let path = folder.join("book.toml");
    let mut config = Config::from_disk(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    config.update_from_env()?;
    Ok(config)
}

fn load(folder: &Path, config: Config) -> Result<MDBook> {
    MDBook::load_with_config(folder, config).with_context(|| {
        format!("cannot load the book in {}", folder.display())
    })
}
