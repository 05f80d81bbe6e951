//! How many there are of something, as a word: `{{#count …}}`.
//!
//! ```text
//! The plot has {{#count plot threads}} rows.
//! In each stage there are {{#count tests stage1-bump}} files of tests.
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
        ["tests", stage] => tests(root, stage)?,
        _ => {
            return Err(format!(
                "`{{{{#count {arguments}}}}}` has other arguments: `plot name`, \
                 `plot name 3` (for stage 3), `tests stage1-bump`"
            ));
        }
    };
    let word = amount::word(count).map(str::to_owned);
    Ok(word.unwrap_or_else(|| amount::number(count as u128)))
}

/// The files of tests that a stage has.
fn tests(root: &Path, stage: &str) -> Result<usize, String> {
    let entries = fs::read_dir(root.join(stage).join("tests"))
        .map_err(|_| format!("there is no folder {stage}/tests"))?;
    let paths = entries.flatten().map(|entry| entry.path());
    Ok(paths.filter(|it| it.extension().is_some_and(|it| it == "rs")).count())
}
