//! Questions, made by running programs on the stages' heaps.

use std::fmt::{self, Display, Formatter};

use anyhow::{Error, Result};
use fastrand::Rng;
use play::heap::{ROOM, Setup};
use play::program::Line;
use play::question::{self, question};
use play::recording::{
    Chunk, Frame, Kind, Outcome, RecordedHeap, Recording, Span,
};
use play::run::{self, Run};
use play::text;

use super::answer::Answer;

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Where the block starts that the last line asks for.
    Place,
    /// How far the break moves.
    Break,
    /// What becomes one free block with the one that is freed.
    Joined,
    /// What the heap gives back. Of a stack of chunks: what it pops.
    Gone,
    /// How many free blocks there are then.
    Free,
    /// How large the largest of them is.
    Largest,
    /// How many chunks there are then.
    Chunks,
}

impl Ask {
    /// What can be asked about a stage's heap.
    pub fn of(stage: u32) -> &'static [Self] {
        use Ask::*;
        match stage {
            1 => &[Place, Break],
            2 => &[Place, Break, Gone, Free],
            3 | 4 => &[Place, Break, Joined, Free, Largest],
            _ => &[Place, Break, Gone, Chunks],
        }
    }

    /// The page that explains it, by its title.
    pub fn page(self, stage: u32) -> &'static str {
        match (stage, self) {
            (1, _) => "The heap, item by item",
            (2, Self::Place) => "A header",
            (2, _) => "What can go back",
            (3 | 4, Self::Place) => "Size classes",
            (3 | 4, Self::Break) => "The end of the heap",
            (3 | 4, _) => "Boundary tags",
            (_, Self::Place | Self::Break) => "The heap: malloc",
            _ => "The design",
        }
    }

    /// What a figure asks that asks the same.
    fn of_a_figure(self) -> Option<question::Ask> {
        match self {
            Self::Place => Some(question::Ask::Place),
            Self::Break => Some(question::Ask::Break),
            Self::Free => Some(question::Ask::Free),
            Self::Largest => Some(question::Ask::Largest),
            Self::Chunks => Some(question::Ask::Chunks),
            Self::Joined | Self::Gone => None,
        }
    }
}

/// A question about the last line of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub setup: Setup,
    pub lines: Vec<Line>,
    pub ask: Ask,
    pub answer: Answer,
    /// What is told behind the answer, with the point.
    pub told: String,
    /// Whether more has happened than the least that can.
    pub is_telling: bool,
    /// Whether there is a name for all that the answer is about.
    pub is_clear: bool,
}

/// How often another program is tried, to find one that is telling.
const TRIES: usize = 100;

/// Less than a step of stage 3's break. So the break rises by what is needed,
/// and there is no free block but those that the program has freed.
const SMALL: usize = 4096;

/// The least that stages 3 and 4 cut off: a header, and a block of 16 bytes.
const LEAST: usize = 32;

impl Asked {
    /// A question about a stage's heap.
    ///
    /// # Errors
    ///
    /// Why the heap does not run a program.
    pub fn new(rng: &mut Rng, stage: u32, ask: Ask) -> Result<Self, String> {
        let is_small = matches!(stage, 3 | 4) && ask != Ask::Break;
        let room = if is_small { SMALL } else { ROOM };
        let setup = Setup::new(stage, room)?;
        // That nothing happens is asked too, but less often.
        let is_wanted = rng.u32(..4) > 0;
        let mut tries = 0;
        loop {
            let program = program(rng, stage, ask);
            let asked = Self::about(setup, program, ask)?;
            let is_it = asked.is_telling == is_wanted || tries >= TRIES;
            if asked.is_clear && is_it {
                return Ok(asked);
            }
            tries += 1;
        }
    }

    /// A question about the last line of a program.
    ///
    /// # Errors
    ///
    /// Why the heap does not run the program.
    pub fn about(
        setup: Setup,
        lines: Vec<Line>,
        ask: Ask,
    ) -> Result<Self, String> {
        let run = run::run(setup, &lines, lines.len())?;
        let [.., before, after] = &run.frames[..] else {
            return Err("there is no line to ask about".to_owned());
        };
        let step = Step { lines: &lines, run: &run, before, after };
        let answer = step.answer(setup, ask);
        let (told, is_telling) = (step.told(ask), step.is_telling(&answer));
        let is_clear = ask != Ask::Joined || step.is_named();
        Ok(Self { setup, lines, ask, answer, told, is_telling, is_clear })
    }

    /// The heap before the last line.
    ///
    /// # Errors
    ///
    /// Why the heap does not run the program.
    pub fn before(&self) -> Result<String> {
        let before = self.lines.split_last().map_or(&[][..], |(_, rest)| rest);
        drawn(self.setup, before)
    }

    /// The answer, the heap after the last line, and where to read on.
    ///
    /// # Errors
    ///
    /// Why the heap does not run the program.
    pub fn solution(&self) -> Result<String> {
        let Setup { stage, room } = self.setup;
        let picture = drawn(self.setup, &self.lines)?;
        let lines: Vec<_> = self.lines.iter().map(typed).collect();
        let room = match room {
            ROOM => String::new(),
            room => format!(" --room {room}"),
        };
        Ok(format!(
            "It is {}{}\n{picture}The page: {}. To play it:\n\
             cargo run -- play {stage}{room} '{}'\n",
            self.answer,
            self.told,
            self.ask.page(stage),
            lines.join("; "),
        ))
    }

    /// What is asked about the last line.
    fn question(&self) -> String {
        let name = self.lines.last().and_then(name).unwrap_or_default();
        match self.ask {
            Ask::Place => format!("Where does {name} start?"),
            Ask::Break => "How far does the last line move the break?".into(),
            Ask::Joined => format!(
                "Which blocks that were free are one free block with {name} \
                 then?"
            ),
            Ask::Gone if self.setup.stage == 5 => {
                "Which chunks does the last line take off the stack?".into()
            }
            Ask::Gone => {
                "Which blocks does the last line give back to the system?"
                    .into()
            }
            Ask::Free => "How many free blocks are there then?".into(),
            Ask::Largest => {
                "How many bytes has the largest free block then?".into()
            }
            Ask::Chunks => "How many chunks are on the stack then?".into(),
        }
    }
}

impl Display for Asked {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Setup { stage, room } = self.setup;
        write!(f, "Stage {stage}")?;
        if room == SMALL {
            write!(
                f,
                ", with {SMALL} bytes to grow into: a step of the break is \
                 refused,\nand it rises by what is needed"
            )?;
        }
        writeln!(f, ".\n")?;
        for line in &self.lines {
            writeln!(f, "    {line}")?;
        }
        writeln!(f, "\n{}", self.question())
    }
}

/// The heap after a program.
fn drawn(setup: Setup, lines: &[Line]) -> Result<String> {
    let run = run::run(setup, lines, lines.len()).map_err(Error::msg)?;
    Ok(text::picture(&run.frames, run.lists.as_ref()))
}

/// A line, as it can be typed.
fn typed(line: &Line) -> String {
    match line {
        Line::Sbrk { .. } => line.short(),
        _ => line.to_string(),
    }
}

/// The block that a line is about.
fn name(line: &Line) -> Option<&str> {
    match line {
        Line::Malloc { name, .. }
        | Line::Memalign { name, .. }
        | Line::Realloc { name, .. }
        | Line::Free { name, .. } => Some(name),
        _ => None,
    }
}

/// Bytes that are asked for.
const SIZES: [usize; 10] = [1, 8, 16, 24, 32, 48, 64, 100, 128, 200];

/// The same, where the break moves in large steps.
const LARGE: [usize; 8] =
    [100, 1_000, 4_096, 10_000, 20_000, 30_000, 100_000, 150_000];

/// A program whose last line is one to ask about. It frees only what it holds,
/// and uses nothing that it has freed: no heap ends it for a fault.
fn program(rng: &mut Rng, stage: u32, ask: Ask) -> Vec<Line> {
    let is_large = match stage {
        3 | 4 => ask == Ask::Break,
        5 => rng.bool(),
        _ => false,
    };
    let sizes = if is_large { &LARGE[..] } else { &SIZES };
    let (lines, live, names) = Default::default();
    let mut writer = Writer { rng, sizes, lines, live, names };
    writer.malloc();
    writer.malloc();
    for _ in 0..writer.rng.u32(1..=4) {
        writer.any(stage);
    }
    if writer.live.is_empty() {
        writer.malloc();
    }
    match ask {
        Ask::Place => writer.block(stage),
        Ask::Break if writer.rng.bool() => writer.block(stage),
        _ => writer.free(),
    }
    writer.lines
}

/// Writes a program.
struct Writer<'r> {
    rng: &'r mut Rng,
    sizes: &'r [usize],
    lines: Vec<Line>,
    /// The blocks that it holds.
    live: Vec<String>,
    /// How many names there are.
    names: u8,
}

impl Writer<'_> {
    /// Any line. (A small heap has no room for what somebody else takes.)
    fn any(&mut self, stage: u32) {
        match self.rng.u32(..20) {
            0 if !matches!(stage, 3 | 4) => {
                self.lines.push(Line::Sbrk { bytes: 1024 });
            }
            ..=7 if !self.live.is_empty() => self.free(),
            _ => self.malloc(),
        }
    }

    /// A line that asks for a block, in one of three ways. (Where stages 3 and
    /// 4 put an aligned one is more than one question.)
    fn block(&mut self, stage: u32) {
        match self.rng.u32(..6) {
            0 => {
                let (old, name, size) = (self.pick(), self.name(), self.size());
                self.lines.push(Line::Realloc { name, old, size });
            }
            1 if !matches!(stage, 3 | 4) => {
                let (name, align, size) = (self.name(), 64, self.size());
                self.lines.push(Line::Memalign { name, align, size });
            }
            _ => self.malloc(),
        }
    }

    fn malloc(&mut self) {
        let (name, size) = (self.name(), self.size());
        self.live.push(name.clone());
        self.lines.push(Line::Malloc { name, size });
    }

    fn free(&mut self) {
        let name = self.pick();
        self.live.retain(|live| *live != name);
        self.lines.push(Line::Free { name, offset: 0 });
    }

    /// A block that it holds.
    fn pick(&mut self) -> String {
        let index = self.index(self.live.len());
        self.live[index].clone()
    }

    fn size(&mut self) -> usize {
        self.sizes[self.index(self.sizes.len())]
    }

    /// The same number on every machine, whatever a pointer has there.
    fn index(&mut self, below: usize) -> usize {
        self.rng.u32(..below as u32) as usize
    }

    /// The next letter.
    fn name(&mut self) -> String {
        self.names += 1;
        char::from(b'a' + self.names - 1).to_string()
    }
}

/// The last line of a program, and the heap around it.
struct Step<'r> {
    lines: &'r [Line],
    run: &'r Run,
    before: &'r Frame,
    after: &'r Frame,
}

/// A block that a program got.
struct Block<'r> {
    name: &'r str,
    start: usize,
    end: usize,
    is_live: bool,
}

impl Step<'_> {
    fn answer(&self, setup: Setup, ask: Ask) -> Answer {
        match ask {
            Ask::Place => self.place(),
            Ask::Break => {
                let (old, new) = (self.before.used, self.after.used);
                Answer::Moves(new.cast_signed() - old.cast_signed())
            }
            Ask::Joined => self.joined(),
            Ask::Gone if setup.stage == 5 => self.popped(),
            Ask::Gone => self.given_back(),
            Ask::Free => Answer::Count(free(self.after).count()),
            Ask::Largest => {
                let largest = free(self.after).map(Span::len).max();
                Answer::Count(largest.unwrap_or(0))
            }
            Ask::Chunks => Answer::Count(chunks(self.after).len()),
        }
    }

    fn place(&self) -> Answer {
        let at = match self.run.outcomes.last() {
            Some(Some(Outcome::Address(at))) => Some(*at),
            _ => None,
        };
        let before = self.blocks(self.lines.len() - 1).into_iter();
        let there = before.filter(|block| Some(block.start) == at);
        let names = there.map(|block| block.name.to_owned()).collect();
        Answer::Place { at, names }
    }

    /// What is one free block with the one that is freed.
    fn joined(&self) -> Answer {
        let freed = self.lines.last().and_then(name);
        let blocks = self.blocks(self.lines.len());
        let it = blocks.iter().find(|block| Some(block.name) == freed);
        let has = |span: &Span, block: &Block<'_>| {
            (span.start..span.end).contains(&block.start)
        };
        let whole = it.and_then(|it| free(self.after).find(|of| has(of, it)));
        self.named(|block| {
            Some(block.name) != freed
                && !block.is_live
                && whole.is_some_and(|whole| has(whole, block))
        })
    }

    /// Whether all that was free has the name of a block that lay there. What
    /// a later block left of it has none.
    fn is_named(&self) -> bool {
        let dead = self.blocks(self.lines.len() - 1).into_iter();
        let dead: Vec<_> = dead.filter(|block| !block.is_live).collect();
        free(self.before).all(|span| {
            let mut inside: Vec<_> = dead
                .iter()
                .filter(|it| (span.start..span.end).contains(&it.start))
                .map(|it| (it.start, it.end))
                .collect();
            inside.sort_unstable();
            let ends = inside.iter().map(|it| it.1);
            let starts = inside.iter().map(|it| it.0).chain([span.end]);
            [span.start]
                .into_iter()
                .chain(ends)
                .zip(starts)
                .all(|(end, start)| start.saturating_sub(end) < LEAST)
        })
    }

    /// The blocks that the break was above, and is no more.
    fn given_back(&self) -> Answer {
        let gone = self.after.used..self.before.used;
        self.named(|block| gone.contains(&block.start))
    }

    /// The chunks that were on the stack, and are no more.
    fn popped(&self) -> Answer {
        let is_on = |frame: &Frame, block: &Block<'_>| {
            let mut chunks = chunks(frame).iter();
            chunks.any(|chunk| chunk.start == Some(block.start))
        };
        self.named(|block| {
            is_on(self.before, block) && !is_on(self.after, block)
        })
    }

    fn named(&self, is_it: impl Fn(&Block<'_>) -> bool) -> Answer {
        let blocks = self.blocks(self.lines.len()).into_iter();
        let them = blocks.filter(|block| is_it(block));
        Answer::Names(them.map(|block| block.name.to_owned()).collect())
    }

    /// The blocks that the first `count` lines got, and whose places no other
    /// has taken since.
    fn blocks(&self, count: usize) -> Vec<Block<'_>> {
        let mut blocks: Vec<Block<'_>> = Vec::new();
        let lines = self.lines.iter().zip(&self.run.outcomes).take(count);
        for (line, outcome) in lines {
            let (name, size) = match line {
                Line::Malloc { name, size }
                | Line::Memalign { name, size, .. } => (name, *size),
                Line::Realloc { name, old, size } => {
                    give_back(&mut blocks, old);
                    (name, *size)
                }
                Line::Free { name, .. } => {
                    give_back(&mut blocks, name);
                    continue;
                }
                _ => continue,
            };
            let Some(Outcome::Address(start)) = *outcome else { continue };
            let end = start + size;
            blocks.retain(|old| {
                old.is_live || old.end <= start || end <= old.start
            });
            blocks.push(Block { name, start, end, is_live: true });
        }
        blocks
    }

    /// What a figure says behind the same answer, if it asks the same: in a
    /// sentence of its own, or behind a colon.
    fn told(&self, ask: Ask) -> String {
        self.of_a_figure(ask).unwrap_or_else(|| ".".to_owned())
    }

    fn of_a_figure(&self, ask: Ask) -> Option<String> {
        let ask = ask.of_a_figure()?;
        let recording = Recording {
            heap: RecordedHeap::new("", 0),
            frames: vec![self.before.clone(), self.after.clone()],
            still: 1,
            asks: vec![(1, ask)],
            lanes: Vec::new(),
        };
        let answer = question(&recording, 1)?.answer.replace('`', "");
        if ask == question::Ask::Break {
            return Some(format!(". {answer}"));
        }
        // What it begins with is the answer as it can be typed.
        let (_, rest) = answer.split_once([':', ','])?;
        Some(format!(": {}", rest.trim()))
    }

    /// Whether more has happened than the least that can.
    fn is_telling(&self, answer: &Answer) -> bool {
        match answer {
            Answer::Place { .. } => {
                let is_free = |line: &Line| matches!(line, Line::Free { .. });
                self.lines.iter().any(is_free)
            }
            Answer::Moves(by) => *by != 0,
            Answer::Names(names) => !names.is_empty(),
            Answer::Count(_) => free(self.before).next().is_some(),
        }
    }
}

/// Notes that the program holds a block no more.
fn give_back(blocks: &mut [Block<'_>], name: &str) {
    let them = blocks.iter_mut().filter(|block| block.name == name);
    them.for_each(|block| block.is_live = false);
}

fn free(frame: &Frame) -> impl Iterator<Item = &Span> {
    frame.spans.iter().filter(|span| span.kind == Kind::Free)
}

/// The chunks above the ground.
fn chunks(frame: &Frame) -> &[Chunk] {
    frame.chunks.as_deref().unwrap_or(&[]).get(1..).unwrap_or(&[])
}
