//! Two threads in one heap, without its lock and with it.
//!
//! The heap is a real one, and both threads run its own `malloc`. It can be
//! watched where it calls its break. There one thread stops and the other comes
//! on: they change places between two calls of `sbrk`, and each call is whole.
//! All of it happens on one thread of the book's, so that every run is the same.
//!
//! A thread without the lock works on the heap's fields as it found them, and
//! puts them back when it is done. That is what `&mut self` lets a compiler
//! do: it says that nobody else looks meanwhile. So there are never two `&mut`
//! to one heap here. The blocks, their headers and the break are there once,
//! for both threads.
//!
//! Both recordings are of stage 4's heap. Its `heap.rs` is stage 3's to the
//! byte.

use std::cell::{Cell, RefCell};
use std::mem;
use std::ptr::NonNull;

use stage4_threadsafe::heap::STEP;
use stage4_threadsafe::{Brk, Heap, LockedHeap, Mutex, OutOfMemory, SimBrk};

use super::recorder::{Tape, View};
use super::recording::{Kind, RecordedHeap, Recording, Span};
use super::region::Region;
use crate::item;

/// The room that the heap has to grow into: less than a step. A step is refused,
/// and the heap asks for what it needs and no more.
const ROOM: usize = 4096;

/// Who comes to the heap.
const TWO: [&str; 2] = ["thread 1", "thread 2"];

/// How much each block has.
const SIZE: usize = 64;

/// What the threads have in common, but for the heap's own fields.
struct Process<'p> {
    start: usize,
    brk: RefCell<SimBrk<'p>>,
    tape: RefCell<Tape>,
    /// The blocks, as the last thread left them that was done.
    blocks: RefCell<Vec<Span>>,
    /// Which thread runs.
    lane: Cell<usize>,
    /// Whether pictures are taken in the middle of a `malloc`.
    is_watched: Cell<bool>,
    /// What the other thread does, and after which call of `sbrk`.
    meanwhile: Cell<Option<Meanwhile<'p>>>,
    lines: Lines,
}

impl<'p> Process<'p> {
    fn new(region: &'p mut Region) -> Self {
        let brk = SimBrk::new(region.bytes());
        let start = brk.start().addr().get();
        let view = View { start, keeps_books: true, ..View::default() };
        Self {
            start,
            brk: RefCell::new(brk),
            tape: RefCell::new(Tape::new(view)),
            blocks: RefCell::default(),
            lane: Cell::new(0),
            is_watched: Cell::new(false),
            meanwhile: Cell::new(None),
            lines: Lines::of_the_heap(),
        }
    }

    fn view(&self) -> View {
        View {
            start: self.start,
            used: self.brk.borrow().used(),
            calls: None,
            mapped: None,
            keeps_books: true,
            spans: self.blocks.borrow().clone(),
            chunks: None,
        }
    }

    /// Takes a picture after the thread that runs has done something.
    fn picture(&self, code: &str, result: Option<*mut u8>) {
        let (lane, code) = (self.lane.get(), code.to_owned());
        self.tape.borrow_mut().picture(lane, code, result, self.view());
    }

    /// A thread comes to the lock. It is asked whether it is free: a thread
    /// that waits for it would wait for ever, as there is one thread here.
    fn come_to_the_lock(&self, heap: &LockedHeap<SharedBrk<'p>>) {
        if heap.heap.try_lock().is_some() {
            self.picture(&self.lines.lock, None);
        } else {
            let (lane, code) = (self.lane.get(), self.lines.lock.clone());
            self.tape.borrow_mut().wait(lane, code, self.view());
        }
    }

    /// The thread that runs has got a block from `heap`, and is done.
    fn give(&self, name: &str, payload: *mut u8, heap: &Heap<SharedBrk<'p>>) {
        self.blocks.replace(spans(heap, self.start));
        self.tape.borrow_mut().give(name, payload, SIZE);
        self.picture(&format!("{name} = malloc({SIZE})"), Some(payload));
    }

    /// A thread fills its block.
    fn fill(&self, lane: usize, name: &str) {
        self.lane.set(lane);
        let code = self.tape.borrow_mut().fill(name);
        self.picture(&code, None);
    }

    /// The address that a step returned.
    fn result(&self, step: usize) -> String {
        self.tape.borrow().result(step)
    }

    /// How many bytes lie above what the heap knows of.
    fn lost(&self) -> usize {
        let blocks = self.blocks.borrow();
        self.brk.borrow().used() - blocks.last().map_or(0, |last| last.end)
    }

    /// Ends the recording, with what is to be said of the steps from the
    /// first on.
    fn finish(
        &self,
        lanes: Vec<&'static str>,
        notes: Vec<String>,
    ) -> Recording {
        let mut tape = self.tape.take();
        for (step, note) in (1..).zip(notes) {
            tape.note_step(step, note);
        }
        let whose =
            RecordedHeap::new("stage4-threadsafe", ROOM).smaller_than(STEP);
        tape.finish(whose, lanes)
    }
}

/// After which call of `sbrk` the other thread does what.
type Meanwhile<'p> = (Moves, &'p dyn Fn());

/// Which calls of `sbrk` are meant.
#[derive(Clone, Copy, PartialEq)]
enum Moves {
    /// Those that ask where the break is.
    Nothing,
    /// Those that raise it.
    TheBreak,
}

/// The one break, which every thread moves.
#[derive(Clone, Copy)]
struct SharedBrk<'p>(&'p Process<'p>);

// SAFETY: it is a `SimBrk`. But the bytes are the caller's alone only if there
// is one heap at a time. Where there are two, as in `without_lock`, both write
// the same headers, through pointers that have nobody's `&mut` behind them.
unsafe impl Brk for SharedBrk<'_> {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, OutOfMemory> {
        let Self(process) = *self;
        // SAFETY: as the caller promises. These heaps never give back.
        let old = unsafe { process.brk.borrow_mut().sbrk(increment) }?;
        if process.is_watched.get() {
            let lines = &process.lines;
            let asks = increment == 0;
            let code = if asks { &lines.ask } else { &lines.raise };
            process.picture(code, Some(old.as_ptr()));
        }
        let moves =
            if increment == 0 { Moves::Nothing } else { Moves::TheBreak };
        match process.meanwhile.take() {
            Some((when, meanwhile)) if when == moves => {
                let lane = process.lane.get();
                meanwhile();
                process.lane.set(lane);
            }
            later => process.meanwhile.set(later),
        }
        Ok(old)
    }
}

/// The lines at which a thread is seen, as the source has them.
struct Lines {
    ask: String,
    raise: String,
    lock: String,
}

impl Lines {
    fn of_the_heap() -> Self {
        let heap = include_str!("../../../stage4-threadsafe/src/heap.rs");
        let locked = include_str!("../../../stage4-threadsafe/src/locked.rs");
        Self {
            ask: call(heap, "Heap::grow", "sbrk("),
            raise: call(heap, "Heap::raise", "sbrk("),
            lock: call(locked, "LockedHeap::malloc", "lock("),
        }
    }
}

/// The one call in an item that begins like this.
fn call(source: &str, name: &str, start: &str) -> String {
    let item = item::find("the heap", source, name);
    let item = item.unwrap_or_else(|error| panic!("{error}"));
    let calls: Vec<_> = item.text.match_indices(start).collect();
    let [(at, _)] = calls[..] else { panic!("not one `{start}` in {name}") };
    let call = &item.text[at..];
    let end = call.find(')').expect("a call ends");
    call[..=end].to_owned()
}

/// What the heap has written: its headers. No block here is free.
fn spans(heap: &Heap<SharedBrk<'_>>, start: usize) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut end = 0;
    for block in heap.blocks() {
        assert!(!block.is_free, "a free block has no span here");
        let payload = block.payload - start;
        spans.push(Span::new(Kind::Header, end, payload));
        end = payload + block.size;
    }
    // The last header has no payload, and the first has as many bytes.
    let header = spans.first().map_or(0, Span::len);
    let label = "the end".to_owned();
    spans.push(Span { label, ..Span::new(Kind::Header, end, end + header) });
    spans
}

/// Thread 2 comes in when thread 1 has raised the break, and has not yet noted
/// where the heap ends.
pub fn without_lock() -> Recording {
    let mut region = Region::new(ROOM);
    let process = Process::new(&mut region);
    let fields: Cell<Heap<_>> = Cell::new(Heap::new(SharedBrk(&process)));
    let malloc = |lane, name| {
        process.lane.set(lane);
        // SAFETY: nothing happens when a heap is dropped, so there may be two
        // with the same fields.
        let mut heap = unsafe { fields.as_ptr().read() };
        let payload = heap.malloc(SIZE);
        process.give(name, payload, &heap);
        fields.set(heap);
    };

    malloc(0, "x");
    process.is_watched.set(true);
    let meanwhile = || malloc(1, "b");
    process.meanwhile.set(Some((Moves::TheBreak, &meanwhile)));
    malloc(0, "a");
    process.fill(0, "a");
    process.fill(1, "b");

    let result = |step| process.result(step);
    let notes = vec![
        "At the top of the heap there is a header without a payload: the end."
            .into(),
        format!(
            "Thread 1 is in `malloc({SIZE})`. No block is free, so `grow` asks \
             where the break is."
        ),
        format!(
            "That is `raise`. It was at {}, thread 1 is told, as it had heard \
             before. It has yet to note where the heap ends now.",
            result(3)
        ),
        format!(
            "Thread 2 is in `grow` too. The break is at {}, above the end that \
             the heap knows of: somebody else’s memory, it seems.",
            result(4)
        ),
        "So its block goes above that.".into(),
        "Thread 2 has its block. It has noted where the heap ends, and is done."
            .into(),
        format!(
            "Thread 1 goes on, and notes where the heap ends by its own sums: \
             below the block of thread 2. Above lie {} bytes of which the \
             heap does not know.",
            process.lost()
        ),
        "Thread 1 writes to its block.".into(),
        "Thread 2 writes to its own. Once it frees it, the heap will say: this \
         is no block of mine."
            .into(),
    ];
    process.finish(TWO.to_vec(), notes)
}

/// The same two threads, and the heap behind its lock.
pub fn with_lock() -> Recording {
    let mut region = Region::new(ROOM);
    let process = Process::new(&mut region);
    let heap: LockedHeap<_> =
        LockedHeap::new(Mutex::new(Heap::new(SharedBrk(&process))));
    let malloc = |lane, name| {
        process.lane.set(lane);
        let payload = heap.malloc(SIZE);
        process.give(name, payload, &heap.heap.lock());
    };

    malloc(0, "x");
    process.is_watched.set(true);
    process.come_to_the_lock(&heap);
    let meanwhile = || {
        process.lane.set(1);
        process.come_to_the_lock(&heap);
    };
    process.meanwhile.set(Some((Moves::Nothing, &meanwhile)));
    malloc(0, "a");
    malloc(1, "b");
    process.fill(0, "a");
    process.fill(1, "b");

    let result = |step| process.result(step);
    let notes = vec![
        "The same heap, behind a lock.".into(),
        format!("Thread 1 is in `malloc({SIZE})`. It takes the lock."),
        "No block is free, so `grow` asks where the break is.".into(),
        "Thread 2 is in `malloc` too. Somebody has the lock, so it waits."
            .into(),
        format!(
            "It was at {}, thread 1 is told, and `grow` had heard the same.",
            result(5)
        ),
        "Thread 1 has its block, and lets go of the lock.".into(),
        format!(
            "Now thread 2 has the lock. It asks where the break is, and hears \
             {}.",
            result(7)
        ),
        "It goes on from there.".into(),
        "Two blocks, and each has one owner.".into(),
        "Thread 1 writes to its block.".into(),
        "Thread 2 writes to its own.".into(),
    ];
    process.finish(TWO.to_vec(), notes)
}

/// A fork while another thread is in the heap, and one while nobody can be.
///
/// What is copied is the lock as it stands, and in the end the heap behind it.
pub fn forks() -> Recording {
    const CHILD: usize = 2;
    let mut region = Region::new(ROOM);
    let process = Process::new(&mut region);
    let brk = SharedBrk(&process);
    let heap: LockedHeap<_> = LockedHeap::new(Mutex::new(Heap::new(brk)));
    let malloc = |lane, name, heap: &LockedHeap<_>| {
        process.lane.set(lane);
        let payload = heap.malloc(SIZE);
        process.give(name, payload, &heap.heap.lock());
    };
    let come = |lane, heap: &LockedHeap<_>| {
        process.lane.set(lane);
        process.come_to_the_lock(heap);
    };
    let call = |lane, code: &str| {
        process.lane.set(lane);
        process.picture(code, None);
    };

    malloc(0, "x", &heap);
    process.is_watched.set(true);
    come(1, &heap);
    let fork = || {
        process.is_watched.set(false);
        call(0, "fork()");
        come(CHILD, &copy_of_the_lock(&heap, brk));
    };
    process.meanwhile.set(Some((Moves::Nothing, &fork)));
    malloc(1, "b", &heap);

    mem::forget(heap.heap.lock());
    call(0, "take()");
    come(1, &heap);
    call(0, "fork()");
    // SAFETY: nobody is in the heap, and nothing happens when one is dropped.
    let child = unsafe { (&raw const heap).read() };
    // SAFETY: the guard was forgotten, and this copy is nobody else's.
    unsafe { child.heap.force_unlock() };
    call(CHILD, "let_go()");
    malloc(CHILD, "c", &child);
    process.finish([&TWO[..], &["a child"]].concat(), told_of_forks())
}

/// A lock that is taken if that of `heap` is, as in the copy that a fork makes.
/// The heap behind it is an empty one.
fn copy_of_the_lock<'p>(
    heap: &LockedHeap<SharedBrk<'p>>,
    brk: SharedBrk<'p>,
) -> LockedHeap<SharedBrk<'p>> {
    let copy = LockedHeap::new(Mutex::new(Heap::new(brk)));
    if heap.heap.try_lock().is_none() {
        mem::forget(copy.heap.lock());
    }
    copy
}

fn told_of_forks() -> Vec<String> {
    [
        "A heap behind a lock, at first without fork handlers.",
        "Thread 2 is in `malloc`, and takes the lock.",
        "It is in the middle of the heap.",
        "Thread 1 forks. The child has a copy of all memory, and of the threads \
         this one alone.",
        "In the copy the lock is taken, by a thread that is not there. The child \
         waits for ever.",
        "It has its block, and lets go of its own lock. The child’s is another.",
        "Now with the handlers. Before it forks, thread 1 takes the lock, and \
         keeps it.",
        "Thread 2 wants to allocate, and waits. Nobody is in the heap.",
        "What is copied now is a heap that is whole, and a lock that this \
         thread itself has taken.",
        "The child lets go of its copy. (The parent does the same with its own.)",
        "The child has a heap, and nobody is in its way.",
    ]
    .map(str::to_owned)
    .to_vec()
}
