//! What is kept of a run.

use std::collections::BTreeMap;
use std::fs;

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

/// A step of the project itself in a system.
pub struct Visit {
    pub name: &'static str,
    /// As of a row.
    pub status: String,
    /// How many tests have passed, have failed, and were passed over.
    pub passed: u64,
    pub failed: u64,
    pub ignored: u64,
}

impl Visit {
    /// Whether it ended well.
    pub fn is_well(&self) -> bool {
        self.status == "0" && self.failed == 0
    }

    fn cells(&self, suite: &str) -> Vec<String> {
        let counts = [self.passed, self.failed, self.ignored];
        let words = [suite, "project", self.name, &self.status];
        let words = words.map(str::to_owned).into_iter();
        words.chain(counts.map(|it| it.to_string())).collect()
    }
}

/// The columns of what is kept of the project itself.
const OF_THE_PROJECT: [&str; 7] =
    ["suite", "heap", "step", "status", "passed", "failed", "ignored"];

/// Keeps what the project did in a system.
pub fn keep_project(system: &System, visits: &[Visit]) {
    let rows: Vec<_> =
        visits.iter().map(|it| it.cells(system.suite())).collect();
    let command = format!("{COMMAND} -- project");
    keep_in("whole-projects", &command, &OF_THE_PROJECT, system, rows);
}

/// Keeps what a system did on our heaps.
pub fn keep(system: &System, rows: &[Row]) {
    let rows = rows.iter().map(|row| row.cells(system.suite())).collect();
    keep_in("whole-systems", COMMAND, &COLUMNS, system, rows);
}

/// Writes the rows of a system in place of older ones, which system it was, and
/// which commit it had.
fn keep_in(
    name: &str,
    command: &str,
    columns: &[&str],
    system: &System,
    rows: Vec<Vec<String>>,
) {
    let file = workspace().join(format!("tests/results/{name}.csv"));
    let suite = system.suite();
    let old = fs::read_to_string(&file).unwrap_or_default();
    let (about, old): (Vec<&str>, Vec<&str>) =
        old.lines().partition(|line| line.starts_with('#'));
    let this = system.about().unwrap_or_else(|why| panic!("{why}"));
    let made = format!("{}, commit {}", results::date(), results::commit());
    let made_key = format!("{suite} made");
    let mut systems: BTreeMap<&str, &str> = about
        .iter()
        .filter_map(|line| line.strip_prefix("# ")?.split_once(": "))
        .filter(|(key, _)| {
            SUITES.contains(&key.strip_suffix(" made").unwrap_or(key))
        })
        .collect();
    systems.insert(suite, &this);
    systems.insert(&made_key, &made);
    let mut about = vec![
        ("command", command.to_owned()),
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
    for row in rows {
        match cells.iter_mut().find(|it| it[..3] == row[..3]) {
            Some(old) => *old = row,
            None => cells.push(row),
        }
    }
    // The suites in their order. Within one, the steps stay in theirs.
    cells.sort_by_key(|it| SUITES.iter().position(|suite| *suite == it[0]));
    let text = results::table(&about, columns, &cells);
    fs::write(file, text).expect("a file to write to");
}
