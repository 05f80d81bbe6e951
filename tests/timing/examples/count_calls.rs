//! Counts what a program asks of malloc, and when.
//!
//! Preloaded, this library takes malloc's names, passes each call on to the C
//! library, which has second names for its functions, and counts it. It knows
//! what goes on, since it takes some other names too: `__libc_start_main` (when
//! main begins and returns), `exit`, `sigaction` and `signal` (whether a handler
//! is at work), and `pthread_create`. The environment variable
//! `MALLOC_CALLS_FILE` says where the counts go: with the number of the process
//! and of the program in it behind the name, since a program may start others,
//! and replace itself.
//!
//! ```text
//! cargo build -p timing --example count_calls
//! MALLOC_CALLS_FILE=target/ls \
//!     LD_PRELOAD=target/debug/examples/libcount_calls.so ls
//! ```
//!
//! `tests::runtimes::counts` reads the file: numbers of eight bytes, in the order
//! of [`Counts`]. The counts are a page that is shared with the file, so they are
//! there however the process ends, and a forked child adds to its parent's. Its
//! code runs inside malloc, so it takes no lock, and neither allocates nor panics.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize};

// The C library's functions, by their other names.
unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_free(block: *mut c_void);
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_memalign(align: usize, size: usize) -> *mut c_void;
    fn __sigaction(
        signal: c_int,
        new: *const libc::sigaction,
        old: *mut libc::sigaction,
    ) -> c_int;
}

/// The counts of one program in one process, and of the children that it forks.
/// (`free` of nothing is not counted.)
#[repr(C, align(4096))]
struct Counts {
    mallocs: AtomicU64,
    callocs: AtomicU64,
    reallocs: AtomicU64,
    aligned: AtomicU64,
    frees: AtomicU64,
    /// Those of `realloc` that ask for no bytes.
    to_nothing: AtomicU64,
    /// Bytes of the largest request.
    largest: AtomicU64,
    /// Calls, whichever they are.
    before_main: AtomicU64,
    after_exit: AtomicU64,
    in_handlers: AtomicU64,
    in_children: AtomicU64,
    /// What the process itself has not freed, and bytes of it.
    left_blocks: AtomicU64,
    left_bytes: AtomicU64,
    threads: AtomicU64,
    handlers: AtomicU64,
}

const fn zero() -> AtomicU64 {
    AtomicU64::new(0)
}

static COUNTS: Counts = Counts {
    mallocs: zero(),
    callocs: zero(),
    reallocs: zero(),
    aligned: zero(),
    frees: zero(),
    to_nothing: zero(),
    largest: zero(),
    before_main: zero(),
    after_exit: zero(),
    in_handlers: zero(),
    in_children: zero(),
    left_blocks: zero(),
    left_bytes: zero(),
    threads: zero(),
    handlers: zero(),
};

fn add(count: &AtomicU64, number: u64) {
    count.fetch_add(number, Relaxed);
}

// The file. ----------------------------------------------------------------

/// The process that the counts are of. A child that was forked is another.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// Not before there is an environment to read the name from. What comes earlier
/// is in the page when it becomes the file's.
///
/// (On a stack of its own depth: [`is_inside`] looks at where it stands.)
#[cold]
#[inline(never)]
fn begin() {
    // SAFETY: the name ends in a zero byte; the environment is read only.
    let name = unsafe { libc::getenv(c"MALLOC_CALLS_FILE".as_ptr()) };
    if name.is_null() {
        return;
    }
    // SAFETY: getpid(2) has no conditions; `name` is a string of the environment.
    unsafe {
        OWNER.store(libc::getpid(), Relaxed);
        share(create(CStr::from_ptr(name), libc::getpid()));
    }
}

/// Puts the file in the place of the page, with what was counted so far.
fn share(fd: c_int) {
    let page: *const Counts = &COUNTS;
    let len = size_of::<Counts>();
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let place = libc::MAP_SHARED | libc::MAP_FIXED;
    // SAFETY: the page is a whole one and its counts alone are in it. The file has
    // what they were; nobody else counts yet.
    unsafe {
        if libc::write(fd, page.cast(), len) == len.cast_signed() {
            libc::mmap(page.cast_mut().cast(), len, access, place, fd, 0);
        }
        libc::close(fd);
    }
}

/// Creates a file of this process that is not there yet, since a process may
/// have been another program before. Returns -1 if it cannot.
fn create(name: &CStr, pid: c_int) -> c_int {
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
    let mut path = [0_u8; 4096];
    for program in 0..100 {
        // SAFETY: the arguments are what the format says; snprintf(3) writes
        // no more than it may, ends it with a zero byte, and needs no memory
        // for this format. The path is then a C string.
        let fd = unsafe {
            libc::snprintf(
                path.as_mut_ptr().cast(),
                path.len(),
                c"%s.%d.%d".as_ptr(),
                name.as_ptr(),
                pid,
                program,
            );
            libc::open(path.as_ptr().cast(), flags, 0o644)
        };
        if fd >= 0 {
            return fd;
        }
    }
    -1
}

// What goes on. ------------------------------------------------------------

static IN_MAIN: AtomicBool = AtomicBool::new(false);
static HAS_ENDED: AtomicBool = AtomicBool::new(false);

/// The library's next function of this name.
fn next(name: &CStr) -> *mut c_void {
    // SAFETY: the name ends in a zero byte.
    unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) }
}

type Main = extern "C" fn(c_int, *mut *mut c_char, *mut *mut c_char) -> c_int;

/// The program's main.
static MAIN: AtomicUsize = AtomicUsize::new(0);

/// The loader calls this before it calls what a program does before main: our
/// counts begin as early as they can.
#[unsafe(no_mangle)]
pub extern "C" fn __libc_start_main(
    main: Main,
    argc: c_int,
    argv: *mut *mut c_char,
    init: *mut c_void,
    fini: *mut c_void,
    loader_fini: *mut c_void,
    stack_end: *mut c_void,
) -> c_int {
    type Start = extern "C" fn(
        Main,
        c_int,
        *mut *mut c_char,
        *mut c_void,
        *mut c_void,
        *mut c_void,
        *mut c_void,
    ) -> c_int;
    MAIN.store(main as usize, Relaxed);
    // SAFETY: this is the type of the function of this name.
    let start: Start = unsafe { mem::transmute(next(c"__libc_start_main")) };
    start(watched, argc, argv, init, fini, loader_fini, stack_end)
}

extern "C" fn watched(
    argc: c_int,
    argv: *mut *mut c_char,
    environment: *mut *mut c_char,
) -> c_int {
    // SAFETY: it was a function of this type when it was stored.
    let main: Main = unsafe { mem::transmute(MAIN.load(Relaxed)) };
    IN_MAIN.store(true, Relaxed);
    let status = main(argc, argv, environment);
    HAS_ENDED.store(true, Relaxed);
    status
}

/// exit(3)
#[unsafe(no_mangle)]
pub extern "C" fn exit(status: c_int) -> ! {
    HAS_ENDED.store(true, Relaxed);
    // SAFETY: this is the type of the function of this name.
    let exit: extern "C" fn(c_int) -> ! =
        unsafe { mem::transmute(next(c"exit")) };
    exit(status)
}

/// pthread_create(3)
#[unsafe(no_mangle)]
pub extern "C" fn pthread_create(
    thread: *mut c_void,
    attributes: *const c_void,
    start: *mut c_void,
    argument: *mut c_void,
) -> c_int {
    type Create = extern "C" fn(
        *mut c_void,
        *const c_void,
        *mut c_void,
        *mut c_void,
    ) -> c_int;
    add(&COUNTS.threads, 1);
    // SAFETY: this is the type of the function of this name.
    let create: Create = unsafe { mem::transmute(next(c"pthread_create")) };
    create(thread, attributes, start, argument)
}

// Signals. -----------------------------------------------------------------

/// What the program has set for a signal.
struct Handler {
    function: AtomicUsize,
    flags: AtomicI32,
}

const SIGNALS: usize = 65;

static HANDLERS: [Handler; SIGNALS] = [const {
    Handler { function: AtomicUsize::new(0), flags: AtomicI32::new(0) }
}; SIGNALS];

/// A thread that is in a handler, and where its stack is while it is there. It
/// may leave it by a jump: then it is taken to be inside until it calls from less
/// deep on its stack than the handler was.
struct Inside {
    thread: AtomicI32,
    low: AtomicUsize,
    high: AtomicUsize,
}

static INSIDE: [Inside; 64] = [const {
    Inside {
        thread: AtomicI32::new(0),
        low: AtomicUsize::new(0),
        high: AtomicUsize::new(0),
    }
}; 64];

/// How many threads are in a handler. (Too many, if one has left by a jump.)
static MANY_INSIDE: AtomicUsize = AtomicUsize::new(0);

/// A stack is no longer than this, as a rule.
const STACK: usize = 8 << 20;

fn thread() -> i32 {
    // SAFETY: gettid(2) has no conditions.
    unsafe { libc::syscall(libc::SYS_gettid) as i32 }
}

extern "C" fn on_signal(
    signal: c_int,
    info: *mut libc::siginfo_t,
    context: *mut c_void,
) {
    type Function = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
    let Some(handler) = HANDLERS.get(signal as usize) else { return };
    let place = enter(ptr::from_ref(&signal).addr());
    // SAFETY: the program has set a handler, or this would not be called. One that
    // wants the signal alone does not look at the rest.
    let function: Function =
        unsafe { mem::transmute(handler.function.load(Relaxed)) };
    function(signal, info, context);
    if let Some(place) = place {
        place.thread.store(0, Relaxed);
        MANY_INSIDE.fetch_sub(1, Relaxed);
    }
}

/// Notes that this thread is in a handler, whose frame is at this address.
fn enter(frame: usize) -> Option<&'static Inside> {
    // SAFETY: all its fields may be zero, and it may be written.
    let stack = unsafe {
        let mut stack: libc::stack_t = mem::zeroed();
        libc::sigaltstack(ptr::null(), &mut stack);
        stack
    };
    let (low, high) = if stack.ss_flags & libc::SS_ONSTACK == 0 {
        (frame.saturating_sub(STACK), frame)
    } else {
        (stack.ss_sp.addr(), stack.ss_sp.addr() + stack.ss_size)
    };
    let place = INSIDE.iter().find(|place| {
        let thread = thread();
        place.thread.compare_exchange(0, thread, Relaxed, Relaxed).is_ok()
    })?;
    place.low.store(low, Relaxed);
    place.high.store(high, Relaxed);
    MANY_INSIDE.fetch_add(1, Relaxed);
    Some(place)
}

/// Whether this thread is in a handler.
fn is_inside() -> bool {
    if MANY_INSIDE.load(Relaxed) == 0 {
        return false;
    }
    let thread = thread();
    let here = ptr::from_ref(&thread).addr();
    let mut is_inside = false;
    for place in &INSIDE {
        if place.thread.load(Relaxed) != thread {
            continue;
        }
        if (place.low.load(Relaxed)..place.high.load(Relaxed)).contains(&here) {
            is_inside = true;
        } else {
            place.thread.store(0, Relaxed);
            MANY_INSIDE.fetch_sub(1, Relaxed);
        }
    }
    is_inside
}

/// sigaction(2): our function stands in for the program's.
///
/// # Safety
///
/// As for sigaction(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sigaction(
    signal: c_int,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> c_int {
    let Some(handler) = HANDLERS.get(signal as usize) else {
        // SAFETY: as the caller promises.
        return unsafe { __sigaction(signal, new, old) };
    };
    let (function, flags) =
        (handler.function.load(Relaxed), handler.flags.load(Relaxed));
    let ours = on_signal as *const () as usize;
    // SAFETY: as the caller promises. What is `null` is not looked at.
    unsafe {
        let mut with_ours = new.as_ref().copied();
        if let Some(new) = &mut with_ours
            && new.sa_sigaction != libc::SIG_DFL
            && new.sa_sigaction != libc::SIG_IGN
        {
            add(&COUNTS.handlers, 1);
            handler.function.store(new.sa_sigaction, Relaxed);
            handler.flags.store(new.sa_flags, Relaxed);
            new.sa_sigaction = ours;
            new.sa_flags |= libc::SA_SIGINFO;
        }
        let new = with_ours.as_ref().map_or(ptr::null(), ptr::from_ref);
        let result = __sigaction(signal, new, old);
        if let Some(old) = old.as_mut()
            && result == 0
            && old.sa_sigaction == ours
        {
            old.sa_sigaction = function;
            old.sa_flags = flags;
        }
        result
    }
}

/// signal(2)
///
/// # Safety
///
/// As for signal(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn signal(signal: c_int, handler: usize) -> usize {
    // SAFETY: all fields may be zero, and the rest is as the caller promises.
    unsafe {
        let mut new: libc::sigaction = mem::zeroed();
        let mut old: libc::sigaction = mem::zeroed();
        new.sa_sigaction = handler;
        new.sa_flags = libc::SA_RESTART;
        libc::sigaddset(&mut new.sa_mask, signal);
        match sigaction(signal, &new, &mut old) {
            0 => old.sa_sigaction,
            _ => libc::SIG_ERR,
        }
    }
}

// Blocks. ------------------------------------------------------------------

/// The function that says how much room is in a block, of the library that has
/// made it: a program may bring another of this name.
static ROOM: AtomicUsize = AtomicUsize::new(0);

fn find_room() {
    // SAFETY: all fields may be zero; the names end in a zero byte. The library is
    // there, so this opens nothing.
    unsafe {
        let mut info: libc::Dl_info = mem::zeroed();
        let malloc = __libc_malloc as *const () as *const c_void;
        if libc::dladdr(malloc, &mut info) == 0 {
            return;
        }
        let flags = libc::RTLD_LAZY | libc::RTLD_NOLOAD;
        let library = libc::dlopen(info.dli_fname, flags);
        if library.is_null() {
            return;
        }
        let room = libc::dlsym(library, c"malloc_usable_size".as_ptr());
        ROOM.store(room.expose_provenance(), Relaxed);
    }
}

/// The bytes of a block that was not freed.
fn room(block: *mut c_void) -> u64 {
    let function = ROOM.load(Relaxed);
    if function == 0 || block.is_null() {
        return 0;
    }
    // SAFETY: it has this type, and knows the blocks of its library.
    unsafe {
        let room: unsafe extern "C" fn(*mut c_void) -> usize =
            mem::transmute(function);
        room(block) as u64
    }
}

/// Does something and leaves `errno` as it was.
fn keeping_errno<T>(what: impl FnOnce() -> T) -> T {
    // SAFETY: it points to this thread's `errno`.
    let errno = unsafe { *libc::__errno_location() };
    let result = what();
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
    result
}

static HAS_BEGUN: AtomicBool = AtomicBool::new(false);

/// While this library asks the loader for something, whose calls are not the
/// program's.
static IS_QUIET: AtomicBool = AtomicBool::new(false);

/// Counts a call, and says whether it is one of the process itself.
fn counted(calls: &AtomicU64) -> bool {
    // SAFETY: it may be looked at.
    let has_environment = unsafe { !environ.is_null() };
    if has_environment && !HAS_BEGUN.swap(true, Relaxed) {
        IS_QUIET.store(true, Relaxed);
        begin();
        find_room();
        IS_QUIET.store(false, Relaxed);
    }
    add(calls, 1);
    if !IN_MAIN.load(Relaxed) {
        add(&COUNTS.before_main, 1);
    }
    if HAS_ENDED.load(Relaxed) {
        add(&COUNTS.after_exit, 1);
    }
    if is_inside() {
        add(&COUNTS.in_handlers, 1);
    }
    // SAFETY: getpid(2) has no conditions.
    let pid = unsafe { libc::getpid() };
    let owner = OWNER.load(Relaxed);
    let is_child = owner != 0 && owner != pid;
    if is_child {
        add(&COUNTS.in_children, 1);
    }
    !is_child
}

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// Notes what was asked for and given. Null was none.
fn given(calls: &AtomicU64, block: *mut c_void, size: usize) -> *mut c_void {
    if IS_QUIET.load(Relaxed) {
        return block;
    }
    keeping_errno(|| {
        COUNTS.largest.fetch_max(size as u64, Relaxed);
        if counted(calls) && !block.is_null() {
            add(&COUNTS.left_blocks, 1);
            add(&COUNTS.left_bytes, room(block));
        }
    });
    block
}

/// Takes a block of so many bytes off what is left.
fn gone(bytes: u64) {
    COUNTS.left_blocks.fetch_sub(1, Relaxed);
    COUNTS.left_bytes.fetch_sub(bytes, Relaxed);
}

/// malloc(3)
#[unsafe(no_mangle)]
pub extern "C" fn malloc(size: usize) -> *mut c_void {
    // SAFETY: it may fail.
    given(&COUNTS.mallocs, unsafe { __libc_malloc(size) }, size)
}

/// calloc(3)
#[unsafe(no_mangle)]
pub extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: it may fail.
    let block = unsafe { __libc_calloc(count, size) };
    given(&COUNTS.callocs, block, count.saturating_mul(size))
}

/// free(3)
///
/// # Safety
///
/// As for free(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(block: *mut c_void) {
    if block.is_null() {
        return;
    }
    if !IS_QUIET.load(Relaxed) {
        keeping_errno(|| {
            if counted(&COUNTS.frees) {
                gone(room(block));
            }
        });
    }
    // SAFETY: as the caller promises.
    unsafe { __libc_free(block) };
}

/// realloc(3)
///
/// # Safety
///
/// As for realloc(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(
    block: *mut c_void,
    size: usize,
) -> *mut c_void {
    let before = room(block);
    // SAFETY: as the caller promises.
    let new = unsafe { __libc_realloc(block, size) };
    let is_freed = size == 0 && new.is_null();
    keeping_errno(|| {
        COUNTS.largest.fetch_max(size as u64, Relaxed);
        if size == 0 && !block.is_null() {
            add(&COUNTS.to_nothing, 1);
        }
        if counted(&COUNTS.reallocs) {
            if !block.is_null() && (is_freed || !new.is_null()) {
                gone(before);
            }
            if !new.is_null() {
                add(&COUNTS.left_blocks, 1);
                add(&COUNTS.left_bytes, room(new));
            }
        }
    });
    new
}

/// memalign(3)
#[unsafe(no_mangle)]
pub extern "C" fn memalign(align: usize, size: usize) -> *mut c_void {
    // SAFETY: it may fail.
    given(&COUNTS.aligned, unsafe { __libc_memalign(align, size) }, size)
}

/// aligned_alloc(3)
#[unsafe(no_mangle)]
pub extern "C" fn aligned_alloc(align: usize, size: usize) -> *mut c_void {
    memalign(align, size)
}

/// posix_memalign(3): returns the error and leaves `errno` alone.
///
/// # Safety
///
/// `out` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(
    out: *mut *mut c_void,
    align: usize,
    size: usize,
) -> c_int {
    if !align.is_power_of_two() || align < size_of::<*mut c_void>() {
        return libc::EINVAL;
    }
    let block = keeping_errno(|| memalign(align, size));
    if block.is_null() {
        return libc::ENOMEM;
    }
    // SAFETY: the caller promises that `out` may be written.
    unsafe { *out = block };
    0
}

fn page_size() -> usize {
    // SAFETY: sysconf(3) reads a number.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// valloc(3)
#[unsafe(no_mangle)]
pub extern "C" fn valloc(size: usize) -> *mut c_void {
    memalign(page_size(), size)
}

/// pvalloc(3)
#[unsafe(no_mangle)]
pub extern "C" fn pvalloc(size: usize) -> *mut c_void {
    let page = page_size();
    // What is too large to be rounded up is too large to be had.
    memalign(page, size.max(1).checked_next_multiple_of(page).unwrap_or(size))
}

/// malloc_usable_size(3)
///
/// # Safety
///
/// As for malloc_usable_size(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_usable_size(block: *mut c_void) -> usize {
    if ROOM.load(Relaxed) == 0 {
        find_room();
    }
    room(block) as usize
}

/// This library's own Rust code has no heap, and asks for none. If it did (a
/// panic's message would), this is where it stops.
struct NoHeap;

#[global_allocator]
static NO_HEAP: NoHeap = NoHeap;

// SAFETY: it returns no memory at all.
unsafe impl GlobalAlloc for NoHeap {
    unsafe fn alloc(&self, _layout: Layout) -> *mut u8 {
        let line = "count_calls: it asked for memory itself\n";
        // SAFETY: `line` is as long as its length says; abort(3) ends it.
        unsafe {
            libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len());
            libc::abort()
        }
    }

    unsafe fn dealloc(&self, _block: *mut u8, _layout: Layout) {}
}
