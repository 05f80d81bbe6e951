//! Memory at unusual times: before `main` and after it; in 1,000 threads that
//! live for a moment, and whose blocks others free while they end; in what runs
//! at the end of a thread, when its variables are gone.
//!
//! ```text
//! cargo build -p tests --example lives
//! LD_PRELOAD=target/debug/examples/libmalloc5.so target/debug/examples/lives
//! ```

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod program {
    use std::cell::RefCell;
    use std::ffi::c_void;
    use std::ptr;
    use std::slice;
    use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};
    use std::sync::mpsc::{Sender, channel};
    use std::thread;

    const THREADS: usize = 1000;

    /// So many live at the same time.
    const TOGETHER: usize = 10;

    /// A block of C, all of whose bytes are its number.
    struct Block {
        start: *mut u8,
        size: usize,
        number: u8,
    }

    // SAFETY: it is nobody else's.
    unsafe impl Send for Block {}

    impl Block {
        fn new(size: usize, number: usize) -> Self {
            let number = number as u8;
            // SAFETY: it may fail.
            let start: *mut u8 = unsafe { libc::malloc(size) }.cast();
            assert!(!start.is_null(), "no memory for {size} bytes");
            // SAFETY: the block has that many bytes.
            unsafe { start.write_bytes(number, size) };
            Self { start, size, number }
        }

        /// Frees it. Its bytes must be as they were written.
        fn free(self) {
            // SAFETY: the block has that many bytes, and they were written.
            let bytes = unsafe { slice::from_raw_parts(self.start, self.size) };
            // The first is right, and each is as the one before.
            let is_whole = bytes.first().is_none_or(|it| *it == self.number)
                && bytes.get(1..).is_none_or(|it| it == &bytes[..it.len()]);
            if !is_whole {
                let at = bytes.iter().position(|it| *it != self.number);
                panic!("byte {at:?} of {} is not {}", self.size, self.number);
            }
            // SAFETY: it is ours, and used no more.
            unsafe { libc::free(self.start.cast()) };
        }
    }

    // Before main, and after it. -------------------------------------------

    /// The loader calls this before `main`.
    #[used]
    #[unsafe(link_section = ".init_array")]
    static BEFORE_MAIN: extern "C" fn() = before_main;

    static EARLY: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());

    extern "C" fn before_main() {
        EARLY.store(Block::new(5000, 1).start, Ordering::Relaxed);
        // SAFETY: the function is there as long as the process.
        unsafe { libc::atexit(after_main) };
    }

    fn free_what_is_older_than_main() {
        let start = EARLY.load(Ordering::Relaxed);
        Block { start, size: 5000, number: 1 }.free();
        println!("a block from before main is as it was written");
    }

    extern "C" fn after_main() {
        let block = Block::new(5000, 2);
        println!("there is memory after main");
        block.free();
    }

    // At the end of a thread. ----------------------------------------------

    /// How often each was called.
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    static KEYS: AtomicUsize = AtomicUsize::new(0);

    /// Frees what it has when its thread ends, and asks for more.
    struct Last(Vec<Block>);

    impl Drop for Last {
        fn drop(&mut self) {
            for block in self.0.drain(..) {
                block.free();
            }
            Block::new(300, 3).free();
            DROPS.fetch_add(1, Ordering::Relaxed);
        }
    }

    thread_local! {
        static LAST: RefCell<Last> = const { RefCell::new(Last(Vec::new())) };
    }

    /// A key of pthread_key_create(3), whose function runs when Rust's locals
    /// are gone.
    static KEY: AtomicU32 = AtomicU32::new(0);

    /// Runs twice for each thread. A heap that has heard of the thread's end by
    /// the first time hears of it again.
    extern "C" fn at_the_end(round: *mut c_void) {
        for size in [10, 500, 5000, 100_000] {
            Block::new(size, 4).free();
        }
        KEYS.fetch_add(1, Ordering::Relaxed);
        if round.addr() == 1 {
            set_key(2);
        }
    }

    fn set_key(round: usize) {
        let key = KEY.load(Ordering::Relaxed);
        // SAFETY: the key was made; what it has is a number.
        unsafe {
            libc::pthread_setspecific(key, ptr::without_provenance(round))
        };
    }

    // Threads. --------------------------------------------------------------

    /// Some blocks are for the thread's end, some for whoever receives them.
    fn live(number: usize, blocks: &Sender<Block>) {
        set_key(1);
        for size in [16, 100, 700, 3000, 70_000] {
            let kept = Block::new(size, number);
            LAST.with_borrow_mut(|last| last.0.push(kept));
            blocks.send(Block::new(size, number + 1)).expect("a receiver");
            Block::new(size, number + 2).free();
        }
    }

    fn many_short_lives() {
        let (sender, blocks) = channel();
        let receiver =
            thread::spawn(move || blocks.into_iter().map(Block::free).count());
        for first in (0..THREADS).step_by(TOGETHER) {
            let thread = |i| {
                let sender = sender.clone();
                thread::spawn(move || live(first + i, &sender))
            };
            let threads: Vec<_> = (0..TOGETHER).map(thread).collect();
            for thread in threads {
                thread.join().expect("it does not panic");
            }
        }
        drop(sender);
        let freed = receiver.join().expect("it does not panic");
        println!("{THREADS} threads left {freed} blocks, as they were written");
        let [drops, keys] =
            [&DROPS, &KEYS].map(|it| it.load(Ordering::Relaxed));
        println!("{drops} locals and {keys} keys had memory at the end");
    }

    pub fn main() {
        free_what_is_older_than_main();
        let mut key = 0;
        // SAFETY: the key may be written, and the function is there as long as
        // the process.
        let error =
            unsafe { libc::pthread_key_create(&mut key, Some(at_the_end)) };
        assert_eq!(error, 0, "pthread_key_create(3)");
        KEY.store(key, Ordering::Relaxed);
        many_short_lives();
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    program::main();
}
