//! The heaps that a reader plays with.

use stage3_freelist::heap::STEP;

use super::lists::Lists;
use super::recorder::Recorded;
use super::region::Region;
use super::stage3::Labelled;
use super::stage4::Locked;

/// A heap with which all can be done that a line says.
pub trait Played: Recorded {
    /// See calloc(3).
    fn calloc(&mut self, count: usize, size: usize) -> *mut u8;

    /// Raises the break as somebody else would. Nothing if it cannot rise so
    /// far, or too often.
    fn foreign_sbrk(&mut self, bytes: usize) -> Option<()>;

    /// Has the next calls to move the break fail.
    fn refuse(&mut self, calls: usize);

    /// Its free lists, if it has some.
    fn lists(&mut self) -> Option<Lists>;
}

/// Which heap, and how far its break can rise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The number of a stage.
    pub stage: u32,
    /// Bytes.
    pub room: usize,
}

/// How far a break can rise, if nothing else is said.
pub const ROOM: usize = 8 * 1024 * 1024;

/// It rises no further than this.
pub const MOST_ROOM: usize = 64 * 1024 * 1024;

impl Setup {
    /// The stages that there are.
    pub const STAGES: [u32; 5] = [1, 2, 3, 4, 5];

    /// The heap of a stage.
    ///
    /// # Errors
    ///
    /// A sentence, if there is no such stage, or too much room.
    pub fn new(stage: u32, room: usize) -> Result<Self, String> {
        if !Self::STAGES.contains(&stage) {
            return Err(format!("there is no stage {stage} to play with"));
        }
        if room > MOST_ROOM {
            return Err(format!("{room} bytes are too many to play with"));
        }
        Ok(Self { stage, room })
    }

    /// Makes an empty heap, and has it used.
    pub fn with<R>(self, use_it: impl FnOnce(&mut dyn Played) -> R) -> R {
        let mut region = Region::new(self.room);
        let region = region.bytes();
        let is_small = self.room < STEP;
        match self.stage {
            1 => {
                let brk = stage1_bump::SimBrk::new(region);
                use_it(&mut stage1_bump::Heap::new(brk))
            }
            2 => {
                let brk = stage2_headers::SimBrk::new(region);
                use_it(&mut stage2_headers::Heap::new(brk))
            }
            3 => {
                let brk = stage3_freelist::SimBrk::new(region);
                let heap = stage3_freelist::Heap::new(brk);
                use_it(&mut Labelled { heap, has_labels: true, is_small })
            }
            4 => {
                let brk = stage4_threadsafe::SimBrk::new(region);
                use_it(&mut Locked::new(brk, is_small))
            }
            _ => {
                let brk = stage5_lifo_stack::SimBrk::new(region);
                let mut heap = Box::new(stage5_lifo_stack::Heap::new(brk));
                use_it(&mut *heap)
            }
        }
    }
}

impl Played for stage1_bump::Heap<stage1_bump::SimBrk<'_>> {
    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        self.calloc(count, size)
    }

    fn foreign_sbrk(&mut self, bytes: usize) -> Option<()> {
        self.brk().somebody_else_takes(bytes).ok()
    }

    fn refuse(&mut self, calls: usize) {
        self.brk().refuse(calls);
    }

    fn lists(&mut self) -> Option<Lists> {
        None
    }
}

impl Played for stage2_headers::Heap<stage2_headers::SimBrk<'_>> {
    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        self.calloc(count, size)
    }

    fn foreign_sbrk(&mut self, bytes: usize) -> Option<()> {
        self.brk().somebody_else_takes(bytes).ok()
    }

    fn refuse(&mut self, calls: usize) {
        self.brk().refuse(calls);
    }

    fn lists(&mut self) -> Option<Lists> {
        None
    }
}

impl Played for Labelled<'_> {
    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        self.heap.calloc(count, size)
    }

    fn foreign_sbrk(&mut self, bytes: usize) -> Option<()> {
        self.heap.brk().somebody_else_takes(bytes).ok()
    }

    fn refuse(&mut self, calls: usize) {
        self.heap.brk().refuse(calls);
    }

    fn lists(&mut self) -> Option<Lists> {
        let start = self.heap.brk().start().addr().get();
        let bitmap = self.heap.bitmap();
        let count = stage3_freelist::heap::DEFAULT;
        Some(Lists::new(start, bitmap, count, |class| {
            let list = self.heap.free_list(class);
            list.map(|block| (block.payload, block.size)).collect()
        }))
    }
}

impl Played for Locked<'_> {
    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        self.heap.calloc(count, size)
    }

    fn foreign_sbrk(&mut self, bytes: usize) -> Option<()> {
        self.heap.heap.lock().brk().somebody_else_takes(bytes).ok()
    }

    fn refuse(&mut self, calls: usize) {
        self.heap.heap.lock().brk().refuse(calls);
    }

    fn lists(&mut self) -> Option<Lists> {
        let mut heap = self.heap.heap.lock();
        let start = heap.brk().start().addr().get();
        let count = stage4_threadsafe::heap::DEFAULT;
        Some(Lists::new(start, heap.bitmap(), count, |class| {
            let list = heap.free_list(class);
            list.map(|block| (block.payload, block.size)).collect()
        }))
    }
}

impl Played for stage5_lifo_stack::Heap<stage5_lifo_stack::SimBrk<'_>> {
    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        self.calloc(count, size)
    }

    fn foreign_sbrk(&mut self, bytes: usize) -> Option<()> {
        self.brk().somebody_else_takes(bytes).ok()
    }

    fn refuse(&mut self, calls: usize) {
        self.brk().refuse(calls);
    }

    fn lists(&mut self) -> Option<Lists> {
        None
    }
}
