//! Step 2: boundary tags. A block finds both its neighbours, so that a freed
//! block is joined with the free ones beside it.
//!
//! A request still looks at every block, from the lowest up.
//!
//! Left out: calloc, realloc, memalign, usable_size, and the check of what a
//! program passes to `free`.

use core::{iter, ptr};

use super::{Brk, OutOfMemory};

/// Every payload starts at a multiple of this many bytes.
const ALIGN: usize = 16;

/// What stands in front of each payload: the boundary tags.
#[repr(C, align(16))]
struct Header {
    /// Bytes of payload of the block below; 0 if there is none.
    prev_size: usize,
    /// Bytes of payload, a multiple of [`ALIGN`], and [`FREE`].
    size_and_flag: usize,
}

/// The bit of a size that says that the block is free.
const FREE: usize = 1;

impl Header {
    /// Bytes of payload.
    fn size(&self) -> usize {
        self.size_and_flag & !FREE
    }

    fn is_free(&self) -> bool {
        self.size_and_flag & FREE != 0
    }
}

const HEADER: usize = size_of::<Header>();

/// A heap on a break of its own.
pub struct Heap<B> {
    brk: B,
    /// The blocks lie one behind the other, the lowest address first. Null if
    /// there is none.
    first: *mut Header,
    /// The header behind the last block. It has no payload and is never free.
    end: *mut Header,
}

impl<B: Brk> Heap<B> {
    /// An empty heap.
    pub const fn new(brk: B) -> Self {
        Self { brk, first: ptr::null_mut(), end: ptr::null_mut() }
    }

    /// The break that this heap moves.
    pub fn brk(&mut self) -> &mut B {
        &mut self.brk
    }

    /// Returns a block of at least `size` bytes, or null.
    pub fn malloc(&mut self, size: usize) -> *mut u8 {
        match self.allocate(size) {
            // SAFETY: `block` is in use.
            Some(block) => unsafe { payload_of(block) },
            None => ptr::null_mut(),
        }
    }

    /// Takes a block back, to be used again. If it is the last one, it goes
    /// back to the system.
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
        unsafe {
            let block = self.coalesce(block);
            if above(block) == self.end {
                // What the break refuses to take back stays, free.
                let _ = self.release_end(block);
            }
        }
    }

    /// Takes a free block and makes of it one that is in use.
    fn allocate(&mut self, size: usize) -> Option<*mut Header> {
        let size = rounded(size)?;
        let block = match self.first_fit(size) {
            Some(block) => block,
            None => self.grow(size)?,
        };
        // SAFETY: nobody uses `block`, and it has `size` bytes.
        unsafe { self.split(block, size) };
        Some(block)
    }

    /// The first free block that has `size` bytes.
    fn first_fit(&self, size: usize) -> Option<*mut Header> {
        let mut block = self.first;
        while block != self.end {
            // SAFETY: `block` is a block of the heap.
            unsafe {
                if (*block).is_free() && (*block).size() >= size {
                    return Some(block);
                }
                block = above(block);
            }
        }
        None
    }

    /// Marks a block as in use, with `size` bytes, and frees what it has beyond
    /// them if that is enough for a block.
    ///
    /// # Safety
    ///
    /// Nobody uses `block`, it has at least `size` bytes, and what is above it
    /// is in use.
    unsafe fn split(&mut self, block: *mut Header, size: usize) {
        // SAFETY: the rest lies in the payload, with its header.
        unsafe {
            let rest = (*block).size() - size;
            if rest < HEADER + ALIGN {
                set(block, size + rest, 0);
            } else {
                set(block, size, 0);
                let upper = above(block);
                set(upper, rest - HEADER, FREE);
            }
        }
    }

    /// Raises the break, and returns a new block of `size` bytes at the end of
    /// the heap.
    fn grow(&mut self, size: usize) -> Option<*mut Header> {
        // SAFETY: an increment of zero gives nothing back.
        let brk = unsafe { self.brk.sbrk(0) }.ok()?.as_ptr();
        let is_joined = self.ends_at(brk);
        let start = brk.map_addr(|addr| addr.next_multiple_of(ALIGN));
        let (block, bytes) = if is_joined {
            // The end becomes a header.
            (self.end, size + HEADER)
        } else {
            (start.cast(), start.addr() - brk.addr() + size + 2 * HEADER)
        };
        // SAFETY: the increment is positive: nothing is given back.
        unsafe { self.brk.sbrk(bytes.try_into().ok()?) }.ok()?;
        // SAFETY: the break has risen from `brk` by the padding, the payload,
        // the end, and a header if the end could not become it.
        unsafe {
            if self.first.is_null() {
                self.first = block;
                (*block).prev_size = 0;
            } else if !is_joined {
                // What somebody else took is a block that is never freed.
                set(self.end, block.addr() - self.end.addr() - HEADER, 0);
            }
            set(block, size, 0);
            self.end = above(block);
            (*self.end).size_and_flag = 0;
        }
        Some(block)
    }

    /// Whether the end of the heap is at `brk`: nobody has raised the break.
    fn ends_at(&self, brk: *mut u8) -> bool {
        !self.end.is_null() && self.end.addr() + HEADER == brk.addr()
    }

    /// Makes one free block of a block and the free ones beside it, and returns
    /// the whole.
    ///
    /// # Safety
    ///
    /// Nobody uses `block`.
    unsafe fn coalesce(&mut self, mut block: *mut Header) -> *mut Header {
        // SAFETY: `block` is a block of the heap. The block above may be the
        // end, which is not free.
        unsafe {
            let mut size = (*block).size();
            let (above, below) = (above(block), below(block));
            if (*above).is_free() {
                size += HEADER + (*above).size();
            }
            if !below.is_null() && (*below).is_free() {
                size += HEADER + (*below).size();
                block = below;
            }
            set(block, size, FREE);
        }
        block
    }

    /// Gives the last block back. Its header becomes the end.
    ///
    /// # Safety
    ///
    /// `block` is the last block, and free.
    unsafe fn release_end(
        &mut self,
        block: *mut Header,
    ) -> Result<(), OutOfMemory> {
        // SAFETY: an increment of zero gives nothing back.
        let brk = unsafe { self.brk.sbrk(0)? };
        if !self.ends_at(brk.as_ptr()) {
            // Somebody else took what lies above.
            return Err(OutOfMemory);
        }
        let bytes = self.end.addr() - block.addr();
        // SAFETY: behind the header of `block` there are its payload and the
        // end: nobody uses them. The header stays.
        unsafe {
            self.brk.sbrk(-(bytes as isize))?;
            (*block).size_and_flag = 0;
        }
        self.end = block;
        Ok(())
    }

    /// The blocks, from the lowest address up, for figures and tests: where the
    /// payload is, how many bytes it has, and whether it is free.
    pub fn blocks(&self) -> impl Iterator<Item = (usize, usize, bool)> {
        let mut next = self.first;
        iter::from_fn(move || {
            let block = next;
            if block == self.end {
                return None;
            }
            // SAFETY: `block` is a block of the heap.
            unsafe {
                next = above(block);
                let payload = payload_of(block).addr();
                Some((payload, (*block).size(), (*block).is_free()))
            }
        })
    }

    /// The block that a payload belongs to.
    fn block(&self, payload: *mut u8) -> *mut Header {
        // `payload` may speak for its own block alone; `first` comes from the
        // break and reaches the whole heap.
        self.first.with_addr(payload.addr() - HEADER)
    }
}

/// The bytes of payload that a block for `size` bytes has: at least one, so
/// that its address is no other block's, and no more than an increment can say.
fn rounded(size: usize) -> Option<usize> {
    let size = size.max(1).checked_next_multiple_of(ALIGN)?;
    isize::try_from(size).is_ok().then_some(size)
}

/// Writes a block's size into both of its tags: its own and the one above.
///
/// # Safety
///
/// `block` and the header behind `size` bytes of payload lie in the heap, and
/// nobody else uses them.
unsafe fn set(block: *mut Header, size: usize, flag: usize) {
    // SAFETY: as the caller promises.
    unsafe {
        (*block).size_and_flag = size | flag;
        (*above(block)).prev_size = size;
    }
}

/// # Safety
///
/// `block` is a block.
unsafe fn payload_of(block: *mut Header) -> *mut u8 {
    // SAFETY: behind a header there is a payload.
    unsafe { block.add(1).cast() }
}

/// The block above, or the end of the heap.
///
/// # Safety
///
/// `block` is a block.
unsafe fn above(block: *mut Header) -> *mut Header {
    // SAFETY: the payload has `size` bytes, and a header follows.
    unsafe { block.byte_add(HEADER + (*block).size()) }
}

/// The block below, or null.
///
/// # Safety
///
/// `block` is a block, or the end of the heap.
unsafe fn below(block: *mut Header) -> *mut Header {
    // SAFETY: a block of `prev_size` bytes lies below, unless that is 0.
    unsafe {
        match (*block).prev_size {
            0 => ptr::null_mut(),
            size => block.byte_sub(HEADER + size),
        }
    }
}
