//! What is remembered in a copy to practise on: which hints were shown, and
//! what was done when it was last looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// The file in the copy.
const FILE: &str = "progress.json";

/// What is remembered of a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many hints were shown, by the name of a milestone or the number of
    /// an exercise.
    pub hints: BTreeMap<String, usize>,
    /// The milestones and exercises that were done at the last check; `None` if
    /// there was none.
    pub done: Option<BTreeSet<String>>,
    /// Those that were done at any check.
    pub once: BTreeSet<String>,
}

impl Progress {
    /// What the copy in `folder` remembers. A file that says nothing that can
    /// be read is as good as none: what it had can be had again.
    pub fn of(folder: &Path) -> Self {
        let text = fs::read_to_string(file(folder)).unwrap_or_default();
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let hints = value["hints"].as_object().into_iter().flatten();
        let hints = hints.filter_map(|(name, count)| {
            Some((name.clone(), usize::try_from(count.as_u64()?).ok()?))
        });
        let names = |of: &str| {
            let names = value[of].as_array()?.iter().filter_map(Value::as_str);
            Some(names.map(str::to_owned).collect::<BTreeSet<_>>())
        };
        let once = names("once").unwrap_or_default();
        Self { hints: hints.collect(), done: names("done"), once }
    }

    /// Remembers it in the copy in `folder`.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn keep(&self, folder: &Path) -> Result<()> {
        let value = json!({
            "hints": self.hints,
            "done": self.done,
            "once": self.once,
        });
        let file = file(folder);
        fs::write(&file, format!("{value:#}\n"))
            .with_context(|| format!("cannot write {}", file.display()))
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join(FILE)
}
