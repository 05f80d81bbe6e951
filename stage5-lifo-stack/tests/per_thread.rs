//! Threads with stacks of their own do random work, hand blocks to each other,
//! end while others free what they had, and leave their stacks to the next.
//!
//! A failure names its seed. `MALLOC_SEED=17 cargo test -p stage5-lifo-stack
//! --test per_thread` begins with the same random numbers; what the threads
//! make of them together is another matter.

// Where there is no mmap, there are no such stacks.
#![cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]

mod alone;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, mpsc};
use std::thread;
use std::{env, fs};

use alone::is_alone;
use fastrand::Rng;
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
    // Much is compared: a piece at a time, and byte by byte if one is wrong.
    let expected = [byte; 4096];
    let is_as_expected = |part: &[u8]| *part == expected[..part.len()];
    if bytes.chunks(expected.len()).all(is_as_expected) {
        return;
    }
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

    /// Of chunks and large blocks, mostly small.
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

/// Bytes of a segment.
const SEGMENT: usize = 1 << 21;

/// The number of the segment that a small block is in.
fn segment(payload: *mut u8) -> usize {
    payload.addr() / SEGMENT
}

/// More than the tests of this file have threads at a time.
const MOST_HEAPS: usize = 40;

#[test]
fn a_thousand_threads_one_by_one_need_no_more_stacks_than_one() {
    let heaps: BTreeSet<usize> = (0..1000)
        .map(|_| {
            let thread = thread::spawn(|| {
                let block = Block::new(malloc(100), 100, 1);
                let segment = segment(block.payload);
                block.check_and_free();
                segment
            });
            thread.join().unwrap()
        })
        .collect();
    let count = heaps.len();
    assert!(count <= MOST_HEAPS, "{count} stacks for 1,000 threads");
}

#[test]
fn a_thousand_threads_one_by_one_that_leave_a_chunk_need_one_stack() {
    let name =
        "a_thousand_threads_one_by_one_that_leave_a_chunk_need_one_stack";
    if !is_alone(name) {
        return;
    }
    let stacks: BTreeSet<usize> = (0..1000)
        .map(|_| {
            let thread = thread::spawn(|| segment(malloc(100)));
            thread.join().unwrap()
        })
        .collect();
    assert_eq!(stacks.len(), 1, "segments that 1,000 threads began in");
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
    let heaps: BTreeSet<usize> = (0..COUNT)
        .map(|_| {
            let thread = thread::spawn(move || {
                let block = Block::new(malloc(100), 100, 1);
                // SAFETY: the key was made.
                unsafe { libc::pthread_setspecific(key, block.payload.cast()) };
                LOCAL.with(|local| local.0.check());
                segment(block.payload)
            });
            thread.join().unwrap()
        })
        .collect();
    assert_eq!(DESTRUCTORS.load(Ordering::Relaxed), 2 * COUNT, "destructors");
    let count = heaps.len();
    assert!(count <= MOST_HEAPS, "{count} stacks for {COUNT} threads");
}

/// What one thread pushes another frees, so late that there is always
/// something under the top. Returns how many KiB of memory that takes at most.
fn memory_of_a_queue(sizes: std::ops::RangeInclusive<usize>) -> usize {
    let (sender, receiver) = mpsc::sync_channel(500);
    let seed = seed();
    let (before, _) = memory();
    let producer = thread::spawn(move || {
        let mut rng = Rng::with_seed(seed);
        let mut most = 0;
        for number in 0..50_000 {
            let size = rng.usize(sizes.clone());
            let block = Block::new(malloc(size), size, number as u8);
            sender.send(block).expect("a receiver");
            if number % 500 == 0 {
                most = most.max(memory().0);
            }
        }
        most
    });
    receiver.into_iter().for_each(Block::check_and_free);
    producer.join().unwrap().saturating_sub(before)
}

#[test]
fn a_queue_of_small_blocks_that_is_never_empty_does_not_grow() {
    let name = "a_queue_of_small_blocks_that_is_never_empty_does_not_grow";
    if is_alone(name) {
        let most = memory_of_a_queue(1..=1000);
        // In all 25 MB; at a time 250 kB. It takes 2 to 8 MiB, which is up to
        // four segments.
        assert!(most <= 12_000, "{most} KiB");
    }
}

#[test]
fn a_queue_of_larger_blocks_that_is_never_empty_does_not_grow() {
    let name = "a_queue_of_larger_blocks_that_is_never_empty_does_not_grow";
    if is_alone(name) {
        let most = memory_of_a_queue(2000..=10_000);
        // In all 300 MB; at a time 3 MB.
        assert!(most <= 20_000, "{most} KiB");
    }
}

/// So many segments of a stack are in small pages.
const SMALL: usize = 2;

#[test]
fn from_its_third_segment_on_a_stack_asks_for_huge_pages() {
    let name = "from_its_third_segment_on_a_stack_asks_for_huge_pages";
    let has_them = Path::new("/sys/kernel/mm/transparent_hugepage").exists();
    if !has_them || !is_alone(name) {
        return;
    }
    let mut segments = Vec::new();
    while segments.len() < 2 * SMALL {
        let segment = segment(malloc(1000));
        if segments.last() != Some(&segment) {
            segments.push(segment);
        }
    }
    let maps = fs::read_to_string("/proc/self/smaps").unwrap();
    let asked = |segment| wants_huge_pages(&maps, segment * SEGMENT);
    let asked: Vec<bool> = segments.into_iter().map(asked).collect();
    let expected = [[false; SMALL], [true; SMALL]].concat();
    assert_eq!(asked, expected, "left: asked; right: expected");
}

#[test]
fn a_large_block_asks_for_huge_pages_unless_it_must_be_zero() {
    let name = "a_large_block_asks_for_huge_pages_unless_it_must_be_zero";
    let has_them = Path::new("/sys/kernel/mm/transparent_hugepage").exists();
    if !has_them || !is_alone(name) {
        return;
    }
    let huge = 2 * SEGMENT;
    let blocks = [malloc(huge), calloc(1, huge), malloc(SEGMENT / 2)];
    let maps = fs::read_to_string("/proc/self/smaps").unwrap();
    let asked = blocks.map(|block| wants_huge_pages(&maps, block.addr()));
    assert_eq!(asked, [true, false, false], "left: asked; right: expected");
    let begins = blocks[0].addr() % SEGMENT;
    assert!(
        begins < page_size(),
        "bytes from where a huge page begins: {begins}"
    );
}

/// Whether the system was asked for huge pages at an address: see VmFlags in
/// proc_pid_smaps(5).
fn wants_huge_pages(maps: &str, address: usize) -> bool {
    let mut is_here = false;
    for line in maps.lines() {
        if let Some(range) = range(line) {
            is_here = range.contains(&address);
        } else if is_here && line.starts_with("VmFlags:") {
            return line.split(' ').any(|flag| flag == "hg");
        }
    }
    false
}

/// The addresses with which a line of maps begins.
fn range(line: &str) -> Option<Range<usize>> {
    let (start, end) = line.split(' ').next()?.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some(address(start)?..address(end)?)
}

/// How many KiB the process has: of memory, and of address space.
fn memory() -> (usize, usize) {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let mut numbers = statm.split(' ').map(|number| {
        let pages = number.parse::<usize>().expect("a number of pages");
        pages * page_size() / 1024
    });
    let size = numbers.next().expect("a number first");
    (numbers.next().expect("a second one"), size)
}

fn page_size() -> usize {
    // SAFETY: sysconf(3) reads a number.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

#[test]
fn what_is_too_large_is_null_and_nothing_is_lost() {
    let block = Block::new(malloc(100), 100, 1);
    let large = Block::new(malloc(1 << 20), 1 << 20, 2);
    for size in [isize::MAX as usize / 2, isize::MAX as usize, usize::MAX] {
        assert!(malloc(size).is_null(), "{size} bytes");
        assert!(calloc(1, size).is_null(), "{size} bytes");
        assert!(memalign(64, size).is_null(), "{size} bytes");
        assert!(memalign(1 << 40, size).is_null(), "{size} bytes");
        // SAFETY: the blocks are live, and stay so.
        unsafe {
            assert!(realloc(block.payload, size).is_null(), "{size} bytes");
            assert!(realloc(large.payload, size).is_null(), "{size} bytes");
        }
    }
    assert!(calloc(usize::MAX / 2 + 1, 2).is_null(), "an overflow");
    assert!(memalign(48, 1).is_null(), "an alignment of 48");
    block.check_and_free();
    large.check_and_free();
}

#[test]
fn a_block_may_have_more_than_four_gib() {
    const SIZE: usize = 5 << 30;
    // Its pages are not touched.
    let block = malloc(SIZE);
    assert!(!block.is_null(), "{SIZE} bytes");
    // SAFETY: the block has so many bytes.
    unsafe { block.add(SIZE - 1).write(1) };
    // SAFETY: the block is live.
    unsafe { free(block) };
}

#[test]
fn every_alignment_can_be_had_many_times() {
    let blocks: Vec<Block> = (4..23)
        .flat_map(|shift| [1_usize << shift; 50])
        .map(|align| {
            let block = Block::new(memalign(align, 3000), 3000, 7);
            assert_eq!(block.payload.addr() % align, 0, "modulo {align}");
            block
        })
        .collect();
    blocks.into_iter().for_each(Block::check_and_free);
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

#[test]
fn nothing_is_reserved_beyond_what_is_used() {
    let name = "nothing_is_reserved_beyond_what_is_used";
    if !is_alone(name) {
        return;
    }
    let (_, before) = memory();
    Block::new(malloc(100), 100, 2).check_and_free();
    let (_, after) = memory();
    let taken = (after - before) / 1024;
    // A segment, and a part of the table.
    assert!(taken <= 3, "{taken} MiB of address space for one block");
}

#[test]
fn what_a_program_frees_goes_back() {
    let name = "what_a_program_frees_goes_back";
    if !is_alone(name) {
        return;
    }
    // Of small blocks there are many in each segment, down to the last.
    for (count, largest) in [(200_000, 1000), (1_500_000, 64)] {
        all_goes_back(count, largest);
    }
}

/// In an order that has nothing to do with that of the addresses.
fn all_goes_back(count: usize, largest: usize) {
    let mut rng = Rng::with_seed(seed());
    let (before, _) = memory();
    let mut blocks: Vec<Block> = (0..count)
        .map(|_| {
            let size = rng.usize(16..largest);
            Block::new(malloc(size), size, 1)
        })
        .collect();
    let (most, _) = memory();
    rng.shuffle(&mut blocks);
    blocks.into_iter().for_each(Block::check_and_free);
    let (after, _) = memory();
    let (used, left) = ((most - before) / 1024, (after - before) / 1024);
    assert!(used > 90, "{used} MiB were in use");
    // Some segments are kept, and the last frees are not swept: 4 to 18 MiB,
    // with a hundred seeds.
    assert!(
        left * 4 < used,
        "{left} MiB of {used} are left, of {count} blocks up to {largest} bytes"
    );
}

/// 57 MiB in blocks of `size` bytes.
fn blocks_of(size: usize) -> Vec<Block> {
    let blocks = 0..60_000_000 / size;
    blocks.map(|_| Block::new(malloc(size), size, 1)).collect()
}

/// Another thread frees the blocks. It has no heap, and their owner does
/// nothing. Returns how many MiB have gone back.
fn freed_by_another(blocks: Vec<Block>) -> usize {
    let (most, _) = memory();
    let freeing = thread::spawn(|| {
        for block in &blocks {
            // SAFETY: the block is live.
            unsafe { free(block.payload) }
        }
        blocks
    });
    let blocks = freeing.join().unwrap();
    let (left, _) = memory();
    drop(blocks);
    most.saturating_sub(left) / 1024
}

#[test]
fn what_a_thread_without_a_heap_frees_goes_back() {
    if is_alone("what_a_thread_without_a_heap_frees_goes_back") {
        let gone = freed_by_another(blocks_of(30_000));
        assert!(gone > 53, "{gone} of 57 MiB have gone back");
    }
}

#[test]
fn small_blocks_go_back_too_if_the_highest_is_the_last() {
    if is_alone("small_blocks_go_back_too_if_the_highest_is_the_last") {
        let gone = freed_by_another(blocks_of(100));
        assert!(gone > 53, "{gone} of 57 MiB have gone back");
    }
}

/// The last one is hardly the highest of its segment then.
#[test]
fn small_blocks_in_any_order_wait_for_their_owner() {
    if is_alone("small_blocks_in_any_order_wait_for_their_owner") {
        let mut blocks = blocks_of(100);
        Rng::with_seed(1).shuffle(&mut blocks);
        let gone = freed_by_another(blocks);
        assert!(gone < 10, "{gone} of 57 MiB have gone back");
    }
}

/// But for the pages in which something else begins.
#[test]
fn larger_blocks_go_back_though_their_segment_is_in_use() {
    if is_alone("larger_blocks_go_back_though_their_segment_is_in_use") {
        let (mut blocks, mut kept) = (Vec::new(), Vec::new());
        for _ in 0..1000 {
            blocks.push(Block::new(malloc(60_000), 60_000, 1));
            kept.push(Block::new(malloc(30), 30, 2));
        }
        let gone = freed_by_another(blocks);
        assert!(gone > 45, "{gone} of 57 MiB have gone back");
        kept.into_iter().for_each(Block::check_and_free);
    }
}

#[test]
fn a_block_that_is_made_small_gives_the_rest_back() {
    let name = "a_block_that_is_made_small_gives_the_rest_back";
    if !is_alone(name) {
        return;
    }
    let (before, _) = memory();
    for (large, small) in [(1000, 20), (64_000, 1500), (20_000_000, 70_000)] {
        let mut kept = Vec::new();
        for _ in 0..(40_000_000 / large).max(20) {
            let block = Block::new(malloc(large), large, 3);
            kept.push(Block::new(malloc(30), 30, 4));
            // SAFETY: the block is live.
            let payload = unsafe { realloc(block.payload, small) };
            expect_bytes("realloc keeps the contents", payload, small, 3);
            kept.push(Block { payload, size: small, byte: 3 });
        }
        let (now, _) = memory();
        let live: usize = kept.iter().map(|block| block.size + 24).sum();
        let (taken, live) = ((now - before) / 1024, live >> 20);
        assert!(
            taken <= live * 3 / 2 + 24,
            "{taken} MiB for {live} MiB, made of blocks of {large}"
        );
        kept.into_iter().for_each(Block::check_and_free);
    }
}

/// The k-th mapping fails, for every k.
#[test]
fn whatever_cannot_be_had_nothing_is_lost() {
    let name = "whatever_cannot_be_had_nothing_is_lost";
    if !is_alone(name) {
        return;
    }
    for megabytes in 0..40 {
        thread::spawn(move || {
            let kept = Block::new(malloc(500), 500, 9);
            let mut large = Block::new(malloc(300_000), 300_000, 8);
            limit_address_space(megabytes);
            let mut blocks = Vec::new();
            for size in [300, 3000, 30_000, 300_000].into_iter().cycle() {
                let payload = malloc(size);
                if payload.is_null() {
                    break;
                }
                blocks.push(Block::new(payload, size, 5));
            }
            // SAFETY: the block is live.
            let grown = unsafe { realloc(large.payload, 90 << 20) };
            assert!(grown.is_null(), "90 MiB of {megabytes}");
            large.check();
            // SAFETY: as above.
            large.payload = unsafe { realloc(large.payload, 200_000) };
            large.size = 200_000;
            blocks.into_iter().for_each(Block::check_and_free);
            unlimit_address_space();
            large.check_and_free();
            kept.check_and_free();
        })
        .join()
        .unwrap();
    }
}

fn limit_address_space(megabytes: usize) {
    let (_, now) = memory();
    set_address_space((now.div_ceil(1024) + megabytes) << 20);
}

fn unlimit_address_space() {
    set_address_space(usize::MAX);
}

fn set_address_space(bytes: usize) {
    // SAFETY: the limit may be read and written.
    unsafe {
        let mut limit = std::mem::zeroed::<libc::rlimit>();
        assert_eq!(libc::getrlimit(libc::RLIMIT_AS, &mut limit), 0);
        limit.rlim_cur = (bytes as libc::rlim_t).min(limit.rlim_max);
        assert_eq!(libc::setrlimit(libc::RLIMIT_AS, &limit), 0);
    }
}

extern "C" fn comes_again(value: *mut libc::c_void) {
    Block::new(malloc(100), 100, 1).check_and_free();
    let round = DESTRUCTORS.fetch_add(1, Ordering::Relaxed);
    if round % 4 < 3 {
        // SAFETY: the value is the key.
        unsafe {
            libc::pthread_setspecific(value.addr() as u32, value);
        }
    }
}

/// In the last of the rounds there is nobody to clean up after it.
#[test]
fn what_is_allocated_in_the_last_round_of_destructors_costs_nothing() {
    let name =
        "what_is_allocated_in_the_last_round_of_destructors_costs_nothing";
    if !is_alone(name) {
        return;
    }
    let before = {
        Block::new(malloc(100), 100, 1).check_and_free();
        memory().1
    };
    let mut key = 0;
    // SAFETY: the key may be written.
    unsafe { libc::pthread_key_create(&mut key, Some(comes_again)) };
    for _ in 0..1000 {
        let run = move || {
            Block::new(malloc(10), 10, 1).check_and_free();
            let value = ptr::without_provenance(key as usize);
            // SAFETY: the key was made.
            unsafe { libc::pthread_setspecific(key, value) };
        };
        thread::spawn(run).join().unwrap();
    }
    let rounds = DESTRUCTORS.load(Ordering::Relaxed);
    assert_eq!(rounds, 4000, "rounds of destructors");
    let taken = (memory().1 - before) / 1024;
    assert!(taken < 200, "{taken} MiB of address space for 1,000 threads");
}

/// Where there is no key, nobody tells us when a thread ends.
#[test]
fn threads_that_cannot_be_registered_borrow() {
    let name = "threads_that_cannot_be_registered_borrow";
    if !is_alone(name) {
        return;
    }
    let mut key = 0;
    // SAFETY: the key may be written.
    while unsafe { libc::pthread_key_create(&mut key, None) } == 0 {}
    let before = memory().1;
    let blocks: Vec<Block> = (0..300)
        .map(|_| {
            let one = || Block::new(malloc(5000), 5000, 1);
            thread::spawn(one).join().unwrap()
        })
        .collect();
    blocks.into_iter().for_each(Block::check_and_free);
    let taken = (memory().1 - before) / 1024;
    assert!(taken < 100, "{taken} MiB of address space for 300 threads");
}

/// Whether the system takes nothing back.
static TAKES_NOTHING: AtomicBool = AtomicBool::new(false);

/// munmap(2)
///
/// # Safety
///
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn munmap(
    start: *mut libc::c_void,
    len: usize,
) -> libc::c_int {
    // SAFETY: `errno` is this thread's; else as the caller promises.
    unsafe {
        if TAKES_NOTHING.load(Ordering::Relaxed) {
            *libc::__errno_location() = libc::ENOMEM;
            return -1;
        }
        libc::syscall(libc::SYS_munmap, start, len) as libc::c_int
    }
}

/// That happens to a program with too many mappings.
#[test]
fn what_cannot_be_unmapped_is_memory_for_others_all_the_same() {
    let name = "what_cannot_be_unmapped_is_memory_for_others_all_the_same";
    if !is_alone(name) {
        return;
    }
    let kept = Block::new(malloc(500), 500, 9);
    let (before, _) = memory();
    TAKES_NOTHING.store(true, Ordering::Relaxed);
    for round in 0..3 {
        let large = Block::new(malloc(20_000_000), 20_000_000, 1);
        let aligned = Block::new(memalign(1 << 21, 9000), 9000, 2);
        let small = blocks_of(1000);
        // SAFETY: `errno` is this thread's.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: as above.
        unsafe { *errno = 77 };
        large.check_and_free();
        aligned.check_and_free();
        small.into_iter().rev().for_each(Block::check_and_free);
        // SAFETY: as above.
        assert_eq!(unsafe { *errno }, 77, "errno");
        let left = memory().0.saturating_sub(before) / 1024;
        assert!(left < 40, "{left} MiB are left in round {round}");
    }
    TAKES_NOTHING.store(false, Ordering::Relaxed);
    kept.check_and_free();
}
