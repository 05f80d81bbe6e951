//! The format of the malloc lab, which many courses on systems use.
//!
//! Four lines (a size for the heap, how many blocks, how many operations, a
//! weight), then a line for each operation: `a block bytes`, `r block bytes`,
//! `f block`. It knows nothing of threads and alignments. On request they stand
//! at the end of the lines, for programs that read line by line; the lab's own
//! reads word by word and would trip over them.
//!
//! Files of courses are less tidy than what is written here. Blocks have any
//! numbers, in any order, and a number is used again once its block was freed;
//! an `r` of a number that is not in use is an `a`, as realloc(3) of null is;
//! lines end with `\r\n`; and the first lines count otherwise than there are
//! lines.

use std::collections::HashMap;
use std::io::{self, BufRead, Write};

use super::{Event, What};

/// No block is larger. Who writes so had a digit too many.
const LARGEST: u64 = 1 << 40;

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

/// Reads a list of events, with or without threads. Its blocks get new numbers,
/// in the order in which they are allocated.
///
/// # Errors
///
/// What is wrong with it, and in which line, as a sentence.
pub fn read(file: impl BufRead) -> Result<Vec<Event>, String> {
    let mut reader = Reader::default();
    let mut is_begun = false;
    for (index, line) in file.lines().enumerate() {
        let at = |why| format!("line {}: {why}", index + 1);
        let line = line.map_err(|_| at("this is no text".to_owned()))?;
        let line = line.trim();
        // What the first lines count is counted here.
        let is_count = !is_begun && line.parse::<u64>().is_ok();
        if line.is_empty() || is_count {
            continue;
        }
        is_begun = true;
        reader.line(line).map_err(at)?;
    }
    match is_begun {
        true => Ok(reader.events),
        false => Err("there is no operation in it".to_owned()),
    }
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    events: Vec<Event>,
    /// The blocks that are alive: the number in the file, and ours.
    alive: HashMap<u64, u32>,
    /// How many blocks there were.
    blocks: u32,
    /// How many threads there were.
    threads: u32,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let mut words = line.split_ascii_whitespace();
        let kind = words.next().unwrap_or_default();
        let count = match kind {
            "a" => 2..=4,
            "r" => 2..=3,
            "f" => 1..=2,
            _ => return Err(format!("`{line}` is no operation")),
        };
        let mut numbers = Vec::new();
        for word in words {
            let number = word.parse::<u64>();
            numbers.push(number.map_err(|_| format!("`{word}` is no number"))?);
        }
        if !count.contains(&numbers.len()) {
            let few = numbers.len() < *count.start();
            let how = if few { "few" } else { "many" };
            return Err(format!("`{line}` has too {how} numbers"));
        }
        let number = |index: usize| numbers.get(index).copied().unwrap_or(0);
        let (block, size) = (number(0), number(1));
        if kind != "f" && size > LARGEST {
            return Err(format!("no block has {size} bytes"));
        }
        let thread = number(if kind == "f" { 1 } else { 2 });
        let what = match kind {
            "a" => self.allocate(block, size, number(3))?,
            "r" => self.resize(block, size)?,
            _ => self.free(block)?,
        };
        let thread = self.thread(thread)?;
        self.events.push(Event { thread, what });
        Ok(())
    }

    fn allocate(
        &mut self,
        block: u64,
        size: u64,
        align: u64,
    ) -> Result<What, String> {
        if self.alive.contains_key(&block) {
            return Err(format!("block {block} is in use already"));
        }
        if align != 0 && !align.is_power_of_two() {
            return Err(format!("{align} is no power of two"));
        }
        self.alive.insert(block, self.blocks);
        self.blocks += 1;
        Ok(What::Allocate { size, align: Some(align).filter(|&it| it != 0) })
    }

    fn resize(&mut self, block: u64, size: u64) -> Result<What, String> {
        match self.alive.get(&block) {
            Some(&block) => Ok(What::Resize { block, size }),
            None => self.allocate(block, size, 0),
        }
    }

    fn free(&mut self, block: u64) -> Result<What, String> {
        let alive = self.alive.remove(&block);
        let none = || format!("block {block} is not in use");
        Ok(What::Free { block: alive.ok_or_else(none)? })
    }

    /// Threads have numbers in the order of their first events.
    fn thread(&mut self, thread: u64) -> Result<u32, String> {
        let thread = u32::try_from(thread).ok();
        let known = thread.filter(|&thread| thread <= self.threads);
        let thread = known.ok_or("a thread is numbered out of order")?;
        self.threads = self.threads.max(thread + 1);
        Ok(thread)
    }
}
