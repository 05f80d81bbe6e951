//! What one `malloc` and one `free` cost where calls nest, and how large a
//! stack of chunks gets that several threads share.
//!
//! ```text
//! cargo run --release -p timing --example nested
//! ```
//!
//! A function allocates one to three blocks of 16 to 512 bytes, calls another
//! one that does the same, and then frees its blocks. All allocators do the
//! same work in the same process, in turns, and are called in the same way.
//! What the work costs without any allocator is measured too, and taken off.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod program {
    use std::hint::black_box;
    use std::ptr::{self, NonNull};
    use std::sync::Barrier;
    use std::thread;
    use std::time::{Duration, Instant};

    use fastrand::Rng;
    use stage5_lifo_stack::{Brk, Heap, LockedHeap, Mutex, ReservedBrk};
    use timing::progress::Progress;

    /// How many calls are open at the deepest point.
    const DEPTHS: [usize; 3] = [10, 100, 1000];

    /// Each is measured so often, and the time in the middle counts.
    const TIMES: usize = 9;

    /// How long a measurement takes at least.
    const LONG: Duration = Duration::from_millis(20);

    /// Records for all chunks of one thread.
    const CHUNKS: usize = 4096;

    /// In which order a function frees what it has allocated.
    #[derive(Clone, Copy)]
    enum Order {
        LastFirst,
        Any,
    }

    pub fn main() {
        println!("Nanoseconds for a malloc and a free while calls nest");
        println!("\nA function frees its blocks the last one first:");
        print_table(Order::LastFirst);
        println!("\nA function frees its blocks in any order:");
        print_table(Order::Any);
        println!(
            "\nThreads whose calls nest, {DEEP} deep, on one stack of chunks:"
        );
        print_sizes();
    }

    type Row = (&'static str, Box<dyn Allocator>);

    fn rows() -> [Row; 6] {
        let brk = ReservedBrk::new;
        let stage_3: stage3_freelist::Heap<_> =
            stage3_freelist::Heap::new(Own(brk()));
        let no_lock = Heap::<_, CHUNKS>::new(brk());
        let one_stack =
            LockedHeap::<_, CHUNKS>::new(Mutex::new(Heap::new(brk())));
        [
            ("no allocator", Box::new(Nothing)),
            ("stage 3", Box::new(stage_3)),
            ("stage 4", Box::new(stage_4())),
            ("one stack, no lock", Box::new(no_lock)),
            ("one stack", Box::new(one_stack)),
            ("glibc", Box::new(Glibc)),
        ]
    }

    fn stage_4() -> Stage4 {
        use stage4_threadsafe::{Heap, Mutex, ReservedBrk};
        Stage4::new(Mutex::new(Heap::new(ReservedBrk::new())))
    }

    fn print_table(order: Order) {
        let mut rows = rows();
        let progress = Progress::new(DEPTHS.len());
        let columns = DEPTHS.map(|depth| {
            progress.step(format!("{depth} calls deep"));
            measure(&mut rows, depth, order)
        });
        drop(progress);
        let depths = DEPTHS.map(|depth| format!(" {depth:>8}      ")).concat();
        println!("{:20}{}", "calls deep", depths.trim_end());
        for (index, (name, _)) in rows.iter().enumerate() {
            print!("{name:20}");
            for column in &columns {
                let (time, spread) = column[index];
                print!(" {time:8.1} {:5}", format!("±{spread:.1}"));
            }
            println!();
        }
    }

    /// For each row the time for a pair and its spread; the first one's time is
    /// taken off the others'.
    fn measure(
        rows: &mut [Row],
        depth: usize,
        order: Order,
    ) -> Vec<(f64, f64)> {
        let mut times = vec![Vec::new(); rows.len()];
        // In turns: what else the machine does hits all of them.
        for _ in 0..TIMES {
            for ((_, allocator), times) in rows.iter_mut().zip(&mut times) {
                times.push(nanoseconds(&mut **allocator, depth, order));
            }
        }
        let mut results: Vec<_> = times.into_iter().map(middle).collect();
        let alone = results[0].0;
        for (time, _) in &mut results[1..] {
            *time -= alone;
        }
        results
    }

    /// The time in the middle, and half of what the middle half of them covers.
    fn middle(mut times: Vec<f64>) -> (f64, f64) {
        times.sort_by(f64::total_cmp);
        let at = |part: usize| times[times.len() * part / 4];
        (at(2), (at(3) - at(1)) / 2.0)
    }

    /// The time for a `malloc` and a `free`.
    fn nanoseconds(
        allocator: &mut dyn Allocator,
        depth: usize,
        order: Order,
    ) -> f64 {
        let mut work = Work {
            allocator,
            order,
            rng: Rng::with_seed(1),
            pairs: 0,
            at_the_bottom: || (),
        };
        // The others have had the processor's cache: this one needs it now.
        work.call(depth);
        work.pairs = 0;
        let start = Instant::now();
        while start.elapsed() < LONG {
            work.call(depth);
        }
        start.elapsed().as_nanos() as f64 / f64::from(work.pairs)
    }

    struct Work<'a> {
        allocator: &'a mut dyn Allocator,
        order: Order,
        rng: Rng,
        pairs: u32,
        /// What is done where nothing more is called.
        at_the_bottom: fn(),
    }

    impl Work<'_> {
        /// A function that has memory of its own, and calls another.
        #[inline(never)]
        fn call(&mut self, depth: usize) {
            let mut blocks = [ptr::null_mut(); 3];
            let blocks = &mut blocks[..self.rng.usize(1..=3)];
            for block in &mut *blocks {
                *block = self.allocator.malloc(self.rng.usize(16..=512));
                assert!(!block.is_null(), "out of memory");
            }
            if depth > 1 {
                self.call(depth - 1);
            } else {
                (self.at_the_bottom)();
            }
            if let Order::Any = self.order {
                self.rng.shuffle(blocks);
            }
            for &mut block in blocks.iter_mut().rev() {
                // SAFETY: the block is ours, and nobody uses it any more.
                unsafe { self.allocator.free(block) };
            }
            self.pairs += blocks.len() as u32;
        }
    }

    // Several threads.

    const DEEP: usize = 100;

    /// How often a thread goes down and comes back.
    const ROUNDS: usize = 1000;

    /// The stack that they share, with room for all that they ever allocate.
    static SHARED: LockedHeap<ReservedBrk, { 1 << 20 }> =
        LockedHeap::new(Mutex::new(Heap::new(ReservedBrk::new())));

    fn print_sizes() {
        println!("{:18} {:>12}", "", "MB of heap");
        let alone = most_heap(1);
        for (name, bytes) in [
            ("1 thread", alone),
            ("2 threads", most_heap(2)),
            ("4 threads", most_heap(4)),
            ("4, a stack each", 4 * alone),
        ] {
            println!("{name:20} {:12.2}", bytes as f64 / 1e6);
        }
    }

    /// How far up the shared stack reaches while so many threads work. It is
    /// empty before and after.
    fn most_heap(threads: u64) -> usize {
        let start = Barrier::new(threads as usize);
        let highest = thread::scope(|scope| {
            let start = |seed| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    highest(seed)
                })
            };
            let threads: Vec<_> = (0..threads).map(start).collect();
            threads.into_iter().map(|it| it.join().expect("no panic")).max()
        });
        let highest = highest.expect("a thread");
        let heap = SHARED.heap.lock();
        assert_eq!(heap.chunks().len(), 1, "all is freed");
        highest - heap.chunks()[0].end.addr()
    }

    /// Lets calls nest, and returns how far up a chunk has reached.
    fn highest(seed: u64) -> usize {
        let mut watched = Watched { highest: 0 };
        let rng = Rng::with_seed(seed);
        let mut work = Work {
            allocator: &mut watched,
            order: Order::LastFirst,
            rng,
            pairs: 0,
            // As a thread that waits for something, and has memory meanwhile.
            at_the_bottom: thread::yield_now,
        };
        for _ in 0..ROUNDS {
            work.call(DEEP);
        }
        watched.highest
    }

    /// The shared stack, as one thread sees it.
    struct Watched {
        highest: usize,
    }

    impl Allocator for Watched {
        fn malloc(&mut self, size: usize) -> *mut u8 {
            let chunk = SHARED.malloc(size);
            self.highest = self.highest.max(chunk.addr() + size);
            chunk
        }

        unsafe fn free(&mut self, block: *mut u8) {
            // SAFETY: as the caller promises.
            unsafe { SHARED.free(block) };
        }
    }

    // The allocators.

    trait Allocator {
        fn malloc(&mut self, size: usize) -> *mut u8;

        /// # Safety
        ///
        /// `block` is alive, and nobody uses it any more.
        unsafe fn free(&mut self, block: *mut u8);
    }

    struct Nothing;

    impl Allocator for Nothing {
        fn malloc(&mut self, size: usize) -> *mut u8 {
            ptr::without_provenance_mut(black_box(size))
        }

        unsafe fn free(&mut self, block: *mut u8) {
            black_box(block);
        }
    }

    struct Glibc;

    impl Allocator for Glibc {
        fn malloc(&mut self, size: usize) -> *mut u8 {
            // SAFETY: it may fail.
            unsafe { libc::malloc(size).cast() }
        }

        unsafe fn free(&mut self, block: *mut u8) {
            // SAFETY: as the caller promises.
            unsafe { libc::free(block.cast()) };
        }
    }

    impl Allocator for Heap<ReservedBrk, CHUNKS> {
        fn malloc(&mut self, size: usize) -> *mut u8 {
            self.malloc(size)
        }

        unsafe fn free(&mut self, block: *mut u8) {
            // SAFETY: as the caller promises.
            unsafe { self.free(block) };
        }
    }

    impl Allocator for LockedHeap<ReservedBrk, CHUNKS> {
        fn malloc(&mut self, size: usize) -> *mut u8 {
            LockedHeap::malloc(self, size)
        }

        unsafe fn free(&mut self, block: *mut u8) {
            // SAFETY: as the caller promises.
            unsafe { LockedHeap::free(self, block) };
        }
    }

    type Stage4 = stage4_threadsafe::LockedHeap<stage4_threadsafe::ReservedBrk>;

    impl Allocator for Stage4 {
        fn malloc(&mut self, size: usize) -> *mut u8 {
            Stage4::malloc(self, size)
        }

        unsafe fn free(&mut self, block: *mut u8) {
            // SAFETY: as the caller promises.
            unsafe { Stage4::free(self, block) };
        }
    }

    impl Allocator for stage3_freelist::Heap<Own> {
        fn malloc(&mut self, size: usize) -> *mut u8 {
            self.malloc(size)
        }

        unsafe fn free(&mut self, block: *mut u8) {
            // SAFETY: as the caller promises.
            unsafe { self.free(block) };
        }
    }

    /// The break of stage 5 under a heap of stage 3, which has none of its own.
    struct Own(ReservedBrk);

    // SAFETY: it is a `ReservedBrk`.
    unsafe impl stage3_freelist::Brk for Own {
        unsafe fn sbrk(
            &mut self,
            increment: isize,
        ) -> Result<NonNull<u8>, stage3_freelist::OutOfMemory> {
            // SAFETY: as the caller promises.
            unsafe { self.0.sbrk(increment) }
                .map_err(|_| stage3_freelist::OutOfMemory)
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    program::main();
}
