//! A heap for each thread of the process.
//!
//! A thread gets its heap when it first asks for memory. When it ends the heap
//! stays, with all chunks that others still use, until a new thread adopts it.

use core::ffi::c_void;
use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use super::found::{free_without_stack, usable_size_of};
use super::holes::Holes;
use super::maps::Maps;
use super::segment::Mmap;
use super::slot;
use crate::sync::Mutex;

/// What a thread has. It lies in the first of its own segments.
struct Heap {
    holes: Holes<Maps>,
    /// The next one of all heaps.
    next: *mut Heap,
    /// The next one on the list of those that threads have left behind.
    next_parked: *mut Heap,
    is_parked: bool,
}

/// What the threads share. Whoever finds their heap touches none of it.
struct Shared {
    /// All heaps.
    all: *mut Heap,
    /// The heaps that threads have left behind.
    parked: *mut Heap,
    /// Tells us when a thread ends, if there is one.
    key: Option<libc::pthread_key_t>,
    is_set_up: bool,
}

// SAFETY: parked heaps are nobody's, so whoever holds the lock may take them.
unsafe impl Send for Shared {}

static SHARED: Mutex<Shared> = Mutex::new(Shared {
    all: ptr::null_mut(),
    parked: ptr::null_mut(),
    key: None,
    is_set_up: false,
});

/// In the slot of a thread whose heap nobody would get when it ends: the thread
/// borrows one for each call.
const BORROWS: *mut u8 = ptr::without_provenance_mut(1);

/// Returns a block of at least `size` bytes, aligned to 16; null if
/// there is no memory left. See malloc(3).
#[inline(always)]
pub fn malloc(size: usize) -> *mut u8 {
    match malloc_here(size) {
        Some(payload) => payload,
        None => malloc_elsewhere(size),
    }
}

/// As `malloc`, if this thread's heap has such a block at once.
#[inline(always)]
pub fn malloc_here(size: usize) -> Option<*mut u8> {
    if size > Holes::<Maps>::SMALL {
        return None;
    }
    let mine = slot::get();
    if mine <= BORROWS {
        return None;
    }
    // SAFETY: only this thread uses its heap, and only in one call at a time.
    unsafe { (*mine.cast::<Heap>()).holes.malloc_here(size) }
}

/// As `malloc`, for a thread that has no heap yet, for larger blocks, and where
/// there is no room.
#[inline(never)]
pub fn malloc_elsewhere(size: usize) -> *mut u8 {
    with_heap(|holes| holes.malloc_elsewhere(size))
}

/// Takes a block back, whichever thread it comes from. See free(3).
///
/// # Safety
///
/// `payload` is null or a block from one of these functions, and nobody uses
/// it any more.
#[inline(always)]
pub unsafe fn free(payload: *mut u8) {
    let mine = slot::get();
    // SAFETY: only this thread uses its heap, and only in one call at a time;
    // `payload` as the caller promises.
    unsafe {
        if mine <= BORROWS || !(*mine.cast::<Heap>()).holes.pop(payload) {
            free_elsewhere(mine, payload);
        }
    }
}

/// As `free`, for what is not the top of this thread's stack.
///
/// # Safety
///
/// As there; `mine` is what is in this thread's slot.
#[inline(never)]
unsafe fn free_elsewhere(mine: *mut u8, payload: *mut u8) {
    if payload.is_null() {
        return;
    }
    // SAFETY: as the caller promises.
    unsafe {
        if mine <= BORROWS {
            free_without_stack(&mut Maps, payload);
        } else {
            (*mine.cast::<Heap>()).holes.free_elsewhere(payload);
        }
    }
}

/// As `malloc`, all zero, for `count` elements of `size` bytes each; null also
/// if the product overflows. See calloc(3).
pub fn calloc(count: usize, size: usize) -> *mut u8 {
    let Some(bytes) = count.checked_mul(size) else {
        return ptr::null_mut();
    };
    with_heap(|holes| holes.calloc(bytes))
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
    // SAFETY: as the caller promises.
    with_heap(|holes| unsafe { holes.realloc(payload, size) })
}

/// As `malloc`, aligned to `align` too; null also if `align` is not a power of
/// two. See posix_memalign(3).
pub fn memalign(align: usize, size: usize) -> *mut u8 {
    with_heap(|holes| holes.memalign(align, size))
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
    unsafe { usable_size_of(&Maps, payload) }
}

/// Asks this thread's heap, or one that is borrowed for this call. Null if
/// there is none.
fn with_heap(ask: impl FnOnce(&mut Holes<Maps>) -> *mut u8) -> *mut u8 {
    let mut mine = slot::get();
    if mine.is_null() {
        mine = adopt();
    }
    if mine.is_null() {
        return ptr::null_mut();
    }
    if mine > BORROWS {
        // SAFETY: only this thread uses its heap, and only in one call at a
        // time.
        return ask(unsafe { &mut (*mine.cast::<Heap>()).holes });
    }
    with_borrowed(ask)
}

/// Asks a heap that is borrowed for this call. Null if there is none.
#[cold]
#[inline(never)]
fn with_borrowed(ask: impl FnOnce(&mut Holes<Maps>) -> *mut u8) -> *mut u8 {
    without_signals(|| {
        let Some(heap) = SHARED.lock().unpark_or_new() else {
            return ptr::null_mut();
        };
        // SAFETY: it was parked or is new, and now it is this call's.
        let payload = ask(unsafe { &mut (*heap).holes });
        SHARED.lock().park(heap);
        payload
    })
}

/// Gives this thread a heap: one that another has left behind, or a new one.
/// If we would not hear of the thread's end, it has none.
#[cold]
#[inline(never)]
fn adopt() -> *mut u8 {
    prepare_for_forks();
    let mine = slot::get();
    if !mine.is_null() {
        return mine;
    }
    let (heap, key) = without_signals(|| {
        let mut shared = SHARED.lock();
        shared.set_up();
        let heap = shared.unpark_or_new().unwrap_or(ptr::null_mut());
        slot::set(heap.cast());
        (heap, shared.key)
    });
    if heap.is_null() {
        return ptr::null_mut();
    }
    // The slot is set and no lock is held: this may ask for memory.
    // SAFETY: the key was made.
    let is_known = key.is_some_and(|key| unsafe {
        libc::pthread_setspecific(key, heap.cast()) == 0
    });
    if !is_known {
        give_up(heap);
    }
    slot::get()
}

/// Leaves this thread's heap to another. Should the thread ask for memory
/// again, it borrows.
fn give_up(heap: *mut Heap) {
    without_signals(|| {
        slot::set(BORROWS);
        SHARED.lock().park(heap);
    });
}

/// Sees to it that we hear of each fork, once, and before anybody takes the
/// lock: a fork that came first would leave it locked in the child.
///
/// It may ask for memory, and so the thread may have a heap when it returns.
fn prepare_for_forks() {
    static IS_PREPARED: AtomicBool = AtomicBool::new(false);
    // First the flag, or asking for memory would lead here again.
    if !IS_PREPARED.load(Ordering::Relaxed)
        && !IS_PREPARED.swap(true, Ordering::Relaxed)
    {
        // SAFETY: the functions are there as long as the process.
        unsafe {
            libc::pthread_atfork(
                Some(before_fork),
                Some(after_fork_in_parent),
                Some(after_fork_in_child),
            );
        }
    }
}

/// Runs `action` while no signal comes to this thread. Its handler might fork,
/// and wait for the lock that this thread has; or the child would find a heap
/// that is neither parked nor in a slot, and park what its own thread uses.
fn without_signals<R>(action: impl FnOnce() -> R) -> R {
    // SAFETY: the sets may be written, and are those of this thread.
    unsafe {
        let (mut all, mut before) = mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        let result = action();
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, ptr::null_mut());
        result
    }
}

impl Shared {
    /// Sees to it that we hear of a thread's end, once.
    fn set_up(&mut self) {
        if self.is_set_up {
            return;
        }
        self.is_set_up = true;
        let mut key = 0;
        // SAFETY: the key may be written, and `leave` is there as long as the
        // process.
        let result = unsafe { libc::pthread_key_create(&mut key, Some(leave)) };
        self.key = (result == 0).then_some(key);
    }

    /// A heap that was left behind, or a new one.
    fn unpark_or_new(&mut self) -> Option<*mut Heap> {
        let heap = self.parked;
        if heap.is_null() {
            return self.new_heap();
        }
        // SAFETY: it is on the list.
        unsafe {
            self.parked = (*heap).next_parked;
            (*heap).is_parked = false;
        }
        Some(heap)
    }

    /// A new heap, in a segment of its own.
    fn new_heap(&mut self) -> Option<*mut Heap> {
        let start = Maps.map(Maps::SEGMENT, Maps::SEGMENT)?;
        // SAFETY: it was mapped for this.
        unsafe {
            let used = size_of::<Heap>();
            let Some((holes, place)) = Holes::within(Maps, start, used) else {
                Maps.unmap(start, Maps::SEGMENT);
                return None;
            };
            let heap: *mut Heap = place.cast();
            let (next, next_parked) = (self.all, ptr::null_mut());
            heap.write(Heap { holes, next, next_parked, is_parked: false });
            self.all = heap;
            Some(heap)
        }
    }

    /// Puts a heap on the list of those that are nobody's.
    fn park(&mut self, heap: *mut Heap) {
        // SAFETY: it was the caller's.
        unsafe {
            (*heap).next_parked = self.parked;
            (*heap).is_parked = true;
        }
        self.parked = heap;
    }

    /// Parks the heaps of threads that are not here any more. They may have
    /// been in the middle of something, on their own stack or on another.
    ///
    /// # Safety
    ///
    /// This is the only thread, and `mine` is what it has in its slot.
    unsafe fn park_others(&mut self, mine: *mut u8) {
        let mut heap = self.all;
        while !heap.is_null() {
            // SAFETY: it is a heap, and as the caller promises.
            unsafe {
                if !(*heap).is_parked && heap.cast() != mine {
                    (*heap).holes.repair();
                    self.park(heap);
                }
                (*heap).holes.let_go();
                heap = (*heap).next;
            }
        }
    }
}

/// Runs when a thread ends: its heap waits for another.
extern "C" fn leave(heap: *mut c_void) {
    let heap: *mut Heap = heap.cast();
    // SAFETY: it is this thread's.
    unsafe { (*heap).holes.tidy() };
    give_up(heap);
}

// The lock on the C library's list of open files. A thread in fopen(3) holds it
// and asks for memory; a fork takes it too, but only after `before_fork`. So
// that nobody takes the two locks in the other order, we take that one first.
unsafe extern "C" {
    fn _IO_list_lock();
    fn _IO_list_unlock();
    fn _IO_list_resetlock();
}

/// The child has one thread, this one, which keeps its heap. It parks those of
/// other threads, which are whole, whatever these were doing.
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
        SHARED.lock().park_others(slot::get());
        _IO_list_resetlock();
    }
}
