//! What the C functions answer, and what they do to `errno`, when they are
//! asked for what cannot be had, or for what is asked for in an odd way.
//!
//! ```text
//! cargo build -p tests --example errno
//! LD_PRELOAD=target/debug/examples/libmalloc3.so target/debug/examples/errno
//! ```

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    use std::ffi::c_void;
    use std::hint::black_box;
    use std::ptr;

    use libc::{
        aligned_alloc, calloc, malloc, memalign, posix_memalign, realloc,
    };

    // Sizes that the compiler does not see through.
    let too_large = black_box(usize::MAX);
    let half = black_box(usize::MAX / 2 + 1);

    show("malloc(SIZE_MAX)", || {
        // SAFETY: it may fail.
        of(unsafe { malloc(too_large) })
    });
    show("calloc(SIZE_MAX / 2 + 1, 2)", || {
        // SAFETY: as above.
        of(unsafe { calloc(half, 2) })
    });
    // SAFETY: as above.
    let block = black_box(unsafe { malloc(100) });
    show("realloc(block, SIZE_MAX)", || {
        // SAFETY: `block` is a block, and stays one if this fails.
        of(unsafe { realloc(block, too_large) })
    });
    show("aligned_alloc(24, 48)", || {
        // SAFETY: it may fail.
        of(unsafe { aligned_alloc(black_box(24), 48) })
    });
    for (align, rounded) in [(0, 16), (24, 32), (1000, 1024)] {
        show(&format!("memalign({align}, 100)"), || {
            // SAFETY: as above.
            let block = unsafe { memalign(black_box(align), 100) };
            assert_eq!(block.addr() % rounded, 0, "{block:p}");
            of(block)
        });
    }
    show("memalign(SIZE_MAX, 100)", || {
        // SAFETY: as above.
        of(unsafe { memalign(too_large, 100) })
    });

    let mut out: *mut c_void = ptr::null_mut();
    show("posix_memalign(3, 100)", || {
        // SAFETY: the result may be written.
        name(unsafe { posix_memalign(&mut out, black_box(3), 100) })
    });
    show("posix_memalign(64, SIZE_MAX)", || {
        // SAFETY: as above.
        name(unsafe { posix_memalign(&mut out, 64, too_large) })
    });

    show("realloc(NULL, 0)", || {
        // SAFETY: as above.
        of(unsafe { realloc(ptr::null_mut(), black_box(0)) })
    });
    // SAFETY: as above.
    let freed = black_box(unsafe { malloc(100) });
    show("realloc(block, 0)", || {
        // SAFETY: nobody uses the block any more.
        of(unsafe { realloc(freed, black_box(0)) })
    });

    show("free of a small block", || {
        // SAFETY: `block` is a block that nobody uses any more.
        unsafe { libc::free(block) };
        "done"
    });
    // SAFETY: it may fail.
    let large = black_box(unsafe { malloc(10_000_000) });
    show("free of a large block", || {
        // SAFETY: `large` is null or a block that nobody uses any more.
        unsafe { libc::free(large) };
        "done"
    });
}

/// Does something, and prints what came of it and what `errno` is after it. It
/// is 1, EPERM, before.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn show(what: &str, call: impl FnOnce() -> &'static str) {
    // SAFETY: it points to this thread's `errno`.
    let errno = unsafe { &mut *libc::__errno_location() };
    *errno = libc::EPERM;
    let answer = call();
    // SAFETY: as above. Nothing has been printed since the call.
    let after = name(unsafe { *libc::__errno_location() });
    println!("{what:28}  {answer:7}  errno {after}");
}

/// Whether there is a block.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn of(block: *mut std::ffi::c_void) -> &'static str {
    if std::hint::black_box(block).is_null() { "null" } else { "a block" }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn name(error: i32) -> &'static str {
    match error {
        0 => "0",
        libc::EPERM => "EPERM",
        libc::ENOMEM => "ENOMEM",
        libc::EINVAL => "EINVAL",
        _ => "another one",
    }
}
