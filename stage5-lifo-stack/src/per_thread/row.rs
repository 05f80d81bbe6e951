//! The segments of a stack, one above the other.
//!
//! The top goes from one to the next and back. Those above it are empty: some
//! are kept, for the next time.

use core::ptr::{self, NonNull};

use super::atomic::Ordering;
use super::record::{MARK, set};
use super::segment::{
    Mmap, Segment, above, below, end, first, hold, let_go, segment_of,
};
use super::stack::Stack;

/// So many empty segments are kept at most.
const MOST_SPARE: usize = 8;

/// So many segments of a stack are in small pages. What needs no more than
/// these may use little of them.
const SMALL: usize = 2;

impl<M: Mmap> Stack<M> {
    /// Goes to the segment above that of the top. What room is left becomes a
    /// marked chunk, and whoever frees the last chunk below may empty the
    /// segment.
    #[cold]
    pub(super) fn next_segment(&mut self) -> Option<()> {
        if self.top().is_null() {
            if self.bottom.is_null() {
                self.bottom = self.map_segment(ptr::null_mut())?;
            }
            // SAFETY: it is a segment.
            self.set_top(unsafe { first(self.bottom) });
            return Some(());
        }
        let segment = segment_of::<M>(self.top());
        // SAFETY: they are segments of this stack, and what is above the top
        // is nobody's.
        unsafe {
            let mut next = above(segment);
            if next.is_null() {
                next = self.map_segment(segment)?;
                (*segment).above.store(next, Ordering::Release);
            } else {
                (*next).below.store(segment, Ordering::Release);
                self.spare -= 1;
            }
            (*next).mapping.bottom.store(self.bottom, Ordering::Relaxed);
            let room = self.end().addr() - self.top().addr();
            if room > 0 {
                set(self.top(), room, MARK);
            }
            self.set_top(first(next));
            let_go(segment);
        }
        Some(())
    }

    fn map_segment(&mut self, below: *mut Segment) -> Option<*mut Segment> {
        let start = self.mmap.map(M::SEGMENT, M::SEGMENT)?;
        let mapping = start.as_ptr().cast();
        if self.mmap.note(start.as_ptr(), M::SEGMENT, mapping).is_none() {
            // SAFETY: it was mapped a moment ago.
            unsafe { self.mmap.unmap(start, M::SEGMENT) };
            return None;
        }
        if self.segments >= SMALL {
            self.mmap.use_huge_pages(start, M::SEGMENT);
        }
        self.segments += 1;
        if self.dropped > 0 {
            // What went back was needed again.
            self.dropped -= 1;
            self.keep = MOST_SPARE.min(self.keep + 1);
        }
        // SAFETY: it was mapped, and is a segment's.
        Some(unsafe { Segment::init(start, M::SEGMENT, 0, below) })
    }

    /// Goes to the end of the segment below, if there is one and nobody has it.
    /// The segment that is left stays for the next time. If too many do, the one
    /// above it goes back to the system.
    ///
    /// # Safety
    ///
    /// `chunk` is the first place of its segment, which is that of the top.
    pub(super) unsafe fn leave(&mut self, chunk: *mut u8) -> Option<*mut u8> {
        let left = segment_of::<M>(chunk);
        // SAFETY: both are segments of this stack.
        unsafe {
            let segment = below(left);
            if segment.is_null() || !hold(segment) {
                return None;
            }
            if self.spare >= self.keep {
                self.drop_above(left);
            }
            let end = end(segment);
            self.set_top(end);
            self.spare += 1;
            // A chunk that is freed there now was free already.
            (*left).mapping.bottom.store(ptr::null_mut(), Ordering::Relaxed);
            // Again: a fork in a signal's handler lets go of it in the child.
            hold(segment);
            self.set_limit(end);
            Some(end)
        }
    }

    /// Gives the segment above this one back, if there is one.
    ///
    /// # Safety
    ///
    /// It is a segment of this stack, and nothing above it is in use.
    pub(super) unsafe fn drop_above(&mut self, segment: *mut Segment) {
        // SAFETY: as the caller promises.
        unsafe {
            let spare = above(segment);
            if !spare.is_null() {
                (*segment).above.store(above(spare), Ordering::Release);
                self.spare -= 1;
                self.dropped += 1;
                self.unmap_segment(spare);
            }
        }
    }

    /// Gives all segments above this one back.
    ///
    /// # Safety
    ///
    /// As for `drop_above`.
    pub(super) unsafe fn drop_all_above(&mut self, segment: *mut Segment) {
        // SAFETY: as the caller promises.
        while !unsafe { above(segment) }.is_null() {
            // SAFETY: as the caller promises.
            unsafe { self.drop_above(segment) };
        }
    }

    /// Keeps a segment that no other leads to, above that of the top, or gives it
    /// back to the system if enough are kept.
    ///
    /// # Safety
    ///
    /// Nobody uses what is in it.
    pub(super) unsafe fn keep_or_unmap(&mut self, segment: *mut Segment) {
        // SAFETY: as the caller promises; the top is in a segment.
        unsafe {
            if self.spare >= self.keep {
                self.dropped += 1;
                return self.unmap_segment(segment);
            }
            let current = self.current();
            (*segment).mapping.bottom.store(ptr::null_mut(), Ordering::Relaxed);
            (*segment).above.store(above(current), Ordering::Relaxed);
            (*current).above.store(segment, Ordering::Release);
        }
        self.spare += 1;
    }

    /// Gives a segment that no other leads to back to the system.
    ///
    /// # Safety
    ///
    /// Nobody uses what is in it.
    pub(super) unsafe fn unmap_segment(&mut self, segment: *mut Segment) {
        let start = segment.cast();
        self.mmap.note(start, M::SEGMENT, ptr::null_mut());
        self.segments -= 1;
        if let Some(start) = NonNull::new(start) {
            // SAFETY: as the caller promises.
            unsafe { self.mmap.unmap(start, M::SEGMENT) };
        }
    }

    /// Makes the way up the same as the way down, which is right after each
    /// store, and counts the segments again.
    ///
    /// # Safety
    ///
    /// The top is in a segment, and the row is the caller's now.
    pub(super) unsafe fn repair_row(&mut self) {
        (self.segments, self.spare) = (1, 0);
        // SAFETY: they are segments of this stack.
        unsafe {
            let mut segment = self.current();
            while !below(segment).is_null() {
                (*below(segment)).above.store(segment, Ordering::Release);
                segment = below(segment);
                self.segments += 1;
            }
            segment = above(self.current());
            while !segment.is_null() {
                self.spare += 1;
                segment = above(segment);
            }
        }
        self.segments += self.spare;
    }

    /// How many segments have chunks.
    pub(super) fn in_use(&self) -> usize {
        self.segments - self.spare
    }
}
