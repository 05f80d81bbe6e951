//! A bump allocator: the heap grows with each block and never shrinks.

use core::ptr;

use crate::brk::Brk;

/// Every payload starts at a multiple of this many bytes. It is the alignment
/// of C's `max_align_t` on 64-bit machines.
pub const ALIGN: usize = 16;

/// A heap on a break of its own.
#[derive(Debug)]
pub struct Heap<B> {
    brk: B,
}

impl<B: Brk> Heap<B> {
    /// An empty heap. It asks `brk` for nothing yet.
    pub const fn new(brk: B) -> Self {
        Self { brk }
    }

    /// Returns a block of at least `size` bytes, aligned to [`ALIGN`]; null if
    /// there is no memory left. A block of 0 bytes is a block of its own.
    /// See malloc(3).
    pub fn malloc(&mut self, size: usize) -> *mut u8 {
        self.memalign(ALIGN, size)
    }

    /// Does nothing: this stage has no use for a block that comes back.
    ///
    /// # Safety
    ///
    /// `payload` is null or a block of this heap, and nobody uses it any more.
    pub unsafe fn free(&mut self, _payload: *mut u8) {}

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
    /// Nothing here knows how long the old block is. So this copies `size`
    /// bytes from its start, or what lies between it and the new block.
    ///
    /// # Safety
    ///
    /// `payload` is null or a block of this heap that nobody else uses, and
    /// nobody writes to the blocks above it meanwhile: they may be read too.
    pub unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        let new = self.malloc(size);
        if payload.is_null() || new.is_null() {
            return new;
        }
        // `payload` may speak for its own block alone; `new` comes from the
        // break and reaches the whole heap.
        let old = new.with_addr(payload.addr());
        let below_new = new.addr() - old.addr();
        // SAFETY: from `old` up to `new` all memory is below the break, and
        // `new` has at least `size` bytes.
        unsafe { ptr::copy_nonoverlapping(old, new, size.min(below_new)) };
        new
    }

    /// Returns a block of at least `size` bytes, aligned to `align` and to
    /// [`ALIGN`]; null if there is no memory left or if `align` is not a power
    /// of two. See posix_memalign(3).
    pub fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        if !align.is_power_of_two() {
            return ptr::null_mut();
        }
        let align = align.max(ALIGN);
        let Some(increment) = increment(align, size) else {
            return ptr::null_mut();
        };
        // SAFETY: the increment is positive: nothing is given back.
        match unsafe { self.brk.sbrk(increment) } {
            Ok(start) => {
                start.as_ptr().map_addr(|addr| addr.next_multiple_of(align))
            }
            Err(_) => ptr::null_mut(),
        }
    }

    /// How many bytes of the block may be used; 0 says that the heap does not
    /// know. See malloc_usable_size(3).
    ///
    /// # Safety
    ///
    /// `payload` is null or a block of this heap.
    pub unsafe fn usable_size(&self, _payload: *mut u8) -> usize {
        0
    }

    /// The break that this heap moves.
    pub fn brk(&mut self) -> &mut B {
        &mut self.brk
    }
}

/// By how many bytes the break must rise so that, wherever it stands now, a
/// block of `size` bytes fits at the next multiple of `align`. `None` if that
/// is more than an increment can say.
fn increment(align: usize, size: usize) -> Option<isize> {
    // One byte for a block of none: its address is then no other block's.
    let bytes = size.max(1).checked_add(align - 1)?;
    isize::try_from(bytes).ok()
}
