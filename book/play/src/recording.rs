//! What a recording is made of.

use super::question::{Ask, Question};
use crate::amount;

/// What a heap did, picture by picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The heap that was recorded.
    pub heap: RecordedHeap,
    /// The empty heap, then the heap after each operation.
    pub frames: Vec<Frame>,
    /// The frame that shows what the figure is about, by its place in
    /// `frames`.
    pub still: usize,
    /// What the player asks, each before the step to a frame.
    pub asks: Vec<(usize, Ask)>,
    /// Who does the operations, if it is not always the same.
    pub lanes: Vec<&'static str>,
}

/// Whose heap a recording shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedHeap {
    /// Its code: the folder of a stage, or the file of a step, from the root of
    /// the repository.
    pub source: &'static str,
    /// What the caption says of it, and of what is smaller or larger here than
    /// in a program.
    pub told: String,
    /// How far its break may rise, if it has a `SimBrk`.
    pub room: Option<usize>,
}

impl RecordedHeap {
    /// The heap with the code at `source`, over a simulated break that may rise
    /// by `room` bytes.
    pub fn new(source: &'static str, room: usize) -> Self {
        let amount = amount::size(room);
        let whose = match source.strip_prefix("stage") {
            Some(name) => format!("stage {}’s heap", &name[..1]),
            None => format!("the step `{source}`"),
        };
        let told = format!("Recorded on {whose}, over a `SimBrk` of {amount}");
        Self { source, told, room: Some(room) }
    }

    /// The same, where there is no room for a step of the break.
    pub fn smaller_than(self, step: usize) -> Self {
        let step = amount::size(step);
        self.but(&format!(
            ": a step of {step} is refused there, and the break rises by what \
             is needed."
        ))
    }

    /// The same, and something more to be said of it.
    pub fn but(mut self, more: &str) -> Self {
        self.told += more;
        self
    }
}

/// One picture: the heap after an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What was done. Nothing before the first frame.
    pub operation: Option<Operation>,
    /// What to see here: a sentence or two, or nothing.
    pub note: String,
    /// Bytes from the start of the heap to the break.
    pub used: usize,
    /// How often the heap has called the kernel so far. Nothing where that
    /// tells more of the figure than of the heap.
    pub calls: Option<usize>,
    /// How many bytes are mapped, if its memory comes in mappings. Then the
    /// break is none of the heap's.
    pub mapped: Option<usize>,
    /// What all memory below the break is, from the start up.
    pub spans: Vec<Span>,
    /// The heap's array of chunks, if it has one: the last one is the top.
    pub chunks: Option<Vec<Chunk>>,
    /// What stands in memory, field by field, if the figure is about that: the
    /// lowest address first.
    pub fields: Vec<Field>,
    /// What is drawn in place of the heap, if the figure is about something
    /// else.
    pub drawn: Option<Drawn>,
    /// Whether its counters say how much of what is free is in small pieces.
    pub tells_fragmentation: bool,
}

/// A picture that somebody else has drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// As HTML of one line.
    pub html: String,
    /// What can be asked before it comes.
    pub asked: Option<Question>,
}

/// Some bytes of memory that say one thing, as they lie there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is part of: fields of the same whole stand together.
    pub of: String,
    pub kind: Kind,
    /// Where it starts, in bytes from the start of the heap. Nothing if it does
    /// not lie in the heap's memory.
    pub at: Option<usize>,
    /// As the source calls it; nothing if it is a filler.
    pub name: String,
    /// Its bytes, the lowest address first. Nothing for those that nobody has
    /// written, or that are others in the next run.
    pub bytes: Vec<Option<u8>>,
    /// What they say.
    pub value: String,
    /// Which bits of the first byte are flags, and their names.
    pub flags: Vec<(u32, &'static str)>,
}

/// A line of the program that the figure shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Who did it, by its place in [`Recording::lanes`].
    pub lane: usize,
    /// The line, as `a = malloc(24)`.
    pub code: String,
    /// What came back, if anything does.
    pub result: Option<Outcome>,
}

/// What an operation returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An address, in bytes from the start of the heap.
    Address(usize),
    /// No memory left.
    Null,
    /// Nothing yet: the thread waits for another one.
    Waits,
}

/// A stretch of memory, all of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it starts, in bytes from the start of the heap.
    pub start: usize,
    /// Where it ends, likewise.
    pub end: usize,
    pub kind: Kind,
    /// The blocks that it belongs or belonged to. More than one is a fault.
    pub owners: Vec<String>,
    /// Its bytes, where they are part of the story.
    pub holds: Vec<Run>,
    /// What the heap says of it, such as the list that it is on.
    pub label: String,
}

impl Span {
    /// Bytes of a kind, and nothing else known of them.
    pub fn new(kind: Kind, start: usize, end: usize) -> Self {
        let (owners, holds, label) = Default::default();
        Self { start, end, kind, owners, holds, label }
    }

    /// How many bytes long it is.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether they have a byte in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// What a heap notes of a chunk, in an array of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Where it starts, in bytes from the start of the heap. Nothing if it is
    /// somebody else's.
    pub start: Option<usize>,
    /// Where it ends, likewise.
    pub end: usize,
    pub is_free: bool,
    /// The block that it is, if the program holds it.
    pub owner: String,
}

/// What memory is used for. Where two kinds claim the same byte, the one that
/// stands first here is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// In a block that the program holds.
    Payload,
    /// Taken by somebody else.
    Foreign,
    /// What the heap writes for itself in front of a block.
    Header,
    /// The heap can hand it out again.
    Free,
    /// Given back by the program, and of no use to the heap.
    Leaked,
    /// Nobody has asked for it.
    Padding,
}

/// The same byte a number of times in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub byte: u8,
    pub count: usize,
}

impl Frame {
    /// How many bytes the program holds.
    pub fn in_use(&self) -> usize {
        let payloads =
            self.spans.iter().filter(|span| span.kind == Kind::Payload);
        payloads.map(Span::len).sum()
    }
}

impl Recording {
    /// The frame in front of the one at `index`.
    pub fn before(&self, index: usize) -> Option<&Frame> {
        index.checked_sub(1).map(|before| &self.frames[before])
    }

    /// What is asked before the step to the frame at `index`.
    pub fn ask(&self, index: usize) -> Option<Ask> {
        let mut asks = self.asks.iter();
        asks.find(|(step, _)| *step == index).map(|(_, ask)| *ask)
    }

    /// The step that is asked about where nothing moves: the last one up to
    /// the still, or the first one.
    pub fn main_step(&self) -> usize {
        let steps = || self.asks.iter().map(|(step, _)| *step);
        let up_to_still = steps().filter(|step| *step <= self.still).max();
        up_to_still.or(steps().min()).unwrap_or(self.still)
    }

    /// Whether the frame is shown where nothing moves: one before each question.
    pub fn is_pictured(&self, index: usize) -> bool {
        index == self.paper() || self.ask(index + 1).is_some()
    }

    /// The frame to show where nothing moves: the one before the question.
    pub fn paper(&self) -> usize {
        match self.asks.is_empty() {
            true => self.still,
            false => self.main_step() - 1,
        }
    }
}

/// The bytes of the largest free block, and of all. `None` if nothing is free.
pub fn free_bytes(spans: &[Span]) -> Option<[usize; 2]> {
    let free = || spans.iter().filter(|span| span.kind == Kind::Free);
    let all = free().map(Span::len).sum();
    Some([free().map(Span::len).max()?, all])
}

/// How much of what is free is not in the largest free block: external
/// fragmentation, as a share of a hundred. `None` if nothing is free.
pub fn fragmentation(spans: &[Span]) -> Option<String> {
    let [largest, all] = free_bytes(spans)?;
    Some(format!("{} %", (100 * (all - largest) + all / 2) / all))
}

/// An address as the figures write it. The heaps in them start at a multiple
/// of 1,048,576, so these are the address's real last digits.
pub fn address(offset: usize) -> String {
    format!("0x…{offset:03x}")
}
