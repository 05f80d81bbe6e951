//! How a chunk is found that lies deep: first from the top down, then by halves.
//!
//! The chunks are those of a real heap. Where the search looks is noted by the
//! question that `partition_point` asks of each chunk that it looks at.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::ptr;

use stage5_lifo_stack::heap::Chunk;
use stage5_lifo_stack::{Heap, SimBrk};

use super::question::Question;
use super::recorder::{Tape, View};
use super::recording::{Drawn, RecordedHeap, Recording, address};
use super::region::Region;
use super::rows::{Column, Row};
use crate::item;

/// How many chunks there can be, with the ground.
const CHUNKS: usize = 20;

/// How many bytes each has.
const SIZE: usize = 64;

/// Which chunk is looked for.
const WANTED: usize = 4;

/// How far the break rises.
const ROOM: usize = 5 * 4096;

/// How many chunks are looked at from the top down.
fn near() -> usize {
    let source = include_str!("../../../stage5-lifo-stack/src/heap.rs");
    let near = item::find("heap.rs", source, "NEAR");
    let near = near.unwrap_or_else(|error| panic!("{error}")).text;
    let value = near.rsplit_once("= ").map(|(_, value)| value);
    let value = value.and_then(|it| it.trim_end().strip_suffix(';'));
    value.and_then(|it| it.parse().ok()).expect("a number")
}

pub fn record() -> Recording {
    let mut region = Region::new(ROOM);
    let mut heap = Heap::<_, CHUNKS>::new(SimBrk::new(region.bytes()));
    let start = heap.brk().start().addr().get();
    let blocks: Vec<*mut u8> = (1..CHUNKS).map(|_| heap.malloc(SIZE)).collect();
    let wanted = blocks[WANTED - 1];
    let mut tape = Tape::new(View { start, ..View::default() });
    let search = Search { start, chunks: heap.chunks(), wanted };
    search.walk(&mut tape);
    search.halve(&mut tape);
    let told = format!(
        "Recorded on stage 5’s heap, with {CHUNKS} places for chunks, all of \
         them taken. The ground is place 0."
    );
    let whose = RecordedHeap { source: "stage5-lifo-stack", told, room: None };
    tape.finish(whose, Vec::new())
}

/// The chunks, and what is looked for.
struct Search<'c> {
    start: usize,
    chunks: &'c [Chunk],
    wanted: *mut u8,
}

impl Search<'_> {
    /// What comes first: the chunks near the top, one by one.
    fn walk(&self, tape: &mut Tape) {
        let all = 0..=CHUNKS - 1;
        let html = self.draw(&all, &[]);
        tape.draw(Drawn { html, asked: None });
        tape.note(format!(
            "Which chunk starts at {}? The lowest address is at the bottom, the \
             top of the stack above.",
            self.at(self.wanted)
        ));
        let near = near();
        let looked: Vec<_> = (CHUNKS - near..CHUNKS).collect();
        assert!(looked.iter().all(|it| self.chunks[*it].start != self.wanted));
        self.picture(tape, "from the top down", &all, &looked, None);
        tape.note(format!(
            "The {near} chunks on top are looked at, one by one. It is none of \
             them."
        ));
        tape.still();
    }

    /// What comes next.
    fn halve(&self, tape: &mut Tape) {
        let (mut low, mut high) = (0, CHUNKS - 1);
        for (place, is_below) in self.looks() {
            match is_below {
                true => low = low.max(place + 1),
                false => high = high.min(place),
            }
            let asked = Some(self.ask(place, is_below));
            let code = format!("look at {place}");
            self.picture(tape, &code, &(low..=high), &[place], asked);
            // `partition_point` may look once more, and learns nothing new.
            let is_found = high == low;
            tape.note(match high - low {
                0 => format!("One is left, {low}. It starts there: found."),
                more => format!("{} are left, {low} to {high}.", more + 1),
            });
            if is_found {
                break;
            }
        }
    }

    /// Where `Heap::search` looks, and whether the chunk there ends at what is
    /// looked for, or below.
    fn looks(&self) -> Vec<(usize, bool)> {
        let looks = RefCell::new(Vec::new());
        let first = self.chunks.as_ptr().addr();
        let found = self.chunks.partition_point(|chunk| {
            let from = ptr::from_ref(chunk).addr() - first;
            let is_below = chunk.end <= self.wanted;
            looks.borrow_mut().push((from / size_of::<Chunk>(), is_below));
            is_below
        });
        assert_eq!(self.chunks[found].start, self.wanted, "it is there");
        looks.into_inner()
    }

    fn ask(&self, place: usize, is_below: bool) -> Question {
        let end = self.at(self.chunks[place].end);
        let wanted = self.at(self.wanted);
        let choices = ["Above it", "There, or below it"];
        let right = usize::from(!is_below);
        Question {
            text: format!(
                "Chunk {place} ends at {end}. Where is the one that starts at \
                 {wanted}?"
            ),
            choices: choices.map(str::to_owned).to_vec(),
            right,
            answer: format!("{}.", choices[right]),
        }
    }

    fn picture(
        &self,
        tape: &mut Tape,
        code: &str,
        left: &RangeInclusive<usize>,
        looked: &[usize],
        asked: Option<Question>,
    ) {
        let view = View { start: self.start, ..View::default() };
        tape.picture(0, code.to_owned(), None, view);
        tape.draw(Drawn { html: self.draw(left, looked), asked });
    }

    /// The chunks, those that are left in another colour.
    fn draw(&self, left: &RangeInclusive<usize>, looked: &[usize]) -> String {
        let mut column = Column::default();
        for (place, chunk) in self.chunks.iter().enumerate() {
            let class = match left.contains(&place) {
                true => "is-payload",
                false => "is-padding",
            };
            let tag = if looked.contains(&place) { "looked at" } else { "" };
            let at = match chunk.start.is_null() {
                true => "null".to_owned(),
                false => self.at(chunk.start),
            };
            let (name, height) = (place.to_string(), 20);
            let row =
                Row { at: &at, class, name: &name, size: "", tag, height };
            column.row(&row);
        }
        column.finish("hf-map", "The chunks, from the ground up")
    }

    fn at(&self, place: *mut u8) -> String {
        address(place.addr() - self.start)
    }
}
