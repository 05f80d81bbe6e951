//! What is wrong with the book, and where.

use std::fmt::{self, Display, Formatter};

/// A mistake in a page: its line, and what to write instead.
pub type Mistake = (Option<usize>, String);

/// A thing that stops the build. Problems are in the order of the files and
/// their lines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, from the root of the repository.
    pub file: String,
    /// The line, from 1 on; `None` if it is the file as a whole.
    pub line: Option<usize>,
    /// What is wrong and what to write instead.
    pub text: String,
}

impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.text),
            None => write!(f, "{}: {}", self.file, self.text),
        }
    }
}

/// All problems of one build.
#[derive(Debug)]
pub struct Problems(pub Vec<Problem>);

impl Display for Problems {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "the book has a problem:")?,
            count => write!(f, "the book has {count} problems:")?,
        }
        for problem in &self.0 {
            write!(f, "\n{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// " Did you mean `x`?" if a name that exists looks like `word`.
pub fn did_you_mean(word: &str, names: &[&str]) -> String {
    match similar::get_close_matches(word, names, 1, 0.6).first() {
        Some(name) => format!(" Did you mean `{name}`?"),
        None => String::new(),
    }
}

/// The names as a list in a sentence.
pub fn list(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    if quoted.is_empty() { "nothing".into() } else { quoted.join(", ") }
}
