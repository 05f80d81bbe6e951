//! How deep each free of a real program is: a stretch of a recording of git,
//! played on stage 5's heap.

use stage5_lifo_stack::heap::Chunk;
use stage5_lifo_stack::{Heap, SimBrk};

use super::draw::key;
use super::question::Question;
use super::recorder::{Tape, View};
use super::recording::{Drawn, RecordedHeap, Recording, address};
use super::region::Region;
use super::rows::{Column, Row};
use super::trace::{Call, calls};
use crate::amount::{number, word};

const SOURCE: &str = "book/captured/trace-git.txt";
const CAPTURED: &str = include_str!("../../captured/trace-git.txt");

/// The heap can grow to so many bytes, and has so many chunks at most.
const ROOM: usize = 1 << 20;
const CHUNKS: usize = 256;

/// So many calls come before what is shown.
const BEFORE: usize = 90;

/// In pixels.
const HEIGHT: usize = 30;

/// The heap, and what git has of it.
struct Git<'m> {
    heap: Heap<SimBrk<'m>, CHUNKS>,
    start: usize,
    /// Each block that it ever had, by its number.
    blocks: Vec<*mut u8>,
    /// Each place that a block ever had.
    places: Vec<(*mut u8, usize)>,
    tape: Tape,
    /// How many chunks there were when the figure began.
    floor: usize,
}

/// What a free has done.
struct Freed {
    /// Which block.
    block: usize,
    /// How many that are in use lie above it.
    depth: usize,
    /// The blocks that have left the stack, from the highest down.
    left: Vec<usize>,
}

impl Git<'_> {
    fn chunks(&self) -> &[Chunk] {
        self.heap.chunks().get(1..).unwrap_or(&[])
    }

    /// Whose chunk it is: the last that got this place.
    fn block(&self, chunk: &Chunk) -> usize {
        let mut places = self.places.iter().rev();
        let place = places.find(|place| place.0 == chunk.start);
        place.expect("git has asked for it").1
    }

    fn does(&mut self, call: Call) -> Option<Freed> {
        match call {
            Call::Malloc(block, size) => {
                assert_eq!(block, self.blocks.len(), "blocks come in order");
                self.blocks.push(self.heap.malloc(size));
                self.places.push((self.blocks[block], block));
                None
            }
            Call::Realloc(block, size) => {
                let old = self.blocks[block];
                // SAFETY: it is a block of this heap.
                self.blocks[block] = unsafe { self.heap.realloc(old, size) };
                self.places.push((self.blocks[block], block));
                None
            }
            Call::Free(block) => {
                let payload = self.blocks[block];
                let above = |chunk: &&Chunk| chunk.start > payload;
                let used = self.chunks().iter().filter(|it| !it.free);
                let depth = used.filter(above).count();
                let before: Vec<usize> =
                    self.chunks().iter().map(|it| self.block(it)).collect();
                // SAFETY: it is a block of this heap, which nobody uses.
                unsafe { self.heap.free(payload) };
                let left = before[self.chunks().len()..].iter().rev();
                let left = left.copied().collect();
                Some(Freed { block, depth, left })
            }
        }
    }

    /// The stack from its start up. What was there before stands together.
    fn draw(&self, freed: Option<&Freed>) -> String {
        let mut column = Column::default();
        let (old, new) = self.chunks().split_at(self.floor);
        if let (Some(first), Some(last)) = (old.first(), old.last()) {
            let used = old.iter().filter(|chunk| !chunk.free).count();
            let waiting = old.len() - used;
            let name = format!("from before: {used} in use, {waiting} waiting");
            let size = last.end.addr() - first.start.addr();
            column.row(&Row {
                at: &address(first.start.addr() - self.start),
                class: "is-header",
                name: &name,
                size: &format!("{} bytes", number(size as u128)),
                tag: "",
                height: HEIGHT,
            });
        }
        let mut above = 0;
        for chunk in new {
            let block = self.block(chunk);
            let is_above = freed.is_some_and(|it| {
                it.depth > 0 && chunk.start > self.blocks[it.block]
            });
            let (class, mut name) = match chunk.free {
                true => ("is-free", format!("b{block}: waits")),
                false => ("is-payload", format!("b{block}: in use")),
            };
            if is_above && !chunk.free {
                above += 1;
                let which = ["first", "second", "third", "fourth"][above - 1];
                name = format!("b{block}: the {which} above");
            }
            let is_it = freed.is_some_and(|it| it.block == block);
            let size = chunk.end.addr() - chunk.start.addr();
            column.row(&Row {
                at: &address(chunk.start.addr() - self.start),
                class,
                name: &name,
                size: &format!("{} bytes", number(size as u128)),
                tag: if is_it { "freed" } else { "" },
                height: HEIGHT,
            });
        }
        let left = freed.map_or(&[][..], |it| &it.left);
        for block in left.iter().rev() {
            let how = match freed.is_some_and(|it| it.block == *block) {
                true => "freed, and gone",
                false => "gone",
            };
            column.gap(&format!("b{block}: {how}"));
        }
        let stack =
            column.finish("hf-map", "The stack of chunks, from its start up");
        let keys = [
            ("is-payload", "in use"),
            ("is-free", "free, and waiting for those above"),
            ("is-header", "from before"),
        ];
        let keys = keys.map(|(class, meaning)| key(class, meaning)).concat();
        format!("{stack}<ul class='hf-legend'>{keys}</ul>")
    }

    fn picture(
        &mut self,
        code: String,
        freed: Option<&Freed>,
        asked: Option<Question>,
        note: String,
    ) {
        self.tape.picture(0, code, None, View::default());
        let html = self.draw(freed);
        self.tape.draw(Drawn { html, asked });
        self.tape.note(note);
    }
}

/// How deep it was.
fn ask(freed: &Freed) -> Question {
    let Freed { block, depth, .. } = *freed;
    let choices = [0, 1, 2, 4].map(|it: usize| it.to_string());
    let right = choices.iter().position(|it| *it == depth.to_string());
    Question {
        text: format!(
            "`free(b{block})`: how many that are in use lie above it?"
        ),
        choices: choices.to_vec(),
        right: right.expect("the depth is one of the choices"),
        answer: format!("{depth}."),
    }
}

fn said(freed: &Freed) -> String {
    let Freed { depth, ref left, .. } = *freed;
    match (depth, left.len()) {
        (0, 1) => "Depth 0: it was the newest, and goes.".to_owned(),
        (0, many) => format!(
            "Depth 0: it was the newest. It goes, and with it {} that had \
             waited below.",
            few(many - 1)
        ),
        (1, _) => {
            "Depth 1: one is in use above it and pins it. It waits.".into()
        }
        (depth, _) => format!(
            "Depth {depth}: {} are in use above it and pin it. It waits.",
            few(depth)
        ),
    }
}

fn few(number: usize) -> &'static str {
    word(number).expect("few blocks")
}

pub fn record() -> Recording {
    let mut region = Region::new(ROOM);
    let mut heap = Heap::new(SimBrk::new(region.bytes()));
    let start = heap.brk().start().addr().get();
    let tape = Tape::new(View::default());
    let (blocks, places) = (Vec::new(), Vec::new());
    let mut git = Git { heap, start, blocks, places, tape, floor: 0 };
    let calls = calls(SOURCE, CAPTURED);
    let (before, shown) = calls.split_at(BEFORE);
    for call in before {
        git.does(*call);
    }
    git.floor = git.chunks().len();
    let html = git.draw(None);
    git.tape.draw(Drawn { html, asked: None });
    git.tape.note(
        "git has just started. What it has at this time is at the \
                   bottom.",
    );
    let is_malloc = |call: &Call| matches!(call, Call::Malloc(..));
    for run in shown.chunk_by(|one, two| is_malloc(one) && is_malloc(two)) {
        let mut freed = None;
        for call in run {
            freed = git.does(*call);
        }
        match freed {
            Some(freed) => {
                let code = format!("free(b{})", freed.block);
                let (asked, note) = (ask(&freed), said(&freed));
                git.picture(code, Some(&freed), Some(asked), note);
            }
            None => {
                let code = format!("{} × malloc", run.len());
                let note =
                    format!("The stack rises by {} chunks.", few(run.len()));
                git.picture(code, None, None, note);
            }
        }
        if git.tape.frames().len() == 5 {
            git.tape.still();
        }
    }
    let told = format!(
        "Recorded on stage 5’s heap, which does what `git log` did at its start \
         (`{SOURCE}`). Not to scale."
    );
    let whose = RecordedHeap { source: "stage5-lifo-stack", told, room: None };
    git.tape.finish(whose, Vec::new())
}
