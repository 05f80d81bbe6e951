//! How the heap that each thread has is recorded: over mappings.

use std::collections::BTreeSet;

use stage5_lifo_stack::SimBrk;
use stage5_lifo_stack::per_thread::chunks::{Chunk, State};
use stage5_lifo_stack::per_thread::holes::Holes;
use stage5_lifo_stack::per_thread::segment::{Mapping, Mmap};
use stage5_lifo_stack::per_thread::sim::SimMmap;

use super::misuse::Misuse;
use super::recorder::{Recorded, Recorder, View};
use super::recording::{Kind, RecordedHeap, Recording, Span};
use super::region::Region;
use crate::amount;

/// How many bytes a segment has in a figure.
pub const SEGMENT: usize = 1024;

/// Bytes of the record in front of a chunk.
pub const RECORD: usize = 8;

/// What stands there before that.
pub const GROUND_LABEL: &str = "its words, the ground";

/// Where the record of the first chunk of a segment is.
const GROUND: usize = 88;

/// Bytes in front of a large block.
const WORDS: usize = size_of::<Mapping>();

pub type Memory<'m, const BYTES: usize = SEGMENT> = SimMmap<SimBrk<'m>, BYTES>;

/// The heap of one thread, with segments of `BYTES`.
struct Heap<'m, const LISTS: bool, const HOLE: usize, const BYTES: usize>(
    Holes<Memory<'m, BYTES>, LISTS, HOLE>,
);

/// How far memory can grow where nothing is drawn.
const ROOM: usize = 4 << 20;

/// Does something with an empty heap that has lists for what is freed, or none,
/// whose holes have `HOLE` bytes at least, and whose segments have `BYTES`.
pub fn with<const LISTS: bool, const HOLE: usize, const BYTES: usize, R>(
    act: impl FnOnce(&mut dyn Recorded) -> R,
) -> R {
    let mut region = Region::new(ROOM);
    let memory = SimMmap::new(SimBrk::new(region.bytes()));
    act(&mut Heap::<LISTS, HOLE, BYTES>(Holes::new(memory)))
}

/// Runs `program` on an empty heap, with room for `room` bytes.
pub fn record(room: usize, program: fn(&mut Recorder<'_>)) -> Recording {
    let mut region = Region::new(room);
    let mmap = SimMmap::new(SimBrk::new(region.bytes()));
    Recorder::run(
        whose(),
        &mut Heap::<true, 16, SEGMENT>(Holes::new(mmap)),
        program,
    )
}

/// The same, for a stack alone: what is freed deep in it waits.
pub fn record_without(
    room: usize,
    program: fn(&mut Recorder<'_>),
) -> Recording {
    const NEVER: usize = 1 << 60;
    let mut region = Region::new(room);
    let mmap = SimMmap::new(SimBrk::new(region.bytes()));
    let mut heap = Heap::<false, NEVER, SEGMENT>(Holes::new(mmap));
    let told = whose().told.replace(", over", " without lists and holes, over");
    Recorder::run(RecordedHeap { told, ..whose() }, &mut heap, program)
}

/// The same, for a program that breaks the rules.
pub fn misuse(room: usize, program: fn(&mut Misuse<'_>)) -> Recording {
    let mut region = Region::new(room);
    let mmap = SimMmap::new(SimBrk::new(region.bytes()));
    Misuse::run(
        whose(),
        &mut Heap::<true, 16, SEGMENT>(Holes::new(mmap)),
        program,
    )
}

/// What the caption says.
pub fn whose() -> RecordedHeap {
    let told = format!(
        "Recorded on stage 5’s heap for each thread, over a `SimMmap` with \
         segments of {}.",
        amount::size(SEGMENT)
    );
    RecordedHeap { source: "stage5-lifo-stack", told, room: None }
}

impl<const LISTS: bool, const HOLE: usize, const BYTES: usize> Recorded
    for Heap<'_, LISTS, HOLE, BYTES>
{
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.0.malloc(size)
    }

    unsafe fn free(&mut self, payload: *mut u8) {
        // SAFETY: the caller says what this method asks for.
        unsafe { self.0.free(payload) }
    }

    unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the caller says what this method asks for.
        unsafe { self.0.realloc(payload, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.0.memalign(align, size)
    }

    unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        // SAFETY: the caller says what this method asks for.
        unsafe { self.0.usable_size(payload) }
    }

    fn somebody_else_takes(&mut self, bytes: usize) {
        let taken = self.0.mmap().brk().somebody_else_takes(bytes);
        taken.expect("the region has room for somebody else");
    }

    fn view(&mut self) -> View {
        let chunks: Vec<Chunk> = self.0.chunks().collect();
        let in_hand = self.0.in_hand().map(|it| it.addr());
        let mut view = view(self.0.mmap(), &chunks);
        let mut spans = view.spans.iter_mut();
        if let Some(span) =
            spans.find(|it| Some(view.start + it.start) == in_hand)
        {
            "in hand".clone_into(&mut span.label);
        }
        view
    }

    fn used(&mut self) -> usize {
        self.0.mmap().brk().used()
    }
}

/// What can be seen of memory that is mapped, and of the chunks in it.
pub fn view<const BYTES: usize>(
    mmap: &mut Memory<'_, BYTES>,
    chunks: &[Chunk],
) -> View {
    let mapped = Some(mmap.mapped());
    let (start, used) = (mmap.brk().start(), mmap.brk().used());
    let first = start.addr().get();
    let mut spans = View::foreign(mmap.brk().foreign());
    let mut end = 0;
    for (from, len, is_large) in mappings(mmap) {
        spans.extend(padding(end, from, "not mapped"));
        end = from + len;
        if is_large {
            spans.push(header(from, from + WORDS, "its words"));
        } else {
            let its = chunks
                .iter()
                .filter(|it| (from..end).contains(&(it.start.addr() - first)));
            let its = its.map(|it| (it.start.addr() - first, it));
            spans.extend(segment(from, end, its));
        }
    }
    spans.extend(padding(end, used, "not mapped"));
    View {
        start: first,
        used,
        calls: None,
        mapped,
        keeps_books: true,
        spans,
        chunks: None,
    }
}

/// The mappings, by their addresses: where each starts, from the start of the
/// memory, how long it is, and whether it is a large block's.
fn mappings<const BYTES: usize>(
    mmap: &mut Memory<'_, BYTES>,
) -> BTreeSet<(usize, usize, bool)> {
    let (start, used) = (mmap.brk().start(), mmap.brk().used());
    let units = (0..used).step_by(Memory::<BYTES>::UNIT);
    let noted =
        units.map(|unit| mmap.mapping_at(start.as_ptr().wrapping_add(unit)));
    noted
        .filter(|mapping| !mapping.is_null())
        .map(|mapping| {
            // SAFETY: what is noted is mapped, and begins with its words.
            let (len, block) = unsafe { ((*mapping).len, (*mapping).block) };
            let from = mapping.addr() - start.addr().get();
            (from, len, !block.is_null())
        })
        .collect()
}

/// What a segment has, with the chunks in it. One without chunks is kept.
fn segment<'c>(
    from: usize,
    end: usize,
    chunks: impl Iterator<Item = (usize, &'c Chunk)>,
) -> Vec<Span> {
    let mut spans = vec![header(from, from + GROUND, GROUND_LABEL)];
    let (mut at, mut rest) = (from + GROUND, "empty, and kept");
    for (start, chunk) in chunks {
        let is_first = at == from + GROUND;
        assert!(!is_first || start == at + RECORD, "the ground is elsewhere");
        rest = match chunk.state {
            State::Room => "room",
            _ => "the end",
        };
        if chunk.state == State::Room {
            break;
        }
        spans.push(header(at, start, "record"));
        at = start + chunk.size - RECORD;
        let free = |label: &str| {
            let label = label.to_owned();
            Span { label, ..Span::new(Kind::Free, start, at) }
        };
        match chunk.state {
            State::Marked => spans.push(free("marked")),
            State::Listed => spans.push(free("on a list")),
            State::Used | State::Room => {}
        }
    }
    spans.extend(padding(at, end, rest));
    spans
}

/// What the heap keeps for itself.
fn header(start: usize, end: usize, label: &str) -> Span {
    let label = label.to_owned();
    Span { label, ..Span::new(Kind::Header, start, end) }
}

/// Memory that nobody uses, if there is any.
fn padding(start: usize, end: usize, label: &str) -> Option<Span> {
    let label = label.to_owned();
    let span = Span { label, ..Span::new(Kind::Padding, start, end) };
    (!span.is_empty()).then_some(span)
}
