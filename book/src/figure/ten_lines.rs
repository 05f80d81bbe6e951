//! How the allocator in ten lines is recorded: it stands on a function
//! `sbrk` as C has it, over a break of this thread.

use std::cell::RefCell;
use std::ptr;

use stage1_bump::{Brk, SimBrk};

use super::recorder::{Recorded, Recorder, Tape, View};
use super::recording::{RecordedHeap, Recording};
use super::region::Region;
use super::stage1;

#[path = "../../steps/1-ten-lines.rs"]
mod step;

thread_local! {
    static BRK: RefCell<Option<SimBrk<'static>>> = const { RefCell::new(None) };
}

/// Moves this thread's break, and returns where it was. As in C, the address
/// whose bits are all ones says that it failed.
fn sbrk(increment: isize) -> *mut u8 {
    with_brk(|brk| {
        // SAFETY: the ten lines give nothing back, but for a byte in
        // `broken_promises`, which nobody reads.
        let old = unsafe { brk.sbrk(increment) };
        old.map_or(ptr::without_provenance_mut(usize::MAX), |old| old.as_ptr())
    })
}

fn with_brk<R>(use_it: impl FnOnce(&mut SimBrk<'static>) -> R) -> R {
    BRK.with_borrow_mut(|brk| use_it(brk.as_mut().expect("a break is set up")))
}

/// Runs `program` on the ten lines, with `room` bytes to grow into.
pub fn record(room: usize, program: fn(&mut Recorder<'_>)) -> Recording {
    // A thread's break is there for as long as the thread: the region stays.
    let region = Box::leak(Box::new(Region::new(room)));
    BRK.set(Some(SimBrk::new(region.bytes())));
    let whose = RecordedHeap::new("book/steps/1-ten-lines.rs", room).but(".");
    Recorder::run(whose, &mut TenLines, program)
}

/// Three promises that the ten lines break. The last request cannot be a block,
/// so the tape is not told that it is one.
pub fn broken_promises() -> Recording {
    const ROOM: usize = 4096;
    let region = Box::leak(Box::new(Region::new(ROOM)));
    BRK.set(Some(SimBrk::new(region.bytes())));
    let mut tape = Tape::new(TenLines.view());
    let mut malloc = |name: &str, size: usize, said: &str| {
        let payload = step::malloc(size);
        let code = match isize::try_from(size) {
            Ok(size) => {
                tape.give(name, payload, size.unsigned_abs());
                format!("{name} = malloc({size})")
            }
            Err(_) => format!("{name} = malloc(usize::MAX)"),
        };
        tape.picture(0, code, Some(payload), TenLines.view());
        tape.note(said);
    };
    malloc("a", 1, "");
    malloc("b", 8, "A number of 8 bytes may not start at an odd address.");
    malloc("c", 0, "No byte is taken, so the next block starts here too.");
    malloc("d", 16, "`c` and `d` have one address: to the program, one block.");
    malloc(
        "e",
        usize::MAX,
        "`sbrk` reads the largest number as −1. `e` looks like a block, and \
         the last byte of `d` has gone back.",
    );
    malloc("f", 8, "So the first byte of `f` is the last one of `d`.");
    let source = "book/steps/1-ten-lines.rs";
    let whose = RecordedHeap::new(source, ROOM).but(".");
    tape.finish(whose, Vec::new())
}

struct TenLines;

impl Recorded for TenLines {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        step::malloc(size)
    }

    unsafe fn free(&mut self, payload: *mut u8) {
        // SAFETY: the caller says what this function asks for.
        unsafe { step::free(payload) }
    }

    unsafe fn realloc(&mut self, _payload: *mut u8, _size: usize) -> *mut u8 {
        unimplemented!("the ten lines have no realloc")
    }

    fn memalign(&mut self, _align: usize, _size: usize) -> *mut u8 {
        unimplemented!("the ten lines have no memalign")
    }

    unsafe fn usable_size(&self, _payload: *mut u8) -> usize {
        unimplemented!("the ten lines do not know")
    }

    fn somebody_else_takes(&mut self, bytes: usize) {
        let taken = with_brk(|brk| brk.somebody_else_takes(bytes));
        taken.expect("the region has room for somebody else");
    }

    fn view(&mut self) -> View {
        with_brk(|brk| stage1::view(brk))
    }
}
