//! A stack that uses again what was freed deep inside it.
//!
//! A small chunk goes to a short list of its size, and the next request of that
//! size takes it from there. And when there is no room at the top, the stack
//! looks for a hole, a run of marked chunks, and goes on growing in there.

use core::ptr;

use super::atomic::Ordering;
use super::stack::{
    ALIGN, LARGEST, LISTED, MARK, Stack, mark, marked_below, set, state,
    try_mark, with_record,
};
use crate::brk::Brk;
use crate::fault::fault;

/// How many lists there are: for chunks of less than 1,024 bytes.
const CLASSES: usize = 1024 / 16;

/// A chunk this near below the top goes to no list: the stack may soon pop it.
const NEAR: usize = 2048;

/// For each byte that was pushed, a search may pass so many bytes of chunks.
const PACE: usize = 8;

/// Free chunks of one size.
#[derive(Clone, Copy)]
pub(super) struct List {
    /// The first of them, or null. Each starts with a pointer to the next.
    pub(super) first: *mut u8,
    /// How many there are.
    length: usize,
}

/// A stack, and what was freed deep inside it.
///
/// `MOST` is how many chunks a list has at most, and `HOLE` how many bytes a
/// hole has at least.
pub struct Holes<B, const MOST: usize = 32, const HOLE: usize = 1024> {
    pub(super) stack: Stack<B>,
    pub(super) lists: [List; CLASSES],
    /// Where the top was when the stack came to the place where it is growing.
    start: *mut u8,
    /// How many bytes of chunks a search may pass.
    credit: usize,
}

impl<B: Brk, const MOST: usize, const HOLE: usize> Holes<B, MOST, HOLE> {
    /// An empty stack. It asks `brk` for nothing yet.
    pub const fn new(brk: B) -> Self {
        Self {
            stack: Stack::new(brk),
            lists: [List { first: ptr::null_mut(), length: 0 }; CLASSES],
            start: ptr::null_mut(),
            credit: 0,
        }
    }

    /// The break that the stack moves.
    pub fn brk(&mut self) -> &mut B {
        self.stack.brk()
    }

    /// As [`Stack::malloc`].
    #[inline(always)]
    pub fn malloc(&mut self, size: usize) -> *mut u8 {
        if size > LARGEST {
            return ptr::null_mut();
        }
        match self.malloc_here(size) {
            Some(chunk) => chunk,
            None => self.push_elsewhere(ALIGN, with_record(size)),
        }
    }

    /// As `malloc`, if a list has such a chunk or there is room at the top.
    /// `size` is at most [`LARGEST`].
    #[inline(always)]
    pub fn malloc_here(&mut self, size: usize) -> Option<*mut u8> {
        let size = with_record(size);
        match self.take(size) {
            Some(chunk) => Some(chunk),
            None => self.stack.push(size),
        }
    }

    /// Takes a chunk back: pops it if it is the top, or else puts it on a list
    /// or marks it.
    ///
    /// # Safety
    ///
    /// As for [`Stack::free`].
    #[inline(always)]
    pub unsafe fn free(&mut self, payload: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe {
            if !self.free_here(payload) {
                self.put(self.stack.chunk(payload));
            }
        }
    }

    /// As `free`, but only if the chunk is the top or near it: what is near the
    /// top is marked, since the stack may soon pop it. Says whether it was.
    ///
    /// # Safety
    ///
    /// `payload` is a chunk of a stack in the same address space, and nobody
    /// uses it any more.
    #[inline(always)]
    pub unsafe fn free_here(&mut self, payload: *mut u8) -> bool {
        let chunk = self.stack.chunk(payload);
        // SAFETY: as the caller promises.
        unsafe {
            if self.stack.pop(chunk) {
                return true;
            }
            let is_near = self.stack.depth(chunk).wrapping_sub(1) < NEAR;
            is_near && chunk.addr().is_multiple_of(ALIGN) && try_mark(chunk)
        }
    }

    /// Pops a chunk, of this stack or of another, if it is the top of this one.
    ///
    /// # Safety
    ///
    /// As for [`Holes::free_here`].
    pub unsafe fn pop(&mut self, payload: *mut u8) -> bool {
        // SAFETY: as the caller promises.
        unsafe { self.stack.pop(self.stack.chunk(payload)) }
    }

    /// As [`Stack::memalign`].
    pub fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        if !align.is_power_of_two() || align.max(size) > LARGEST {
            return ptr::null_mut();
        }
        let size = with_record(size);
        match self.stack.push_aligned(align, size) {
            Some(chunk) => chunk,
            None => self.push_elsewhere(align, size),
        }
    }

    /// As [`Stack::resize`].
    ///
    /// # Safety
    ///
    /// As there.
    pub unsafe fn resize(
        &mut self,
        payload: *mut u8,
        size: usize,
    ) -> Option<()> {
        // SAFETY: as the caller promises.
        unsafe { self.stack.resize(payload, size) }
    }

    /// As [`Stack::usable_size`].
    ///
    /// # Safety
    ///
    /// As there.
    pub unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        // SAFETY: as the caller promises.
        unsafe { self.stack.usable_size(payload) }
    }

    /// Takes a chunk of `size` bytes, with a record, off its list.
    #[inline(always)]
    fn take(&mut self, size: usize) -> Option<*mut u8> {
        let list = self.lists.get_mut(size / ALIGN)?;
        let chunk = list.first;
        if chunk.is_null() {
            return None;
        }
        // SAFETY: what is on a list is a free chunk, and ours.
        unsafe {
            list.first = chunk.cast::<*mut u8>().read();
            state(chunk).store(size as u32, Ordering::Relaxed);
        }
        list.length -= 1;
        Some(chunk)
    }

    /// Puts a chunk, of this stack or of another, on the list of its size; or
    /// marks it, if there is none for it or the list is full. Ends the program
    /// if it is free already.
    ///
    /// # Safety
    ///
    /// `chunk` is a chunk but not the top, from a pointer that reaches its
    /// record, and nobody uses it any more.
    pub unsafe fn put(&mut self, chunk: *mut u8) {
        // SAFETY: as the caller promises.
        let state = unsafe { state(chunk) };
        let size = state.load(Ordering::Relaxed);
        let is_above = self.stack.top <= chunk && chunk < self.stack.limit;
        if is_above || size & (MARK | LISTED) != 0 {
            fault("this block is free already", chunk);
        }
        let list = match self.lists.get_mut(size as usize / ALIGN) {
            Some(list) if list.length < MOST => list,
            // SAFETY: as the caller promises.
            _ => return unsafe { mark(chunk) },
        };
        state.store(size | LISTED, Ordering::Relaxed);
        // SAFETY: nobody uses the chunk, and the smallest has room for a
        // pointer.
        unsafe { chunk.cast::<*mut u8>().write(list.first) };
        list.first = chunk;
        list.length += 1;
    }

    /// Goes where there is room, and pushes a chunk.
    #[cold]
    #[inline(never)]
    fn push_elsewhere(&mut self, align: usize, size: usize) -> *mut u8 {
        match self.find_room(size + align) {
            Some(()) => self.stack.push_aligned(align, size),
            None => None,
        }
        .unwrap_or(ptr::null_mut())
    }

    /// Goes where there is room for `bytes`: into a hole, or to the end of the
    /// memory.
    fn find_room(&mut self, bytes: usize) -> Option<()> {
        if self.stack.top.is_null() {
            self.stack.grow(bytes)?;
            self.start = self.stack.top;
            return Some(());
        }
        let pushed = self.stack.top.addr().saturating_sub(self.start.addr());
        self.credit += pushed * PACE;
        self.leave();
        let found = match self.search(bytes.max(HOLE)) {
            Some((hole, size)) => {
                self.enter(hole, size);
                Some(())
            }
            None => self.enter_end(bytes),
        };
        self.start = self.stack.top;
        self.stack.set_floor();
        found
    }

    /// Leaves the place where the stack is growing: what room there is becomes
    /// a marked chunk.
    fn leave(&mut self) {
        self.stack.watched = self.watched();
        while self.stack.room() > 0 {
            let size = self.stack.room().min(LARGEST);
            // SAFETY: the room is nobody's.
            unsafe {
                set(self.stack.top, size, MARK);
                self.stack.top = self.stack.top.add(size);
            }
        }
    }

    /// Where the next search goes on; null if it begins anew.
    pub fn watched(&self) -> *mut u8 {
        // Where the stack is growing, chunks have come and gone.
        let Stack { watched, limit, .. } = self.stack;
        let is_there = self.start < watched && watched < limit;
        if is_there { ptr::null_mut() } else { watched }
    }

    /// Goes on in a marked chunk of `size` bytes.
    fn enter(&mut self, hole: *mut u8, size: usize) {
        self.stack.top = hole;
        // SAFETY: the hole has so many bytes.
        self.stack.limit = unsafe { hole.add(size) };
    }

    /// Goes on at the end of the memory, with what is marked there, and raises
    /// the break if that is not enough.
    fn enter_end(&mut self, bytes: usize) -> Option<()> {
        let mut top = self.stack.last_place();
        // SAFETY: below each place there is a chunk, down to the ground.
        while let Some(below) = unsafe { marked_below(top) } {
            top = below;
        }
        self.stack.top = top;
        // The search may have stopped in here.
        if top < self.stack.watched {
            self.stack.watched = ptr::null_mut();
        }
        self.stack.go_to_end();
        if self.stack.room() < bytes {
            self.stack.grow(bytes)?;
        }
        Some(())
    }

    /// Looks for a hole of at least `bytes`, from where the last search has
    /// stopped, as far as there is credit. Marked chunks in a row become one.
    fn search(&mut self, bytes: usize) -> Option<(*mut u8, usize)> {
        let mut chunk = self.stack.watched;
        if chunk.is_null() {
            chunk = self.stack.limit;
        }
        let mut found = None;
        while self.credit > 0 && found.is_none() {
            if chunk >= self.stack.last_place() {
                chunk = self.stack.ground;
            }
            // SAFETY: `chunk` is a chunk.
            unsafe {
                let (size, is_marked) = self.run(chunk);
                if is_marked && size >= bytes {
                    found = Some((chunk, size));
                }
                chunk = chunk.add(size);
            }
        }
        self.stack.watched = chunk;
        found
    }

    /// Makes one chunk of a marked chunk and the marked ones above it. Returns
    /// the bytes of the chunk, and whether it is marked.
    ///
    /// # Safety
    ///
    /// `chunk` is a chunk of this stack.
    unsafe fn run(&mut self, chunk: *mut u8) -> (usize, bool) {
        // SAFETY: as the caller promises.
        let (mut size, is_marked) = unsafe { look(chunk) };
        self.credit = self.credit.saturating_sub(size);
        if !is_marked {
            return (size, false);
        }
        let first = size;
        // SAFETY: above a chunk there is another, up to the last place. Nobody
        // but us touches what is marked.
        unsafe {
            while self.credit > 0 && chunk.add(size) < self.stack.last_place() {
                let (more, is_marked) = look(chunk.add(size));
                self.credit = self.credit.saturating_sub(more);
                if !is_marked || size + more > LARGEST {
                    break;
                }
                size += more;
            }
            if size > first {
                set(chunk, size, MARK);
            }
        }
        (size, true)
    }
}

/// Bytes of a chunk, with a record, and whether it is marked.
///
/// # Safety
///
/// `chunk` is a chunk.
unsafe fn look(chunk: *mut u8) -> (usize, bool) {
    // SAFETY: as the caller promises. Acquire: see `marked_below`.
    let state = unsafe { state(chunk) }.load(Ordering::Acquire);
    ((state & !(MARK | LISTED)) as usize, state & MARK != 0)
}
