//! Which edition of the book a page is of.
//!
//! Who publishes the book says from which commit it was built. A reader's own
//! copy is of no edition.

use crate::html::escape;
use crate::repository::{Repository, linked};

/// Where `book.toml` would name the commit, or the environment in the variable
/// `MDBOOK_PREPROCESSOR__MALLOC__COMMIT`.
pub const SETTING: &str = "preprocessor.malloc.commit";

/// So many of its digits name a commit.
const SHORT: usize = 10;

/// The last line of each page, for Markdown: a version and a commit.
pub fn line(commit: &str, repository: Option<&Repository>) -> String {
    let version = escape(env!("CARGO_PKG_VERSION"));
    let short = commit.get(..SHORT).unwrap_or(commit);
    let address = repository.map(|repository| repository.commit(commit));
    let commit = linked(short, address);
    format!("\n\n<p class=\"edition\">Version {version}, commit {commit}</p>\n")
}
