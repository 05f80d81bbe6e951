//! How stage 4's heap is recorded: through its lock.

use stage4_threadsafe::heap::DEFAULT;
use stage4_threadsafe::{Heap, LockedHeap, Mutex, SimBrk};

use super::recorder::{Recorded, View};
use super::stage3::{Labels, with_blocks};

/// A heap behind its lock.
pub struct Locked<'r> {
    pub heap: LockedHeap<SimBrk<'r>>,
    /// Whether there is no room for a step.
    pub is_small: bool,
}

impl<'r> Locked<'r> {
    /// An empty heap on `brk`.
    pub fn new(brk: SimBrk<'r>, is_small: bool) -> Self {
        let heap = LockedHeap::new(Mutex::new(Heap::new(brk)));
        Self { heap, is_small }
    }
}

impl Recorded for Locked<'_> {
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
        let taken = self.heap.heap.lock().brk().somebody_else_takes(bytes);
        taken.expect("the region has room for somebody else");
    }

    fn view(&mut self) -> View {
        let mut heap = self.heap.heap.lock();
        let brk = heap.brk();
        let view = View {
            start: brk.start().addr().get(),
            used: brk.used(),
            calls: (!self.is_small).then(|| brk.calls()),
            keeps_books: true,
            spans: View::foreign(brk.foreign()),
            ..View::default()
        };
        let list = |class| heap.free_list(class);
        let labels =
            Labels::new(DEFAULT, |class| list(class).map(|it| it.payload));
        let blocks = heap.blocks();
        let blocks = blocks.map(|it| (it.payload, it.size, it.is_free));
        with_blocks(view, header_size(), blocks, Some(&labels))
    }
}

/// How many bytes a header has: so many stand below the first payload.
fn header_size() -> usize {
    let mut region = super::region::Region::new(256);
    let mut heap = Heap::<_, 1>::new(SimBrk::new(region.bytes()));
    let start = heap.brk().start().addr().get();
    heap.malloc(1).addr() - start
}
