//! A program that reports its own crash: it frees a block twice, and the handler
//! of the signal that ends it asks for memory, as such reports do.
//!
//! ```text
//! cargo build -p tests --example crash_report
//! LD_PRELOAD=target/debug/examples/libmalloc4.so \
//!     target/debug/examples/crash_report
//! ```
//!
//! What hangs is ended after ten seconds.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
extern "C" fn report(_signal: std::ffi::c_int) {
    // It may not be done in a handler. Many do it: the process ends anyway.
    let blocks: Vec<String> = (0..100).map(|i| format!("{i}")).collect();
    println!("a report in {} blocks", blocks.len());
    // SAFETY: it has no conditions.
    unsafe { libc::_exit(3) };
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    use std::hint::black_box;

    // What prints first asks for memory once.
    println!("a block is freed twice");
    let report: extern "C" fn(std::ffi::c_int) = report;
    // SAFETY: the handler is a function of the right type. None for the last
    // `free`, which is the crime.
    unsafe {
        libc::alarm(10);
        libc::signal(libc::SIGABRT, report as libc::sighandler_t);
        let block = black_box(libc::malloc(100));
        black_box(libc::malloc(100));
        libc::free(block);
        libc::free(black_box(block));
    }
    println!("nobody has noticed");
}
