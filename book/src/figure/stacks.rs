//! Stacks of several threads, in one memory.
//!
//! Each stack is one of the heap for each thread, and all of it happens on one
//! thread of the book's, so that every run is the same. A thread that ends
//! leaves its stack on a list. The list in `threads.rs` is the C library's
//! threads' own, so here it is a variable.

use std::cell::RefCell;
use std::ptr::NonNull;

use stage5_lifo_stack::SimBrk;
use stage5_lifo_stack::per_thread::chunks::Chunk;
use stage5_lifo_stack::per_thread::segment::{Mapping, Mmap};
use stage5_lifo_stack::per_thread::sim::SimMmap;
use stage5_lifo_stack::per_thread::stack::Stack;

use super::recorder::{Tape, View};
use super::recording::{Kind, Recording};
use super::region::Region;
use super::segments::{self, GROUND_LABEL, Memory, SEGMENT};

/// Memory that several stacks take segments from.
#[derive(Clone, Copy)]
pub struct Shared<'s, 'm>(pub &'s RefCell<Memory<'m>>);

// SAFETY: the memory keeps the promises, whoever asks it.
unsafe impl Mmap for Shared<'_, '_> {
    const SEGMENT: usize = SEGMENT;

    fn page(&self) -> usize {
        self.0.borrow().page()
    }

    fn map(&mut self, len: usize, align: usize) -> Option<NonNull<u8>> {
        self.0.borrow_mut().map(len, align)
    }

    unsafe fn unmap(&mut self, start: NonNull<u8>, len: usize) {
        // SAFETY: as the caller promises.
        unsafe { self.0.borrow_mut().unmap(start, len) };
    }

    unsafe fn remap(
        &mut self,
        start: NonNull<u8>,
        len: usize,
        new_len: usize,
    ) -> Option<NonNull<u8>> {
        // SAFETY: as the caller promises.
        unsafe { self.0.borrow_mut().remap(start, len, new_len) }
    }

    fn note(
        &mut self,
        start: *mut u8,
        len: usize,
        mapping: *mut Mapping,
    ) -> Option<()> {
        self.0.borrow_mut().note(start, len, mapping)
    }

    fn mapping_at(&self, address: *mut u8) -> *mut Mapping {
        self.0.borrow().mapping_at(address)
    }
}

/// A stack, and whose it is.
struct Owned<'s, 'm> {
    owner: &'static str,
    stack: Stack<Shared<'s, 'm>>,
}

/// Threads, the stacks that they have, and what was recorded.
struct Threads<'s, 'm> {
    memory: &'s RefCell<Memory<'m>>,
    stacks: Vec<Owned<'s, 'm>>,
    blocks: Vec<(&'static str, *mut u8)>,
    tape: Tape,
}

/// In which column a thread's lines stand.
fn lane(owner: &str) -> usize {
    usize::from(owner == "thread 2")
}

impl<'s, 'm> Threads<'s, 'm> {
    fn new(memory: &'s RefCell<Memory<'m>>) -> Self {
        let view = segments::view(&mut memory.borrow_mut(), &[]);
        let (stacks, blocks) = Default::default();
        Self { memory, stacks, blocks, tape: Tape::new(view) }
    }

    /// A thread comes, with an empty stack.
    fn start(&mut self, owner: &'static str) {
        let stack = Stack::new(Shared(self.memory));
        self.stacks.push(Owned { owner, stack });
    }

    fn stack(&mut self, owner: &str) -> &mut Stack<Shared<'s, 'm>> {
        let mut stacks = self.stacks.iter_mut();
        let its = stacks.find(|it| it.owner == owner);
        &mut its.expect("a thread that has a stack").stack
    }

    fn malloc(&mut self, owner: &'static str, name: &'static str, size: usize) {
        let payload = self.stack(owner).malloc(size);
        self.tape.give(name, payload, size);
        self.blocks.push((name, payload));
        let code = format!("{name} = malloc({size})");
        self.picture(lane(owner), code, Some(payload));
    }

    fn free(&mut self, owner: &'static str, name: &str) {
        let is_it = |block: &&(&str, *mut u8)| block.0 == name;
        let payload = self.blocks.iter().find(is_it).expect("a block").1;
        // SAFETY: it is a chunk of one of these stacks, which nobody uses.
        unsafe { self.stack(owner).free(payload) };
        self.tape.take_back(name);
        self.picture(lane(owner), format!("free({name})"), None);
    }

    /// The stack of one becomes that of another, or nobody's.
    fn hand_over(&mut self, from: &str, to: &'static str, code: &str) {
        let mut stacks = self.stacks.iter_mut();
        let its = stacks.find(|it| it.owner == from);
        its.expect("a thread that has a stack").owner = to;
        self.picture(0, code.to_owned(), None);
    }

    fn note(&mut self, text: &str) {
        self.tape.note(text);
    }

    fn picture(&mut self, lane: usize, code: String, result: Option<*mut u8>) {
        let view = self.view();
        self.tape.picture(lane, code, result, view);
    }

    /// All memory, with the owner of each segment.
    fn view(&mut self) -> View {
        let owned: Vec<(&str, Vec<Chunk>)> = self
            .stacks
            .iter()
            .map(|it| (it.owner, it.stack.chunks().collect()))
            .collect();
        let chunks: Vec<Chunk> =
            owned.iter().flat_map(|its| its.1.clone()).collect();
        let mut view = segments::view(&mut self.memory.borrow_mut(), &chunks);
        let first = view.start;
        for span in &mut view.spans {
            if span.kind != Kind::Header || span.label != GROUND_LABEL {
                continue;
            }
            let is_in = |chunk: &Chunk| {
                let at = chunk.start.addr() - first;
                (span.start..span.start + SEGMENT).contains(&at)
            };
            let its = owned.iter().find(|its| its.1.iter().any(is_in));
            if let Some((owner, _)) = its {
                span.label = format!("{owner}: a segment, the ground");
            }
        }
        view
    }
}

/// Records what `program` does, with room for so many segments.
fn record(
    segments: usize,
    lanes: Vec<&'static str>,
    program: fn(&mut Threads<'_, '_>),
) -> Recording {
    let mut region = Region::new(segments * SEGMENT);
    let brk = SimBrk::new(region.bytes());
    let memory = RefCell::new(SimMmap::new(brk));
    let mut threads = Threads::new(&memory);
    program(&mut threads);
    threads.tape.finish(segments::whose(), lanes)
}

/// A chunk of one stack is marked by another thread, and popped by its owner.
pub fn mark() -> Recording {
    record(2, vec!["thread 1", "thread 2"], |t| {
        t.start("thread 1");
        t.start("thread 2");
        t.malloc("thread 1", "a", 40);
        t.malloc("thread 1", "b", 40);
        t.malloc("thread 1", "c", 40);
        t.malloc("thread 2", "x", 40);
        t.note("Thread 2 has a stack of its own, in a segment of its own.");
        t.free("thread 2", "b");
        t.note(
            "`b` lies in the stack of thread 1. Thread 2 sets its mark, and \
             nothing else: the top of thread 1 is where it was.",
        );
        t.free("thread 2", "x");
        t.note("What is its own top it pops.");
        t.free("thread 1", "c");
        t.note("The owner pops its top, finds the mark below, and pops `b`.");
        t.free("thread 1", "a");
    })
}

/// A thread ends, and another goes on where it has stopped.
pub fn adoption() -> Recording {
    record(2, vec!["thread 1, then 3", "thread 2"], |t| {
        t.start("thread 1");
        t.start("thread 2");
        t.malloc("thread 1", "a", 40);
        t.malloc("thread 1", "b", 40);
        t.malloc("thread 2", "x", 40);
        t.hand_over("thread 1", "parked", "thread 1 ends");
        t.note(
            "Its stack stays as it is, with both chunks. It is on the list of \
             those that are nobody’s.",
        );
        t.free("thread 2", "b");
        t.note(
            "Thread 2 is done with `b`. Nobody has to be there for that: it \
             sets the mark.",
        );
        t.hand_over("parked", "thread 3", "thread 3 starts");
        t.note("It takes the stack from the list.");
        t.malloc("thread 3", "c", 40);
        t.note("It pushes on top of what is there.");
        t.free("thread 3", "c");
        t.note(
            "It pops its own chunk, and then `b`, of which it has never heard. \
             `a` is still in use, and stays.",
        );
    })
}

/// Three threads push and pop, each on its own stack.
pub fn three_stacks() -> Recording {
    record(3, Vec::new(), |t| {
        for thread in ["thread 1", "thread 2", "thread 3"] {
            t.start(thread);
        }
        t.malloc("thread 1", "f1", 40);
        t.malloc("thread 2", "g1", 40);
        t.malloc("thread 1", "f2", 40);
        t.malloc("thread 3", "h1", 40);
        t.malloc("thread 2", "g2", 40);
        t.note(
            "Each has its own stack, and nobody’s chunk lies above another’s.",
        );
        t.free("thread 1", "f2");
        t.note("`f2` is the top of its stack, whatever the others have done.");
        t.free("thread 2", "g2");
        t.free("thread 2", "g1");
        t.free("thread 1", "f1");
        t.free("thread 3", "h1");
    })
}
