//! How the allocator in ten lines is recorded, and played with: it stands on a
//! function `sbrk` as C has it, over a break of this thread.

use std::cell::RefCell;
use std::ptr;

use stage1_bump::{Brk, SimBrk};

use super::heap::Played;
use super::lists::Lists;
use super::recorder::{Recorded, Recorder, View};
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

/// The code.
pub const SOURCE: &str = "book/steps/1-ten-lines.rs";

/// Has the ten lines used, with `room` bytes to grow into.
pub fn with<R>(room: usize, use_it: impl FnOnce(&mut TenLines) -> R) -> R {
    let region = Box::into_raw(Box::new(Region::new(room)));
    // SAFETY: it is there until the break of this thread is gone, below.
    let brk = SimBrk::new(unsafe { (*region).bytes() });
    BRK.set(Some(brk));
    let used = use_it(&mut TenLines(()));
    BRK.set(None);
    // SAFETY: it came from a box, and nobody borrows it any more.
    drop(unsafe { Box::from_raw(region) });
    used
}

/// Runs `program` on the ten lines, with `room` bytes to grow into.
pub fn record(room: usize, program: fn(&mut Recorder<'_>)) -> Recording {
    let whose = RecordedHeap::new(SOURCE, room).but(".");
    with(room, |heap| Recorder::run(whose, heap, program))
}

/// The ten lines, while this thread has a break.
pub struct TenLines(());

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

impl Played for TenLines {
    fn is_whole(&self) -> bool {
        false
    }

    fn calloc(&mut self, _count: usize, _size: usize) -> *mut u8 {
        unimplemented!("the ten lines have no calloc")
    }

    fn foreign_sbrk(&mut self, bytes: usize) -> Option<()> {
        with_brk(|brk| brk.somebody_else_takes(bytes)).ok()
    }

    fn refuse(&mut self, calls: usize) {
        with_brk(|brk| brk.refuse(calls));
    }

    fn lists(&mut self) -> Option<Lists> {
        None
    }
}
