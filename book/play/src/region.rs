//! Memory for a simulated break to move in.

use std::mem::MaybeUninit;

/// Regions start at a multiple of this, so that an offset from the start is
/// also how the address ends, on every machine and in every run.
const ALIGNMENT: usize = 0x10_0000;

/// A piece of memory that is the same in every run, but for where it lies.
pub struct Region {
    memory: Box<[MaybeUninit<u8>]>,
    len: usize,
}

impl Region {
    pub fn new(len: usize) -> Self {
        Self { memory: Box::new_uninit_slice(len + ALIGNMENT), len }
    }

    pub fn bytes(&mut self) -> &mut [MaybeUninit<u8>] {
        let start = self.memory.as_ptr().align_offset(ALIGNMENT);
        &mut self.memory[start..start + self.len]
    }
}
