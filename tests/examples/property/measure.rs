//! Memory and steps, counted by the system.

use std::fs;
use std::mem::MaybeUninit;

/// One MiB.
pub const MIB: usize = 1 << 20;

/// How many bytes of this process have memory.
pub fn resident() -> usize {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup");
    let rollup = rollup.expect("Linux tells it since version 4.14");
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.and_then(|it| it.parse::<usize>().ok()).expect("a number") * 1024
}

/// By how many bytes the memory of this process has grown while `work` ran.
pub fn growth(work: impl FnOnce()) -> usize {
    let before = resident();
    work();
    resident().saturating_sub(before)
}

/// How many bytes of addresses this process has.
fn addresses() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").expect("Linux tells it");
    let pages = pages.split_whitespace().next().expect("a number first");
    pages.parse::<usize>().expect("a number") * 4096
}

/// Lets this process have so many more bytes of addresses, and no more.
pub fn limit_addresses(bytes: usize) {
    let most = (addresses() + bytes) as libc::rlim_t;
    let limit = libc::rlimit { rlim_cur: most, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: it reads a struct.
    let result = unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) };
    assert_eq!(result, 0, "setrlimit(2)");
}

/// What is counted.
#[derive(Clone, Copy)]
pub enum Count {
    /// Each instruction.
    Steps,
    /// Each call of the system.
    Calls,
}

/// Counts what `work` takes, in a child in which `prepare` has run. None if the
/// system lets nobody look at another process.
pub fn count<T>(
    what: Count,
    prepare: impl FnOnce() -> T,
    work: impl FnOnce(T),
) -> Option<usize> {
    // SAFETY: this process has one thread.
    let child = unsafe { libc::fork() };
    assert_ne!(child, -1, "fork(2)");
    if child == 0 {
        // SAFETY: these calls take numbers.
        unsafe {
            let none = std::ptr::null_mut::<libc::c_void>();
            if libc::ptrace(libc::PTRACE_TRACEME, 0, none, none) == -1 {
                libc::_exit(0);
            }
            let prepared = prepare();
            libc::raise(libc::SIGSTOP);
            work(prepared);
            libc::raise(libc::SIGSTOP);
            libc::_exit(0);
        }
    }
    if !stops_by(child, libc::SIGSTOP) {
        return None;
    }
    let request = match what {
        Count::Steps => libc::PTRACE_SINGLESTEP,
        Count::Calls => libc::PTRACE_SYSCALL,
    };
    let mut stops = 0;
    loop {
        // SAFETY: the child is ours, and has stopped.
        let result = unsafe { libc::ptrace(request, child, 0_usize, 0_usize) };
        assert_eq!(result, 0, "ptrace(2)");
        if stops_by(child, libc::SIGSTOP) {
            break;
        }
        stops += 1;
    }
    // SAFETY: the child is ours, and nobody has waited for its end.
    unsafe { libc::kill(child, libc::SIGKILL) };
    stops_by(child, 0);
    match what {
        Count::Steps => Some(stops),
        // It stops before a call and after it.
        Count::Calls => Some(stops / 2),
    }
}

/// Waits until the child stops. Whether it was by this signal.
fn stops_by(child: libc::pid_t, signal: i32) -> bool {
    let mut status = MaybeUninit::zeroed();
    // SAFETY: the result may be written, and the child is ours.
    let status = unsafe {
        let found = libc::waitpid(child, status.as_mut_ptr(), 0);
        assert_eq!(found, child, "waitpid(2)");
        status.assume_init()
    };
    libc::WIFSTOPPED(status) && libc::WSTOPSIG(status) == signal
}
