//! How stage 5's heap is recorded.

use stage5_lifo_stack::heap::DEFAULT;
use stage5_lifo_stack::{Heap, SimBrk};

use super::recorder::{Recorded, Recorder, View};
use super::recording::{Chunk, Kind, RecordedHeap, Recording, Span};
use super::region::Region;
use crate::amount::number;

/// How many chunks there can be in a figure.
const CHUNKS: usize = 16;

/// Runs `program` on an empty heap with `room` bytes to grow into.
pub fn record(room: usize, program: fn(&mut Recorder<'_>)) -> Recording {
    let mut region = Region::new(room);
    let mut heap = Heap::<_, CHUNKS>::new(SimBrk::new(region.bytes()));
    let whose = RecordedHeap::new("stage5-lifo-stack", room).but(&format!(
        ", with {CHUNKS} places for chunks instead of {}.",
        number(DEFAULT as u128)
    ));
    Recorder::run(whose, &mut heap, program)
}

impl<const CHUNKS: usize> Recorded for Heap<SimBrk<'_>, CHUNKS> {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.malloc(size)
    }

    unsafe fn free(&mut self, payload: *mut u8) {
        // SAFETY: the caller says what this method asks for.
        unsafe { self.free(payload) }
    }

    unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the caller says what this method asks for.
        unsafe { self.realloc(payload, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.memalign(align, size)
    }

    unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        // SAFETY: the caller says what this method asks for.
        unsafe { self.usable_size(payload) }
    }

    fn somebody_else_takes(&mut self, bytes: usize) {
        let taken = self.brk().somebody_else_takes(bytes);
        taken.expect("the region has room for somebody else");
    }

    fn used(&mut self) -> usize {
        self.brk().used()
    }

    fn view(&mut self) -> View {
        let brk = self.brk();
        let start = brk.start().addr().get();
        let (used, calls) = (brk.used(), Some(brk.calls()));
        let mut spans = View::foreign(brk.foreign());
        let chunks: Vec<Chunk> = self
            .chunks()
            .iter()
            .map(|chunk| Chunk {
                // What is somebody else's has no start.
                start: chunk.start.addr().checked_sub(start),
                end: chunk.end.addr() - start,
                is_free: chunk.free,
                owner: String::new(),
            })
            .collect();
        for chunk in chunks.iter().filter(|chunk| chunk.is_free) {
            let from = chunk.start.expect("what is theirs is never free");
            spans.push(Span::new(Kind::Free, from, chunk.end));
        }
        // What lies above the top.
        let end = chunks.last().map_or(0, |top| top.end);
        let label = "not in use".to_owned();
        spans.push(Span { label, ..Span::new(Kind::Padding, end, used) });
        let chunks = Some(chunks);
        View {
            start,
            used,
            calls,
            mapped: None,
            keeps_books: true,
            spans,
            chunks,
        }
    }
}
