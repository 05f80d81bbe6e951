//! Free blocks, in lists by size class.
//!
//! A bit for each list says whether it has a block, so that a list that has
//! one is found without looking into the others.

use core::{iter, ptr};

use crate::block::{ALIGN, Header, Links, links};

/// Up to this many bytes of payload there is a class for each size.
const EXACT: usize = 1024;

/// Above, each doubling of the size is cut into this many classes.
const PARTS: usize = 4;

/// How many blocks of its own class a request looks at.
const LOOKS: usize = 8;

/// The free blocks of a heap.
pub struct FreeLists<const LISTS: usize> {
    heads: [*mut Header; LISTS],
    /// A bit for each list that has a block.
    bitmap: u128,
}

impl<const LISTS: usize> FreeLists<LISTS> {
    /// No free blocks.
    pub const fn new() -> Self {
        const { assert!(0 < LISTS && LISTS <= 128) };
        Self { heads: [ptr::null_mut(); LISTS], bitmap: 0 }
    }

    /// The class of blocks with `size` bytes of payload. A larger size has the
    /// same class or a higher one.
    fn class(size: usize) -> usize {
        let class = if size <= EXACT {
            size / ALIGN - 1
        } else {
            // The place of the highest bit says which doubling, and the bits
            // below it which part of it.
            let doubling = (size / EXACT).ilog2() as usize;
            let part = (size >> doubling) * PARTS / EXACT - PARTS;
            EXACT / ALIGN + doubling * PARTS + part
        };
        class.min(LISTS - 1)
    }

    /// Puts a free block in front of the list of its class.
    ///
    /// # Safety
    ///
    /// `block` is a free block on no list.
    pub unsafe fn insert(&mut self, block: *mut Header) {
        // SAFETY: `block` is a block, so it has a header.
        let class = Self::class(unsafe { (*block).size() });
        let next = self.heads[class];
        // SAFETY: nobody uses the payload of a free block, and `next` is on
        // the list.
        unsafe {
            *links(block) = Links { next, prev: ptr::null_mut() };
            if next.is_null() {
                self.bitmap |= 1 << class;
            } else {
                (*links(next)).prev = block;
            }
        }
        self.heads[class] = block;
    }

    /// Takes a free block off its list.
    ///
    /// # Safety
    ///
    /// `block` is on the list of its class.
    pub unsafe fn remove(&mut self, block: *mut Header) {
        // SAFETY: `block` is on a list, so it has a header and links.
        let (size, Links { next, prev }) =
            unsafe { ((*block).size(), links(block).read()) };
        if !next.is_null() {
            // SAFETY: `next` is on the list.
            unsafe { (*links(next)).prev = prev };
        }
        if !prev.is_null() {
            // SAFETY: `prev` is on the list.
            unsafe { (*links(prev)).next = next };
            return;
        }
        let class = Self::class(size);
        self.heads[class] = next;
        if next.is_null() {
            self.bitmap &= !(1 << class);
        }
    }

    /// Takes a block of at least `size` bytes off its list: from the class of
    /// `size` if a look finds one there, or else from the next class above
    /// that has any.
    pub fn take(&mut self, size: usize) -> Option<*mut Header> {
        if self.bitmap == 0 {
            return None;
        }
        let class = Self::class(size);
        let block = self.look(class, size).or_else(|| {
            // Whatever is in a class above is larger. (If there is nothing, the
            // class comes out past the last one.)
            let above = self.bitmap.checked_shr(class as u32 + 1)?;
            let class = class + 1 + above.trailing_zeros() as usize;
            self.heads.get(class).copied()
        })?;
        // SAFETY: `block` is on the list of its class.
        unsafe { self.remove(block) };
        Some(block)
    }

    /// The first block of a class that has `size` bytes. Only [`LOOKS`] are
    /// looked at, but in the last class all: there is no class above to go to.
    fn look(&self, class: usize, size: usize) -> Option<*mut Header> {
        let looks = if class == LISTS - 1 { usize::MAX } else { LOOKS };
        // SAFETY: what is on a list has a header.
        let is_enough =
            |&block: &*mut Header| unsafe { (*block).size() } >= size;
        self.list(class).take(looks).find(is_enough)
    }

    /// The list of a class, from its front.
    pub fn list(&self, class: usize) -> impl Iterator<Item = *mut Header> {
        let mut next = self.heads[class];
        iter::from_fn(move || {
            let block = next;
            if block.is_null() {
                return None;
            }
            // SAFETY: `block` is on the list.
            next = unsafe { (*links(block)).next };
            Some(block)
        })
    }

    /// Bit `class` is set if the list of that class has a block.
    pub fn bitmap(&self) -> u128 {
        self.bitmap
    }
}
