//! A stack of chunks: what was allocated last tends to be freed first.

use core::{fmt, ptr};

use crate::brk::Brk;
use crate::fault::fault;

/// Every chunk starts at a multiple of this many bytes. It is the alignment
/// of C's `max_align_t` on 64-bit machines.
pub const ALIGN: usize = 16;

/// How many chunks a heap can have at one time.
pub const DEFAULT: usize = 4096;

/// The break rises by this many bytes at least: five pages.
pub const STEP: usize = 5 * 4096;

/// This many unused bytes stay below the break when it falls.
pub const SLACK: usize = 1024 * 1024;

/// So many chunks, from the top down, are looked at one by one.
const NEAR: usize = 8;

/// What the heap knows of a piece of memory.
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    /// Its first byte. Null if it is somebody else's.
    pub start: *mut u8,
    /// Where it ends: the byte behind its last one.
    pub end: *mut u8,
    /// Whether it is free, and waits for those above it.
    pub free: bool,
}

/// A heap on a break of its own.
pub struct Heap<B, const CHUNKS: usize = DEFAULT> {
    brk: B,
    /// The break, as this heap remembers it.
    end: *mut u8,
    /// How many chunks there are.
    len: usize,
    /// The chunks, the lowest address first. The last one is the top.
    chunks: [Chunk; CHUNKS],
}

impl<B: Brk, const CHUNKS: usize> Heap<B, CHUNKS> {
    /// An empty heap. It asks `brk` for nothing yet.
    pub const fn new(brk: B) -> Self {
        const { assert!(CHUNKS >= 2) };
        let none =
            Chunk { start: ptr::null_mut(), end: ptr::null_mut(), free: false };
        Self { brk, end: ptr::null_mut(), len: 0, chunks: [none; CHUNKS] }
    }

    /// Returns a chunk of at least `size` bytes, aligned to [`ALIGN`]; null if
    /// there is no memory left, or no room in the array. A chunk of 0 bytes is
    /// a chunk of its own. See malloc(3).
    pub fn malloc(&mut self, size: usize) -> *mut u8 {
        self.memalign(ALIGN, size)
    }

    /// Takes a chunk back. Its memory is used again once every chunk above it
    /// is free.
    ///
    /// # Safety
    ///
    /// `payload` is null or a chunk of this heap, and nobody uses it any more.
    pub unsafe fn free(&mut self, payload: *mut u8) {
        if payload.is_null() {
            return;
        }
        let chunk = self.find(payload);
        self.chunks[chunk].free = true;
        // The lowest chunk is somebody else's and never free.
        while self.chunks[self.len - 1].free {
            self.len -= 1;
        }
        self.trim();
    }

    /// Returns a chunk for `count` elements of `size` bytes each, all zero;
    /// null if there is no memory left or if the product overflows.
    /// See calloc(3).
    pub fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let Some(bytes) = count.checked_mul(size) else {
            return ptr::null_mut();
        };
        let payload = self.malloc(bytes);
        if !payload.is_null() {
            // SAFETY: `payload` is a chunk of at least `bytes` bytes.
            unsafe { payload.write_bytes(0, bytes) };
        }
        payload
    }

    /// Returns a chunk of at least `size` bytes that starts with the contents
    /// of `payload`, which is then no chunk any more. Null means that there is
    /// no memory left: then `payload` is as it was. A null `payload` makes it
    /// `malloc`. See realloc(3).
    ///
    /// The top grows and shrinks where it is.
    ///
    /// # Safety
    ///
    /// `payload` is null or a chunk of this heap that nobody else uses.
    pub unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        if payload.is_null() {
            return self.malloc(size);
        }
        let chunk = self.find(payload);
        let Chunk { start: old, end, .. } = self.chunks[chunk];
        if self.resize(chunk, size).is_some() {
            return old;
        }
        let new = self.malloc(size);
        if !new.is_null() {
            // SAFETY: both are chunks, the new one is larger, and nobody uses
            // the old one after this.
            unsafe {
                ptr::copy_nonoverlapping(old, new, end.addr() - old.addr());
                self.free(old);
            }
        }
        new
    }

    /// Returns a chunk of at least `size` bytes, aligned to `align` and to
    /// [`ALIGN`]; null if there is no memory left, or no room in the array, or
    /// if `align` is not a power of two. See posix_memalign(3).
    pub fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        if !align.is_power_of_two() {
            return ptr::null_mut();
        }
        self.allocate(align.max(ALIGN), size).unwrap_or(ptr::null_mut())
    }

    /// How many bytes of the chunk may be used; 0 for null.
    /// See malloc_usable_size(3).
    ///
    /// # Safety
    ///
    /// `payload` is null or a chunk of this heap.
    pub unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        if payload.is_null() {
            return 0;
        }
        self.chunks[self.find(payload)].size()
    }

    /// The break that this heap moves.
    pub fn brk(&mut self) -> &mut B {
        &mut self.brk
    }

    /// The chunks, from the lowest address up: the last one is the top.
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks[..self.len]
    }

    /// Pushes a chunk whose start is a multiple of `align`, and returns where
    /// it starts.
    fn allocate(&mut self, align: usize, size: usize) -> Option<*mut u8> {
        // The next chunk must start somewhere else.
        let size = size.max(1);
        if let Some(start) = self.push(align, size) {
            return Some(start);
        }
        self.grow(size.checked_add(align)?)?;
        self.push(align, size)
    }

    /// Pushes a chunk, if there is room below the break and in the array.
    fn push(&mut self, align: usize, size: usize) -> Option<*mut u8> {
        let start = self.top_end().addr().checked_next_multiple_of(align)?;
        let end = start.checked_add(size)?;
        if end > self.end.addr() || self.len == CHUNKS {
            return None;
        }
        let [start, end] = [start, end].map(|at| self.end.with_addr(at));
        self.record(Chunk { start, end, free: false });
        Some(start)
    }

    fn record(&mut self, chunk: Chunk) {
        self.chunks[self.len] = chunk;
        self.len += 1;
    }

    /// Where the top ends: null if there is none.
    fn top_end(&self) -> *mut u8 {
        self.chunks().last().map_or(ptr::null_mut(), |top| top.end)
    }

    /// Raises the break by at least `bytes`, if the array has room for a chunk
    /// there.
    fn grow(&mut self, bytes: usize) -> Option<()> {
        // SAFETY: an increment of zero gives nothing back.
        let brk = unsafe { self.brk.sbrk(0) }.ok()?.as_ptr();
        // What lies between the break as we left it and as it is, is somebody
        // else's. At first that is all there is: we remember nothing.
        let is_moved = brk != self.end;
        if CHUNKS - self.len < 1 + usize::from(is_moved) {
            return None;
        }
        let [old, risen] = self.raise(bytes)?;
        if old != brk.addr() {
            // It had gone on before it rose: what came is theirs now.
            return self.grow(bytes);
        }
        if is_moved {
            let theirs =
                Chunk { start: ptr::null_mut(), end: brk, free: false };
            self.record(theirs);
        }
        self.end = brk.with_addr(brk.addr() + risen);
        Some(())
    }

    /// Raises the break by [`STEP`] or by `bytes`, whichever is more; if that
    /// cannot be had, by `bytes`. Returns where it was, and by how many bytes it
    /// has risen.
    fn raise(&mut self, bytes: usize) -> Option<[usize; 2]> {
        for bytes in [bytes.max(STEP), bytes] {
            let increment = isize::try_from(bytes).ok()?;
            // SAFETY: the increment is not negative: nothing is given back.
            if let Ok(old) = unsafe { self.brk.sbrk(increment) } {
                return Some([old.addr().get(), bytes]);
            }
        }
        None
    }

    /// Gives what is unused below the break back to the system, but for
    /// [`SLACK`], if there is twice as much.
    fn trim(&mut self) {
        let unused = self.end.addr() - self.top_end().addr();
        if unused < 2 * SLACK {
            return;
        }
        // SAFETY: an increment of zero gives nothing back.
        let Ok(brk) = (unsafe { self.brk.sbrk(0) }) else { return };
        if brk.as_ptr() != self.end {
            return;
        }
        let bytes = unused - SLACK;
        // SAFETY: what lies above the top is ours, and nobody uses it.
        if unsafe { self.brk.sbrk(-(bytes as isize)) }.is_ok() {
            self.end = self.end.with_addr(self.end.addr() - bytes);
        }
    }

    /// Makes a chunk one of at least `size` bytes where it is; `None` if it
    /// cannot grow there.
    fn resize(&mut self, chunk: usize, size: usize) -> Option<()> {
        if chunk + 1 < self.len {
            return (size <= self.chunks[chunk].size()).then_some(());
        }
        let start = self.chunks[chunk].start;
        let end = start.addr().checked_add(size.max(1))?;
        if end > self.end.addr() {
            self.grow(end - self.end.addr())?;
            if chunk + 1 < self.len {
                // Somebody else has moved the break.
                return None;
            }
        }
        self.chunks[chunk].end = start.with_addr(end);
        self.trim();
        Some(())
    }

    /// The chunk in use that starts at `payload`: its place in the array. Ends
    /// the program if there is none.
    fn find(&self, payload: *mut u8) -> usize {
        let near = self.len.saturating_sub(NEAR)..self.len;
        let found = near
            .rev()
            .find(|&chunk| self.chunks[chunk].start == payload)
            .or_else(|| self.search(payload));
        match found {
            None => fault("this is no block of the heap", payload),
            Some(chunk) if self.chunks[chunk].free => {
                fault("this block is free already", payload)
            }
            Some(chunk) => chunk,
        }
    }

    /// Finds a chunk in half of the array, and half of that: they are in the
    /// order of their addresses.
    fn search(&self, payload: *mut u8) -> Option<usize> {
        let chunks = self.chunks();
        let chunk = chunks.partition_point(|chunk| chunk.end <= payload);
        (chunks.get(chunk)?.start == payload).then_some(chunk)
    }
}

impl<B: Brk, const CHUNKS: usize> fmt::Debug for Heap<B, CHUNKS> {
    /// A box for each chunk: `[100 used][16 free][theirs]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.chunks().iter().skip(1) {
            if chunk.start.is_null() {
                write!(f, "[theirs]")?;
            } else {
                let state = if chunk.free { "free" } else { "used" };
                write!(f, "[{} {state}]", chunk.size())?;
            }
        }
        Ok(())
    }
}

impl Chunk {
    /// Bytes from its start to its end.
    fn size(&self) -> usize {
        self.end.addr() - self.start.addr()
    }
}
