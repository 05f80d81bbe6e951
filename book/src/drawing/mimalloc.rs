//! The three lists of one of mimalloc's slabs: a model of `_mi_page_malloc`,
//! `_mi_page_free_collect` and `mi_page_extend_free`, as in version 2.0.9, with
//! a smaller slab.

use super::{Drawing, Floor, Kind, Part, Piece, Row, Run};

/// How many blocks the slab has.
pub const BLOCKS: usize = 8;

/// How many blocks are opened at a time.
const OPENED: usize = 4;

/// A slab. In the lists the last one comes first.
#[derive(Clone, Debug)]
pub struct Model {
    pub free: Vec<usize>,
    pub local_free: Vec<usize>,
    pub thread_free: Vec<usize>,
    /// How many of its blocks have been opened.
    opened: usize,
    held: Vec<usize>,
}

/// What a malloc had to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Short,
    /// The other two lists were taken over.
    Collected,
    /// More blocks were opened.
    Extended,
}

impl Default for Model {
    fn default() -> Self {
        let mut slab = Self {
            free: Vec::new(),
            local_free: Vec::new(),
            thread_free: Vec::new(),
            opened: 0,
            held: Vec::new(),
        };
        slab.extend();
        slab
    }
}

impl Model {
    fn extend(&mut self) {
        let first = self.opened + 1;
        self.opened = (self.opened + OPENED).min(BLOCKS);
        self.free.extend((first..=self.opened).rev());
    }

    /// What others have freed goes in front of what the owner has freed, and if
    /// nothing is left to give out, all of that is.
    fn collect(&mut self) {
        self.local_free.append(&mut self.thread_free);
        if self.free.is_empty() {
            self.free.append(&mut self.local_free);
        }
    }

    /// A block for the owner. `None` if the slab is full.
    pub fn malloc(&mut self) -> Option<(usize, Way)> {
        let mut way = Way::Short;
        if self.free.is_empty() {
            way = Way::Collected;
            self.collect();
        }
        if self.free.is_empty() {
            way = Way::Extended;
            self.extend();
        }
        let block = self.free.pop()?;
        self.held.push(block);
        Some((block, way))
    }

    /// The owner frees a block, or another thread does.
    pub fn free(&mut self, block: usize, is_owner: bool) {
        self.held.retain(|it| *it != block);
        match is_owner {
            true => self.local_free.push(block),
            false => self.thread_free.push(block),
        }
    }

    fn floors(&self) -> Vec<Floor> {
        let blocks = (1..=BLOCKS).map(|block| {
            let kind = match block {
                _ if block > self.opened => Kind::Padding,
                _ if self.held.contains(&block) => Kind::Payload,
                _ => Kind::Free,
            };
            Piece::new(kind, block.to_string(), 1)
        });
        let list = |name: &str, blocks: &[usize]| {
            let blocks = blocks.iter().rev();
            let blocks =
                blocks.map(|it| Piece::new(Kind::Free, it.to_string(), 1));
            Row::list(name, blocks.collect())
        };
        let slab = vec![Row::memory("", blocks.collect())];
        vec![
            Part::new("the slab", slab).alone(),
            Part::new(
                "its lists",
                vec![
                    list("`free`: only the owner looks here", &self.free),
                    list(
                        "`local_free`: what the owner has freed",
                        &self.local_free,
                    ),
                    list(
                        "`thread_free`: what other threads have freed",
                        &self.thread_free,
                    ),
                ],
            )
            .alone(),
        ]
    }
}

pub fn drawing() -> Drawing {
    let mut slab = Model::default();
    let told = format!(
        "A new slab of {BLOCKS} blocks. {OPENED} are on its list. In the others \
         no link has been written yet."
    );
    let mut run = Run::new(&told, slab.floors());
    let malloc = |slab: &mut Model| slab.malloc().expect("there is room");
    for _ in 0..3 {
        malloc(&mut slab);
    }
    let said = "The owner takes the first three of `free`.";
    run.step("malloc, three times", said, slab.floors());
    slab.free(1, true);
    let said = "The owner frees a block. It does not go back to `free`.";
    run.step("free(1)", said, slab.floors());
    slab.free(3, false);
    let said = "Another thread frees one, with one atomic step. It is on a list \
                of its own.";
    run.step("another thread: free(3)", said, slab.floors());
    slab.free(2, true);
    let said = "In front of 1. The last one is the first, as in most lists.";
    run.step("free(2)", said, slab.floors());
    malloc(&mut slab);
    let said = "The last one of `free`. Now that list is empty.";
    run.step("malloc", said, slab.floors());
    let (block, _) = malloc(&mut slab);
    let said = format!(
        "The long way: `thread_free` is taken over in one atomic step and goes \
         in front of `local_free`, and all of it becomes `free`. Block {block} \
         is given out."
    );
    run.step("malloc", said, slab.floors());
    let choices = [1, 2, 3, 5].map(|it| format!("Block {it}"));
    let right = format!("Block {block}");
    run.ask("which block is given out?", &choices, &right);
    malloc(&mut slab);
    malloc(&mut slab);
    run.step("malloc, twice", "All that was opened is in use.", slab.floors());
    let (block, _) = malloc(&mut slab);
    let said = format!(
        "No list has anything. {OPENED} more are opened: their links are written \
         now. Block {block} is given out."
    );
    run.step("malloc", said, slab.floors());
    Drawing {
        name: "mimalloc-lists",
        title: "Three lists of one slab",
        told: format!(
            "Computed by a model of mimalloc 2.0.9. A slab of 64 KiB has 2,048 \
             blocks of 32 bytes, and here it has {BLOCKS}."
        ),
        pictures: run.0,
        still: 4,
        keys: vec![
            (Kind::Payload, "in use"),
            (Kind::Free, "on one of the lists"),
            (Kind::Padding, "not opened yet"),
        ],
    }
}
