//! Tries the allocator in ten lines on the break of this process.
//!
//! The program has one thread. The standard library takes its own memory from
//! the C library, whose malloc moves the same break, so what is tried here is
//! done before anything is printed in between.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[path = "../../book/steps/1-ten-lines.rs"]
mod ten_lines;

/// sbrk(2)
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn sbrk(increment: isize) -> *mut u8 {
    // SAFETY: one thread, and what it gives back is used no more.
    unsafe { libc::sbrk(increment) }.cast()
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    use ten_lines::{free, malloc};

    // Printing allocates the first time.
    println!("Ten lines, on the break of this process.");

    println!();
    let a = malloc(24);
    let b = malloc(1);
    let c = malloc(100);
    // SAFETY: `a` has 24 bytes and `b` has one, and both are ours.
    let (first, second) = unsafe {
        a.write_bytes(b'a', 24);
        b.write(b'b');
        (a.add(23).read() as char, b.read() as char)
    };
    println!("a = malloc(24), b = malloc(1), c = malloc(100)");
    println!("  b - a                {}", b.addr() - a.addr());
    println!("  last byte of a       {first}");
    println!("  first byte of b      {second}");
    println!("  c modulo 16          {}", c.addr() % 16);

    println!();
    // SAFETY: nobody uses `c` any more.
    unsafe { free(c) };
    let d = malloc(100);
    println!("free(c), d = malloc(100)");
    println!("  d - c                {}", d.addr() - c.addr());

    println!();
    let before = sbrk(0);
    let huge = malloc(usize::MAX);
    let after = sbrk(0);
    println!("malloc({})", usize::MAX);
    println!("  null                 {}", huge.is_null());
    println!("  the break moved by   {}", distance(before, after));

    println!();
    allow_no_more_data();
    let refused = malloc(1 << 20);
    println!("malloc(1048576), where the system gives no more memory");
    println!("  null                 {}", refused.is_null());
    println!("  the pointer          {refused:p}");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn distance(from: *mut u8, to: *mut u8) -> isize {
    to.addr().wrapping_sub(from.addr()).cast_signed()
}

/// Tells the kernel to refuse this process more data, the heap included.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn allow_no_more_data() {
    let limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit is a valid one.
    let result = unsafe { libc::setrlimit(libc::RLIMIT_DATA, &limit) };
    assert_eq!(result, 0, "a process may lower its own limits");
}
