//! What can be asked of a heap, and what bytes ask of it.

/// What the shadow asks of a heap. A block is named by its place among those
/// that are live, the lowest address first.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub enum Operation {
    /// malloc(3)
    Malloc {
        /// Bytes.
        size: usize,
    },
    /// free(3), of null if there is no block.
    Free {
        /// Which one.
        block: Option<usize>,
    },
    /// calloc(3)
    Calloc {
        /// How many.
        count: usize,
        /// Bytes of each.
        size: usize,
    },
    /// realloc(3), of null if there is no block.
    Realloc {
        /// Which one.
        block: Option<usize>,
        /// Bytes.
        size: usize,
    },
    /// posix_memalign(3)
    Memalign {
        /// A power of two.
        align: usize,
        /// Bytes.
        size: usize,
    },
    /// Somebody else moves the break up.
    SomebodyElseTakes {
        /// Bytes.
        bytes: usize,
    },
    /// Somebody else moves the break up and down again.
    SomebodyElseGivesBack {
        /// Bytes.
        bytes: usize,
    },
}

/// What some bytes ask for: operations, and how often the break refuses to move
/// meanwhile. Any bytes ask for something, and a byte that changes changes one
/// operation: so a program that plays with bytes makes its way through a heap.
#[derive(Clone, Debug)]
pub struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    /// What these bytes ask for.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte: zero when there is none.
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    /// A place among `live` blocks, if there are any.
    fn block(&mut self, live: usize) -> Option<usize> {
        let place = usize::from(self.byte());
        (live > 0).then(|| place % live)
    }

    /// Small sizes byte by byte, larger ones in steps, and a few that no heap
    /// can give.
    fn size(&mut self) -> usize {
        match self.byte() {
            byte @ 0..128 => usize::from(byte),
            byte @ 128..192 => usize::from(byte - 127) * 16 + 64,
            byte @ 192..240 => usize::from(byte - 191) * 256 + 1024,
            byte @ 240..252 => 1024 << (byte - 238),
            252 => isize::MAX as usize - usize::from(self.byte()),
            _ => usize::MAX - usize::from(self.byte()),
        }
    }

    /// The next operation on a heap with so many `live` blocks.
    pub fn next(&mut self, live: usize) -> Option<(Operation, usize)> {
        if self.0.is_empty() {
            return None;
        }
        let kind = self.byte();
        let refusals = match kind >> 5 {
            7 => usize::MAX,
            6 => 1,
            _ => 0,
        };
        let operation = match kind % 32 {
            0..8 => Operation::Malloc { size: self.size() },
            8..19 => Operation::Free { block: self.block(live) },
            19..22 => {
                let count = match self.byte() {
                    255 => usize::MAX / 2 + 2,
                    byte => usize::from(byte % 8),
                };
                Operation::Calloc { count, size: self.size() }
            }
            22..26 => {
                let block = self.block(live);
                // What becomes of 0 bytes is not promised.
                let size = self.size().max(usize::from(block.is_some()));
                Operation::Realloc { block, size }
            }
            26..29 => {
                let align = 1 << (self.byte() % 13);
                Operation::Memalign { align, size: self.size() }
            }
            29 => Operation::SomebodyElseTakes {
                bytes: usize::from(self.byte()) + 1,
            },
            30 => Operation::SomebodyElseGivesBack {
                bytes: 32 * usize::from(self.byte()) + 1,
            },
            _ => Operation::Free { block: None },
        };
        Some((operation, refusals))
    }
}
