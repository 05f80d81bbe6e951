//! A block: its header, and what lies around it.

/// Every payload starts at a multiple of this many bytes. It is the alignment
/// of C's `max_align_t` on 64-bit machines.
pub const ALIGN: usize = 16;

/// What stands in front of each payload.
#[repr(C, align(16))]
pub struct Header {
    /// Bytes of payload.
    pub size: usize,
    pub is_free: bool,
    /// The block above, or null.
    pub next: *mut Header,
}

/// Bytes of a header: a multiple of [`ALIGN`], so that behind an aligned
/// header the payload is aligned.
pub const HEADER: usize = size_of::<Header>();

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
        Self { payload, size: header.size, is_free: header.is_free }
    }
}

/// How many bytes to leave out at `start`, so that behind a header a payload
/// starts at a multiple of `align`.
pub fn padding(start: usize, align: usize) -> Option<usize> {
    let payload = (start + HEADER).checked_next_multiple_of(align)?;
    Some(payload - HEADER - start)
}

/// The bytes of payload that a block for `size` bytes has: at least one, so
/// that its address is no other block's, and no more than an increment can say.
pub fn rounded(size: usize) -> Option<usize> {
    let size = size.max(1).checked_next_multiple_of(ALIGN)?;
    isize::try_from(size).is_ok().then_some(size)
}

/// # Safety
///
/// `block` is a block.
pub unsafe fn payload_of(block: *mut Header) -> *mut u8 {
    // SAFETY: behind a header there is a payload.
    unsafe { block.add(1).cast() }
}

/// Where the memory of a block ends.
///
/// # Safety
///
/// `block` is a block.
pub unsafe fn end(block: *mut Header) -> *mut u8 {
    // SAFETY: the payload has `size` bytes.
    unsafe { payload_of(block).add((*block).size) }
}

/// Whether nothing lies between a block and the next one, if there is one:
/// somebody else may have raised the break in between.
///
/// # Safety
///
/// `block` is a block, and `next` is the block above or null.
pub unsafe fn is_joined(block: *mut Header, next: *mut Header) -> bool {
    // SAFETY: as the caller promises.
    next.is_null() || unsafe { end(block) } == next.cast()
}
