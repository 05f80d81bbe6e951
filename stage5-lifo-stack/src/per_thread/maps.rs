//! Memory from the system, and a table of what was mapped: see mmap(2).

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

use super::segment::{Mapping, Mmap};
use super::table::{Leaf, Table, UNIT};

/// The memory of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Maps;

/// Where our memory lies.
static TABLE: Table = Table::new();

/// Where the next segment might go: below the one that was mapped last, or
/// where one was given back. It is a wish.
static NEXT: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());

/// How many bytes a segment has: as many as a huge page, on most machines.
const SEGMENT: usize = 1 << 21;

// SAFETY: the system gives mapped memory to nobody else, zeroed, and the table
// holds what was noted.
unsafe impl Mmap for Maps {
    const SEGMENT: usize = SEGMENT;
    const UNIT: usize = UNIT;

    fn page(&self) -> usize {
        // SAFETY: sysconf(3) reads a number.
        unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
    }

    fn map(&mut self, len: usize, align: usize) -> Option<NonNull<u8>> {
        if align <= self.page() {
            return map(ptr::null_mut(), len);
        }
        let start = map(NEXT.load(Ordering::Relaxed), len)?;
        let start = if start.addr().get().is_multiple_of(align) {
            start
        } else {
            // SAFETY: it was mapped a moment ago.
            unsafe { unmap(start, len) };
            map_aligned(len, align)?
        };
        let next = start.as_ptr().wrapping_sub(len.next_multiple_of(align));
        NEXT.store(next, Ordering::Relaxed);
        Some(start)
    }

    unsafe fn unmap(&mut self, start: NonNull<u8>, len: usize) {
        // SAFETY: as the caller promises.
        unsafe { unmap(start, len) };
        if len == SEGMENT {
            NEXT.store(start.as_ptr(), Ordering::Relaxed);
        }
    }

    unsafe fn remap(
        &mut self,
        start: NonNull<u8>,
        len: usize,
        new_len: usize,
    ) -> Option<NonNull<u8>> {
        let remap = |flags| {
            // SAFETY: as the caller promises.
            let moved = unsafe {
                libc::mremap(start.as_ptr().cast(), len, new_len, flags)
            };
            NonNull::new(moved.cast::<u8>())
                .filter(|_| moved != libc::MAP_FAILED)
        };
        if let Some(same) = remap(0) {
            return Some(same);
        }
        // The note must not fail when the block has moved.
        let leaf = new_leaf()?;
        let moved = remap(libc::MREMAP_MAYMOVE);
        add_or_drop(moved.unwrap_or(start).addr().get(), leaf);
        moved
    }

    unsafe fn drop_pages(&mut self, start: *mut u8, len: usize) {
        let page = self.page();
        let from = start.addr().next_multiple_of(page) - start.addr();
        let to = (start.addr() + len) / page * page - start.addr();
        if to > from {
            // SAFETY: the pages lie in what the caller speaks of.
            keep_errno(|| unsafe {
                let pages = start.add(from).cast();
                libc::madvise(pages, to - from, libc::MADV_DONTNEED);
            });
        }
    }

    fn use_huge_pages(&mut self, start: NonNull<u8>, len: usize) {
        // SAFETY: it changes nothing that a program could see. A system that
        // has none refuses.
        keep_errno(|| unsafe {
            libc::madvise(start.as_ptr().cast(), len, libc::MADV_HUGEPAGE);
        });
    }

    fn note(
        &mut self,
        start: *mut u8,
        len: usize,
        mapping: *mut Mapping,
    ) -> Option<()> {
        for unit in 0..len.div_ceil(UNIT) {
            let address = start.addr() + unit * UNIT;
            if TABLE.leaf(address).is_none() {
                if mapping.is_null() {
                    continue;
                }
                add_or_drop(address, new_leaf()?);
            }
            TABLE.set(address, mapping);
        }
        Some(())
    }

    fn mapping_at(&self, address: *mut u8) -> *mut Mapping {
        TABLE.get(address.addr())
    }
}

/// Maps `len` bytes, if possible at `wish`.
fn map(wish: *mut u8, len: usize) -> Option<NonNull<u8>> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping, where nothing was mapped.
    let start =
        unsafe { libc::mmap(wish.cast(), len, protection, flags, -1, 0) };
    NonNull::new(start.cast()).filter(|_| start != libc::MAP_FAILED)
}

/// Maps more than `len` bytes, and gives back what lies in front of a multiple
/// of `align` and behind.
fn map_aligned(len: usize, align: usize) -> Option<NonNull<u8>> {
    let all = map(ptr::null_mut(), len + align)?;
    let before = all.addr().get().next_multiple_of(align) - all.addr().get();
    // SAFETY: they are whole pages of what was mapped a moment ago.
    unsafe {
        let start = all.add(before);
        if before > 0 {
            unmap(all, before);
        }
        unmap(start.add(len), align - before);
        Some(start)
    }
}

/// # Safety
///
/// As for [`Mmap::unmap`].
unsafe fn unmap(start: NonNull<u8>, len: usize) {
    let start = start.as_ptr().cast();
    // SAFETY: as the caller promises.
    keep_errno(|| unsafe {
        if libc::munmap(start, len) != 0 {
            // There are too many mappings to make two of one: see munmap(2).
            // The address space stays, but the memory goes.
            libc::madvise(start, len, libc::MADV_DONTNEED);
        }
    });
}

/// Does something, and leaves this thread's `errno` as it was: `free` must.
fn keep_errno(action: impl FnOnce()) {
    // SAFETY: it points to this thread's `errno`.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        action();
        *errno = before;
    }
}

/// Memory for a part of the table.
fn new_leaf() -> Option<NonNull<Leaf>> {
    Some(map(ptr::null_mut(), size_of::<Leaf>())?.cast())
}

/// Adds a part of the table, if it is not there.
fn add_or_drop(address: usize, leaf: NonNull<Leaf>) {
    // SAFETY: it was mapped for this, and stays or is nobody's.
    unsafe {
        if !TABLE.add(address, leaf.as_ptr()) {
            unmap(leaf.cast(), size_of::<Leaf>());
        }
    }
}

/// Where everything lies that the stacks of all threads have, and large blocks:
/// the start and the bytes of each mapping. (Others may map and unmap
/// meanwhile, so this is for a program with one thread.)
pub fn mappings() -> impl Iterator<Item = (*mut u8, usize)> {
    // SAFETY: a mapping that is noted begins with its length.
    TABLE.mappings().map(|it| (it.cast(), unsafe { (*it).len }))
}
