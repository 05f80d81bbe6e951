//! A block from C's `malloc`, with an owner.

use std::hint::black_box;
use std::ptr;
use std::slice;

unsafe extern "C" {
    fn malloc_usable_size(payload: *mut libc::c_void) -> usize;
}

/// A block, and how many bytes were asked for. It is not freed by itself.
pub struct Block {
    start: *mut u8,
    size: usize,
}

// SAFETY: it is nobody else's.
unsafe impl Send for Block {}

impl Block {
    /// malloc(3)
    pub fn get(size: usize) -> Option<Self> {
        // SAFETY: it may fail.
        // A compiler knows malloc, and might leave it out: `black_box` forbids
        // it.
        Self::checked(black_box(unsafe { libc::malloc(size) }).cast(), size)
    }

    /// malloc(3), where there is memory.
    pub fn new(size: usize) -> Self {
        Self::get(size).unwrap_or_else(|| panic!("no memory for {size} bytes"))
    }

    /// calloc(3)
    pub fn zeroed(count: usize, size: usize) -> Option<Self> {
        // SAFETY: it may fail.
        let start = black_box(unsafe { libc::calloc(count, size) });
        Self::checked(start.cast(), count.wrapping_mul(size))
    }

    /// posix_memalign(3)
    pub fn aligned(align: usize, size: usize) -> Result<Self, i32> {
        let mut start = ptr::null_mut();
        // SAFETY: the result may be written.
        match unsafe { libc::posix_memalign(&mut start, align, size) } {
            0 => Ok(Self { start: black_box(start).cast(), size }),
            error => Err(error),
        }
    }

    fn checked(start: *mut u8, size: usize) -> Option<Self> {
        (!start.is_null()).then_some(Self { start, size })
    }

    /// Where it starts.
    pub fn addr(&self) -> usize {
        self.start.addr()
    }

    /// Where it starts, for a program that breaks the rules.
    pub fn start(&self) -> *mut u8 {
        self.start
    }

    /// How many bytes were asked for.
    pub fn size(&self) -> usize {
        self.size
    }

    /// malloc_usable_size(3)
    pub fn usable(&self) -> usize {
        // SAFETY: it is a live block.
        unsafe { malloc_usable_size(self.start.cast()) }
    }

    /// The same block, with all the bytes that may be used.
    pub fn with_usable(mut self) -> Self {
        self.size = self.size.max(self.usable());
        self
    }

    /// Writes to all its bytes.
    pub fn fill(&mut self, byte: u8) {
        // SAFETY: it has so many.
        unsafe { self.start.write_bytes(byte, self.size) };
    }

    /// Whether its first bytes are all this one.
    pub fn starts_with(&self, byte: u8, len: usize) -> bool {
        assert!(len <= self.size, "{len} bytes of {}", self.size);
        // SAFETY: it has so many, and who asks has written them.
        let bytes = unsafe { slice::from_raw_parts(self.start, len) };
        bytes.iter().all(|it| *it == byte)
    }

    /// Whether all its bytes are this one.
    pub fn holds(&self, byte: u8) -> bool {
        self.starts_with(byte, self.size)
    }

    /// realloc(3). Without memory it is as it was.
    pub fn resize(self, size: usize) -> Result<Self, Self> {
        // SAFETY: it is a live block, and used no more if there is a new one.
        let start = unsafe { libc::realloc(self.start.cast(), size) };
        Self::checked(black_box(start).cast(), size).ok_or(self)
    }

    /// free(3)
    pub fn free(self) {
        // SAFETY: it is a live block, and used no more.
        unsafe { libc::free(black_box(self.start).cast()) };
    }
}

/// Blocks of a size, one after the other, with a byte in each.
pub fn blocks(count: usize, size: usize) -> Vec<Block> {
    let mut blocks = Vec::with_capacity(count);
    for _ in 0..count {
        let mut block = Block::new(size);
        block.fill(1);
        blocks.push(block);
    }
    blocks
}

/// Frees them in this order.
pub fn free_all(blocks: impl IntoIterator<Item = Block>) {
    blocks.into_iter().for_each(Block::free);
}

/// Puts them in a random order, the same each time.
pub fn mix(blocks: &mut [Block]) {
    fastrand::Rng::with_seed(1).shuffle(blocks);
}

/// Writes the C library's `errno`.
pub fn set_errno(errno: i32) {
    // SAFETY: it is this thread's, and stays as long as the thread.
    unsafe { *libc::__errno_location() = errno };
}

/// Reads it.
pub fn errno() -> i32 {
    // SAFETY: as above.
    unsafe { *libc::__errno_location() }
}
