//! Lists of free chunks by size.

use core::array;
use core::ptr;

use super::atomic::{AtomicPtr, Ordering};
use super::record::{
    ALIGN, LISTED, in_this_order, look, set, set_below, set_state,
};

/// How many lists there are: as many as an integer has bits.
const CLASSES: usize = 128;

/// The lists below this are for one size each.
pub(super) const EXACT: usize = 64;

/// All lists of a thread. On each are free chunks of one size, or of sizes
/// between two borders.
pub(super) struct Lists {
    /// The first chunk of each list, or null. Each starts with a pointer to the
    /// next.
    first: [AtomicPtr<u8>; CLASSES],
    /// A bit for each list on which something was, and may be still.
    filled: u128,
    /// What is left of a chunk from which others were cut, or null. It is on no
    /// list: the next ones are cut from it.
    hand: AtomicPtr<u8>,
    /// Bytes of chunks that were freed since the last sweep, less those that
    /// were taken again whole.
    pub(super) freed: isize,
}

/// Which list a chunk of `size` bytes, with its record, goes to.
#[inline(always)]
pub(super) fn class(size: usize) -> usize {
    if size < EXACT * ALIGN {
        return size / ALIGN;
    }
    // Four to each doubling.
    let doublings = size.ilog2() as usize;
    let quarter = size >> (doublings - 2) & 3;
    EXACT + 4 * (doublings - 10) + quarter
}

impl Lists {
    pub(super) fn new() -> Self {
        let first = array::from_fn(|_| AtomicPtr::new(ptr::null_mut()));
        let hand = AtomicPtr::new(ptr::null_mut());
        Self { first, filled: 0, hand, freed: 0 }
    }

    /// Takes a chunk of exactly `size` bytes, with its record, which are less
    /// than a list of one size has.
    #[inline(always)]
    pub(super) fn take(&mut self, size: usize) -> Option<*mut u8> {
        let first = self.first.get(size / ALIGN)?;
        let chunk = first.load(Ordering::Relaxed);
        if chunk.is_null() {
            return None;
        }
        // SAFETY: what is on a list is a free chunk, and ours.
        unsafe {
            let next = chunk.cast::<*mut u8>().read();
            first.store(next, Ordering::Release);
            set_state(chunk, size, 0);
        }
        self.freed -= size as isize;
        Some(chunk)
    }

    /// The chunks of a class, the last that came first.
    pub(super) fn chunks(&self, class: usize) -> impl Iterator<Item = *mut u8> {
        let mut next = self.first[class].load(Ordering::Relaxed);
        core::iter::from_fn(move || {
            let chunk = next;
            if chunk.is_null() {
                return None;
            }
            // SAFETY: a chunk on a list starts with a pointer to the next one.
            next = unsafe { chunk.cast::<*mut u8>().read() };
            Some(chunk)
        })
    }

    /// Puts a chunk on the list of its size. If its owner stops in the middle,
    /// the chunk is on no list, until a sweep finds it.
    ///
    /// # Safety
    ///
    /// `chunk` is a chunk of `size` bytes with its record, from a pointer that
    /// reaches it, and nobody uses it.
    #[inline(always)]
    pub(super) unsafe fn put(&mut self, chunk: *mut u8, size: usize) {
        let class = class(size);
        let list = &self.first[class];
        let first = list.load(Ordering::Relaxed);
        // The chunk is whole before it is free.
        in_this_order();
        // SAFETY: nobody uses the chunk, and the smallest has room for a
        // pointer.
        unsafe {
            chunk.cast::<*mut u8>().write(first);
            set_state(chunk, size, LISTED);
        }
        list.store(chunk, Ordering::Release);
        if first.is_null() {
            self.filled |= 1 << class;
        }
    }

    /// Forgets all chunks. They stay free.
    pub(super) fn clear(&mut self) {
        for first in self.first.iter().chain([&self.hand]) {
            first.store(ptr::null_mut(), Ordering::Release);
        }
        (self.filled, self.freed) = (0, 0);
    }

    /// Takes the first chunk of a class, which is free and on no list then.
    fn take_first(&mut self, class: usize) -> Option<*mut u8> {
        let list = &self.first[class];
        let chunk = list.load(Ordering::Relaxed);
        if chunk.is_null() {
            self.filled &= !(1 << class);
            return None;
        }
        // SAFETY: a chunk on a list starts with a pointer to the next one.
        let next = unsafe { chunk.cast::<*mut u8>().read() };
        list.store(next, Ordering::Release);
        Some(chunk)
    }

    /// Takes a chunk of `size` bytes from one that is larger. What is left
    /// stays in hand.
    pub(super) fn cut(&mut self, size: usize) -> Option<*mut u8> {
        let chunk = self.take_fitting(size)?;
        // SAFETY: it is a free chunk, and ours.
        unsafe {
            let (all, _) = look(chunk);
            if all > size {
                let rest = self.split(chunk, all, size);
                self.take_in_hand(rest, all - size);
            } else {
                set_state(chunk, size, 0);
                self.freed -= size as isize;
            }
        }
        Some(chunk)
    }

    /// Makes two chunks of one of `all` bytes: one of `size` bytes that is in
    /// use, and one that is free, and returns where that is.
    ///
    /// Whoever comes from below finds one chunk until the second is whole, and
    /// whoever comes from above stops at the second.
    ///
    /// # Safety
    ///
    /// `chunk` is a chunk of our stack but not the top, and nobody uses what is
    /// above the first `size` bytes.
    unsafe fn split(
        &mut self,
        chunk: *mut u8,
        all: usize,
        size: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe {
            let rest = chunk.add(size);
            set(rest, all - size, LISTED);
            set_below(rest, size);
            in_this_order();
            set_state(chunk, size, 0);
            rest
        }
    }

    /// Takes the rest of a chunk in hand, or what is there already if that is
    /// larger. The other goes to a list.
    ///
    /// # Safety
    ///
    /// As for `put`.
    unsafe fn take_in_hand(&mut self, rest: *mut u8, size: usize) {
        let before = self.in_hand();
        // SAFETY: as the caller promises; what is in hand is free, and ours.
        unsafe {
            if before.is_some_and(|hand| size < look(hand).0) {
                self.put(rest, size);
                return;
            }
            self.hand.store(rest, Ordering::Release);
            if let Some(hand) = before {
                self.put(hand, look(hand).0);
            }
        }
    }

    /// What is in hand.
    pub(super) fn in_hand(&self) -> Option<*mut u8> {
        let hand = self.hand.load(Ordering::Relaxed);
        (!hand.is_null()).then_some(hand)
    }

    /// Takes what is in hand, if it has at least `size` bytes.
    fn take_hand(&mut self, size: usize) -> Option<*mut u8> {
        let hand = self.in_hand()?;
        // SAFETY: it is a chunk.
        let (all, _) = unsafe { look(hand) };
        if all < size {
            return None;
        }
        self.hand.store(ptr::null_mut(), Ordering::Release);
        in_this_order();
        Some(hand)
    }

    /// Takes a chunk of at least `size` bytes: of its own class one of the
    /// first that come, or else what is in hand, or the first of the next class
    /// that has one.
    fn take_fitting(&mut self, size: usize) -> Option<*mut u8> {
        let class = class(size);
        if class >= EXACT
            && let Some(chunk) = self.take_among_first(class, size)
        {
            return Some(chunk);
        }
        if let Some(hand) = self.take_hand(size) {
            return Some(hand);
        }
        loop {
            let above = self.filled >> class >> 1;
            if above == 0 {
                return None;
            }
            let next = class + 1 + above.trailing_zeros() as usize;
            if let Some(chunk) = self.take_first(next) {
                return Some(chunk);
            }
        }
    }

    /// Gives a chunk of `old` bytes more of what is in hand, if that lies just
    /// above and is enough.
    ///
    /// # Safety
    ///
    /// `chunk` is a chunk of our stack.
    pub(super) unsafe fn lengthen(
        &mut self,
        chunk: *mut u8,
        old: usize,
        size: usize,
    ) -> Option<()> {
        if self.hand.load(Ordering::Relaxed) != chunk.wrapping_add(old) {
            return None;
        }
        let hand = self.take_hand(size - old)?;
        // SAFETY: what was in hand is nobody's now, and ends where the chunk
        // will end, or above.
        unsafe {
            let all = old + look(hand).0;
            if all > size {
                let rest = self.split(chunk, all, size);
                self.take_in_hand(rest, all - size);
            } else {
                set_below(chunk.add(size), size);
                in_this_order();
                set_state(chunk, size, 0);
            }
        }
        Some(())
    }

    /// Frees what is above the first `size` bytes of a chunk of `all` bytes.
    ///
    /// # Safety
    ///
    /// As for `split`.
    pub(super) unsafe fn shorten(
        &mut self,
        chunk: *mut u8,
        all: usize,
        size: usize,
    ) {
        // SAFETY: as the caller promises.
        unsafe {
            let rest = self.split(chunk, all, size);
            self.put(rest, all - size);
        }
    }

    /// How far `take_fitting` looks in a class with several sizes.
    const FIRST: usize = 8;

    fn take_among_first(
        &mut self,
        class: usize,
        size: usize,
    ) -> Option<*mut u8> {
        let list = &self.first[class];
        let mut before: *mut u8 = ptr::null_mut();
        let mut chunk = list.load(Ordering::Relaxed);
        for _ in 0..Self::FIRST {
            if chunk.is_null() {
                return None;
            }
            // SAFETY: they are chunks on a list, and start with a pointer.
            unsafe {
                let next = chunk.cast::<*mut u8>().read();
                if look(chunk).0 >= size {
                    if before.is_null() {
                        list.store(next, Ordering::Release);
                    } else {
                        before.cast::<*mut u8>().write(next);
                    }
                    return Some(chunk);
                }
                (before, chunk) = (chunk, next);
            }
        }
        None
    }

    /// Counts again, where an owner has stopped in the middle.
    pub(super) fn repair(&mut self) {
        for class in 0..CLASSES {
            if self.chunks(class).next().is_some() {
                self.filled |= 1 << class;
            }
        }
    }
}
