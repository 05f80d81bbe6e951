//! What `cargo run -- score` sees of a heap: each way to be wrong is found and
//! named, and memory is counted as the malloc lab does.

use std::ptr;

use timing::score::check::{Memory, check};
use timing::score::{Allocator, Region};
use timing::trace::{Event, What};

/// What a heap does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    Overlaps,
    IsOdd,
    LiesAboveTheBreak,
    IsNull,
    IsNotZero,
    WritesIntoBlocks,
    LosesWithRealloc,
    IsNotAligned,
    GivesABlockTwice,
}

/// A heap that never uses memory again, with a fault.
struct Bump {
    region: Region,
    fault: Fault,
    blocks: usize,
    last: *mut u8,
}

impl Bump {
    fn take(&mut self, align: usize, size: usize) -> *mut u8 {
        let more = (size.max(1) + 2 * align).cast_signed();
        let Some(old) = self.region.sbrk(more) else {
            return ptr::null_mut();
        };
        old.as_ptr().map_addr(|addr| addr.next_multiple_of(align))
    }
}

impl Allocator for Bump {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.blocks += 1;
        let block = self.take(16, size);
        let last = self.last;
        if last.is_null() {
            self.last = block;
            return block;
        }
        match self.fault {
            Fault::Overlaps => last.wrapping_add(16),
            Fault::GivesABlockTwice => last,
            Fault::IsOdd => block.wrapping_add(1),
            Fault::LiesAboveTheBreak => block.wrapping_add(1 << 16),
            Fault::IsNull => ptr::null_mut(),
            Fault::WritesIntoBlocks => {
                // SAFETY: it is a block, of more bytes.
                unsafe { last.add(7).write(0) };
                block
            }
            _ => block,
        }
    }

    unsafe fn free(&mut self, _payload: *mut u8) {}

    fn calloc(&mut self, count: usize, size: usize) -> Option<*mut u8> {
        let block = self.take(16, count * size);
        if self.fault == Fault::IsNotZero {
            // SAFETY: it is a block of so many bytes.
            unsafe { block.add(size - 1).write(1) };
        }
        self.last = block;
        Some(block)
    }

    unsafe fn realloc(
        &mut self,
        payload: *mut u8,
        size: usize,
    ) -> Option<*mut u8> {
        let new = self.take(16, size);
        let lost = usize::from(self.fault == Fault::LosesWithRealloc);
        // SAFETY: what lies behind a block is below the break, by as much.
        unsafe { payload.copy_to(new, size.min(100) - lost) };
        Some(new)
    }

    fn memalign(&mut self, align: usize, size: usize) -> Option<*mut u8> {
        let block = self.take(align, size);
        let off = if self.fault == Fault::IsNotAligned { 16 } else { 0 };
        Some(block.wrapping_add(off))
    }
}

fn allocate(size: u64, align: Option<u64>) -> Event {
    Event { thread: 0, what: What::Allocate { size, align } }
}

fn free(block: u32) -> Event {
    Event { thread: 0, what: What::Free { block } }
}

fn events() -> Vec<Event> {
    let resize = What::Resize { block: 1, size: 200 };
    vec![
        allocate(100, None),
        allocate(100, None),
        allocate(50, Some(64)),
        Event { thread: 0, what: resize },
        free(1),
        free(0),
        allocate(30, None),
    ]
}

fn checked(fault: Fault) -> Result<Memory, String> {
    let events = events();
    let region = Region::new(&events);
    let seen = region.seen();
    let last = ptr::null_mut();
    let mut heap = Bump { region, fault, blocks: 0, last };
    check(&events, &mut heap, &seen, || false)
}

#[test]
fn a_heap_that_is_right_is_found_right() {
    let memory = checked(Fault::None).expect("nothing wrong");
    // 100, 200 and 50: realloc holds one of the two blocks at a time.
    assert_eq!(memory.live, 350, "{memory:?}");
    assert_eq!(memory.operations, events().len(), "{memory:?}");
    // And what each block took, with room to align it.
    let heap = [100, 100, 30, 200].map(|it| it + 32).iter().sum::<usize>();
    assert_eq!(memory.heap, heap + 50 + 128, "{memory:?}");
}

#[test]
fn each_way_to_be_wrong_is_named() {
    for (fault, said) in [
        (Fault::Overlaps, "operation 2, malloc(100) gives 0x10: there lies"),
        (Fault::GivesABlockTwice, "operation 2, malloc(100) gives 0x0: there"),
        (Fault::IsOdd, "operation 2, malloc(100) gives 0x91: no multiple"),
        (Fault::LiesAboveTheBreak, "operation 2, malloc(100) gives a block"),
        (Fault::IsNull, "operation 2, malloc(100) gives null"),
        (Fault::IsNotZero, "operation 1, calloc(1, 100): byte 99 is not zero"),
        (
            Fault::WritesIntoBlocks,
            "operation 6, free(0): byte 7 of the block has changed",
        ),
        (
            Fault::LosesWithRealloc,
            "operation 4, realloc(1, 200): byte 99 of the block has changed",
        ),
        (
            Fault::IsNotAligned,
            "operation 3, memalign(64, 50) gives 0x150: no multiple of 64",
        ),
    ] {
        let why = checked(fault).expect_err("something wrong");
        assert!(why.starts_with(said), "{fault:?}: {why}");
    }
}

#[test]
fn a_heap_that_is_late_counts_as_far_as_it_came() {
    let events: Vec<Event> = (0..1_000).map(|_| allocate(16, None)).collect();
    let region = Region::new(&events);
    let seen = region.seen();
    let (fault, last) = (Fault::None, ptr::null_mut());
    let mut heap = Bump { region, fault, blocks: 0, last };
    let memory = check(&events, &mut heap, &seen, || true);
    let memory = memory.expect("nothing wrong");
    assert_eq!(memory.operations, 1, "{memory:?}");
    assert_eq!(memory.live, 16, "{memory:?}");
}
