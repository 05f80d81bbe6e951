//! Where the repository lies on the network, if it does: what the book links
//! to there, in the form of GitHub, which GitLab understands as well.

use crate::html::escape;

/// Where `book.toml` names it. mdBook links to it too.
pub const SETTING: &str = "output.html.git-repository-url";

/// The branch whose files are shown.
const BRANCH: &str = "main";

/// An address such as `https://example.org/someone/malloc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository(String);

impl Repository {
    /// The repository at this address.
    pub fn new(address: &str) -> Self {
        Self(address.trim_end_matches('/').to_owned())
    }

    /// Where a mistake is told.
    pub fn issues(&self) -> String {
        format!("{}/issues", self.0)
    }

    /// Where a file is shown, `path` from the root of the repository.
    pub fn file(&self, path: &str) -> String {
        format!("{}/blob/{BRANCH}/{path}", self.0)
    }

    /// Where a commit is shown.
    pub fn commit(&self, commit: &str) -> String {
        format!("{}/commit/{commit}", self.0)
    }

    /// Where lines of a file are shown.
    pub fn lines(&self, path: &str, first: usize, last: usize) -> String {
        let lines = match first == last {
            true => format!("#L{first}"),
            false => format!("#L{first}-L{last}"),
        };
        self.file(path) + &lines
    }
}

/// A text that links to an address, if there is one.
pub fn linked(text: &str, address: Option<String>) -> String {
    let text = escape(text);
    match address {
        Some(address) => {
            format!("<a href=\"{}\">{text}</a>", escape(&address))
        }
        None => text,
    }
}
