//! The line that a heap ends a program with: `{{#said …}}`.
//!
//! ```text
//! It is "{{#said stage5-lifo-stack/tests/checkpoints.rs freed_twice}}".
//! ```
//!
//! It is taken from the test of that name, which ends a program so and expects
//! the line.

use std::fs;
use std::path::Path;

use crate::item;

/// How the line starts in a test, and where its address would come.
const START: &str = "\"malloc: ";
const END: &str = ": 0x\"";

/// What `stage5-lifo-stack/tests/checkpoints.rs freed_twice` stands for.
///
/// # Errors
///
/// What is wrong with it.
pub fn value(root: &Path, arguments: &str) -> Result<String, String> {
    let (path, test) = arguments
        .trim()
        .split_once(' ')
        .ok_or("`said` needs a file and the name of a test in it")?;
    let source = fs::read_to_string(root.join(path))
        .map_err(|_| format!("there is no file {path}"))?;
    let test = item::find(path, &source, test)?.text;
    let line = test
        .split_once(START)
        .and_then(|(_, from)| Some(from.split_once(END)?.0));
    line.map(str::to_owned)
        .ok_or_else(|| format!("`{arguments}` expects no line of a heap"))
}
