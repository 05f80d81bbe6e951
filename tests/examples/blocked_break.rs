//! Something is mapped 16 MiB above the break, in its way, and the program
//! needs 100 MiB: in small blocks, then in one.
//!
//! ```text
//! cargo build -p tests --example blocked_break
//! LD_PRELOAD=target/debug/examples/libmalloc4.so \
//!     target/debug/examples/blocked_break
//! ```

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    use std::hint::black_box;
    use std::ptr;

    const MIB: usize = 1 << 20;
    const SIZE: usize = 1000;

    // SAFETY: it asks where the break is; the page is nobody's, or refused.
    let (wanted, mapped) = unsafe {
        let wanted = libc::sbrk(0).byte_add(16 * MIB);
        let wanted = wanted.map_addr(|addr| addr & !0xffff);
        let flags =
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
        (wanted, libc::mmap(wanted, 1, libc::PROT_READ, flags, -1, 0))
    };
    assert_eq!(mapped, wanted, "a page in the way of the break");

    // What prints first asks for memory once: now, while there is some.
    println!("a page is in the way of the break");

    let mut blocks = Vec::with_capacity(100 * MIB / SIZE);
    while blocks.len() < 100 * MIB / SIZE {
        // SAFETY: it may fail.
        let block: *mut u8 = unsafe { libc::malloc(SIZE) }.cast();
        if block.is_null() {
            println!("refused after {} MiB", blocks.len() * SIZE / MIB);
            return;
        }
        // SAFETY: the block has so many bytes.
        unsafe { block.write_bytes(blocks.len() as u8, SIZE) };
        blocks.push(block);
    }
    for (i, &block) in blocks.iter().enumerate() {
        // SAFETY: the block is live and has so many bytes, which were written.
        // Nobody uses it after this.
        unsafe {
            let bytes = std::slice::from_raw_parts(block, SIZE);
            let other = bytes.iter().find(|&&byte| byte != i as u8);
            assert_eq!(other, None, "block {i} is as it was filled");
            libc::free(block.cast());
        }
    }
    // SAFETY: it may fail.
    let large = black_box(unsafe { libc::calloc(100, MIB) });
    assert_ne!(large, ptr::null_mut(), "100 MiB at once");
    // SAFETY: it is a block that nobody uses.
    unsafe { libc::free(large) };
    println!("all blocks were given, and kept what was in them");
}
