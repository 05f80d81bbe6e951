//! The format of the malloc lab, which many courses on systems use.
//!
//! Four lines (a size for the heap, how many blocks, how many operations, a
//! weight), then a line for each operation: `a block bytes`, `r block bytes`,
//! `f block`. It knows nothing of threads and alignments. On request they stand
//! at the end of the lines, for programs that read line by line; the lab's own
//! reads word by word and would trip over them.

use std::io::{self, BufRead, Write};

use super::{Event, What, check};

/// What the lines hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// What the malloc lab knows.
    Plain,
    /// The thread behind that, and for an `a` the alignment, or 0.
    WithThreads,
}

/// Writes a list of events.
///
/// # Errors
///
/// If `out` cannot be written to.
pub fn write(
    events: &[Event],
    fields: Fields,
    out: &mut impl Write,
) -> io::Result<()> {
    // The heap's size is for readers that want one; the weight counts a trace
    // once for memory and once for time.
    let blocks = super::blocks(events);
    writeln!(out, "0\n{blocks}\n{}\n1", events.len())?;
    let mut next = 0;
    for event in events {
        let thread = event.thread;
        let (line, more) = match event.what {
            What::Allocate { size, align } => {
                next += 1;
                let align = align.unwrap_or(0);
                let line = format!("a {} {size}", next - 1);
                (line, format!(" {thread} {align}"))
            }
            What::Resize { block, size } => {
                (format!("r {block} {size}"), format!(" {thread}"))
            }
            What::Free { block } => {
                (format!("f {block}"), format!(" {thread}"))
            }
        };
        match fields {
            Fields::Plain => writeln!(out, "{line}")?,
            Fields::WithThreads => writeln!(out, "{line}{more}")?,
        }
    }
    Ok(())
}

/// Reads a list of events, with or without threads. The numbers of its blocks
/// are in the order in which they are allocated.
///
/// # Errors
///
/// What is wrong with it, as a sentence.
pub fn read(file: impl BufRead) -> Result<Vec<Event>, String> {
    let mut events = Vec::new();
    let mut blocks = 0;
    for (index, line) in file.lines().enumerate().skip(4) {
        let line = line.map_err(|error| error.to_string())?;
        let event = event(&line, &mut blocks);
        let number = index + 1;
        events.push(event.ok_or(format!("line {number} is `{line}`"))?);
    }
    check(&events)?;
    Ok(events)
}

fn event(line: &str, blocks: &mut u32) -> Option<Event> {
    let mut words = line.split_ascii_whitespace();
    let kind = words.next()?;
    let mut numbers = words.map(|word| word.parse::<u64>().ok());
    let block = numbers.next()??.try_into().ok()?;
    let size = if kind == "f" { 0 } else { numbers.next()?? };
    let thread = numbers.next().unwrap_or(Some(0))?.try_into().ok()?;
    let align = numbers.next().unwrap_or(Some(0))?;
    let what = match kind {
        "a" if block == *blocks => {
            *blocks += 1;
            let align = Some(align).filter(|&align| align != 0);
            What::Allocate { size, align }
        }
        "r" => What::Resize { block, size },
        "f" => What::Free { block },
        _ => return None,
    };
    Some(Event { thread, what })
}
