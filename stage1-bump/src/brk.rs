//! The program break: the address at which the heap ends.
//!
//! Below the break memory is ours, above it is not. Moving it is all that the
//! kernel offers here, and all that the heaps of this workspace ask for.

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

/// The kernel gives and takes memory in pages: the addresses from a multiple of
/// the page's size to the next. No page has more bytes than this. (On some
/// kinds of machine the system chooses: 64 KiB is the most.)
pub const PAGE: usize =
    if cfg!(target_arch = "x86_64") { 4096 } else { 64 * 1024 };

/// The break could not be moved as far as was asked. It is where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

/// A break that one heap moves.
///
/// # Safety
///
/// A heap relies on what an implementation promises:
///
/// - `Ok(old)` says that the break stood at `old` and stands at
///   `old + increment` now. `Err` says that it has not moved.
/// - The `increment` bytes from `old` on are the caller's alone, to read and
///   to write, until the caller lowers the break below them.
/// - From the next multiple of [`PAGE`] on they are zero, however often the
///   break has been there. What is left of the page in which `old` lies need
///   not be: it may hold what somebody wrote when the break was higher.
/// - `old`, given another address, reaches every byte that earlier calls gave
///   to the caller: its provenance is the whole heap.
pub unsafe trait Brk {
    /// Moves the break by `increment` bytes and returns where it was before.
    ///
    /// Zero asks where the break is. The address has no promised alignment,
    /// and may be higher than the last call left it: others may have raised
    /// the break since.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if the break cannot go there.
    ///
    /// # Safety
    ///
    /// With a negative `increment` the bytes between the new break and the old
    /// are given back: all of them must be the caller's, and nobody may use
    /// them any more.
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, OutOfMemory>;
}

/// The break of this process, moved by the C library: see sbrk(2).
///
/// It is there on Linux with glibc. (musl refuses to move the break, macOS
/// imitates one, Windows has none.)
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[derive(Debug)]
pub struct ProcessBrk(());

#[cfg(all(target_os = "linux", target_env = "gnu"))]
impl ProcessBrk {
    /// The right to move this process's break.
    ///
    /// # Safety
    ///
    /// While the value lives, no other thread of the process moves the break,
    /// and nobody lowers it below what this value has given out. The C
    /// library's own `malloc` moves the break too: either ours stands in its
    /// place, or the process has one thread.
    pub const unsafe fn new() -> Self {
        Self(())
    }
}

// SAFETY: the kernel gives each byte below the break to this process. It takes
// away the pages that lie above the break as a whole, and what comes instead is
// zeroed when it is first touched. `new` demands that nobody else takes from us
// what is below.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
unsafe impl Brk for ProcessBrk {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, OutOfMemory> {
        // SAFETY: no other thread moves the break (`new`), and nobody uses the
        // bytes that a negative increment gives back (`Brk::sbrk`).
        let old = unsafe { libc::sbrk(increment) };
        // sbrk(2) fails with the pointer whose bits are all ones.
        if old.addr() == usize::MAX {
            return Err(OutOfMemory);
        }
        if increment < 0 {
            // The kernel leaves the break where it is when asked to go below
            // the start of the heap, and the C library calls that a success.
            // SAFETY: an increment of zero moves nothing.
            let new = unsafe { libc::sbrk(0) };
            if new.addr() != old.addr().wrapping_add_signed(increment) {
                return Err(OutOfMemory);
            }
        }
        NonNull::new(old.cast()).ok_or(OutOfMemory)
    }
}

/// A break over a borrowed buffer, for tests and figures.
///
/// It is stricter than a real one. What is left of a page is filled with
/// [`POISON`](Self::POISON), where a kernel would often give zeroes. It fails
/// when told to, counts how often it was moved, and can play another user of
/// the break.
#[derive(Debug)]
pub struct SimBrk<'a> {
    start: NonNull<u8>,
    len: usize,
    // The break, in bytes from `start`.
    used: usize,
    calls: usize,
    refusals: usize,
    // What somebody else has taken, from and to, in bytes from `start`.
    foreign: [(usize, usize); 8],
    foreign_len: usize,
    region: PhantomData<&'a mut [MaybeUninit<u8>]>,
}

impl<'a> SimBrk<'a> {
    /// Fills memory that is above the break, and is still there when it is
    /// taken, but for whole pages.
    pub const POISON: u8 = 0xDB;

    /// Fills memory that somebody else has taken.
    pub const FOREIGN: u8 = 0xF0;

    /// A break at the start of `region`, which can rise to its end.
    pub fn new(region: &'a mut [MaybeUninit<u8>]) -> Self {
        let mut brk = Self {
            start: NonNull::from(&mut *region).cast(),
            len: region.len(),
            used: 0,
            calls: 0,
            refusals: 0,
            foreign: [(0, 0); 8],
            foreign_len: 0,
            region: PhantomData,
        };
        brk.fill(0, brk.len, Self::POISON);
        brk
    }

    /// Where the region starts.
    pub fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// How far above the start of the region the break is, in bytes.
    pub fn used(&self) -> usize {
        self.used
    }

    /// How often the heap has asked to move the break, refused calls
    /// included. Asking where it is does not count.
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// Makes the next `calls` attempts to move the break fail.
    pub fn refuse(&mut self, calls: usize) {
        self.refusals = calls;
    }

    /// Raises the break by `bytes` as somebody else would, behind the heap's
    /// back, and fills what they took with [`FOREIGN`](Self::FOREIGN).
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if the region has no room left, or after eight times.
    pub fn somebody_else_takes(
        &mut self,
        bytes: usize,
    ) -> Result<(), OutOfMemory> {
        let entry =
            self.foreign.get_mut(self.foreign_len).ok_or(OutOfMemory)?;
        let from = self.used;
        if self.len - from < bytes {
            return Err(OutOfMemory);
        }
        let to = from + bytes;
        *entry = (from, to);
        self.foreign_len += 1;
        self.used = to;
        self.fill(from, to, Self::FOREIGN);
        Ok(())
    }

    /// Raises the break as [`somebody_else_takes`](Self::somebody_else_takes)
    /// does, and lowers it again to where it was. What they wrote stays there.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if the region has no room left.
    pub fn somebody_else_gives_back(
        &mut self,
        bytes: usize,
    ) -> Result<(), OutOfMemory> {
        if self.len - self.used < bytes {
            return Err(OutOfMemory);
        }
        self.fill(self.used, self.used + bytes, Self::FOREIGN);
        Ok(())
    }

    /// What somebody else has taken so far: from and to, in bytes from the
    /// start of the region.
    pub fn foreign(&self) -> &[(usize, usize)] {
        &self.foreign[..self.foreign_len]
    }

    /// Whether every byte that somebody else took is still as they left it.
    pub fn foreign_is_intact(&self) -> bool {
        self.foreign().iter().all(|&(from, to)| {
            (from..to).all(|at| {
                // SAFETY: what they took lies in the region, all of which is
                // written.
                let byte = unsafe { self.start.add(at).read() };
                byte == Self::FOREIGN
            })
        })
    }

    /// Where the first page starts that lies above the break as a whole, in
    /// bytes from the start of the region.
    fn next_page(&self) -> usize {
        let start = self.start.addr().get();
        (start + self.used).next_multiple_of(PAGE) - start
    }

    fn fill(&mut self, from: usize, to: usize, byte: u8) {
        // SAFETY: `from <= to <= len`, so these bytes lie in the region, which
        // `self` borrows.
        unsafe { self.start.add(from).write_bytes(byte, to - from) };
    }
}

// SAFETY: the region is borrowed for as long as the break lives, so its bytes
// are nobody else's; `fill` zeroes them from the next page on; all addresses
// come from `start`, which reaches the whole region.
unsafe impl Brk for SimBrk<'_> {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, OutOfMemory> {
        let old = self.used;
        if increment != 0 {
            self.calls += 1;
            if self.refusals > 0 {
                self.refusals -= 1;
                return Err(OutOfMemory);
            }
            let new = old.checked_add_signed(increment).ok_or(OutOfMemory)?;
            if new > self.len {
                return Err(OutOfMemory);
            }
            let page = self.next_page();
            if new < old {
                self.fill(new, old, Self::POISON);
            } else if new > page {
                self.fill(page, new, 0);
            }
            self.used = new;
        }
        // SAFETY: the break is never above the end of the region.
        Ok(unsafe { self.start.add(old) })
    }
}
