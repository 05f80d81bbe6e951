//! Writes down what a program asks of malloc.
//!
//! Preloaded, this library takes malloc's names, passes each call on to the C
//! library, which has second names for its functions, and writes a record for
//! it to a file. The environment variable `MALLOC_RECORD_FILE` says where:
//! with the number of the process and of the program in it behind the name,
//! since a program may start others, and replace itself.
//!
//! ```text
//! cargo build -p timing --example record
//! MALLOC_RECORD_FILE=target/ls \
//!     LD_PRELOAD=target/debug/examples/librecord.so ls
//! ```
//!
//! `timing::trace::raw` reads the file.
//!
//! The file is written through memory that is shared with it: what is written
//! there is in the file when the process is killed. A lock puts the records of
//! several threads into one order. A block is in it before anybody else can be
//! given the same memory: `free` writes its record before the memory is free,
//! and `realloc` holds the lock meanwhile.
//!
//! Its code runs inside malloc, so it neither allocates nor panics.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ffi::{CStr, c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};

// The C library's functions, by their other names.
unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_free(block: *mut c_void);
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_memalign(align: usize, size: usize) -> *mut c_void;
}

/// What a record is about: its first word. A zero ends the file.
const START: u64 = 1;
const ALLOCATE: u64 = 2;
const RESIZE: u64 = 3;
const FREE: u64 = 4;

/// A record: what, and by which thread; three more words.
type Record = [u64; 4];

/// The file is so long, and most of it a hole that takes no room on a disk: it
/// is made once, and closed, before the program has opened any.
const LENGTH: usize = 2 << 30;

/// The file, as memory.
struct File {
    /// Null: there is none.
    start: *mut u8,
    /// How much of it is written.
    used: usize,
}

struct Shared(UnsafeCell<File>);

// SAFETY: who holds the lock is alone with it.
unsafe impl Sync for Shared {}

static FILE: Shared =
    Shared(UnsafeCell::new(File { start: ptr::null_mut(), used: 0 }));

static IS_LOCKED: AtomicBool = AtomicBool::new(false);

/// The process whose file it is: a child that was forked needs its own.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// The lock, until it is dropped.
struct Locked;

fn lock() -> Locked {
    // SAFETY: getpid(2) has no conditions.
    let pid = unsafe { libc::getpid() };
    if OWNER.load(Ordering::Relaxed) != pid {
        // A process that was just started or forked: it has one thread, and
        // whoever held its parent's lock is not here.
        IS_LOCKED.store(false, Ordering::Relaxed);
    }
    while IS_LOCKED.swap(true, Ordering::Acquire) {
        // SAFETY: sched_yield(2) has no conditions.
        unsafe { libc::sched_yield() };
    }
    let mut locked = Locked;
    if OWNER.load(Ordering::Relaxed) != pid {
        let parent = OWNER.load(Ordering::Relaxed);
        // Not before there is an environment to read the name from.
        if locked.file().start(pid, parent != 0) {
            OWNER.store(pid, Ordering::Relaxed);
        }
    }
    locked
}

impl Locked {
    fn file(&mut self) -> &mut File {
        // SAFETY: this thread holds the lock.
        unsafe { &mut *FILE.0.get() }
    }

    /// Writes a record for this thread.
    fn write(&mut self, what: u64, [a, b, c]: [u64; 3]) {
        // SAFETY: gettid(2) has no conditions.
        let thread = unsafe { libc::syscall(libc::SYS_gettid) } as u64;
        self.file().write([what | thread << 32, a, b, c]);
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        IS_LOCKED.store(false, Ordering::Release);
    }
}

impl File {
    /// Starts a file for the process. False if it is not to be known yet where.
    fn start(&mut self, pid: c_int, is_forked: bool) -> bool {
        // SAFETY: the name ends in a zero byte; nobody changes the environment
        // while it is read, since that takes malloc.
        let name = unsafe { libc::getenv(c"MALLOC_RECORD_FILE".as_ptr()) };
        if name.is_null() {
            return false;
        }
        // SAFETY: it is a string of the environment.
        let name = unsafe { CStr::from_ptr(name) };
        // The parent's file stays the parent's.
        *self = Self { start: map(create(name, pid)), used: 0 };
        let program = program();
        self.write([START | (pid as u64) << 32, is_forked.into(), 0, 0]);
        for bytes in program.chunks_exact(size_of::<Record>()) {
            let mut record = [0; 4];
            for (word, bytes) in record.iter_mut().zip(bytes.chunks_exact(8)) {
                *word = u64::from_ne_bytes(bytes.try_into().unwrap_or([0; 8]));
            }
            self.write(record);
        }
        true
    }

    fn write(&mut self, record: Record) {
        if self.start.is_null() || self.used == LENGTH {
            return;
        }
        // SAFETY: there is room for it, since the file is a whole number of
        // records long; its address is that of a page.
        unsafe { self.start.add(self.used).cast::<Record>().write(record) };
        self.used += size_of::<Record>();
    }
}

/// Makes the file long, and memory of it. Null if that fails. The file is
/// closed: whatever the program does to open files, it does not meet this one.
fn map(fd: c_int) -> *mut u8 {
    // SAFETY: `fd` is ours, if it is open; the kernel chooses the place.
    unsafe {
        let mut start = libc::MAP_FAILED;
        if libc::ftruncate(fd, LENGTH as libc::off_t) == 0 {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let shared = libc::MAP_SHARED | libc::MAP_NORESERVE;
            start = libc::mmap(ptr::null_mut(), LENGTH, access, shared, fd, 0);
        }
        libc::close(fd);
        if start == libc::MAP_FAILED { ptr::null_mut() } else { start.cast() }
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

/// The end of the path by which this program was started.
fn program() -> [u8; 64] {
    let mut name = [0; 64];
    // SAFETY: the kernel leaves a string for the program there, or nothing.
    let path = unsafe {
        let path = libc::getauxval(libc::AT_EXECFN);
        if path == 0 {
            return name;
        }
        CStr::from_ptr(path as *const _).to_bytes()
    };
    let end = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    for (to, from) in name.iter_mut().take(63).zip(end) {
        *to = *from;
    }
    name
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

/// Writes down a block that was just allocated. Null was none.
fn allocated(block: *mut c_void, size: usize, align: usize) -> *mut c_void {
    if !block.is_null() {
        let record = [block.addr() as u64, size as u64, align as u64];
        keeping_errno(|| lock().write(ALLOCATE, record));
    }
    block
}

/// malloc(3)
#[unsafe(no_mangle)]
pub extern "C" fn malloc(size: usize) -> *mut c_void {
    // SAFETY: it may fail.
    allocated(unsafe { __libc_malloc(size) }, size, 0)
}

/// calloc(3)
#[unsafe(no_mangle)]
pub extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: it may fail. If it does not, the product is a size.
    let block = unsafe { __libc_calloc(count, size) };
    allocated(block, count.wrapping_mul(size), 0)
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
    let record = [block.addr() as u64, 0, 0];
    keeping_errno(|| lock().write(FREE, record));
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
    let mut locked = keeping_errno(lock);
    let old = block.addr() as u64;
    // SAFETY: as the caller promises.
    let new = unsafe { __libc_realloc(block, size) };
    keeping_errno(|| {
        if !new.is_null() {
            locked.write(RESIZE, [old, new.addr() as u64, size as u64]);
        } else if size == 0 && old != 0 {
            locked.write(FREE, [old, 0, 0]);
        }
        drop(locked);
    });
    new
}

/// memalign(3)
#[unsafe(no_mangle)]
pub extern "C" fn memalign(align: usize, size: usize) -> *mut c_void {
    // SAFETY: it may fail.
    allocated(unsafe { __libc_memalign(align, size) }, size, align)
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

/// malloc_usable_size(3): the C library's. A program may bring a library with a
/// function of that name that does not know the C library's blocks.
///
/// # Safety
///
/// As for malloc_usable_size(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_usable_size(block: *mut c_void) -> usize {
    static FOUND: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
    let mut function = FOUND.load(Ordering::Relaxed);
    if function.is_null() {
        // SAFETY: the strings end in a zero byte. The C library is there, so
        // this opens nothing, and the function is one of its.
        unsafe {
            let c = libc::dlopen(c"libc.so.6".as_ptr(), libc::RTLD_LAZY);
            function = libc::dlsym(c, c"malloc_usable_size".as_ptr());
        }
        FOUND.store(function, Ordering::Relaxed);
    }
    // SAFETY: this is the type of the function; `block` as the caller promises.
    unsafe {
        let function: unsafe extern "C" fn(*mut c_void) -> usize =
            mem::transmute(function);
        function(block)
    }
}

/// This library's own Rust code has no heap, and asks for none. If it did (a
/// panic's message would), this is where it stops.
struct NoHeap;

#[global_allocator]
static NO_HEAP: NoHeap = NoHeap;

// SAFETY: it returns no memory at all.
unsafe impl GlobalAlloc for NoHeap {
    unsafe fn alloc(&self, _layout: Layout) -> *mut u8 {
        let line = "record: the recorder asked for memory itself\n";
        // SAFETY: `line` is as long as its length says; abort(3) ends it.
        unsafe {
            libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len());
            libc::abort()
        }
    }

    unsafe fn dealloc(&self, _block: *mut u8, _layout: Layout) {}
}
