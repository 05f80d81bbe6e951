//! Whether a heap does a trace right, and how much memory it needs for it.

use std::collections::BTreeMap;
use std::slice;

use super::{Allocator, Block, Seen, bytes};
use crate::trace::{Event, What};

/// What a heap needs for a trace, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// How many operations were done: all, if it was not late.
    pub operations: usize,
    /// The most that was in blocks at one time.
    pub live: usize,
    /// How far the break rose at most.
    pub heap: usize,
}

/// One of so many blocks comes from `calloc`.
const CALLOC: usize = 5;

/// After so many operations one looks at the clock.
const SOME: usize = 256;

/// Does a trace. Each block is filled when it is new, and looked at before it
/// is resized or freed, or at the end. Where it is late, it ends.
///
/// # Errors
///
/// What the heap does wrong first, and at which operation.
pub fn check(
    events: &[Event],
    heap: &mut impl Allocator,
    seen: &Seen,
    is_late: impl Fn() -> bool,
) -> Result<Memory, String> {
    let (blocks, places, now, most) = Default::default();
    let mut checker = Checker { heap, seen, blocks, places, now, most };
    let operations = checker.all(events, &is_late)?;
    if operations == events.len() {
        checker.rest(&is_late)?;
    }
    Ok(Memory { operations, live: checker.most, heap: seen.most.get() })
}

struct Checker<'h, A> {
    heap: &'h mut A,
    seen: &'h Seen,
    /// By their numbers, those that are alive.
    blocks: Vec<Option<Block>>,
    /// Where they start and end.
    places: BTreeMap<usize, usize>,
    /// How many bytes are in them, now and at most.
    now: usize,
    most: usize,
}

impl<A: Allocator> Checker<'_, A> {
    /// Does all operations, or as many as there is time for: how many.
    fn all(
        &mut self,
        events: &[Event],
        is_late: &impl Fn() -> bool,
    ) -> Result<usize, String> {
        for (index, event) in events.iter().enumerate() {
            let at = |why| format!("operation {}, {why}", index + 1);
            self.operation(event.what).map_err(at)?;
            if index.is_multiple_of(SOME) && is_late() {
                return Ok(index + 1);
            }
        }
        Ok(events.len())
    }

    /// Frees what the program has not freed, as far as there is time.
    fn rest(&mut self, is_late: &impl Fn() -> bool) -> Result<(), String> {
        for index in 0..self.blocks.len() {
            if index.is_multiple_of(SOME) && is_late() {
                break;
            }
            if self.blocks[index].is_some() {
                let at = |why| format!("at the end, {why}");
                self.free(index).map_err(at)?;
            }
        }
        Ok(())
    }

    fn operation(&mut self, what: What) -> Result<(), String> {
        match what {
            What::Allocate { size, align } => {
                self.allocate(bytes(size), align.map(bytes))
            }
            What::Resize { block, size } => {
                self.resize(block as usize, bytes(size))
            }
            What::Free { block } => self.free(block as usize),
        }
    }

    fn allocate(
        &mut self,
        size: usize,
        align: Option<usize>,
    ) -> Result<(), String> {
        let number = self.blocks.len();
        if number.is_multiple_of(CALLOC)
            && align.is_none()
            && let Some(payload) = self.heap.calloc(1, size)
        {
            return self.zeroes(Block { payload, base: payload, size });
        }
        let call = match align {
            Some(align) => format!("memalign({align}, {size})"),
            None => format!("malloc({size})"),
        };
        let block = Block::new(self.heap, size, align);
        self.place(block, align.unwrap_or(16).max(16), &call)?;
        self.keep(block)
    }

    /// A block that `calloc` gave.
    fn zeroes(&mut self, block: Block) -> Result<(), String> {
        let call = format!("calloc(1, {})", block.size);
        self.place(block, 16, &call)?;
        match content(&block).iter().position(|&byte| byte != 0) {
            Some(at) => Err(format!("{call}: byte {at} is not zero")),
            None => self.keep(block),
        }
    }

    /// Fills a new block, under the next number.
    fn keep(&mut self, block: Block) -> Result<(), String> {
        fill(&block, self.blocks.len());
        self.blocks.push(Some(block));
        Ok(())
    }

    fn resize(&mut self, number: usize, size: usize) -> Result<(), String> {
        let call = format!("realloc({number}, {size})");
        let Some(old) = self.blocks[number] else {
            return Err(format!("{call}: there is no such block"));
        };
        holds(&old, number, old.size, &call)?;
        self.places.remove(&old.payload.addr());
        self.now -= old.size;
        // SAFETY: it is alive, and nobody else uses it.
        let new = unsafe { old.resized(self.heap, size) };
        self.place(new, 16, &call)?;
        holds(&new, number, old.size.min(size), &call)?;
        fill(&new, number);
        self.blocks[number] = Some(new);
        Ok(())
    }

    fn free(&mut self, number: usize) -> Result<(), String> {
        let call = format!("free({number})");
        let Some(block) = self.blocks[number].take() else {
            return Err(format!("{call}: there is no such block"));
        };
        holds(&block, number, block.size, &call)?;
        self.places.remove(&block.payload.addr());
        self.now -= block.size;
        // SAFETY: it is alive, and nobody uses it any more.
        unsafe { self.heap.free(block.base) };
        Ok(())
    }

    /// Whether a new block may lie where it does.
    fn place(
        &mut self,
        block: Block,
        align: usize,
        call: &str,
    ) -> Result<(), String> {
        let start = block.payload.addr();
        if start == 0 {
            let is_refused = self.seen.is_refused.get();
            let why = if is_refused { "asks for too much and" } else { "" };
            return Err(format!("{call} {why} gives null").replace("  ", " "));
        }
        let at = |addr: usize| addr.wrapping_sub(self.seen.start.get());
        if !start.is_multiple_of(align) {
            let at = at(start);
            return Err(format!(
                "{call} gives {at:#x}: no multiple of {align}"
            ));
        }
        // A block of no bytes has a place of its own.
        let end = start.saturating_add(block.size.max(1));
        if start < self.seen.start.get() || at(end) > self.seen.used.get() {
            return Err(format!(
                "{call} gives a block that is not below the break"
            ));
        }
        let below = self.places.range(..end).next_back();
        if let Some((&from, &to)) = below.filter(|&(_, &to)| to > start) {
            return Err(format!(
                "{call} gives {:#x}: there lies a block, from {:#x} to {:#x}",
                at(start),
                at(from),
                at(to),
            ));
        }
        self.places.insert(start, end);
        self.now += block.size;
        self.most = self.most.max(self.now);
        Ok(())
    }
}

/// What a byte of a block is.
fn byte(number: usize, at: usize) -> u8 {
    // (An odd number: no byte is what calloc gives.)
    (number.wrapping_mul(151) ^ at).wrapping_add(at >> 8) as u8 | 1
}

fn fill(block: &Block, number: usize) {
    // SAFETY: nobody else uses the block, and it lies below the break.
    let content =
        unsafe { slice::from_raw_parts_mut(block.payload, block.size) };
    for (at, it) in content.iter_mut().enumerate() {
        *it = byte(number, at);
    }
}

fn content(block: &Block) -> &[u8] {
    // SAFETY: it lies below the break, in memory that was zero, and nothing
    // writes to it meanwhile.
    unsafe { slice::from_raw_parts(block.payload, block.size) }
}

/// Whether the first bytes of a block are as they were.
fn holds(
    block: &Block,
    number: usize,
    count: usize,
    call: &str,
) -> Result<(), String> {
    let content = content(block)[..count].iter().enumerate();
    let mut wrong = content.filter(|&(at, &it)| it != byte(number, at));
    match wrong.next() {
        None => Ok(()),
        Some((at, _)) => {
            Err(format!("{call}: byte {at} of the block has changed"))
        }
    }
}
