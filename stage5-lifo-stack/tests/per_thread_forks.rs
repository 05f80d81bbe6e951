//! Forks and signals that come while threads are in the middle of something.
//!
//! A failure names its seed and says how far the child had come.

// Where there is no mmap, there are no such stacks.
#![cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]

mod alone;

use std::env;
use std::mem;
use std::ptr;
use std::slice;
use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicUsize, Ordering, compiler_fence,
};
use std::thread;
use std::time::Duration;

use alone::is_alone;
use fastrand::Rng;
use libc::{c_int, c_long, c_void, off_t, size_t};
use stage5_lifo_stack::fork::{ForkHandler, register_atfork};
use stage5_lifo_stack::per_thread::maps::mappings;
use stage5_lifo_stack::per_thread::threads::{
    free, malloc, memalign, realloc, usable_size,
};

/// How many threads are at work when a fork comes.
const THREADS: usize = 4;

fn seed() -> u64 {
    let seed = match env::var("MALLOC_SEED") {
        Ok(seed) => seed.parse().expect("MALLOC_SEED is a number"),
        Err(_) => Rng::new().u64(..),
    };
    println!("MALLOC_SEED={seed}");
    seed
}

// Blocks, in which stands what must stand in them. Nothing here asks Rust's
// own allocator for memory, or panics: that is for the parent alone.

/// No block here has fewer bytes.
const LEAST: usize = 16;

/// Takes what the heap gave into use: it begins with its size, and all other
/// bytes are the lowest of that. False if it is null, or too small.
fn fill(payload: *mut u8, size: usize) -> bool {
    // SAFETY: the heap says that this is a block of so many bytes.
    unsafe {
        if payload.is_null() || usable_size(payload) < size {
            return false;
        }
        payload.cast::<usize>().write(size);
        payload.add(8).write_bytes(size as u8, size - 8);
    }
    true
}

/// Whether a block has kept what was written to it, up to `most` bytes.
fn is_kept(payload: *mut u8, most: usize) -> bool {
    // SAFETY: the block was filled, and nobody else has it.
    unsafe {
        let size = payload.cast::<usize>().read();
        if size < LEAST || usable_size(payload) < size.min(most) {
            return false;
        }
        let bytes = slice::from_raw_parts(payload, size.min(most));
        // The first is right, and each is like the one before.
        let bytes = &bytes[8..];
        bytes[0] == size as u8 && bytes[1..] == bytes[..bytes.len() - 1]
    }
}

/// Mostly small, and now and then a large block.
fn size(rng: &mut Rng) -> usize {
    match rng.u8(..) {
        0 => rng.usize(LEAST..400 * 1024),
        1..10 => rng.usize(LEAST..70 * 1024),
        10..60 => rng.usize(LEAST..5000),
        _ => rng.usize(LEAST..300),
    }
}

/// Blocks that any thread may take.
static TABLE: [AtomicPtr<u8>; 300] =
    [const { AtomicPtr::new(ptr::null_mut()) }; 300];

/// Makes a block, or a larger or a smaller one of what lies on the table, and
/// puts it there. What was in its place is freed. False if something is wrong.
fn work_once(rng: &mut Rng) -> bool {
    let (from, to) = (rng.usize(..TABLE.len()), rng.usize(..TABLE.len()));
    let size = size(rng);
    let new = match rng.u8(..8) {
        0 => {
            let old = TABLE[from].swap(ptr::null_mut(), Ordering::AcqRel);
            if !old.is_null() && !is_kept(old, usize::MAX) {
                return false;
            }
            // SAFETY: who took the block from the table has it, or it is null.
            let new = unsafe { realloc(old, size) };
            if !old.is_null() && !is_kept(new, size) {
                return false;
            }
            new
        }
        1 => memalign(1 << rng.u32(4..13), size),
        _ => malloc(size),
    };
    if !fill(new, size) {
        return false;
    }
    give_back(TABLE[to].swap(new, Ordering::AcqRel))
}

/// Frees a block, or null. False if it has not kept what was written to it.
fn give_back(payload: *mut u8) -> bool {
    if payload.is_null() {
        return true;
    }
    let is_right = is_kept(payload, usize::MAX);
    // SAFETY: who took the block from the table has it.
    unsafe { free(payload) };
    is_right
}

/// All that lies on the table is as it should be.
fn is_table_right() -> bool {
    TABLE.iter().all(|place| {
        let payload = place.load(Ordering::Acquire);
        payload.is_null() || is_kept(payload, usize::MAX)
    })
}

fn clear_table() -> bool {
    TABLE
        .iter()
        .all(|place| give_back(place.swap(ptr::null_mut(), Ordering::AcqRel)))
}

// Children.

/// How far a child has come, where its parent sees it.
struct Stage(*mut u32);

impl Stage {
    fn new() -> Self {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping.
        let page = unsafe {
            libc::mmap(ptr::null_mut(), 4096, protection, flags, -1, 0)
        };
        assert_ne!(page, libc::MAP_FAILED, "a page for parent and child");
        Self(page.cast())
    }

    /// # Panics
    ///
    /// Never.
    fn set(&self, stage: u32) {
        // SAFETY: the page is there as long as the process.
        unsafe { self.0.write_volatile(stage) };
    }

    /// Ends the child if something is wrong.
    fn must(&self, stage: u32, is_right: bool) {
        self.set(stage);
        expect(is_right, 1);
    }
}

/// Runs `child` in a child of this process, which must end well.
fn in_a_child(what: &str, child: impl FnOnce(&Stage)) {
    let stage = Stage::new();
    // SAFETY: the child uses nothing but our heaps, and ends at once.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "{what}: {}", std::io::Error::last_os_error());
    if pid == 0 {
        child(&stage);
        // SAFETY: this ends the child.
        unsafe { libc::_exit(0) };
    }
    let status = status_of(pid);
    // SAFETY: the page is ours.
    let at = unsafe {
        let at = stage.0.read_volatile();
        libc::munmap(stage.0.cast(), 4096);
        at
    };
    let signal = if libc::WIFSIGNALED(status) { "signal" } else { "exit" };
    let code = status & 0x7f | status >> 8;
    assert_eq!(status, 0, "{what}: {signal} {code} at its stage {at}");
}

/// How a child has ended, for which this waits.
fn status_of(pid: libc::pid_t) -> c_int {
    let mut status = 0;
    // SAFETY: the status may be written. A signal may come while it waits.
    while unsafe { libc::waitpid(pid, &mut status, 0) } != pid {}
    status
}

/// Ends the child with this status if something is wrong.
fn expect(is_right: bool, status: i32) {
    if !is_right {
        // SAFETY: it ends the process.
        unsafe { libc::_exit(status) };
    }
}

/// How many threads of a child are there, with blocks of their own.
static ARRIVED: AtomicUsize = AtomicUsize::new(0);

/// So many threads of a child must be there before one of them goes on.
const ADOPTERS: usize = THREADS + 2;

fn wait_for_all() {
    while ARRIVED.load(Ordering::Acquire) < ADOPTERS {
        // SAFETY: it has no conditions.
        unsafe { libc::sched_yield() };
    }
}

/// Each takes over a heap that another thread has left, since all of them are
/// there at the same time.
extern "C" fn use_what_was_left(_: *mut c_void) -> *mut c_void {
    let mut blocks: [*mut u8; 300] = [ptr::null_mut(); 300];
    for (number, block) in blocks.iter_mut().enumerate() {
        let size = LEAST + number * number % 5000;
        *block = malloc(size);
        expect(!block.is_null(), 3);
        expect(fill(*block, size), 4);
    }
    ARRIVED.fetch_add(1, Ordering::AcqRel);
    wait_for_all();
    for block in blocks {
        expect(give_back(block), 5);
    }
    ptr::null_mut()
}

/// Threads take over what was left. What goes wrong ends the child.
fn adopt_everything() {
    ARRIVED.store(0, Ordering::Release);
    let mut threads = [0; ADOPTERS];
    for thread in &mut threads {
        // SAFETY: the thread ends before the child does.
        let error = unsafe {
            let none = ptr::null_mut();
            libc::pthread_create(thread, ptr::null(), use_what_was_left, none)
        };
        expect(error == 0, 2);
    }
    for thread in threads {
        // SAFETY: the thread was started, and is waited for once.
        unsafe { libc::pthread_join(thread, ptr::null_mut()) };
    }
}

/// Lets threads work on the table, as long as `during` runs.
fn while_threads_work(seed: u64, during: impl FnOnce()) {
    let is_done = AtomicBool::new(false);
    /// The workers end, however `during` does.
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    thread::scope(|scope| {
        for number in 0..THREADS {
            let is_done = &is_done;
            let mut rng = Rng::with_seed(seed.wrapping_add(number as u64));
            scope.spawn(move || {
                while !is_done.load(Ordering::Relaxed) {
                    assert!(work_once(&mut rng), "a block in the parent");
                }
            });
        }
        let _done = Done(&is_done);
        during();
    });
    assert!(clear_table(), "the blocks that are left");
}

/// Threads work all the time, and so a fork finds each of them in the middle
/// of something.
#[test]
fn a_child_takes_over_what_other_threads_were_doing() {
    let name = "a_child_takes_over_what_other_threads_were_doing";
    if !is_alone(name) {
        return;
    }
    // As in a program that has replaced malloc: to start a thread takes memory.
    // SAFETY: the block is freed once.
    unsafe { free(malloc(1)) };
    children_take_over();
}

/// A thread that borrows has nothing in its slot that would tell of its heap.
#[test]
fn a_child_takes_over_what_was_borrowed() {
    if is_alone("a_child_takes_over_what_was_borrowed") {
        take_all_keys();
        children_take_over();
    }
}

/// Leaves no key for our heaps, so that all threads borrow.
fn take_all_keys() {
    let mut key = 0;
    // SAFETY: the key may be written.
    while unsafe { libc::pthread_key_create(&mut key, None) } == 0 {}
}

fn children_take_over() {
    while_threads_work(seed(), || {
        for number in 0..20 {
            in_a_child(&format!("child {number}"), |stage| {
                stage.must(1, is_table_right());
                stage.set(2);
                adopt_everything();
                stage.must(3, is_table_right());
                stage.must(4, clear_table());
                stage.set(5);
                adopt_everything();
            });
        }
    });
}

/// What pthread_atfork(3) calls. It notes whether anything was mapped already when
/// it was called last.
///
/// # Safety
///
/// As for pthread_atfork(3).
#[unsafe(no_mangle)]
pub extern "C" fn __register_atfork(
    before: ForkHandler,
    in_parent: ForkHandler,
    in_child: ForkHandler,
    library: *mut c_void,
) -> c_int {
    REGISTERED.fetch_add(1, Ordering::Relaxed);
    MAPPED_BEFORE.store(mappings().count(), Ordering::Relaxed);
    register_atfork(before, in_parent, in_child, library)
}

static REGISTERED: AtomicUsize = AtomicUsize::new(0);
static MAPPED_BEFORE: AtomicUsize = AtomicUsize::new(usize::MAX);

/// A heap is made while the lock is held. Who forks in that moment must know
/// already that there is one.
#[test]
fn forks_are_heard_of_before_there_is_a_heap() {
    if !is_alone("forks_are_heard_of_before_there_is_a_heap") {
        return;
    }
    // Another heap in front of the C library's may have done it at the start.
    let others = REGISTERED.load(Ordering::Relaxed);
    // SAFETY: the block is freed once.
    unsafe { free(malloc(1)) };
    let ours = REGISTERED.load(Ordering::Relaxed) - others;
    assert_eq!(ours, 1, "registrations");
    let mapped = MAPPED_BEFORE.load(Ordering::Relaxed);
    assert_eq!(mapped, 0, "mappings when it was registered");
    assert!(mappings().count() > 0, "mappings now");
}

/// Has a heap as long as the process, with a block in it.
extern "C" fn stay(_: *mut c_void) -> *mut c_void {
    expect(fill(malloc(100), 100), 6);
    ARRIVED.fetch_add(1, Ordering::AcqRel);
    loop {
        // SAFETY: it has no conditions.
        unsafe { libc::pause() };
    }
}

/// Starts threads that are there when a fork comes, and not in the child.
fn start_threads_that_stay() {
    ARRIVED.store(0, Ordering::Release);
    for _ in 0..ADOPTERS {
        let (mut thread, none) = (0, ptr::null_mut());
        // SAFETY: the thread may run as long as the process.
        let error = unsafe {
            libc::pthread_create(&mut thread, ptr::null(), stay, none)
        };
        expect(error == 0, 7);
    }
    wait_for_all();
}

/// A process whose child starts threads and forks, and so on: each adopts what
/// the threads of the one before have left.
#[test]
fn a_line_of_forks_takes_no_more_than_one_of_them() {
    if !is_alone("a_line_of_forks_takes_no_more_than_one_of_them") {
        return;
    }
    start_threads_that_stay();
    let first = mappings().count();
    let in_the_next = || {
        for _ in 0..30 {
            start_threads_that_stay();
            expect(mappings().count() <= first, 8);
            // SAFETY: the child goes on alone, and the parent waits for it.
            let pid = unsafe { libc::fork() };
            if pid != 0 {
                expect(status_of(pid) == 0, 9);
                return;
            }
        }
    };
    in_a_child("the next generation", |_| in_the_next());
}

// Threads that are stopped at a place of our choice, and then comes a fork.

/// Which call of the system never returns, to whoever makes it next.
static STOPS_AT: AtomicUsize = AtomicUsize::new(NOWHERE);
const NOWHERE: usize = 0;
const MMAP: usize = 1;
const MUNMAP: usize = 2;
const MADVISE: usize = 3;

/// Whether a thread stands there.
static IS_STOPPED: AtomicBool = AtomicBool::new(false);

fn perhaps_stop(call: usize) {
    let (yes, no) = (Ordering::AcqRel, Ordering::Relaxed);
    if STOPS_AT.compare_exchange(call, NOWHERE, yes, no).is_ok() {
        IS_STOPPED.store(true, Ordering::Release);
        loop {
            // SAFETY: it has no conditions.
            unsafe { libc::pause() };
        }
    }
}

/// mmap(2)
///
/// # Safety
///
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap(
    start: *mut c_void,
    len: size_t,
    protection: c_int,
    flags: c_int,
    file: c_int,
    offset: off_t,
) -> *mut c_void {
    perhaps_stop(MMAP);
    let (call, file) = (libc::SYS_mmap, c_long::from(file));
    let (protection, flags) = (c_long::from(protection), c_long::from(flags));
    // SAFETY: as the caller promises.
    let result = unsafe {
        libc::syscall(call, start, len, protection, flags, file, offset)
    };
    ptr::with_exposed_provenance_mut(result as usize)
}

/// munmap(2)
///
/// # Safety
///
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn munmap(start: *mut c_void, len: size_t) -> c_int {
    perhaps_stop(MUNMAP);
    // SAFETY: as the caller promises.
    unsafe { libc::syscall(libc::SYS_munmap, start, len) as c_int }
}

/// madvise(2)
///
/// # Safety
///
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn madvise(
    start: *mut c_void,
    len: size_t,
    advice: c_int,
) -> c_int {
    perhaps_stop(MADVISE);
    let advice = c_long::from(advice);
    // SAFETY: as the caller promises.
    unsafe { libc::syscall(libc::SYS_madvise, start, len, advice) as c_int }
}

/// The next such call of this thread does not return.
fn stop_at(call: usize) {
    STOPS_AT.store(call, Ordering::Release);
}

/// Runs `work` in a thread, up to the call that does not return.
fn until_it_stops(work: impl FnOnce() + Send + 'static) {
    thread::spawn(work);
    while !IS_STOPPED.load(Ordering::Acquire) {
        thread::yield_now();
    }
}

/// Bytes of a segment.
const SEGMENT: usize = 1 << 21;

/// The number of the segment that a small block is in.
fn segment(block: *mut u8) -> usize {
    block.addr() / SEGMENT
}

/// What lies on the table in this place.
fn on_table(place: usize) -> *mut u8 {
    TABLE[place].load(Ordering::Acquire)
}

/// Puts blocks of so many bytes on the table.
fn lay(size: usize, places: std::ops::Range<usize>) {
    for place in &TABLE[places] {
        let block = malloc(size);
        expect(fill(block, size), 30);
        place.store(block, Ordering::Release);
    }
}

/// Frees what lies on the table from this place down to that one.
fn take(from: usize, down_to: usize) -> bool {
    let places = TABLE[down_to..from].iter().rev();
    let mut blocks =
        places.map(|it| it.swap(ptr::null_mut(), Ordering::AcqRel));
    blocks.all(give_back)
}

/// A thread empties a segment of ours, and has it. In the child it does not
/// come back, and our stack goes on into that segment all the same.
#[test]
fn a_stack_falls_into_a_segment_that_a_vanished_thread_had() {
    let name = "a_stack_falls_into_a_segment_that_a_vanished_thread_had";
    if !is_alone(name) {
        return;
    }
    lay(60_000, 0..140);
    let segments: Vec<usize> =
        (0..140).map(|at| segment(on_table(at))).collect();
    let starts: Vec<usize> =
        (1..140).filter(|&at| segments[at] != segments[at - 1]).collect();
    // The second of four.
    let (from, to) = (starts[0], starts[1]);
    until_it_stops(move || {
        expect(take(to - 1, from), 31);
        stop_at(MADVISE);
        take(to, to - 1);
    });
    in_a_child("a child with a segment that somebody had", |stage| {
        stage.must(1, take(140, to));
        stage.must(2, segment(malloc(100)) == segments[0]);
        stage.set(3);
        adopt_everything();
        stage.must(4, clear_table());
    });
    assert!(take(140, to), "what lies above");
    let here = segment(malloc(100));
    assert_eq!(here, segments[to], "above the segment that the thread has");
}

/// A thread's stack falls into its lowest segment, and has it before it is
/// there. In the child somebody else frees the last chunk of that segment.
#[test]
fn a_segment_that_its_vanished_owner_had_can_be_emptied() {
    let name = "a_segment_that_its_vanished_owner_had_can_be_emptied";
    if !is_alone(name) {
        return;
    }
    // SAFETY: the block is freed once.
    unsafe { free(malloc(1)) };
    until_it_stops(|| {
        let mut block = malloc(8000);
        let lowest = segment(block);
        let mut places = TABLE.iter();
        while segment(block) == lowest {
            expect(fill(block, 8000), 32);
            let place = places.next().expect("room on the table");
            place.store(block, Ordering::Release);
            block = malloc(8000);
        }
        let above = [(); 60].map(|()| malloc(60_000));
        expect(segment(above[59]) != segment(above[0]), 33);
        stop_at(MUNMAP);
        // SAFETY: the blocks are live.
        unsafe {
            above.iter().rev().for_each(|&block| free(block));
            free(block);
        }
    });
    in_a_child("a child with a segment that its owner had", |stage| {
        let middle = on_table(100);
        stage.must(1, is_table_right() && is_resident(middle));
        stage.must(2, clear_table());
        stage.must(3, !is_resident(middle));
        stage.set(4);
        adopt_everything();
    });
}

/// Whether the page of an address is in memory.
fn is_resident(address: *mut u8) -> bool {
    let mut is_there = 0;
    // SAFETY: the page is mapped, and the byte may be written.
    let result = unsafe {
        let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
        let start = address.map_addr(|addr| addr / page * page);
        libc::mincore(start.cast(), page, &mut is_there)
    };
    expect(result == 0, 34);
    is_there & 1 != 0
}

/// Whoever comes next in the child gets the heap that was borrowed.
#[test]
fn a_heap_that_a_vanished_thread_had_borrowed_is_lent_again() {
    let name = "a_heap_that_a_vanished_thread_had_borrowed_is_lent_again";
    if !is_alone(name) {
        return;
    }
    take_all_keys();
    lay(100, 0..1);
    until_it_stops(|| {
        lay(100, 1..2);
        stop_at(MMAP);
        malloc(300_000);
    });
    in_a_child("a child whose parent had lent its heap", |stage| {
        let before = mappings().count();
        lay(100, 2..3);
        stage.must(1, mappings().count() == before);
        stage.must(2, segment(on_table(2)) == segment(on_table(0)));
        stage.must(3, is_table_right() && clear_table());
        stage.set(4);
        adopt_everything();
    });
}

// Signals.

/// How often a handler has done what it is there for.
static DONE: AtomicUsize = AtomicUsize::new(0);

/// Sends this thread a signal, for which `handler` runs, every so many
/// microseconds as long as `during` runs.
fn storm(every: u64, handler: extern "C" fn(c_int), during: impl FnOnce()) {
    // SAFETY: the handler is there as long as the process.
    let me = unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(libc::SIGUSR1, &action, ptr::null_mut());
        libc::pthread_self()
    };
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_micros(every));
                // SAFETY: this thread is there until that one has ended.
                unsafe { libc::pthread_kill(me, libc::SIGUSR1) };
            }
        });
        during();
        is_over.store(true, Ordering::Relaxed);
    });
}

/// This is a child that a handler has made.
static IS_CHILD: AtomicBool = AtomicBool::new(false);

/// A child would return into something that it can end.
static MAY_FORK: AtomicBool = AtomicBool::new(false);

/// The child returns from its handler, into whatever was interrupted.
extern "C" fn fork_now(_: c_int) {
    if !MAY_FORK.load(Ordering::Relaxed) {
        return;
    }
    // SAFETY: fork may be called in a handler.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        IS_CHILD.store(true, Ordering::Relaxed);
        return;
    }
    if pid > 0 {
        expect(status_of(pid) == 0, 11);
        DONE.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_signal_handler_may_fork_in_the_middle_of_malloc() {
    if !is_alone("a_signal_handler_may_fork_in_the_middle_of_malloc") {
        return;
    }
    let mut rng = Rng::with_seed(seed());
    storm(500, fork_now, || {
        MAY_FORK.store(true, Ordering::Relaxed);
        while DONE.load(Ordering::Relaxed) < 200 {
            expect(work_once(&mut rng), 12);
            if IS_CHILD.load(Ordering::Relaxed) {
                go_on_in_the_child(&mut rng);
            }
        }
        // From here on the parent waits for the thread that sends the signals,
        // which no child has.
        MAY_FORK.store(false, Ordering::Relaxed);
        if IS_CHILD.load(Ordering::Relaxed) {
            go_on_in_the_child(&mut rng);
        }
    });
    assert!(clear_table(), "the blocks that are left");
}

/// What the parent was doing when it was interrupted is done. The child goes
/// on from there.
fn go_on_in_the_child(rng: &mut Rng) {
    for _ in 0..100 {
        expect(work_once(rng), 13);
    }
    expect(is_table_right(), 14);
    if DONE.load(Ordering::Relaxed).is_multiple_of(8) {
        adopt_everything();
    }
    expect(is_table_right() && clear_table(), 15);
    // SAFETY: it ends the child.
    unsafe { libc::_exit(0) };
}

/// The thread is between two calls, and not in one of them.
static IS_OUTSIDE: AtomicBool = AtomicBool::new(false);

/// Blocks that the handler keeps from one signal to the next.
static KEPT: [AtomicPtr<u8>; 20] =
    [const { AtomicPtr::new(ptr::null_mut()) }; 20];

extern "C" fn allocate_now(_: c_int) {
    if !IS_OUTSIDE.load(Ordering::Relaxed) {
        return;
    }
    let number = DONE.fetch_add(1, Ordering::Relaxed);
    let mut blocks = [ptr::null_mut(); 5];
    for (place, block) in blocks.iter_mut().enumerate() {
        let size = LEAST + (number * 37 + place * 611) % 3000;
        *block = malloc(size);
        expect(fill(*block, size), 20);
    }
    // One stays, and the others go in another order than they came.
    let old = KEPT[number % KEPT.len()].swap(blocks[1], Ordering::Relaxed);
    expect(give_back(old), 21);
    for place in [2, 0, 4, 3] {
        expect(give_back(blocks[place]), 22);
    }
}

/// As programs do that keep signals out of their own calls.
#[test]
fn a_signal_handler_may_allocate_between_two_calls() {
    if !is_alone("a_signal_handler_may_allocate_between_two_calls") {
        return;
    }
    let mut rng = Rng::with_seed(seed());
    let is_outside = |it| {
        compiler_fence(Ordering::SeqCst);
        IS_OUTSIDE.store(it, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
    };
    let mut blocks = [ptr::null_mut(); 100];
    storm(100, allocate_now, || {
        while DONE.load(Ordering::Relaxed) < 1000 {
            let (place, size) = (rng.usize(..blocks.len()), size(&mut rng));
            // SAFETY: the block is live, or null.
            let block = unsafe {
                free(blocks[place]);
                malloc(size)
            };
            is_outside(true);
            expect(fill(block, size), 23);
            blocks[place] = block;
            let other = blocks[rng.usize(..blocks.len())];
            expect(other.is_null() || is_kept(other, usize::MAX), 24);
            is_outside(false);
        }
    });
    let kept = KEPT.iter().map(|place| place.load(Ordering::Relaxed));
    let wrong = blocks.into_iter().chain(kept).filter(|&it| !give_back(it));
    assert_eq!(wrong.count(), 0, "blocks with other contents");
}
