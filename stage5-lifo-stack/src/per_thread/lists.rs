//! Lists of free chunks by size.

use core::array;
use core::mem;
use core::ptr;

use super::atomic::{AtomicPtr, Ordering};
use super::record::{
    ALIGN, LISTED, in_this_order, look, set, set_below, set_state,
};

/// How many lists there are.
const CLASSES: usize = 192;

/// The lists below this are for one size each.
pub(super) const EXACT: usize = 128;

/// Small chunks are cut off a larger one several at a time, a batch, as many as
/// fit into so many bytes.
const BATCH: usize = 512;

/// All lists of a thread. On each are free chunks of one size, or of sizes
/// between two borders.
pub(super) struct Lists {
    /// The first chunk of each list, or null. Each starts with a pointer to the
    /// next.
    first: [AtomicPtr<u8>; CLASSES],
    /// A bit for each list on which something was, and may be still.
    filled: [u64; CLASSES / 64],
    /// What is left of a chunk from which others were cut, or null. It is on no
    /// list: the next ones are cut from it.
    hand: AtomicPtr<u8>,
    /// How many bytes that has. Its record says so too, but may have left the
    /// processor's cache.
    hand_size: usize,
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
    // Eight to each doubling. What is larger than any block has the last.
    let doublings = size.ilog2() as usize;
    let eighth = size >> (doublings - 3) & 7;
    (EXACT + 8 * (doublings - 11) + eighth).min(CLASSES - 1)
}

/// With how many bytes the chunks of a list begin that are all large enough for
/// `size` bytes.
#[inline(always)]
pub(super) fn rounded(size: usize) -> usize {
    if size < EXACT * ALIGN {
        return size;
    }
    size.next_multiple_of(1 << (size.ilog2() - 3))
}

impl Lists {
    pub(super) fn new() -> Self {
        let first = array::from_fn(|_| AtomicPtr::new(ptr::null_mut()));
        let hand = AtomicPtr::new(ptr::null_mut());
        Self { first, filled: [0; CLASSES / 64], hand, hand_size: 0, freed: 0 }
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
            self.set_filled(class);
        }
    }

    /// Forgets all chunks. They stay free.
    pub(super) fn clear(&mut self) {
        for first in self.first.iter().chain([&self.hand]) {
            first.store(ptr::null_mut(), Ordering::Release);
        }
        self.filled = [0; CLASSES / 64];
        (self.hand_size, self.freed) = (0, 0);
    }

    /// Takes the first chunk of a class, which is free and on no list then.
    fn take_first(&mut self, class: usize) -> Option<*mut u8> {
        let list = &self.first[class];
        let chunk = list.load(Ordering::Relaxed);
        if chunk.is_null() {
            self.filled[class / 64] &= !(1 << (class % 64));
            return None;
        }
        // SAFETY: a chunk on a list starts with a pointer to the next one.
        let next = unsafe { chunk.cast::<*mut u8>().read() };
        list.store(next, Ordering::Release);
        Some(chunk)
    }

    /// Takes the first chunk of a class, with all the bytes that it has.
    pub(super) fn take_whole(&mut self, class: usize) -> Option<*mut u8> {
        let chunk = self.take_first(class)?;
        // SAFETY: it is a free chunk, and ours.
        unsafe { self.use_whole(chunk) };
        Some(chunk)
    }

    /// # Safety
    ///
    /// `chunk` is a free chunk of our stack, and on no list.
    unsafe fn use_whole(&mut self, chunk: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe {
            let (all, _) = look(chunk);
            set_state(chunk, all, 0);
            self.freed -= all as isize;
        }
    }

    /// Takes a chunk of `size` bytes from one that is larger. The list of its
    /// class is empty.
    pub(super) fn cut(&mut self, class: usize, size: usize) -> Option<*mut u8> {
        let (chunk, all) = self.take_larger(class, size)?;
        // SAFETY: it is a free chunk of so many bytes, and ours.
        unsafe {
            if all > size {
                self.split_batch(chunk, all, size, class);
            } else {
                self.use_whole(chunk);
            }
        }
        Some(chunk)
    }

    /// Makes a batch of chunks of one of `all` bytes. Each has `size` bytes: the
    /// lowest is in use, the others are on their list. What is left is in hand.
    ///
    /// Whoever comes from below finds one chunk until the others are whole, and
    /// whoever comes from above stops at the last.
    ///
    /// # Safety
    ///
    /// As for `split`. The list of this class is empty.
    unsafe fn split_batch(
        &mut self,
        chunk: *mut u8,
        all: usize,
        size: usize,
        class: usize,
    ) {
        // SAFETY: as the caller promises.
        unsafe {
            let first = chunk.add(size);
            let end = chunk.addr() + all.min(BATCH);
            let (mut next, mut left) = (first, all - size);
            while next.addr() + size <= end {
                next.cast::<*mut u8>().write(next.add(size));
                set(next, size, LISTED);
                (next, left) = (next.add(size), left - size);
            }
            if left > 0 {
                set(next, left, LISTED);
            }
            set_below(first, size);
            in_this_order();
            set_state(chunk, size, 0);
            if next > first {
                next.sub(size).cast::<*mut u8>().write(ptr::null_mut());
                self.first[class].store(first, Ordering::Release);
                self.set_filled(class);
                self.freed += (next.addr() - first.addr()) as isize;
            }
            if left > 0 {
                self.take_in_hand(next, left);
            }
        }
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
        let before = self.hand.load(Ordering::Relaxed);
        // SAFETY: as the caller promises; what is in hand is free, and ours.
        unsafe {
            if size < self.hand_size {
                self.put(rest, size);
                return;
            }
            self.hand.store(rest, Ordering::Release);
            if !before.is_null() {
                self.put(before, self.hand_size);
            }
        }
        self.hand_size = size;
    }

    /// What is in hand.
    pub(super) fn in_hand(&self) -> Option<*mut u8> {
        let hand = self.hand.load(Ordering::Relaxed);
        (!hand.is_null()).then_some(hand)
    }

    /// Takes what is in hand, if it has at least `size` bytes, and says how many
    /// it has.
    fn take_hand(&mut self, size: usize) -> Option<(*mut u8, usize)> {
        if self.hand_size < size {
            return None;
        }
        let hand = self.hand.load(Ordering::Relaxed);
        self.hand.store(ptr::null_mut(), Ordering::Release);
        in_this_order();
        Some((hand, mem::take(&mut self.hand_size)))
    }

    /// Takes a chunk of at least `size` bytes: what is in hand, or the first of
    /// the next class that has one. Says how many bytes it has.
    fn take_larger(
        &mut self,
        class: usize,
        size: usize,
    ) -> Option<(*mut u8, usize)> {
        if let Some(hand) = self.take_hand(size) {
            return Some(hand);
        }
        let mut next = class;
        loop {
            next = self.next_filled(next + 1)?;
            if let Some(chunk) = self.take_first(next) {
                // SAFETY: it is a chunk.
                return Some((chunk, unsafe { look(chunk).0 }));
            }
        }
    }

    #[inline(always)]
    fn set_filled(&mut self, class: usize) {
        self.filled[class / 64] |= 1 << (class % 64);
    }

    /// The first class that has a bit, from this one on.
    fn next_filled(&self, class: usize) -> Option<usize> {
        let mut word = class / 64;
        let mut bits = self.filled.get(word)? & (!0 << (class % 64));
        while bits == 0 {
            word += 1;
            bits = *self.filled.get(word)?;
        }
        Some(64 * word + bits.trailing_zeros() as usize)
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
        let (_, more) = self.take_hand(size - old)?;
        // SAFETY: what was in hand is nobody's now, and ends where the chunk
        // will end, or above.
        unsafe {
            let all = old + more;
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

    /// Counts again, where an owner has stopped in the middle.
    pub(super) fn repair(&mut self) {
        self.hand_size = match self.in_hand() {
            // SAFETY: it is a chunk.
            Some(hand) => unsafe { look(hand).0 },
            None => 0,
        };
        for class in 0..CLASSES {
            if self.chunks(class).next().is_some() {
                self.set_filled(class);
            }
        }
    }
}
