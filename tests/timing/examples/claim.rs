//! Asks the recordings whether what was allocated last is freed first, and
//! writes the answers to `tests/bench/results/claim.csv` and
//! `claim-depths.csv`.
//!
//! ```text
//! cargo run --release -p timing --example claim
//! ```
//!
//! It needs Linux with glibc, whose malloc it measures too.

use std::fs;
use std::path::Path;

use timing::results::{commit, date, machine, system, table};
use timing::run::command;
use timing::trace::Trace;
use timing::trace::claim::{COLUMNS, DEPTHS, GLIBC, file, rows};
use timing::trace::programs::RECORDINGS;
use timing::workspace::build_example;

fn main() {
    let (mut claim, mut depths) = (Vec::new(), Vec::new());
    for recording in &RECORDINGS {
        let name = recording.name;
        println!("{name}");
        let (mut row, bars) = rows(name, &Trace::load(name));
        row.push(glibc_heap(name));
        claim.push(row);
        depths.extend(bars);
    }
    keep("claim", &[&COLUMNS[..], &[GLIBC]].concat(), &claim);
    keep("claim-depths", &DEPTHS, &depths);
}

/// Writes a table, and what there is to know about it.
fn keep(name: &str, columns: &[&str], rows: &[Vec<String>]) {
    let about = [
        ("command", "cargo run --release -p timing --example claim".into()),
        ("system", system()),
        ("machine", machine()),
        ("date", date()),
        ("commit", commit()),
    ];
    fs::write(file(name), table(&about, columns, rows))
        .expect("the folder is there");
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
