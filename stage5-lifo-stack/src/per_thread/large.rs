//! Large blocks, each with a mapping of its own.
//!
//! A large block can grow where other blocks cannot: the system moves its pages
//! and not its bytes. When it is freed its mapping is kept for a while, since
//! the next one needs as many pages.

use core::array;
use core::ptr::{self, NonNull};

use super::atomic::{AtomicPtr, Ordering};
use super::holes::Holes;
use super::segment::{Mapping, Mmap};

/// So many mappings without a block are kept.
const KEPT: usize = 8;

/// They are at most so many segments each, and twice as many together.
const LARGEST: usize = 8;

/// Mappings without a block.
pub(super) struct Kept {
    mappings: [AtomicPtr<Mapping>; KEPT],
    /// The place of the one that has been here longest.
    oldest: usize,
}

impl Kept {
    pub(super) fn new() -> Self {
        let mappings = array::from_fn(|_| AtomicPtr::new(ptr::null_mut()));
        Self { mappings, oldest: 0 }
    }

    /// Takes the smallest mapping of at least `len` bytes, and not much more.
    fn take(&mut self, len: usize) -> Option<*mut Mapping> {
        let (mut best, mut best_len) = (None, len + len / 2 + 1);
        for (place, slot) in self.mappings.iter().enumerate() {
            let mapping = slot.load(Ordering::Relaxed);
            if mapping.is_null() {
                continue;
            }
            // SAFETY: what is kept is mapped.
            let its = unsafe { (*mapping).len };
            if its >= len && its < best_len {
                (best, best_len) = (Some(place), its);
            }
        }
        Some(self.take_at(best?))
    }

    fn take_at(&mut self, place: usize) -> *mut Mapping {
        let mapping = self.mappings[place].load(Ordering::Relaxed);
        self.mappings[place].store(ptr::null_mut(), Ordering::Release);
        mapping
    }

    /// How many bytes each place has that is kept.
    fn lens(&self) -> impl Iterator<Item = usize> {
        self.mappings.iter().map(|slot| {
            let mapping = slot.load(Ordering::Relaxed);
            // SAFETY: what is kept is mapped.
            if mapping.is_null() { 0 } else { unsafe { (*mapping).len } }
        })
    }

    /// How many bytes are kept.
    fn bytes(&self) -> usize {
        self.lens().sum()
    }

    /// Takes what is in the place whose turn it is.
    fn take_oldest(&mut self) -> *mut Mapping {
        let place = self.oldest;
        self.oldest = (place + 1) % KEPT;
        self.take_at(place)
    }

    /// Takes one that will hardly be wanted, where none is as long as `len`. A
    /// program that asks for more and more wants none of those it had before.
    fn take_unwanted(&mut self, len: usize) -> *mut Mapping {
        let is_outgrown = self.lens().all(|its| its < len);
        let mut mapping = self.take_oldest();
        for _ in 1..KEPT {
            if !mapping.is_null() || !is_outgrown {
                break;
            }
            mapping = self.take_oldest();
        }
        mapping
    }

    /// Keeps a mapping in a free place, or in that of the one that has been
    /// here longest, which is returned.
    fn put(&mut self, mapping: *mut Mapping) -> *mut Mapping {
        let is_free =
            |slot: &AtomicPtr<Mapping>| slot.load(Ordering::Relaxed).is_null();
        let place = self.mappings.iter().position(is_free);
        let (place, out) = match place {
            Some(place) => (place, ptr::null_mut()),
            None => (self.oldest, self.take_oldest()),
        };
        self.mappings[place].store(mapping, Ordering::Release);
        out
    }
}

impl<M: Mmap, const LISTS: bool, const HOLE: usize> Holes<M, LISTS, HOLE> {
    /// A block of at least `size` bytes, at a multiple of `align`, with a
    /// mapping of its own: one that was kept, unless all of it must be zero.
    #[cold]
    #[inline(never)]
    pub(super) fn malloc_large(
        &mut self,
        align: usize,
        size: usize,
        is_zero: bool,
    ) -> *mut u8 {
        let page = self.stack.mmap.page();
        let offset = align.clamp(WORDS, page.max(WORDS));
        let size = size.max(M::UNIT);
        let Some(len) = size
            .checked_add(offset)
            .and_then(|len| len.checked_next_multiple_of(page))
            .filter(|&len| len < isize::MAX as usize / 2)
        else {
            return ptr::null_mut();
        };
        if !is_zero
            && align <= page
            && let Some(mapping) = self.kept.take(len)
        {
            // SAFETY: it was kept, and is nobody's now.
            return unsafe { self.give_out(mapping, offset) };
        }
        // What did not fit now will hardly fit the next time.
        let unwanted = self.kept.take_unwanted(len);
        // SAFETY: it was kept, and is nobody's now.
        unsafe { unmap(&mut self.stack.mmap, unwanted) };
        let mut start = self.map_large(len, align, is_zero);
        if start.is_none() && self.drop_kept() {
            start = self.map_large(len, align, is_zero);
        }
        match start {
            Some(start) => {
                let mapping: *mut Mapping = start.as_ptr().cast();
                // SAFETY: it was mapped, and begins with room for its words.
                unsafe {
                    mapping.write(Mapping {
                        len,
                        block: ptr::null_mut(),
                        bottom: AtomicPtr::new(mapping.cast()),
                    });
                    self.give_out(mapping, offset)
                }
            }
            None => ptr::null_mut(),
        }
    }

    /// Maps `len` bytes, in huge pages if it pays. If `align` is more than a
    /// page, the second page is at a multiple of it.
    fn map_large(
        &mut self,
        len: usize,
        align: usize,
        is_zero: bool,
    ) -> Option<NonNull<u8>> {
        let mmap = &mut self.stack.mmap;
        let page = mmap.page();
        if align <= page {
            return map_huge(mmap, len, is_zero)
                .or_else(|| mmap.map(len, page));
        }
        let all = len.checked_add(align)?;
        let start = mmap.map(all, page)?;
        let second = start.addr().get() + page;
        let before = second.next_multiple_of(align) - second;
        // SAFETY: they are whole pages of the mapping, which nobody uses.
        unsafe {
            let mapping = start.add(before);
            if before > 0 {
                mmap.unmap(start, before);
            }
            if align > before {
                mmap.unmap(mapping.add(len), align - before);
            }
            Some(mapping)
        }
    }

    /// Makes a mapping's block one that starts at `offset`.
    ///
    /// # Safety
    ///
    /// The mapping is ours, and has no block.
    unsafe fn give_out(
        &mut self,
        mapping: *mut Mapping,
        offset: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe {
            let block = mapping.cast::<u8>().add(offset);
            (*mapping).block = block;
            if self.stack.mmap.note(block, 1, mapping).is_none() {
                unmap(&mut self.stack.mmap, mapping);
                return ptr::null_mut();
            }
            block
        }
    }

    /// Takes a large block back. Its mapping is kept, if it is not too large.
    ///
    /// # Safety
    ///
    /// It is a mapping with a block, and nobody uses that any more.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn free_large(&mut self, mapping: *mut Mapping) {
        // SAFETY: as the caller promises.
        unsafe {
            let (block, len) = ((*mapping).block, (*mapping).len);
            if len > LARGEST * M::SEGMENT {
                return unmap(&mut self.stack.mmap, mapping);
            }
            self.stack.mmap.note(block, 1, ptr::null_mut());
            while self.kept.bytes() + len > 2 * LARGEST * M::SEGMENT {
                let oldest = self.kept.take_oldest();
                unmap(&mut self.stack.mmap, oldest);
            }
            let out = self.kept.put(mapping);
            unmap(&mut self.stack.mmap, out);
        }
    }

    /// Gives all mappings back that are kept. Says whether there were any.
    pub(super) fn drop_kept(&mut self) -> bool {
        let mut any = false;
        for _ in 0..KEPT {
            let mapping = self.kept.take_oldest();
            any |= !mapping.is_null();
            // SAFETY: it was kept, and is nobody's now.
            unsafe { unmap(&mut self.stack.mmap, mapping) };
        }
        any
    }

    /// Makes a large block one of `size` bytes, if it stays a large one. It
    /// grows by an eighth more than it must, or growing step by step would
    /// take the more time the larger it is.
    ///
    /// # Safety
    ///
    /// It is a mapping with a block, which nobody else uses.
    pub(super) unsafe fn resize_large(
        &mut self,
        mapping: *mut Mapping,
        size: usize,
    ) -> Option<*mut u8> {
        // SAFETY: as the caller promises.
        unsafe {
            let (block, len) = ((*mapping).block, (*mapping).len);
            let offset = block.addr() - mapping.addr();
            let room = len - offset;
            if size <= Self::MIDDLE / 2 {
                return None;
            }
            // Of two blocks in one unit, one would not be noted.
            let size = size.max(M::UNIT);
            if size <= room && size >= room / 2 {
                return Some(block);
            }
            if size > isize::MAX as usize / 2 {
                return None;
            }
            let page = self.stack.mmap.page();
            let least = (size + offset).next_multiple_of(page);
            let more = if size > room { size / 8 } else { 0 };
            let ample = (size + more + offset).next_multiple_of(page);
            self.stack.mmap.note(block, 1, ptr::null_mut());
            let moved = self
                .remap(mapping, len, ample)
                .or_else(|| self.remap(mapping, len, least));
            match moved {
                Some(moved) => Some(self.give_out(moved, offset)),
                None => {
                    self.stack.mmap.note(block, 1, mapping);
                    None
                }
            }
        }
    }

    /// # Safety
    ///
    /// It is a mapping of `len` bytes of which nobody uses anything.
    unsafe fn remap(
        &mut self,
        mapping: *mut Mapping,
        len: usize,
        new_len: usize,
    ) -> Option<*mut Mapping> {
        // SAFETY: as the caller promises.
        unsafe {
            let start = NonNull::new(mapping)?.cast();
            let moved = self.stack.mmap.remap(start, len, new_len)?;
            let mapping: *mut Mapping = moved.as_ptr().cast();
            (*mapping).len = new_len;
            // Where it was, there may be a segment soon.
            (*mapping).bottom.store(mapping.cast(), Ordering::Relaxed);
            Some(mapping)
        }
    }
}

/// Maps `len` bytes where huge pages begin, and asks for them. None for a block
/// that is smaller, and for one that must be zero: who asks for that may write
/// to little of it.
fn map_huge<M: Mmap>(
    mmap: &mut M,
    len: usize,
    is_zero: bool,
) -> Option<NonNull<u8>> {
    if is_zero || len < M::SEGMENT {
        return None;
    }
    let start = mmap.map(len, M::SEGMENT)?;
    mmap.use_huge_pages(start, len);
    Some(start)
}

/// Bytes in front of a block that has no alignment of its own.
const WORDS: usize = size_of::<Mapping>();

/// Gives a mapping back to the system, with its block. Null has none.
///
/// # Safety
///
/// Nobody uses it any more.
pub(super) unsafe fn unmap<M: Mmap>(mmap: &mut M, mapping: *mut Mapping) {
    let Some(start) = NonNull::new(mapping) else { return };
    // SAFETY: as the caller promises.
    unsafe {
        let (block, len) = ((*mapping).block, (*mapping).len);
        mmap.note(block, 1, ptr::null_mut());
        mmap.unmap(start.cast(), len);
    }
}

/// How many bytes of a large block may be used.
///
/// # Safety
///
/// It is a mapping with a block.
pub(super) unsafe fn usable_size(mapping: *mut Mapping) -> usize {
    // SAFETY: as the caller promises.
    unsafe {
        let (block, len) = ((*mapping).block, (*mapping).len);
        len - (block.addr() - mapping.addr())
    }
}
