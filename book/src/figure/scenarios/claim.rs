//! Is the claim true: real programs on a stack of chunks.

use super::Scenario;
use crate::captured;
use crate::figure::question::Ask;
use crate::figure::recorder::Recorder;
use crate::figure::{ls, stage5};

/// Room for the five pages that the heap takes.
const ROOM: usize = 5 * 4096;

pub const SCENARIOS: [Scenario; 3] = [
    Scenario {
        name: "sqlite-one-late",
        title: "sqlite3: always one step late",
        asks: &[(3, Ask::Chunks), (5, Ask::Chunks), (7, Ask::Chunks)],
        record: || stage5::record(ROOM, sqlite),
    },
    Scenario {
        name: "perl-under-a-copy",
        title: "perl: the right order, under a copy",
        asks: &[(11, Ask::Chunks), (14, Ask::Chunks)],
        record: || stage5::record(ROOM, perl),
    },
    Scenario {
        name: "ls-pins",
        title: "ls on one stack: a buffer for each folder",
        asks: &[(3, Ask::Drawn), (5, Ask::Drawn), (9, Ask::Drawn)],
        record: ls::record,
    },
];

fn sqlite(r: &mut Recorder<'_>) {
    replay(r, include_str!("../../../captured/trace-sqlite3.txt"));
}

fn perl(r: &mut Recorder<'_>) {
    replay(r, include_str!("../../../captured/trace-perl.txt"));
}

/// Does what a program did, in the lines of its recording: `a 17 24`, `f 17`.
/// What was allocated before the first of them is left out.
fn replay(r: &mut Recorder<'_>, file: &str) {
    let captured = captured::parse(file).expect("a file of captured output");
    let mut live: Vec<String> = Vec::new();
    for line in captured.output.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["a", block, size] => {
                let name = format!("b{block}");
                let size = size.parse().expect("a number of bytes");
                r.malloc(&name, size);
                live.push(name);
            }
            ["f", block] => {
                let name = format!("b{block}");
                let Some(at) = live.iter().position(|it| *it == name) else {
                    continue;
                };
                r.free(&name);
                live.remove(at);
                r.note(match live.len() - at {
                    0 => "It was the newest.".to_owned(),
                    1 => "One that is in use lies above it: it waits.".into(),
                    above => format!(
                        "{above} that are in use lie above it: it waits."
                    ),
                });
            }
            _ => panic!("no line of a recording: {line}"),
        }
    }
}
