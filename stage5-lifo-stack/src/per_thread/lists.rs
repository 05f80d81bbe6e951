//! Lists of free chunks by size.

use core::array;
use core::ptr;

use super::atomic::{AtomicPtr, Ordering};
use super::record::{ALIGN, LISTED, in_this_order, look, set_state};

/// How many lists there are: as many as an integer has bits.
const CLASSES: usize = 128;

/// The lists below this are for one size each.
pub(super) const EXACT: usize = 64;

/// Free chunks of one size, or of sizes between two borders.
pub(super) struct List {
    /// The first of them, or null. Each starts with a pointer to the next.
    first: AtomicPtr<u8>,
    /// How many there are.
    length: u32,
    /// How many there were at most since the last sweep.
    most: u32,
}

/// All lists of a thread.
pub(super) struct Lists {
    lists: [List; CLASSES],
    /// A bit for each list on which something was, and may be still.
    filled: u128,
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
        let list = |_| List {
            first: AtomicPtr::new(ptr::null_mut()),
            length: 0,
            most: 0,
        };
        Self { lists: array::from_fn(list), filled: 0 }
    }

    /// Takes a chunk of exactly `size` bytes, with its record, which are less
    /// than a list of one size has.
    #[inline(always)]
    pub(super) fn take(&mut self, size: usize) -> Option<*mut u8> {
        let list = self.lists.get_mut(size / ALIGN)?;
        let chunk = list.first.load(Ordering::Relaxed);
        if chunk.is_null() {
            return None;
        }
        // SAFETY: what is on a list is a free chunk, and ours.
        unsafe {
            let next = chunk.cast::<*mut u8>().read();
            list.first.store(next, Ordering::Release);
            set_state(chunk, size, 0);
        }
        list.length -= 1;
        Some(chunk)
    }

    /// How many chunks the list of this class has.
    pub(super) fn length(&self, class: usize) -> usize {
        self.lists[class].length as usize
    }

    /// The chunks of a class, the last that came first.
    pub(super) fn chunks(&self, class: usize) -> impl Iterator<Item = *mut u8> {
        let mut next = self.lists[class].first.load(Ordering::Relaxed);
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

    /// Puts a chunk on the list of its size, and says whether the list has more
    /// now than ever since the last sweep. If its owner stops in the middle, the
    /// chunk is on no list, and is lost. Nothing else is.
    ///
    /// # Safety
    ///
    /// `chunk` is a chunk of `size` bytes with its record, from a pointer that
    /// reaches it, and nobody uses it.
    pub(super) unsafe fn put(&mut self, chunk: *mut u8, size: usize) -> bool {
        let class = class(size);
        let list = &mut self.lists[class];
        let first = list.first.load(Ordering::Relaxed);
        // The chunk is whole before it is free.
        in_this_order();
        // SAFETY: nobody uses the chunk, and the smallest has room for a
        // pointer.
        unsafe {
            chunk.cast::<*mut u8>().write(first);
            set_state(chunk, size, LISTED);
        }
        list.first.store(chunk, Ordering::Release);
        list.length += 1;
        let is_more = list.length > list.most;
        list.most = list.most.max(list.length);
        if first.is_null() {
            self.filled |= 1 << class;
        }
        is_more
    }

    /// Begins to count anew how many chunks a list has at most.
    pub(super) fn forget_most(&mut self) {
        for list in &mut self.lists {
            list.most = list.length;
        }
    }

    /// Takes the first chunk of a class, which is free and on no list then.
    pub(super) fn take_first(&mut self, class: usize) -> Option<*mut u8> {
        let list = &mut self.lists[class];
        let chunk = list.first.load(Ordering::Relaxed);
        if chunk.is_null() {
            self.filled &= !(1 << class);
            return None;
        }
        // SAFETY: a chunk on a list starts with a pointer to the next one.
        let next = unsafe { chunk.cast::<*mut u8>().read() };
        list.first.store(next, Ordering::Release);
        list.length -= 1;
        Some(chunk)
    }

    /// Takes a chunk of at least `size` bytes: of its own class one of the
    /// first that come, or else the first of the next class that has one.
    pub(super) fn take_fitting(&mut self, size: usize) -> Option<*mut u8> {
        let class = class(size);
        if class >= EXACT
            && let Some(chunk) = self.take_among_first(class, size)
        {
            return Some(chunk);
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

    /// How far `take_fitting` looks in a class with several sizes.
    const FIRST: usize = 8;

    fn take_among_first(
        &mut self,
        class: usize,
        size: usize,
    ) -> Option<*mut u8> {
        let list = &mut self.lists[class];
        let mut before: *mut u8 = ptr::null_mut();
        let mut chunk = list.first.load(Ordering::Relaxed);
        for _ in 0..Self::FIRST {
            if chunk.is_null() {
                return None;
            }
            // SAFETY: they are chunks on a list, and start with a pointer.
            unsafe {
                let next = chunk.cast::<*mut u8>().read();
                if look(chunk).0 >= size {
                    if before.is_null() {
                        list.first.store(next, Ordering::Release);
                    } else {
                        before.cast::<*mut u8>().write(next);
                    }
                    list.length -= 1;
                    return Some(chunk);
                }
                (before, chunk) = (chunk, next);
            }
        }
        None
    }

    /// Takes something off some list, until there is nothing.
    pub(super) fn take_any(&mut self) -> Option<*mut u8> {
        while self.filled != 0 {
            let class = self.filled.trailing_zeros() as usize;
            if let Some(chunk) = self.take_first(class) {
                return Some(chunk);
            }
        }
        None
    }

    /// Counts again, where an owner has stopped in the middle.
    pub(super) fn repair(&mut self) {
        for class in 0..CLASSES {
            let count = self.chunks(class).count();
            self.lists[class].length = count as u32;
            if count > 0 {
                self.filled |= 1 << class;
            }
        }
    }
}
