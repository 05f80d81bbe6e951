//! Rounds of many threads, with forks while they are at work.
//!
//! The threads take blocks from a table and put others there. After a thousand
//! steps of each they end, and the heap and all blocks are looked at; then the
//! next ones come. A child of a fork looks at what it has got and goes on alone.
//!
//! A seed leads each thread to the same wishes. In which order they come to the
//! heap is the system's affair.

mod per_thread;

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use stage5_lifo_stack::per_thread::{maps, threads};

use super::{KIB, MIB, Round};
use crate::invariants::{self, Around, Lists, Record, Seen};
use crate::shadow::{Block, Break};

/// How many threads work at the same time.
const THREADS: usize = 4;

/// How many steps each of them does before everything is checked.
const STEPS: usize = 1000;

/// One stack notes all that is pushed between two checks.
const CHUNKS: usize = 2 * THREADS * STEPS;

/// A heap that threads share.
pub trait Shared: Sync {
    /// malloc(3)
    fn malloc(&self, size: usize) -> *mut u8;

    /// free(3)
    ///
    /// # Safety
    ///
    /// `payload` is null or a live block of this heap, and ours.
    unsafe fn free(&self, payload: *mut u8);

    /// calloc(3)
    fn calloc(&self, count: usize, size: usize) -> *mut u8;

    /// realloc(3)
    ///
    /// # Safety
    ///
    /// As of `free`.
    unsafe fn realloc(&self, payload: *mut u8, size: usize) -> *mut u8;

    /// posix_memalign(3), with the block as its result
    fn memalign(&self, align: usize, size: usize) -> *mut u8;

    /// malloc_usable_size(3)
    ///
    /// # Safety
    ///
    /// `payload` is a live block of this heap.
    unsafe fn usable_size(&self, payload: *mut u8) -> usize;

    /// Checks the heap's books. While threads have blocks in their hands (or
    /// had, when this process was forked), nobody knows what is live.
    ///
    /// # Errors
    ///
    /// The first rule that does not hold.
    fn check(
        &self,
        live: Option<&BTreeMap<usize, Block>>,
    ) -> Result<(), String>;

    /// How many bytes the heap has.
    fn used(&self) -> usize;
}

/// What is the same in each stage whose heap lies behind a lock.
macro_rules! shared {
    ($stage:ident, $heap:ty) => {
        fn malloc(&self, size: usize) -> *mut u8 {
            <$heap>::malloc(self, size)
        }

        unsafe fn free(&self, payload: *mut u8) {
            // SAFETY: the caller's promise.
            unsafe { <$heap>::free(self, payload) }
        }

        fn calloc(&self, count: usize, size: usize) -> *mut u8 {
            <$heap>::calloc(self, count, size)
        }

        unsafe fn realloc(&self, payload: *mut u8, size: usize) -> *mut u8 {
            // SAFETY: the caller's promise.
            unsafe { <$heap>::realloc(self, payload, size) }
        }

        fn memalign(&self, align: usize, size: usize) -> *mut u8 {
            <$heap>::memalign(self, align, size)
        }

        unsafe fn usable_size(&self, payload: *mut u8) -> usize {
            // SAFETY: the caller's promise.
            unsafe { <$heap>::usable_size(self, payload) }
        }

        fn used(&self) -> usize {
            self.heap.lock().brk().sim().used()
        }
    };
}

/// The heap of stage 4.
pub type Stage4 = stage4_threadsafe::LockedHeap<Break>;

impl Shared for Stage4 {
    shared!(stage4_threadsafe, Stage4);

    fn check(
        &self,
        live: Option<&BTreeMap<usize, Block>>,
    ) -> Result<(), String> {
        let mut heap = self.heap.lock();
        let brk = heap.brk().clone();
        let blocks = heap.blocks().map(Seen::from);
        let blocks = invariants::walk(blocks, brk.top())?;
        let list = |list| {
            let blocks = heap.free_list(list).take(blocks.len() + 1);
            blocks.map(move |block| (list, Seen::from(block)))
        };
        let count = stage4_threadsafe::heap::DEFAULT;
        let listed = (0..count).flat_map(list).collect();
        let lists = Lists { count, listed, bitmap: heap.bitmap() };
        with_around(&brk, live, |around| match live {
            Some(_) => invariants::stage_3(&blocks, &lists, around),
            None => invariants::stage_3_books(&blocks, &lists, around),
        })
    }
}

/// One stack of stage 5.
pub type Stage5 = stage5_lifo_stack::LockedHeap<Break, CHUNKS>;

impl Shared for Stage5 {
    shared!(stage5_lifo_stack, Stage5);

    fn check(
        &self,
        live: Option<&BTreeMap<usize, Block>>,
    ) -> Result<(), String> {
        let mut heap = self.heap.lock();
        let brk = heap.brk().clone();
        let records: Vec<Record> =
            heap.chunks().iter().map(Record::from).collect();
        with_around(&brk, live, |around| match live {
            Some(_) => invariants::stage_5(&records, CHUNKS, around),
            None => invariants::stage_5_books(&records, CHUNKS, around),
        })
    }
}

fn with_around(
    brk: &Break,
    live: Option<&BTreeMap<usize, Block>>,
    check: impl FnOnce(&Around) -> Result<(), String>,
) -> Result<(), String> {
    let start = brk.sim().start();
    check(&Around {
        start,
        brk: brk.top(),
        foreign: brk.foreign(),
        live: live.unwrap_or(&BTreeMap::new()),
        keeps_its_end: false,
        came_again: brk.came_again(),
        denied: None,
        could_shrink: false,
    })
}

/// The heaps of all threads.
#[derive(Debug)]
pub struct PerThread {
    /// What was in use before the round began is somebody else's.
    before: BTreeMap<usize, usize>,
}

impl PerThread {
    fn new() -> Result<Self, String> {
        Ok(Self { before: per_thread::in_use()? })
    }
}

impl Shared for PerThread {
    fn malloc(&self, size: usize) -> *mut u8 {
        threads::malloc(size)
    }

    unsafe fn free(&self, payload: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { threads::free(payload) }
    }

    fn calloc(&self, count: usize, size: usize) -> *mut u8 {
        threads::calloc(count, size)
    }

    unsafe fn realloc(&self, payload: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { threads::realloc(payload, size) }
    }

    fn memalign(&self, align: usize, size: usize) -> *mut u8 {
        threads::memalign(align, size)
    }

    unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        // SAFETY: the caller's promise.
        unsafe { threads::usable_size(payload) }
    }

    /// A child of a fork has the heaps of threads that were in the middle of
    /// something. Whoever adopts one goes on there; nobody looks at it.
    fn check(
        &self,
        live: Option<&BTreeMap<usize, Block>>,
    ) -> Result<(), String> {
        let Some(live) = live else { return Ok(()) };
        let mut used = per_thread::in_use()?;
        used.retain(|start, _| !self.before.contains_key(start));
        per_thread::are_live(&used, live)?;
        if live.is_empty() && self.before.is_empty() {
            per_thread::is_little()?;
        }
        Ok(())
    }

    fn used(&self) -> usize {
        maps::mappings().map(|(_, len)| len).sum()
    }
}

/// What can be wrong with what a heap gives. It is the status with which a
/// child ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    NoMemory = 1,
    TooSmall,
    NotAligned,
    NotZero,
    OtherContents,
    LostByRealloc,
    Books,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoMemory => "null says that there is no memory, and there is",
            Self::TooSmall => "the usable size is less than what was asked for",
            Self::NotAligned => "a block is not aligned",
            Self::NotZero => "calloc returns zeroes: there were others",
            Self::OtherContents => "a block keeps its contents: it had others",
            Self::LostByRealloc => "realloc keeps the contents: it did not",
            Self::Books => "the heap's own books are wrong",
        })
    }
}

/// No block has fewer bytes: it begins with its size, and with its alignment
/// and its place in memory, so that each block tells what it is.
const LEAST: usize = 16;

/// Where blocks lie that any thread may take, and what is counted.
struct Table {
    places: [AtomicPtr<u8>; 300],
    /// Bytes of what is live, as in [`Told::most_live`](crate::shadow::Told).
    live: AtomicUsize,
    /// The most there ever were.
    most_live: AtomicUsize,
    /// Bytes that were asked for since the table was empty.
    asked: AtomicUsize,
    /// The largest block.
    largest: usize,
}

/// One who works on the table.
struct Worker<'a, H> {
    heap: &'a H,
    table: &'a Table,
    rng: Rng,
}

impl<H: Shared> Worker<'_, H> {
    /// Makes a block, or a larger or a smaller one of what lies on the table, and
    /// puts it there. What was in its place is freed.
    fn step(&mut self) -> Result<(), Fault> {
        let place = self.rng.usize(..self.table.places.len());
        let size = self.size();
        let new = match self.rng.u8(..16) {
            0..4 => self.realloc(size)?,
            4..6 => self.memalign(size)?,
            6..9 => self.calloc(size)?,
            9..11 => ptr::null_mut(),
            _ => self.filled(self.heap.malloc(size), size, 1)?,
        };
        let old = self.table.places[place].swap(new, Ordering::AcqRel);
        self.free(old)
    }

    /// Mostly small, and now and then a large block.
    fn size(&mut self) -> usize {
        let largest = self.table.largest;
        let most = match self.rng.u8(..) {
            0 => largest,
            1..10 => largest / 4,
            10..60 => 5000,
            _ => 300,
        };
        self.rng.usize(LEAST..most)
    }

    fn realloc(&mut self, size: usize) -> Result<*mut u8, Fault> {
        let place = self.rng.usize(..self.table.places.len());
        let null = ptr::null_mut();
        let old = self.table.places[place].swap(null, Ordering::AcqRel);
        let before = if old.is_null() { 0 } else { self.check(old)? };
        // SAFETY: who took the block from the table has it, or it is null.
        let new = unsafe { self.heap.realloc(old, size) };
        if new.is_null() {
            return Err(Fault::NoMemory);
        }
        let kept = before.min(size);
        if before > 0 && !self.is_kept(new, before, kept) {
            return Err(Fault::LostByRealloc);
        }
        if before > 0 {
            self.no_more(before);
        }
        self.filled(new, size, 1)
    }

    fn memalign(&mut self, size: usize) -> Result<*mut u8, Fault> {
        let align = 1 << self.rng.u32(4..13);
        self.filled(self.heap.memalign(align, size), size, align)
    }

    fn calloc(&mut self, size: usize) -> Result<*mut u8, Fault> {
        let new = self.heap.calloc(1, size);
        if new.is_null() {
            return Err(Fault::NoMemory);
        }
        // SAFETY: the heap says that these bytes are ours.
        let bytes = unsafe { slice::from_raw_parts(new, size) };
        if !are_all(bytes, 0) {
            return Err(Fault::NotZero);
        }
        self.filled(new, size, 1)
    }

    /// Takes what the heap gave into use: it begins with its size, and all other
    /// bytes are the lowest of that.
    fn filled(
        &self,
        payload: *mut u8,
        size: usize,
        align: usize,
    ) -> Result<*mut u8, Fault> {
        if payload.is_null() {
            return Err(Fault::NoMemory);
        }
        if !payload.addr().is_multiple_of(align.max(16)) {
            return Err(Fault::NotAligned);
        }
        // SAFETY: the heap says that this is a block of so many bytes.
        unsafe {
            if self.heap.usable_size(payload) < size {
                return Err(Fault::TooSmall);
            }
            payload.cast::<usize>().write(size);
            payload.add(8).write_bytes(size as u8, size - 8);
        }
        let Table { live, most_live, asked, .. } = self.table;
        let cost = size + 32;
        asked.fetch_add(cost + align, Ordering::Relaxed);
        let now = live.fetch_add(cost, Ordering::Relaxed) + cost;
        most_live.fetch_max(now, Ordering::Relaxed);
        Ok(payload)
    }

    fn no_more(&self, size: usize) {
        self.table.live.fetch_sub(size + 32, Ordering::Relaxed);
    }

    /// How many bytes a block has, which is as it should be.
    fn check(&self, payload: *mut u8) -> Result<usize, Fault> {
        // SAFETY: the block was filled, and nobody else has it.
        let size = unsafe { payload.cast::<usize>().read() };
        match self.is_kept(payload, size, size) {
            true => Ok(size),
            false => Err(Fault::OtherContents),
        }
    }

    /// Whether a block of once `size` bytes has kept the first `kept` of them.
    fn is_kept(&self, payload: *mut u8, size: usize, kept: usize) -> bool {
        if size < LEAST {
            return false;
        }
        // SAFETY: the block is live.
        unsafe {
            self.heap.usable_size(payload) >= kept
                && payload.cast::<usize>().read() == size
                && are_all(
                    slice::from_raw_parts(payload.add(8), kept - 8),
                    size as u8,
                )
        }
    }

    /// Frees a block, or null.
    fn free(&self, payload: *mut u8) -> Result<(), Fault> {
        if payload.is_null() {
            return Ok(());
        }
        self.no_more(self.check(payload)?);
        // SAFETY: who took the block from the table has it.
        unsafe { self.heap.free(payload) };
        Ok(())
    }

    /// All that lies on the table is as it should be.
    fn look_at_table(&self) -> Result<(), Fault> {
        for place in &self.table.places {
            let payload = place.load(Ordering::Acquire);
            if !payload.is_null() {
                self.check(payload)?;
            }
        }
        Ok(())
    }

    fn clear_table(&self) -> Result<(), Fault> {
        for place in &self.table.places {
            self.free(place.swap(ptr::null_mut(), Ordering::AcqRel))?;
        }
        self.table.asked.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// What lies on the table, while nobody works.
    fn live(&self) -> BTreeMap<usize, Block> {
        let places = self.table.places.iter();
        let payloads = places.map(|place| place.load(Ordering::Acquire));
        payloads
            .filter(|payload| !payload.is_null())
            .map(|payload| {
                // SAFETY: the block was filled.
                let (size, usable) = unsafe {
                    let size = payload.cast::<usize>().read();
                    (size, self.heap.usable_size(payload))
                };
                (payload.addr(), Block::new(payload, size, usable))
            })
            .collect()
    }

    /// What a child of a fork does. It has the heap, and no other threads.
    fn work_in_a_child(&mut self) -> Result<(), Fault> {
        let books = |heap: &H| {
            heap.check(None).map_err(|broken| {
                eprintln!("in a child: {broken}");
                Fault::Books
            })
        };
        books(self.heap)?;
        self.look_at_table()?;
        for _ in 0..200 {
            self.step()?;
        }
        books(self.heap)?;
        self.look_at_table()?;
        self.clear_table()?;
        books(self.heap)
    }
}

fn are_all(bytes: &[u8], byte: u8) -> bool {
    let expected = [byte; 4096];
    bytes.chunks(expected.len()).all(|part| *part == expected[..part.len()])
}

/// Forks, and says what was wrong in the child.
fn fork(work: impl FnOnce() -> Result<(), Fault>) -> Result<(), String> {
    /// If the child takes more seconds it waits for something.
    const LIMIT: u32 = 300;
    // SAFETY: the child uses our heaps, and memory of the C library's, which it
    // may after a fork; and then it ends.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: it has no conditions.
        unsafe { libc::alarm(LIMIT) };
        let status = work().map_or_else(|fault| fault as i32, |()| 0);
        // SAFETY: it ends the child.
        unsafe { libc::_exit(status) };
    }
    if pid < 0 {
        return Err(format!("fork: {}", std::io::Error::last_os_error()));
    }
    let mut status = 0;
    // SAFETY: the status may be written. A signal may come while it waits.
    while unsafe { libc::waitpid(pid, &mut status, 0) } != pid {}
    let all = [
        Fault::NoMemory,
        Fault::TooSmall,
        Fault::NotAligned,
        Fault::NotZero,
        Fault::OtherContents,
        Fault::LostByRealloc,
        Fault::Books,
    ];
    let is_it = |fault: &Fault| libc::WEXITSTATUS(status) == *fault as i32;
    if status == 0 {
        return Ok(());
    }
    if libc::WIFSIGNALED(status) {
        let signal = libc::WTERMSIG(status);
        return Err(format!("a child ended by signal {signal}"));
    }
    match all.into_iter().find(is_it) {
        Some(fault) => Err(format!("in a child: {fault}")),
        None => Err(format!("a child ended with {status}")),
    }
}

/// How much a heap may have at a check.
pub type MostUsed = fn(most_live: usize, asked: usize) -> usize;

/// A round of many threads. `clears` is whether the table is emptied at each
/// check.
///
/// # Errors
///
/// What was wrong first.
pub fn round<H: Shared>(
    seed: u64,
    heap: &H,
    clears: bool,
    most_used: MostUsed,
) -> Result<Round, String> {
    let mut rng = Rng::with_seed(seed);
    let table = Table {
        places: [const { AtomicPtr::new(ptr::null_mut()) }; 300],
        live: AtomicUsize::new(0),
        most_live: AtomicUsize::new(0),
        asked: AtomicUsize::new(0),
        largest: rng.usize(6..400) * KIB,
    };
    let table = &table;
    let worker = |seed| Worker { heap, table, rng: Rng::with_seed(seed) };
    let mut used = 0;
    let checks = rng.usize(1..40);
    for check in 1..=checks {
        let seeds: Vec<u64> = (0..THREADS).map(|_| rng.u64(..)).collect();
        let forks = rng.usize(..3);
        let pause = Duration::from_micros(rng.u64(..2000));
        let child = rng.u64(..);
        while_threads_work(seeds.into_iter().map(worker).collect(), || {
            for number in 0..forks as u64 {
                thread::sleep(pause);
                let mut worker = worker(child.wrapping_add(number));
                fork(|| worker.work_in_a_child())?;
            }
            Ok(())
        })?;
        let me = worker(0);
        let told = |fault: Fault| format!("at check {check}: {fault}");
        me.look_at_table().map_err(told)?;
        heap.check(Some(&me.live()))
            .map_err(|fault| format!("at check {check}: {fault}"))?;
        let live = table.most_live.load(Ordering::Relaxed);
        let most = most_used(live, table.asked.load(Ordering::Relaxed));
        let now = heap.used();
        used = used.max(now);
        if now > most {
            return Err(format!(
                "at check {check}: {now} bytes are used, {live} were live at \
                 most: {most} would be right"
            ));
        }
        if clears || check == checks || rng.u8(..4) == 0 {
            me.clear_table().map_err(told)?;
            heap.check(Some(&BTreeMap::new()))?;
        }
    }
    let most_live = table.most_live.load(Ordering::Relaxed);
    let memory = format!(
        "{} KiB live at most, {} KiB used",
        most_live / KIB,
        used / KIB
    );
    Ok(Round { steps: checks * THREADS * STEPS, digest: None, memory })
}

/// Lets threads do their steps, while `during` runs.
fn while_threads_work<H: Shared>(
    workers: Vec<Worker<'_, H>>,
    during: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    thread::scope(|scope| {
        let threads: Vec<_> = workers
            .into_iter()
            .map(|mut worker| {
                scope.spawn(move || {
                    (0..STEPS).try_for_each(|step| {
                        worker.step().map_err(|fault| {
                            format!("in step {step} of a thread: {fault}")
                        })
                    })
                })
            })
            .collect();
        let result = during();
        let results = threads.into_iter().map(|it| match it.join() {
            Ok(result) => result,
            Err(_) => Err("a thread panicked".to_owned()),
        });
        results.fold(result, Result::and)
    })
}

/// One round of many threads at a time: a fork asks for the one lock of the heap
/// that is on.
static ONE_ROUND: Mutex<()> = Mutex::new(());

/// Makes a heap of a stage for `play`, and sees to its lock at a fork.
macro_rules! with_lock {
    ($stage:ident, $heap:ty, $play:ident) => {{
        use $stage::fork::{TheLock, prepare};

        static HEAP: AtomicPtr<$heap> = AtomicPtr::new(ptr::null_mut());
        static IS_PREPARED: AtomicBool = AtomicBool::new(false);

        struct OurLock;

        impl TheLock for OurLock {
            fn take() {
                let heap = HEAP.load(Ordering::Acquire);
                // SAFETY: it is there as long as its round, or null.
                if let Some(heap) = unsafe { heap.as_ref() } {
                    mem::forget(heap.heap.lock());
                }
            }

            unsafe fn let_go() {
                let heap = HEAP.load(Ordering::Acquire);
                // SAFETY: as above; this thread has the lock.
                unsafe {
                    if let Some(heap) = heap.as_ref() {
                        heap.heap.force_unlock();
                    }
                }
            }
        }

        let _one = ONE_ROUND.lock().unwrap_or_else(PoisonError::into_inner);
        if !IS_PREPARED.swap(true, Ordering::AcqRel) {
            prepare::<OurLock>();
        }
        let heap = $stage::Heap::new(Break::new(64 * MIB));
        let heap = Box::new(<$heap>::new($stage::Mutex::new(heap)));
        HEAP.store(ptr::from_ref(&*heap).cast_mut(), Ordering::Release);
        let result = $play(&heap);
        HEAP.store(ptr::null_mut(), Ordering::Release);
        result
    }};
}

/// Plays with a heap of stage 4, one at a time.
pub fn with_stage_4<R>(play: impl FnOnce(&Stage4) -> R) -> R {
    with_lock!(stage4_threadsafe, Stage4, play)
}

/// Plays with one stack of stage 5, one at a time.
pub fn with_stage_5<R>(play: impl FnOnce(&Stage5) -> R) -> R {
    with_lock!(stage5_lifo_stack, Stage5, play)
}

/// What stage 4 may have.
pub const STAGE_4: MostUsed = |live, _| 2 * live + 2 * MIB;

/// A round of threads on the heap of stage 4.
pub(super) fn stage_4(_: String, seed: u64) -> Result<Round, String> {
    with_stage_4(|heap| round(seed, heap, false, STAGE_4))
}

/// A round of threads on one stack of stage 5.
pub(super) fn stage_5(_: String, seed: u64) -> Result<Round, String> {
    with_stage_5(|heap| round(seed, heap, true, |_, asked| asked + 2 * MIB))
}

/// Plays with the stacks of threads, one at a time.
///
/// # Errors
///
/// What is wrong with them before the play begins, or what comes of it.
pub fn with_per_thread<R>(
    play: impl FnOnce(&PerThread) -> Result<R, String>,
) -> Result<R, String> {
    let _one = ONE_ROUND.lock().unwrap_or_else(PoisonError::into_inner);
    play(&PerThread::new()?)
}

/// What the stacks of threads may have: each its lowest segment, and some that a
/// small block keeps from going back.
pub const PER_THREAD: MostUsed = |live, _| 2 * live + THREADS * 16 * MIB;

/// A round of threads with stacks of their own.
pub(super) fn per_thread(_: String, seed: u64) -> Result<Round, String> {
    with_per_thread(|heap| round(seed, heap, false, PER_THREAD))
}
