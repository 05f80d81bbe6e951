//! Free blocks are used again: boundary tags, and free lists by size class.
//!
//! What each `malloc` or `free` goes through is `#[inline]`: it becomes a part
//! of who calls it, and knows what is known there, such as the alignment.

use core::{fmt, iter, mem, ptr};

pub use crate::block::{ALIGN, Block};
use crate::block::{
    FREE, HEADER, Header, LINKS, above, below, payload_of, rounded, set,
};
use crate::brk::{Brk, OutOfMemory, PAGE};
use crate::fault::fault;
use crate::free_lists::FreeLists;

/// How many free lists a heap has.
pub const DEFAULT: usize = 128;

/// The break rises by this many bytes at least. As in glibc: mallopt(3),
/// `M_TOP_PAD`.
pub const STEP: usize = 128 * 1024;

/// This many free bytes stay at the end of the heap when the break falls for
/// the first time.
pub const SLACK: usize = 1024 * 1024;

/// This many stay at most, however many were needed again.
pub const MOST_SLACK: usize = 32 * SLACK;

/// A block that is made so many bytes smaller may have to move.
pub const LARGE_REST: usize = 128 * 1024;

/// A heap on a break of its own.
pub struct Heap<B, const LISTS: usize = DEFAULT> {
    brk: B,
    /// The blocks lie one behind the other, the lowest address first. Null if
    /// there is none.
    first: *mut Header,
    /// The header behind the last block. It has no payload and is never free.
    end: *mut Header,
    /// Above this address nobody has written anything: it is all zero.
    fresh: usize,
    lists: FreeLists<LISTS>,
    /// The last block, if it is free: it is on no list. Null if it is not.
    last: *mut Header,
    /// This many free bytes stay at the end when the break falls.
    slack: usize,
    /// This many bytes went back and have not come again.
    fallen: usize,
}

impl<B: Brk, const LISTS: usize> Heap<B, LISTS> {
    /// An empty heap. It asks `brk` for nothing yet.
    pub const fn new(brk: B) -> Self {
        Self {
            brk,
            first: ptr::null_mut(),
            end: ptr::null_mut(),
            fresh: 0,
            lists: FreeLists::new(),
            last: ptr::null_mut(),
            slack: SLACK,
            fallen: 0,
        }
    }

    /// Returns a block of at least `size` bytes, aligned to [`ALIGN`]; null if
    /// there is no memory left. A block of 0 bytes is a block of its own.
    /// See malloc(3).
    pub fn malloc(&mut self, size: usize) -> *mut u8 {
        self.memalign(ALIGN, size)
    }

    /// Takes a block back, to be used again.
    ///
    /// # Safety
    ///
    /// `payload` is null or a block of this heap, and nobody uses it any more.
    pub unsafe fn free(&mut self, payload: *mut u8) {
        if payload.is_null() {
            return;
        }
        let block = self.block(payload);
        // SAFETY: `block` is in use, and its user gives it up.
        let block = unsafe { self.coalesce(block) };
        // SAFETY: `block` has been joined with what is free beside it.
        unsafe { self.release(block) };
        if block == self.last {
            // What the break refuses to take back stays, free.
            let _ = self.trim();
        }
    }

    /// Returns a block for `count` elements of `size` bytes each, all zero;
    /// null if there is no memory left or if the product overflows.
    /// See calloc(3).
    pub fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let Some(bytes) = count.checked_mul(size) else {
            return ptr::null_mut();
        };
        let fresh = self.fresh;
        let payload = self.malloc(bytes);
        if !payload.is_null() {
            let used = fresh.saturating_sub(payload.addr()).min(bytes);
            // SAFETY: `payload` is a block of at least `bytes` bytes.
            unsafe { payload.write_bytes(0, used) };
        }
        payload
    }

    /// Returns a block of at least `size` bytes that starts with the contents
    /// of `payload`, which is then no block any more. Null means that there is
    /// no memory left: then `payload` is as it was. A null `payload` makes it
    /// `malloc`. See realloc(3).
    ///
    /// A block that can shrink or grow where it is stays there, unless it would
    /// lie in the way of what it gives back.
    ///
    /// # Safety
    ///
    /// `payload` is null or a block of this heap that nobody else uses.
    pub unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        if payload.is_null() {
            return self.malloc(size);
        }
        let block = self.block(payload);
        // SAFETY: `block` is in use.
        let (old, old_size) = unsafe { (payload_of(block), (*block).size()) };
        let mut new = ptr::null_mut();
        // SAFETY: as above.
        if unsafe { self.is_in_the_way(block, size) } {
            new = self.malloc(size);
        }
        if new.is_null() {
            // SAFETY: as above.
            if unsafe { self.resize(block, size) }.is_some() {
                return old;
            }
            new = self.malloc(size);
        }
        if !new.is_null() {
            // SAFETY: both are blocks, each with so many bytes, and nobody uses
            // the old one after this.
            unsafe {
                ptr::copy_nonoverlapping(old, new, old_size.min(size));
                self.free(old);
            }
        }
        new
    }

    /// Returns a block of at least `size` bytes, aligned to `align` and to
    /// [`ALIGN`]; null if there is no memory left or if `align` is not a power
    /// of two. See posix_memalign(3).
    #[inline(always)]
    pub fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        if !align.is_power_of_two() {
            return ptr::null_mut();
        }
        match self.allocate(align.max(ALIGN), size) {
            // SAFETY: `block` is in use.
            Some(block) => unsafe { payload_of(block) },
            None => ptr::null_mut(),
        }
    }

    /// How many bytes of the block may be used; 0 for null.
    /// See malloc_usable_size(3).
    ///
    /// # Safety
    ///
    /// `payload` is null or a block of this heap.
    pub unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        if payload.is_null() {
            return 0;
        }
        // SAFETY: what `block` returns is in use.
        unsafe { (*self.block(payload)).size() }
    }

    /// The break that this heap moves.
    pub fn brk(&mut self) -> &mut B {
        &mut self.brk
    }

    /// The blocks, from the lowest address up.
    pub fn blocks(&self) -> impl Iterator<Item = Block> {
        let mut next = self.first;
        iter::from_fn(move || {
            if next == self.end {
                return None;
            }
            let block = next;
            // SAFETY: `block` is a block of the heap.
            unsafe {
                next = above(block);
                Some(Block::of(block))
            }
        })
    }

    /// The free blocks of a size class, in the order in which a request looks
    /// at them.
    pub fn free_list(&self, class: usize) -> impl Iterator<Item = Block> {
        // SAFETY: what is on a list is a block of the heap.
        self.lists.list(class).map(|block| unsafe { Block::of(block) })
    }

    /// Bit `class` is set if the free list of that class has a block.
    pub fn bitmap(&self) -> u128 {
        self.lists.bitmap()
    }

    /// Takes a free block and makes of it one that is in use, whose payload
    /// starts at a multiple of `align`.
    #[inline(always)]
    fn allocate(&mut self, align: usize, size: usize) -> Option<*mut Header> {
        let size = rounded(size)?;
        let mut enough = size;
        if align > ALIGN {
            // What an aligned block may need in front of it.
            enough = rounded(size.checked_add(align + HEADER)?)?;
        }
        let block = if let Some(block) = self.lists.take(enough) {
            block
        } else if enough < self.free_at_end() {
            mem::replace(&mut self.last, ptr::null_mut())
        } else {
            self.grow(enough)?
        };
        // SAFETY: `block` is on no list and has `enough` bytes.
        unsafe {
            let block = self.split_front(block, align);
            self.split(block, size);
            Some(block)
        }
    }

    /// Cuts a block in two, so that the payload of the upper one starts at a
    /// multiple of `align`, frees the lower one and returns the upper one.
    ///
    /// # Safety
    ///
    /// `block` is on no list. If its payload is not aligned, it has
    /// `align + HEADER` bytes more than are needed.
    unsafe fn split_front(
        &mut self,
        block: *mut Header,
        align: usize,
    ) -> *mut Header {
        let payload = block.addr() + HEADER;
        if align == ALIGN || payload.is_multiple_of(align) {
            return block;
        }
        let aligned = (payload + LINKS + HEADER).next_multiple_of(align);
        let front = aligned - HEADER - payload;
        // SAFETY: `aligned` lies in the payload, and a header in front of it.
        unsafe {
            let size = (*block).size() - front - HEADER;
            set(block, front, FREE);
            let upper = above(block);
            set(upper, size, 0);
            self.release(block);
            upper
        }
    }

    /// Marks a block as in use, with `size` bytes, and frees what it has beyond
    /// them if that is enough for a block.
    ///
    /// # Safety
    ///
    /// `block` is on no list and has at least `size` bytes.
    unsafe fn split(&mut self, block: *mut Header, size: usize) {
        // SAFETY: the rest lies in the payload, with its header.
        unsafe {
            let rest = (*block).size() - size;
            let is_cut = rest >= HEADER + LINKS;
            set(block, if is_cut { size } else { size + rest }, 0);
            let upper = above(block);
            self.fresh = self.fresh.max(upper.addr() + HEADER);
            if is_cut {
                set(upper, rest - HEADER, FREE);
                self.release(upper);
            }
        }
    }

    /// Puts a free block where a request finds it: on its list, or, if it is the
    /// last, in hand.
    ///
    /// # Safety
    ///
    /// `block` is free and on no list, and no free block lies beside it.
    unsafe fn release(&mut self, block: *mut Header) {
        // SAFETY: nobody uses `block`, and its links lie in its payload.
        unsafe {
            if above(block) == self.end {
                self.last = block;
            } else {
                self.lists.insert(block);
            }
        }
    }

    /// Makes one free block of a block and the free ones beside it, takes those
    /// off the lists, and returns the whole.
    ///
    /// # Safety
    ///
    /// `block` is on no list.
    #[inline]
    unsafe fn coalesce(&mut self, mut block: *mut Header) -> *mut Header {
        // SAFETY: a free block is on its list, or the last. The block above may
        // be the end, which is not free.
        unsafe {
            let mut size = (*block).size();
            let (above, below) = (above(block), below(block));
            if (*above).is_free() {
                self.unlist(above);
                size += HEADER + (*above).size();
            }
            if !below.is_null() && (*below).is_free() {
                self.unlist(below);
                size += HEADER + (*below).size();
                block = below;
            }
            set(block, size, FREE);
        }
        block
    }

    /// Takes a free block off its list, if it is on one.
    ///
    /// # Safety
    ///
    /// `block` is on its list, or is the last.
    unsafe fn unlist(&mut self, block: *mut Header) {
        if block == self.last {
            self.last = ptr::null_mut();
        } else {
            // SAFETY: as the caller promises.
            unsafe { self.lists.remove(block) };
        }
    }

    /// Raises the break for a block at the end of the heap, and returns it.
    ///
    /// It is free, has at least `size` bytes, and is on no list.
    fn grow(&mut self, size: usize) -> Option<*mut Header> {
        // SAFETY: an increment of zero gives nothing back.
        let brk = unsafe { self.brk.sbrk(0) }.ok()?.as_ptr();
        let start = brk.map_addr(|addr| addr.next_multiple_of(ALIGN));
        // What lies between the heap and the break is somebody else's.
        let gap = start.addr().checked_sub(self.end.addr() + HEADER)?;
        let (block, missing) = if gap == 0 {
            // The end becomes a header, and what is free below it is joined.
            (self.end, size + HEADER - self.free_at_end())
        } else {
            (start.cast(), size + 2 * HEADER)
        };
        let [old, risen] = self.raise(start.addr() - brk.addr(), missing)?;
        if old != brk.addr() {
            // It had gone on before it rose: what came is theirs now.
            return self.grow(size);
        }
        // SAFETY: the break has risen from `brk` by the padding and `risen`
        // bytes, which have room for the end and what is in front of it.
        let block = unsafe {
            if self.first.is_null() {
                self.first = block;
                (*block).prev_size = 0;
            } else if gap > 0 {
                // Theirs becomes a block that is never freed.
                set(self.end, gap, 0);
            }
            self.end = start.add(risen - HEADER).cast();
            (*self.end).size_and_flag = 0;
            if gap > 0 && !self.last.is_null() {
                // It is not the last any more.
                let passed = mem::replace(&mut self.last, ptr::null_mut());
                self.release(passed);
                // And what is on a list is not fresh.
                self.fresh = self.fresh.max(block.addr());
            }
            set(block, self.end.addr() - block.addr() - HEADER, 0);
            let joined = self.coalesce(block);
            if joined != block {
                // What was the end lies in a payload now that may be fresh.
                block.write_bytes(0, 1);
            }
            joined
        };
        Some(block)
    }

    /// Raises the break by `padding` and by `bytes`, rounded up to a multiple
    /// of [`STEP`]; if that cannot be had, by no more than `bytes`. Returns
    /// where it was, and by how many bytes more than the padding it has risen.
    /// All of them are zero.
    fn raise(&mut self, padding: usize, bytes: usize) -> Option<[usize; 2]> {
        for bytes in [bytes.checked_next_multiple_of(STEP)?, bytes] {
            let increment = isize::try_from(padding + bytes).ok()?;
            // SAFETY: the increment is not negative: nothing is given back.
            if let Ok(old) = unsafe { self.brk.sbrk(increment) } {
                self.keep_more(bytes);
                // Whole pages are zero, but what is left of this one need not
                // be: somebody may have been here and gone.
                let left = old.addr().get().wrapping_neg() % PAGE;
                // SAFETY: the break has risen by so many bytes.
                unsafe { old.write_bytes(0, left.min(padding + bytes)) };
                return Some([old.addr().get(), bytes]);
            }
        }
        None
    }

    /// What went back and comes again was needed after all: so much more stays
    /// the next time.
    fn keep_more(&mut self, risen: usize) {
        let again = risen.min(self.fallen);
        self.fallen -= again;
        if again <= MOST_SLACK - self.slack {
            self.slack += again;
        }
    }

    /// How many bytes the last block has, with its header, if it is free.
    fn free_at_end(&self) -> usize {
        // SAFETY: `last` is null or a block of the heap.
        unsafe { self.last.as_ref() }.map_or(0, |last| HEADER + last.size())
    }

    /// Gives the end of the heap back to the system.
    ///
    /// All but the slack, if the last block is free and has twice as much.
    #[inline]
    fn trim(&mut self) -> Result<(), OutOfMemory> {
        let free = self.free_at_end();
        if free < 2 * self.slack + HEADER {
            return Ok(());
        }
        // SAFETY: an increment of zero gives nothing back.
        let brk = unsafe { self.brk.sbrk(0)? };
        if brk.addr().get() != self.end.addr() + HEADER {
            // Somebody else took what lies above.
            return Err(OutOfMemory);
        }
        let bytes = free - HEADER - self.slack;
        // SAFETY: the end of a free block, which is not its header, and the
        // end of the heap: nobody uses them.
        unsafe { self.brk.sbrk(-(bytes as isize))? };
        self.fallen += bytes;
        // SAFETY: what is left of it has room for a header at its end.
        unsafe {
            self.end = self.end.byte_sub(bytes);
            (*self.end).size_and_flag = 0;
            set(self.last, self.slack, FREE);
        }
        // What was given back comes as zeroes when it comes again.
        self.fresh = self.fresh.min(self.end.addr() + HEADER);
        Ok(())
    }

    /// Makes a block in use one of at least `size` bytes where it is; `None` if
    /// it cannot grow there.
    ///
    /// # Safety
    ///
    /// `block` is in use.
    unsafe fn resize(&mut self, block: *mut Header, size: usize) -> Option<()> {
        let size = rounded(size)?;
        // SAFETY: `block` is a block of the heap. What it grows into was free,
        // is on no list any more, and lies above it.
        unsafe {
            let upper = above(block);
            let old_size = (*block).size();
            let with_upper = old_size + HEADER + (*upper).size();
            if (*upper).is_free() && size <= with_upper {
                self.unlist(upper);
                set(block, with_upper, 0);
            } else if old_size < size {
                if !self.is_last(block) {
                    return None;
                }
                let missing =
                    (size - old_size).saturating_sub(HEADER).max(LINKS);
                let grown = self.grow(missing)?;
                if grown != upper {
                    // Somebody else has moved the break.
                    self.release(grown);
                    return None;
                }
                set(block, old_size + HEADER + (*upper).size(), 0);
            }
            self.split(block, size);
        }
        let _ = self.trim();
        Some(())
    }

    /// Whether a block, made one of `size` bytes where it is, would keep the
    /// smaller part of a large place, and none of it could join the end.
    ///
    /// # Safety
    ///
    /// `block` is in use.
    unsafe fn is_in_the_way(&self, block: *mut Header, size: usize) -> bool {
        // SAFETY: `block` is a block of the heap.
        unsafe {
            let rest = (*block).size().saturating_sub(size);
            rest >= LARGE_REST && rest > size && !self.is_last(block)
        }
    }

    /// Whether nothing in use lies above a block.
    ///
    /// # Safety
    ///
    /// `block` is in use.
    unsafe fn is_last(&self, block: *mut Header) -> bool {
        // SAFETY: `block` is a block of the heap.
        let upper = unsafe { above(block) };
        upper == self.end || upper == self.last
    }

    /// The block in use that a payload belongs to. Ends the program if there
    /// can be none.
    #[inline(always)]
    fn block(&self, payload: *mut u8) -> *mut Header {
        // `payload` may speak for its own block alone; `first` comes from the
        // break and reaches the whole heap.
        let block = self.first.with_addr(payload.addr().wrapping_sub(HEADER));
        let is_inside = self.first <= block && block < self.end;
        if !is_inside || !block.is_aligned() || !self.is_header(block) {
            fault("this is no block of the heap", payload);
        }
        // SAFETY: `block` is a block of the heap.
        if unsafe { (*block).is_free() } {
            fault("this block is free already", payload);
        }
        block
    }

    /// Whether what stands at `block` could be a header: each of its two sizes
    /// must be the one that the neighbour's tag has.
    fn is_header(&self, block: *mut Header) -> bool {
        let room_below = block.addr() - self.first.addr();
        let room_above = self.end.addr() - block.addr();
        // SAFETY: `block` is aligned and lies between the first header and the
        // end, and so do its neighbours, if the sizes are not too large.
        unsafe {
            let (prev_size, size) = ((*block).prev_size, (*block).size());
            size.is_multiple_of(ALIGN)
                && (LINKS..room_above).contains(&size)
                && (*above(block)).prev_size == size
                && if block == self.first {
                    prev_size == 0
                } else {
                    prev_size.is_multiple_of(ALIGN)
                        && (LINKS..room_below).contains(&prev_size)
                        && (*below(block)).size() == prev_size
                }
        }
    }
}

impl<B: Brk, const LISTS: usize> fmt::Debug for Heap<B, LISTS> {
    /// A box for each block: `[112 used][16 free]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Block { size, is_free, .. } in self.blocks() {
            write!(f, "[{size} {}]", if is_free { "free" } else { "used" })?;
        }
        Ok(())
    }
}
