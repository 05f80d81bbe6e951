//! How stage 1's heap is recorded.

use stage1_bump::{Heap, SimBrk};

use super::recorder::{Recorded, Recorder, View};
use super::recording::{RecordedHeap, Recording};
use super::region::Region;

/// Runs `program` on an empty heap with `room` bytes to grow into.
pub fn record(room: usize, program: fn(&mut Recorder<'_>)) -> Recording {
    let mut region = Region::new(room);
    let mut heap = Heap::new(SimBrk::new(region.bytes()));
    let whose = RecordedHeap::new("stage1-bump", room).but(".");
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

    fn view(&mut self) -> View {
        view(self.brk())
    }

    fn used(&mut self) -> usize {
        self.brk().used()
    }
}

/// What a break alone can show. This stage keeps no books.
pub fn view(brk: &SimBrk<'_>) -> View {
    View {
        start: brk.start().addr().get(),
        used: brk.used(),
        calls: Some(brk.calls()),
        mapped: None,
        keeps_books: false,
        spans: View::foreign(brk.foreign()),
        chunks: None,
    }
}
