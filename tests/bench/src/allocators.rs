//! What is measured.

use std::cell::UnsafeCell;
use std::env;
use std::hint::black_box;
use std::path::PathBuf;
use std::ptr::{self, NonNull};

use stage5_lifo_stack::per_thread::holes::Holes;
use stage5_lifo_stack::per_thread::maps::{self, Maps};
use stage5_lifo_stack::per_thread::threads;
use stage5_lifo_stack::{Brk, OutOfMemory, ReservedBrk};

use crate::memory::{Mapping, mappings};
use crate::peers::{
    self, Bumpalo, Glibc, Jemalloc, Mimalloc, Rpmalloc, Snmalloc, dlmalloc,
    talc,
};

/// What an allocator can do. All are called like this, through a table of
/// functions, and none becomes part of the loop that calls it.
pub trait Allocator {
    fn malloc(&mut self, size: usize) -> *mut u8;

    /// A Rust program knows how long a block is, and some allocators want to
    /// be told.
    ///
    /// # Safety
    ///
    /// `block` is a block of this allocator, of `size` bytes, and nobody uses
    /// it any more.
    unsafe fn free(&mut self, block: *mut u8, size: usize);

    /// # Safety
    ///
    /// As for `free` with `old` bytes, unless null comes back; `size` is not 0.
    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        old: usize,
        size: usize,
    ) -> *mut u8;

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8;

    /// The bytes of its heap, if it tells: how far its break is up.
    fn heap(&mut self) -> Option<usize> {
        None
    }

    /// The most bytes that its heap had, if it tells.
    fn most(&mut self) -> Option<usize> {
        None
    }

    /// Forgets all blocks and begins with an empty heap, if there is no better
    /// way to get there.
    fn start_over(&mut self) -> bool {
        false
    }
}

/// An allocator's name, and how to get at it. Where threads share one, each
/// calls `new` for itself.
#[derive(Clone, Copy)]
pub struct Contender {
    pub name: &'static str,
    pub new: fn() -> Box<dyn Allocator>,
}

/// The one that costs nothing: what is measured with it is the work around.
pub const NOTHING: Contender =
    Contender { name: "nothing", new: || Box::new(Nothing) };

/// As little as can be done where what was allocated last is freed first.
pub const BUMP: Contender =
    Contender { name: "bump", new: || Box::new(Bump::new()) };

pub const PER_THREAD: Contender =
    Contender { name: "per thread", new: || Box::new(PerThread) };

pub const ONE_STACK: Contender =
    Contender { name: "one stack", new: || Box::new(OneStack) };

pub const STAGE_4: Contender =
    Contender { name: "stage 4", new: || Box::new(Stage4) };

/// For one thread.
pub const STAGE_3: Contender =
    Contender { name: "stage 3", new: || Box::new(stage_3()) };

/// For one thread.
pub const STAGE_2: Contender =
    Contender { name: "stage 2", new: || Box::new(stage_2()) };

/// For one thread.
pub const STAGE_1: Contender =
    Contender { name: "stage 1", new: || Box::new(stage_1()) };

/// What people use, built into this program. Whoever is ahead of the best of
/// these is ahead of all five. (What follows below is no peer in this sense,
/// although it is measured too.)
pub const PEERS: [Contender; 5] = [
    Contender { name: "glibc", new: || Box::new(Glibc::new()) },
    Contender { name: "mimalloc", new: || Box::new(Mimalloc) },
    Contender { name: "jemalloc", new: || Box::new(Jemalloc) },
    Contender { name: "snmalloc", new: || Box::new(Snmalloc) },
    Contender { name: "rpmalloc", new: || Box::new(Rpmalloc::new()) },
];

const TCMALLOC: Contender = Contender {
    name: "tcmalloc",
    new: || Box::new(peers::tcmalloc().expect("the library is installed")),
};

#[cfg(feature = "google")]
const GOOGLE: &[Contender] = &[Contender {
    name: "google tcmalloc",
    new: || Box::new(peers::GoogleTcmalloc),
}];

#[cfg(not(feature = "google"))]
const GOOGLE: &[Contender] = &[];

const BESIDE: Contender = Contender {
    name: "beside",
    new: || {
        let path = beside().expect("the variable is set");
        Box::new(peers::beside(&path))
    },
};

/// A library to measure beside all others, such as another build of one of
/// ours. The variable `BESIDE` is its path, from the root. Results that have it
/// are not kept.
pub fn beside() -> Option<PathBuf> {
    env::var_os("BESIDE").map(PathBuf::from)
}

/// What else threads can share: Debian's tcmalloc, if it is installed; Google's,
/// if this program was built with it; and what somebody wants to see beside the
/// others.
pub fn more_peers() -> Vec<Contender> {
    let tcmalloc = peers::tcmalloc().map(|_| TCMALLOC);
    let beside = beside().map(|_| BESIDE);
    tcmalloc.into_iter().chain(GOOGLE.to_vec()).chain(beside).collect()
}

/// What else people use, each here without a lock and for one thread.
pub const ALONE: [Contender; 2] = [
    Contender { name: "dlmalloc", new: || Box::new(dlmalloc()) },
    Contender { name: "talc", new: || Box::new(talc()) },
];

/// Another one that does as little as can be done. People use it.
pub const BUMPALO: Contender =
    Contender { name: "bumpalo", new: || Box::new(Bumpalo::new()) };

/// No hole is as large as this.
const NO_HOLE: usize = 1 << 60;

/// A stack, each addition to it alone, and both. For one thread.
pub const ADDITIONS: [Contender; 4] = [
    Contender { name: "stack", new: own::<false, NO_HOLE> },
    Contender { name: "lists", new: own::<true, NO_HOLE> },
    Contender { name: "holes", new: own::<false, 16> },
    Contender { name: "lists and holes", new: own::<true, 16> },
];

/// All of them.
pub fn all() -> Vec<Contender> {
    let nothing = [NOTHING, BUMP, BUMPALO];
    let ours = [PER_THREAD, ONE_STACK, STAGE_4, STAGE_3, STAGE_2, STAGE_1];
    let others = [TCMALLOC, BESIDE];
    [&nothing, &ours[..], &ADDITIONS, &PEERS, &ALONE, &others, GOOGLE].concat()
}

/// The one of this name.
pub fn by_name(name: &str) -> Contender {
    let found = all().into_iter().find(|contender| contender.name == name);
    found.unwrap_or_else(|| panic!("there is no allocator `{name}`"))
}

struct Nothing;

/// What `Nothing` gives out: who gets it may write to the first byte.
struct Buffer(UnsafeCell<[u8; 64]>);

// SAFETY: nobody reads it.
unsafe impl Sync for Buffer {}

static BUFFER: Buffer = Buffer(UnsafeCell::new([0; 64]));

impl Allocator for Nothing {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        black_box(size);
        BUFFER.0.get().cast()
    }

    unsafe fn free(&mut self, block: *mut u8, _size: usize) {
        black_box(block);
    }

    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        _old: usize,
        size: usize,
    ) -> *mut u8 {
        black_box(size);
        block
    }

    fn memalign(&mut self, _align: usize, size: usize) -> *mut u8 {
        self.malloc(size)
    }
}

/// A pointer that moves up, and back down to the lowest block that is freed.
/// It keeps no record, so it serves calls that nest and nothing else.
struct Bump {
    memory: Vec<u8>,
    top: usize,
}

impl Bump {
    fn new() -> Self {
        // Calls 1,000 deep have 3,000 blocks of 512 bytes at most.
        Self { memory: vec![0; 2 << 20], top: 0 }
    }
}

impl Allocator for Bump {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        let start = self.top;
        let end = start + size.next_multiple_of(16);
        if end > self.memory.len() {
            return ptr::null_mut();
        }
        self.top = end;
        self.memory.as_mut_ptr().wrapping_add(start)
    }

    unsafe fn free(&mut self, block: *mut u8, _size: usize) {
        let start = block.addr() - self.memory.as_ptr().addr();
        self.top = self.top.min(start);
    }

    unsafe fn realloc(
        &mut self,
        _block: *mut u8,
        _old: usize,
        _size: usize,
    ) -> *mut u8 {
        ptr::null_mut()
    }

    fn memalign(&mut self, _align: usize, _size: usize) -> *mut u8 {
        ptr::null_mut()
    }
}

struct PerThread;

// As functions of their own, which is what the peers from C are.

#[inline(never)]
fn per_thread_malloc(size: usize) -> *mut u8 {
    threads::malloc(size)
}

/// # Safety
///
/// As for [`threads::free`].
#[inline(never)]
unsafe fn per_thread_free(block: *mut u8) {
    // SAFETY: as the caller promises.
    unsafe { threads::free(block) };
}

impl Allocator for PerThread {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        per_thread_malloc(size)
    }

    unsafe fn free(&mut self, block: *mut u8, _size: usize) {
        // SAFETY: as the caller promises.
        unsafe { per_thread_free(block) };
    }

    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        _old: usize,
        size: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { threads::realloc(block, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        threads::memalign(align, size)
    }

    fn heap(&mut self) -> Option<usize> {
        Some(stacks().iter().map(|mapping| mapping.resident).sum())
    }

    fn most(&mut self) -> Option<usize> {
        let mut opened = stacks();
        opened.retain(|mapping| mapping.is_writable);
        Some(opened.iter().map(|mapping| mapping.bytes.len()).sum())
    }
}

/// What is mapped for the stacks of all threads, and for large blocks.
fn stacks() -> Vec<Mapping> {
    let ours: Vec<usize> =
        maps::mappings().map(|(start, _)| start.addr()).collect();
    let mut mappings = mappings();
    mappings.retain(|it| ours.iter().any(|start| it.bytes.contains(start)));
    mappings
}

/// The one stack of the design, with records for all chunks of any work here.
struct OneStack;

static ONE: stage5_lifo_stack::LockedHeap<Counted, { 1 << 22 }> = {
    use stage5_lifo_stack::{Heap, LockedHeap, Mutex};
    LockedHeap::new(Mutex::new(Heap::new(Counted::new())))
};

impl Allocator for OneStack {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        ONE.malloc(size)
    }

    unsafe fn free(&mut self, block: *mut u8, _size: usize) {
        // SAFETY: as the caller promises.
        unsafe { ONE.free(block) };
    }

    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        _old: usize,
        size: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { ONE.realloc(block, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        ONE.memalign(align, size)
    }

    fn heap(&mut self) -> Option<usize> {
        Some(ONE.heap.lock().brk().bytes)
    }

    fn most(&mut self) -> Option<usize> {
        Some(ONE.heap.lock().brk().most)
    }
}

struct Stage4;

static LOCKED: stage4_threadsafe::LockedHeap<Counted> = {
    use stage4_threadsafe::{Heap, LockedHeap, Mutex};
    LockedHeap::new(Mutex::new(Heap::new(Counted::new())))
};

impl Allocator for Stage4 {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        LOCKED.malloc(size)
    }

    unsafe fn free(&mut self, block: *mut u8, _size: usize) {
        // SAFETY: as the caller promises.
        unsafe { LOCKED.free(block) };
    }

    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        _old: usize,
        size: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { LOCKED.realloc(block, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        LOCKED.memalign(align, size)
    }

    fn heap(&mut self) -> Option<usize> {
        Some(LOCKED.heap.lock().brk().bytes)
    }

    fn most(&mut self) -> Option<usize> {
        Some(LOCKED.heap.lock().brk().most)
    }
}

fn stage_1() -> stage1_bump::Heap<Counted> {
    stage1_bump::Heap::new(Counted::new())
}

impl Allocator for stage1_bump::Heap<Counted> {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.malloc(size)
    }

    unsafe fn free(&mut self, block: *mut u8, _size: usize) {
        // SAFETY: as the caller promises.
        unsafe { self.free(block) };
    }

    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        _old: usize,
        size: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { self.realloc(block, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.memalign(align, size)
    }

    fn heap(&mut self) -> Option<usize> {
        Some(self.brk().bytes)
    }

    fn most(&mut self) -> Option<usize> {
        Some(self.brk().most)
    }

    // It would never be empty again.
    fn start_over(&mut self) -> bool {
        *self = stage_1();
        true
    }
}

fn stage_2() -> stage2_headers::Heap<Counted> {
    stage2_headers::Heap::new(Counted::new())
}

impl Allocator for stage2_headers::Heap<Counted> {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.malloc(size)
    }

    unsafe fn free(&mut self, block: *mut u8, _size: usize) {
        // SAFETY: as the caller promises.
        unsafe { self.free(block) };
    }

    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        _old: usize,
        size: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { self.realloc(block, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.memalign(align, size)
    }

    fn heap(&mut self) -> Option<usize> {
        Some(self.brk().bytes)
    }

    fn most(&mut self) -> Option<usize> {
        Some(self.brk().most)
    }

    // To free all blocks would take it as long as all the work before.
    fn start_over(&mut self) -> bool {
        *self = stage_2();
        true
    }
}

fn stage_3() -> stage3_freelist::Heap<Counted> {
    stage3_freelist::Heap::new(Counted::new())
}

impl Allocator for stage3_freelist::Heap<Counted> {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.malloc(size)
    }

    unsafe fn free(&mut self, block: *mut u8, _size: usize) {
        // SAFETY: as the caller promises.
        unsafe { self.free(block) };
    }

    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        _old: usize,
        size: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { self.realloc(block, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.memalign(align, size)
    }

    fn heap(&mut self) -> Option<usize> {
        Some(self.brk().bytes)
    }

    fn most(&mut self) -> Option<usize> {
        Some(self.brk().most)
    }
}

/// A break of its own that remembers how far it was up.
struct Counted {
    brk: ReservedBrk,
    bytes: usize,
    most: usize,
}

impl Counted {
    const fn new() -> Self {
        Self { brk: ReservedBrk::new(), bytes: 0, most: 0 }
    }
}

// SAFETY: it is a `ReservedBrk`.
unsafe impl Brk for Counted {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, OutOfMemory> {
        // SAFETY: as the caller promises.
        let start = unsafe { self.brk.sbrk(increment) }?;
        self.bytes = self.bytes.wrapping_add_signed(increment);
        self.most = self.most.max(self.bytes);
        Ok(start)
    }
}

// SAFETY: it is a `ReservedBrk`.
unsafe impl stage1_bump::Brk for Counted {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, stage1_bump::OutOfMemory> {
        // SAFETY: as the caller promises.
        unsafe { Brk::sbrk(self, increment) }
            .map_err(|_| stage1_bump::OutOfMemory)
    }
}

// SAFETY: it is a `ReservedBrk`.
unsafe impl stage2_headers::Brk for Counted {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, stage2_headers::OutOfMemory> {
        // SAFETY: as the caller promises.
        unsafe { Brk::sbrk(self, increment) }
            .map_err(|_| stage2_headers::OutOfMemory)
    }
}

// SAFETY: it is a `ReservedBrk`.
unsafe impl stage3_freelist::Brk for Counted {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, stage3_freelist::OutOfMemory> {
        // SAFETY: as the caller promises.
        unsafe { Brk::sbrk(self, increment) }
            .map_err(|_| stage3_freelist::OutOfMemory)
    }
}

// SAFETY: it is a `ReservedBrk`.
unsafe impl stage4_threadsafe::Brk for Counted {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, stage4_threadsafe::OutOfMemory> {
        // SAFETY: as the caller promises.
        unsafe { Brk::sbrk(self, increment) }
            .map_err(|_| stage4_threadsafe::OutOfMemory)
    }
}

/// A thread's heap, without threads.
struct Own<const LISTS: bool, const HOLE: usize>(
    Holes<Maps, LISTS, HOLE>,
    usize,
);

fn own<const LISTS: bool, const HOLE: usize>() -> Box<dyn Allocator> {
    Box::new(Own::<LISTS, HOLE>(Holes::new(Maps), 0))
}

impl<const LISTS: bool, const HOLE: usize> Allocator for Own<LISTS, HOLE> {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.0.malloc(size)
    }

    unsafe fn free(&mut self, block: *mut u8, _size: usize) {
        // SAFETY: as the caller promises.
        unsafe { self.0.free(block) };
    }

    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        _old: usize,
        size: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { self.0.realloc(block, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.0.memalign(align, size)
    }

    fn heap(&mut self) -> Option<usize> {
        Some(stacks().iter().map(|mapping| mapping.resident).sum())
    }

    fn most(&mut self) -> Option<usize> {
        self.1 = self.1.max(stacks().iter().map(|it| it.resident).sum());
        Some(self.1)
    }
}
