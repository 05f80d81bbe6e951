//! Asks for a gigabyte under one limit after another, and prints what `sbrk`
//! says.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    use libc::{RLIM_INFINITY, RLIMIT_AS, RLIMIT_DATA, RLIMIT_RSS};

    const GIGABYTE: isize = 1 << 30;
    let rows = [
        ("a gigabyte, no limit", RLIMIT_DATA, RLIM_INFINITY, GIGABYTE),
        ("ulimit -m (pages in use)", RLIMIT_RSS, 64 << 20, GIGABYTE),
        ("ulimit -d (data, the heap)", RLIMIT_DATA, 64 << 20, GIGABYTE),
        ("ulimit -v (addresses)", RLIMIT_AS, 256 << 20, GIGABYTE),
        ("no limit, but 64 TiB", RLIMIT_DATA, RLIM_INFINITY, 64 << 40),
    ];
    // Nothing is printed meanwhile: that needs memory.
    let said = rows.map(|(_, limit, bytes, increment)| {
        under(limit, bytes, || rises(increment))
    });
    for ((what, ..), said) in rows.into_iter().zip(said) {
        let told = match said {
            Ok(()) => "the break rises".to_owned(),
            Err(libc::ENOMEM) => "refused, errno is ENOMEM".to_owned(),
            Err(other) => format!("refused, errno is {other}"),
        };
        println!("{what:27} {told}");
    }
}

/// Moves the break up, and down again. If it does not move, `errno`.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn rises(increment: isize) -> Result<(), i32> {
    // SAFETY: this program has one thread, and gives back what it has just
    // taken.
    unsafe {
        let before = libc::sbrk(0);
        if libc::sbrk(increment).addr() != usize::MAX {
            libc::sbrk(-increment);
            return Ok(());
        }
        let why = std::io::Error::last_os_error().raw_os_error();
        assert_eq!(libc::sbrk(0), before, "a refusal moves nothing");
        Err(why.unwrap_or(0))
    }
}

/// Does something while a limit is as low as this, if it may be set.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn under<R>(
    limit: libc::__rlimit_resource_t,
    bytes: libc::rlim_t,
    act: impl FnOnce() -> R,
) -> R {
    let mut old = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: it is written to, then read.
    unsafe { libc::getrlimit(limit, &raw mut old) };
    let rlim_cur = bytes.min(old.rlim_max);
    let new = libc::rlimit { rlim_cur, rlim_max: old.rlim_max };
    // SAFETY: it is read.
    unsafe { libc::setrlimit(limit, &raw const new) };
    let result = act();
    // SAFETY: it is read.
    unsafe { libc::setrlimit(limit, &raw const old) };
    result
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("this program moves the break: it needs Linux with glibc");
}
