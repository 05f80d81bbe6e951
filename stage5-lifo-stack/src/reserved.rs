//! A break that only one heap can move, in address space of its own.
//!
//! Address space costs nothing: the kernel notes that it is taken. Memory is
//! what lies behind the part of it that has been used.

use core::ptr::{self, NonNull};

use crate::brk::{Brk, OutOfMemory};

/// How many bytes of address space a break takes, if the system lets it:
/// 64 GiB.
const SPACE: usize = 1 << 36;

/// Less than this is not worth having.
pub const LEAST: usize = 1 << 20;

/// A break in reserved address space: see mmap(2).
///
/// The break of the process belongs to the C library's `malloc` wherever that
/// is in use too. This one belongs to whoever has the value.
#[derive(Debug)]
pub struct ReservedBrk {
    /// Where the space starts. Null until the first call.
    start: *mut u8,
    /// Bytes of address space.
    len: usize,
    /// Bytes from `start` on that may be read and written: whole pages.
    open: usize,
    /// The break, in bytes from `start`.
    used: usize,
}

// SAFETY: what lies in the space is reached from `start` alone.
unsafe impl Send for ReservedBrk {}

impl ReservedBrk {
    /// A break that has no space yet. It takes some when it is first asked.
    pub const fn new() -> Self {
        Self { start: ptr::null_mut(), len: 0, open: 0, used: 0 }
    }

    /// Lets the first `used` bytes be read and written.
    fn open_to(&mut self, used: usize) -> Result<(), OutOfMemory> {
        let open = used.next_multiple_of(page_size());
        // SAFETY: what lies between is part of the space, and nobody uses it.
        let result = unsafe {
            libc::mprotect(
                self.start.add(self.open).cast(),
                open - self.open,
                libc::PROT_READ | libc::PROT_WRITE,
            )
        };
        if result != 0 {
            return Err(OutOfMemory);
        }
        self.open = open;
        Ok(())
    }

    /// Gives the memory between a lower break and the old one back, in whole
    /// pages. Its addresses stay ours.
    fn drop_memory(&mut self, new: usize, old: usize) {
        let [from, to] = [new, old].map(|at| at.next_multiple_of(page_size()));
        // SAFETY: it points to this thread's `errno`, which `free` must leave
        // as it was. The pages are part of the space, and nobody uses what
        // lies above the break.
        unsafe {
            let errno = libc::__errno_location();
            let before = *errno;
            let pages = self.start.add(from);
            let len = to - from;
            if libc::madvise(pages.cast(), len, libc::MADV_DONTNEED) != 0 {
                // The kernel keeps what is locked: see mlock(2). It has to be
                // zero when it comes again.
                pages.write_bytes(0, len);
                *errno = before;
            }
        }
    }
}

/// Takes address space, and returns where it starts and how many bytes it has:
/// at most `len`. If the system refuses, it is half as much, and half of that
/// (see `RLIMIT_AS` in getrlimit(2)).
///
/// # Errors
///
/// [`OutOfMemory`] if not even [`LEAST`] bytes can be had.
pub fn reserve(mut len: usize) -> Result<(*mut u8, usize), OutOfMemory> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    while len >= LEAST {
        // SAFETY: a new mapping, where nothing was mapped.
        let start = unsafe {
            libc::mmap(ptr::null_mut(), len, libc::PROT_NONE, flags, -1, 0)
        };
        if start != libc::MAP_FAILED {
            return Ok((start.cast(), len));
        }
        len /= 2;
    }
    Err(OutOfMemory)
}

impl Default for ReservedBrk {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for ReservedBrk {
    fn drop(&mut self) {
        if !self.start.is_null() {
            // SAFETY: `reserve` has mapped it, and its memory is the heap's,
            // whose break this was.
            unsafe { libc::munmap(self.start.cast(), self.len) };
        }
    }
}

// SAFETY: the space is nobody else's; pages of it above the break are zero, the
// new ones and those that `drop_memory` has had; all addresses come from
// `start`, which reaches the whole space.
unsafe impl Brk for ReservedBrk {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, OutOfMemory> {
        if self.start.is_null() {
            (self.start, self.len) = reserve(SPACE)?;
        }
        let old = self.used;
        let new = old
            .checked_add_signed(increment)
            .filter(|&new| new <= self.len)
            .ok_or(OutOfMemory)?;
        if new > self.open {
            self.open_to(new)?;
        }
        if new < old {
            self.drop_memory(new, old);
        }
        self.used = new;
        // SAFETY: the break is never above the end of the space.
        NonNull::new(unsafe { self.start.add(old) }).ok_or(OutOfMemory)
    }
}

/// Bytes of a page: not the same on all machines.
pub fn page_size() -> usize {
    // SAFETY: sysconf(3) reads a number.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}
