//! A signal comes while the program is in the middle of `malloc`, and its
//! handler asks for memory. Or, with the argument `fork`, it forks.
//!
//! ```text
//! cargo build -p tests --example signal
//! LD_PRELOAD=target/debug/examples/libmalloc4.so target/debug/examples/signal
//! ```
//!
//! A heap of ours moves the break by the name `sbrk`. Here that is a function
//! of this program, which sends the signal: so it comes at that moment every
//! time, not once in a million times. What hangs is ended after a second.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod program {
    use std::env;
    use std::ffi::{c_int, c_void};
    use std::hint::black_box;
    use std::sync::atomic::{AtomicBool, Ordering};

    unsafe extern "C" {
        /// The C library's `sbrk`, by its other name.
        fn __sbrk(increment: isize) -> *mut c_void;
    }

    static SIGNAL_COMES: AtomicBool = AtomicBool::new(false);

    /// # Safety
    ///
    /// As for sbrk(2).
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn sbrk(increment: isize) -> *mut c_void {
        if SIGNAL_COMES.swap(false, Ordering::Relaxed) {
            // SAFETY: it has no conditions.
            unsafe { libc::raise(libc::SIGUSR1) };
        }
        // SAFETY: as the caller promises.
        unsafe { __sbrk(increment) }
    }

    extern "C" fn handler(_signal: c_int) {
        say("the handler asks for memory\n");
        // SAFETY: it may not be called in a handler. That is what is shown.
        black_box(unsafe { libc::malloc(100) });
        say("the handler has got it\n");
    }

    extern "C" fn forking_handler(_signal: c_int) {
        say("the handler forks\n");
        // SAFETY: it may be called in a handler, if all that it calls may be.
        // Whether that is so is what is shown. The child does nothing but end.
        unsafe {
            if libc::fork() == 0 {
                libc::_exit(0);
            }
        }
        say("the handler has a child\n");
    }

    /// Says it without asking for memory.
    fn say(line: &str) {
        // SAFETY: `line` has that many bytes.
        unsafe {
            libc::write(libc::STDOUT_FILENO, line.as_ptr().cast(), line.len())
        };
    }

    pub fn main() {
        let handler: extern "C" fn(c_int) = match env::args().nth(1) {
            Some(word) if word == "fork" => forking_handler,
            _ => handler,
        };
        // SAFETY: the handler is a function of the right type.
        unsafe {
            libc::alarm(5);
            libc::signal(libc::SIGUSR1, handler as libc::sighandler_t);
        }
        SIGNAL_COMES.store(true, Ordering::Relaxed);
        // SAFETY: it may fail.
        black_box(unsafe { libc::malloc(1 << 20) });
        say("malloc has returned\n");
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    program::main();
}
