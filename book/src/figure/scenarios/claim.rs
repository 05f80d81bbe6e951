//! Is the claim true: real programs on a stack of chunks.

use super::Scenario;
use crate::captured;
use crate::figure::question::Ask;
use crate::figure::recorder::Recorder;
use crate::figure::{breath, ls, stage5};

/// Room for the five pages that the heap takes.
const ROOM: usize = 5 * 4096;

pub const SCENARIOS: [Scenario; 4] = [
    Scenario {
        name: "git-breathes",
        title: "git: how deep is the next free?",
        asks: &[(2, Ask::Drawn), (4, Ask::Drawn), (11, Ask::Drawn)],
        record: breath::record,
    },
    Scenario {
        name: "sqlite-one-late",
        title: "sqlite3: always one step late",
        asks: &[(3, Ask::Chunks), (5, Ask::Chunks), (7, Ask::Chunks)],
        record: || stage5::record(ROOM, sqlite),
    },
    Scenario {
        name: "perl-under-a-copy",
        title: "perl: the right order, under a copy",
        asks: &[(5, Ask::Chunks), (8, Ask::Chunks)],
        record: || stage5::record(ROOM, perl),
    },
    Scenario {
        name: "ls-pins",
        title: "`ls` on one stack: a buffer for each folder",
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
/// Blocks of one size in a row are one step. What was allocated before the first
/// line is left out.
fn replay(r: &mut Recorder<'_>, file: &str) {
    let captured = captured::parse(file).expect("a file of captured output");
    let lines: Vec<Vec<&str>> =
        captured.output.lines().map(|line| line.split(' ').collect()).collect();
    let mut live: Vec<String> = Vec::new();
    let is_alike = |one: &Vec<&str>, next: &Vec<&str>| {
        one[0] == "a" && next[0] == "a" && one[2] == next[2]
    };
    for run in lines.chunk_by(is_alike) {
        let names: Vec<String> =
            run.iter().map(|words| format!("b{}", words[1])).collect();
        match run[0][..] {
            ["a", _, size] => {
                allocate(r, &names, size.parse().expect("a number of bytes"));
                live.extend(names);
            }
            ["f", _] => {
                let Some(at) = live.iter().position(|it| *it == names[0])
                else {
                    continue;
                };
                r.free(&live.remove(at));
                r.note(match live.len() - at {
                    0 => "It was the newest.".to_owned(),
                    1 => "One that is in use lies above it: it waits.".into(),
                    above => format!(
                        "{above} that are in use lie above it: it waits."
                    ),
                });
            }
            _ => panic!("no line of a recording: {run:?}"),
        }
    }
}

fn allocate(r: &mut Recorder<'_>, names: &[String], size: usize) {
    match names {
        [name] => r.malloc(name, size),
        names => {
            let names: Vec<&str> = names.iter().map(|it| &it[..]).collect();
            r.malloc_each(&names, size);
        }
    }
}
