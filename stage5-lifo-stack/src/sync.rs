//! Which lock.

/// How a thread waits for the lock: it lets other threads run, one of which
/// has it.
pub struct Yield;

impl spin::RelaxStrategy for Yield {
    fn relax() {
        let_others_run();
    }
}

/// A value that one thread at a time may use, the one that holds its lock.
pub type Mutex<T> = spin::mutex::SpinMutex<T, Yield>;

/// Lets threads run that are as urgent as this one and, now and then, all
/// others: one of them has the lock.
#[cfg(unix)]
fn let_others_run() {
    use core::ptr;
    use core::sync::atomic::{AtomicU32, Ordering};

    /// Of so many looks at a lock that is taken, one ends in a nap.
    const LOOKS: u32 = 64;

    /// How long a nap is, in nanoseconds.
    const NAP: libc::timespec = libc::timespec { tv_sec: 0, tv_nsec: 100_000 };

    /// How often anybody has looked.
    static LOOKED: AtomicU32 = AtomicU32::new(0);

    let looked = LOOKED.fetch_add(1, Ordering::Relaxed);
    // SAFETY: sched_yield(2) has no conditions; nanosleep(2) reads how long,
    // and tells nobody what was left of it.
    unsafe {
        if looked % LOOKS == LOOKS - 1 {
            libc::nanosleep(&NAP, ptr::null_mut());
        } else {
            libc::sched_yield();
        }
    }
}

#[cfg(not(unix))]
fn let_others_run() {
    core::hint::spin_loop();
}
