//! The exercises of this stage: a test for each, which fails until the
//! exercise is done.
//!
//! They are ignored here. `cargo run -- practice` makes a copy of the stage in
//! which they are not.

use std::any;
use std::cell::Cell;
use std::env;
use std::io::Read;
use std::marker::PhantomData;
use std::mem;
use std::process::{self, Command, ExitStatus, Stdio};
use std::ptr;
use std::rc::Rc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use stage4_threadsafe::{Brk, Heap, LockedHeap, Mutex, SimBrk};

/// Whoever takes longer than this waits for ever.
const LIMIT: Duration = Duration::from_secs(30);

/// Less than a step: the break rises by what is needed and no more.
const REGION: usize = 100 * 1024;

/// A break for as long as the process.
fn brk(bytes: usize) -> SimBrk<'static> {
    SimBrk::new(Box::leak(Box::new_uninit_slice(bytes)))
}

/// A heap for as long as the process: a thread that waits for ever is left
/// behind in it.
fn shared<B: Brk>(brk: B) -> &'static LockedHeap<B> {
    Box::leak(Box::new(LockedHeap::new(Mutex::new(Heap::new(brk)))))
}

/// What another thread finds, unless it waits for ever.
fn in_a_thread<T: Send + 'static>(
    deed: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let result = deed();
        // Nobody listens any more if it took too long.
        let _ = sender.send(result);
    });
    receiver.recv_timeout(LIMIT).ok()
}

/// Frees a block in another thread. Returns whether that was done in time.
///
/// # Safety
///
/// As for `free`.
unsafe fn free_in_a_thread<B: Brk + Send>(
    heap: &'static LockedHeap<B>,
    block: *mut u8,
) -> bool {
    let block = AtomicPtr::new(block);
    // SAFETY: as the caller promises.
    in_a_thread(move || unsafe { heap.free(block.into_inner()) }).is_some()
}

/// How a process ended.
struct End {
    what: &'static str,
    /// Nothing if it had to be stopped.
    status: Option<ExitStatus>,
    /// What it wrote on standard error.
    errors: String,
}

/// Does something in a process of its own, which runs the same test once more,
/// and no further than to here. In that process there is no end to tell of.
fn in_a_process(
    test: &str,
    what: &'static str,
    deed: impl FnOnce(),
) -> Option<End> {
    if let Ok(now) = env::var("DEED") {
        if now == what {
            deed();
            process::exit(0);
        }
        return None;
    }
    let mut child = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--include-ignored", "--nocapture"])
        .env("DEED", what)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let mut status = child.try_wait().unwrap();
    while status.is_none() && start.elapsed() < LIMIT {
        thread::sleep(Duration::from_millis(10));
        status = child.try_wait().unwrap();
    }
    if status.is_none() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut errors = String::new();
    child.stderr.unwrap().read_to_string(&mut errors).unwrap();
    Some(End { what, status, errors })
}

impl End {
    #[track_caller]
    fn expect_line(&self, line: &str) {
        let Self { what, status, errors } = self;
        let Some(status) = status else {
            panic!(
                "{what}: the program waits for ever; it should end with the \
                 line {line:?}"
            );
        };
        assert!(
            errors.contains(line) && !status.success(),
            "{what}: the program should end with the line {line:?}, but this \
             stands on standard error: {errors:?} ({status})"
        );
    }

    #[track_caller]
    fn expect_success(&self) {
        let Self { what, status, errors } = self;
        let Some(status) = status else {
            panic!("{what}: this should go well, but it waits for ever");
        };
        assert!(
            status.success(),
            "{what}: this should go well, but the program ended \
             ({status}):\n{errors}"
        );
    }
}

#[test]
#[ignore = "exercise 4.1"]
fn what_needs_no_heap_needs_no_lock() {
    let heap = shared(brk(REGION));
    let lock = heap.heap.lock();
    // SAFETY: null is always allowed.
    let freed = in_a_thread(|| unsafe { heap.free(ptr::null_mut()) });
    assert!(
        freed.is_some(),
        "free(null) waits for the lock; there is nothing to free, so it does \
         not need the heap"
    );
    // SAFETY: as above.
    let size = in_a_thread(|| unsafe { heap.usable_size(ptr::null_mut()) });
    assert_eq!(size, Some(0), "usable_size(null), or None if it waits");
    let block = in_a_thread(|| heap.calloc(usize::MAX, 2).addr());
    assert_eq!(
        block,
        Some(0),
        "calloc of more bytes than there are numbers, or None if it waits"
    );
    drop(lock);

    let block = heap.calloc(4, 25);
    // SAFETY: the block is live, and freed once.
    unsafe {
        let size = heap.usable_size(block);
        assert!(size >= 100, "a block for 100 bytes has {size}");
        heap.free(block);
    }
    let format = format!("{:?}", *heap.heap.lock());
    assert_eq!(format, "[112 free]", "after the one block was freed");
}

/// How long threads do the same thing over and over. In a second each of them
/// is interrupted so often that it happens between any two steps.
const TIME: Duration = Duration::from_secs(1);

/// How often they do it if time does not end it.
const ROUNDS: usize = if cfg!(miri) { 20 } else { usize::MAX };

/// How many locks they take in turn.
const LOCKS: usize = 50_000;

fn in_four_threads(deed: impl Fn() + Sync) {
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    deed();
                    // Each time: on a busy machine a deed may have to wait.
                    if start.elapsed() > TIME {
                        break;
                    }
                }
            });
        }
    });
}

/// How many threads have a lock at the same time.
struct Inside {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Inside {
    const fn new() -> Self {
        Self { now: AtomicUsize::new(0), most: AtomicUsize::new(0) }
    }

    /// One more, until it gives its guard back.
    fn enter<G>(&self, guard: G) {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        self.now.fetch_sub(1, Ordering::Relaxed);
        drop(guard);
    }

    #[track_caller]
    fn expect_one(self, what: &str) {
        let most = self.most.into_inner();
        assert_eq!(
            most, 1,
            "threads that had the lock at the same time, when four called \
             {what}: between the look whether it is free and the write that \
             takes it, nobody else may take it"
        );
    }
}

/// Tells whether a type is `Send` or `Sync`: the compiler takes the methods
/// of the type itself where it can, and those of the trait where it cannot.
struct Is<T>(PhantomData<T>);

trait No {
    fn send(&self) -> bool {
        false
    }

    fn sync(&self) -> bool {
        false
    }
}

impl<T> No for Is<T> {}

impl<T: Send> Is<T> {
    fn send(&self) -> bool {
        true
    }
}

impl<T: Sync> Is<T> {
    fn sync(&self) -> bool {
        true
    }
}

fn type_of<T>(_: &T) -> Is<T> {
    Is(PhantomData)
}

#[test]
#[ignore = "exercise 4.2"]
fn the_lock_is_our_own() {
    let name = any::type_name::<Mutex<u8>>();
    assert!(
        name.starts_with("stage4_threadsafe::"),
        "the lock is a {name}; it should be written in src/sync.rs"
    );

    static COUNT: Mutex<u64> = Mutex::new(0);
    // Miri needs a thousand times as long.
    let each = if cfg!(miri) { 1_000 } else { 20_000 };
    let threads: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(move || {
                for _ in 0..each {
                    *COUNT.lock() += 1;
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let count = *COUNT.lock();
    assert_eq!(count, 4 * each, "four threads have counted to {each} each");

    let (lock, inside) = (Mutex::new(()), Inside::new());
    in_four_threads(|| {
        if let Some(guard) = lock.try_lock() {
            inside.enter(guard);
        }
    });
    inside.expect_one("try_lock");
    let inside = Inside::new();
    in_four_threads(|| inside.enter(lock.lock()));
    inside.expect_one("lock");

    let mut mutex = Mutex::new(1);
    let guard = mutex.lock();
    assert!(mutex.try_lock().is_none(), "try_lock gave a lock that is taken");
    drop(guard);
    assert!(mutex.try_lock().is_some(), "try_lock gave no lock that is free");
    *mutex.get_mut() = 2;
    mem::forget(mutex.lock());
    assert!(mutex.try_lock().is_none(), "a guard that is forgotten let go");
    // SAFETY: this thread has the lock, and no guard.
    unsafe { mutex.force_unlock() };
    assert_eq!(mutex.try_lock().map(|value| *value), Some(2), "the value");

    let (with_cell, with_rc) =
        (Mutex::new(Cell::new(0)), Mutex::new(Rc::new(0)));
    assert!(
        type_of(&with_cell).sync(),
        "threads should be able to share a Mutex<Cell>: that is what a lock \
         is for"
    );
    assert!(
        !type_of(&with_rc).sync(),
        "threads can share a Mutex<Rc>; each of them could clone the Rc under \
         the lock and drop its clone later, without it"
    );
    assert!(
        type_of(&with_cell).send(),
        "a Mutex<Cell> should be able to go to another thread"
    );
    assert!(
        !type_of(&with_rc).send(),
        "a Mutex<Rc> can go to another thread, and the Rc's clones stay"
    );
    assert!(
        !type_of(&with_cell.lock()).sync(),
        "threads can share the guard of a Mutex<Cell>; each of them gets a \
         &Cell from it, and they set it at the same time"
    );
}

#[test]
#[ignore = "exercise 4.3"]
#[cfg_attr(
    any(miri, not(unix)),
    allow(unused_attributes),
    ignore = "needs Unix: processes, signals, and a name for a thread"
)]
fn a_thread_that_waits_for_itself_is_told() {
    let test = "a_thread_that_waits_for_itself_is_told";
    let line = "malloc: this thread has the lock already: 0x";

    let what = "a block is asked for while this thread has the lock";
    let end = in_a_process(test, what, || {
        let heap = shared(brk(REGION));
        let _lock = heap.heap.lock();
        heap.malloc(1);
    });
    if let Some(end) = end {
        end.expect_line(line);
    }

    #[cfg(unix)]
    {
        let what = "a signal handler asks for a block in the middle of malloc";
        let end = in_a_process(test, what, signal::malloc_in_malloc);
        if let Some(end) = end {
            end.expect_line(line);
        }
    }

    let what = "threads take the lock one after the other";
    let end = in_a_process(test, what, || {
        let heap = shared(brk(REGION));
        let deed = || {
            for _ in 0..500 {
                let block = heap.malloc(100);
                thread::yield_now();
                // SAFETY: the block is live, and freed once.
                unsafe { heap.free(block) };
            }
        };
        let threads = [(); 3].map(|()| thread::spawn(deed));
        let lock = heap.heap.lock();
        thread::sleep(Duration::from_millis(50));
        drop(lock);
        for thread in threads {
            thread.join().unwrap();
        }
    });
    if let Some(end) = end {
        end.expect_success();
    }

    let what = "four threads take the same locks, over and over";
    let end = in_a_process(test, what, || {
        // So many that one thread after the other gets each of them: a thread
        // is interrupted before it comes around.
        let locks: Vec<_> = (0..LOCKS).map(|_| Mutex::new(())).collect();
        in_four_threads(|| locks.iter().for_each(|lock| drop(lock.lock())));
    });
    if let Some(end) = end {
        end.expect_success();
    }

    let what = "a lock that was kept for a fork is released";
    let end = in_a_process(test, what, || {
        let heap = shared(brk(REGION));
        mem::forget(heap.heap.lock());
        // SAFETY: this thread has the lock, and no guard.
        unsafe { heap.heap.force_unlock() };
        heap.malloc(1);
    });
    if let Some(end) = end {
        end.expect_success();
    }
}

/// A signal that comes while the heap asks its break for more.
#[cfg(unix)]
mod signal {
    use std::ptr::NonNull;
    use std::sync::OnceLock;

    use stage4_threadsafe::OutOfMemory;

    use super::{Brk, LockedHeap, REGION, SimBrk, brk, shared};

    struct SignalBrk(SimBrk<'static>);

    static HEAP: OnceLock<&LockedHeap<SignalBrk>> = OnceLock::new();

    // SAFETY: it is a `SimBrk`.
    unsafe impl Brk for SignalBrk {
        unsafe fn sbrk(
            &mut self,
            increment: isize,
        ) -> Result<NonNull<u8>, OutOfMemory> {
            // SAFETY: the handler is one of ours.
            unsafe { libc::raise(libc::SIGUSR1) };
            // SAFETY: as the caller promises.
            unsafe { self.0.sbrk(increment) }
        }
    }

    extern "C" fn handler(_: libc::c_int) {
        HEAP.get().unwrap().malloc(1);
    }

    pub fn malloc_in_malloc() {
        let heap = HEAP.get_or_init(|| shared(SignalBrk(brk(REGION))));
        let handler = handler as extern "C" fn(libc::c_int);
        // SAFETY: the handler is a function that takes a number. (That it calls
        // `malloc` is what is tested.)
        unsafe { libc::signal(libc::SIGUSR1, handler as usize) };
        heap.malloc(1);
    }
}

#[test]
#[ignore = "exercise 4.4"]
#[cfg_attr(miri, allow(unused_attributes), ignore = "Miri starts no process")]
fn free_never_waits() {
    type Function = fn(&LockedHeap<SimBrk>, *mut u8) -> *mut u8;
    let functions: [(&str, Function); 4] = [
        ("malloc", |heap, _| heap.malloc(5000)),
        ("calloc", |heap, _| heap.calloc(50, 100)),
        // SAFETY: the other block is live, and not used after this.
        ("realloc", |heap, other| unsafe { heap.realloc(other, 5000) }),
        ("memalign", |heap, _| heap.memalign(16, 5000)),
    ];
    for (name, function) in functions {
        let heap = shared(brk(REGION));
        let (block, other) = (heap.malloc(5000), heap.malloc(100));
        let guard = heap.malloc(1);
        let lock = heap.heap.lock();
        // SAFETY: the block is live, and freed once.
        let is_done = unsafe { free_in_a_thread(heap, block) };
        assert!(is_done, "free waits for a thread that has the lock");
        drop(lock);
        assert_eq!(
            function(heap, other),
            block,
            "{name} should give the block that was freed while somebody else \
             had the lock: {:?}",
            *heap.heap.lock()
        );
        // SAFETY: as above.
        unsafe { heap.free(guard) };
    }

    let heap = shared(brk(REGION));
    let block = heap.malloc(100);
    // SAFETY: as above.
    unsafe { heap.free(block) };
    let format = format!("{:?}", *heap.heap.lock());
    assert_eq!(format, "[112 free]", "a block freed while the lock is free");

    let (late, last) = (heap.malloc(100), heap.malloc(100));
    let lock = heap.heap.lock();
    // SAFETY: as above.
    unsafe { free_in_a_thread(heap, late) };
    drop(lock);
    // SAFETY: as above.
    unsafe { heap.free(last) };
    let lock = heap.heap.lock();
    let in_use = lock.blocks().filter(|block| !block.is_free).count();
    assert_eq!(
        in_use, 0,
        "blocks in use, after one was freed while somebody had the lock, and \
         another while nobody had it: who gets the lock to free a block should \
         also free what is on the list: {:?}",
        *lock
    );
    drop(lock);

    many_are_freed_at_once();

    let what = "null is freed while somebody has the lock";
    let end = in_a_process("free_never_waits", what, || {
        let heap = shared(brk(REGION));
        let lock = heap.heap.lock();
        // SAFETY: null is always allowed.
        unsafe { free_in_a_thread(heap, ptr::null_mut()) };
        drop(lock);
        heap.malloc(1);
    });
    if let Some(end) = end {
        end.expect_success();
    }

    let what = "a block is freed twice while somebody has the lock";
    let end = in_a_process("free_never_waits", what, || {
        let heap = shared(brk(REGION));
        let block = heap.malloc(100);
        let lock = heap.heap.lock();
        for _ in 0..2 {
            // SAFETY: none: the second one is the crime.
            unsafe { free_in_a_thread(heap, block) };
        }
        drop(lock);
        heap.malloc(1);
    });
    if let Some(end) = end {
        end.expect_line("malloc: this block is free already: 0x");
    }
}

/// Four threads free all they have while a fifth has the lock.
fn many_are_freed_at_once() {
    const EACH: usize = 20_000;
    let heap = shared(brk(4 * EACH * 32 + REGION));
    let start: &Barrier = Box::leak(Box::new(Barrier::new(4)));
    let lists = [(); 4].map(|()| {
        let blocks = (0..EACH).map(|_| AtomicPtr::new(heap.malloc(16)));
        blocks.collect::<Vec<_>>()
    });
    let lock = heap.heap.lock();
    let threads = lists.map(|blocks| {
        thread::spawn(move || {
            start.wait();
            for block in blocks {
                // SAFETY: the block is live, and freed once.
                unsafe { heap.free(block.load(Ordering::Relaxed)) };
            }
        })
    });
    for thread in threads {
        thread.join().unwrap();
    }
    drop(lock);

    heap.malloc(16);
    let heap = heap.heap.lock();
    let in_use = heap.blocks().filter(|block| !block.is_free).count();
    assert_eq!(
        in_use, 1,
        "blocks in use, after four threads have freed {EACH} each at the same \
         time and one was allocated"
    );
}
