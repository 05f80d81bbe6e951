//! A stack whose records stand in front of its chunks, in segments.
//!
//! One thread owns the stack: it pushes and pops. Whoever else frees a chunk
//! marks it, which is one store, and the owner pops it when it comes by.
//!
//! The stack is whole after each single store: see `repair`.

use core::ptr::{self, NonNull};

use super::atomic::{AtomicPtr, Ordering};
use super::record::{
    ALIGN, GROUND, below, in_this_order, look, mark, marked_below, set,
    set_below, set_state, state, usable_size, with_record,
};
use super::segment::{Mapping, Mmap, Segment, bottom, end, first, segment_of};

/// When there is no room, the stack lets itself grow by so many bytes.
pub const STEP: usize = 32 * 1024;

/// A stack of chunks in segments of its own.
pub struct Stack<M> {
    /// Where the next chunk will start. How far it is to the chunk below is
    /// written there already.
    top: AtomicPtr<u8>,
    /// No chunk ends above this address, for now.
    limit: AtomicPtr<u8>,
    /// The lowest segment, or null.
    pub(super) bottom: *mut Segment,
    /// How many segments there are.
    pub(super) segments: usize,
    /// How many of them are empty, above that of the top.
    pub(super) spare: usize,
    /// So many of those are kept.
    pub(super) keep: usize,
    /// So many were given back and not needed again, until now.
    pub(super) dropped: usize,
    pub(super) mmap: M,
}

impl<M: Mmap> Stack<M> {
    /// An empty stack. It asks for nothing yet.
    pub fn new(mmap: M) -> Self {
        Self {
            top: AtomicPtr::new(ptr::null_mut()),
            limit: AtomicPtr::new(ptr::null_mut()),
            bottom: ptr::null_mut(),
            segments: 0,
            spare: 0,
            keep: 1,
            dropped: 0,
            mmap,
        }
    }

    /// An empty stack in a segment that is there already, and whose first
    /// `used` bytes (behind what a segment begins with) are somebody's.
    ///
    /// # Safety
    ///
    /// `start` was mapped, with the bytes and the alignment of a segment.
    pub(super) unsafe fn within(
        mut mmap: M,
        start: NonNull<u8>,
        used: usize,
    ) -> Option<Self> {
        let mapping = start.as_ptr().cast();
        mmap.note(start.as_ptr(), M::SEGMENT, mapping)?;
        let mut stack = Self::new(mmap);
        // SAFETY: as the caller promises.
        unsafe {
            stack.bottom =
                Segment::init(start, M::SEGMENT, used, ptr::null_mut());
            stack.set_top(first(stack.bottom));
        }
        stack.segments = 1;
        stack.set_limit(stack.top());
        Some(stack)
    }

    /// Where the segments come from.
    pub fn mmap(&mut self) -> &mut M {
        &mut self.mmap
    }

    /// No chunk has more bytes than this, with its record.
    pub const LARGEST: usize = M::SEGMENT / 8;

    /// Pushes a chunk of at least `size` bytes, aligned to [`ALIGN`], and
    /// returns where it starts; null if there is no memory left, or for more
    /// than half of [`LARGEST`](Self::LARGEST). A chunk of 0 bytes is a
    /// chunk of its own. See malloc(3).
    #[inline(always)]
    pub fn malloc(&mut self, size: usize) -> *mut u8 {
        self.memalign(ALIGN, size)
    }

    /// Takes a chunk back: pops it if it is the top, or else marks it.
    ///
    /// # Safety
    ///
    /// `payload` is a chunk of this stack, and nobody uses it any more.
    #[inline(always)]
    pub unsafe fn free(&mut self, payload: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe {
            if !self.pop(payload) {
                mark(self.chunk(payload));
            }
        }
    }

    /// Pushes a chunk as `malloc` does, whose start is a multiple of `align`;
    /// null also if `align` is not a power of two. See posix_memalign(3).
    ///
    /// What has to lie in front of it is a chunk that is free at once.
    pub fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        if !align.is_power_of_two() || align.max(size) > Self::LARGEST / 2 {
            return ptr::null_mut();
        }
        let size = with_record(size);
        let Some((filler, chunk)) = self.push_aligned(align, size) else {
            return ptr::null_mut();
        };
        if let Some(filler) = filler {
            // SAFETY: it was pushed, and nobody uses it.
            unsafe { mark(filler) };
        }
        chunk
    }

    /// How many bytes of the chunk may be used. See malloc_usable_size(3).
    ///
    /// # Safety
    ///
    /// `payload` is a chunk of this stack.
    pub unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        // SAFETY: as the caller promises.
        unsafe { usable_size(self.chunk(payload)) }
    }

    /// A pointer may speak for its own chunk alone. This one reaches the whole
    /// segment around it.
    pub(super) fn chunk(&self, payload: *mut u8) -> *mut u8 {
        let mapping = self.mmap.mapping_at(payload);
        mapping.cast::<u8>().with_addr(payload.addr())
    }

    #[inline(always)]
    pub(super) fn top(&self) -> *mut u8 {
        self.top.load(Ordering::Relaxed)
    }

    /// Release: whoever comes to have the stack finds what was written before.
    /// What the next push writes comes after it.
    #[inline(always)]
    pub(super) fn set_top(&mut self, top: *mut u8) {
        self.top.store(top, Ordering::Release);
        in_this_order();
    }

    #[inline(always)]
    fn limit(&self) -> *mut u8 {
        self.limit.load(Ordering::Relaxed)
    }

    pub(super) fn set_limit(&mut self, limit: *mut u8) {
        self.limit.store(limit, Ordering::Release);
    }

    /// Pushes a chunk of `size` bytes, with a record, if there is room.
    ///
    /// Nothing has happened until the last of three stores: what the first two
    /// write lies above the top.
    #[inline(always)]
    pub(super) fn push(&mut self, size: usize) -> Option<*mut u8> {
        let chunk = self.top();
        let top = chunk.wrapping_add(size);
        if top > self.limit() {
            return None;
        }
        // SAFETY: the chunk does not end above the limit.
        unsafe { set(chunk, size, 0) };
        self.set_top(top);
        Some(chunk)
    }

    /// Pops a chunk, with all that is marked below it, if it is the top. Any
    /// other pointer is none of its business.
    ///
    /// # Safety
    ///
    /// If `payload` is in the segment where the top is, nobody uses it any
    /// more.
    #[inline(always)]
    pub(super) unsafe fn pop(&mut self, payload: *mut u8) -> bool {
        let top = self.top();
        // In one question: is it in the segment of the top, and a multiple of
        // `ALIGN`?
        let differ = payload.addr() ^ top.addr();
        if differ & !(M::SEGMENT - ALIGN) != 0 {
            return false;
        }
        let chunk = top.with_addr(payload.addr());
        // SAFETY: it lies in a segment of ours. What is free already does not
        // end at the top: it has a flag.
        unsafe {
            let state = state(chunk).load(Ordering::Relaxed);
            if chunk.addr() + state as usize != top.addr() {
                return false;
            }
            match marked_below(chunk) {
                None => self.set_top(chunk),
                Some(_) => self.fall(chunk),
            }
        }
        true
    }

    /// Lets the top fall to `chunk`, and on past all that is marked.
    ///
    /// # Safety
    ///
    /// `chunk` is one of this stack, and all from there to the top is free.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn fall(&mut self, mut chunk: *mut u8) {
        // SAFETY: below each chunk there is another, down to the ground, which
        // has a mark.
        unsafe {
            while let Some(below) = marked_below(chunk) {
                if look(below).1 & GROUND == 0 {
                    chunk = below;
                    continue;
                }
                // The segment is empty.
                let Some(end) = self.leave(chunk) else { break };
                chunk = end;
            }
        }
        self.set_top(chunk);
    }

    /// Pushes a chunk whose start is a multiple of `align`, and a filler in
    /// front of it if it needs one.
    pub(super) fn push_aligned(
        &mut self,
        align: usize,
        size: usize,
    ) -> Option<(Option<*mut u8>, *mut u8)> {
        self.make_room(size + align - ALIGN, STEP)?;
        let start = self.top().addr().next_multiple_of(align);
        let padding = start - self.top().addr();
        let filler = if padding > 0 { self.push(padding) } else { None };
        Some((filler, self.push(size)?))
    }

    /// Sees to it that there is room for `bytes` at the top: lets the stack
    /// grow by them, and up to `step` more, or goes to the next segment.
    /// Returns by how much the limit has risen.
    pub(super) fn make_room(
        &mut self,
        bytes: usize,
        step: usize,
    ) -> Option<usize> {
        let mut room = self.limit().addr() - self.top().addr();
        if bytes <= room {
            return Some(0);
        }
        if self.top().is_null() || bytes > self.end().addr() - self.top().addr()
        {
            self.next_segment()?;
            room = 0;
        }
        let most = self.end().addr() - self.top().addr();
        let limit = self.top().wrapping_add(most.min(bytes.max(step)));
        self.set_limit(limit);
        Some(limit.addr() - self.top().addr() - room)
    }

    /// Leaves no room at the top. Returns by how much the limit has fallen.
    pub(super) fn drop_room(&mut self) -> usize {
        let before = self.limit();
        self.set_limit(self.top());
        before.addr() - self.top().addr()
    }

    /// The segment of the top.
    pub(super) fn current(&self) -> *mut Segment {
        segment_of::<M>(self.top())
    }

    /// Where the segment of the top ends.
    pub(super) fn end(&self) -> *mut u8 {
        // SAFETY: the top is in a segment.
        unsafe { end(self.current()) }
    }

    /// Makes the top chunk one of `size` bytes, with a record, where it is.
    ///
    /// # Safety
    ///
    /// `chunk` is the top chunk, with its record `old` bytes.
    pub(super) unsafe fn resize_top(
        &mut self,
        chunk: *mut u8,
        old: usize,
        size: usize,
    ) -> Option<()> {
        if size > old && size - old > self.end().addr() - self.top().addr() {
            return None;
        }
        if size > old {
            self.make_room(size - old, STEP)?;
        }
        // Until the last store the stack is as it was, but for the size of the
        // chunk, which the top tells too.
        // SAFETY: there is room, and what is above the top is nobody's.
        unsafe {
            set_below(chunk.add(size), size);
            set_state(chunk, size, 0);
        }
        self.set_top(chunk.wrapping_add(size));
        Some(())
    }

    /// Puts right what its owner has left in the middle of something, and
    /// never comes back to. Each store leaves a stack in which these three
    /// things can be wrong:
    ///
    /// - the size of the top chunk, if it was being resized;
    /// - the limit, if the top has gone to another segment;
    /// - the way up through the row of segments, and how many there are, if one
    ///   was being added or taken out.
    ///
    /// # Safety
    ///
    /// The stack is the caller's now.
    pub unsafe fn repair(&mut self) {
        let top = self.top.load(Ordering::Acquire);
        if top.is_null() {
            return;
        }
        // SAFETY: below the top there is a chunk, or the ground.
        unsafe {
            let chunk = below(top);
            let (size, flags) = look(chunk);
            let right = top.addr() - chunk.addr();
            if size != right && flags & GROUND == 0 {
                set_state(chunk, right, flags);
            }
            self.repair_row();
        }
        self.set_limit(top);
    }

    /// The segment of this stack in which an address lies, and where its chunks
    /// end. What lies in that of the top is known without a table.
    #[inline(always)]
    pub(super) fn segment_at(
        &self,
        address: *mut u8,
    ) -> Option<(*mut Segment, *mut u8)> {
        let top = self.top();
        if address.addr() ^ top.addr() < M::SEGMENT {
            return Some((segment_of::<M>(top), top));
        }
        let mapping = self.mmap.mapping_at(address);
        // SAFETY: what is noted is a mapping.
        unsafe {
            let is_mine = !mapping.is_null() && self.owns(mapping);
            is_mine.then(|| (mapping.cast(), end(mapping.cast())))
        }
    }

    /// Whether there are chunks of this stack in a mapping.
    ///
    /// # Safety
    ///
    /// It is a mapping.
    #[inline(always)]
    pub(super) unsafe fn owns(&self, mapping: *mut Mapping) -> bool {
        // SAFETY: as the caller promises.
        unsafe { bottom(mapping.cast()) == self.bottom }
    }
}
