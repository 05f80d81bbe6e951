//! Facts of a heap, found by running it: `{{#ran …}}`.
//!
//! ```text
//! {{#ran stage2: a = malloc(100); b = malloc(100); free(a) -> used as bytes}}
//! {{#ran stage1: 10[1000[a = malloc(100)]; 1000[free(a)]] -> used as bytes}}
//! {{#ran stage3 steps: a = malloc(64); free(a) -> moves as word}}
//! ```
//!
//! The first word is the heap: `stage1`, `stage2`, `stage3`, `stage5`,
//! `per-thread`. Stage 3's has less than a step of its break to grow into,
//! unless `steps` stands behind it, and the segments of `per-thread` are small,
//! unless `segments` does. Then come the operations. A number in front
//! of brackets says how often what is in them is done. `free(a)` frees the
//! newest block called `a`, and `free(oldest a)` the oldest; `sbrk(n)` is
//! somebody else's. Behind the arrow stands what is asked for:
//!
//! - `used`: the bytes below the break. `peak`: the most that there were.
//! - `moves`: how often the break moved. `moved`: how far, at the last operation.
//! - `at a`: the address of a block. `usable a`: how many bytes it has.
//!   `from a to b`: how far the one is from the other. `behind a to b`: how many
//!   bytes lie between the last of the one and the start of the other.
//! - `list`: the list of the lowest free block.
//! - `free`, `largest`, `all-free`: how many free blocks there are, the bytes of
//!   the largest one, and of all.
//! - `chunks`: how many chunks are on stage 5's stack. `above a`: how many of
//!   them lie above one. `mapped`: mapped bytes.
//! - `fragmentation`: how much of what is free is not in the largest block.
//!
//! It is written as `{{#const …}}` writes a number, and an address as the
//! figures do.

use std::collections::BTreeMap;
use std::path::Path;

use crate::constant::written;
use crate::figure;
use play::program::{self, Line};
use play::recorder::Recorded;
use play::recording::{Chunk, Kind, Span, address, fragmentation};

/// What `stage2: a = malloc(100) -> used as bytes` stands for.
///
/// # Errors
///
/// What is wrong with it.
pub fn value(_root: &Path, arguments: &str) -> Result<String, String> {
    let (heap, program) = arguments
        .split_once(": ")
        .ok_or("`ran` needs a heap, a colon, and what is done with it")?;
    figure::with_heap(heap.trim(), |heap| value_on(heap, program))
        .unwrap_or_else(|| Err(format!("there is no heap `{heap}`")))
}

/// What a program finds on a heap of one's own: the part behind the colon.
///
/// # Errors
///
/// What is wrong with it.
pub fn value_on(
    heap: &mut dyn Recorded,
    program: &str,
) -> Result<String, String> {
    let (program, wanted) = program
        .split_once(" -> ")
        .ok_or("`ran` needs ` -> ` and what is asked for")?;
    let (wanted, how) = match wanted.split_once(" as ") {
        Some((wanted, how)) => (wanted.trim(), how.trim()),
        None => (wanted.trim(), "number"),
    };
    let view = heap.view();
    let start = view.start;
    let (used, peak) = (view.used, view.used);
    let blocks = BTreeMap::new();
    let mut run = Run { heap, start, used, peak, moves: 0, moved: 0, blocks };
    run.all(program)?;
    run.find(wanted, how)
}

struct Run<'h> {
    heap: &'h mut dyn Recorded,
    start: usize,
    used: usize,
    peak: usize,
    moves: u128,
    moved: usize,
    /// The blocks of each name, the oldest first.
    blocks: BTreeMap<String, Vec<*mut u8>>,
}

impl Run<'_> {
    /// Operations with semicolons between them.
    fn all(&mut self, program: &str) -> Result<(), String> {
        for part in parts(program)? {
            self.one(part)?;
        }
        Ok(())
    }

    fn one(&mut self, part: &str) -> Result<(), String> {
        if let Some((times, inner)) = part.split_once('[') {
            let times = times.trim();
            let times: usize = times
                .parse()
                .map_err(|_| format!("`{times}` is no number of times"))?;
            let inner = inner.strip_suffix(']').ok_or("a `[` without a `]`")?;
            for _ in 0..times {
                self.all(inner)?;
            }
            return Ok(());
        }
        self.operation(part)?;
        let used = self.heap.used();
        self.moved = used.abs_diff(self.used);
        self.moves += u128::from(self.moved > 0);
        self.used = used;
        self.peak = self.peak.max(used);
        Ok(())
    }

    /// A line of a program, as in [`play`].
    fn operation(&mut self, part: &str) -> Result<(), String> {
        if let Some(name) = oldest(part) {
            return self.free(name, true);
        }
        let (name, payload) = match program::parse_line(part)? {
            Line::Malloc { name, size } => (name, self.heap.malloc(size)),
            Line::Memalign { name, align, size } => {
                (name, self.heap.memalign(align, size))
            }
            Line::Realloc { name, old, size } => {
                let payload = self.take(&old, false)?;
                // SAFETY: it is a block of this heap, and the run has no other
                // use for it.
                let new = unsafe { self.heap.realloc(payload, size) };
                if new.is_null() {
                    self.give(&old, payload);
                }
                (name, new)
            }
            Line::Free { name, offset: 0 } => return self.free(&name, false),
            Line::Sbrk { bytes } => {
                self.heap.somebody_else_takes(bytes);
                return Ok(());
            }
            _ => return Err(format!("`ran` does not do `{part}`")),
        };
        self.give(&name, payload);
        Ok(())
    }

    fn free(&mut self, name: &str, is_oldest: bool) -> Result<(), String> {
        let payload = self.take(name, is_oldest)?;
        // SAFETY: it is a block of this heap, and nobody uses it any more.
        unsafe { self.heap.free(payload) };
        Ok(())
    }

    fn give(&mut self, name: &str, payload: *mut u8) {
        self.blocks.entry(name.to_owned()).or_default().push(payload);
    }

    /// A block that is not used again.
    fn take(&mut self, name: &str, is_oldest: bool) -> Result<*mut u8, String> {
        let none = || format!("there is no block `{name}`");
        let blocks = self.blocks.get_mut(name).ok_or_else(none)?;
        let payload = match is_oldest {
            true if !blocks.is_empty() => blocks.remove(0),
            _ => blocks.pop().ok_or_else(none)?,
        };
        match payload.is_null() {
            true => Err(format!("there was no room for `{name}`: it is null")),
            false => Ok(payload),
        }
    }

    fn block(&self, name: &str) -> Result<*mut u8, String> {
        let newest = self.blocks.get(name).and_then(|blocks| blocks.last());
        newest.copied().ok_or_else(|| format!("there is no block `{name}`"))
    }

    /// What is asked for, once all is done.
    fn find(&mut self, wanted: &str, how: &str) -> Result<String, String> {
        let view = self.heap.view();
        let is_free = |span: &&Span| span.kind == Kind::Free;
        let free = || view.spans.iter().filter(is_free).map(|it| it.len());
        let count = match wanted.split_once(' ').unwrap_or((wanted, "")) {
            ("at", name) => {
                let block = self.block(name)?;
                return Ok(match block.addr() {
                    0 => "null".to_owned(),
                    at => address(at - self.start),
                });
            }
            ("from", names) => {
                let (from, to) =
                    names.split_once(" to ").ok_or("from a to b")?;
                self.block(to)?.addr() - self.block(from)?.addr()
            }
            ("behind", names) => {
                let (from, to) =
                    names.split_once(" to ").ok_or("behind a to b")?;
                let from = self.block(from)?;
                // SAFETY: it is a block of this heap.
                let usable = unsafe { self.heap.usable_size(from) };
                self.block(to)?.addr() - (from.addr() + usable)
            }
            ("above", name) => {
                let start = self.block(name)?.addr() - self.start;
                let chunks = view.chunks.ok_or("it has no chunks")?;
                let is_it = |it: &Chunk| it.start == Some(start);
                let at = chunks.iter().position(is_it);
                chunks.len() - 1 - at.ok_or("it is not on the stack")?
            }
            ("list", "") => {
                let free = view.spans.iter().find(is_free);
                let none = || "nothing is free".to_owned();
                return Ok(free.ok_or_else(none)?.label.clone());
            }
            ("usable", name) => {
                let payload = self.block(name)?;
                // SAFETY: it is a block of this heap.
                unsafe { self.heap.usable_size(payload) }
            }
            ("used", "") => view.used,
            ("peak", "") => self.peak,
            ("moved", "") => self.moved,
            ("moves", "") => return written(self.moves, how),
            ("free", "") => free().count(),
            ("largest", "") => free().max().unwrap_or(0),
            ("all-free", "") => free().sum(),
            ("fragmentation", "") => {
                let none = "nothing is free".to_owned();
                return fragmentation(&view.spans).ok_or(none);
            }
            ("chunks", "") => {
                view.chunks.ok_or("it has no chunks")?.len().saturating_sub(1)
            }
            ("mapped", "") => view.mapped.ok_or("nothing is mapped there")?,
            _ => return Err(format!("`ran` cannot tell `{wanted}`")),
        };
        written(count as u128, how)
    }
}

/// The parts between semicolons that are in no brackets.
fn parts(program: &str) -> Result<Vec<&str>, String> {
    let (mut depth, mut start) = (0_usize, 0);
    let mut parts = Vec::new();
    for (at, letter) in program.char_indices() {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.checked_sub(1).ok_or("a `]` too many")?,
            ';' if depth == 0 => {
                parts.push(program[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(program[start..].trim());
    Ok(parts)
}

/// The name in `free(oldest name)`.
fn oldest(part: &str) -> Option<&str> {
    part.strip_prefix("free(oldest ")?.strip_suffix(')')
}
