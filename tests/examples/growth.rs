//! Asks stage 1 for 100 bytes and frees them, again and again, and prints how
//! far the break has moved.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    use stage1_bump::{Heap, ProcessBrk};

    // Printing allocates the first time, from the C library, which moves the
    // same break.
    println!("malloc(100) and free: how far the break has moved");

    // SAFETY: this program has one thread.
    let mut heap = Heap::new(unsafe { ProcessBrk::new() });
    let start = the_break();
    let mut rounds = 0;
    for goal in [1, 10, 100, 1_000, 10_000, 100_000] {
        while rounds < goal {
            let block = heap.malloc(100);
            assert!(!block.is_null(), "no memory left after {rounds} rounds");
            // SAFETY: it is a block of this heap that nobody uses.
            unsafe { heap.free(block) };
            rounds += 1;
        }
        let unit = if rounds == 1 { "round" } else { "rounds" };
        println!("{rounds:7} {unit:6} {:9} bytes", the_break() - start);
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn the_break() -> usize {
    // SAFETY: an increment of zero moves nothing.
    unsafe { libc::sbrk(0) }.addr()
}
