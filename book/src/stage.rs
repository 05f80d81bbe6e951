//! The stages: the folders `stageN-…` beside the book.

use std::fs;
use std::path::{Path, PathBuf};

use crate::problem::list;

/// The crate of one stage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stage {
    /// Its number, from 1 on.
    pub number: u32,
    /// The name of its folder, and of its crate.
    pub name: String,
    /// Where it lies.
    pub folder: PathBuf,
}

/// The stages that lie in `root`, in order.
pub fn all(root: &Path) -> Vec<Stage> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut stages: Vec<_> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let (number, _) = name.strip_prefix("stage")?.split_once('-')?;
            let number = number.parse().ok()?;
            Some(Stage { number, name, folder: entry.path() })
        })
        .filter(|stage| stage.folder.join("Cargo.toml").is_file())
        .collect();
    stages.sort();
    stages
}

/// The stage with this number.
///
/// # Errors
///
/// A sentence that says which stages there are, if it is none of them.
pub fn find(root: &Path, number: &str) -> Result<Stage, String> {
    let stages = all(root);
    let numbers: Vec<_> =
        stages.iter().map(|stage| stage.number.to_string()).collect();
    let numbers: Vec<_> = numbers.iter().map(String::as_str).collect();
    let missing = || {
        format!("there is no stage `{number}`. There is: {}", list(&numbers))
    };
    let wanted = numbers.iter().position(|&known| known == number);
    wanted.map(|index| stages[index].clone()).ok_or_else(missing)
}

/// The command that runs the tests of a copy to practise on.
pub fn test_command(stage: u32) -> String {
    format!("cargo test --manifest-path practice/stage{stage}/Cargo.toml")
}
