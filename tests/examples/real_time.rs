//! Two threads on one processor allocate. The first is urgent: it works a
//! little, sleeps, and as soon as it wakes up it takes the processor from the
//! second, wherever that happens to be.
//!
//! ```text
//! cargo build -p tests --example real_time
//! LD_PRELOAD=target/debug/examples/libmalloc4.so \
//!     target/debug/examples/real_time
//! ```
//!
//! Only root may be urgent, and whom root allows to: see sched(7).

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod program {
    use std::hint::black_box;
    use std::mem;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    /// How often the urgent thread works.
    const TURNS: u32 = 50;

    /// Makes this thread run on the first processor only.
    fn stay() {
        // SAFETY: the set is a struct of numbers, and is read.
        let result = unsafe {
            let mut set: libc::cpu_set_t = mem::zeroed();
            libc::CPU_SET(0, &mut set);
            libc::sched_setaffinity(0, size_of_val(&set), &set)
        };
        assert_eq!(result, 0, "sched_setaffinity");
    }

    /// Makes this thread a real-time thread.
    fn be_urgent() {
        let urgent = libc::sched_param { sched_priority: 10 };
        // SAFETY: it reads a struct.
        let result = unsafe {
            let me = libc::pthread_self();
            libc::pthread_setschedparam(me, libc::SCHED_FIFO, &urgent)
        };
        assert_eq!(result, 0, "pthread_setschedparam: needs root");
    }

    /// Takes a block and frees it, so many times.
    fn work(times: usize) {
        for i in 0..times {
            // SAFETY: it may fail; the block is nobody else's.
            unsafe { libc::free(black_box(libc::malloc(i % 3000))) };
        }
    }

    pub fn main() {
        static IS_DONE: AtomicBool = AtomicBool::new(false);
        let other = thread::spawn(|| {
            stay();
            while !IS_DONE.load(Ordering::Relaxed) {
                work(1000);
            }
        });
        stay();
        be_urgent();
        let mut longest = Duration::ZERO;
        for _ in 0..TURNS {
            thread::sleep(Duration::from_millis(5));
            let start = Instant::now();
            work(1000);
            longest = longest.max(start.elapsed());
        }
        IS_DONE.store(true, Ordering::Relaxed);
        other.join().expect("it has not panicked");
        println!("{TURNS} turns, the longest {} ms", longest.as_millis());
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    program::main();
}
