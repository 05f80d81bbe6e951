//! What a stack looks like from outside: for tests and figures.

use core::fmt;
use core::iter;
use core::ptr;

use super::holes::Holes;
use super::lists::class;
use super::record::{LISTED, MARK, look, usable_size};
use super::segment::{Mmap, above, end, first};
use super::stack::Stack;

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
    /// In use.
    Used,
    /// Free: it waits for those above it.
    Marked,
    /// Free, and on a list.
    Listed,
    /// No chunk, but the room where the stack is growing.
    Room,
}

impl<M: Mmap> Stack<M> {
    /// The chunks, the lowest first, segment by segment, and the room at the
    /// top.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk> {
        let mut segment = self.bottom;
        let mut next = ptr::null_mut();
        if !segment.is_null() {
            // SAFETY: it is a segment of this stack.
            next = unsafe { first(segment) };
        }
        iter::from_fn(move || {
            if segment.is_null() {
                return None;
            }
            // SAFETY: they are segments of this stack, full of chunks up to
            // the top or the end.
            unsafe {
                if next == end(segment) && segment != self.current() {
                    segment = above(segment);
                    next = first(segment);
                }
                let start = next;
                if start == self.top() {
                    let size = end(segment).addr() - start.addr();
                    segment = ptr::null_mut();
                    return Some(Chunk { start, size, state: State::Room });
                }
                let chunk = look_at(start);
                next = start.add(chunk.size);
                Some(chunk)
            }
        })
    }
}

impl<M: Mmap, const LISTS: bool, const HOLE: usize> Holes<M, LISTS, HOLE> {
    /// As [`Stack::chunks`].
    pub fn chunks(&self) -> impl Iterator<Item = Chunk> {
        self.stack.chunks()
    }

    /// The chunks on the list where those of `size` bytes in all are.
    pub fn list(&self, size: usize) -> impl Iterator<Item = *mut u8> {
        self.lists.chunks(class(size))
    }

    /// What is left of a chunk from which others were cut, if there is one.
    pub fn in_hand(&self) -> Option<*mut u8> {
        self.lists.in_hand()
    }
}

/// # Safety
///
/// `start` is a chunk.
unsafe fn look_at(start: *mut u8) -> Chunk {
    // SAFETY: as the caller promises.
    let (size, flags) = unsafe { look(start) };
    let state = match flags & (MARK | LISTED) {
        0 => State::Used,
        MARK => State::Marked,
        _ => State::Listed,
    };
    Chunk { start, size, state }
}

/// The chunks, each with the bytes that may be used.
impl<M: Mmap> fmt::Debug for Stack<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.chunks() {
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

impl<M: Mmap, const LISTS: bool, const HOLE: usize> fmt::Debug
    for Holes<M, LISTS, HOLE>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stack.fmt(f)
    }
}
