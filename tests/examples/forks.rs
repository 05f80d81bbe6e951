//! Forks 300 times, or as often as it is told to, while other threads ask for
//! memory and write to files. Each child asks for memory too, and ends.
//!
//! ```text
//! cargo build -p tests --example forks
//! LD_PRELOAD=target/debug/examples/libmalloc4.so target/debug/examples/forks
//! ```

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod program {
    use std::env;
    use std::hint::black_box;
    use std::process::exit;
    use std::ptr;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread::{self, sleep};
    use std::time::{Duration, Instant};

    /// A child that takes as long as this hangs, and is ended.
    const CHILD_LIMIT: Duration = Duration::from_secs(10);

    /// If there is no next child after so many seconds, this process hangs, and
    /// is ended.
    const LIMIT: u32 = 25;

    static DONE: AtomicBool = AtomicBool::new(false);

    pub fn main() {
        let children = env::args().nth(1).map_or(300, |number| {
            number.parse().expect("the number of children")
        });
        thread::scope(|scope| {
            scope.spawn(|| until_done(allocate));
            scope.spawn(|| until_done(allocate));
            scope.spawn(|| until_done(write_a_file));
            scope.spawn(|| until_done(flush_all_files));
            for child in 0..children {
                let status = status_of_a_child();
                if status != 0 {
                    println!("child {child} ended with status {status:#x}");
                    exit(1);
                }
            }
            DONE.store(true, Ordering::Relaxed);
        });
        println!("{children} children asked for memory and ended");
    }

    /// Does the work again and again, with pauses: the thread that forks has to
    /// get its turn.
    fn until_done(work: fn()) {
        while !DONE.load(Ordering::Relaxed) {
            for _ in 0..50 {
                work();
            }
            sleep(Duration::from_micros(100));
        }
    }

    /// The functions of C: what Rust's own would do in a child is not asked.
    fn allocate() {
        for size in [10, 100, 1000, 10_000] {
            // SAFETY: nobody else has the block.
            unsafe { libc::free(black_box(libc::malloc(size))) };
        }
    }

    /// A thread that writes to a file asks for memory, a buffer, while it has
    /// the file's lock.
    fn write_a_file() {
        // SAFETY: the strings end in a zero byte, and the file is ours.
        unsafe {
            let file = libc::fopen(c"/dev/null".as_ptr(), c"w".as_ptr());
            assert!(!file.is_null(), "no file can be opened");
            libc::fputc(i32::from(b'x'), file);
            libc::fclose(file);
        }
    }

    /// A thread that writes out all files waits for the lock of each, while it
    /// has the lock on the C library's list of them. A fork takes that lock
    /// too.
    fn flush_all_files() {
        // SAFETY: null stands for all files.
        unsafe { libc::fflush(ptr::null_mut()) };
    }

    /// Forks, and waits for the child. Its status is zero if all went well.
    fn status_of_a_child() -> i32 {
        // SAFETY: the child calls nothing but functions of the C library that
        // glibc allows after a fork.
        let child = unsafe {
            libc::alarm(LIMIT);
            libc::fork()
        };
        assert_ne!(child, -1, "fork(2)");
        if child == 0 {
            allocate();
            write_a_file();
            flush_all_files();
            // SAFETY: nothing is left to be done.
            unsafe { libc::_exit(0) };
        }
        let start = Instant::now();
        let mut status = 0;
        // SAFETY: the result may be written, and the child is ours.
        while unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) } == 0 {
            sleep(Duration::from_micros(100));
            if start.elapsed() > CHILD_LIMIT {
                // SAFETY: nobody has waited for it: it is still there.
                unsafe { libc::kill(child, libc::SIGKILL) };
            }
        }
        status
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    program::main();
}
