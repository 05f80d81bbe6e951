//! Blocks with headers, in one list; the end of the heap is given back.

use core::{fmt, iter, ptr};

pub use crate::block::{ALIGN, Block};
use crate::block::{
    HEADER, Header, end, is_joined, padding, payload_of, rounded,
};
use crate::brk::{Brk, OutOfMemory};
use crate::fault::fault;

/// A heap on a break of its own.
pub struct Heap<B> {
    brk: B,
    /// The blocks are a list, the lowest address first. Null if there is none.
    first: *mut Header,
    last: *mut Header,
}

impl<B: Brk> Heap<B> {
    /// An empty heap. It asks `brk` for nothing yet.
    pub const fn new(brk: B) -> Self {
        Self { brk, first: ptr::null_mut(), last: ptr::null_mut() }
    }

    /// Returns a block of at least `size` bytes, aligned to [`ALIGN`]; null if
    /// there is no memory left. A block of 0 bytes is a block of its own.
    /// See malloc(3).
    pub fn malloc(&mut self, size: usize) -> *mut u8 {
        self.memalign(ALIGN, size)
    }

    /// Marks a block as free. If it is the last one, the free blocks at the end
    /// of the heap go back to the system.
    ///
    /// # Safety
    ///
    /// `payload` is null or a block of this heap, and nobody uses it any more.
    pub unsafe fn free(&mut self, payload: *mut u8) {
        if payload.is_null() {
            return;
        }
        let block = self.block(payload);
        // SAFETY: `block` is a block of the heap.
        unsafe { (*block).is_free = true };
        if block == self.last {
            // What the break refuses to take back stays on the list, free.
            let _ = self.release_end();
        }
    }

    /// Returns a block for `count` elements of `size` bytes each, all zero;
    /// null if there is no memory left or if the product overflows.
    /// See calloc(3).
    pub fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let Some(bytes) = count.checked_mul(size) else {
            return ptr::null_mut();
        };
        let payload = self.malloc(bytes);
        if !payload.is_null() {
            // SAFETY: `payload` is a block of at least `bytes` bytes.
            unsafe { payload.write_bytes(0, bytes) };
        }
        payload
    }

    /// Returns a block of at least `size` bytes that starts with the contents
    /// of `payload`, which is then no block any more. Null means that there is
    /// no memory left: then `payload` is as it was. A null `payload` makes it
    /// `malloc`. See realloc(3).
    ///
    /// A block that has `size` bytes already stays where it is.
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
        let (old, old_size) = unsafe { (payload_of(block), (*block).size) };
        if size <= old_size {
            return old;
        }
        let new = self.malloc(size);
        if !new.is_null() {
            // SAFETY: both are blocks, the new one has more than `old_size`
            // bytes, and nobody uses the old one after this.
            unsafe {
                ptr::copy_nonoverlapping(old, new, old_size);
                self.free(old);
            }
        }
        new
    }

    /// Returns a block of at least `size` bytes, aligned to `align` and to
    /// [`ALIGN`]; null if there is no memory left or if `align` is not a power
    /// of two. See posix_memalign(3).
    pub fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        if !align.is_power_of_two() {
            return ptr::null_mut();
        }
        match self.append(align.max(ALIGN), size) {
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
        unsafe { (*self.block(payload)).size }
    }

    /// The break that this heap moves.
    pub fn brk(&mut self) -> &mut B {
        &mut self.brk
    }

    /// The blocks, from the lowest address up.
    pub fn blocks(&self) -> impl Iterator<Item = Block> {
        let mut next = self.first;
        iter::from_fn(move || {
            if next.is_null() {
                return None;
            }
            let block = next;
            // SAFETY: `block` is a block of the heap.
            unsafe {
                next = (*block).next;
                Some(Block::of(block))
            }
        })
    }

    /// Raises the break for a block at the end of the heap, and returns it.
    ///
    /// It has `size` bytes or a few more, and its payload starts at a multiple
    /// of `align`.
    fn append(&mut self, align: usize, size: usize) -> Option<*mut Header> {
        let size = rounded(size)?;
        // SAFETY: an increment of zero gives nothing back.
        let brk = unsafe { self.brk.sbrk(0) }.ok()?.as_ptr();
        let padding = padding(brk.addr(), align)?;
        let bytes = size.checked_add(padding + HEADER)?;
        // SAFETY: the increment is positive: nothing is given back.
        let old = unsafe { self.brk.sbrk(bytes.try_into().ok()?) }.ok()?;
        if old.as_ptr() != brk {
            // It had gone on before it rose: what came is theirs now.
            return self.append(align, size);
        }
        // SAFETY: the break has risen from `brk` by the padding, a header,
        // which the padding aligns, and a payload.
        let block = unsafe {
            let block = brk.add(padding).cast::<Header>();
            *block = Header { size, is_free: false, next: ptr::null_mut() };
            if self.first.is_null() {
                self.first = block;
            } else {
                if end(self.last) == brk {
                    // Left to nobody, the padding would look like memory that
                    // somebody else took.
                    (*self.last).size += padding;
                }
                (*self.last).next = block;
            }
            block
        };
        self.last = block;
        Some(block)
    }

    /// Gives the end of the heap back to the system.
    ///
    /// That is every free block there, in one move.
    fn release_end(&mut self) -> Result<(), OutOfMemory> {
        // The predecessor: the last block that has to stay.
        let mut keep = ptr::null_mut();
        let mut start = self.first;
        let mut block = self.first;
        while !block.is_null() {
            // SAFETY: `block` is a block of the heap.
            unsafe {
                let next = (*block).next;
                if !(*block).is_free || !is_joined(block, next) {
                    keep = block;
                    start = next;
                }
                block = next;
            }
        }
        // SAFETY: an increment of zero gives nothing back.
        let brk = unsafe { self.brk.sbrk(0)? };
        // SAFETY: `last` is a block of the heap.
        if brk.as_ptr() != unsafe { end(self.last) } {
            // Somebody else took what lies above.
            return Err(OutOfMemory);
        }
        let bytes = brk.addr().get() - start.addr();
        // SAFETY: from `start` to the break there are free blocks only.
        unsafe { self.brk.sbrk(-(bytes as isize))? };
        self.last = keep;
        if keep.is_null() {
            self.first = keep;
        } else {
            // SAFETY: `keep` is a block of the heap.
            unsafe { (*keep).next = ptr::null_mut() };
        }
        Ok(())
    }

    /// The block in use that a payload belongs to. Ends the program if there
    /// can be none.
    fn block(&self, payload: *mut u8) -> *mut Header {
        // `payload` may speak for its own block alone; `first` comes from the
        // break and reaches the whole heap.
        let block = self.first.with_addr(payload.addr().wrapping_sub(HEADER));
        let is_inside = self.first <= block && block <= self.last;
        if !is_inside || !block.is_aligned() || !self.is_header(block) {
            fault("this is no block of the heap", payload);
        }
        // SAFETY: `block` is a block of the heap.
        if unsafe { (*block).is_free } {
            fault("this block is free already", payload);
        }
        block
    }

    /// Whether what stands at `block` could be a header: the size and the link
    /// must fit each other.
    fn is_header(&self, block: *mut Header) -> bool {
        // SAFETY: `block` is aligned and lies between the first header and the
        // last, so these are bytes below the break.
        let (size, next) = unsafe { ((*block).size, (*block).next) };
        if block == self.last {
            return next.is_null();
        }
        let is_above = block < next && next <= self.last;
        is_above && size.saturating_add(HEADER) <= next.addr() - block.addr()
    }
}

impl<B: Brk> fmt::Debug for Heap<B> {
    /// A box for each block: `[112 used][16 free]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Block { size, is_free, .. } in self.blocks() {
            write!(f, "[{size} {}]", if is_free { "free" } else { "used" })?;
        }
        Ok(())
    }
}
