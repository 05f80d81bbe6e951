//! The works. Each runs in a process of its own.
//!
//! They ask the C library for memory, as a program in C does.

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::fs;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt;
use std::process::{self, Command};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

pub const MIB: usize = 1 << 20;
pub const GIB: usize = 1 << 30;

// Blocks. ------------------------------------------------------------------

/// Where a block starts; null if there was no memory.
type Block = *mut u8;

/// The compiler knows malloc, and might leave it out: `black_box` forbids it.
fn malloc(size: usize) -> Block {
    // SAFETY: it may fail.
    black_box(unsafe { libc::malloc(black_box(size)) }).cast()
}

/// A block whose bytes are all written.
fn written(size: usize) -> Block {
    let block = malloc(size);
    write(block, 0, size);
    block
}

/// Writes the bytes from `from` up to `to`.
fn write(block: Block, from: usize, to: usize) {
    assert!(!block.is_null(), "no memory for {to} bytes");
    // SAFETY: each work writes to its own blocks, as far as they go.
    unsafe { block.add(from).write_bytes(1, to - from) };
}

fn realloc(block: Block, size: usize) -> Block {
    // SAFETY: it is null or a block that is used no more.
    black_box(unsafe { libc::realloc(block.cast(), size) }).cast()
}

fn free(block: Block) {
    // SAFETY: each work frees a block once, and uses it no more.
    unsafe { libc::free(black_box(block).cast()) };
}

// What is given. -----------------------------------------------------------

/// How many bytes there are in blocks of `size` bytes, until one is null.
pub fn until_null(size: usize) -> usize {
    let mut given = 0;
    while !malloc(size).is_null() {
        given += size;
    }
    given
}

/// How many bytes there are in `count` blocks of `size` bytes.
pub fn some(count: usize, size: usize) -> usize {
    let blocks = (0..count).map(|_| malloc(size));
    blocks.filter(|block| !block.is_null()).count() * size
}

/// The largest block that can be had, to a mebibyte.
pub fn largest() -> usize {
    let (mut can, mut cannot) = (0, 64 * GIB);
    while cannot - can > MIB {
        let middle = can.midpoint(cannot);
        let block = malloc(middle);
        if block.is_null() {
            cannot = middle;
        } else {
            can = middle;
        }
        free(block);
    }
    can
}

/// How many of `count` blocks at multiples of `align` there are.
pub fn aligned(count: usize, align: usize) -> usize {
    let is_given = |_: &usize| {
        let mut block = ptr::null_mut();
        // SAFETY: it may write where the block starts.
        let error = unsafe { libc::posix_memalign(&mut block, align, 4096) };
        error == 0 && block.addr().is_multiple_of(align)
    };
    (0..count).filter(is_given).count()
}

/// How many of `count` threads that are alive at the same time have a block.
/// (They are C's threads: Rust's need a few blocks before they begin.)
pub fn threads_alive(count: usize, stack: usize) -> usize {
    static ARE_DONE: AtomicUsize = AtomicUsize::new(0);
    static HAVE_ONE: AtomicUsize = AtomicUsize::new(0);

    extern "C" fn live(_: *mut c_void) -> *mut c_void {
        let has_one = !malloc(1000).is_null();
        HAVE_ONE.fetch_add(has_one.into(), Ordering::Relaxed);
        ARE_DONE.fetch_add(1, Ordering::Relaxed);
        for_ever();
    }

    let is_started = |_: &usize| start(live, stack, ptr::null_mut());
    let started = (0..count).take_while(is_started).count();
    wait_until(|| ARE_DONE.load(Ordering::Relaxed) == started);
    HAVE_ONE.load(Ordering::Relaxed)
}

/// Starts a thread. Says whether it could.
fn start(
    work: extern "C" fn(*mut c_void) -> *mut c_void,
    stack: usize,
    argument: *mut c_void,
) -> bool {
    let mut settings = MaybeUninit::uninit();
    let mut thread = 0;
    // SAFETY: the settings are made before they are read. The thread may write
    // to what its argument points to.
    unsafe {
        libc::pthread_attr_init(settings.as_mut_ptr());
        libc::pthread_attr_setstacksize(settings.as_mut_ptr(), stack);
        let settings = settings.as_ptr();
        libc::pthread_create(&mut thread, settings, work, argument) == 0
    }
}

fn for_ever() -> ! {
    loop {
        thread::sleep(Duration::from_secs(1000));
    }
}

fn wait_until(is_so: impl Fn() -> bool) {
    while !is_so() {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Sets a limit of this process. Says whether it could.
pub fn limit(what: libc::__rlimit_resource_t, value: u64) -> bool {
    let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: it reads the limit.
    unsafe { libc::setrlimit(what, &limit) == 0 }
}

/// Does something when the process has had a block, and then has limited its
/// addresses to 1 GiB.
pub fn after_a_limit(work: fn() -> usize) -> usize {
    written(16);
    assert!(limit(libc::RLIMIT_AS, GIB as u64), "setrlimit(2)");
    work()
}

/// How many of `count` processes are given what they ask for. Each is a child
/// of the one before, and starts `threads` threads. These take so many small
/// blocks, free them when all have theirs, take a block to keep, and sleep when
/// the process forks.
pub fn generations(count: usize, threads: usize, blocks: usize) -> usize {
    if count == 0 || !generation(threads, blocks) {
        return 0;
    }
    // SAFETY: all other threads sleep, and hold no lock.
    let child = unsafe { libc::fork() };
    assert_ne!(child, -1, "fork(2)");
    if child == 0 {
        // The number of the others is at most 255.
        let others = generations(count - 1, threads, blocks);
        process::exit(others as c_int);
    }
    let mut status = 0;
    // SAFETY: the status may be written.
    let waited = unsafe { libc::waitpid(child, &mut status, 0) };
    assert!(waited == child && libc::WIFEXITED(status), "{status}");
    1 + libc::WEXITSTATUS(status) as usize
}

/// A mebibyte of small blocks.
pub const MANY: usize = MIB / 64;

fn generation(threads: usize, blocks: usize) -> bool {
    static HAVE_THEIRS: AtomicUsize = AtomicUsize::new(0);
    static ARE_DONE: AtomicUsize = AtomicUsize::new(0);
    static GOT_NULL: AtomicUsize = AtomicUsize::new(0);
    HAVE_THEIRS.store(0, Ordering::Relaxed);
    ARE_DONE.store(0, Ordering::Relaxed);
    for _ in 0..threads {
        let live = move || {
            // Not in a vector, which would be a large block.
            let mut all = [ptr::null_mut(); MANY];
            let blocks = &mut all[..blocks];
            blocks.fill_with(|| malloc(64));
            let is_given = !blocks.contains(&ptr::null_mut());
            HAVE_THEIRS.fetch_add(1, Ordering::Relaxed);
            wait_until(|| HAVE_THEIRS.load(Ordering::Relaxed) == threads);
            blocks.iter().copied().for_each(free);
            let keeps_one = !malloc(64).is_null();
            let got_null = !(is_given && keeps_one);
            GOT_NULL.fetch_add(got_null.into(), Ordering::Relaxed);
            ARE_DONE.fetch_add(1, Ordering::Relaxed);
            for_ever();
        };
        let thread = thread::Builder::new().stack_size(MIB / 2);
        thread.spawn(live).expect("a thread");
    }
    wait_until(|| ARE_DONE.load(Ordering::Relaxed) == threads);
    GOT_NULL.load(Ordering::Relaxed) == 0
}

/// How many of `count` threads, one after the other, are given a block at their
/// very end: in the fourth round of destructors, after which there is none.
pub fn last_words(count: usize) -> usize {
    static KEY: AtomicUsize = AtomicUsize::new(0);
    static GIVEN: AtomicUsize = AtomicUsize::new(0);

    fn come_again(round: usize) {
        let key = KEY.load(Ordering::Relaxed) as libc::pthread_key_t;
        let round = ptr::without_provenance(round);
        // SAFETY: the key was made; what it has is a number.
        unsafe { libc::pthread_setspecific(key, round) };
    }

    extern "C" fn at_the_end(round: *mut c_void) {
        let block = malloc(100);
        if round.addr() < 4 {
            come_again(round.addr() + 1);
        } else {
            GIVEN.fetch_add((!block.is_null()).into(), Ordering::Relaxed);
        }
        free(block);
    }

    // So that the heap's own key comes first.
    free(malloc(10));
    let mut key = 0;
    // SAFETY: the key may be written; the function stays.
    let error = unsafe { libc::pthread_key_create(&mut key, Some(at_the_end)) };
    assert_eq!(error, 0, "pthread_key_create(3)");
    KEY.store(key as usize, Ordering::Relaxed);
    for _ in 0..count {
        let thread = thread::spawn(|| {
            free(malloc(1000));
            come_again(1);
        });
        thread.join().expect("it does not panic");
    }
    GIVEN.load(Ordering::Relaxed)
}

/// How many small blocks an ordinary user is given, when the process has locked
/// all memory that it has and will have. (It may lock 8 MiB on most systems,
/// and the program needs its part of them.)
pub fn locked() -> usize {
    written(16);
    be_nobody();
    let all = libc::MCL_CURRENT | libc::MCL_FUTURE;
    // SAFETY: it touches no memory.
    match unsafe { libc::mlockall(all) } {
        0 => some(32_768, 16) / 16,
        _ => 0,
    }
}

/// Whoever has all rights gives them up.
fn be_nobody() {
    const NOBODY: libc::uid_t = 65534;
    // SAFETY: they touch no memory.
    unsafe {
        if libc::geteuid() == 0 {
            assert_eq!(libc::setgid(NOBODY), 0, "setgid(2)");
            assert_eq!(libc::setuid(NOBODY), 0, "setuid(2)");
        }
    }
}

// What is taken. -----------------------------------------------------------

/// How large the file is that gdb makes of this process.
pub fn core() -> usize {
    written(16);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let core = folder.path().join("core");
    let mut gcore = Command::new("gcore");
    gcore.arg("-o").arg(&core).arg(process::id().to_string());
    gcore.env_remove("LD_PRELOAD");
    let limit = || {
        limit(libc::RLIMIT_FSIZE, 256 << 20);
        Ok(())
    };
    // SAFETY: each is one system call. Where a program may only look at its
    // children, all may look at this one.
    unsafe {
        libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY);
        gcore.pre_exec(limit);
    }
    let Ok(output) = gcore.output() else {
        println!("gdb is not installed");
        process::exit(0);
    };
    let core = core.with_extension(process::id().to_string());
    match fs::metadata(core) {
        Ok(core) if output.status.success() => core.len() as usize,
        _ => panic!("gcore: {output:?}"),
    }
}

/// Two blocks that grow in turns by `step` bytes, up to `most`.
pub fn grow_in_turns(most: usize, step: usize) -> usize {
    let mut blocks = [ptr::null_mut(); 2];
    for have in (0..most).step_by(step) {
        for block in &mut blocks {
            *block = realloc(*block, have + step);
            write(*block, have, have + step);
        }
    }
    0
}

/// An array of `first` numbers that gets one more each time, as some languages
/// do it: a new block, a copy, and the old one is freed.
pub fn append(first: usize, times: usize) -> usize {
    let mut array = written(8 * first);
    for more in 1..=times {
        let longer = malloc(8 * (first + more));
        assert!(!longer.is_null(), "no memory");
        // SAFETY: the old one has so many bytes, and the new one more.
        unsafe { longer.copy_from(array, 8 * (first + more - 1)) };
        write(longer, 8 * (first + more - 1), 8 * (first + more));
        free(array);
        array = longer;
    }
    0
}

/// A block for a moment and one to keep, many times: a line is read, and a word
/// of it stays.
pub fn moment_and_keep(times: usize, moment: usize, keep: usize) -> usize {
    let kept: Vec<Block> = (0..times)
        .map(|_| {
            let line = written(moment);
            let word = written(keep);
            free(line);
            word
        })
        .collect();
    black_box(kept);
    0
}

/// Many blocks that shrink, with a smaller one behind each: what was read is
/// shorter than what there was room for.
pub fn shrink(times: usize, from: usize, to: usize) -> usize {
    let kept: Vec<[Block; 2]> = (0..times)
        .map(|_| {
            let room = written(from);
            let note = written(to);
            [realloc(room, to), note]
        })
        .collect();
    black_box(kept);
    0
}

/// Rounds of small blocks. One in `stay` lives as many rounds as there are.
pub fn survivors(stay: usize) -> usize {
    const ROUNDS: usize = 12;
    let mut kept = Vec::new();
    for _ in 0..ROUNDS {
        let blocks: Vec<Block> = (0..400_000).map(|_| written(64)).collect();
        for (number, block) in blocks.into_iter().enumerate() {
            match number % stay {
                0 => kept.push(block),
                _ => free(block),
            }
        }
    }
    kept.into_iter().for_each(free);
    0
}

/// A semaphore. To wait for it takes no memory.
struct Semaphore(UnsafeCell<MaybeUninit<libc::sem_t>>);

// SAFETY: that is what a semaphore is for.
unsafe impl Sync for Semaphore {}

impl Semaphore {
    const fn new() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }

    fn start(&self) {
        // SAFETY: nobody uses it yet.
        unsafe { libc::sem_init(self.0.get().cast(), 0, 0) };
    }

    fn post(&self) {
        // SAFETY: it has been started.
        unsafe { libc::sem_post(self.0.get().cast()) };
    }

    fn wait(&self) {
        // SAFETY: as above.
        while unsafe { libc::sem_wait(self.0.get().cast()) } != 0 {}
    }
}

/// Threads take 100 MiB in blocks of `size` bytes, one thread after the other.
/// Another thread frees them, and never asks for any.
pub fn producers(size: usize) -> usize {
    const PRODUCERS: usize = 8;
    static MADE: Semaphore = Semaphore::new();
    static FREED: Semaphore = Semaphore::new();

    extern "C" fn free_all(blocks: *mut c_void) -> *mut c_void {
        let blocks: *mut Vec<Block> = blocks.cast();
        loop {
            MADE.wait();
            // SAFETY: whoever made the blocks waits.
            let blocks = unsafe { &mut *blocks };
            blocks.iter().copied().for_each(free);
            blocks.clear();
            FREED.post();
        }
    }

    MADE.start();
    FREED.start();
    let mut blocks: Vec<Block> = Vec::with_capacity(100 * MIB / size);
    let shared = (&raw mut blocks).expose_provenance();
    // It uses the blocks in its turn alone.
    assert!(start(free_all, MIB, (&raw mut blocks).cast()), "a thread");
    for _ in 0..PRODUCERS {
        let (done, wait) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let blocks: *mut Vec<Block> =
                ptr::with_exposed_provenance_mut(shared);
            // SAFETY: it is this thread's turn.
            let blocks = unsafe { &mut *blocks };
            for _ in 0..blocks.capacity() {
                blocks.push(written(size));
            }
            MADE.post();
            FREED.wait();
            done.send(()).expect("somebody listens");
            for_ever();
        });
        wait.recv().expect("it is done");
    }
    0
}

/// A queue of buffers: the oldest is freed, a new one is taken and written.
pub fn queue(times: usize, buffers: usize, size: usize) -> usize {
    let mut queue = vec![ptr::null_mut(); buffers];
    for time in 0..times {
        let place = &mut queue[time % buffers];
        free(*place);
        *place = written(size);
    }
    0
}

/// Replaces random blocks by others, whose sizes grow from 16 bytes to 8 KiB as
/// time goes by. Then it frees all, and returns what the process still holds.
pub fn drift(times: usize) -> usize {
    let mut blocks = vec![ptr::null_mut(); 20_000];
    let mut random = fastrand::Rng::with_seed(7);
    for time in 0..times {
        let place = random.usize(..blocks.len());
        let smallest = 16 << (time * 9 / times);
        free(blocks[place]);
        blocks[place] = written(random.usize(smallest..=2 * smallest));
    }
    blocks.iter().copied().for_each(free);
    held()
}

/// How many bytes of memory this process has.
fn held() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let pages = statm.split(' ').nth(1).and_then(|it| it.parse().ok());
    let pages: usize = pages.expect("a number of pages");
    // SAFETY: it reads a number.
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize
}
