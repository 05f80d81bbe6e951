//! Allocates until there is no memory, and looks at what it has then: each
//! block holds what was written to it. Then it frees the newest ones, and
//! allocates again.
//!
//! ```text
//! cargo build -p tests --example too_many --example malloc5_one_stack
//! LD_PRELOAD=target/debug/examples/libmalloc5_one_stack.so \
//!     target/debug/examples/too_many
//! ```
//!
//! It stops at two million blocks, or as many as it is told to: a heap that has no array needs memory alone.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    use std::env;
    use std::io::Error;

    let most = env::args().nth(1).map_or(2_000_000, |number| {
        number.parse().expect("the number of blocks")
    });

    // The list itself is one block, and has all its memory before.
    let mut blocks: Vec<*mut usize> = Vec::with_capacity(most);
    println!("allocating");
    while blocks.len() < most {
        let block = allocate();
        if block.is_null() {
            break;
        }
        // SAFETY: the block is ours, and has room for a number.
        unsafe { block.write(blocks.len()) };
        blocks.push(block);
    }
    let error = Error::last_os_error().raw_os_error();
    let out_of_memory = blocks.len() < most;
    let reason = match error {
        Some(libc::ENOMEM) => "ENOMEM",
        _ => "another one",
    };
    println!("{} blocks", blocks.len());
    println!("null: {out_of_memory}, errno {reason}");

    let numbers = blocks.iter().enumerate();
    // SAFETY: the blocks are ours, and a number was written to each.
    let intact = numbers.filter(|&(n, &block)| unsafe { *block == n }).count();
    println!("{intact} as they were written");

    for block in blocks.drain(blocks.len() - 10..) {
        // SAFETY: the block is ours, and nobody uses it any more.
        unsafe { libc::free(block.cast()) };
    }
    let again = (0..10).filter(|_| !allocate().is_null()).count();
    println!("{again} after ten were freed");

    fn allocate() -> *mut usize {
        // SAFETY: it may fail.
        std::hint::black_box(unsafe { libc::malloc(16).cast() })
    }
}
