//! How many there are of something, as a word: `{{#count …}}`.
//!
//! ```text
//! The plot has {{#count plot threads}} rows.
//! In each stage there are {{#count tests stage1-bump}} files of tests.
//! There are {{#count findings}} scripts in `findings`.
//! There are {{#count misuse rows}} programs in front of {{#count misuse columns}} heaps.
//! {{#count misuse told: read after free}} of them say so.
//! ```
//!
//! Of a plot its allocators are counted, or its programs if its rows are
//! programs. A plot for one stage has the stage's number behind its name. Of the
//! table of misuses its programs or its heaps are counted, or the heaps for which
//! a row has a word.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::{amount, captured, plot};

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
        ["misuse", ..] => misuse(root, arguments)?,
        _ => {
            return Err(format!(
                "`{{{{#count {arguments}}}}}` has other arguments: `plot name`, \
                 `plot name 3` (for stage 3), `tests stage1-bump`, `findings`, \
                 `misuse rows`, `misuse columns`, `misuse told: a row`"
            ));
        }
    };
    let word = amount::word(count).map(str::to_owned);
    Ok(word.unwrap_or_else(|| amount::number(count as u128)))
}

/// What is counted in the table of misuses.
fn misuse(root: &Path, arguments: &str) -> Result<usize, String> {
    let path = "book/captured/misuse.txt";
    let text = fs::read_to_string(root.join(path))
        .map_err(|_| format!("{path} is not there"))?;
    let output = captured::parse(&text).map_err(|it| format!("{path} {it}"))?;
    // The table is in two parts, one below the other, with the same rows.
    let lines = || output.output.lines().filter_map(row);
    let first = lines().next().map_or("", |(name, _)| name);
    let what = arguments.trim_start_matches("misuse").trim();
    match what.split_once(": ") {
        None if what == "rows" => {
            Ok(lines().map(|(name, _)| name).collect::<BTreeSet<_>>().len())
        }
        None if what == "columns" => Ok(lines()
            .filter(|(name, _)| *name == first)
            .map(|(_, cells)| cells.len())
            .sum()),
        Some((word, wanted)) if lines().any(|(name, _)| name == wanted) => {
            let cells = lines().filter(|(name, _)| *name == wanted);
            let cells = cells.flat_map(|(_, cells)| cells);
            Ok(cells.filter(|it| *it == word).count())
        }
        _ => Err(format!("{path} has no `{what}`")),
    }
}

/// The name of a row, and its cells. What heads the columns has no name.
fn row(line: &str) -> Option<(&str, Vec<&str>)> {
    let (name, cells) = line.split_once("  ")?;
    let cells = cells.split_whitespace().collect();
    (!name.is_empty()).then_some((name, cells))
}

/// The files in a folder that end so.
fn files(root: &Path, folder: &str, end: &str) -> Result<usize, String> {
    let entries = fs::read_dir(root.join(folder))
        .map_err(|_| format!("there is no folder {folder}"))?;
    let paths = entries.flatten().map(|entry| entry.path());
    Ok(paths.filter(|it| it.extension().is_some_and(|it| it == end)).count())
}
