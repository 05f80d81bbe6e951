//! How a program that breaks the rules is recorded.
//!
//! The recorder of the crate `play` knows only programs that keep them. Here
//! the program may write to where nothing is its own, and free what it has
//! freed before. What it does must not make the heap end the book's build: each
//! scenario has been chosen so.

use std::ptr;

use stage2_headers::Heap as Headers;
use stage5_lifo_stack::{Heap, SimBrk};

use super::recorder::{Recorded, Tape};
use super::recording::{RecordedHeap, Recording, address};
use super::region::Region;

/// How many chunks there can be in a figure.
const CHUNKS: usize = 16;

/// Runs `program` on one stack of chunks, with `room` bytes to grow into.
pub fn one_stack(room: usize, program: fn(&mut Misuse<'_>)) -> Recording {
    let mut region = Region::new(room);
    let mut heap = Heap::<_, CHUNKS>::new(SimBrk::new(region.bytes()));
    let but = format!(", with {CHUNKS} places for chunks.");
    let whose = RecordedHeap::new("stage5-lifo-stack", room).but(&but);
    Misuse::run(whose, &mut heap, program)
}

/// The same on the heap of stage 2.
pub fn headers(room: usize, program: fn(&mut Misuse<'_>)) -> Recording {
    let mut region = Region::new(room);
    let mut heap = Headers::new(stage2_headers::SimBrk::new(region.bytes()));
    let whose = RecordedHeap::new("stage2-headers", room).but(".");
    // Who plays with the heap in the page is taken to keep the rules.
    let whose = RecordedHeap { room: None, ..whose };
    Misuse::run(whose, &mut heap, program)
}

/// A program, the heap it runs on, and what was recorded.
pub struct Misuse<'h> {
    heap: &'h mut dyn Recorded,
    /// The address at which the heap starts.
    start: usize,
    tape: Tape,
    /// All blocks that it ever got, the newest last.
    blocks: Vec<(&'static str, *mut u8)>,
}

impl<'h> Misuse<'h> {
    /// Runs `program` on `heap`, which is empty. `whose` says which it is.
    pub fn run(
        whose: RecordedHeap,
        heap: &'h mut dyn Recorded,
        program: fn(&mut Misuse<'_>),
    ) -> Recording {
        let view = heap.view();
        let (start, tape) = (view.start, Tape::new(view));
        let mut misuse = Misuse { heap, start, tape, blocks: Vec::new() };
        program(&mut misuse);
        misuse.tape.finish(whose, Vec::new())
    }

    /// `name = malloc(size)`
    pub fn malloc(&mut self, name: &'static str, size: usize) {
        let payload = self.heap.malloc(size);
        self.tape.give(name, payload, size);
        self.blocks.push((name, payload));
        self.picture(format!("{name} = malloc({size})"), Some(payload));
    }

    /// Fills a block with its letter.
    pub fn fill(&mut self, name: &str) {
        let code = self.tape.fill(name);
        self.picture(code, None);
    }

    /// `free(name)`
    pub fn free(&mut self, name: &str) {
        self.tape.take_back(name);
        self.free_what_was(name);
    }

    /// `free(name)`, when the program has freed it before. Whoever has that
    /// memory now is not asked, and believes that it is theirs.
    pub fn free_again(&mut self, name: &str) {
        self.free_what_was(name);
    }

    fn free_what_was(&mut self, name: &str) {
        // SAFETY: none, if it is a second time. The heap believes it, and what
        // it does then is recorded.
        unsafe { self.heap.free(self.payload(name)) };
        self.picture(format!("free({name})"), None);
    }

    /// Writes numbers to what is, or was, a block: `code` is how the program
    /// says it, and `at` where the first one goes, counted in numbers.
    pub fn write<N: Copy>(
        &mut self,
        code: &str,
        name: &str,
        at: usize,
        numbers: &[N],
    ) {
        let payload = self.payload(name);
        // SAFETY: all of it lies in the heap's memory, as the scenario has
        // chosen it. Whose it is does not matter here.
        unsafe {
            let to = payload.cast::<N>().wrapping_add(at);
            ptr::copy_nonoverlapping(numbers.as_ptr(), to, numbers.len());
        }
        self.picture(code.to_owned(), None);
    }

    /// Where a block starts, or started.
    pub fn payload(&self, name: &str) -> *mut u8 {
        let mut blocks = self.blocks.iter().rev();
        let block = blocks.find(|block| block.0 == name);
        block.expect("a block of this name").1
    }

    /// The same, from the start of the heap, as the figure shows it.
    pub fn address(&self, name: &str) -> String {
        address(self.payload(name).addr() - self.start)
    }

    /// How many bytes a block really has.
    pub fn room(&self, name: &str) -> usize {
        // SAFETY: the scenario asks for whole blocks.
        unsafe { self.heap.usable_size(self.payload(name)) }
    }

    /// Says what to see in the picture just taken.
    pub fn note(&mut self, text: impl Into<String>) {
        self.tape.note(text);
    }

    /// Makes the picture just taken the one for paper.
    pub fn still(&mut self) {
        self.tape.still();
    }

    fn picture(&mut self, code: String, result: Option<*mut u8>) {
        let view = self.heap.view();
        self.tape.picture(0, code, result, view);
    }
}
