//! The heaps that a reader plays with.

use stage3_freelist::heap::STEP;

use super::lists::Lists;
use super::recorder::Recorded;
use super::region::Region;
use super::stage3::Labelled;
use super::stage4::Locked;
use super::{steps, ten_lines};

/// A heap with which all can be done that a line says.
pub trait Played: Recorded {
    /// Whether it is a whole heap. A step on the way to one has malloc and free
    /// alone, and believes what it is given.
    fn is_whole(&self) -> bool {
        true
    }

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
    /// The number of a stage, or of a step: see [`Setup::named`].
    pub stage: u32,
    /// Bytes.
    pub room: usize,
}

/// The steps on the way to a stage that can be played with: the file, and what
/// it is called. The first has a number that no stage has.
pub const STEPS: [(&str, &str); 4] = [
    ("1-ten-lines", "the ten lines"),
    ("3-1-reuse", "the step Reuse and split"),
    ("3-2-boundary-tags", "the step Boundary tags"),
    ("3-3-one-list", "the step One list of free blocks"),
];
const FIRST_STEP: u32 = 11;

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

    /// The heap of this name: the number of a stage, or the file of a
    /// [step](STEPS) without its end.
    ///
    /// # Errors
    ///
    /// As those of [`Setup::new`].
    pub fn named(name: &str, room: usize) -> Result<Self, String> {
        let step = STEPS.iter().position(|(step, _)| *step == name);
        let Some(step) = step else {
            let stage = name.parse();
            let none = || format!("there is no heap `{name}` to play with");
            return Self::new(stage.map_err(|_| none())?, room);
        };
        let stage = FIRST_STEP + step as u32;
        // The room is looked at as for any stage.
        Self::new(1, room).map(|setup| Self { stage, ..setup })
    }

    /// What it is called, and what it is called for a reader: of all.
    pub fn names() -> Vec<(String, String)> {
        let stage = |stage: u32| (stage.to_string(), format!("stage {stage}"));
        let step = |(name, told): (&str, &str)| (name.into(), told.into());
        let stages = Self::STAGES.into_iter().map(stage);
        stages.chain(STEPS.into_iter().map(step)).collect()
    }

    /// How many bytes stand in front of the first block: those of a header, if
    /// the heap has some. It depends on how long an address is.
    pub fn header(self) -> usize {
        Self { room: 4096, ..self }.with(|heap| match heap.malloc(1).addr() {
            0 => 0,
            payload => payload - heap.view().start,
        })
    }

    /// Makes an empty heap, and has it used.
    pub fn with<R>(self, use_it: impl FnOnce(&mut dyn Played) -> R) -> R {
        if self.stage == FIRST_STEP {
            return ten_lines::with(self.room, |heap| use_it(heap));
        }
        let mut region = Region::new(self.room);
        let step = self.stage.checked_sub(FIRST_STEP);
        match step {
            Some(1) => return use_it(&mut steps::reuse(&mut region)),
            Some(2) => return use_it(&mut steps::boundary_tags(&mut region)),
            Some(_) => return use_it(&mut steps::one_list(&mut region)),
            None => {}
        }
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
