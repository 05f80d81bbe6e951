//! Threads with stacks of their own do random work, hand blocks to each other,
//! end while others free what they had, and leave their stacks to the next.
//!
//! A failure names its seed. `MALLOC_SEED=17 cargo test -p stage5-lifo-stack
//! --test per_thread` begins with the same random numbers; what the threads
//! make of them together is another matter.

// Where there is no address space to reserve, there are no such stacks.
#![cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]

use std::collections::BTreeSet;
use std::env;
use std::process::Command;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, mpsc};
use std::thread;

use fastrand::Rng;
use stage5_lifo_stack::per_thread::stack::LARGEST;
use stage5_lifo_stack::per_thread::threads::{
    calloc, free, malloc, memalign, realloc, usable_size,
};

const THREADS: usize = 4;

/// Threads that come one after the other.
const GENERATIONS: usize = 10;

/// What a thread does in all.
const OPERATIONS: usize = 3000;

/// A block in the hands of the thread that may use it.
struct Block {
    payload: *mut u8,
    size: usize,
    /// What all its bytes are.
    byte: u8,
}

// SAFETY: nobody else has it.
unsafe impl Send for Block {}

impl Block {
    /// Takes what the heap gave into use.
    fn new(payload: *mut u8, size: usize, byte: u8) -> Self {
        assert!(!payload.is_null(), "there is memory for {size} bytes");
        // SAFETY: the heap says that this is a block.
        let usable = unsafe { usable_size(payload) };
        assert!(usable >= size, "{usable} bytes are usable of {size}");
        // SAFETY: the heap says that these bytes are ours.
        unsafe { payload.write_bytes(byte, size) };
        Self { payload, size, byte }
    }

    fn check(&self) {
        let what = "a block keeps its contents";
        expect_bytes(what, self.payload, self.size, self.byte);
    }

    fn check_and_free(self) {
        self.check();
        // SAFETY: the block is live, and ours.
        unsafe { free(self.payload) };
    }
}

/// The first `size` bytes at `payload`, which are ours, must all be `byte`.
fn expect_bytes(what: &str, payload: *mut u8, size: usize, byte: u8) {
    // SAFETY: the heap says that these bytes are ours.
    let bytes = unsafe { slice::from_raw_parts(payload, size) };
    if let Some(at) = bytes.iter().position(|&it| it != byte) {
        panic!(
            "{what}: byte {at} of {size} should be {byte} and is {}",
            bytes[at]
        );
    }
}

fn seed() -> u64 {
    let seed = match env::var("MALLOC_SEED") {
        Ok(seed) => seed.parse().expect("MALLOC_SEED is a number"),
        Err(_) => Rng::new().u64(..),
    };
    println!("MALLOC_SEED={seed}");
    seed
}

/// A thread, what it has, and what it shares with the others.
struct Worker<'a> {
    /// Blocks that any thread may take.
    table: &'a Mutex<Vec<Block>>,
    blocks: Vec<Block>,
    rng: Rng,
}

impl Worker<'_> {
    /// Works, and leaves what it still has on the table.
    fn work(mut self) {
        for _ in 0..OPERATIONS {
            match self.rng.u8(..10) {
                0..2 => self.malloc(),
                2 => self.calloc(),
                3 => self.memalign(),
                4 => self.realloc(),
                5 => self.put_on_the_table(),
                6 => self.take_from_the_table(),
                _ => self.free(),
            }
        }
        self.table.lock().unwrap().extend(self.blocks);
    }

    /// Of all three stacks, mostly of the first.
    fn size(&mut self) -> usize {
        match self.rng.u8(..) {
            0 => self.rng.usize(..=300 * 1024),
            1..20 => self.rng.usize(..=70 * 1024),
            20..60 => self.rng.usize(..=5000),
            _ => self.rng.usize(..=300),
        }
    }

    fn admit(&mut self, payload: *mut u8, size: usize) {
        let byte = self.rng.u8(..);
        self.blocks.push(Block::new(payload, size, byte));
    }

    fn any_block(&mut self) -> Option<Block> {
        if self.blocks.is_empty() {
            return None;
        }
        // Often the last, as it is when calls nest.
        let last = self.blocks.len() - 1;
        let at = if self.rng.bool() { last } else { self.rng.usize(..=last) };
        Some(self.blocks.swap_remove(at))
    }

    fn malloc(&mut self) {
        let size = self.size();
        self.admit(malloc(size), size);
    }

    fn calloc(&mut self) {
        let size = self.size();
        let payload = calloc(1, size);
        expect_bytes("calloc returns zeroes", payload, size, 0);
        self.admit(payload, size);
    }

    fn memalign(&mut self) {
        let (size, align) = (self.size(), 1 << self.rng.u32(4..14));
        let payload = memalign(align, size);
        assert_eq!(payload.addr() % align, 0, "the address modulo {align}");
        self.admit(payload, size);
    }

    fn realloc(&mut self) {
        let Some(block) = self.any_block() else { return };
        block.check();
        let size = self.size();
        // SAFETY: the block is live, and ours.
        let payload = unsafe { realloc(block.payload, size) };
        let kept = block.size.min(size);
        expect_bytes("realloc keeps the contents", payload, kept, block.byte);
        self.admit(payload, size);
    }

    fn free(&mut self) {
        if let Some(block) = self.any_block() {
            block.check_and_free();
        }
    }

    fn put_on_the_table(&mut self) {
        let block = self.any_block();
        self.table.lock().unwrap().extend(block);
    }

    fn take_from_the_table(&mut self) {
        let block = self.table.lock().unwrap().pop();
        self.blocks.extend(block);
    }
}

/// Each thread begins with stacks that another has left behind, and what that
/// one allocated is freed by those that come later.
#[test]
fn blocks_keep_their_contents_through_generations_of_threads() {
    let table = Mutex::new(Vec::new());
    let seed = seed();
    for generation in 0..GENERATIONS {
        thread::scope(|scope| {
            for number in 0..THREADS {
                let number = (generation * THREADS + number) as u64;
                let rng = Rng::with_seed(seed.wrapping_add(number));
                let blocks = Vec::new();
                let worker = Worker { table: &table, blocks, rng };
                scope.spawn(move || worker.work());
            }
        });
    }
    for block in table.into_inner().unwrap() {
        block.check_and_free();
    }
}

#[test]
fn threads_end_while_others_free_what_they_had() {
    let (sender, receiver) = mpsc::channel();
    let starter = thread::spawn(move || {
        for number in 0..400_usize {
            let sender = sender.clone();
            thread::spawn(move || {
                for size in 0..100 {
                    let byte = number as u8;
                    let block = Block::new(malloc(size * 13), size * 13, byte);
                    sender.send(block).expect("a receiver");
                }
            });
        }
    });
    let freed = receiver.into_iter().map(Block::check_and_free).count();
    starter.join().unwrap();
    assert_eq!(freed, 400 * 100, "blocks");
}

#[test]
fn a_block_outlives_its_thread_and_those_who_adopt_its_stacks() {
    let new_thread = |byte| {
        let blocks = move || {
            let sizes = [10, 900, 5000, 60_000, 200_000];
            sizes.map(|size| Block::new(malloc(size), size, byte))
        };
        thread::spawn(blocks).join().unwrap()
    };
    let blocks: Vec<_> = (0..50).flat_map(new_thread).collect();
    blocks.into_iter().for_each(Block::check_and_free);
}

// The stacks of a thread have 16 GiB of address space. Those for small blocks
// are at its start.

/// The number of the share that a small block is in.
fn share(payload: *mut u8) -> usize {
    payload.addr() >> 34
}

/// More than the tests of this file have threads at a time.
const MOST_SHARES: usize = 40;

#[test]
fn a_thousand_threads_one_by_one_need_no_more_stacks_than_one() {
    let shares: BTreeSet<usize> = (0..1000)
        .map(|_| {
            let thread = thread::spawn(|| {
                let block = Block::new(malloc(100), 100, 1);
                let share = share(block.payload);
                block.check_and_free();
                share
            });
            thread.join().unwrap()
        })
        .collect();
    let count = shares.len();
    assert!(count <= MOST_SHARES, "{count} stacks for 1,000 threads");
}

/// How often a destructor has run.
static DESTRUCTORS: AtomicUsize = AtomicUsize::new(0);

/// Frees what the thread had, and needs memory itself.
extern "C" fn at_the_end(block: *mut libc::c_void) {
    // SAFETY: it is a block of the thread that ends.
    unsafe { free(block.cast()) };
    Block::new(malloc(200), 200, 2).check_and_free();
    DESTRUCTORS.fetch_add(1, Ordering::Relaxed);
}

/// Has a block, and needs memory when it goes.
struct Local(Block);

impl Drop for Local {
    fn drop(&mut self) {
        self.0.check();
        // SAFETY: the block is live, and freed once.
        unsafe { free(self.0.payload) };
        Block::new(malloc(300), 300, 3).check_and_free();
        DESTRUCTORS.fetch_add(1, Ordering::Relaxed);
    }
}

thread_local! {
    static LOCAL: Local = Local(Block::new(malloc(100), 100, 1));
}

/// Rust's locals go first, then those by pthread_key_create(3), in the order of
/// their keys: ours is there from the first malloc on, and this one later.
#[test]
fn destructors_may_allocate_after_the_stacks_were_left_behind() {
    const COUNT: usize = 200;
    // SAFETY: the block is freed once.
    unsafe { free(malloc(1)) };
    let mut key = 0;
    // SAFETY: the key may be written.
    let result =
        unsafe { libc::pthread_key_create(&mut key, Some(at_the_end)) };
    assert_eq!(result, 0, "a key");
    let shares: BTreeSet<usize> = (0..COUNT)
        .map(|_| {
            let thread = thread::spawn(move || {
                let block = Block::new(malloc(100), 100, 1);
                // SAFETY: the key was made.
                unsafe { libc::pthread_setspecific(key, block.payload.cast()) };
                LOCAL.with(|local| local.0.check());
                share(block.payload)
            });
            thread.join().unwrap()
        })
        .collect();
    assert_eq!(DESTRUCTORS.load(Ordering::Relaxed), 2 * COUNT, "destructors");
    let count = shares.len();
    assert!(count <= MOST_SHARES, "{count} stacks for {COUNT} threads");
}

/// What one thread pushes another frees, so late that there is always
/// something under the top. Returns over how many bytes of addresses the blocks
/// lie.
fn span_of_a_queue(sizes: std::ops::RangeInclusive<usize>) -> usize {
    let (sender, receiver) = mpsc::sync_channel(500);
    let seed = seed();
    let producer = thread::spawn(move || {
        let mut rng = Rng::with_seed(seed);
        let (mut lowest, mut highest) = (usize::MAX, 0);
        for number in 0..50_000 {
            let size = rng.usize(sizes.clone());
            let block = Block::new(malloc(size), size, number as u8);
            lowest = lowest.min(block.payload.addr());
            highest = highest.max(block.payload.addr() + size);
            sender.send(block).expect("a receiver");
        }
        highest - lowest
    });
    receiver.into_iter().for_each(Block::check_and_free);
    producer.join().unwrap()
}

#[test]
fn a_queue_of_small_blocks_that_is_never_empty_does_not_grow() {
    let span = span_of_a_queue(1..=1000);
    // In all 25 MB; at a time 250 kB.
    assert!(span <= 4 << 20, "the blocks lie over {span} bytes");
}

#[test]
fn a_queue_of_larger_blocks_that_is_never_empty_does_not_grow() {
    let span = span_of_a_queue(2000..=10_000);
    // In all 300 MB; at a time 3 MB.
    assert!(span <= 24 << 20, "the blocks lie over {span} bytes");
}

/// How many of the pages of a block are in memory.
fn pages_in_memory(payload: *mut u8, size: usize) -> usize {
    const PAGE: usize = 4096;
    let start = payload.map_addr(|addr| addr.next_multiple_of(PAGE));
    let len = (size - PAGE) / PAGE * PAGE;
    let mut pages = vec![0_u8; len / PAGE];
    // SAFETY: mincore(2) writes a byte for each page.
    let result =
        unsafe { libc::mincore(start.cast(), len, pages.as_mut_ptr()) };
    assert_eq!(result, 0, "the pages are mapped");
    pages.iter().filter(|&page| page & 1 == 1).count()
}

#[test]
#[cfg_attr(
    not(target_arch = "x86_64"),
    ignore = "needs to know the size of a page"
)]
fn the_memory_of_a_large_block_goes_back_from_under_a_live_one() {
    const SIZE: usize = 16 << 20;
    let large = Block::new(malloc(SIZE), SIZE, 1);
    let guard = Block::new(malloc(SIZE), SIZE, 2);
    let (place, used) = (large.payload, pages_in_memory(large.payload, SIZE));
    large.check_and_free();
    let left = pages_in_memory(place, SIZE);
    assert_eq!((used, left), (SIZE / 4096 - 1, 0), "pages before and after");
    guard.check_and_free();
}

#[test]
fn what_is_too_large_is_null_and_nothing_is_lost() {
    let block = Block::new(malloc(100), 100, 1);
    for size in [LARGEST + 1, isize::MAX as usize, usize::MAX] {
        assert!(malloc(size).is_null(), "{size} bytes");
        assert!(calloc(1, size).is_null(), "{size} bytes");
        assert!(memalign(64, size).is_null(), "{size} bytes");
        // SAFETY: the block is live, and stays so.
        let new = unsafe { realloc(block.payload, size) };
        assert!(new.is_null(), "{size} bytes");
    }
    assert!(calloc(usize::MAX / 2 + 1, 2).is_null(), "an overflow");
    assert!(memalign(48, 1).is_null(), "an alignment of 48");
    block.check_and_free();
}

#[test]
fn the_largest_block_can_be_had() {
    // Its pages are not touched.
    let largest = malloc(LARGEST);
    assert!(!largest.is_null(), "{LARGEST} bytes");
    // SAFETY: the block has so many bytes.
    unsafe { largest.add(LARGEST - 1).write(1) };
    // SAFETY: the block is live.
    unsafe { free(largest) };
}

#[test]
fn null_may_be_freed_and_has_no_bytes() {
    // SAFETY: null is allowed.
    unsafe {
        free(ptr::null_mut());
        assert_eq!(usable_size(ptr::null_mut()), 0);
    }
}

/// Lets the process have no more memory, or as much as it likes again.
fn limit_memory(is_limited: bool) {
    // SAFETY: the limit may be read and written.
    unsafe {
        let mut limit = std::mem::zeroed::<libc::rlimit>();
        assert_eq!(libc::getrlimit(libc::RLIMIT_DATA, &mut limit), 0);
        limit.rlim_cur = if is_limited { 1 } else { limit.rlim_max };
        assert_eq!(libc::setrlimit(libc::RLIMIT_DATA, &limit), 0);
    }
}

/// Runs a test in a process of its own, where nobody has left stacks behind.
/// True if this is that process.
#[track_caller]
fn is_alone(name: &str) -> bool {
    if env::var_os("ALONE").is_some() {
        return true;
    }
    let output = Command::new(env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env("ALONE", "yes")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    false
}

#[test]
fn a_thread_that_got_no_stacks_gets_some_when_there_is_memory_again() {
    let name =
        "a_thread_that_got_no_stacks_gets_some_when_there_is_memory_again";
    if !is_alone(name) {
        return;
    }
    let mine = Block::new(malloc(100), 100, 1);
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            // It has begun, and has what it needs for that.
            barrier.wait();
            barrier.wait();
            let denied = [malloc(100), malloc(100)];
            barrier.wait();
            barrier.wait();
            assert_eq!(denied, [ptr::null_mut(); 2], "while there is none");
            Block::new(malloc(100), 100, 2).check_and_free();
        });
        barrier.wait();
        limit_memory(true);
        barrier.wait();
        barrier.wait();
        limit_memory(false);
        barrier.wait();
    });
    mine.check_and_free();
}

/// How many bytes of address space the process has.
fn address_space() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages = statm.split(' ').next().expect("a number first");
    pages.parse::<usize>().expect("a number of pages") * 4096
}

#[test]
#[cfg_attr(
    not(target_arch = "x86_64"),
    ignore = "needs to know the size of a page"
)]
fn address_space_is_taken_once_though_there_is_no_memory_at_first() {
    let name = "address_space_is_taken_once_though_there_is_no_memory_at_first";
    if !is_alone(name) {
        return;
    }
    let before = address_space();
    limit_memory(true);
    let denied = [malloc(100), malloc(100)];
    limit_memory(false);
    assert_eq!(denied, [ptr::null_mut(); 2], "while there is none");
    Block::new(malloc(100), 100, 2).check_and_free();
    let taken = address_space() - before;
    assert!(taken < (1 << 46) + (1 << 30), "{taken} bytes are more than once");
}
