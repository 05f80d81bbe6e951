//! How stage 2's heap is recorded.

use stage2_headers::{Heap, SimBrk};

use super::recorder::{Recorded, Recorder, View};
use super::recording::{Kind, RecordedHeap, Recording, Span};
use super::region::Region;

/// Runs `program` on an empty heap with `room` bytes to grow into.
pub fn record(room: usize, program: fn(&mut Recorder<'_>)) -> Recording {
    let mut region = Region::new(room);
    let mut heap = Heap::new(SimBrk::new(region.bytes()));
    let whose = RecordedHeap::new("stage2-headers", room).but(".");
    Recorder::run(whose, &mut heap, program)
}

impl Recorded for Heap<SimBrk<'_>> {
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
        let header = header_size();
        for block in self.blocks() {
            let payload = block.payload - start;
            spans.push(Span::new(Kind::Header, payload - header, payload));
            if block.is_free {
                let end = payload + block.size;
                spans.push(Span::new(Kind::Free, payload, end));
            }
        }
        View {
            start,
            used,
            calls,
            mapped: None,
            keeps_books: true,
            spans,
            chunks: None,
        }
    }
}

/// How many bytes a header has: so many stand below the first payload.
fn header_size() -> usize {
    let mut region = Region::new(256);
    let mut heap = Heap::new(SimBrk::new(region.bytes()));
    let start = heap.brk().start().addr().get();
    heap.malloc(1).addr() - start
}
