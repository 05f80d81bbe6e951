//! Stage 1 as a C library: put it in front of a program, and the program's
//! memory comes from [`Heap`].
//!
//! ```text
//! cargo build --example malloc1
//! LD_PRELOAD=target/debug/examples/libmalloc1.so ls -l
//! ```
//!
//! These are the names that glibc's manual asks for in "Replacing malloc".

#![cfg(all(target_os = "linux", target_env = "gnu"))]
// In release. What unwinds, as the dev profile does, needs std for it.
#![cfg_attr(panic = "abort", no_std)]

use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::ptr;

use stage1_bump::{Heap, ProcessBrk};

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

/// free(3)
///
/// # Safety
///
/// `payload` is null or comes from one of these functions, and is not used
/// any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(payload: *mut c_void) {
    // SAFETY: the program has one thread; `payload` as the caller promises.
    unsafe { heap().free(payload.cast()) };
}

/// calloc(3)
#[unsafe(no_mangle)]
pub extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: the program has one thread.
    or_enomem(unsafe { heap() }.calloc(count, size))
}

/// realloc(3): for 0 bytes the block is freed, and null is no error.
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
    if size == 0 && !payload.is_null() {
        // SAFETY: `payload` as the caller promises.
        unsafe { free(payload) };
        return ptr::null_mut();
    }
    // SAFETY: the program has one thread; `payload` as the caller promises.
    or_enomem(unsafe { heap().realloc(payload.cast(), size) })
}

/// memalign(3): takes the next power of two for an alignment that is none.
#[unsafe(no_mangle)]
pub extern "C" fn memalign(align: usize, size: usize) -> *mut c_void {
    let Some(align) = align.checked_next_power_of_two() else {
        set_errno(libc::EINVAL);
        return ptr::null_mut();
    };
    // SAFETY: the program has one thread.
    or_enomem(unsafe { heap() }.memalign(align, size))
}

/// aligned_alloc(3): an alignment that is no power of two is an error.
#[unsafe(no_mangle)]
pub extern "C" fn aligned_alloc(align: usize, size: usize) -> *mut c_void {
    if !align.is_power_of_two() {
        set_errno(libc::EINVAL);
        return ptr::null_mut();
    }
    memalign(align, size)
}

/// posix_memalign(3): returns the error. As in glibc, that there is no memory
/// stands in `errno` too.
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
    let payload = memalign(align, size);
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

/// Where it would stop if something in here panicked. The panic's message would
/// ask for memory, and who asks from inside waits for himself.
fn stop() -> ! {
    let line = "malloc1: a panic in the allocator\n";
    // SAFETY: `line` is as long as its length says; abort(3) ends it.
    unsafe {
        libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len());
        libc::abort()
    }
}

/// Without the standard library, nobody has a message.
#[cfg(panic = "abort")]
mod without_std {
    use core::arch::global_asm;
    use core::panic::PanicInfo;

    #[panic_handler]
    fn panic(_info: &PanicInfo<'_>) -> ! {
        super::stop()
    }

    // `core` names a function that unwinds, and never calls it.
    global_asm!(".globl rust_eh_personality", "rust_eh_personality:");

    #[link(name = "c")]
    unsafe extern "C" {}
}

/// With it, the message gets no memory.
#[cfg(panic = "unwind")]
mod with_std {
    use core::alloc::{GlobalAlloc, Layout};

    struct NoHeap;

    #[global_allocator]
    static NO_HEAP: NoHeap = NoHeap;

    // SAFETY: it returns no memory at all.
    unsafe impl GlobalAlloc for NoHeap {
        unsafe fn alloc(&self, _layout: Layout) -> *mut u8 {
            super::stop()
        }

        unsafe fn dealloc(&self, _block: *mut u8, _layout: Layout) {}
    }
}
