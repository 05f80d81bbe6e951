//! How much memory the C library's malloc needs for a recording, in bytes:
//! `claim` asks it.
//!
//! ```text
//! cargo run --release -p timing --example glibc_heap -- ls
//! ```
//!
//! All that this program needs itself comes from a heap of ours, so that
//! nothing but the recording is in the other.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod program {
    use stage4_threadsafe::{Heap, LockedHeap, Mutex, ReservedBrk};
    use timing::trace::{Trace, memory};

    #[global_allocator]
    static HEAP: LockedHeap<ReservedBrk> =
        LockedHeap::new(Mutex::new(Heap::new(ReservedBrk::new())));

    pub fn main() {
        let name = std::env::args().nth(1).expect("a recording's name");
        println!("{}", memory::glibc(&Trace::load(&name).events));
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    program::main();
}
