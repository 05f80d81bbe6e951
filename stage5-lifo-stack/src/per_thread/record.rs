//! What stands in front of a chunk.
//!
//! Whoever has a chunk may mark it as free, with one store to its record.
//! All else in a record is written by the thread whose stack the chunk is on.

use core::sync::atomic::compiler_fence;

use super::atomic::{AtomicU32, Ordering};
use crate::fault::fault;

/// Every chunk starts at a multiple of this many bytes. It is the alignment
/// of C's `max_align_t` on 64-bit machines.
pub const ALIGN: usize = 16;

/// What stands in front of each chunk.
#[repr(C)]
struct Record {
    /// Bytes from the start of the chunk below to the start of this one.
    below: AtomicU32,
    /// Bytes from the start of this chunk to the start of the one above: a
    /// multiple of [`ALIGN`]. The lowest bits are flags.
    state: AtomicU32,
}

/// Bytes of a record.
pub(super) const RECORD: usize = size_of::<Record>();

/// The chunk is free, and waits for those above it.
pub(super) const MARK: u32 = 1;

/// The chunk is free, and whoever has it on a list may use it again.
pub(super) const LISTED: u32 = 2;

/// The chunk is the lowest of its segment. It has a mark too, and so a pop
/// that meets it need not ask for it by itself.
pub(super) const GROUND: u32 = 4;

/// All flags.
const FLAGS: u32 = MARK | LISTED | GROUND;

/// Marks a chunk as free, for the owner of its stack to find. Ends the program
/// if it is free already.
///
/// # Safety
///
/// `chunk` is a chunk, from a pointer that reaches its record, and nobody uses
/// it any more.
#[inline(always)]
pub unsafe fn mark(chunk: *mut u8) {
    // SAFETY: as the caller promises.
    let state = unsafe { state(chunk) };
    let size = state.load(Ordering::Relaxed);
    if size & FLAGS != 0 {
        fault("this block is free already", chunk);
    }
    // Release: whoever sees the mark sees all that was done to the chunk.
    state.store(size | MARK, Ordering::Release);
}

/// The chunk below, if it is marked.
///
/// # Safety
///
/// `chunk` is a chunk or the place for the next one, but not the ground.
#[inline(always)]
pub(super) unsafe fn marked_below(chunk: *mut u8) -> Option<*mut u8> {
    // SAFETY: there is a chunk below, with a record.
    unsafe {
        let below = below(chunk);
        // Acquire: what was done to the chunk came before its mark.
        let state = state(below).load(Ordering::Acquire);
        (state & MARK != 0).then_some(below)
    }
}

/// The chunk below.
///
/// # Safety
///
/// As for [`marked_below`].
#[inline(always)]
pub(super) unsafe fn below(chunk: *mut u8) -> *mut u8 {
    // SAFETY: there is a chunk so far below.
    unsafe {
        let below = (*record(chunk)).below.load(Ordering::Relaxed);
        chunk.sub(below as usize)
    }
}

/// How many bytes a chunk has, with a record, and its flags.
///
/// # Safety
///
/// `chunk` is a chunk, from a pointer that reaches its record.
#[inline(always)]
pub(super) unsafe fn look(chunk: *mut u8) -> (usize, u32) {
    // SAFETY: as the caller promises. Acquire: as in `marked_below`.
    let state = unsafe { state(chunk) }.load(Ordering::Acquire);
    ((state & !FLAGS) as usize, state & FLAGS)
}

/// Whether a chunk of `size` bytes, with its record, can be there: it ends at or
/// below `end`, and the record above says the same.
///
/// # Safety
///
/// `chunk` is a multiple of [`ALIGN`] from a pointer that reaches the segment
/// around it, which ends above `end`.
#[inline(always)]
pub(super) unsafe fn is_chunk(
    chunk: *mut u8,
    size: usize,
    end: *mut u8,
) -> bool {
    if size == 0 || chunk.addr() + size > end.addr() {
        return false;
    }
    // SAFETY: all lies in the segment.
    unsafe { below(chunk.add(size)) == chunk }
}

/// How many bytes of a chunk may be used.
///
/// # Safety
///
/// `chunk` is a chunk, from a pointer that reaches its record.
#[inline(always)]
pub unsafe fn usable_size(chunk: *mut u8) -> usize {
    // SAFETY: as the caller promises.
    unsafe { look(chunk).0 - RECORD }
}

/// Bytes of a chunk for a request of `size` bytes.
#[inline(always)]
pub(super) const fn with_record(size: usize) -> usize {
    (size + RECORD + ALIGN - 1) & !(ALIGN - 1)
}

/// Writes what stands in front of a chunk, and then how far it reaches in front
/// of the next one.
///
/// # Safety
///
/// `chunk` has room for a record in front, and `size` bytes. They are the
/// caller's.
#[inline(always)]
pub(super) unsafe fn set(chunk: *mut u8, size: usize, flags: u32) {
    // SAFETY: as the caller promises.
    unsafe {
        let state = &raw mut (*record(chunk)).state;
        state.write(AtomicU32::new(size as u32 | flags));
        set_below(chunk.add(size), size);
    }
}

/// Changes what stands in front of a chunk. Others may look at it meanwhile.
///
/// # Safety
///
/// `chunk` is a chunk, from a pointer that reaches its record, which is the
/// caller's.
#[inline(always)]
pub(super) unsafe fn set_state(chunk: *mut u8, size: usize, flags: u32) {
    // SAFETY: as the caller promises.
    unsafe { state(chunk) }.store(size as u32 | flags, Ordering::Relaxed);
}

/// # Safety
///
/// `chunk` has room for a record in front, which is the caller's.
#[inline(always)]
pub(super) unsafe fn set_below(chunk: *mut u8, size: usize) {
    // SAFETY: as the caller promises.
    unsafe {
        let below = &raw mut (*record(chunk)).below;
        below.write(AtomicU32::new(size as u32));
    }
}

/// What is stored before this is there before what is stored after it, should
/// the owner be stopped in between. Who takes over what it leaves finds all
/// that it has stored until then, so it is the compiler alone that might change
/// the order.
#[inline(always)]
pub(super) fn in_this_order() {
    compiler_fence(Ordering::Release);
}

/// A chunk's size and flags.
///
/// # Safety
///
/// `chunk` is a chunk, from a pointer that reaches its record.
#[inline(always)]
pub(super) unsafe fn state<'a>(chunk: *mut u8) -> &'a AtomicU32 {
    // SAFETY: a record stands in front of a chunk, as long as it is one.
    unsafe { &(*record(chunk)).state }
}

/// The record in front of a chunk.
///
/// # Safety
///
/// `chunk` is a chunk, or the place for one.
#[inline(always)]
unsafe fn record(chunk: *mut u8) -> *mut Record {
    // SAFETY: there is room for one.
    unsafe { chunk.sub(RECORD).cast() }
}
