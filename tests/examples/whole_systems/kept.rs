//! What is kept of a run.

use std::fs;
use std::path::PathBuf;

use timing::results;
use timing::workspace::workspace;

use crate::system::System;

/// What makes the file again.
const COMMAND: &str = "cargo run --release -p tests --example whole_systems";

/// What comes last may have spaces in it, and no commas.
const COLUMNS: [&str; 11] = [
    "suite",
    "heap",
    "step",
    "status",
    "printed",
    "seconds",
    "MiB",
    "ratio",
    "processes",
    "ours",
    "others",
];

/// A step under a heap.
pub struct Row {
    pub heap: String,
    pub step: String,
    /// How the step ended: 0 is well.
    pub status: String,
    /// Whether it printed the same as under glibc.
    pub same: String,
    /// How long a processor worked for it.
    pub seconds: String,
    /// The most memory that one of its processes had.
    pub mib: String,
    /// The same, where glibc's is 1.
    pub ratio: String,
    /// How many processes were seen, or programs asked.
    pub processes: usize,
    /// How many of them had our heap.
    pub on_ours: usize,
    /// The names of the others.
    pub others: String,
}

impl Row {
    fn cells(&self, suite: &str) -> Vec<String> {
        let step = self.step.replace(',', "");
        vec![
            suite.to_owned(),
            self.heap.clone(),
            step,
            self.status.clone(),
            self.same.clone(),
            self.seconds.clone(),
            self.mib.clone(),
            self.ratio.clone(),
            self.processes.to_string(),
            self.on_ours.to_string(),
            self.others.clone(),
        ]
    }

    /// For who waits.
    pub fn line(&self, suite: &str) -> String {
        self.cells(suite).join(", ")
    }
}

/// The file.
fn file() -> PathBuf {
    workspace().join("tests/results/whole-systems.csv")
}

/// Writes the rows of a system in place of older ones, and what system it was.
pub fn keep(system: &System, rows: &[Row]) {
    let suite = system.suite();
    let old = fs::read_to_string(file()).unwrap_or_default();
    let mut about = vec![
        ("command".to_owned(), COMMAND.to_owned()),
        ("system".to_owned(), results::system()),
        ("machine".to_owned(), results::machine()),
    ];
    let of_others = |line: &&str| {
        let key = line.trim_start_matches("# ");
        let known = ["command", "system", "machine", "suite", suite];
        !known.iter().any(|it| {
            key.starts_with(&format!("{it}:"))
                || key.starts_with(&format!("{it},"))
        })
    };
    let kept: Vec<&str> = old.lines().filter(of_others).collect();
    let of_this = system.about().unwrap_or_else(|why| panic!("{why}"));
    let mut systems: Vec<(String, String)> = kept
        .iter()
        .filter_map(|line| line.strip_prefix("# ")?.split_once(": "))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    systems.push((suite.to_owned(), of_this));
    systems.sort();
    about.extend(systems);
    let mut cells: Vec<Vec<String>> = kept
        .iter()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect();
    cells.extend(rows.iter().map(|row| row.cells(suite)));
    // Stable: the steps stay in their order.
    cells.sort_by(|a, b| a[0].cmp(&b[0]));
    let about: Vec<(&str, String)> =
        about.iter().map(|(key, value)| (&**key, value.clone())).collect();
    let text = results::table(&about, &COLUMNS, &cells);
    fs::write(file(), text).expect("a file to write to");
}
