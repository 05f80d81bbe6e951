//! How the steps of stage 3 are recorded, and played with: each on its own code.

use stage1_bump::{Brk, OutOfMemory, SimBrk};

use super::heap::Played;
use super::lists::Lists;
use super::recorder::{Recorded, Recorder, View};
use super::recording::{Kind, RecordedHeap, Recording, Span};
use super::region::Region;

#[path = "../../steps/3-1-reuse.rs"]
mod reuse;

#[path = "../../steps/3-2-boundary-tags.rs"]
mod boundary_tags;

#[path = "../../steps/3-3-one-list.rs"]
mod one_list;

/// Runs `program` on an empty heap of the step *Reuse and split*, with `room`
/// bytes to grow into.
pub fn record_reuse(room: usize, program: fn(&mut Recorder<'_>)) -> Recording {
    let mut region = Region::new(room);
    reuse(&mut region).record("book/steps/3-1-reuse.rs", room, program)
}

/// An empty heap of the step *Reuse and split*.
pub fn reuse(region: &mut Region) -> Step<'_, reuse::Heap<SimBrk<'_>>> {
    Step {
        heap: reuse::Heap::new(SimBrk::new(region.bytes())),
        malloc: reuse::Heap::malloc,
        free: reuse::Heap::free,
        brk: reuse::Heap::brk,
        blocks: |heap| heap.blocks().collect(),
        list: |_| None,
        ends_in_a_header: false,
    }
}

/// The same for the step *Boundary tags*.
pub fn record_boundary_tags(
    room: usize,
    program: fn(&mut Recorder<'_>),
) -> Recording {
    let mut region = Region::new(room);
    boundary_tags(&mut region).record(
        "book/steps/3-2-boundary-tags.rs",
        room,
        program,
    )
}

/// An empty heap of the step *Boundary tags*.
pub fn boundary_tags(
    region: &mut Region,
) -> Step<'_, boundary_tags::Heap<SimBrk<'_>>> {
    Step {
        heap: boundary_tags::Heap::new(SimBrk::new(region.bytes())),
        malloc: boundary_tags::Heap::malloc,
        free: boundary_tags::Heap::free,
        brk: boundary_tags::Heap::brk,
        blocks: |heap| heap.blocks().collect(),
        list: |_| None,
        ends_in_a_header: true,
    }
}

/// The same for the step *One list of free blocks*. Each free block says its
/// place on the list.
pub fn record_one_list(
    room: usize,
    program: fn(&mut Recorder<'_>),
) -> Recording {
    let mut region = Region::new(room);
    one_list(&mut region).record(ONE_LIST, room, program)
}

/// The code of the step *One list of free blocks*.
pub const ONE_LIST: &str = "book/steps/3-3-one-list.rs";

/// An empty heap of it.
pub fn one_list(region: &mut Region) -> Step<'_, one_list::Heap<SimBrk<'_>>> {
    Step {
        heap: one_list::Heap::new(SimBrk::new(region.bytes())),
        malloc: one_list::Heap::malloc,
        free: one_list::Heap::free,
        brk: one_list::Heap::brk,
        blocks: |heap| heap.blocks().collect(),
        list: |heap| Some(heap.free_list().collect()),
        ends_in_a_header: true,
    }
}

/// A step's heap, and what can be done with it.
pub struct Step<'r, H> {
    heap: H,
    malloc: fn(&mut H, usize) -> *mut u8,
    free: unsafe fn(&mut H, *mut u8),
    brk: fn(&mut H) -> &mut SimBrk<'r>,
    /// Each block's payload, its bytes, and whether it is free.
    blocks: fn(&H) -> Vec<(usize, usize, bool)>,
    /// The payloads on the list of free blocks, if there is one.
    list: fn(&H) -> Option<Vec<usize>>,
    /// Whether a header without a payload stands at the top.
    ends_in_a_header: bool,
}

impl<H> Step<'_, H> {
    fn record(
        &mut self,
        source: &'static str,
        room: usize,
        program: fn(&mut Recorder<'_>),
    ) -> Recording {
        let whose = RecordedHeap::new(source, room).but(".");
        Recorder::run(whose, self, program)
    }

    /// What is said of the free block with this payload.
    fn label(&self, payload: usize) -> String {
        let Some(list) = (self.list)(&self.heap) else { return String::new() };
        let place = list.iter().position(|&at| at == payload);
        match place {
            Some(0) => "first on the list".to_owned(),
            Some(1) => "second".to_owned(),
            Some(_) => "further on".to_owned(),
            // Somebody has written over a link.
            None => "on no list".to_owned(),
        }
    }
}

impl<H> Recorded for Step<'_, H> {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        (self.malloc)(&mut self.heap, size)
    }

    unsafe fn free(&mut self, payload: *mut u8) {
        // SAFETY: the caller says what this method asks for.
        unsafe { (self.free)(&mut self.heap, payload) }
    }

    unsafe fn realloc(&mut self, _payload: *mut u8, _size: usize) -> *mut u8 {
        unimplemented!("the steps have no realloc")
    }

    fn memalign(&mut self, _align: usize, _size: usize) -> *mut u8 {
        unimplemented!("the steps have no memalign")
    }

    /// A step has no such function. Its blocks tell.
    unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        let blocks = (self.blocks)(&self.heap);
        let mut sizes = blocks.iter().filter(|block| block.0 == payload.addr());
        sizes.next().expect("it is a block of this heap").1
    }

    fn somebody_else_takes(&mut self, bytes: usize) {
        let taken = (self.brk)(&mut self.heap).somebody_else_takes(bytes);
        taken.expect("the region has room for somebody else");
    }

    fn view(&mut self) -> View {
        let brk = (self.brk)(&mut self.heap);
        let start = brk.start().addr().get();
        let (used, calls) = (brk.used(), Some(brk.calls()));
        let mut spans = View::foreign(brk.foreign());
        let blocks = (self.blocks)(&self.heap);
        // So many bytes stand below the first payload.
        let header = blocks.first().map_or(0, |block| block.0 - start);
        for &(payload, size, is_free) in &blocks {
            let at = payload - start;
            spans.push(Span::new(Kind::Header, at - header, at));
            if is_free {
                let label = self.label(payload);
                let free = Span::new(Kind::Free, at, at + size);
                spans.push(Span { label, ..free });
            }
        }
        if let (Some(last), true) = (blocks.last(), self.ends_in_a_header) {
            let end = last.0 - start + last.1;
            let label = "the end".to_owned();
            let span = Span::new(Kind::Header, end, end + header);
            spans.push(Span { label, ..span });
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

impl<H> Played for Step<'_, H> {
    fn is_whole(&self) -> bool {
        false
    }

    fn calloc(&mut self, _count: usize, _size: usize) -> *mut u8 {
        unimplemented!("the steps have no calloc")
    }

    fn foreign_sbrk(&mut self, bytes: usize) -> Option<()> {
        (self.brk)(&mut self.heap).somebody_else_takes(bytes).ok()
    }

    fn refuse(&mut self, calls: usize) {
        (self.brk)(&mut self.heap).refuse(calls);
    }

    fn lists(&mut self) -> Option<Lists> {
        None
    }
}
