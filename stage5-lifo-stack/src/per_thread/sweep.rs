//! A sweep: what is free side by side becomes one chunk.

use super::atomic::Ordering;
use super::holes::Holes;
use super::record::{LISTED, MARK, look, set};
use super::segment::{Mmap, Segment, above, below, end, first, hold, let_go};

/// What is left at the end of a segment is on no list if it is less than this
/// part of it.
const REST: usize = 32;

/// A look at a segment counts as much as so many freed bytes. They are no more
/// than the smallest chunks have, or the last that are live would keep theirs.
const LOOK: usize = 16;

impl<M: Mmap, const LISTS: bool, const HOLE: usize> Holes<M, LISTS, HOLE> {
    /// Whether so much was freed, or the stack has grown so far, that a sweep
    /// is a small part of the work.
    pub(super) fn is_sweep_worth_it(&self) -> bool {
        if self.stack.top().is_null() {
            return false;
        }
        let top = self.stack.top().addr();
        let all = (self.stack.in_use() - 1) * M::SEGMENT + top % M::SEGMENT;
        // Half of what there is now is as much as there was before.
        let enough = if self.was_worth { all / 4 } else { all / 2 };
        self.lists.freed >= all as isize / 2 || self.grown >= enough
    }

    /// Makes one chunk of those that are free side by side, lists them, and
    /// takes out segments that are empty.
    pub(super) fn sweep(&mut self) {
        self.lists.clear();
        if self.stack.top().is_null() {
            return;
        }
        let mut joined = 0;
        (self.live, self.cutting) = (0, false);
        // From the top down, which may fall meanwhile.
        let mut segment = self.stack.current();
        while !segment.is_null() {
            // SAFETY: they are segments of this stack.
            unsafe {
                let next = below(segment);
                let top = self.stack.current();
                joined += self.sweep_segment(segment);
                let is_left = self.stack.current() != top;
                segment = if is_left { self.stack.current() } else { next };
            }
        }
        self.was_worth = joined >= self.stack.in_use() * (M::SEGMENT / 16);
        self.grown = 0;
        self.set_enough();
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
                if flags & (MARK | LISTED) != 0 {
                    let before = size;
                    size = join(chunk, size, end);
                    joined += if size > before { size } else { 0 };
                    let is_last = chunk.add(size) == end;
                    if is_current && is_last {
                        self.stack.fall(chunk);
                        return joined;
                    }
                    let is_all = is_last && chunk == first;
                    if is_all && segment != self.stack.bottom {
                        self.remove(segment);
                        return joined;
                    }
                    // On a list it would keep others from emptying the segment.
                    let is_rest = is_last && size < M::SEGMENT / REST;
                    if size >= HOLE && !is_rest {
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

    /// Takes an empty segment out of the row.
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
            self.stack.keep_or_unmap(segment);
        }
    }

    /// Whether so much was freed that there may be empty segments.
    #[inline(always)]
    pub(super) fn may_give_back(&self) -> bool {
        self.lists.freed >= self.enough
    }

    /// What is enough: nearly all of what was live, or half of it and a segment,
    /// or half where next to nothing is live. And something for each segment
    /// that is looked at.
    pub(super) fn set_enough(&mut self) {
        let segments = self.stack.in_use();
        let half = self.live / 2;
        let enough = if self.live < segments * (M::SEGMENT / 16) {
            half
        } else {
            (self.live - self.live / 16).min(half + M::SEGMENT)
        };
        let look = segments * LOOK;
        self.enough = match segments {
            0..=1 => isize::MAX,
            _ => enough.max(look) as isize,
        };
    }
}

/// Makes one chunk of a free chunk and the free ones above it, up to `end`, and
/// marks it. Returns how many bytes it has.
///
/// # Safety
///
/// `chunk` is a free chunk of `size` bytes on the caller's stack, and none is on
/// a list.
unsafe fn join(chunk: *mut u8, mut size: usize, end: *mut u8) -> usize {
    // SAFETY: above a chunk there is another, up to the end. Nobody but the
    // owner touches what is free.
    unsafe {
        while chunk.add(size) < end {
            let (more, flags) = look(chunk.add(size));
            if flags & (MARK | LISTED) == 0 {
                break;
            }
            size += more;
        }
        set(chunk, size, MARK);
    }
    size
}
