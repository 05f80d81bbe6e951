//! Stage 2 as a C library: put it in front of a program, and the program's
//! memory comes from [`Heap`].
//!
//! ```text
//! cargo build --example malloc2
//! LD_PRELOAD=target/debug/examples/libmalloc2.so ls -l
//! ```
//!
//! These are the names that glibc's manual asks for in "Replacing malloc".

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::ptr;

use stage2_headers::{Heap, ProcessBrk};

struct OneThread(UnsafeCell<Heap<ProcessBrk>>);

// SAFETY: none. This is a lie: it says that threads may share the heap, and
// two of them in `malloc` can be given the same block. Programs with one
// thread are safe.
unsafe impl Sync for OneThread {}

static HEAP: OneThread = OneThread(UnsafeCell::new(Heap::new(
    // SAFETY: this library takes the place of the C library's `malloc`, so
    // nobody else moves the break. (With threads: see `OneThread`.)
    unsafe { ProcessBrk::new() },
)));

/// # Safety
///
/// Nobody else is using the heap.
unsafe fn heap<'a>() -> &'a mut Heap<ProcessBrk> {
    // SAFETY: the caller promises that this is the only reference.
    unsafe { &mut *HEAP.0.get() }
}

fn errno() -> c_int {
    // SAFETY: it points to this thread's `errno`.
    unsafe { *libc::__errno_location() }
}

fn set_errno(error: c_int) {
    // SAFETY: it points to this thread's `errno`.
    unsafe { *libc::__errno_location() = error };
}

/// What C expects of a function that has no memory to give: null, and `ENOMEM`
/// in `errno`.
fn or_enomem(payload: *mut u8) -> *mut c_void {
    if payload.is_null() {
        set_errno(libc::ENOMEM);
    }
    payload.cast()
}

fn page_size() -> usize {
    // SAFETY: sysconf(3) reads a number.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// malloc(3)
#[unsafe(no_mangle)]
pub extern "C" fn malloc(size: usize) -> *mut c_void {
    // SAFETY: the program has one thread.
    or_enomem(unsafe { heap() }.malloc(size))
}

/// free(3): leaves `errno` alone.
///
/// # Safety
///
/// `payload` is null or comes from one of these functions, and is not used
/// any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(payload: *mut c_void) {
    let errno = errno();
    // SAFETY: the program has one thread; `payload` as the caller promises.
    unsafe { heap().free(payload.cast()) };
    set_errno(errno);
}

/// calloc(3)
#[unsafe(no_mangle)]
pub extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: the program has one thread.
    or_enomem(unsafe { heap() }.calloc(count, size))
}

/// realloc(3)
///
/// # Safety
///
/// `payload` is null or comes from one of these functions. If the result is
/// not null, it is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(
    payload: *mut c_void,
    size: usize,
) -> *mut c_void {
    // SAFETY: the program has one thread; `payload` as the caller promises.
    or_enomem(unsafe { heap().realloc(payload.cast(), size) })
}

/// memalign(3)
#[unsafe(no_mangle)]
pub extern "C" fn memalign(align: usize, size: usize) -> *mut c_void {
    if !align.is_power_of_two() {
        set_errno(libc::EINVAL);
        return ptr::null_mut();
    }
    // SAFETY: the program has one thread.
    or_enomem(unsafe { heap() }.memalign(align, size))
}

/// aligned_alloc(3)
#[unsafe(no_mangle)]
pub extern "C" fn aligned_alloc(align: usize, size: usize) -> *mut c_void {
    memalign(align, size)
}

/// posix_memalign(3): returns the error and leaves `errno` alone.
///
/// # Safety
///
/// `out` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(
    out: *mut *mut c_void,
    align: usize,
    size: usize,
) -> c_int {
    if !align.is_power_of_two() || align < size_of::<*mut c_void>() {
        return libc::EINVAL;
    }
    let errno = errno();
    let payload = memalign(align, size);
    set_errno(errno);
    if payload.is_null() {
        return libc::ENOMEM;
    }
    // SAFETY: the caller promises that `out` may be written.
    unsafe { *out = payload };
    0
}

/// valloc(3)
#[unsafe(no_mangle)]
pub extern "C" fn valloc(size: usize) -> *mut c_void {
    memalign(page_size(), size)
}

/// pvalloc(3)
#[unsafe(no_mangle)]
pub extern "C" fn pvalloc(size: usize) -> *mut c_void {
    let page = page_size();
    match size.max(1).checked_next_multiple_of(page) {
        Some(whole_pages) => memalign(page, whole_pages),
        None => or_enomem(ptr::null_mut()),
    }
}

/// malloc_usable_size(3)
///
/// # Safety
///
/// `payload` is null or comes from one of these functions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_usable_size(payload: *mut c_void) -> usize {
    // SAFETY: the program has one thread; `payload` as the caller promises.
    unsafe { heap().usable_size(payload.cast()) }
}

/// This library's own Rust code has no heap: asking one of the functions above
/// from inside would never end. It does not ask, and if it did (a panic's
/// message would), this is where it stops.
struct NoHeap;

#[global_allocator]
static NO_HEAP: NoHeap = NoHeap;

// SAFETY: it returns no memory at all.
unsafe impl GlobalAlloc for NoHeap {
    unsafe fn alloc(&self, _layout: Layout) -> *mut u8 {
        let line = "malloc2: the allocator asked for memory itself\n";
        // SAFETY: `line` is as long as its length says; abort(3) ends it.
        unsafe {
            libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len());
            libc::abort()
        }
    }

    unsafe fn dealloc(&self, _block: *mut u8, _layout: Layout) {}
}
