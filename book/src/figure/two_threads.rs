//! Two threads in `sbrk` at once, on a break that works as glibc's does.
//!
//! glibc keeps the break in a variable, `__curbrk`. Its `sbrk` reads the
//! variable, asks the kernel for a break that is so much higher, and stores
//! what it asked for. Between the reading and the asking another thread may
//! do the same. Here that happens in one certain way, and all on one thread:
//! the second `malloc` runs whole while the first stands between the two.

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

use stage1_bump::{Brk, Heap, OutOfMemory};

use super::recorder::{Tape, View};
use super::recording::{RecordedHeap, Recording, address};
use super::region::Region;
use crate::amount;

/// The room that the threads' heap has to grow into.
const ROOM: usize = 4096;

/// How much each of them asks for.
const SIZE: usize = 24;

/// What the threads have in common.
struct Process {
    start: NonNull<u8>,
    /// The C library's variable: where it believes the break to be.
    curbrk: Cell<usize>,
    /// Where the kernel has the break.
    brk: Cell<usize>,
    calls: Cell<usize>,
    tape: RefCell<Tape>,
}

impl Process {
    fn new(region: &mut Region) -> Self {
        let start = NonNull::from(region.bytes()).cast::<u8>();
        let view = View { start: start.addr().get(), ..View::default() };
        Self {
            start,
            curbrk: Cell::new(0),
            brk: Cell::new(0),
            calls: Cell::new(0),
            tape: RefCell::new(Tape::new(view)),
        }
    }

    /// The system call: the break goes to an absolute address.
    fn set_brk(&self, to: usize) -> Result<(), OutOfMemory> {
        self.calls.set(self.calls.get() + 1);
        if to > ROOM {
            return Err(OutOfMemory);
        }
        let old = self.brk.replace(to);
        let fresh = to.saturating_sub(old);
        // SAFETY: these bytes lie in the region, above all that is in use.
        unsafe { self.start.add(old).write_bytes(0, fresh) };
        Ok(())
    }

    fn at(&self, offset: usize) -> NonNull<u8> {
        // SAFETY: the break is never above the end of the region.
        unsafe { self.start.add(offset) }
    }

    /// Takes a picture after a thread has done something.
    fn picture(&self, lane: usize, code: String, result: Option<*mut u8>) {
        let start = self.start.addr().get();
        let (used, calls) = (self.brk.get(), Some(self.calls.get()));
        let view = View { start, used, calls, ..View::default() };
        self.tape.borrow_mut().picture(lane, code, result, view);
    }

    fn note(&self, text: impl Into<String>) {
        self.tape.borrow_mut().note(text);
    }
}

/// One thread's way to the break, and what happens while it is in `sbrk`.
struct ThreadBrk<'p> {
    process: &'p Process,
    lane: usize,
    meanwhile: Option<Box<dyn FnOnce() + 'p>>,
}

// SAFETY: it is not true that the bytes are the caller's alone, and this is
// what the recording shows. It does no harm here: the heap above it stores
// nothing in its blocks, and there is one thread.
unsafe impl Brk for ThreadBrk<'_> {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, OutOfMemory> {
        let Self { process, lane, .. } = *self;
        let old = process.curbrk.get();
        let result = Some(process.at(old).as_ptr());
        process.picture(lane, "old = __curbrk".to_owned(), result);
        process.note(format!(
            "`malloc({SIZE})` has called `sbrk({increment})`, which reads \
             where the break is."
        ));

        if let Some(meanwhile) = self.meanwhile.take() {
            meanwhile();
        }

        let new = old.checked_add_signed(increment).ok_or(OutOfMemory)?;
        let before = process.brk.get();
        process.set_brk(new)?;
        process.curbrk.set(new);
        process.picture(lane, format!("brk(old + {increment})"), None);
        if new == before {
            process.note(format!(
                "The same sum again: the break is to go to {}, where it is.",
                address(new)
            ));
        }
        Ok(process.at(old))
    }
}

/// `name = malloc(SIZE)` in one of the threads.
fn malloc(brk: ThreadBrk<'_>, name: &str) {
    let ThreadBrk { process, lane, .. } = brk;
    let payload = Heap::new(brk).malloc(SIZE);
    process.tape.borrow_mut().give(name, payload, SIZE);
    let code = format!("{name} = malloc({SIZE})");
    process.picture(lane, code, Some(payload));
}

fn fill(process: &Process, lane: usize, name: &str) {
    let code = process.tape.borrow_mut().fill(name);
    process.picture(lane, code, None);
}

/// Thread 1 is between the two halves of its `sbrk` when thread 2 does all of
/// its own.
pub fn record() -> Recording {
    let mut region = Region::new(ROOM);
    let shared = Process::new(&mut region);
    let process = &shared;

    let second = ThreadBrk { process, lane: 1, meanwhile: None };
    let meanwhile = move || {
        malloc(second, "b");
        process.note("Thread 2 has a block. Thread 1 goes by what it read.");
    };
    let first =
        ThreadBrk { process, lane: 0, meanwhile: Some(Box::new(meanwhile)) };
    malloc(first, "a");
    process.note("One block, two owners. Neither thread can tell.");

    fill(process, 0, "a");
    process.note("Thread 1 writes to its block.");
    fill(process, 1, "b");
    process.note("Thread 2 writes to its own. What thread 1 wrote is gone.");

    let tape = shared.tape.into_inner();
    let whose = RecordedHeap {
        source: "stage1-bump",
        told: format!(
            "Recorded on stage 1’s heap, over a break of {} that works as \
             glibc 2.36’s does.",
            amount::size(ROOM)
        ),
        room: None,
    };
    tape.finish(whose, vec!["thread 1", "thread 2"])
}
