//! The design, with something under the stack: a chunk that is never free.

use core::ptr;

use super::Brk;

const FIVE_PAGES: usize = 5 * 4096;

#[derive(Clone, Copy)]
struct Chunk {
    start: *mut u8,
    end: *mut u8,
    free: bool,
}

/// A break, and a stack of chunks.
pub struct Heap<B, const CHUNKS: usize> {
    brk: B,
    /// The break, as this heap remembers it.
    end: *mut u8,
    len: usize,
    chunks: [Chunk; CHUNKS],
}

impl<B: Brk, const CHUNKS: usize> Heap<B, CHUNKS> {
    pub const fn new(brk: B) -> Self {
        let none =
            Chunk { start: ptr::null_mut(), end: ptr::null_mut(), free: false };
        Self { brk, end: ptr::null_mut(), len: 0, chunks: [none; CHUNKS] }
    }

    pub fn malloc(&mut self, size: usize) -> *mut u8 {
        if self.len == 0 {
            self.lay_the_ground();
        }
        loop {
            // if top.end + n <= break:
            let start = self.top().end;
            let end = start.wrapping_add(size);
            if end <= self.end {
                // push { start: top.end, end: top.end + n, free: no }
                self.push(Chunk { start, end, free: false });
                // return its start
                return start;
            }
            // raise the break by max(5 pages, n)
            self.raise(size.max(FIVE_PAGES));
            // and try again
        }
    }

    pub unsafe fn free(&mut self, payload: *mut u8) {
        // find the chunk that starts at p, from the top
        let mut chunk = self.len - 1;
        while self.chunks[chunk].start != payload {
            chunk -= 1;
        }
        // mark it free
        self.chunks[chunk].free = true;
        // while the top is free:
        while self.top().free {
            // pop
            self.len -= 1;
        }
    }

    pub fn brk(&mut self) -> &mut B {
        &mut self.brk
    }

    /// All that lies below the heap becomes a chunk that is never free.
    fn lay_the_ground(&mut self) {
        self.raise(0);
        let (start, end) = (ptr::null_mut(), self.end);
        self.push(Chunk { start, end, free: false });
    }

    fn top(&mut self) -> Chunk {
        self.chunks[self.len - 1]
    }

    fn push(&mut self, chunk: Chunk) {
        self.chunks[self.len] = chunk;
        self.len += 1;
    }

    fn raise(&mut self, bytes: usize) {
        // SAFETY: nothing is given back, as long as `bytes` is not too large.
        let old = unsafe { self.brk.sbrk(bytes as isize) };
        self.end = old.unwrap().as_ptr().wrapping_add(bytes);
    }
}
