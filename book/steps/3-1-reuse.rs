//! Step 1: free blocks are used again. The first one that is large enough is
//! taken, and what is left of it is a block of its own.
//!
//! What is free stays in the pieces into which it was cut.
//!
//! Left out: calloc, realloc, memalign, usable_size, and the check of what a
//! program passes to `free`.

use core::{iter, ptr};

use super::{Brk, OutOfMemory};

/// Every payload starts at a multiple of this many bytes.
const ALIGN: usize = 16;

/// What stands in front of each payload.
#[repr(C, align(16))]
struct Header {
    /// Bytes of payload.
    size: usize,
    is_free: bool,
    /// The block above, or null.
    next: *mut Header,
}

const HEADER: usize = size_of::<Header>();

/// A heap on a break of its own.
pub struct Heap<B> {
    brk: B,
    /// The blocks are a list, the lowest address first. Null if there is none.
    first: *mut Header,
    last: *mut Header,
}

impl<B: Brk> Heap<B> {
    /// An empty heap.
    pub const fn new(brk: B) -> Self {
        Self { brk, first: ptr::null_mut(), last: ptr::null_mut() }
    }

    /// The break that this heap moves.
    pub fn brk(&mut self) -> &mut B {
        &mut self.brk
    }

    /// Returns a block of at least `size` bytes, or null.
    pub fn malloc(&mut self, size: usize) -> *mut u8 {
        match self.allocate(size) {
            // SAFETY: `block` is on the list.
            Some(block) => unsafe { payload_of(block) },
            None => ptr::null_mut(),
        }
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
        // SAFETY: `block` is on the list.
        unsafe { (*block).is_free = true };
        if block == self.last {
            // What the break refuses to take back stays on the list, free.
            let _ = self.release_end();
        }
    }

    /// Takes a free block and makes of it one that is in use.
    fn allocate(&mut self, size: usize) -> Option<*mut Header> {
        let size = rounded(size)?;
        let block = match self.first_fit(size) {
            Some(block) => block,
            None => self.append(size)?,
        };
        // SAFETY: nobody uses `block`, and it has `size` bytes.
        unsafe { self.split(block, size) };
        Some(block)
    }

    /// The first free block that has `size` bytes.
    fn first_fit(&self, size: usize) -> Option<*mut Header> {
        let mut block = self.first;
        while !block.is_null() {
            // SAFETY: `block` is on the list.
            unsafe {
                if (*block).is_free && (*block).size >= size {
                    return Some(block);
                }
                block = (*block).next;
            }
        }
        None
    }

    /// Marks a block as in use, with `size` bytes, and frees what it has beyond
    /// them if that is enough for a block.
    ///
    /// # Safety
    ///
    /// Nobody uses `block`, and it has at least `size` bytes.
    unsafe fn split(&mut self, block: *mut Header, size: usize) {
        // SAFETY: the rest lies in the payload, with its header.
        unsafe {
            (*block).is_free = false;
            let rest = (*block).size - size;
            if rest < HEADER + ALIGN {
                return;
            }
            (*block).size = size;
            let upper = end(block).cast::<Header>();
            let (size, next) = (rest - HEADER, (*block).next);
            *upper = Header { size, is_free: true, next };
            (*block).next = upper;
            if block == self.last {
                self.last = upper;
            }
        }
    }

    /// Raises the break by a block of `size` bytes, and puts it at the end of
    /// the list.
    fn append(&mut self, size: usize) -> Option<*mut Header> {
        // SAFETY: an increment of zero gives nothing back.
        let brk = unsafe { self.brk.sbrk(0) }.ok()?.as_ptr();
        let start = brk.map_addr(|addr| addr.next_multiple_of(ALIGN));
        let bytes = start.addr() - brk.addr() + HEADER + size;
        // SAFETY: the increment is positive: nothing is given back.
        unsafe { self.brk.sbrk(bytes.try_into().ok()?) }.ok()?;
        let block = start.cast::<Header>();
        // SAFETY: the break has risen from `brk` by the padding, a header,
        // which the padding aligns, and a payload.
        unsafe {
            *block = Header { size, is_free: false, next: ptr::null_mut() }
        };
        if self.last.is_null() {
            self.first = block;
        } else {
            // SAFETY: `last` is on the list.
            unsafe { (*self.last).next = block };
        }
        self.last = block;
        Some(block)
    }

    /// Gives back the free blocks at the end of the heap, in one move.
    fn release_end(&mut self) -> Result<(), OutOfMemory> {
        // The predecessor: the last block that has to stay.
        let mut keep = ptr::null_mut();
        let mut start = self.first;
        let mut block = self.first;
        while !block.is_null() {
            // SAFETY: `block` is on the list.
            unsafe {
                let next = (*block).next;
                if !(*block).is_free || !is_joined(block, next) {
                    keep = block;
                    start = next;
                }
                block = next;
            }
        }
        // SAFETY: `last` is on the list; zero gives nothing back.
        let (end, brk) = unsafe { (end(self.last), self.brk.sbrk(0)?) };
        if brk.as_ptr() != end {
            // Somebody else took what lies above.
            return Err(OutOfMemory);
        }
        let bytes = end.addr() - start.addr();
        // SAFETY: from `start` to the break there are free blocks only.
        unsafe { self.brk.sbrk(-(bytes as isize))? };
        self.last = keep;
        if keep.is_null() {
            self.first = keep;
        } else {
            // SAFETY: `keep` is on the list.
            unsafe { (*keep).next = ptr::null_mut() };
        }
        Ok(())
    }

    /// The blocks, from the lowest address up, for figures and tests: where the
    /// payload is, how many bytes it has, and whether it is free.
    pub fn blocks(&self) -> impl Iterator<Item = (usize, usize, bool)> {
        let mut next = self.first;
        iter::from_fn(move || {
            let block = next;
            if block.is_null() {
                return None;
            }
            // SAFETY: `block` is on the list.
            unsafe {
                next = (*block).next;
                let payload = payload_of(block).addr();
                Some((payload, (*block).size, (*block).is_free))
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

/// # Safety
///
/// `block` is on the list.
unsafe fn payload_of(block: *mut Header) -> *mut u8 {
    // SAFETY: behind a header there is a payload.
    unsafe { block.add(1).cast() }
}

/// Where the memory of a block ends.
///
/// # Safety
///
/// `block` is on the list.
unsafe fn end(block: *mut Header) -> *mut u8 {
    // SAFETY: the payload has `size` bytes.
    unsafe { payload_of(block).add((*block).size) }
}

/// Whether nothing lies between a block and the next one, if there is one:
/// somebody else may have raised the break in between.
///
/// # Safety
///
/// `block` is on the list, and `next` is the block above or null.
unsafe fn is_joined(block: *mut Header, next: *mut Header) -> bool {
    // SAFETY: as the caller promises.
    next.is_null() || unsafe { end(block) } == next.cast()
}
