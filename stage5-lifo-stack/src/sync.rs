//! Which lock.

/// How a thread waits for the lock: it lets other threads run, one of which
/// has it.
pub struct Yield;

impl spin::RelaxStrategy for Yield {
    #[cfg(unix)]
    fn relax() {
        // SAFETY: sched_yield(2) has no conditions.
        unsafe { libc::sched_yield() };
    }

    #[cfg(not(unix))]
    fn relax() {
        core::hint::spin_loop();
    }
}

/// A value that one thread at a time may use, the one that holds its lock.
pub type Mutex<T> = spin::mutex::SpinMutex<T, Yield>;
