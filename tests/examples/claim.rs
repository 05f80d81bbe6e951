//! Asks the recordings whether what was allocated last is freed first, and
//! writes the answers to `tests/bench/results/claim.csv` and
//! `claim-depths.csv`.
//!
//! ```text
//! cargo run --release -p tests --example claim
//! ```
//!
//! It needs Linux with glibc, whose malloc it measures too.

use std::fs;
use std::path::Path;
use std::process::Command;

use book::plot::table::Table;
use tests::captures::system;
use tests::run::command;
use tests::trace::Trace;
use tests::trace::claim::{COLUMNS, DEPTHS, GLIBC, file, rows};
use tests::trace::programs::RECORDINGS;
use tests::workspace::{build_example, workspace};

fn main() {
    let mut claim = table(COLUMNS.iter().chain([&GLIBC]));
    let mut depths = table(DEPTHS.iter());
    for recording in &RECORDINGS {
        let name = recording.name;
        println!("{name}");
        let (mut row, bars) = rows(name, &Trace::load(name));
        row.push(glibc_heap(name));
        claim.rows.push(row);
        depths.rows.extend(bars);
    }
    for (name, table) in [("claim", claim), ("claim-depths", depths)] {
        let file = file(name);
        fs::write(&file, table.to_string()).expect("the folder is there");
    }
}

/// A table without rows, with what there is to know about it.
fn table<'a>(columns: impl Iterator<Item = &'a &'a str>) -> Table {
    let about = [
        ("command", "cargo run --release -p tests --example claim".into()),
        ("system", system()),
        ("machine", machine()),
        ("date", printed("date", &["-u", "+%F"])),
        ("commit", printed("git", &["describe", "--always", "--dirty"])),
    ];
    Table {
        about: about.map(|(key, value)| (key.to_owned(), value)).into(),
        columns: columns.map(|&column| column.to_owned()).collect(),
        rows: Vec::new(),
    }
}

/// The processor.
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    let model =
        model.map_or("unknown", |line| line.trim_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // A comma would be fine here, and is not needed.
    format!("{model}; {cores} cores")
}

/// What a command prints, in one line.
fn printed(program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .current_dir(workspace())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// How much memory the C library's malloc needs for the recording. In a
/// process of its own: nothing else may be on that heap.
fn glibc_heap(name: &str) -> String {
    let mut program = command(build_example("glibc_heap"), Path::new("/"));
    program.arg(name);
    let output = program.output().expect("the program starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
