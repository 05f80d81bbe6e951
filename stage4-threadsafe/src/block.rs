//! A block: its header, and what lies around it.

use core::ptr;

/// Every payload starts at a multiple of this many bytes. It is the alignment
/// of C's `max_align_t` on 64-bit machines.
pub const ALIGN: usize = 16;

/// What stands in front of each payload: the boundary tags.
#[repr(C, align(16))]
pub struct Header {
    /// Bytes of payload of the block below; 0 if there is none.
    pub prev_size: usize,
    /// Bytes of payload, a multiple of [`ALIGN`], and [`FREE`].
    pub size_and_flag: usize,
}

/// Bytes of a header: a multiple of [`ALIGN`], so that behind an aligned
/// header the payload is aligned.
pub const HEADER: usize = size_of::<Header>();

/// The bit of a size that says that the block is free.
pub const FREE: usize = 1;

impl Header {
    /// Bytes of payload.
    pub fn size(&self) -> usize {
        self.size_and_flag & !FREE
    }

    pub fn is_free(&self) -> bool {
        self.size_and_flag & FREE != 0
    }
}

/// What a free block keeps in its own payload: its neighbours on the list.
// So that its size is one of a payload where a pointer has four bytes, too.
#[repr(align(16))]
pub struct Links {
    pub next: *mut Header,
    pub prev: *mut Header,
}

/// Bytes of a payload that a free block uses for itself.
pub const LINKS: usize = size_of::<Links>();

/// What a heap tells about one of its blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Where the payload starts.
    pub payload: usize,
    /// Bytes of payload.
    pub size: usize,
    /// Whether it is free.
    pub is_free: bool,
}

impl Block {
    /// # Safety
    ///
    /// `block` is a block.
    pub(crate) unsafe fn of(block: *mut Header) -> Self {
        let payload = block.addr() + HEADER;
        // SAFETY: as the caller promises.
        let header = unsafe { &*block };
        Self { payload, size: header.size(), is_free: header.is_free() }
    }
}

/// Writes a block's size into both of its tags: its own and the one above.
///
/// # Safety
///
/// `block` and the header behind `size` bytes of payload lie in the heap, and
/// nobody else uses them.
pub unsafe fn set(block: *mut Header, size: usize, flag: usize) {
    // SAFETY: as the caller promises.
    unsafe {
        (*block.byte_add(HEADER + size)).prev_size = size;
        // Last: what comes next asks for it, and it is still known.
        (*block).size_and_flag = size | flag;
    }
}

/// The bytes of payload that a block for `size` bytes has: room for the links
/// of a free block, and no more than an increment can say.
#[inline]
pub fn rounded(size: usize) -> Option<usize> {
    let size = size.max(LINKS).checked_next_multiple_of(ALIGN)?;
    isize::try_from(size).is_ok().then_some(size)
}

/// # Safety
///
/// `block` is a block.
pub unsafe fn links(block: *mut Header) -> *mut Links {
    // SAFETY: a payload follows the header, and links fit into the smallest.
    unsafe { block.add(1).cast() }
}

/// # Safety
///
/// `block` is a block.
pub unsafe fn payload_of(block: *mut Header) -> *mut u8 {
    // SAFETY: behind a header there is a payload.
    unsafe { block.add(1).cast() }
}

/// The block above, or the end of the heap.
///
/// # Safety
///
/// `block` is a block.
pub unsafe fn above(block: *mut Header) -> *mut Header {
    // SAFETY: the payload has `size` bytes, and a header follows.
    unsafe { block.byte_add(HEADER + (*block).size()) }
}

/// The block below, or null.
///
/// # Safety
///
/// `block` is a block, or the end of the heap.
pub unsafe fn below(block: *mut Header) -> *mut Header {
    // SAFETY: a block of `prev_size` bytes lies below, unless that is 0.
    unsafe {
        match (*block).prev_size {
            0 => ptr::null_mut(),
            size => block.byte_sub(HEADER + size),
        }
    }
}
