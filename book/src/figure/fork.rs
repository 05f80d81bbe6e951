//! A fork in the middle of a push: what the child finds.
//!
//! The files of the stack are compiled here once more, with atomics that count
//! what is stored, and end their thread at a store of our choice. Each picture
//! is of a run of its own, in the same memory, so all of them agree.

use std::panic::{self, AssertUnwindSafe};

use stage5_lifo_stack::SimBrk;

use super::recorder::{Tape, View};
use super::recording::{Kind, RecordedHeap, Recording, Span};
use super::region::Region;
use crate::amount;

#[allow(dead_code, reason = "a figure needs some of it")]
#[path = "../../../stage5-lifo-stack/src/per_thread"]
mod per_thread {
    use super::atomic;

    pub mod chunks;
    mod found;
    pub mod holes;
    mod large;
    mod lists;
    pub mod record;
    mod row;
    pub mod segment;
    pub mod sim;
    pub mod stack;
    mod sweep;
}

use per_thread::chunks::{Chunk, State};
use per_thread::sim::SimMmap;
use per_thread::stack::Stack;

/// Atomics that end their thread.
mod atomic {
    use std::cell::Cell;
    use std::panic;

    pub use std::sync::atomic::{AtomicBool, Ordering};

    thread_local! {
        /// How many stores there may be before the end.
        pub static STORES: Cell<usize> = const { Cell::new(usize::MAX) };
    }

    /// The end comes before the store.
    fn store() {
        let left = STORES.get();
        if left == 0 {
            panic::resume_unwind(Box::new("the end"));
        }
        STORES.set(left - 1);
    }

    #[repr(transparent)]
    pub struct AtomicU32(std::sync::atomic::AtomicU32);

    impl AtomicU32 {
        pub fn new(value: u32) -> Self {
            store();
            Self(std::sync::atomic::AtomicU32::new(value))
        }

        pub fn load(&self, ordering: Ordering) -> u32 {
            self.0.load(ordering)
        }

        pub fn store(&self, value: u32, ordering: Ordering) {
            store();
            self.0.store(value, ordering);
        }
    }

    pub struct AtomicPtr<T>(std::sync::atomic::AtomicPtr<T>);

    impl<T> AtomicPtr<T> {
        pub fn new(value: *mut T) -> Self {
            Self(std::sync::atomic::AtomicPtr::new(value))
        }

        pub fn load(&self, ordering: Ordering) -> *mut T {
            self.0.load(ordering)
        }

        pub fn store(&self, value: *mut T, ordering: Ordering) {
            store();
            self.0.store(value, ordering);
        }
    }
}

/// How many bytes a segment has in the figure.
const SEGMENT: usize = 512;

/// How many bytes a block has. With its record a chunk has 8 more.
const SIZE: usize = 24;
const CHUNK: usize = SIZE + RECORD;

/// Bytes of the record in front of a chunk: `below`, then `state`.
const RECORD: usize = 8;
const FIELD: usize = RECORD / 2;

type Memory<'m> = SimMmap<SimBrk<'m>, SEGMENT>;

pub fn record() -> Recording {
    let mut region = Region::new(SEGMENT);
    let (mut stack, a) = stopped_after(&mut region, 0);
    let start = stack.mmap().brk().start().addr().get();
    let empty = View { start, mapped: Some(0), ..View::default() };
    let mut tape = Tape::new(View { keeps_books: true, ..empty });
    tape.give("a", a, SIZE);
    let code = format!("a = malloc({SIZE})");
    tape.picture(0, code, Some(a), view(&mut stack));
    tape.note("`below` of the next chunk is there already.");

    let push = |number| format!("b = malloc({SIZE}), store {number}");
    let (mut stack, _) = stopped_after(&mut region, 1);
    tape.picture(0, push(1), None, view(&mut stack));
    tape.note("The `state` of `b`. It stands above the top.");

    let (mut stack, _) = stopped_after(&mut region, 2);
    tape.picture(0, push(2), None, view(&mut stack));
    tape.note(
        "How far it will be to `b` from the chunk above it. The top has not \
         moved.",
    );
    tape.still();
    // SAFETY: the thread that had the stack does not come back.
    unsafe { stack.repair() };
    tape.picture(1, "repair()".to_owned(), None, view(&mut stack));
    tape.note(
        "A fork, at this moment. In the child the thread is not there, and \
         its stack goes to another. Nothing is wrong with it.",
    );
    let c = stack.malloc(SIZE);
    tape.give("c", c, SIZE);
    let code = format!("c = malloc({SIZE})");
    tape.picture(1, code, Some(c), view(&mut stack));
    tape.note("What the other has begun is written over.");

    tape.take_back("c");
    let (mut stack, _) = stopped_after(&mut region, 3);
    tape.picture(0, push(3), None, view(&mut stack));
    tape.note(
        "And if the fork comes one store later? Then `b` is a chunk of the \
         child's, too. Nobody there knows of it: that one chunk is lost.",
    );
    let whose = RecordedHeap {
        source: "stage5-lifo-stack",
        told: format!(
            "Recorded on the stack of stage 5’s heap for each thread, over a \
             `SimMmap` with segments of {}. The thread is stopped after each \
             store of a push.",
            amount::size(SEGMENT)
        ),
        room: None,
    };
    tape.finish(whose, vec!["the thread", "in the child"])
}

/// The stack of a thread that has pushed `a`, and was stopped after so many
/// stores of the next push. And `a`.
fn stopped_after(
    region: &mut Region,
    stores: usize,
) -> (Stack<Memory<'_>>, *mut u8) {
    let mut stack = Stack::new(SimMmap::new(SimBrk::new(region.bytes())));
    let a = stack.malloc(SIZE);
    atomic::STORES.set(stores);
    let push = AssertUnwindSafe(|| stack.malloc(SIZE));
    let is_done = panic::catch_unwind(push).is_ok();
    atomic::STORES.set(usize::MAX);
    assert_eq!(is_done, stores == 3, "a push has three stores");
    (stack, a)
}

/// What can be seen of the stack's one segment, and above its top.
fn view(stack: &mut Stack<Memory<'_>>) -> View {
    let chunks: Vec<Chunk> = stack.chunks().collect();
    let mapped = Some(stack.mmap().mapped());
    let brk = stack.mmap().brk();
    let (start, used) = (brk.start(), brk.used());
    let first = start.addr().get();
    let at = |chunk: &Chunk| chunk.start.addr() - first;
    let span = |kind, from, to, label: &str| {
        let label = label.to_owned();
        Span { label, ..Span::new(kind, from, to) }
    };
    let bottom = at(&chunks[0]) - RECORD;
    let mut spans =
        vec![span(Kind::Header, 0, bottom, "the segment’s words, the ground")];
    for chunk in &chunks {
        let (from, to) = (at(chunk), at(chunk) + chunk.size - RECORD);
        if chunk.state == State::Used {
            spans.push(span(Kind::Header, from - RECORD, from, "record"));
            spans.push(span(Kind::Padding, from, to, "in use, and nobody’s"));
            continue;
        }
        // What stands above the top.
        let mut field = |name: &str, from: usize| {
            // SAFETY: the segment is mapped, and zero where nobody wrote.
            let value =
                unsafe { start.as_ptr().add(from).cast::<u32>().read() };
            if value != 0 {
                let label = format!("{name}: {value}");
                spans.push(span(Kind::Header, from, from + FIELD, &label));
            }
        };
        field("below", from - RECORD);
        field("state", from - FIELD);
        field("below", from + CHUNK - RECORD);
        spans.push(span(Kind::Padding, from - RECORD, used, "room"));
    }
    View {
        start: first,
        used,
        calls: None,
        mapped,
        keeps_books: true,
        spans,
        chunks: None,
    }
}
