//! How stage 3's heap is recorded.
//!
//! Its break moves in steps, and most of the figures are about less than one.
//! So most of the regions here are smaller than a step: it is refused, and the
//! heap asks for what it needs and no more. The refused calls are why no such
//! figure counts calls.

use stage3_freelist::heap::{DEFAULT, STEP};
use stage3_freelist::{Heap, SimBrk};

use super::recorder::{Recorded, Recorder, View};
use super::recording::{Kind, RecordedHeap, Recording, Span};
use super::region::Region;

/// Runs `program` on an empty heap with `room` bytes to grow into, less than
/// a step.
pub fn record(room: usize, program: fn(&mut Recorder<'_>)) -> Recording {
    assert!(room < STEP, "the break would rise by a step: {room} bytes");
    record_listed(room, program, false)
}

/// The same, with room for a number of whole steps.
pub fn record_in_steps(
    steps: usize,
    program: fn(&mut Recorder<'_>),
) -> Recording {
    record_listed(steps * STEP, program, false)
}

/// The same, on a heap with a list for each class, and each free block says
/// which one it is on.
pub fn record_classes(
    room: usize,
    program: fn(&mut Recorder<'_>),
) -> Recording {
    record_listed(room, program, true)
}

fn record_listed(
    room: usize,
    program: fn(&mut Recorder<'_>),
    has_labels: bool,
) -> Recording {
    let mut region = Region::new(room);
    let heap = Heap::new(SimBrk::new(region.bytes()));
    let whose = RecordedHeap::new("stage3-freelist", room);
    let is_small = room < STEP;
    let whose =
        if is_small { whose.smaller_than(STEP) } else { whose.but(".") };
    Recorder::run(whose, &mut Labelled { heap, has_labels, is_small }, program)
}

/// A heap, and whether a free block says which list it is on.
pub struct Labelled<'r> {
    pub heap: Heap<SimBrk<'r>>,
    pub has_labels: bool,
    /// Whether there is no room for a step.
    pub is_small: bool,
}

/// What free blocks say of their lists: `list` has the payloads of a class.
pub struct Labels(Vec<(usize, usize)>);

impl Labels {
    pub fn new<I: Iterator<Item = usize>>(
        classes: usize,
        list: impl Fn(usize) -> I,
    ) -> Self {
        let on = |class| list(class).map(move |payload| (payload, class));
        Self((0..classes).flat_map(on).collect())
    }

    fn of(&self, payload: usize) -> String {
        match self.0.iter().find(|(free, _)| *free == payload) {
            Some((_, class)) => format!("list {class}"),
            None => "the last, on no list".to_owned(),
        }
    }
}

impl Recorded for Labelled<'_> {
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

    fn used(&mut self) -> usize {
        self.heap.brk().used()
    }

    fn view(&mut self) -> View {
        let brk = self.heap.brk();
        let view = View {
            start: brk.start().addr().get(),
            used: brk.used(),
            calls: (!self.is_small).then(|| brk.calls()),
            keeps_books: true,
            spans: View::foreign(brk.foreign()),
            ..View::default()
        };
        let blocks = self.heap.blocks();
        let blocks = blocks.map(|it| (it.payload, it.size, it.is_free));
        let labels = self.has_labels.then(|| {
            let list = |class| self.heap.free_list(class);
            Labels::new(DEFAULT, |class| list(class).map(|it| it.payload))
        });
        with_blocks(view, header_size(), blocks, labels.as_ref())
    }
}

/// The view of a heap, with its blocks in it: where the payload of each starts,
/// how long that is, and whether it is free. `labels` has what the free ones
/// say, if they say anything.
pub fn with_blocks(
    mut view: View,
    header: usize,
    blocks: impl Iterator<Item = (usize, usize, bool)>,
    labels: Option<&Labels>,
) -> View {
    let mut end = None;
    for (payload, size, is_free) in blocks {
        let at = payload - view.start;
        view.spans.push(Span::new(Kind::Header, at - header, at));
        if is_free {
            let label = labels.map_or(String::new(), |its| its.of(payload));
            let free = Span::new(Kind::Free, at, at + size);
            view.spans.push(Span { label, ..free });
        }
        end = Some(at + size);
    }
    if let Some(end) = end {
        let label = "the end".to_owned();
        let span = Span::new(Kind::Header, end, end + header);
        view.spans.push(Span { label, ..span });
    }
    view
}

/// How many bytes a header has: so many stand below the first payload.
fn header_size() -> usize {
    let mut region = Region::new(256);
    let mut heap = Heap::<_, 1>::new(SimBrk::new(region.bytes()));
    let start = heap.brk().start().addr().get();
    heap.malloc(1).addr() - start
}
