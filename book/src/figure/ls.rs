//! What pins memory in `ls`: a recording of it, played on stage 5's heap.

use stage5_lifo_stack::heap::Chunk;
use stage5_lifo_stack::{Heap, SimBrk};

use super::draw::key;
use super::question::Question;
use super::recorder::{Tape, View};
use super::recording::{Drawn, RecordedHeap, Recording, address};
use super::region::Region;
use super::rows::{Column, Row};
use super::trace::{Call, calls};
use crate::amount::number;
use crate::html::count;

const SOURCE: &str = "book/captured/trace-ls.txt";
const CAPTURED: &str = include_str!("../../captured/trace-ls.txt");

/// The heap can grow to so many bytes, and has so many chunks at most.
const ROOM: usize = 8 << 20;
const CHUNKS: usize = 4096;

/// A chunk of so many bytes is a buffer for reading a folder.
const BUFFER: usize = 32_816;

/// At the opening of which folder the figure starts, and how many it shows.
const FIRST: usize = 2;
const FOLDERS: usize = 4;

/// The heap, and what `ls` has of it.
struct Ls<'m> {
    heap: Heap<SimBrk<'m>, CHUNKS>,
    start: usize,
    /// Each block that it ever had, by its number.
    blocks: Vec<(*mut u8, usize)>,
    alive: usize,
    tape: Tape,
    /// How high the stack was when the figure began.
    floor: usize,
}

/// What happens in a stretch of calls between two buffers.
#[derive(Default)]
struct Stretch {
    mallocs: usize,
    frees: usize,
}

impl Ls<'_> {
    /// Does a call, and says whether it was about a buffer.
    fn does(&mut self, call: &Call) -> bool {
        match *call {
            Call::Malloc(block, size) => {
                assert_eq!(block, self.blocks.len(), "blocks come in order");
                self.blocks.push((self.heap.malloc(size), size));
                self.alive += size;
                size == BUFFER
            }
            Call::Realloc(block, size) => {
                let (old, was) = self.blocks[block];
                // SAFETY: it is a block of this heap.
                let new = unsafe { self.heap.realloc(old, size) };
                self.blocks[block] = (new, size);
                self.alive = self.alive + size - was;
                false
            }
            Call::Free(block) => {
                let (payload, size) = self.blocks[block];
                // SAFETY: it is a block of this heap, which nobody uses.
                unsafe { self.heap.free(payload) };
                self.alive -= size;
                size == BUFFER
            }
        }
    }

    fn chunks(&self) -> &[Chunk] {
        self.heap.chunks().get(1..).unwrap_or(&[])
    }

    /// Where the top ends, from the start of the heap.
    fn top(&self) -> usize {
        let top = self.chunks().last();
        top.map_or(0, |chunk| chunk.end.addr() - self.start)
    }

    fn picture(&mut self, code: String, asked: Option<Question>, note: &str) {
        self.tape.picture(0, code, None, View::default());
        let html = self.draw();
        self.tape.draw(Drawn { html, asked });
        let top = number(self.top() as u128);
        let alive = number(self.alive as u128);
        self.tape.note(format!(
            "{note} The stack has {top} bytes, and {alive} of them are in use."
        ));
    }

    /// The stack from its start up. What is small stands together.
    fn draw(&self) -> String {
        let mut column = Column::default();
        let is_buffer =
            |chunk: &&Chunk| chunk.end.addr() - chunk.start.addr() >= BUFFER;
        let is_old =
            |chunk: &&Chunk| chunk.start.addr() - self.start < self.floor;
        let (old, new): (Vec<_>, Vec<_>) =
            self.chunks().iter().partition(is_old);
        small(&mut column, self.start, "from before: ", &old);
        for run in new.chunk_by(|one, two| !is_buffer(one) && !is_buffer(two)) {
            match run {
                [buffer] if is_buffer(buffer) => {
                    let at = address(buffer.start.addr() - self.start);
                    let size = buffer.end.addr() - buffer.start.addr();
                    let (class, name) = match buffer.free {
                        true => ("is-free", "a buffer: free, and pinned"),
                        false => ("is-payload", "a buffer, in use"),
                    };
                    let size = format!("{} bytes", number(size as u128));
                    let (tag, height) = ("", 44);
                    column.row(&Row {
                        at: &at,
                        class,
                        name,
                        size: &size,
                        tag,
                        height,
                    });
                }
                run => small(&mut column, self.start, "", run),
            }
        }
        let stack =
            column.finish("hf-map", "The stack of chunks, from its start up");
        let keys = [
            ("is-payload", "in use"),
            ("is-free", "free"),
            ("is-header", "small ones, all or some in use"),
        ];
        let keys = keys.map(|(class, meaning)| key(class, meaning)).concat();
        format!("{stack}<ul class='hf-legend'>{keys}</ul>")
    }
}

/// A row for chunks that are no buffers.
fn small(column: &mut Column, start: usize, before: &str, run: &[&Chunk]) {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return };
    let used = run.iter().filter(|chunk| !chunk.free).count();
    let free = run.len() - used;
    let class = if used > 0 { "is-header" } else { "is-free" };
    let at = address(first.start.addr() - start);
    let size = last.end.addr() - first.start.addr();
    let name = match (used, free) {
        (0, _) => format!("{}, free", count(free, "small one")),
        (_, 0) => format!("{}, in use", count(used, "small one")),
        _ => format!("{} in use, {free} free", count(used, "small one")),
    };
    column.row(&Row {
        at: &at,
        class,
        name: &format!("{before}{name}"),
        size: &format!("{} bytes", number(size as u128)),
        tag: "",
        height: if before.is_empty() { 30 } else { 44 },
    });
}

/// Whether the stack gets lower, as it did.
fn falls(is_lower: bool) -> Question {
    let answer = match is_lower {
        true => "Yes.",
        false => "No: something that is in use lies on it.",
    };
    Question {
        text: "`ls` gives the buffer back. Does the stack get lower?"
            .to_owned(),
        choices: vec!["Yes".to_owned(), "No".to_owned()],
        right: usize::from(!is_lower),
        answer: answer.to_owned(),
    }
}

/// Where the next buffer goes, as it did.
fn goes(is_on_top: bool) -> Question {
    let choices = ["Into the place of a free one", "On top of all"];
    Question {
        text: "`ls` wants a buffer again. Where does it go?".to_owned(),
        choices: choices.map(str::to_owned).to_vec(),
        right: usize::from(is_on_top),
        answer: format!("{}.", choices[usize::from(is_on_top)]),
    }
}

pub fn record() -> Recording {
    let mut region = Region::new(ROOM);
    let mut heap = Heap::new(SimBrk::new(region.bytes()));
    let start = heap.brk().start().addr().get();
    let tape = Tape::new(View::default());
    let mut ls =
        Ls { heap, start, blocks: Vec::new(), alive: 0, tape, floor: 0 };
    let mut stretch = Stretch::default();
    let mut folders = 0;
    for call in calls(SOURCE, CAPTURED) {
        let is_new = matches!(call, Call::Malloc(_, size) if size == BUFFER);
        if is_new && folders == FIRST {
            ls.floor = ls.top();
            let html = ls.draw();
            ls.tape.draw(Drawn { html, asked: None });
            ls.tape.note(
                "`ls -lR` has listed some folders. What it has allocated for \
                 them is at the bottom.",
            );
            stretch = Stretch::default();
        }
        folders += usize::from(is_new);
        let before = ls.top();
        if folders <= FIRST {
            ls.does(&call);
            continue;
        }
        let is_free =
            matches!(call, Call::Free(block) if ls.blocks[block].1 == BUFFER);
        if (is_new || is_free) && stretch.mallocs + stretch.frees > 0 {
            let Stretch { mallocs, frees } = stretch;
            let code = format!("{mallocs} × malloc, {frees} × free");
            let note = match is_free {
                true => {
                    "It gives back the names of the folder before, and reads \
                     this one: a block for each name."
                }
                false => "It prints what it has read.",
            };
            ls.picture(code, None, note);
            stretch = Stretch::default();
        }
        ls.does(&call);
        if is_new {
            let asked = goes(ls.top() >= before + BUFFER);
            let code = format!("malloc({})", number(BUFFER as u128));
            ls.picture(code, Some(asked), "It opens a folder.");
        } else if is_free {
            let asked = falls(ls.top() < before);
            ls.picture(
                "free(the buffer)".to_owned(),
                Some(asked),
                "It has read all.",
            );
        } else if matches!(call, Call::Free(_)) {
            stretch.frees += 1;
        } else {
            stretch.mallocs += 1;
        }
        if folders == FIRST + FOLDERS && is_new {
            break;
        }
    }
    assert_eq!(folders, FIRST + FOLDERS, "{SOURCE} has fewer folders");
    let told = format!(
        "Recorded on stage 5’s heap, which does what `ls` did (`{SOURCE}`). \
         Not to scale."
    );
    let whose = RecordedHeap { source: "stage5-lifo-stack", told, room: None };
    ls.tape.finish(whose, Vec::new())
}
