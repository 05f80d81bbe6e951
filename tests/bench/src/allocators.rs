//! What is measured.

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::hint::black_box;
use std::ptr::{self, NonNull};

use stage5_lifo_stack::per_thread::holes::Holes;
use stage5_lifo_stack::per_thread::stack::Stack;
use stage5_lifo_stack::per_thread::threads;
use stage5_lifo_stack::{Brk, OutOfMemory, ReservedBrk};

/// What an allocator can do. All are called like this, through a table of
/// functions, and none becomes part of the loop that calls it.
pub trait Allocator {
    fn malloc(&mut self, size: usize) -> *mut u8;

    /// # Safety
    ///
    /// `block` is a block of this allocator, and nobody uses it any more.
    unsafe fn free(&mut self, block: *mut u8);

    /// # Safety
    ///
    /// As for `free`, unless null comes back; `size` is not 0.
    unsafe fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8;

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8;

    /// The most bytes that its break had, if it tells.
    fn most(&mut self) -> Option<usize> {
        None
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

/// What people use, built into this program.
pub const PEERS: [Contender; 4] = [
    Contender { name: "glibc", new: || Box::new(Glibc) },
    Contender { name: "mimalloc", new: || Box::new(Mimalloc) },
    Contender { name: "jemalloc", new: || Box::new(Jemalloc) },
    Contender { name: "snmalloc", new: || Box::new(Snmalloc) },
];

/// No hole is as large as this.
const NO_HOLE: usize = 1 << 60;

/// A stack, each addition to it alone, and both. For one thread.
pub const ADDITIONS: [Contender; 4] = [
    Contender { name: "stack", new: || own(Stack::new(Counted::new())) },
    Contender {
        name: "lists",
        new: || own(Holes::<_, 32, NO_HOLE>::new(Counted::new())),
    },
    Contender {
        name: "holes",
        new: || own(Holes::<_, 0, 1024>::new(Counted::new())),
    },
    Contender {
        name: "lists and holes",
        new: || own(Holes::<_, 32, 1024>::new(Counted::new())),
    },
];

/// All of them.
pub fn all() -> Vec<Contender> {
    let ours = [NOTHING, BUMP, PER_THREAD, ONE_STACK, STAGE_4, STAGE_3];
    [&ours[..], &PEERS, &ADDITIONS].concat()
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

    unsafe fn free(&mut self, block: *mut u8) {
        black_box(block);
    }

    unsafe fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8 {
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

    unsafe fn free(&mut self, block: *mut u8) {
        let start = block.addr() - self.memory.as_ptr().addr();
        self.top = self.top.min(start);
    }

    unsafe fn realloc(&mut self, _block: *mut u8, _size: usize) -> *mut u8 {
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

    unsafe fn free(&mut self, block: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { per_thread_free(block) };
    }

    unsafe fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { threads::realloc(block, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        threads::memalign(align, size)
    }
}

/// The one stack of the design, with records for all chunks of any work here.
struct OneStack;

static ONE: stage5_lifo_stack::LockedHeap<ReservedBrk, { 1 << 22 }> = {
    use stage5_lifo_stack::{Heap, LockedHeap, Mutex};
    LockedHeap::new(Mutex::new(Heap::new(ReservedBrk::new())))
};

impl Allocator for OneStack {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        ONE.malloc(size)
    }

    unsafe fn free(&mut self, block: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { ONE.free(block) };
    }

    unsafe fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { ONE.realloc(block, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        ONE.memalign(align, size)
    }
}

struct Stage4;

static LOCKED: stage4_threadsafe::LockedHeap<stage4_threadsafe::ReservedBrk> = {
    use stage4_threadsafe::{Heap, LockedHeap, Mutex, ReservedBrk};
    LockedHeap::new(Mutex::new(Heap::new(ReservedBrk::new())))
};

impl Allocator for Stage4 {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        LOCKED.malloc(size)
    }

    unsafe fn free(&mut self, block: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { LOCKED.free(block) };
    }

    unsafe fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { LOCKED.realloc(block, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        LOCKED.memalign(align, size)
    }
}

fn stage_3() -> stage3_freelist::Heap<Counted> {
    stage3_freelist::Heap::new(Counted::new())
}

impl Allocator for stage3_freelist::Heap<Counted> {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.malloc(size)
    }

    unsafe fn free(&mut self, block: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { self.free(block) };
    }

    unsafe fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { self.realloc(block, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.memalign(align, size)
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
    fn new() -> Self {
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

/// A stack, or a stack with something added.
trait Chunks {
    fn malloc(&mut self, size: usize) -> *mut u8;
    unsafe fn free(&mut self, chunk: *mut u8);
    unsafe fn resize(&mut self, chunk: *mut u8, size: usize) -> Option<()>;
    unsafe fn usable_size(&mut self, chunk: *mut u8) -> usize;
    fn memalign(&mut self, align: usize, size: usize) -> *mut u8;
    fn brk(&mut self) -> &mut Counted;
}

/// `threads` makes a realloc of a resize; this does so without threads.
struct Own<C>(C);

fn own(chunks: impl Chunks + 'static) -> Box<dyn Allocator> {
    Box::new(Own(chunks))
}

impl<C: Chunks> Allocator for Own<C> {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.0.malloc(size)
    }

    unsafe fn free(&mut self, block: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { self.0.free(block) };
    }

    unsafe fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe {
            if self.0.resize(block, size).is_some() {
                return block;
            }
            let kept = self.0.usable_size(block).min(size);
            let new = self.0.malloc(size);
            if !new.is_null() {
                ptr::copy_nonoverlapping(block, new, kept);
                self.0.free(block);
            }
            new
        }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.0.memalign(align, size)
    }

    fn most(&mut self) -> Option<usize> {
        Some(self.0.brk().most)
    }
}

impl Chunks for Stack<Counted> {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.malloc(size)
    }

    unsafe fn free(&mut self, chunk: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { self.free(chunk) };
    }

    unsafe fn resize(&mut self, chunk: *mut u8, size: usize) -> Option<()> {
        // SAFETY: as the caller promises.
        unsafe { self.resize(chunk, size) }
    }

    unsafe fn usable_size(&mut self, chunk: *mut u8) -> usize {
        // SAFETY: as the caller promises.
        unsafe { Stack::usable_size(self, chunk) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.memalign(align, size)
    }

    fn brk(&mut self) -> &mut Counted {
        self.brk()
    }
}

impl<const MOST: u8, const HOLE: usize> Chunks for Holes<Counted, MOST, HOLE> {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.malloc(size)
    }

    unsafe fn free(&mut self, chunk: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { self.free(chunk) };
    }

    unsafe fn resize(&mut self, chunk: *mut u8, size: usize) -> Option<()> {
        // SAFETY: as the caller promises.
        unsafe { self.resize(chunk, size) }
    }

    unsafe fn usable_size(&mut self, chunk: *mut u8) -> usize {
        // SAFETY: as the caller promises.
        unsafe { Holes::usable_size(self, chunk) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.memalign(align, size)
    }

    fn brk(&mut self) -> &mut Counted {
        self.brk()
    }
}

struct Glibc;

impl Allocator for Glibc {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        // SAFETY: it may fail.
        unsafe { libc::malloc(size).cast() }
    }

    unsafe fn free(&mut self, block: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { libc::free(block.cast()) };
    }

    unsafe fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { libc::realloc(block.cast(), size).cast() }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        // SAFETY: it may fail.
        unsafe { libc::memalign(align, size).cast() }
    }
}

struct Mimalloc;

impl Allocator for Mimalloc {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        // SAFETY: it may fail.
        unsafe { libmimalloc_sys::mi_malloc(size).cast() }
    }

    unsafe fn free(&mut self, block: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { libmimalloc_sys::mi_free(block.cast()) };
    }

    unsafe fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { libmimalloc_sys::mi_realloc(block.cast(), size).cast() }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        // SAFETY: it may fail.
        unsafe { libmimalloc_sys::mi_malloc_aligned(size, align).cast() }
    }
}

struct Jemalloc;

impl Allocator for Jemalloc {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        // SAFETY: it may fail.
        unsafe { tikv_jemalloc_sys::malloc(size).cast() }
    }

    unsafe fn free(&mut self, block: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { tikv_jemalloc_sys::free(block.cast()) };
    }

    unsafe fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { tikv_jemalloc_sys::realloc(block.cast(), size).cast() }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        let mut block: *mut c_void = ptr::null_mut();
        // SAFETY: `block` may be written.
        unsafe { tikv_jemalloc_sys::posix_memalign(&mut block, align, size) };
        block.cast()
    }
}

struct Snmalloc;

impl Allocator for Snmalloc {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        // SAFETY: it may fail.
        unsafe { snmalloc_sys::sn_malloc(size).cast() }
    }

    unsafe fn free(&mut self, block: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { snmalloc_sys::sn_free(block.cast()) };
    }

    unsafe fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { snmalloc_sys::sn_realloc(block.cast(), size).cast() }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        // SAFETY: it may fail; `align` is a power of two.
        unsafe { snmalloc_sys::sn_rust_alloc(align, size).cast() }
    }
}
