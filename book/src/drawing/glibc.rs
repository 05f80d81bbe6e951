//! glibc's lists: a model of `_int_malloc` and `_int_free` for blocks between
//! 128 and 1,024 bytes, as in version 2.36.

use std::collections::BTreeMap;

use super::{Drawing, Floor, Kind, Part, Piece, Row, Run};

/// How many blocks of a size the tcache takes.
pub const SEVEN: usize = 7;

/// Bytes of the header, and of what a block is rounded up to.
const HEADER: usize = 8;
const STEP: usize = 16;

/// No block is smaller, with its header.
const LEAST: usize = 32;

/// A block of the heap, by its start.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Block {
    at: usize,
    size: usize,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Used(String),
    /// In the tcache, under the name it had.
    Cached(String),
    Free,
}

/// One heap, and one thread's tcache.
#[derive(Clone, Debug, Default)]
pub struct Model {
    blocks: Vec<Block>,
    /// For each size the starts of the blocks, the last one in front.
    cache: BTreeMap<usize, Vec<usize>>,
    /// Starts of the blocks that wait to be sorted, the oldest first.
    unsorted: Vec<usize>,
    /// For each size the starts of the blocks.
    bins: BTreeMap<usize, Vec<usize>>,
}

/// Where a block came from, or went to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Tcache,
    /// Unsorted, of just the right size.
    Unsorted,
    /// The unsorted list, joined with a neighbour.
    Joined,
    /// A bin, and the rest was cut off.
    Bin,
    Top,
}

impl Model {
    /// How many bytes a block takes.
    pub fn size(n: usize) -> usize {
        (n + HEADER).next_multiple_of(STEP).max(LEAST)
    }

    fn find(&mut self, at: usize) -> &mut Block {
        let mut blocks = self.blocks.iter_mut();
        blocks.find(|it| it.at == at).expect("a list has blocks of the heap")
    }

    fn top(&self) -> usize {
        self.blocks.last().map_or(0, |last| last.at + last.size)
    }

    /// Where the block lies that is given out, from the first one on, and where
    /// it was found.
    pub fn malloc(&mut self, n: usize, name: &str) -> (usize, Place) {
        let size = Self::size(n);
        let used = State::Used(name.to_owned());
        if let Some(at) = self.cache.get_mut(&size).and_then(Vec::pop) {
            self.find(at).state = used;
            return (at, Place::Tcache);
        }
        for at in std::mem::take(&mut self.unsorted) {
            let its = self.find(at).size;
            self.bins.entry(its).or_default().push(at);
        }
        // What fits exactly was met on the way, or is in its bin.
        if let Some(at) = self.take(size) {
            self.find(at).state = used;
            return (at, Place::Unsorted);
        }
        let larger = self.bins.range(size..);
        let larger = larger.filter(|(_, its)| !its.is_empty());
        if let Some(its) = larger.map(|it| *it.0).next() {
            let at = self.take(its).expect("it is not empty");
            self.find(at).state = used;
            if its - size >= LEAST {
                self.find(at).size = size;
                let (at, size) = (at + size, its - size);
                self.blocks.push(Block { at, size, state: State::Free });
                self.blocks.sort_by_key(|it| it.at);
                self.unsorted.push(at);
            }
            return (at, Place::Bin);
        }
        let at = self.top();
        self.blocks.push(Block { at, size, state: used });
        (at, Place::Top)
    }

    /// Takes the oldest block from the bin of a size.
    fn take(&mut self, size: usize) -> Option<usize> {
        let bin = self.bins.get_mut(&size)?;
        (!bin.is_empty()).then(|| bin.remove(0))
    }

    /// Gives back the block of this name: where it goes.
    pub fn free(&mut self, name: &str) -> Place {
        let is_it = |it: &&Block| it.state == State::Used(name.to_owned());
        let it = self.blocks.iter().find(is_it).expect("it is in use");
        let (at, size) = (it.at, it.size);
        let cached = self.cache.entry(size).or_default();
        if cached.len() < SEVEN {
            cached.push(at);
            self.find(at).state = State::Cached(name.to_owned());
            return Place::Tcache;
        }
        self.join(at)
    }

    /// Joins a block with the free ones beside it.
    fn join(&mut self, at: usize) -> Place {
        self.find(at).state = State::Free;
        let (free, rest): (Vec<_>, Vec<_>) =
            self.blocks.drain(..).partition(|it| it.state == State::Free);
        self.blocks = rest;
        let mut place = Place::Unsorted;
        let mut joined: Vec<Block> = Vec::new();
        for block in free {
            match joined.last_mut() {
                Some(last) if last.at + last.size == block.at => {
                    place = Place::Joined;
                    self.forget(last.at);
                    self.forget(block.at);
                    last.size += block.size;
                }
                _ => joined.push(block),
            }
        }
        let holds = |it: &Block| it.at <= at && at < it.at + it.size;
        let its = joined.iter().position(holds).expect("it was put there");
        let (start, end) = (joined[its].at, joined[its].at + joined[its].size);
        self.forget(start);
        let last = self.blocks.iter().map(|it| it.at + it.size).max();
        if last.unwrap_or(0) < end {
            joined.remove(its);
            place = Place::Top;
        } else {
            self.unsorted.push(start);
        }
        self.blocks.extend(joined);
        self.blocks.sort_by_key(|it| it.at);
        place
    }

    /// Takes a block off its list.
    fn forget(&mut self, at: usize) {
        self.unsorted.retain(|it| *it != at);
        self.bins.values_mut().for_each(|bin| bin.retain(|it| *it != at));
    }

    fn floors(&self, size: usize) -> Vec<Floor> {
        let piece = |block: &Block| match &block.state {
            State::Used(name) => Piece::new(Kind::Payload, name, block.size),
            State::Cached(name) => Piece::new(Kind::Foreign, name, block.size),
            State::Free => {
                Piece::new(Kind::Free, block.size.to_string(), block.size)
            }
        };
        let mut memory: Vec<_> = self.blocks.iter().map(piece).collect();
        memory.push(Piece::new(Kind::Padding, "top", size));
        let name = |at: &usize| {
            let block = self.blocks.iter().find(|it| it.at == *at);
            let block = block.expect("a list has blocks of the heap");
            Piece { len: 1, ..piece(block) }
        };
        let cached = self.cache.get(&size).into_iter().flatten().rev();
        let unsorted = self.unsorted.iter().map(name).collect();
        let mut rows = vec![Row::list("the unsorted list", unsorted)];
        for (size, bin) in self.bins.iter().filter(|it| !it.1.is_empty()) {
            let bin = bin.iter().map(name).collect();
            rows.push(Row::list(format!("the bin of {size} bytes"), bin));
        }
        let label = format!("its list for blocks of {size} bytes");
        vec![
            Part::new("", vec![Row::memory("the heap", memory)]).alone(),
            Floor::of(vec![
                Part::new(
                    "the thread’s tcache",
                    vec![Row::list(label, cached.map(name).collect())],
                ),
                Part::new("the arena, behind its lock", rows),
            ]),
        ]
    }
}

pub fn drawing() -> Drawing {
    const ASKED: usize = 200;
    let size = Model::size(ASKED);
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let mut heap = Model::default();
    for name in names {
        heap.malloc(ASKED, name);
    }
    let told = format!(
        "Ten blocks of {ASKED} bytes: with its header each takes {size}."
    );
    let mut run = Run::new(&told, heap.floors(size));
    heap.free("a");
    let said = "It goes to the tcache. In the arena it still counts as in use.";
    run.step("free(a)", said, heap.floors(size));
    for name in &names[1..SEVEN] {
        heap.free(name);
    }
    let said = format!("There are {SEVEN} of this size now: the list is full.");
    run.step("free(b) … free(g)", said, heap.floors(size));
    let place = heap.free("h");
    let said = "The list is full. So the block goes to the arena, on the \
                unsorted list, and is really free.";
    run.step("free(h)", said, heap.floors(size));
    let places = ["To the tcache", "To the unsorted list", "To its bin"];
    let places = places.map(str::to_owned);
    let right = match place {
        Place::Tcache => 0,
        Place::Bin => 2,
        _ => 1,
    };
    run.ask("where does it go?", &places, &places[right]);
    heap.free("i");
    let said = "Its neighbour below is free: the two are joined. `g` beside \
                them is not joined, since it counts as in use.";
    run.step("free(i)", said, heap.floors(size));
    let (at, _) = heap.malloc(ASKED, "k");
    let came = names[at / size];
    let said = format!(
        "The last one that the tcache got: `{came}`. No lock was taken."
    );
    run.step(&format!("k = malloc({ASKED})"), said, heap.floors(size));
    let choices = ["a", came, "h"].map(|it| format!("The one that was `{it}`"));
    run.ask("which block comes back?", &choices, &choices[1]);
    heap.malloc(300, "l");
    let said = format!(
        "No tcache list, no block that fits exactly. What is unsorted goes to \
         its bin, and the smallest that is large enough is split: {} bytes of \
         it. The rest waits on the unsorted list.",
        Model::size(300)
    );
    run.step("l = malloc(300)", said, heap.floors(size));
    heap.malloc(80, "m");
    let said = "The rest fits exactly. It comes from the unsorted list, and was \
                never sorted.";
    run.step("m = malloc(80)", said, heap.floors(size));
    Drawing {
        name: "tcache",
        title: "Seven of a size, and what comes then",
        told: "Computed by a model of glibc 2.36, for blocks that no fastbin \
               takes."
            .to_owned(),
        pictures: run.0,
        still: 4,
        keys: vec![
            (Kind::Payload, "in use"),
            (Kind::Foreign, "in the tcache"),
            (Kind::Free, "free, with its size"),
            (Kind::Padding, "the top: in no list"),
        ],
    }
}
