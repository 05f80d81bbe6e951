//! A sweep: what is free side by side becomes one chunk.

use core::ptr;

use super::atomic::Ordering;
use super::holes::Holes;
use super::record::{MARK, look, mark, set, set_state};
use super::segment::{Mmap, Segment, above, below, end, first, hold, let_go};

/// What is left at the end of a segment is on no list if it is less than this
/// part of it.
const REST: usize = 32;

impl<M: Mmap, const MOST: usize, const HOLE: usize> Holes<M, MOST, HOLE> {
    /// Whether so much was freed, or the stack has grown so far, that a sweep
    /// is a small part of the work.
    pub(super) fn is_sweep_worth_it(&self) -> bool {
        if self.stack.top().is_null() {
            return false;
        }
        let top = self.stack.top().addr();
        let all = (self.stack.segments - 1) * M::SEGMENT + top % M::SEGMENT;
        // Half of what there is now is as much as there was before.
        let enough = if self.was_worth { all / 4 } else { all / 2 };
        self.freed >= all / 4 || self.grown >= enough
    }

    /// Makes one chunk of those that are free side by side, lists them, and
    /// gives segments that are empty back to the system.
    pub(super) fn sweep(&mut self) {
        while let Some(chunk) = self.lists.take_any() {
            // SAFETY: it was on a list, and is nobody's now.
            unsafe { set_mark(chunk) };
        }
        if self.stack.top().is_null() {
            return;
        }
        self.stack.pop_marked();
        let (mut segment, mut joined) = (self.stack.bottom, 0);
        (self.live, self.cutting) = (0, false);
        // What is above the top has no chunks.
        let last = self.stack.current();
        while !segment.is_null() {
            // SAFETY: it is a segment of this stack.
            unsafe {
                let next = above(segment);
                joined += self.sweep_segment(segment);
                segment = if segment == last { ptr::null_mut() } else { next };
            }
        }
        self.was_worth = joined >= self.stack.segments * (M::SEGMENT / 16);
        self.lists.forget_most();
        (self.freed, self.grown) = (0, 0);
    }

    /// Returns how many bytes were joined.
    ///
    /// # Safety
    ///
    /// It is a segment of this stack, and nothing of it is on our lists.
    unsafe fn sweep_segment(&mut self, segment: *mut Segment) -> usize {
        let is_current = segment == self.stack.current();
        // SAFETY: as the caller promises. Above each chunk there is another,
        // up to the end.
        unsafe {
            if !is_current && !hold(segment) {
                return 0;
            }
            let first = first(segment);
            let end = if is_current { self.stack.top() } else { end(segment) };
            let (mut chunk, mut joined) = (first, 0);
            while chunk < end {
                let (mut size, flags) = look(chunk);
                if flags & MARK != 0 {
                    let before = size;
                    size = join(chunk, size, end);
                    joined += if size > before { size } else { 0 };
                    let is_all = size == end.addr() - first.addr();
                    if is_all && !is_current && segment != self.stack.bottom {
                        self.remove(segment);
                        return joined;
                    }
                    // On a list it would keep others from emptying the segment.
                    let is_rest =
                        size < M::SEGMENT / REST && chunk.add(size) == end;
                    if size >= HOLE && (is_current || !is_rest) {
                        self.lists.put(chunk, size);
                        self.cutting = true;
                    }
                } else {
                    self.live += size;
                }
                chunk = chunk.add(size);
            }
            if !is_current {
                let_go(segment);
            }
            joined
        }
    }

    /// Gives an empty segment back to the system.
    ///
    /// # Safety
    ///
    /// It is an empty segment of this stack, neither the lowest nor that of
    /// the top.
    unsafe fn remove(&mut self, segment: *mut Segment) {
        // SAFETY: as the caller promises. Each store leaves a row of segments
        // from the bottom up.
        unsafe {
            let (below, above) = (below(segment), above(segment));
            (*above).below.store(below, Ordering::Release);
            (*below).above.store(above, Ordering::Release);
            self.stack.unmap_segment(segment);
        }
    }

    /// Whether so much was freed that there may be empty segments: half, or
    /// nearly all where that is less. And enough for each segment that is
    /// looked at.
    pub(super) fn may_give_back(&self) -> bool {
        let nearly_all = self.live - self.live / 16;
        let enough = nearly_all.min(self.live / 2 + 2 * M::SEGMENT);
        let look = self.stack.segments * (M::SEGMENT / 4096);
        self.stack.segments > 2 && self.freed >= enough.max(look)
    }
}

/// Marks a chunk that is on no list any more.
///
/// # Safety
///
/// It was on one of ours.
unsafe fn set_mark(chunk: *mut u8) {
    // SAFETY: as the caller promises.
    unsafe {
        set_state(chunk, look(chunk).0, 0);
        mark(chunk);
    }
}

/// Makes one chunk of a marked chunk and the marked ones above it, up to `end`.
/// Returns how many bytes it has.
///
/// # Safety
///
/// `chunk` is a marked chunk of `size` bytes on the caller's stack.
unsafe fn join(chunk: *mut u8, mut size: usize, end: *mut u8) -> usize {
    let first = size;
    // SAFETY: above a chunk there is another, up to the end. Nobody but the
    // owner touches what is marked.
    unsafe {
        while chunk.add(size) < end {
            let (more, flags) = look(chunk.add(size));
            if flags & MARK == 0 {
                break;
            }
            size += more;
        }
        if size > first {
            set(chunk, size, MARK);
        }
    }
    size
}
