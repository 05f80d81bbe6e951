//! What a stack looks like from outside: for tests and figures.

use core::fmt;
use core::iter;
use core::ptr;

use super::atomic::Ordering;
use super::holes::Holes;
use super::stack::{ALIGN, LISTED, MARK, Stack, state, usable_size};
use crate::brk::Brk;

/// A piece of a stack's memory.
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    /// Where it starts.
    pub start: *mut u8,
    /// How many bytes it is to where the next one starts.
    pub size: usize,
    /// What it is to the stack.
    pub state: State,
}

/// What a chunk is to its stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// In use. So are the lowest chunk and what somebody else took.
    Used,
    /// Free: it waits for those above it.
    Marked,
    /// Free, and on a list.
    Listed,
    /// No chunk, but the room where the stack is growing.
    Room,
}

impl<B: Brk> Stack<B> {
    /// The chunks, the lowest address first, and the room at the top.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk> {
        let mut next = self.ground;
        iter::from_fn(move || {
            let start = next;
            if start >= self.last_place() {
                return None;
            }
            let chunk = if start == self.top && self.room() > 0 {
                Chunk { start, size: self.room(), state: State::Room }
            } else {
                // SAFETY: above a chunk or the room there is a chunk, up to
                // the last place.
                unsafe { look(start) }
            };
            next = start.wrapping_add(chunk.size);
            Some(chunk)
        })
    }
}

impl<B: Brk, const MOST: usize, const HOLE: usize> Holes<B, MOST, HOLE> {
    /// As [`Stack::chunks`].
    pub fn chunks(&self) -> impl Iterator<Item = Chunk> {
        self.stack.chunks()
    }

    /// The chunks on the list of those that have `size` bytes in all.
    pub fn list(&self, size: usize) -> impl Iterator<Item = *mut u8> {
        let list = self.lists.get(size / ALIGN);
        let mut next = list.map_or(ptr::null_mut(), |list| list.first);
        iter::from_fn(move || {
            let chunk = next;
            if chunk.is_null() {
                return None;
            }
            // SAFETY: a chunk on a list starts with a pointer to the next one.
            next = unsafe { chunk.cast::<*mut u8>().read() };
            Some(chunk)
        })
    }
}

/// # Safety
///
/// `start` is a chunk.
unsafe fn look(start: *mut u8) -> Chunk {
    // SAFETY: as the caller promises. Acquire: as the owner looks at it.
    let flags = unsafe { state(start) }.load(Ordering::Acquire);
    let state = match flags & (MARK | LISTED) {
        0 => State::Used,
        MARK => State::Marked,
        _ => State::Listed,
    };
    Chunk { start, size: (flags & !(MARK | LISTED)) as usize, state }
}

/// The chunks, but for the lowest, each with the bytes that may be used.
impl<B: Brk> fmt::Debug for Stack<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.chunks().skip(1) {
            let state = match chunk.state {
                State::Used => "used",
                State::Marked => "marked",
                State::Listed => "listed",
                State::Room => {
                    write!(f, "[room]")?;
                    continue;
                }
            };
            // SAFETY: it is a chunk.
            let size = unsafe { usable_size(chunk.start) };
            write!(f, "[{size} {state}]")?;
        }
        Ok(())
    }
}

impl<B: Brk, const MOST: usize, const HOLE: usize> fmt::Debug
    for Holes<B, MOST, HOLE>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stack.fmt(f)
    }
}
