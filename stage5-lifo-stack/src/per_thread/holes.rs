//! A stack that uses again what was freed deep inside it.
//!
//! A chunk that is not the top goes to a list of its size, and the next
//! request of that size takes it from there. Now and then a sweep makes one
//! chunk of those that are free side by side, and gives empty segments back.

use core::ptr::{self, NonNull};

use super::found::{Found, check_chunk, mark_others};
use super::large::Kept;
use super::lists::{EXACT, Lists, class, rounded};
use super::record::{ALIGN, RECORD, look, mark, with_record};
use super::segment::{Mmap, Segment, let_go_below};
use super::stack::{STEP, Stack};

/// A request for less than this that no hole is large enough for says that
/// there are no holes.
const SMALL_HOLE: usize = 256;

/// A stack, what was freed deep inside it, and large blocks.
///
/// Without `LISTS`, what is freed waits for a sweep. `HOLE` is how many bytes a
/// hole has at least.
pub struct Holes<M, const LISTS: bool = true, const HOLE: usize = 16> {
    pub(super) stack: Stack<M>,
    pub(super) lists: Lists,
    pub(super) kept: Kept,
    /// There are holes, and so chunks are cut from them before the stack
    /// grows.
    pub(super) cutting: bool,
    /// So many bytes that were freed may mean empty segments.
    pub(super) enough: isize,
    /// Bytes of chunks that were not free at the last sweep.
    pub(super) live: usize,
    /// Bytes by which the stack has grown since then.
    pub(super) grown: usize,
    /// The last sweep was worth it.
    pub(super) was_worth: bool,
}

impl<M: Mmap, const LISTS: bool, const HOLE: usize> Holes<M, LISTS, HOLE> {
    /// An empty stack. It asks for nothing yet.
    pub fn new(mmap: M) -> Self {
        Self::on(Stack::new(mmap))
    }

    /// An empty stack in a segment that was mapped already, and the place of
    /// `used` bytes in that segment that are somebody's.
    ///
    /// # Safety
    ///
    /// As for [`Stack::within`].
    pub(super) unsafe fn within(
        mmap: M,
        start: NonNull<u8>,
        used: usize,
    ) -> Option<(Self, *mut u8)> {
        // SAFETY: as the caller promises.
        unsafe {
            let stack = Stack::within(mmap, start, used)?;
            Some((Self::on(stack), start.as_ptr().add(Segment::WORDS)))
        }
    }

    fn on(stack: Stack<M>) -> Self {
        Self {
            stack,
            lists: Lists::new(),
            kept: Kept::new(),
            cutting: false,
            enough: isize::MAX,
            live: 0,
            grown: 0,
            was_worth: true,
        }
    }

    /// Where the memory comes from.
    pub fn mmap(&mut self) -> &mut M {
        self.stack.mmap()
    }

    /// Blocks of more bytes than this have a mapping of their own.
    pub const MIDDLE: usize = Stack::<M>::LARGEST - RECORD;

    /// Blocks of up to so many bytes have a list for each size.
    pub const SMALL: usize = {
        let exact = (EXACT - 1) * ALIGN - RECORD;
        if exact < Self::MIDDLE { exact } else { Self::MIDDLE }
    };

    /// Returns a block of at least `size` bytes, aligned to [`ALIGN`]; null if
    /// there is no memory left. See malloc(3).
    #[inline(always)]
    pub fn malloc(&mut self, size: usize) -> *mut u8 {
        if size <= Self::SMALL
            && let Some(chunk) = self.malloc_here(size)
        {
            return chunk;
        }
        self.malloc_elsewhere(size)
    }

    /// As `malloc`, for at most [`SMALL`](Self::SMALL) bytes, if a list has
    /// such a chunk or there is room at the top.
    #[inline(always)]
    pub fn malloc_here(&mut self, size: usize) -> Option<*mut u8> {
        let size = with_record(size);
        match self.lists.take(size) {
            Some(chunk) => Some(chunk),
            None => self.stack.push(size),
        }
    }

    /// As `malloc`, for larger blocks, and where there is no room.
    #[inline(never)]
    pub fn malloc_elsewhere(&mut self, size: usize) -> *mut u8 {
        if size > Self::MIDDLE {
            return self.malloc_large(ALIGN, size, false);
        }
        self.find(rounded(with_record(size))).unwrap_or(ptr::null_mut())
    }

    /// As `malloc`, but all bytes are zero. See calloc(3).
    pub fn calloc(&mut self, size: usize) -> *mut u8 {
        if size > Self::MIDDLE {
            return self.malloc_large(ALIGN, size, true);
        }
        let payload = self.malloc(size);
        if !payload.is_null() {
            // SAFETY: the block has so many bytes.
            unsafe { payload.write_bytes(0, size) };
        }
        payload
    }

    /// As `malloc`, aligned to `align` too; null also if `align` is not a power
    /// of two. See posix_memalign(3).
    pub fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        if !align.is_power_of_two() || size > isize::MAX as usize {
            return ptr::null_mut();
        }
        if align <= ALIGN {
            return self.malloc(size);
        }
        if align > Self::MIDDLE / 2 || size > Self::MIDDLE / 2 {
            return self.malloc_large(align, size, false);
        }
        match self.stack.push_aligned(align, with_record(size)) {
            Some((filler, chunk)) => {
                if let Some(filler) = filler {
                    // SAFETY: it was pushed, and nobody uses it.
                    unsafe { self.list_or_mark(filler, look(filler).0) };
                }
                chunk
            }
            None => ptr::null_mut(),
        }
    }

    /// Takes a block back, whichever thread it comes from. Ends the program if
    /// it is none, or free already. See free(3).
    ///
    /// # Safety
    ///
    /// `payload` is a block of a heap like this one, and nobody uses it any
    /// more.
    #[inline(always)]
    pub unsafe fn free(&mut self, payload: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe {
            if !self.stack.pop(payload) {
                self.free_elsewhere(payload);
            }
        }
    }

    /// As `free`, but only if the block is the top. Says whether it was.
    ///
    /// # Safety
    ///
    /// As there.
    #[inline(always)]
    pub unsafe fn pop(&mut self, payload: *mut u8) -> bool {
        // SAFETY: as the caller promises.
        unsafe { self.stack.pop(payload) }
    }

    /// As `free`, if the block is not the top.
    ///
    /// # Safety
    ///
    /// As there.
    #[inline(always)]
    pub unsafe fn free_elsewhere(&mut self, payload: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe {
            let Some((segment, end)) = self.stack.segment_at(payload) else {
                return self.free_others(payload);
            };
            let chunk = segment.cast::<u8>().with_addr(payload.addr());
            let size = check_chunk(chunk, segment, end);
            self.list_or_mark(chunk, size);
        }
        if self.may_give_back() {
            self.sweep();
        }
    }

    /// As `free`, if the block is on no segment of this stack: it gets a mark,
    /// or is a large one.
    ///
    /// # Safety
    ///
    /// As there.
    #[cold]
    unsafe fn free_others(&mut self, payload: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe {
            match Found::at(&self.stack.mmap, payload) {
                Found::Large(mapping) => self.free_large(mapping),
                Found::Chunk(chunk, segment) => {
                    mark_others(&mut self.stack.mmap, chunk, segment);
                }
            }
        }
    }

    /// # Safety
    ///
    /// `chunk` is a chunk of `size` bytes, with its record, but not the top, and
    /// nobody uses it any more.
    #[inline(always)]
    unsafe fn list_or_mark(&mut self, chunk: *mut u8, size: usize) {
        // SAFETY: as the caller promises.
        unsafe {
            if LISTS {
                self.lists.put(chunk, size);
            } else {
                mark(chunk);
            }
            self.lists.freed += size as isize;
        }
    }

    /// A chunk of `size` bytes, with a record: from a hole, or at the top.
    fn find(&mut self, size: usize) -> Option<*mut u8> {
        let class = class(size);
        if let Some(chunk) = self.find_hole(class, size) {
            return Some(chunk);
        }
        if let Some(chunk) = self.stack.push(size) {
            return Some(chunk);
        }
        if self.is_sweep_worth_it() {
            self.sweep();
            if let Some(chunk) = self.find_hole(class, size) {
                return Some(chunk);
            }
        }
        let step = if self.cutting { 0 } else { STEP };
        self.grown += self.stack.make_room(size, step)?;
        self.set_enough();
        self.stack.push(size)
    }

    /// A chunk from the list of a class, or one that is cut from a hole.
    fn find_hole(&mut self, class: usize, size: usize) -> Option<*mut u8> {
        if let Some(chunk) = self.lists.take_whole(class) {
            return Some(chunk);
        }
        if class < EXACT && !self.cutting {
            return None;
        }
        let chunk = self.lists.cut(class, size);
        if chunk.is_none() && size <= SMALL_HOLE {
            self.cutting = false;
        }
        chunk
    }

    /// Makes a block one of at least `size` bytes, here or somewhere else, with
    /// its contents. Null: there is no memory, and it is as it was. See
    /// realloc(3).
    ///
    /// # Safety
    ///
    /// `payload` is a block of a heap like this one, and nobody else uses it.
    pub unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises; both blocks have as many bytes as
        // are copied.
        unsafe {
            let found = Found::at(&self.stack.mmap, payload);
            let old = found.usable_size();
            if let Some(payload) = self.resize(&found, size) {
                return payload;
            }
            let mut new = self.malloc(ample(old, size));
            if new.is_null() {
                new = self.malloc(size);
            }
            if !new.is_null() {
                ptr::copy_nonoverlapping(found.start(), new, old.min(size));
                self.free(payload);
            }
            new
        }
    }

    /// As `realloc`, if the block need not be copied.
    ///
    /// # Safety
    ///
    /// As there.
    unsafe fn resize(&mut self, found: &Found, size: usize) -> Option<*mut u8> {
        // SAFETY: as the caller promises.
        unsafe {
            match *found {
                Found::Large(mapping) => self.resize_large(mapping, size),
                Found::Chunk(..) if size > Self::MIDDLE => None,
                Found::Chunk(chunk, segment) => {
                    let size = rounded(with_record(size));
                    self.resize_chunk(chunk, segment, size).map(|()| chunk)
                }
            }
        }
    }

    /// # Safety
    ///
    /// As for `realloc`; it is a chunk of this segment.
    unsafe fn resize_chunk(
        &mut self,
        chunk: *mut u8,
        segment: *mut Segment,
        size: usize,
    ) -> Option<()> {
        // SAFETY: as the caller promises.
        unsafe {
            let (old, _) = look(chunk);
            if chunk.addr() + old == self.stack.top().addr() {
                return self.stack.resize_top(chunk, old, size);
            }
            if size <= old && old - size < old / 4 {
                return Some(());
            }
            if !self.stack.owns(segment.cast()) {
                return None;
            }
            if size > old {
                return self.lists.lengthen(chunk, old, size);
            }
            self.lists.shorten(chunk, old, size);
            self.cutting = true;
            // What is below the limit would be taken first.
            let fallen = self.stack.drop_room();
            self.grown = self.grown.saturating_sub(fallen);
        }
        Some(())
    }

    /// How many bytes of a block may be used. See malloc_usable_size(3).
    ///
    /// # Safety
    ///
    /// `payload` is a block of a heap like this one.
    pub unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        // SAFETY: as the caller promises.
        unsafe { Found::at(&self.stack.mmap, payload).usable_size() }
    }

    /// Puts right what an owner has left in the middle of something, and never
    /// comes back to. At most the chunk is lost that it had in its hands.
    ///
    /// # Safety
    ///
    /// The heap is the caller's now.
    pub unsafe fn repair(&mut self) {
        // SAFETY: as the caller promises.
        unsafe { self.stack.repair() };
        self.lists.repair();
    }

    /// Lets go of all segments but that of the top: who had them in the parent
    /// of a fork does not come back to them in the child.
    ///
    /// # Safety
    ///
    /// There is no other thread.
    pub unsafe fn let_go(&mut self) {
        if !self.stack.top().is_null() {
            // SAFETY: the top is in a segment, and as the caller promises.
            unsafe { let_go_below(self.stack.current()) };
        }
    }

    /// Gives back what can be given back.
    pub fn tidy(&mut self) {
        self.drop_kept();
        self.sweep();
        if !self.stack.top().is_null() {
            let current = self.stack.current();
            // SAFETY: it is the segment of the top.
            unsafe { self.stack.drop_all_above(current) };
        }
    }
}

/// How many bytes a block gets that has to move because it grows: a quarter more
/// than it had, since most that grow will grow again.
fn ample(old: usize, size: usize) -> usize {
    if size > old { size.max(old + old / 4) } else { size }
}
