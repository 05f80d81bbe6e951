//! Stacks for each thread of the process.
//!
//! A thread gets its stacks when it first asks for memory. When it ends they
//! stay, with all chunks that others still use, until a new thread adopts
//! them.

use core::ffi::c_void;
use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::holes::Holes;
use super::slot;
use super::stack::{ALIGN, mark, usable_size as usable_size_of};
use crate::brk::Brk;
use crate::fault::fault;
use crate::reserved::{ReservedBrk, page_size, reserve};
use crate::sync::Mutex;

/// How many bytes of address space all stacks have together, if the system
/// lets them: 64 TiB.
const SPACE: usize = 1 << 46;

/// How many bytes of it the stacks of one thread have: 16 GiB.
const SHARE: usize = 1 << 34;

/// Blocks up to this many bytes are on the first of a thread's stacks.
const SMALL: usize = 1000;

/// Blocks up to this many bytes are on the second. Larger ones are on the
/// third, and their memory goes back to the system when they are freed.
const MIDDLE: usize = 64 * 1024 - 8;

/// The stacks of a thread. They lie in the first of their own breaks.
struct Stacks {
    small: Holes<ReservedBrk>,
    middle: Holes<ReservedBrk>,
    large: Holes<ReservedBrk>,
    /// The next ones on the list of those that threads have left behind.
    next: *mut Stacks,
}

/// What the threads share. Whoever finds their stacks touches none of it.
struct Shared {
    /// The stacks that threads have left behind.
    parked: *mut Stacks,
    /// How many threads' stacks there are.
    count: usize,
    /// Tells us when a thread ends.
    key: libc::pthread_key_t,
}

// SAFETY: parked stacks are nobody's, so whoever holds the lock may take them.
unsafe impl Send for Shared {}

static SHARED: Mutex<Shared> =
    Mutex::new(Shared { parked: ptr::null_mut(), count: 0, key: 0 });

/// Where the address space of the stacks starts, and how many bytes it has.
/// What lies outside is nothing that we gave out.
static START: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
static LEN: AtomicUsize = AtomicUsize::new(0);

/// Returns a block of at least `size` bytes, aligned to [`ALIGN`]; null if
/// there is no memory left. See malloc(3).
#[inline(always)]
pub fn malloc(size: usize) -> *mut u8 {
    match malloc_here(size) {
        Some(payload) => payload,
        None => malloc_elsewhere(size),
    }
}

/// As `malloc`, if this thread's first stack has such a block at once.
#[inline(always)]
pub fn malloc_here(size: usize) -> Option<*mut u8> {
    if size > SMALL {
        return None;
    }
    let mine = slot::get().cast::<Stacks>();
    if mine.is_null() {
        return None;
    }
    // SAFETY: only this thread uses its stacks, and only in one call at a time.
    unsafe { (*mine).small.malloc_here(size) }
}

/// As `malloc`, for a thread that has no stacks yet, for larger blocks, and
/// where the first stack has no room.
#[inline(never)]
pub fn malloc_elsewhere(size: usize) -> *mut u8 {
    match mine() {
        Some(mine) => mine.stack_for(size).malloc(size),
        None => ptr::null_mut(),
    }
}

/// Takes a block back, whichever thread it comes from. See free(3).
///
/// # Safety
///
/// `payload` is null or a block from one of these functions, and nobody uses
/// it any more.
#[inline(always)]
pub unsafe fn free(payload: *mut u8) {
    if payload.is_null() {
        return;
    }
    let mine = slot::get().cast::<Stacks>();
    // SAFETY: only this thread uses its stacks, and only in one call at a time;
    // `payload` as the caller promises.
    unsafe {
        if mine.is_null() || !(*mine).small.free_here(payload) {
            free_elsewhere(mine, payload);
        }
    }
}

/// As `free`, for what is not near the top of the first stack.
///
/// # Safety
///
/// As there; `mine` are this thread's stacks, or null.
#[inline(never)]
unsafe fn free_elsewhere(mine: *mut Stacks, payload: *mut u8) {
    let chunk = chunk(payload);
    // SAFETY: as the caller promises; `chunk` reaches the whole space.
    unsafe {
        if mine.is_null() {
            return mark(chunk);
        }
        let size = usable_size_of(chunk);
        if size <= SMALL {
            return (*mine).small.put(chunk);
        }
        if (*mine).stack_for(size).pop(chunk) {
            return;
        }
        if size > MIDDLE {
            drop_memory(chunk, size);
        }
        mark(chunk);
    }
}

/// As `malloc`, all zero, for `count` elements of `size` bytes each; null also
/// if the product overflows. See calloc(3).
pub fn calloc(count: usize, size: usize) -> *mut u8 {
    let Some(bytes) = count.checked_mul(size) else {
        return ptr::null_mut();
    };
    let payload = malloc(bytes);
    if !payload.is_null() {
        // SAFETY: `payload` is a block of at least `bytes` bytes.
        unsafe { clear(payload, bytes) };
    }
    payload
}

/// Makes all bytes of a block zero. Whole pages of a large one become so when
/// they are touched.
///
/// # Safety
///
/// `payload` is a block of at least `size` bytes.
pub(super) unsafe fn clear(payload: *mut u8, size: usize) {
    // SAFETY: as the caller promises.
    unsafe {
        let (from, to) = if size > MIDDLE {
            drop_memory(payload, size)
        } else {
            (size, size)
        };
        payload.write_bytes(0, from);
        payload.add(to).write_bytes(0, size - to);
    }
}

/// Returns a block of at least `size` bytes that starts with the contents of
/// `payload`, which is then no block any more. Null means that there is no
/// memory left: then `payload` is as it was. See realloc(3).
///
/// # Safety
///
/// `payload` is null or a block from one of these functions, and nobody else
/// uses it.
pub unsafe fn realloc(payload: *mut u8, size: usize) -> *mut u8 {
    if payload.is_null() {
        return malloc(size);
    }
    let chunk = chunk(payload);
    // SAFETY: as the caller promises.
    let old_size = unsafe { usable_size_of(chunk) };
    // SAFETY: as the caller promises.
    if unsafe { resize(chunk, old_size, size) }.is_some() {
        return chunk;
    }
    let new = malloc(size);
    if !new.is_null() {
        // SAFETY: both are blocks, and nobody uses the old one after this.
        unsafe {
            ptr::copy_nonoverlapping(chunk, new, old_size.min(size));
            free(chunk);
        }
    }
    new
}

/// Makes a block one of `size` bytes where it is; `None` if it cannot be, or if
/// the new size belongs on another stack.
///
/// # Safety
///
/// As for [`realloc`].
unsafe fn resize(chunk: *mut u8, old_size: usize, size: usize) -> Option<()> {
    if rank(old_size) != rank(size) {
        return None;
    }
    // SAFETY: as the caller promises. If it is another thread's, it is not the
    // top of ours, and stays as it is.
    unsafe { mine()?.stack_for(size).resize(chunk, size) }
}

/// As `malloc`, aligned to `align` too; null also if `align` is not a power of
/// two. See posix_memalign(3).
pub fn memalign(align: usize, size: usize) -> *mut u8 {
    match mine() {
        Some(mine) => mine.stack_for(size).memalign(align.max(ALIGN), size),
        None => ptr::null_mut(),
    }
}

/// How many bytes of the block may be used; 0 for null.
/// See malloc_usable_size(3).
///
/// # Safety
///
/// `payload` is null or a block from one of these functions.
pub unsafe fn usable_size(payload: *mut u8) -> usize {
    if payload.is_null() {
        return 0;
    }
    // SAFETY: as the caller promises.
    unsafe { usable_size_of(chunk(payload)) }
}

/// A pointer to the same address that reaches the whole space. Ends the program
/// if no block can be there.
#[inline(always)]
fn chunk(payload: *mut u8) -> *mut u8 {
    let start = START.load(Ordering::Relaxed);
    let offset = payload.addr().wrapping_sub(start.addr());
    let is_inside = offset < LEN.load(Ordering::Relaxed);
    if !is_inside || !payload.addr().is_multiple_of(ALIGN) {
        fault("this is no block of the heap", payload);
    }
    start.with_addr(payload.addr())
}

/// Gives memory that nobody needs back to the system, in whole pages, which
/// come again as zeroes: see madvise(2). Returns from which byte to which.
///
/// # Safety
///
/// There are `size` bytes at `chunk`, and nobody uses them.
unsafe fn drop_memory(chunk: *mut u8, size: usize) -> (usize, usize) {
    let page = page_size();
    let from = chunk.addr().next_multiple_of(page) - chunk.addr();
    if size < from + page {
        return (size, size);
    }
    let to = from + (size - from) / page * page;
    // SAFETY: the pages lie in the chunk. The first pointer is to this thread's
    // `errno`, which `free` must leave as it was.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        let pages = chunk.add(from).cast();
        let result = libc::madvise(pages, to - from, libc::MADV_DONTNEED);
        *errno = before;
        if result == 0 { (from, to) } else { (size, size) }
    }
}

/// Which of a thread's stacks a block of `size` bytes is on.
fn rank(size: usize) -> usize {
    usize::from(size > SMALL) + usize::from(size > MIDDLE)
}

impl Stacks {
    fn stack_for(&mut self, size: usize) -> &mut Holes<ReservedBrk> {
        match rank(size) {
            0 => &mut self.small,
            1 => &mut self.middle,
            _ => &mut self.large,
        }
    }
}

/// This thread's stacks.
fn mine<'a>() -> Option<&'a mut Stacks> {
    let mine = slot::get().cast::<Stacks>();
    let mine = if mine.is_null() { adopt()? } else { mine };
    // SAFETY: only this thread uses its stacks, and only in one call at a time.
    Some(unsafe { &mut *mine })
}

/// Gives this thread stacks: those that another has left behind, or new ones.
#[cold]
#[inline(never)]
fn adopt() -> Option<*mut Stacks> {
    let (stacks, key, is_first) = {
        let mut shared = SHARED.lock();
        let is_first = shared.count == 0;
        if is_first {
            shared.set_up()?;
        }
        let stacks = shared.unpark().or_else(|| shared.new_stacks())?;
        (stacks, shared.key, is_first)
    };
    // First the slot, and no lock is held: what follows may ask for memory.
    slot::set(stacks.cast());
    // SAFETY: the key was made, and the functions are there as long as the
    // process.
    unsafe {
        libc::pthread_setspecific(key, stacks.cast());
        if is_first {
            libc::pthread_atfork(
                Some(before_fork),
                Some(after_fork_in_parent),
                Some(after_fork_in_child),
            );
        }
    }
    Some(stacks)
}

impl Shared {
    /// Takes the address space, and sees to it that we hear of a thread's end.
    fn set_up(&mut self) -> Option<()> {
        if !START.load(Ordering::Relaxed).is_null() {
            // There was no memory for the first stacks.
            return Some(());
        }
        let (start, len) = reserve(SPACE).ok()?;
        START.store(start, Ordering::Relaxed);
        LEN.store(len, Ordering::Relaxed);
        // SAFETY: the key may be written, and `leave` is there as long as the
        // process.
        unsafe { libc::pthread_key_create(&mut self.key, Some(leave)) };
        Some(())
    }

    /// Takes stacks off the list of those that were left behind.
    fn unpark(&mut self) -> Option<*mut Stacks> {
        let stacks = self.parked;
        if stacks.is_null() {
            return None;
        }
        // SAFETY: they are on the list.
        self.parked = unsafe { (*stacks).next };
        Some(stacks)
    }

    /// New stacks, in a share of the address space that is nobody's yet.
    fn new_stacks(&mut self) -> Option<*mut Stacks> {
        let len = LEN.load(Ordering::Relaxed);
        let quarter = SHARE.min(len / 16) / 4;
        if (self.count + 1) * 4 * quarter > len {
            return None;
        }
        let start = START.load(Ordering::Relaxed);
        // SAFETY: the share lies in the space, and its quarters are given to
        // one break each: two of them to the last.
        let [mut small, middle, large] = unsafe {
            let start = start.add(self.count * 4 * quarter);
            [
                ReservedBrk::within(start, quarter),
                ReservedBrk::within(start.add(quarter), quarter),
                ReservedBrk::within(start.add(2 * quarter), 2 * quarter),
            ]
        };
        // SAFETY: nothing is given back.
        let stacks = unsafe { small.sbrk(size_of::<Stacks>() as isize) };
        let Ok(stacks) = stacks else {
            // Dropped, the breaks would take their space out of ours.
            mem::forget([small, middle, large]);
            return None;
        };
        let stacks: *mut Stacks = stacks.as_ptr().cast();
        let [small, middle, large] = [small, middle, large].map(Holes::new);
        let next = ptr::null_mut();
        // SAFETY: the break was at the start of a page and has risen by that
        // many bytes.
        unsafe { stacks.write(Stacks { small, middle, large, next }) };
        self.count += 1;
        Some(stacks)
    }
}

/// Runs when a thread ends: its stacks wait for another. Should this thread ask
/// for memory again, it adopts some, and is here once more.
extern "C" fn leave(stacks: *mut c_void) {
    slot::set(ptr::null_mut());
    let stacks: *mut Stacks = stacks.cast();
    let mut shared = SHARED.lock();
    // SAFETY: they were this thread's, and are nobody's now.
    unsafe { (*stacks).next = shared.parked };
    shared.parked = stacks;
}

// The lock on the C library's list of open files. A thread in fopen(3) holds it
// and asks for memory; a fork takes it too, but only after `before_fork`. So
// that nobody takes the two locks in the other order, we take that one first.
unsafe extern "C" {
    fn _IO_list_lock();
    fn _IO_list_unlock();
    fn _IO_list_resetlock();
}

/// The child has one thread, this one, which keeps its stacks. Those of other
/// threads are as they were in that moment, perhaps half written: it may mark
/// what is in them, and never adopts them. What is parked is whole.
extern "C" fn before_fork() {
    // SAFETY: the lock can be taken more than once, and is released below.
    unsafe { _IO_list_lock() };
    mem::forget(SHARED.lock());
}

extern "C" fn after_fork_in_parent() {
    // SAFETY: this thread took both locks, in `before_fork`.
    unsafe {
        SHARED.force_unlock();
        _IO_list_unlock();
    }
}

extern "C" fn after_fork_in_child() {
    // SAFETY: as above; this is the only thread.
    unsafe {
        SHARED.force_unlock();
        _IO_list_resetlock();
    }
}
