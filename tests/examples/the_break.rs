//! Moves the break of this process up and down, and prints where it is.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    // While the break moves, nothing is printed: printing needs memory, and
    // for that the C library would move the break itself.
    let start = whole_page();
    let at = |address: *mut u8| address.addr() - start.addr();

    let up = at(sbrk(100));
    let down = at(sbrk(-40));
    let now = at(sbrk(0));

    let block = sbrk(10_000);
    // SAFETY: the break has just risen by 10,000 bytes from `block`.
    unsafe { block.write_bytes(7, 10_000) };
    sbrk(-5000);
    let again = sbrk(5000);
    // SAFETY: and now by 5,000 bytes from `again`.
    let bytes = unsafe { std::slice::from_raw_parts(again, 5000) };
    let used = bytes.iter().filter(|&&byte| byte == 7).count();
    let zero = bytes.iter().filter(|&&byte| byte == 0).count();

    let too_high = sbrk(isize::MAX);
    let before = at(sbrk(0));
    let too_low = at(sbrk(-(1 << 30)));
    let after = at(sbrk(0));

    println!("sbrk(100) gives {up}");
    println!("sbrk(-40) gives {down}");
    println!("sbrk(0)   gives {now}");
    println!();
    println!("up by 10,000, filled with sevens, down by 5,000, up by 5,000:");
    println!("{zero} of the 5,000 bytes are zero, {used} are still seven");
    println!();
    println!("up by {}:", isize::MAX);
    println!("all bits set: {}", too_high.addr() == usize::MAX);
    println!();
    println!("the break is at {before}; down by {}:", 1 << 30);
    println!("sbrk gives {too_low}, and the break is at {after}");
}

/// Moves the break to the start of a page, and returns it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn whole_page() -> *mut u8 {
    let now = sbrk(0).addr();
    sbrk((now.next_multiple_of(4096) - now) as isize);
    sbrk(0)
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn sbrk(increment: isize) -> *mut u8 {
    // SAFETY: this program has one thread, and lowers the break only below
    // memory that it took itself and no longer uses. (The last call, by a
    // gigabyte, is refused.)
    unsafe { libc::sbrk(increment).cast() }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("this program moves the break: it needs Linux with glibc");
}
