//! Traces done on a heap for marks: whether it keeps what malloc promises, how
//! much memory it needs, and how long it takes.
//!
//! `cargo run -- score` has these files compiled into a program of its own, with
//! the heap that gets the marks.

use std::cell::Cell;
use std::ptr::NonNull;
use std::rc::Rc;

use crate::trace::{Event, What};

pub mod check;
pub mod run;
pub mod time;

/// A heap that gets marks. What it has not, it need not have.
pub trait Allocator {
    /// See malloc(3).
    fn malloc(&mut self, size: usize) -> *mut u8;

    /// See free(3).
    ///
    /// # Safety
    ///
    /// `payload` is a block of this heap that nobody uses any more.
    unsafe fn free(&mut self, payload: *mut u8);

    /// See calloc(3).
    fn calloc(&mut self, _count: usize, _size: usize) -> Option<*mut u8> {
        None
    }

    /// See realloc(3).
    ///
    /// # Safety
    ///
    /// `payload` is a block of this heap that nobody else uses.
    unsafe fn realloc(
        &mut self,
        _payload: *mut u8,
        _size: usize,
    ) -> Option<*mut u8> {
        None
    }

    /// See posix_memalign(3).
    fn memalign(&mut self, _align: usize, _size: usize) -> Option<*mut u8> {
        None
    }
}

/// Memory with a break in it. The system gives it when it is touched, so what
/// is not used costs nothing.
pub struct Region {
    start: NonNull<u8>,
    size: usize,
    seen: Rc<Seen>,
    _memory: Vec<u8>,
}

/// Where a break is. Its heap owns it: this can be looked at meanwhile.
#[derive(Debug, Default)]
pub struct Seen {
    start: Cell<usize>,
    used: Cell<usize>,
    most: Cell<usize>,
    /// Whether the break could not rise so far.
    is_refused: Cell<bool>,
}

impl Region {
    /// Where blocks lie does not depend on where the region does, up to this
    /// alignment.
    const ALIGN: usize = 1 << 16;

    /// Whether there is so much memory.
    ///
    /// # Errors
    ///
    /// A sentence that says how much the trace would need.
    pub fn check(events: &[Event]) -> Result<(), String> {
        let size = bound(events).saturating_add(Self::ALIGN);
        let room = Vec::<u8>::new().try_reserve_exact(size);
        room.map_err(|_| {
            format!("its blocks need {size} bytes, and there are not so many")
        })
    }

    /// Room for all of a trace, on a heap that never uses memory twice.
    pub fn new(events: &[Event]) -> Self {
        let size = bound(events);
        // (Asked for with its alignment, all of it would be touched.)
        let mut memory = vec![0; size + Self::ALIGN];
        let start = NonNull::from(&mut *memory).cast::<u8>();
        let padding = start.align_offset(Self::ALIGN);
        // SAFETY: the padding is less than an alignment.
        let start = unsafe { start.add(padding) };
        let seen = Rc::<Seen>::default();
        seen.start.set(start.addr().get());
        Self { start, size, seen, _memory: memory }
    }

    /// What can be seen of its break.
    pub fn seen(&self) -> Rc<Seen> {
        Rc::clone(&self.seen)
    }

    /// Moves the break, and returns where it was.
    pub fn sbrk(&mut self, increment: isize) -> Option<NonNull<u8>> {
        visit_the_kernel();
        let old = self.seen.used.get();
        let new = old.checked_add_signed(increment);
        let Some(new) = new.filter(|&new| new <= self.size) else {
            self.seen.is_refused.set(true);
            return None;
        };
        self.seen.used.set(new);
        self.seen.most.set(self.seen.most.get().max(new));
        // What is given back comes again as zeroes, from the next page on.
        let from = new.next_multiple_of(PAGE);
        if from < old {
            // SAFETY: it lies below the old break, and is nobody's any more.
            unsafe { self.start.add(from).write_bytes(0, old - from) };
        }
        // SAFETY: the break stays inside the region.
        Some(unsafe { self.start.add(old) })
    }
}

/// What moves a real break goes into the kernel and comes back. Without that, a
/// heap that moves it with each block would pass for a fast one.
fn visit_the_kernel() {
    #[cfg(unix)]
    // SAFETY: it asks for a number. (No C library keeps this one.)
    unsafe {
        libc::getppid();
    }
}

/// The bytes of a page.
const PAGE: usize = 4096;

/// A heap that never uses memory twice rises no further than this: all that is
/// asked for, with something for headers, padding and steps.
fn bound(events: &[Event]) -> usize {
    let sizes = events.iter().map(|event| match event.what {
        What::Allocate { size, align } => {
            let align = align.unwrap_or(16).saturating_mul(2);
            size.saturating_add(align).saturating_add(64)
        }
        What::Resize { size, .. } => size.saturating_add(64),
        What::Free { .. } => 0,
    });
    bytes(sizes.fold(4 << 20, u64::saturating_add))
}

fn bytes(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

/// A block, and what `free` wants for it: more than itself, if the heap has no
/// `memalign` of its own.
#[derive(Clone, Copy)]
struct Block {
    payload: *mut u8,
    base: *mut u8,
    size: usize,
}

impl Block {
    /// A new one. Null if there is none.
    #[inline]
    fn new(
        heap: &mut impl Allocator,
        size: usize,
        align: Option<usize>,
    ) -> Self {
        let align = align.filter(|&align| align > 16);
        let base = match align {
            None => heap.malloc(size),
            Some(align) => match heap.memalign(align, size) {
                Some(payload) => payload,
                None => return Self::made_up(heap, size, align),
            },
        };
        Self { payload: base, base, size }
    }

    /// An aligned one, inside one that is large enough.
    fn made_up(heap: &mut impl Allocator, size: usize, align: usize) -> Self {
        let base = heap.malloc(size + align);
        let up = |addr: usize| match addr {
            0 => 0,
            addr => addr.next_multiple_of(align),
        };
        Self { payload: base.map_addr(up), base, size }
    }

    /// The same with another size. The new one has a null payload if there is
    /// no memory for it.
    ///
    /// # Safety
    ///
    /// It is alive, and nobody else uses it.
    #[inline]
    unsafe fn resized(self, heap: &mut impl Allocator, size: usize) -> Self {
        if self.payload == self.base {
            // SAFETY: the caller's promise.
            let there = unsafe { heap.realloc(self.payload, size) };
            if let Some(payload) = there {
                return Self { payload, base: payload, size };
            }
        }
        let new = Self::new(heap, size, None);
        if !new.payload.is_null() {
            let both = size.min(self.size);
            // SAFETY: both blocks have so many bytes, and the old one is not
            // used any more.
            unsafe {
                self.payload.copy_to(new.payload, both);
                heap.free(self.base);
            }
        }
        new
    }
}
