//! What one `malloc` and one `free` cost while a thousand to a million blocks
//! are alive, on our heaps and on the C library's.
//!
//! ```text
//! cargo run --release -p timing --example live_blocks
//! ```
//!
//! All of them do the same work in the same process, in turns. What the work
//! costs without any allocator is measured too, and taken off.

use std::hint::black_box;
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

use fastrand::Rng;
use timing::progress::Progress;

/// How many blocks are alive.
const ALIVE: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// Each of them is measured so often, and the time in the middle counts.
const TIMES: usize = 9;

/// A measurement ends after so many pairs of `malloc` and `free`, or so long.
const PAIRS: u32 = 100_000;
const LONG: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, PartialEq)]
enum Order {
    /// A new block takes the place of any of those that are alive.
    Random,
    /// A new block comes on top of those that are alive, and goes.
    Last,
}

/// What is measured.
struct Row {
    name: &'static str,
    /// With more blocks alive it does not finish.
    most: usize,
    work: fn(usize, Order) -> Box<dyn Measure>,
}

const ROWS: [Row; 5] = [
    Row {
        name: "no allocator",
        most: usize::MAX,
        work: |alive, order| Work::start(Nothing, alive, order),
    },
    Row {
        name: "stage 2",
        most: 100_000,
        work: |alive, order| {
            let heap = stage2_headers::Heap::new(Region::new());
            Work::start(heap, alive, order)
        },
    },
    Row {
        name: "stage 3, one list",
        most: 100_000,
        work: |alive, order| {
            let heap = stage3_freelist::Heap::<_, 1>::new(Region::new());
            Work::start(heap, alive, order)
        },
    },
    Row {
        name: "stage 3, 128 lists",
        most: usize::MAX,
        work: |alive, order| {
            let heap = stage3_freelist::Heap::<_, 128>::new(Region::new());
            Work::start(heap, alive, order)
        },
    },
    Row {
        name: "glibc",
        most: usize::MAX,
        work: |alive, order| Work::start(Glibc, alive, order),
    },
];

fn main() {
    println!(
        "Nanoseconds for a malloc and a free; the rise from left to right"
    );
    println!("\nA block of 16 to 512 bytes takes the place of a random one:");
    print_table(Order::Random);
    println!(
        "\nA block of 16 to 512 bytes comes on top of the others, and goes:"
    );
    print_table(Order::Last);
}

fn print_table(order: Order) {
    let progress = Progress::new(ALIVE.len());
    let columns = ALIVE.map(|alive| {
        progress.step(format!("{alive} blocks alive"));
        measure(alive, order)
    });
    drop(progress);
    let alive = ALIVE.map(|alive| format!(" {alive:>8}        ")).concat();
    println!("{:18}{}", "blocks alive", alive.trim_end());
    for (index, row) in ROWS.iter().enumerate() {
        print!("{:18}", row.name);
        let times = columns.each_ref().map(|column| column[index]);
        for time in times {
            match time {
                Some((time, spread)) => {
                    let spread = format!("±{}", short(spread));
                    print!(" {:>8} {spread:7}", short(time));
                }
                None => print!(" {:>8}        ", "-"),
            }
        }
        let first = times.iter().flatten().next();
        let last = times.iter().flatten().next_back();
        if let (Some(&(first, _)), Some(&(last, _))) = (first, last) {
            print!("  ×{}", short(last / first));
        }
        println!();
    }
}

/// A number with a digit after the point, if that says something.
fn short(number: f64) -> String {
    if number < 100.0 { format!("{number:.1}") } else { format!("{number:.0}") }
}

/// For each row the time for a pair and its spread, if it finishes.
fn measure(alive: usize, order: Order) -> [Option<(f64, f64)>; ROWS.len()] {
    let mut works =
        ROWS.map(|row| (alive <= row.most).then(|| (row.work)(alive, order)));
    let mut times = [const { Vec::new() }; ROWS.len()];
    // In turns: what else the machine does hits all of them.
    for _ in 0..TIMES {
        for (work, times) in works.iter_mut().zip(&mut times) {
            times.extend(work.as_mut().map(|work| work.measure(order)));
        }
    }
    let mut results = times.map(middle);
    let alone = results[0].expect("no allocator finishes").0;
    for (time, _) in results[1..].iter_mut().flatten() {
        *time -= alone;
    }
    results
}

/// The time in the middle, and half of what the middle half of them covers.
fn middle(mut times: Vec<f64>) -> Option<(f64, f64)> {
    times.sort_by(f64::total_cmp);
    let at = |part: usize| times.get(times.len() * part / 4).copied();
    Some((at(2)?, (at(3)? - at(1)?) / 2.0))
}

trait Measure {
    /// Nanoseconds for one `malloc` and one `free`.
    fn measure(&mut self, order: Order) -> f64;
}

/// An allocator, and the blocks that it has given out.
struct Work<A: Allocator> {
    allocator: A,
    blocks: Vec<*mut u8>,
    rng: Rng,
}

impl<A: Allocator + 'static> Work<A> {
    fn start(allocator: A, alive: usize, order: Order) -> Box<dyn Measure> {
        let (blocks, rng) = (Vec::new(), Rng::with_seed(1));
        let mut work = Self { allocator, blocks, rng };
        for _ in 0..alive {
            let block = work.malloc();
            work.blocks.push(block);
        }
        // A heap that uses memory again has to age until it does so.
        if order == Order::Random {
            for _ in 0..2 * alive {
                work.pair(order);
            }
        }
        Box::new(work)
    }

    fn malloc(&mut self) -> *mut u8 {
        let size = self.rng.usize(16..=512);
        let block = self.allocator.malloc(size);
        assert!(!block.is_null(), "out of memory");
        block
    }

    fn pair(&mut self, order: Order) {
        let block = match order {
            Order::Random => {
                let at = self.rng.usize(..self.blocks.len());
                let block = self.malloc();
                std::mem::replace(&mut self.blocks[at], block)
            }
            Order::Last => self.malloc(),
        };
        // SAFETY: nobody uses the block any more.
        unsafe { self.allocator.free(black_box(block)) };
    }

    /// Does many pairs. Returns how many, and how long they took.
    fn pairs(
        &mut self,
        order: Order,
        most: u32,
        long: Duration,
    ) -> (u32, Duration) {
        let start = Instant::now();
        let mut pairs = 0;
        while pairs < most && start.elapsed() < long {
            for _ in 0..20 {
                self.pair(order);
            }
            pairs += 20;
        }
        (pairs, start.elapsed())
    }
}

impl<A: Allocator + 'static> Measure for Work<A> {
    fn measure(&mut self, order: Order) -> f64 {
        // The others have had the processor's cache: this one needs it now.
        self.pairs(order, PAIRS / 10, LONG / 10);
        let (pairs, time) = self.pairs(order, PAIRS, LONG);
        time.as_nanos() as f64 / f64::from(pairs)
    }
}

impl<A: Allocator> Drop for Work<A> {
    fn drop(&mut self) {
        for &block in &self.blocks {
            // SAFETY: the block is alive, and nobody will use it.
            unsafe { self.allocator.free(block) };
        }
    }
}

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

    unsafe fn free(&mut self, _block: *mut u8) {}
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

impl Allocator for stage2_headers::Heap<Region> {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.malloc(size)
    }

    unsafe fn free(&mut self, block: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { self.free(block) };
    }
}

impl<const LISTS: usize> Allocator for stage3_freelist::Heap<Region, LISTS> {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.malloc(size)
    }

    unsafe fn free(&mut self, block: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { self.free(block) };
    }
}

/// A break in a gigabyte of its own. The system gives the memory when it is
/// touched, so what is not used costs nothing.
struct Region {
    start: NonNull<u8>,
    used: usize,
    _memory: Vec<u8>,
}

impl Region {
    const BYTES: usize = 1 << 30;

    fn new() -> Self {
        let mut memory = vec![0; Self::BYTES];
        let start = NonNull::from(&mut *memory).cast();
        Self { start, used: 0, _memory: memory }
    }

    fn sbrk(&mut self, increment: isize) -> Option<NonNull<u8>> {
        let old = self.used;
        let new = old.checked_add_signed(increment)?;
        self.used = (new <= Self::BYTES).then_some(new)?;
        // SAFETY: the break stays inside the region.
        Some(unsafe { self.start.add(old) })
    }
}

// SAFETY: the region is nobody else's and has been zero; `start` reaches all of
// it.
unsafe impl stage2_headers::Brk for Region {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, stage2_headers::OutOfMemory> {
        self.sbrk(increment).ok_or(stage2_headers::OutOfMemory)
    }
}

// SAFETY: as above.
unsafe impl stage3_freelist::Brk for Region {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, stage3_freelist::OutOfMemory> {
        self.sbrk(increment).ok_or(stage3_freelist::OutOfMemory)
    }
}
