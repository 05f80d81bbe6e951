//! jemalloc's slabs, their bitmaps, and a thread's array: a model of
//! `arena_cache_bin_fill_small` and `tcache_bin_flush_small`, as in version
//! 5.3, with smaller numbers.

use super::{Drawing, Floor, Kind, Part, Piece, Row, Run};

/// Blocks of a slab, and places in the array.
pub const BLOCKS: usize = 8;

/// How many blocks are fetched and brought back at a time: half an array.
pub const HALF: usize = BLOCKS / 2;

/// A block: the number of its slab, and its place in it.
pub type Block = (usize, usize);

/// What jemalloc knows of one class, and what one thread does.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The slabs from the oldest, lowest one on, with a bit for each block that
    /// is not in the slab.
    slabs: Vec<[bool; BLOCKS]>,
    /// The thread's array. The last one comes out first.
    array: Vec<Block>,
}

impl Model {
    /// A block, from the array if it has one.
    pub fn malloc(&mut self) -> Block {
        if self.array.is_empty() {
            let fetched = (0..HALF).map(|_| self.fetch_one());
            let mut fetched: Vec<_> = fetched.collect();
            // The lowest is to come out first.
            fetched.reverse();
            self.array = fetched;
        }
        self.array.pop().expect("it was filled")
    }

    /// The first block of the oldest slab that has one.
    fn fetch_one(&mut self) -> Block {
        let has_room = |slab: &[bool; BLOCKS]| slab.contains(&false);
        let found = self.slabs.iter().position(has_room);
        let slab = found.unwrap_or_else(|| {
            self.slabs.push([false; BLOCKS]);
            self.slabs.len() - 1
        });
        let bits = &mut self.slabs[slab];
        let at = bits.iter().position(|bit| !bit).expect("it has room");
        bits[at] = true;
        (slab, at)
    }

    /// Puts a block into the array. If that is full, the half that has been
    /// there for longer goes back to its slabs first: how many.
    pub fn free(&mut self, block: Block) -> usize {
        let back = match self.array.len() {
            BLOCKS => HALF,
            _ => 0,
        };
        for (slab, at) in self.array.drain(..back) {
            self.slabs[slab][at] = false;
        }
        self.array.push(block);
        back
    }

    /// How many blocks a slab has.
    pub fn room(&self, slab: usize) -> usize {
        self.slabs[slab].iter().filter(|bit| !**bit).count()
    }

    fn floors(&self) -> Vec<Floor> {
        let name = |(slab, at): Block| {
            let letters: Vec<char> = ('a'..='z').collect();
            letters[slab * BLOCKS + at].to_string()
        };
        let cached = self.array.iter();
        let mut array: Vec<_> =
            cached.map(|it| Piece::new(Kind::Foreign, name(*it), 1)).collect();
        array.resize(BLOCKS, Piece::new(Kind::Padding, "", 1));
        let slabs = self.slabs.iter().enumerate().map(|(slab, bits)| {
            let blocks = bits.iter().enumerate().map(|(at, bit)| {
                let block = (slab, at);
                match (bit, self.array.contains(&block)) {
                    (false, _) => Piece::new(Kind::Free, "", 1),
                    (_, true) => Piece::new(Kind::Foreign, name(block), 1),
                    _ => Piece::new(Kind::Payload, name(block), 1),
                }
            });
            let bits = bits.iter().map(|bit| {
                Piece::new(Kind::Header, u8::from(*bit).to_string(), 1)
            });
            let title = match slab {
                0 => "slab 1, the oldest and lowest".to_owned(),
                _ => format!("slab {}", slab + 1),
            };
            Part::new(
                title,
                vec![
                    Row::memory("", blocks.collect()),
                    Row::memory("its bitmap, elsewhere", bits.collect()),
                ],
            )
        });
        let own = vec![Row::memory("the last one comes out first", array)];
        vec![
            Part::new("the thread’s array for this class", own)
                .alone()
                .then("many at a time, with a lock"),
            Floor::of(slabs.collect()),
        ]
    }
}

pub fn drawing() -> Drawing {
    let mut heap = Model::default();
    let mut blocks = vec![heap.malloc()];
    let mut run = Run::new(
        &format!(
            "After `a = malloc(32)`. The array was empty, so {HALF} were \
             fetched from a new slab, and the first was given out."
        ),
        heap.floors(),
    );
    blocks.extend((1..20).map(|_| heap.malloc()));
    let said = "The oldest slab that has room gives, the lowest block first. \
                Two slabs are full.";
    run.step("b … t = malloc(32)", said, heap.floors());
    let give = |heap: &mut Model, names: &str| -> usize {
        let places = names.bytes().map(|name| usize::from(name - b'a'));
        places.map(|place| heap.free(blocks[place])).sum()
    };
    give(&mut heap, "cdefijkl");
    let said = "No slab hears of it: the addresses go into the array, and the \
                bits stay set. Now the array is full.";
    run.step("free(c) … free(f), free(i) … free(l)", said, heap.floors());
    let back = give(&mut heap, "m");
    let said = format!(
        "The {back} that have been there for longest go back to their slab, and \
         their bits are cleared. Then there is room."
    );
    run.step("free(m)", said, heap.floors());
    let back = give(&mut heap, "qrst");
    let said = format!(
        "The array was full once more, and {back} went back, to slab 2. Three \
         slabs have room now."
    );
    run.step("free(q), free(r), free(s), free(t)", said, heap.floors());
    let held = heap.array.len();
    for _ in 0..held {
        heap.malloc();
    }
    let said = "Those from the array come first, the last one in front.";
    run.step(&format!("malloc(32), {held} times"), said, heap.floors());
    let (slab, _) = heap.malloc();
    let said = format!(
        "Of the three slabs with room the oldest and lowest is taken: slab {}. \
         So the younger ones can run empty.",
        slab + 1
    );
    run.step("malloc(32)", said, heap.floors());
    let choices = [1, 2, 3].map(|it| format!("Slab {it}"));
    let right = format!("Slab {}", slab + 1);
    run.ask("from which slab is the array filled?", &choices, &right);
    Drawing {
        name: "jemalloc-slabs",
        title: "An array, slabs, and their bitmaps",
        told: format!(
            "Computed by a model of jemalloc 5.3.0. A slab and an array have \
             {BLOCKS} places here. For blocks of 32 bytes a slab has 128."
        ),
        pictures: run.0,
        still: 5,
        keys: vec![
            (Kind::Payload, "in use"),
            (Kind::Foreign, "in the array"),
            (Kind::Free, "in the slab"),
            (Kind::Header, "its bit: 1 where it is not in the slab"),
            (Kind::Padding, "no address"),
        ],
    }
}
