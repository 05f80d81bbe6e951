//! A stack whose records stand in front of its chunks.
//!
//! One thread owns the stack: it pushes and pops. Whoever else frees a chunk
//! marks it, which is one store, and the owner pops it when it comes by.

use core::ptr;

use super::atomic::{AtomicU32, Ordering};
use crate::brk::Brk;
use crate::fault::fault;

/// Every chunk starts at a multiple of this many bytes. It is the alignment
/// of C's `max_align_t` on 64-bit machines.
pub const ALIGN: usize = 16;

/// No request is served for more bytes than this: a record has 32 bits for a
/// size.
pub const LARGEST: usize = 3 << 30;

/// The break rises by this many bytes at least.
pub const STEP: usize = 64 * 1024;

/// This many unused bytes stay below the break when it falls.
pub const SLACK: usize = 1024 * 1024;

/// What stands in front of each chunk.
#[repr(C)]
struct Record {
    /// Bytes from the start of the chunk below to the start of this one.
    below: u32,
    /// Bytes from the start of this chunk to the start of the one above: a
    /// multiple of [`ALIGN`]. The lowest bits are [`MARK`] and [`LISTED`].
    state: AtomicU32,
}

/// Bytes of a record.
const RECORD: usize = size_of::<Record>();

/// The chunk is free, and waits for those above it.
pub(super) const MARK: u32 = 1;

/// The chunk is free, and whoever has it on a list may use it again.
pub(super) const LISTED: u32 = 2;

/// A stack of chunks on a break of its own.
pub struct Stack<B> {
    /// Where the next chunk will start. How far it is to the chunk below is
    /// written there already.
    pub(super) top: *mut u8,
    /// No chunk ends above this address.
    pub(super) limit: *mut u8,
    /// When the top falls below this address, there is something to do: see
    /// `fall`.
    floor: *mut u8,
    /// A chunk that is to be forgotten when the top falls below it.
    pub(super) watched: *mut u8,
    /// The lowest chunk, which is never free.
    pub(super) ground: *mut u8,
    /// The break, as this stack remembers it.
    end: *mut u8,
    brk: B,
}

impl<B: Brk> Stack<B> {
    /// An empty stack. It asks `brk` for nothing yet.
    pub const fn new(brk: B) -> Self {
        let null = ptr::null_mut();
        Self {
            top: null,
            limit: null,
            floor: null,
            watched: null,
            ground: null,
            end: null,
            brk,
        }
    }

    /// The break that this stack moves.
    pub fn brk(&mut self) -> &mut B {
        &mut self.brk
    }

    /// Pushes a chunk of at least `size` bytes, aligned to [`ALIGN`], and
    /// returns where it starts; null if there is no memory left, or if `size`
    /// is more than [`LARGEST`]. A chunk of 0 bytes is a chunk of its own. See
    /// malloc(3).
    #[inline(always)]
    pub fn malloc(&mut self, size: usize) -> *mut u8 {
        if size > LARGEST {
            return ptr::null_mut();
        }
        let size = with_record(size);
        match self.push(size) {
            Some(chunk) => chunk,
            None => self.grow_and_push(ALIGN, size),
        }
    }

    /// Takes a chunk back: pops it if it is the top, or else marks it.
    ///
    /// # Safety
    ///
    /// `payload` is a chunk of this stack, and nobody uses it any more.
    #[inline(always)]
    pub unsafe fn free(&mut self, payload: *mut u8) {
        let chunk = self.chunk(payload);
        // SAFETY: as the caller promises.
        unsafe {
            if !self.pop(chunk) {
                mark(chunk);
            }
        }
    }

    /// Pushes a chunk as `malloc` does, whose start is a multiple of `align`;
    /// null also if `align` is not a power of two. See posix_memalign(3).
    ///
    /// What has to lie in front of it is a chunk that is free at once.
    pub fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        if !align.is_power_of_two() || align.max(size) > LARGEST {
            return ptr::null_mut();
        }
        let size = with_record(size);
        match self.push_aligned(align, size) {
            Some(chunk) => chunk,
            None => self.grow_and_push(align, size),
        }
    }

    /// Makes a chunk one of at least `size` bytes where it is; `None` if it
    /// cannot grow there. Only the top can.
    ///
    /// # Safety
    ///
    /// `payload` is a chunk of this stack, and nobody else uses it.
    pub unsafe fn resize(
        &mut self,
        payload: *mut u8,
        size: usize,
    ) -> Option<()> {
        if size > LARGEST {
            return None;
        }
        let (chunk, size) = (self.chunk(payload), with_record(size));
        // SAFETY: `chunk` is a chunk.
        let old_size = unsafe { self::size(chunk) };
        if chunk.addr() + old_size != self.top.addr() {
            return (size <= old_size).then_some(());
        }
        if size > old_size + self.room() {
            let top = self.top;
            if self.limit != self.last_place() {
                return None;
            }
            self.grow(size - old_size)?;
            if self.top != top {
                // Somebody else has moved the break.
                return None;
            }
        }
        self.top = chunk;
        self.push(size)?;
        if chunk < self.watched {
            // It may lie in the middle of this one now.
            self.watched = ptr::null_mut();
        }
        if self.top < self.floor {
            self.fall();
        }
        Some(())
    }

    /// How many bytes of the chunk may be used. See malloc_usable_size(3).
    ///
    /// # Safety
    ///
    /// `payload` is a chunk of this stack.
    pub unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        // SAFETY: as the caller promises.
        unsafe { usable_size(self.chunk(payload)) }
    }

    /// A pointer may speak for its own chunk alone. This one reaches the record
    /// in front of it as well.
    #[inline(always)]
    pub(super) fn chunk(&self, payload: *mut u8) -> *mut u8 {
        self.top.with_addr(payload.addr())
    }

    /// How many bytes below the top a chunk starts; more than a stack can have
    /// if it starts above.
    #[inline(always)]
    pub(super) fn depth(&self, chunk: *mut u8) -> usize {
        self.top.addr().wrapping_sub(chunk.addr())
    }

    /// Bytes from the top to the limit.
    #[inline(always)]
    pub(super) fn room(&self) -> usize {
        self.limit.addr() - self.top.addr()
    }

    /// Pushes a chunk of `size` bytes, with a record, if there is room.
    #[inline(always)]
    pub(super) fn push(&mut self, size: usize) -> Option<*mut u8> {
        let chunk = self.top;
        let top = chunk.wrapping_add(size);
        if top > self.limit {
            return None;
        }
        // SAFETY: the chunk does not end above the limit.
        unsafe { set(chunk, size, 0) };
        self.top = top;
        Some(chunk)
    }

    /// Pushes a chunk whose start is a multiple of `align`, if there is room.
    pub(super) fn push_aligned(
        &mut self,
        align: usize,
        size: usize,
    ) -> Option<*mut u8> {
        let start = self.top.addr().checked_next_multiple_of(align)?;
        let padding = start - self.top.addr();
        if padding + size > self.room() {
            return None;
        }
        if padding > 0 {
            let filler = self.push(padding)?;
            // SAFETY: it was pushed, and nobody uses it.
            unsafe { mark(filler) };
        }
        self.push(size)
    }

    /// Pops a chunk, with all that is marked below it, if it is the top.
    ///
    /// # Safety
    ///
    /// `chunk` is a chunk of this stack or of another, from a pointer that
    /// reaches its record, and nobody uses it any more.
    #[inline(always)]
    pub(super) unsafe fn pop(&mut self, mut chunk: *mut u8) -> bool {
        // SAFETY: as the caller promises. If it is another stack's, it does
        // not end where this one's top is: there is a record in between. Nor
        // does one that is free already: it has a flag.
        let state = unsafe { state(chunk) }.load(Ordering::Relaxed);
        if chunk.addr() + state as usize != self.top.addr() {
            return false;
        }
        // SAFETY: below each chunk there is another, down to the lowest, which
        // is never marked.
        while let Some(below) = unsafe { marked_below(chunk) } {
            chunk = below;
        }
        self.top = chunk;
        if chunk < self.floor {
            self.fall();
        }
        true
    }

    /// Raises the break, and pushes a chunk.
    #[cold]
    #[inline(never)]
    fn grow_and_push(&mut self, align: usize, size: usize) -> *mut u8 {
        match self.grow(size + align) {
            Some(()) => self.push_aligned(align, size),
            None => None,
        }
        .unwrap_or(ptr::null_mut())
    }

    /// Raises the break, so that there is room for `bytes` at the top, which
    /// is where the memory ends.
    pub(super) fn grow(&mut self, bytes: usize) -> Option<()> {
        // SAFETY: an increment of zero gives nothing back.
        let brk = unsafe { self.brk.sbrk(0) }.ok()?.as_ptr();
        if brk == self.end {
            let risen = self.raise(bytes.saturating_sub(self.room()))?;
            self.set_end(brk.with_addr(brk.addr() + risen));
            return Some(());
        }
        // What lies between the break as we left it and as it is, is somebody
        // else's: a chunk that is never freed. At first that is all there is,
        // and the chunk has the [`ALIGN`] bytes below the first of ours.
        let first = brk.addr().checked_next_multiple_of(ALIGN)? + 2 * ALIGN;
        let theirs =
            if self.top.is_null() { first - ALIGN } else { self.top.addr() };
        u32::try_from(first - theirs).ok()?;
        let risen = self.raise(first - brk.addr() + bytes)?;
        // SAFETY: the record in front of it lies below the top, and the one in
        // front of the first of ours above the break that was.
        unsafe { set(brk.with_addr(theirs), first - theirs, 0) };
        if self.top.is_null() {
            self.ground = brk.with_addr(theirs);
        }
        self.top = brk.with_addr(first);
        self.set_end(brk.with_addr(brk.addr() + risen));
        Some(())
    }

    /// Raises the break by at least `bytes`, in whole steps if it can be had.
    /// Returns by how many.
    fn raise(&mut self, bytes: usize) -> Option<usize> {
        for bytes in [bytes.checked_next_multiple_of(STEP)?, bytes] {
            let increment = isize::try_from(bytes).ok()?;
            // SAFETY: the increment is not negative: nothing is given back.
            if unsafe { self.brk.sbrk(increment) }.is_ok() {
                return Some(bytes);
            }
        }
        None
    }

    /// Remembers the break, and lets chunks go up to there.
    fn set_end(&mut self, end: *mut u8) {
        self.end = end;
        self.go_to_end();
    }

    /// Lets chunks go up to the break.
    pub(super) fn go_to_end(&mut self) {
        self.limit = self.last_place();
        self.set_floor();
    }

    /// Where the chunk behind the last one would start.
    pub(super) fn last_place(&self) -> *mut u8 {
        self.end.map_addr(|end| end & !(ALIGN - 1))
    }

    /// The top has to fall so far that the end of the memory can go back, or
    /// below what is watched.
    pub(super) fn set_floor(&mut self) {
        self.floor = ptr::null_mut();
        if self.limit == self.last_place() {
            self.floor = self.end.map_addr(|end| end.saturating_sub(2 * SLACK));
        }
        if self.watched <= self.top {
            self.floor = self.floor.max(self.watched);
        }
    }

    /// The top has fallen below the floor.
    #[cold]
    #[inline(never)]
    fn fall(&mut self) {
        if self.top < self.watched {
            self.watched = ptr::null_mut();
        }
        if self.limit == self.last_place() && self.room() >= 2 * SLACK {
            self.trim();
        }
        self.set_floor();
    }

    /// Gives what is unused below the break back to the system, but for
    /// [`SLACK`].
    fn trim(&mut self) {
        // SAFETY: an increment of zero gives nothing back.
        let Ok(brk) = (unsafe { self.brk.sbrk(0) }) else { return };
        if brk.as_ptr() != self.end {
            return;
        }
        let bytes = self.room() - SLACK;
        // SAFETY: what lies above the top is ours, and nobody uses it.
        if unsafe { self.brk.sbrk(-(bytes as isize)) }.is_ok() {
            self.set_end(self.end.with_addr(self.end.addr() - bytes));
        }
    }
}

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
    if !unsafe { try_mark(chunk) } {
        fault("this block is free already", chunk);
    }
}

/// As `mark`, but says no if the chunk is free already, or if zeroes stand where
/// its record should be.
///
/// # Safety
///
/// As there.
#[inline(always)]
pub(super) unsafe fn try_mark(chunk: *mut u8) -> bool {
    // SAFETY: as the caller promises.
    let state = unsafe { state(chunk) };
    let size = state.load(Ordering::Relaxed);
    if size == 0 || size & (MARK | LISTED) != 0 {
        return false;
    }
    // Release: whoever sees the mark sees all that was done to the chunk.
    state.store(size | MARK, Ordering::Release);
    true
}

/// The chunk below, if it is marked.
///
/// # Safety
///
/// `chunk` is a chunk or the place for the next one, but not the lowest.
#[inline(always)]
pub(super) unsafe fn marked_below(chunk: *mut u8) -> Option<*mut u8> {
    // SAFETY: there is a chunk so far below, with a record.
    unsafe {
        let below = chunk.sub((*record(chunk)).below as usize);
        // Acquire: what was done to the chunk came before its mark.
        let state = state(below).load(Ordering::Acquire);
        (state & MARK != 0).then_some(below)
    }
}

/// How many bytes of a chunk may be used. Ends the program if what stands in
/// front of it is no record at all, but zeroes.
///
/// # Safety
///
/// `chunk` is a chunk, from a pointer that reaches its record.
#[inline(always)]
pub unsafe fn usable_size(chunk: *mut u8) -> usize {
    // SAFETY: as the caller promises.
    let size = unsafe { size(chunk) };
    if size == 0 {
        fault("this is no block of the heap", chunk);
    }
    size - RECORD
}

/// Bytes of a chunk, with a record.
///
/// # Safety
///
/// `chunk` is a chunk, from a pointer that reaches its record.
#[inline(always)]
unsafe fn size(chunk: *mut u8) -> usize {
    // SAFETY: as the caller promises.
    let state = unsafe { state(chunk) }.load(Ordering::Relaxed);
    (state & !(MARK | LISTED)) as usize
}

/// Bytes of a chunk for a request of `size` bytes, at most [`LARGEST`].
#[inline(always)]
pub(super) fn with_record(size: usize) -> usize {
    (size + RECORD + ALIGN - 1) & !(ALIGN - 1)
}

/// Writes what stands in front of a chunk, and how far it reaches in front of
/// the next one.
///
/// # Safety
///
/// `chunk` has room for a record in front, and `size` bytes. They are the
/// caller's.
#[inline(always)]
pub(super) unsafe fn set(chunk: *mut u8, size: usize, flag: u32) {
    // SAFETY: as the caller promises.
    unsafe {
        let state = AtomicU32::new(size as u32 | flag);
        (&raw mut (*record(chunk)).state).write(state);
        (&raw mut (*record(chunk.add(size))).below).write(size as u32);
    }
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
