//! Counts how often the break is moved.
//!
//! Preloaded in front of one of our heaps, this library takes the name `sbrk`
//! and passes each call on to the C library, which has a second name for it.
//! A break of our own, in reserved address space, rises by mprotect(2), which
//! makes more of that space memory: so it takes the name `mprotect` too. And
//! the heap of a thread maps whole segments: so it takes `mmap` too, and counts
//! what is private, has no file, and is whole MiB long, if the environment
//! variable `MALLOC_COUNT_SEGMENTS` is set. (Other programs map such pieces
//! too: a compiler does.) When the process ends, it adds a line to the file that
//! `MALLOC_COUNT_FILE` names:
//!
//! ```text
//! process 123 moved the break 45 times, by 6789 bytes
//! ```
//!
//! Its code runs inside malloc, so it neither allocates nor panics. A process
//! that calls another program in its place (exec) leaves no line; the child of
//! a fork counts on from its parent's count.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use core::ffi::{c_char, c_int, c_void};
use core::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::Relaxed};

unsafe extern "C" {
    /// The C library's `sbrk`, by its other name.
    fn __sbrk(increment: isize) -> *mut c_void;
}

static CALLS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicIsize = AtomicIsize::new(0);
static SEGMENTS: AtomicUsize = AtomicUsize::new(0);
static SEGMENT_BYTES: AtomicIsize = AtomicIsize::new(0);

/// Moves the break as sbrk(2) does, and counts.
///
/// # Safety
///
/// As for sbrk(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sbrk(increment: isize) -> *mut c_void {
    // SAFETY: what the caller keeps, we keep.
    let old = unsafe { __sbrk(increment) };
    if increment != 0 {
        CALLS.fetch_add(1, Relaxed);
        if old.addr() != usize::MAX {
            BYTES.fetch_add(increment, Relaxed);
        }
    }
    old
}

/// Allows and forbids access as mprotect(2) does, and counts how often pages
/// become readable and writable.
///
/// # Safety
///
/// As for mprotect(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mprotect(
    start: *mut c_void,
    len: usize,
    access: c_int,
) -> c_int {
    // SAFETY: what the caller keeps, we keep.
    let result =
        unsafe { libc::syscall(libc::SYS_mprotect, start, len, access) };
    if access == libc::PROT_READ | libc::PROT_WRITE {
        CALLS.fetch_add(1, Relaxed);
        if result == 0 {
            BYTES.fetch_add(len.cast_signed(), Relaxed);
        }
    }
    result as c_int
}

/// Bytes of a segment, of which whole ones are counted.
const SEGMENT: usize = 1 << 20;

/// Maps memory as mmap(2) does, and counts segments.
///
/// # Safety
///
/// As for mmap(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap(
    start: *mut c_void,
    len: usize,
    access: c_int,
    flags: c_int,
    file: c_int,
    offset: libc::off_t,
) -> *mut c_void {
    // SAFETY: what the caller keeps, we keep.
    let result = unsafe {
        let number = libc::SYS_mmap;
        libc::syscall(number, start, len, access, flags, file, offset)
    };
    let is_memory = flags == libc::MAP_PRIVATE | libc::MAP_ANONYMOUS
        && access == libc::PROT_READ | libc::PROT_WRITE;
    if is_memory && len >= SEGMENT && len.is_multiple_of(SEGMENT) {
        SEGMENTS.fetch_add(1, Relaxed);
        if result != -1 {
            SEGMENT_BYTES.fetch_add(len.cast_signed(), Relaxed);
        }
    }
    core::ptr::with_exposed_provenance_mut(result.cast_unsigned() as usize)
}

/// The loader calls this at the very end. A handler of atexit(3) would be too
/// early: malloc is still in use when it runs.
#[used]
#[unsafe(link_section = ".fini_array")]
static AT_THE_END: extern "C" fn() = report;

extern "C" fn report() {
    // SAFETY: the name ends in a zero byte, and nothing changes the
    // environment at the end of a process.
    let file = unsafe { libc::getenv(c"MALLOC_COUNT_FILE".as_ptr()) };
    if file.is_null() {
        return;
    }
    // SAFETY: as above.
    if !unsafe { libc::getenv(c"MALLOC_COUNT_SEGMENTS".as_ptr()) }.is_null() {
        CALLS.fetch_add(SEGMENTS.load(Relaxed), Relaxed);
        BYTES.fetch_add(SEGMENT_BYTES.load(Relaxed), Relaxed);
    }
    let calls = CALLS.load(Relaxed);
    let times = if calls == 1 { c"time" } else { c"times" };
    let mut line = [0_u8; 128];
    // SAFETY: the arguments are what the format says; snprintf(3) writes no
    // more than it may, and needs no memory for this format.
    let len = unsafe {
        libc::snprintf(
            line.as_mut_ptr().cast(),
            line.len(),
            c"process %d moved the break %zu %s, by %zd bytes\n".as_ptr(),
            libc::getpid(),
            calls,
            times.as_ptr(),
            BYTES.load(Relaxed),
        )
    };
    let line = usize::try_from(len).ok().and_then(|len| line.get(..len));
    if let Some(line) = line {
        // SAFETY: `file` is a string of the environment.
        unsafe { append(file, line) };
    }
}

/// Adds `line` to the end of `file`, in one piece: other processes may add
/// theirs at the same time.
///
/// # Safety
///
/// `file` is a C string.
unsafe fn append(file: *const c_char, line: &[u8]) {
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND;
    // SAFETY: `file` is a C string, and `line` has that many bytes.
    unsafe {
        let fd = libc::open(file, flags, 0o644);
        if fd >= 0 {
            libc::write(fd, line.as_ptr().cast(), line.len());
            libc::close(fd);
        }
    }
}
