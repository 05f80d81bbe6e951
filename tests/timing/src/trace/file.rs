//! Traces in few bytes.
//!
//! A file starts with lines that say what it is, like captured output, and an
//! empty line. The rest is compressed with deflate. Inside are five columns,
//! each with its length in front:
//!
//! 1. a byte for each event: what it is, whether the thread is another one
//!    than before, and whether there is an alignment;
//! 2. the thread, each time that it changes;
//! 3. sizes;
//! 4. alignments, as powers of two;
//! 5. blocks: how many have been allocated since.
//!
//! What is freed soon has a small number there, and small numbers are short: a
//! number is written seven bits at a time, the lowest first, and a byte's
//! eighth bit says that more follows.

use std::fmt::Write;

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec;

use super::{Event, Trace, What, check};

const ALLOCATE: u8 = 0;
const RESIZE: u8 = 1;
const FREE: u8 = 2;
const KIND: u8 = 3;

/// Flags beside the kind.
const OTHER_THREAD: u8 = 4;
const ALIGNED: u8 = 8;

/// As small as it gets.
const LEVEL: u8 = 10;

/// The file for a trace.
pub fn write(trace: &Trace) -> Vec<u8> {
    let mut file = String::new();
    let threads = super::threads(&trace.events);
    for (key, value) in [
        ("command", &trace.command),
        ("system", &trace.system),
        ("date", &trace.date),
        ("events", &trace.events.len().to_string()),
        ("threads", &threads.to_string()),
    ] {
        writeln!(file, "# {key}: {value}").expect("a string takes it all");
    }
    file += "\n";
    let mut file = file.into_bytes();
    file.extend(compress_to_vec(&columns(&trace.events), LEVEL));
    file
}

/// Reads a file.
///
/// # Errors
///
/// What is wrong with it, as a sentence.
pub fn read(file: &[u8]) -> Result<Trace, String> {
    let end = file.windows(2).position(|two| two == b"\n\n");
    let end = end.ok_or("there is no empty line after the first ones")?;
    let about = str::from_utf8(&file[..end]).map_err(|e| e.to_string())?;
    let value = |key: &str| {
        let start = format!("# {key}: ");
        let found = about.lines().find_map(|line| line.strip_prefix(&start));
        found.map(str::to_owned).ok_or(format!("there is no `{start}`"))
    };
    let columns = decompress_to_vec(&file[end + 2..])
        .map_err(|error| format!("it cannot be decompressed: {error}"))?;
    let events = events(&columns).ok_or("it is not whole")?;
    check(&events)?;
    if value("events")? != events.len().to_string() {
        return Err(format!("it has {} events", events.len()));
    }
    Ok(Trace {
        command: value("command")?,
        system: value("system")?,
        date: value("date")?,
        events,
    })
}

fn columns(events: &[Event]) -> Vec<u8> {
    let [mut kinds, mut threads, mut sizes, mut aligns, mut ages] =
        [const { Vec::new() }; 5];
    let mut last = 0;
    let mut blocks = 0_u32;
    for event in events {
        let mut kind = match event.what {
            What::Allocate { size, align } => {
                blocks += 1;
                push(&mut sizes, size);
                if let Some(align) = align {
                    push(&mut aligns, align.ilog2().into());
                    ALLOCATE | ALIGNED
                } else {
                    ALLOCATE
                }
            }
            What::Resize { block, size } => {
                push(&mut sizes, size);
                push(&mut ages, (blocks - block).into());
                RESIZE
            }
            What::Free { block } => {
                push(&mut ages, (blocks - block).into());
                FREE
            }
        };
        if event.thread != last {
            kind |= OTHER_THREAD;
            push(&mut threads, event.thread.into());
            last = event.thread;
        }
        kinds.push(kind);
    }
    let mut all = Vec::new();
    for column in [kinds, threads, sizes, aligns, ages] {
        push(&mut all, column.len() as u64);
        all.extend(column);
    }
    all
}

fn events(mut all: &[u8]) -> Option<Vec<Event>> {
    let mut column = || {
        let length = pull(&mut all)?;
        let (column, rest) = all.split_at_checked(length.try_into().ok()?)?;
        all = rest;
        Some(column)
    };
    let kinds = column()?;
    let [mut threads, mut sizes, mut aligns, mut ages] =
        [column()?, column()?, column()?, column()?];
    let mut events = Vec::with_capacity(kinds.len());
    let mut thread = 0;
    let mut blocks = 0_u32;
    for &kind in kinds {
        if kind & OTHER_THREAD != 0 {
            thread = pull(&mut threads)?.try_into().ok()?;
        }
        let mut block =
            || blocks.checked_sub(pull(&mut ages)?.try_into().ok()?);
        let what = match kind & KIND {
            ALLOCATE => {
                let size = pull(&mut sizes)?;
                let align = if kind & ALIGNED != 0 {
                    let log = pull(&mut aligns)?.try_into().ok()?;
                    Some(1_u64.checked_shl(log)?)
                } else {
                    None
                };
                blocks += 1;
                What::Allocate { size, align }
            }
            RESIZE => What::Resize { block: block()?, size: pull(&mut sizes)? },
            FREE => What::Free { block: block()? },
            _ => return None,
        };
        events.push(Event { thread, what });
    }
    Some(events)
}

fn push(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 128 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn pull(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 127) << shift;
        if byte < 128 {
            return Some(number);
        }
    }
    None
}
