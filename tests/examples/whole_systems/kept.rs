//! What is kept of a run.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use tests::root::SUITES;
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
    let (about, old): (Vec<&str>, Vec<&str>) =
        old.lines().partition(|line| line.starts_with('#'));
    let this = system.about().unwrap_or_else(|why| panic!("{why}"));
    let mut systems: BTreeMap<&str, &str> = about
        .iter()
        .filter_map(|line| line.strip_prefix("# ")?.split_once(": "))
        .filter(|(key, _)| SUITES.contains(key))
        .collect();
    systems.insert(suite, &this);
    let mut about = vec![
        ("command", COMMAND.to_owned()),
        ("system", results::system()),
        ("machine", results::machine()),
    ];
    about.extend(systems.iter().map(|(key, it)| (*key, (*it).to_owned())));
    // In place of a row about the same, where that stands.
    let mut cells: Vec<Vec<String>> = old
        .iter()
        .skip(1)
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect();
    for row in rows.iter().map(|row| row.cells(suite)) {
        match cells.iter_mut().find(|it| it[..3] == row[..3]) {
            Some(old) => *old = row,
            None => cells.push(row),
        }
    }
    // The suites in their order. Within one, the steps stay in theirs.
    cells.sort_by_key(|it| SUITES.iter().position(|suite| *suite == it[0]));
    let text = results::table(&about, &COLUMNS, &cells);
    fs::write(file(), text).expect("a file to write to");
}
