//! Mappings over a break, for tests and figures.

use core::ptr::{self, NonNull};

use super::segment::{Mapping, Mmap};
use crate::brk::Brk;

/// Memory that a break gives, and that is mapped and unmapped in pieces.
///
/// What is unmapped is filled with poison, and mapped again before the break
/// rises. `SEGMENT` is how many bytes a segment has. Below the first
/// `SEGMENT / 16 * UNITS` bytes of the break there is room for notes.
pub struct SimMmap<B, const SEGMENT: usize = 16384, const UNITS: usize = 1024> {
    brk: B,
    /// Where the break was at first, or null.
    start: *mut u8,
    notes: [*mut Mapping; UNITS],
    /// What was unmapped. Each piece begins with its length and the next one.
    free: *mut Piece,
    mapped: usize,
    most: usize,
}

/// The start of what was unmapped.
#[repr(C)]
struct Piece {
    len: usize,
    next: *mut Piece,
}

/// Bytes of a page.
const PAGE: usize = 64;

impl<B: Brk, const SEGMENT: usize, const UNITS: usize>
    SimMmap<B, SEGMENT, UNITS>
{
    /// What is unmapped is filled with this.
    pub const POISON: u8 = 0xDB;

    /// Memory from this break.
    pub fn new(brk: B) -> Self {
        let null = ptr::null_mut();
        Self {
            brk,
            start: null,
            notes: [null.cast(); UNITS],
            free: null.cast(),
            mapped: 0,
            most: 0,
        }
    }

    /// The break that gives the memory.
    pub fn brk(&mut self) -> &mut B {
        &mut self.brk
    }

    /// How many bytes are mapped.
    pub fn mapped(&self) -> usize {
        self.mapped
    }

    /// How many bytes were mapped at one time, at most.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Takes what is free and fits, and puts back what is left of it.
    fn take_free(&mut self, len: usize, align: usize) -> Option<*mut u8> {
        let mut link: *mut *mut Piece = &raw mut self.free;
        // SAFETY: the pieces are nobody's, and begin as they should.
        unsafe {
            while let Some(piece) = NonNull::new(*link) {
                let Piece { len: has, next } = piece.read();
                let start: NonNull<u8> = piece.cast();
                let before = padding(start.as_ptr(), align);
                if before + len <= has {
                    *link = next;
                    let block = start.add(before);
                    self.put_free(start, before);
                    self.put_free(block.add(len), has - before - len);
                    return Some(block.as_ptr());
                }
                link = &raw mut (*piece.as_ptr()).next;
            }
        }
        None
    }

    /// # Safety
    ///
    /// The bytes are nobody's: whole pages.
    unsafe fn put_free(&mut self, start: NonNull<u8>, len: usize) {
        if len > 0 {
            let next = self.free;
            self.free = start.as_ptr().cast();
            // SAFETY: as the caller promises.
            unsafe {
                start.write_bytes(Self::POISON, len);
                self.free.write(Piece { len, next });
            }
        }
    }

    /// Raises the break.
    fn raise(&mut self, len: usize, align: usize) -> Option<*mut u8> {
        // SAFETY: an increment of zero gives nothing back.
        let end = unsafe { self.brk.sbrk(0) }.ok()?;
        let before = padding(end.as_ptr(), align.max(PAGE));
        let increment = isize::try_from(before + len).ok()?;
        let most = SEGMENT / 16 * (UNITS - 1);
        let first =
            if self.start.is_null() { end.as_ptr() } else { self.start };
        if end.addr().get() + before + len - first.addr() > most {
            return None;
        }
        // SAFETY: as above.
        let old = unsafe { self.brk.sbrk(increment) }.ok()?;
        self.start = old.as_ptr().with_addr(first.addr());
        let start = padding(old.as_ptr(), PAGE);
        // SAFETY: the break has risen by so much; pages alone are put back.
        unsafe {
            let block = old.add(before);
            self.put_free(old.add(start), before - start);
            Some(block.as_ptr())
        }
    }

    fn unit(&self, address: *mut u8) -> Option<usize> {
        if self.start.is_null() {
            return None;
        }
        let unit = SEGMENT / 16;
        let units = address.addr() / unit;
        let first = self.start.addr() / unit;
        units.checked_sub(first).filter(|&unit| unit < UNITS)
    }
}

/// How far it is to a multiple of `align`.
fn padding(start: *mut u8, align: usize) -> usize {
    start.addr().wrapping_neg() % align
}

// SAFETY: what the break gives is the caller's, and zero where it was not
// given out before; the notes hold what was noted.
unsafe impl<B: Brk, const SEGMENT: usize, const UNITS: usize> Mmap
    for SimMmap<B, SEGMENT, UNITS>
{
    const SEGMENT: usize = SEGMENT;

    fn page(&self) -> usize {
        PAGE
    }

    fn map(&mut self, len: usize, align: usize) -> Option<NonNull<u8>> {
        let start = match self.take_free(len, align) {
            Some(start) => start,
            None => self.raise(len, align)?,
        };
        self.mapped += len;
        self.most = self.most.max(self.mapped);
        // SAFETY: the bytes are the caller's now.
        unsafe { start.write_bytes(0, len) };
        NonNull::new(start)
    }

    unsafe fn unmap(&mut self, start: NonNull<u8>, len: usize) {
        self.mapped -= len;
        // SAFETY: as the caller promises.
        unsafe { self.put_free(start, len) };
    }

    unsafe fn remap(
        &mut self,
        start: NonNull<u8>,
        len: usize,
        new_len: usize,
    ) -> Option<NonNull<u8>> {
        let new = self.map(new_len, PAGE)?;
        // SAFETY: as the caller promises.
        unsafe {
            new.copy_from_nonoverlapping(start, len.min(new_len));
            self.unmap(start, len);
        }
        Some(new)
    }

    fn note(
        &mut self,
        start: *mut u8,
        len: usize,
        mapping: *mut Mapping,
    ) -> Option<()> {
        let Some(first) = self.unit(start) else {
            return mapping.is_null().then_some(());
        };
        for unit in 0..len.div_ceil(SEGMENT / 16) {
            *self.notes.get_mut(first + unit)? = mapping;
        }
        Some(())
    }

    fn mapping_at(&self, address: *mut u8) -> *mut Mapping {
        match self.unit(address) {
            Some(unit) => self.notes[unit],
            None => ptr::null_mut(),
        }
    }
}
