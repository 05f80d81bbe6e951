//! How many there are of something, as a word: `{{#count …}}`.
//!
//! ```text
//! The plot has {{#count plot threads}} rows.
//! In each stage there are {{#count tests stage1-bump}} files of tests.
//! There are {{#count findings}} scripts in `findings`.
//! ```
//!
//! Of a plot its allocators are counted, or its programs if its rows are
//! programs. A plot for one stage has the stage's number behind its name.

use std::fs;
use std::path::Path;

use crate::{amount, plot};

/// What `plot threads` stands for.
///
/// # Errors
///
/// What is wrong with it.
pub fn value(root: &Path, arguments: &str) -> Result<String, String> {
    let words: Vec<_> = arguments.split_whitespace().collect();
    let count = match *words {
        ["plot", name] => plot::names(root, name, None)?.len(),
        ["plot", name, stage] => plot::names(root, name, Some(stage))?.len(),
        ["tests", stage] => files(root, &format!("{stage}/tests"), "rs")?,
        ["findings"] => files(root, "findings", "sh")?,
        _ => {
            return Err(format!(
                "`{{{{#count {arguments}}}}}` has other arguments: `plot name`, \
                 `plot name 3` (for stage 3), `tests stage1-bump`, `findings`"
            ));
        }
    };
    let word = amount::word(count).map(str::to_owned);
    Ok(word.unwrap_or_else(|| amount::number(count as u128)))
}

/// The files in a folder that end so.
fn files(root: &Path, folder: &str, end: &str) -> Result<usize, String> {
    let entries = fs::read_dir(root.join(folder))
        .map_err(|_| format!("there is no folder {folder}"))?;
    let paths = entries.flatten().map(|entry| entry.path());
    Ok(paths.filter(|it| it.extension().is_some_and(|it| it == end)).count())
}
