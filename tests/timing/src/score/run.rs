//! The program that has two heaps do traces, and prints what came of it: lines
//! of words with tabs between them, for `cargo run -- score` to read.

use std::io::{self, BufReader, Write};
use std::path::Path;
use std::{env, fs};

use super::check::{Memory, check};
use super::time::{compare, own_time};
use super::{Allocator, Region};
use crate::trace::{Event, file, rep};

/// Does what the command line says: `check FILE …` or `time FILE …`. Each line
/// that is printed begins with the number of the file. The first one of a file
/// comes before it is begun.
///
/// # Panics
///
/// If the command line is wrong: it is written by a program.
pub fn main<Y: Allocator, O: Allocator>(
    yours: impl Fn(Region) -> Y,
    ours: impl Fn(Region) -> O,
) {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (what, files) = arguments.split_first().expect("check or time");
    for (number, path) in files.iter().enumerate() {
        say(&format!("{number}\tbegin"));
        let events = match events(Path::new(path)) {
            Ok(events) => events,
            Err(why) => {
                say(&format!("{number}\tunread\t{why}"));
                continue;
            }
        };
        let result = match &what[..] {
            "check" => checked(&events, &yours, &ours),
            _ => timed(&events, &yours, &ours),
        };
        say(&format!("{number}\t{result}"));
    }
}

/// A line, at once: the heap may end the program.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    let said = writeln!(out, "{line}").and_then(|()| out.flush());
    said.expect("somebody listens");
}

/// The events of a recording, or of a trace of the malloc lab.
fn events(path: &Path) -> Result<Vec<Event>, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let events = match path.extension().is_some_and(|it| it == "trace") {
        true => file::read(&bytes)?.events,
        false => rep::read(BufReader::new(&bytes[..]))?,
    };
    Region::check(&events)?;
    Ok(events)
}

/// A heap that takes so many times as long as the other to be checked is
/// checked no further.
const PATIENCE: f64 = 4.0;

fn checked<Y: Allocator, O: Allocator>(
    events: &[Event],
    yours: &impl Fn(Region) -> Y,
    ours: &impl Fn(Region) -> O,
) -> String {
    let book = |why| format!("unread\tstage 3 of the book: {why}");
    let start = own_time();
    let mut other = match needed(events, ours, || false) {
        Ok(memory) => memory,
        Err(why) => return book(why),
    };
    let limit = PATIENCE * (own_time() - start);
    let start = own_time();
    let mine = match needed(events, yours, || own_time() - start > limit) {
        Ok(memory) => memory,
        Err(why) => return format!("wrong\t{why}"),
    };
    if mine.operations < events.len() {
        // It was late. So far as it came, it can be compared.
        other = match needed(&events[..mine.operations], ours, || false) {
            Ok(memory) => memory,
            Err(why) => return book(why),
        };
    }
    format!("memory\t{}\t{}\t{}", mine.live, mine.heap, other.heap)
}

fn needed<A: Allocator>(
    events: &[Event],
    heap: &impl Fn(Region) -> A,
    is_late: impl Fn() -> bool,
) -> Result<Memory, String> {
    let region = Region::new(events);
    let seen = region.seen();
    check(events, &mut heap(region), &seen, is_late)
}

fn timed<Y: Allocator, O: Allocator>(
    events: &[Event],
    yours: &impl Fn(Region) -> Y,
    ours: &impl Fn(Region) -> O,
) -> String {
    match compare(events, yours, ours) {
        Some(it) => format!("time\t{}\t{}\t{}", it.yours, it.ours, it.speed),
        None => "slow".to_owned(),
    }
}
