//! What a pointer from a program is: a chunk, a large block, or none of ours.

use super::large;
use super::record::{ALIGN, MARK, RECORD, is_chunk, look, mark, set};
use super::segment::{
    Mapping, Mmap, Segment, bottom, end, first, hold, let_go,
};
use crate::fault::fault;

/// The memory of a chunk that is at least this part of a segment goes back at
/// once, if it is another thread's.
const PART: usize = 128;

/// What a pointer from a program is.
pub(super) enum Found {
    /// The one block of a mapping.
    Large(*mut Mapping),
    /// Perhaps a chunk, in this segment. The pointer reaches all of it.
    Chunk(*mut u8, *mut Segment),
}

impl Found {
    /// Ends the program if no block can be there.
    ///
    /// # Safety
    ///
    /// What is mapped at `payload` stays so.
    pub(super) unsafe fn at<M: Mmap>(mmap: &M, payload: *mut u8) -> Self {
        let mapping = mmap.mapping_at(payload);
        if mapping.is_null() {
            no_block(payload);
        }
        // SAFETY: a mapping begins with words about itself.
        let block = unsafe { (*mapping).block };
        if block.is_null() {
            let chunk = mapping.cast::<u8>().with_addr(payload.addr());
            return Self::Chunk(chunk, mapping.cast());
        }
        if block.addr() != payload.addr() {
            no_block(payload);
        }
        Self::Large(mapping)
    }

    /// The block, from a pointer that reaches all of it.
    pub(super) fn start(&self) -> *mut u8 {
        match *self {
            // SAFETY: it is a mapping.
            Self::Large(mapping) => unsafe { (*mapping).block },
            Self::Chunk(chunk, _) => chunk,
        }
    }

    /// # Safety
    ///
    /// It is a live block.
    pub(super) unsafe fn usable_size(&self) -> usize {
        // SAFETY: as the caller promises.
        unsafe {
            match *self {
                Self::Large(mapping) => large::usable_size(mapping),
                Self::Chunk(chunk, segment) => {
                    check_chunk(chunk, segment, end(segment)) - RECORD
                }
            }
        }
    }
}

/// Ends the program over a pointer that is none of a block.
#[cold]
fn no_block(payload: *mut u8) -> ! {
    fault("this is no block of the heap", payload)
}

/// How many bytes a chunk has, with its record. Ends the program if there is
/// none, or if it is free.
///
/// # Safety
///
/// `chunk` lies in this segment, whose chunks end at `end`.
#[inline(always)]
pub(super) unsafe fn check_chunk(
    chunk: *mut u8,
    segment: *mut Segment,
    end: *mut u8,
) -> usize {
    // SAFETY: as the caller promises.
    unsafe {
        if chunk < first(segment) || !chunk.addr().is_multiple_of(ALIGN) {
            no_chunk(chunk, segment, end);
        }
        let (size, flags) = look(chunk);
        if !is_chunk(chunk, size, end) {
            no_chunk(chunk, segment, end);
        }
        if flags != 0 {
            free_already(chunk);
        }
        size
    }
}

/// Ends the program over a pointer to what is no chunk: perhaps any more.
///
/// # Safety
///
/// As for `check_chunk`.
#[cold]
unsafe fn no_chunk(chunk: *mut u8, segment: *mut Segment, end: *mut u8) -> ! {
    // SAFETY: as the caller promises.
    if chunk >= end || unsafe { bottom(segment) }.is_null() {
        free_already(chunk);
    }
    no_block(chunk)
}

#[cold]
fn free_already(chunk: *mut u8) -> ! {
    fault("this block is free already", chunk)
}

/// Marks a chunk on another thread's stack. The memory of a larger one goes
/// back to the system at once, and that of a whole segment if the chunk was
/// the last one in use.
///
/// # Safety
///
/// As for [`mark`]; it lies in this segment.
pub(super) unsafe fn mark_others<M: Mmap>(
    mmap: &mut M,
    chunk: *mut u8,
    segment: *mut Segment,
) {
    // SAFETY: as the caller promises. The record of the chunk above stays.
    unsafe {
        if bottom(segment).is_null() {
            free_already(chunk);
        }
        let size = check_chunk(chunk, segment, end(segment));
        let is_larger = size >= M::SEGMENT / PART;
        // Of the smaller ones, the highest asks: there is less room above it
        // than it has itself.
        let is_highest = chunk.addr() + 2 * size > end(segment).addr();
        if (is_larger || is_highest) && empty(mmap, chunk, segment) {
            return;
        }
        if is_larger {
            mmap.drop_pages(chunk, size - RECORD);
        }
        mark(chunk);
    }
}

/// Makes one free chunk of a segment whose other chunks are all marked, and lets
/// the system have its memory. Says whether it was so, and nobody had the
/// segment.
///
/// # Safety
///
/// As for [`mark_others`].
unsafe fn empty<M: Mmap>(
    mmap: &mut M,
    last: *mut u8,
    segment: *mut Segment,
) -> bool {
    // SAFETY: as long as the last chunk is in use the segment stays, and from
    // then on as long as it is held.
    unsafe {
        if !hold(segment) {
            return false;
        }
        let (first, end) = (first(segment), end(segment));
        let is_empty = is_free_but(last, first, end);
        if is_empty {
            let size = end.addr() - first.addr();
            set(first, size, MARK);
            mmap.drop_pages(first, size - RECORD);
        }
        let_go(segment);
        is_empty
    }
}

/// Whether all chunks from this one to the end are marked, but for one.
///
/// # Safety
///
/// They are chunks of a segment that the caller holds.
unsafe fn is_free_but(last: *mut u8, mut chunk: *mut u8, end: *mut u8) -> bool {
    // SAFETY: as the caller promises. What is marked stays as it is.
    unsafe {
        while chunk < end {
            let (size, flags) = look(chunk);
            if flags & MARK == 0 && chunk != last {
                return false;
            }
            chunk = chunk.add(size);
        }
    }
    true
}

/// Takes a block back for a thread that has no stack.
///
/// # Safety
///
/// As for [`Holes::free`](super::holes::Holes::free).
pub unsafe fn free_without_stack<M: Mmap>(mmap: &mut M, payload: *mut u8) {
    // SAFETY: as the caller promises.
    unsafe {
        match Found::at(mmap, payload) {
            Found::Large(mapping) => large::unmap(mmap, mapping),
            Found::Chunk(chunk, segment) => mark_others(mmap, chunk, segment),
        }
    }
}

/// How many bytes of a block may be used.
///
/// # Safety
///
/// It is a block of a heap like these.
pub unsafe fn usable_size_of<M: Mmap>(mmap: &M, payload: *mut u8) -> usize {
    // SAFETY: as the caller promises.
    unsafe { Found::at(mmap, payload).usable_size() }
}
