//! The break in an address space of its own: stage 4's heap, and what lies
//! around it.
//!
//! The heap is a real one, over a simulated break. Where the break of
//! `reserved.rs` has opened pages, and which of them have memory, follows from
//! where the break is, and has been.

use std::cmp::Ordering;

use stage4_threadsafe::{Heap, SimBrk};

use super::draw::key;
use super::question::Question;
use super::recorder::{Tape, View};
use super::recording::{Drawn, RecordedHeap, Recording};
use super::region::Region;
use super::rows::{Column, Row};
use crate::amount::{number, size};

/// How far the break rises in the figure.
const ROOM: usize = 8 << 20;

/// Bytes of a page.
const PAGE: usize = 4096;

/// How many bytes the heap takes of the address space: a power of two, which
/// the source has as `1 << 36`.
fn space() -> usize {
    let source = include_str!("../../../stage4-threadsafe/src/reserved.rs");
    let rest = source.split_once("const SPACE: usize = 1 << ");
    let power = rest.and_then(|(_, rest)| rest.split(';').next());
    1 << power.and_then(|it| it.parse::<u32>().ok()).expect("a power of two")
}

/// A break, and how high it has been.
struct Reserved<'m> {
    heap: Heap<SimBrk<'m>>,
    tape: Tape,
    /// Pages are open up to here.
    open: usize,
    used: usize,
}

impl Reserved<'_> {
    fn picture(&mut self, code: &str, result: Option<*mut u8>, note: &str) {
        let before = self.used;
        self.used = self.heap.brk().used();
        let was_open = self.open;
        self.open = was_open.max(self.used.next_multiple_of(PAGE));
        let start = self.heap.brk().start().addr().get();
        let calls = Some(self.heap.brk().calls());
        let view = View { start, calls, ..View::default() };
        self.tape.picture(0, code.to_owned(), result, view);
        let html = draw(self.used, self.open, before);
        let asked = Some(ask(self.used.cmp(&before), self.open > was_open));
        self.tape.draw(Drawn { html, asked });
        self.tape.note(note);
    }
}

pub fn record() -> Recording {
    let mut region = Region::new(ROOM);
    let mut heap = Heap::new(SimBrk::new(region.bytes()));
    let start = heap.brk().start().addr().get();
    let tape = Tape::new(View { start, ..View::default() });
    let mut run = Reserved { heap, tape, open: 0, used: 0 };
    let html = draw(0, 0, 0);
    run.tape.draw(Drawn { html, asked: None });
    run.tape.note(
        "The addresses are ours. Nobody may touch one, and there is no memory \
         behind them.",
    );
    let a = run.heap.malloc(100);
    let note = "The break rises by a step, and the pages below it are opened.";
    run.picture("a = malloc(100)", Some(a), note);
    let b = run.heap.malloc(4 << 20);
    let code = format!("b = malloc({})", 4 << 20);
    run.picture(&code, Some(b), "More pages are opened.");
    // SAFETY: it is a block of this heap, which nobody uses.
    unsafe { run.heap.free(b) };
    run.picture(
        "free(b)",
        None,
        "The break falls. The memory above it goes back, and the addresses \
         stay ours, and open.",
    );
    let c = run.heap.malloc(3 << 20);
    run.picture(
        &format!("c = malloc({})", 3 << 20),
        Some(c),
        "The break rises again. Nothing has to be opened: the kernel gives a \
         fresh page where one is touched.",
    );
    let told = "Recorded on stage 4’s heap. Its break is drawn as \
                `ReservedBrk` moves it, not to scale.";
    let whose = RecordedHeap {
        source: "stage4-threadsafe",
        told: told.to_owned(),
        room: None,
    };
    run.tape.finish(whose, Vec::new())
}

/// What becomes of the break and the pages, as it was in the run.
fn ask(moved: Ordering, is_opened: bool) -> Question {
    let choices = [
        "The break rises, and pages are opened",
        "The break rises, and no page has to be opened",
        "The break falls, and its pages stay open",
        "The break stays",
    ];
    let right = match (moved, is_opened) {
        (Ordering::Greater, true) => 0,
        (Ordering::Greater, false) => 1,
        (Ordering::Less, _) => 2,
        (Ordering::Equal, _) => 3,
    };
    Question {
        text: "What happens to the break, and above it?".to_owned(),
        choices: choices.map(str::to_owned).to_vec(),
        right,
        answer: format!("{}.", choices[right]),
    }
}

/// The addresses, the lowest first.
fn draw(used: usize, open: usize, before: usize) -> String {
    let mut column = Column::default();
    let memory = used.next_multiple_of(PAGE);
    let heap = in_bytes(used);
    stretch(&mut column, 0, used, "is-payload", "open: the heap", &heap);
    let moved = in_bytes(used.abs_diff(before));
    let happened = match used.cmp(&before) {
        Ordering::Equal => String::new(),
        Ordering::Greater => format!("▲ {moved}"),
        Ordering::Less => format!("▼ {moved}"),
    };
    column.the_break(&number(used as u128), &happened);
    let rest = in_bytes(memory - used);
    let name = "open: the rest of the page";
    stretch(&mut column, used, memory, "is-padding", name, &rest);
    let given_back = in_bytes(open.saturating_sub(memory));
    let name = "open, without memory";
    stretch(&mut column, memory, open, "is-padding", name, &given_back);
    let whole = size(space());
    let closed = match open {
        0 => whole,
        _ => format!("the rest of {whole}"),
    };
    let name = "taken, and closed";
    stretch(&mut column, open, space(), "is-no-page", name, &closed);
    let rows =
        column.finish("hf-map", "The addresses of the heap, from its start up");
    let keys = [
        ("is-payload", "open, and below the break"),
        ("is-padding", "open, and above it"),
        ("is-no-page", "nobody may touch it"),
    ];
    let keys = keys.map(|(class, meaning)| key(class, meaning)).concat();
    format!("{rows}<ul class='hf-legend'>{keys}</ul>")
}

/// As the addresses are written.
fn in_bytes(count: usize) -> String {
    format!("{} bytes", number(count as u128))
}

/// A row from one address to another, if there is anything between them.
fn stretch(
    column: &mut Column,
    from: usize,
    to: usize,
    class: &str,
    name: &str,
    size: &str,
) {
    if from < to {
        let at = number(from as u128);
        let (tag, height) = ("", 44);
        column.row(&Row { at: &at, class, name, size, tag, height });
    }
}
