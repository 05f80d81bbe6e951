//! What a lock around a heap costs, with one thread and with several.
//!
//! ```text
//! cargo run --release -p timing --example lock_cost
//! ```
//!
//! All of them do the same work in the same process, in turns. What the work
//! costs without any allocator is the first row.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod program {
    use std::cell::UnsafeCell;
    use std::hint::black_box;
    use std::mem::MaybeUninit;
    use std::ptr;
    use std::sync::Barrier;
    use std::thread;
    use std::time::{Duration, Instant};

    use fastrand::Rng;
    use stage4_threadsafe::{Heap, LockedHeap, Mutex, ReservedBrk};
    use timing::progress::Progress;

    const THREADS: [usize; 3] = [1, 2, 4];

    /// Each is measured so often, and the time in the middle counts.
    const TIMES: usize = 9;

    /// How long a measurement takes.
    const LONG: Duration = Duration::from_millis(50);

    /// What is measured.
    struct Row {
        name: &'static str,
        most_threads: usize,
        allocator: Box<dyn Measure>,
    }

    pub fn main() {
        let rows = [
            row("no allocator", 4, Nothing),
            row("the heap, no lock", 1, NoLock(UnsafeCell::new(heap()))),
            row("stage 4", 4, LockedHeap::new(Mutex::new(heap()))),
            row("the heap, only spins", 4, OnlySpins::new(heap())),
            row("the heap, std's mutex", 4, std::sync::Mutex::new(heap())),
            row("glibc", 4, Glibc),
        ];
        println!("Nanoseconds for a malloc and a free, of 16 to 512 bytes");
        println!("own: processor time that a thread takes for its own");
        println!("all: until some thread has done the next, by the clock");
        println!("\nOne block, and it goes:");
        print_table(&rows, 1);
        println!("\nTen blocks, and they go, the last one first:");
        print_table(&rows, 10);
    }

    fn heap() -> Heap<ReservedBrk> {
        Heap::new(ReservedBrk::new())
    }

    fn row(
        name: &'static str,
        most_threads: usize,
        allocator: impl Allocator + 'static,
    ) -> Row {
        Row { name, most_threads, allocator: Box::new(allocator) }
    }

    fn print_table(rows: &[Row], depth: usize) {
        let mut times = vec![[const { Vec::new() }; THREADS.len()]; rows.len()];
        // In turns: what else the machine does hits all of them.
        let progress = Progress::new(TIMES);
        for turn in 1..=TIMES {
            progress.step(format!("turn {turn}"));
            for (row, times) in rows.iter().zip(&mut times) {
                for (threads, times) in THREADS.iter().zip(times) {
                    if *threads <= row.most_threads {
                        times.push(row.allocator.measure(*threads, depth));
                    }
                }
            }
        }
        drop(progress);
        println!(
            "{:21}{:>13}  {:>21}  {:>21}",
            "", "1 thread", "2 threads", "4 threads"
        );
        let (own, both) = (format!("{:>13}", "own"), "own          all");
        println!("{:21}{own}  {both:>21}  {both:>21}", "");
        for (row, times) in rows.iter().zip(times) {
            let [one, two, four] = times;
            let (own, _) = columns(one);
            let [two, four] = [two, four].map(columns);
            let line = format!(
                "{:21}{own}  {}{}  {}{}",
                row.name, two.0, two.1, four.0, four.1,
            );
            println!("{}", line.trim_end());
        }
    }

    /// A thread's own time, with its spread, and that of all together.
    fn columns(times: Vec<Time>) -> (String, String) {
        let own = times.iter().map(|time| time.own).collect();
        let all = times.iter().map(|time| time.all).collect();
        match (middle(own), middle(all)) {
            (Some((own, spread)), Some((all, _))) => {
                let spread = format!("±{spread:.1}");
                (format!("{own:6.1} {spread:6}"), format!("{all:8.1}"))
            }
            _ => (format!("{:>6}{:7}", "-", ""), format!("{:>8}", "-")),
        }
    }

    /// The time in the middle, and half of what the middle half of them covers.
    fn middle(mut times: Vec<f64>) -> Option<(f64, f64)> {
        times.sort_by(f64::total_cmp);
        let at = |part: usize| times.get(times.len() * part / 4).copied();
        Some((at(2)?, (at(3)? - at(1)?) / 2.0))
    }

    /// Nanoseconds for one `malloc` and one `free`.
    #[derive(Clone, Copy)]
    struct Time {
        own: f64,
        all: f64,
    }

    trait Measure {
        fn measure(&self, threads: usize, depth: usize) -> Time;
    }

    impl<A: Allocator> Measure for A {
        fn measure(&self, threads: usize, depth: usize) -> Time {
            let start = Barrier::new(threads);
            let done: Vec<(u64, Duration, Duration)> = thread::scope(|scope| {
                let work = |seed| {
                    start.wait();
                    work(self, depth, seed)
                };
                let threads: Vec<_> = (0..threads as u64)
                    .map(|seed| scope.spawn(move || work(seed)))
                    .collect();
                let join = |thread: thread::ScopedJoinHandle<_>| {
                    thread.join().expect("it does not panic")
                };
                threads.into_iter().map(join).collect()
            });
            let pairs = done.iter().map(|done| done.0).sum::<u64>() as f64;
            let own = done.iter().map(|done| done.1).sum::<Duration>();
            let all = done.iter().map(|done| done.2).max();
            let nanoseconds = |time: Duration| time.as_nanos() as f64 / pairs;
            Time {
                own: nanoseconds(own),
                all: nanoseconds(all.expect("at least one thread")),
            }
        }
    }

    /// Takes `depth` blocks and gives them back, again and again. Returns how
    /// many, what processor time they took and what time by the clock.
    fn work(
        allocator: &impl Allocator,
        depth: usize,
        seed: u64,
    ) -> (u64, Duration, Duration) {
        let mut rng = Rng::with_seed(seed);
        let mut blocks = [ptr::null_mut(); 10];
        let mut pairs = 0;
        let (own, all) = (own_time(), Instant::now());
        while all.elapsed() < LONG {
            for _ in 0..100 / depth {
                for block in &mut blocks[..depth] {
                    *block = allocator.malloc(rng.usize(16..=512));
                    assert!(!block.is_null(), "out of memory");
                }
                for &block in blocks[..depth].iter().rev() {
                    // SAFETY: nobody uses the block any more.
                    unsafe { allocator.free(black_box(block)) };
                }
            }
            pairs += 100;
        }
        (pairs, own_time() - own, all.elapsed())
    }

    /// For how long a processor has worked for this thread.
    fn own_time() -> Duration {
        let mut time = MaybeUninit::<libc::timespec>::zeroed();
        // SAFETY: the result may be written; zeroes are a time too.
        let time = unsafe {
            let clock = libc::CLOCK_THREAD_CPUTIME_ID;
            libc::clock_gettime(clock, time.as_mut_ptr());
            time.assume_init()
        };
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    trait Allocator: Sync {
        fn malloc(&self, size: usize) -> *mut u8;

        /// # Safety
        ///
        /// `block` is alive, and nobody uses it any more.
        unsafe fn free(&self, block: *mut u8);
    }

    struct Nothing;

    impl Allocator for Nothing {
        fn malloc(&self, size: usize) -> *mut u8 {
            ptr::without_provenance_mut(black_box(size))
        }

        unsafe fn free(&self, _block: *mut u8) {}
    }

    struct Glibc;

    impl Allocator for Glibc {
        fn malloc(&self, size: usize) -> *mut u8 {
            // SAFETY: it may fail.
            unsafe { libc::malloc(size).cast() }
        }

        unsafe fn free(&self, block: *mut u8) {
            // SAFETY: as the caller promises.
            unsafe { libc::free(block.cast()) };
        }
    }

    struct NoLock(UnsafeCell<Heap<ReservedBrk>>);

    // SAFETY: it is measured with one thread alone: see `most_threads`.
    unsafe impl Sync for NoLock {}

    impl Allocator for NoLock {
        fn malloc(&self, size: usize) -> *mut u8 {
            // SAFETY: one thread uses the heap.
            unsafe { (*self.0.get()).malloc(size) }
        }

        unsafe fn free(&self, block: *mut u8) {
            // SAFETY: as above, and as the caller promises.
            unsafe { (*self.0.get()).free(block) };
        }
    }

    impl Allocator for LockedHeap<ReservedBrk> {
        fn malloc(&self, size: usize) -> *mut u8 {
            self.malloc(size)
        }

        unsafe fn free(&self, block: *mut u8) {
            // SAFETY: as the caller promises.
            unsafe { self.free(block) };
        }
    }

    /// A lock whose wait gives no other thread a turn.
    type OnlySpins = spin::mutex::SpinMutex<Heap<ReservedBrk>, spin::Spin>;

    impl Allocator for OnlySpins {
        fn malloc(&self, size: usize) -> *mut u8 {
            self.lock().malloc(size)
        }

        unsafe fn free(&self, block: *mut u8) {
            // SAFETY: as the caller promises.
            unsafe { self.lock().free(block) };
        }
    }

    impl Allocator for std::sync::Mutex<Heap<ReservedBrk>> {
        fn malloc(&self, size: usize) -> *mut u8 {
            self.lock().expect("no thread panics").malloc(size)
        }

        unsafe fn free(&self, block: *mut u8) {
            let mut heap = self.lock().expect("no thread panics");
            // SAFETY: as the caller promises.
            unsafe { heap.free(block) };
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    program::main();
}
