//! Another thread frees all chunks of a segment in which the top is not.
//!
//! The owner's heap is a real one, with lists and holes. The other thread has no
//! stack of its own, so what it frees goes the way of `free_without_stack`.

use std::cell::RefCell;

use stage5_lifo_stack::SimBrk;
use stage5_lifo_stack::per_thread::chunks::Chunk;
use stage5_lifo_stack::per_thread::found::free_without_stack;
use stage5_lifo_stack::per_thread::holes::Holes;
use stage5_lifo_stack::per_thread::sim::SimMmap;

use super::recorder::Tape;
use super::recording::Recording;
use super::region::Region;
use super::segments::{self, Memory, RECORD, SEGMENT};
use super::stacks::Shared;

/// The largest chunk: seven of them fill a segment.
const SIZE: usize = SEGMENT / 8 - RECORD;
const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

/// The columns of the two threads.
const OWNER: usize = 0;
const OTHER: usize = 1;

struct Run<'s, 'm> {
    memory: &'s RefCell<Memory<'m>>,
    owner: Holes<Shared<'s, 'm>>,
    blocks: Vec<(&'static str, *mut u8)>,
    tape: Tape,
}

impl Run<'_, '_> {
    fn malloc(&mut self, names: &[&'static str]) {
        for name in names {
            let payload = self.owner.malloc(SIZE);
            assert!(!payload.is_null(), "there is room for {name}");
            self.tape.give(name, payload, SIZE);
            self.blocks.push((name, payload));
        }
        self.picture(OWNER, format!("{} = malloc({SIZE})", names.join(", ")));
    }

    /// The chunks are freed by one of the two threads.
    fn free(&mut self, lane: usize, names: &[&'static str]) {
        for name in names {
            let is_it = |block: &&(&str, *mut u8)| block.0 == *name;
            let payload = self.blocks.iter().find(is_it).expect("a block").1;
            // SAFETY: it is a chunk of this heap, which nobody uses.
            unsafe {
                match lane {
                    OWNER => self.owner.free(payload),
                    _ => free_without_stack(&mut Shared(self.memory), payload),
                }
            }
            self.tape.take_back(name);
        }
        let code: Vec<_> =
            names.iter().map(|name| format!("free({name})")).collect();
        self.picture(lane, code.join("; "));
    }

    fn picture(&mut self, lane: usize, code: String) {
        let chunks: Vec<Chunk> = self.owner.chunks().collect();
        let view = segments::view(&mut self.memory.borrow_mut(), &chunks);
        self.tape.picture(lane, code, None, view);
    }
}

pub fn record() -> Recording {
    let mut region = Region::new(2 * SEGMENT);
    let memory = RefCell::new(SimMmap::new(SimBrk::new(region.bytes())));
    let owner = Holes::new(Shared(&memory));
    let tape = Tape::new(segments::view(&mut memory.borrow_mut(), &[]));
    let (memory, blocks) = (&memory, Vec::new());
    let mut run = Run { memory, owner, blocks, tape };
    run.malloc(&NAMES);
    run.malloc(&["h"]);
    run.tape.note("The first segment is full, and the top is in the second.");
    run.free(OTHER, &NAMES[..3]);
    run.tape.note(
        "Thread 2 frees what thread 1 has made. Each gets its mark, and waits \
         for its owner.",
    );
    run.free(OTHER, &NAMES[3..6]);
    run.tape.note("One is in use. The segment is not empty.");
    run.free(OTHER, &NAMES[6..]);
    run.tape.note(
        "The last one. Thread 2 looks, finds a mark on every other, and makes \
         one free chunk of them all. Its memory goes back, and its addresses \
         stay.",
    );
    run.tape.still();
    run.free(OWNER, &["h"]);
    run.tape.note(
        "The owner pops its top, and falls past the whole segment below.",
    );
    run.tape.finish(segments::whose(), vec!["thread 1", "thread 2"])
}
