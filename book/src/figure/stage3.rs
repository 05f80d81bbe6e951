//! How stage 3's heap is recorded.
//!
//! Its break moves in steps that are larger than a figure. So the regions here
//! are smaller than a step: it is refused, and the heap asks for what it needs
//! and no more. The refused calls are why no figure here counts calls.

use stage3_freelist::heap::{DEFAULT, STEP};
use stage3_freelist::{Heap, SimBrk};

use super::recorder::{Recorded, Recorder, View};
use super::recording::{Kind, Recording, Span};
use super::region::Region;

/// Runs `program` on an empty heap with `room` bytes to grow into, less than
/// a step.
pub fn record(room: usize, program: fn(&mut Recorder<'_>)) -> Recording {
    record_labelled::<DEFAULT>(room, program, |_class, _place| String::new())
}

/// The same, on a heap with one list, and each free block says its place there.
pub fn record_one_list(
    room: usize,
    program: fn(&mut Recorder<'_>),
) -> Recording {
    record_labelled::<1>(room, program, |_class, place| match place {
        0 => "first on the list".to_owned(),
        1 => "second".to_owned(),
        _ => "further on".to_owned(),
    })
}

/// The same, on a heap with a list for each class, and each free block says
/// which one it is on.
pub fn record_classes(
    room: usize,
    program: fn(&mut Recorder<'_>),
) -> Recording {
    record_labelled::<DEFAULT>(room, program, |class, _place| {
        format!("list {class}")
    })
}

fn record_labelled<const LISTS: usize>(
    room: usize,
    program: fn(&mut Recorder<'_>),
    label: fn(usize, usize) -> String,
) -> Recording {
    assert!(room < STEP, "the break would rise by a step: {room} bytes");
    let mut region = Region::new(room);
    let heap = Heap::<_, LISTS>::new(SimBrk::new(region.bytes()));
    Recorder::run(&mut Labelled { heap, label }, program)
}

/// A heap, and what is to be said of a free block by its class and its place
/// on the list of that class.
struct Labelled<'r, const LISTS: usize> {
    heap: Heap<SimBrk<'r>, LISTS>,
    label: fn(usize, usize) -> String,
}

impl<const LISTS: usize> Labelled<'_, LISTS> {
    /// The free blocks: where their payloads start, and what is said of them.
    fn labels(&self) -> Vec<(usize, String)> {
        let mut labels = Vec::new();
        for class in 0..LISTS {
            for (place, block) in self.heap.free_list(class).enumerate() {
                labels.push((block.payload, (self.label)(class, place)));
            }
        }
        labels
    }
}

impl<const LISTS: usize> Recorded for Labelled<'_, LISTS> {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.heap.malloc(size)
    }

    unsafe fn free(&mut self, payload: *mut u8) {
        // SAFETY: the caller says what this method asks for.
        unsafe { self.heap.free(payload) }
    }

    unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the caller says what this method asks for.
        unsafe { self.heap.realloc(payload, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.heap.memalign(align, size)
    }

    unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        // SAFETY: the caller says what this method asks for.
        unsafe { self.heap.usable_size(payload) }
    }

    fn somebody_else_takes(&mut self, bytes: usize) {
        let taken = self.heap.brk().somebody_else_takes(bytes);
        taken.expect("the region has room for somebody else");
    }

    fn view(&mut self) -> View {
        let brk = self.heap.brk();
        let (start, used) = (brk.start().addr().get(), brk.used());
        let mut spans = View::foreign(brk.foreign());
        let (header, labels) = (header_size(), self.labels());
        let mut end = None;
        for block in self.heap.blocks() {
            let payload = block.payload - start;
            spans.push(Span::new(Kind::Header, payload - header, payload));
            if block.is_free {
                let is_it = |(at, _): &&(usize, _)| *at == block.payload;
                let (_, label) = labels
                    .iter()
                    .find(is_it)
                    .expect("a free block is on a list");
                spans.push(Span {
                    label: label.clone(),
                    ..Span::new(Kind::Free, payload, payload + block.size)
                });
            }
            end = Some(payload + block.size);
        }
        if let Some(end) = end {
            let label = "the end".to_owned();
            let span = Span::new(Kind::Header, end, end + header);
            spans.push(Span { label, ..span });
        }
        View {
            start,
            used,
            calls: None,
            keeps_books: true,
            spans,
            chunks: None,
        }
    }
}

/// How many bytes a header has: so many stand below the first payload.
fn header_size() -> usize {
    let mut region = Region::new(256);
    let mut heap = Heap::<_, 1>::new(SimBrk::new(region.bytes()));
    let start = heap.brk().start().addr().get();
    heap.malloc(1).addr() - start
}
