//! A trace done again on real heaps, to see how much memory they need.
//!
//! Nobody writes into the blocks. Each heap grows in a region of its own, and
//! what counts is how far its break rises at most.

use std::ptr::NonNull;
use std::thread;

use stage3_freelist::Heap as FreeLists;

use super::{Event, What, blocks, threads};

/// A chunk stack with room in its array for all that a recording does.
type Stack = stage5_lifo_stack::Heap<Region, { 1 << 19 }>;

/// A heap with that array is too large for a usual stack, and is copied there
/// before it lies in its box.
const STACK: usize = 256 << 20;

/// What a chunk stack does with a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walks {
    /// How far the break rises at most, in bytes.
    pub heap: u64,
    /// The most chunks on the stack at one time, free ones included.
    pub chunks: u64,
    /// How many chunks a walk from the top looks at until it has found the one
    /// that is freed or resized: all together, and how many walks there are.
    pub steps: u64,
    /// How many walks there are.
    pub walks: u64,
    /// 99 of 100 walks are no longer than this.
    pub p99: u64,
}

/// How far the break of stage 3's heap rises.
pub fn free_lists(events: &[Event]) -> u64 {
    let mut heap = FreeLists::<_>::new(Region::new(bound(events)));
    let mut most = 0;
    replay(events, &mut heap, |heap, _| most = most.max(heap.brk().used));
    most as u64
}

/// What the chunk stack of stage 5 does, if there is one for the process.
pub fn one_stack(events: &[Event]) -> Walks {
    with_room(|| {
        let mut heap = Box::new(Stack::new(Region::new(bound(events))));
        let (mut most, mut chunks) = (0, 0);
        let mut walks = Vec::new();
        replay(events, &mut *heap, |heap, old| {
            if let Some(old) = old {
                walks.push(walk(heap, old));
            }
            most = most.max(heap.brk().used);
            chunks = chunks.max(heap.chunks().len());
        });
        walks.sort_unstable();
        let p99 = walks.get(walks.len() * 99 / 100).copied().unwrap_or(0);
        Walks {
            heap: most as u64,
            chunks: chunks as u64,
            steps: walks.iter().sum(),
            walks: walks.len() as u64,
            p99,
        }
    })
}

/// How many chunks a walk from the top looks at until it finds `old`.
fn walk(heap: &Stack, old: *mut u8) -> u64 {
    let chunks = heap.chunks();
    let at = chunks.partition_point(|chunk| chunk.end <= old);
    (chunks.len() - at) as u64
}

/// How far the breaks of chunk stacks rise, taken together, if there is a stack
/// for each thread. A block lies on the stack of the thread that allocated it,
/// whoever frees it.
pub fn stack_for_each_thread(events: &[Event]) -> u64 {
    with_room(|| {
        let stack = |_| Box::new(Stack::new(Region::new(bound(events))));
        let mut stacks = Stacks {
            stacks: (0..threads(events)).map(stack).collect(),
            thread: 0,
            used: 0,
            most: 0,
        };
        let mut owners: Vec<u32> = Vec::with_capacity(blocks(events));
        let mut payloads = Vec::with_capacity(blocks(events));
        for event in events {
            stacks.thread = event.thread as usize;
            match event.what {
                What::Allocate { size, align } => {
                    payloads.push(allocate(&mut stacks, size, align));
                    owners.push(event.thread);
                }
                What::Resize { block, size } => {
                    let block = block as usize;
                    let owner = owners[block] as usize;
                    let payload = &mut payloads[block];
                    let (new, owner) = stacks.resize(owner, *payload, size);
                    (*payload, owners[block]) = (new, owner as u32);
                }
                What::Free { block } => {
                    let payload = payloads[block as usize];
                    let owner = owners[block as usize] as usize;
                    // SAFETY: the block is alive, and nobody uses it.
                    stacks.on(owner, |heap| unsafe { heap.free(payload) });
                }
            }
        }
        stacks.most as u64
    })
}

/// A stack for each thread.
struct Stacks {
    stacks: Vec<Box<Stack>>,
    /// The thread that allocates.
    thread: usize,
    /// How far all breaks have risen, now and at most.
    used: usize,
    most: usize,
}

impl Stacks {
    /// Does something with a stack, and watches its break.
    fn on<T>(&mut self, owner: usize, what: impl FnOnce(&mut Stack) -> T) -> T {
        let heap = &mut self.stacks[owner];
        let before = heap.brk().used;
        let result = what(heap);
        self.used = self.used - before + heap.brk().used;
        self.most = self.most.max(self.used);
        result
    }

    /// Changes the size of a block. One that has to move goes to the stack of
    /// the thread that asks.
    fn resize(
        &mut self,
        owner: usize,
        old: *mut u8,
        size: u64,
    ) -> (*mut u8, usize) {
        let size = bytes(size);
        // SAFETY: the block is alive.
        let room = self.on(owner, |heap| unsafe { heap.usable_size(old) });
        if owner == self.thread || size <= room {
            // SAFETY: as above, and nobody else uses it.
            let new = self.on(owner, |heap| unsafe { heap.realloc(old, size) });
            return (checked(new), owner);
        }
        let new = self.on(self.thread, |heap| heap.malloc(size));
        // SAFETY: as above.
        self.on(owner, |heap| unsafe { heap.free(old) });
        (checked(new), self.thread)
    }
}

/// Does what `what` says in a thread that has room for large heaps.
fn with_room<T: Send>(what: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK);
        let thread = thread.spawn_scoped(scope, what);
        let result = thread.expect("a thread with a large stack").join();
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Does all events of a trace on a heap. `watch` is called with the heap before
/// a block is freed or resized, with that block, and after each event.
fn replay<A: Allocator>(
    events: &[Event],
    heap: &mut A,
    mut watch: impl FnMut(&mut A, Option<*mut u8>),
) {
    let mut payloads = Vec::with_capacity(blocks(events));
    for event in events {
        match event.what {
            What::Allocate { size, align } => {
                payloads.push(allocate(heap, size, align));
            }
            What::Resize { block, size } => {
                let payload = &mut payloads[block as usize];
                watch(heap, Some(*payload));
                // SAFETY: the block is alive, and its old address is not used
                // any more.
                let new = unsafe { heap.realloc(*payload, bytes(size)) };
                *payload = checked(new);
            }
            What::Free { block } => {
                let payload = payloads[block as usize];
                watch(heap, Some(payload));
                // SAFETY: the block is alive, and nobody uses it.
                unsafe { heap.free(payload) };
            }
        }
        watch(heap, None);
    }
}

fn allocate<A: Allocator>(
    heap: &mut A,
    size: u64,
    align: Option<u64>,
) -> *mut u8 {
    checked(match align {
        None => heap.malloc(bytes(size)),
        Some(align) => heap.memalign(bytes(align), bytes(size)),
    })
}

fn checked(payload: *mut u8) -> *mut u8 {
    assert!(!payload.is_null(), "the heap has no room left for this trace");
    payload
}

fn bytes(size: u64) -> usize {
    size.try_into().expect("a size of this machine")
}

/// A heap that never uses memory twice rises no further than this: all that is
/// asked for, with something for headers, padding and steps.
fn bound(events: &[Event]) -> usize {
    let sizes = events.iter().map(|event| match event.what {
        What::Allocate { size, align } => size + 2 * align.unwrap_or(16) + 64,
        What::Resize { size, .. } => size + 64,
        What::Free { .. } => 0,
    });
    bytes(sizes.sum::<u64>()) + (4 << 20)
}

trait Allocator {
    fn malloc(&mut self, size: usize) -> *mut u8;

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8;

    /// # Safety
    ///
    /// `payload` is a block that nobody else uses, and is not used any more if
    /// the result is not null.
    unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8;

    /// # Safety
    ///
    /// `payload` is a block that nobody uses any more.
    unsafe fn free(&mut self, payload: *mut u8);
}

impl Allocator for FreeLists<Region> {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.malloc(size)
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.memalign(align, size)
    }

    unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { self.realloc(payload, size) }
    }

    unsafe fn free(&mut self, payload: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { self.free(payload) };
    }
}

impl Allocator for Stack {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.malloc(size)
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.memalign(align, size)
    }

    unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { self.realloc(payload, size) }
    }

    unsafe fn free(&mut self, payload: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { self.free(payload) };
    }
}

impl Allocator for Stacks {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.on(self.thread, |heap| heap.malloc(size))
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.on(self.thread, |heap| heap.memalign(align, size))
    }

    unsafe fn realloc(&mut self, _: *mut u8, _: usize) -> *mut u8 {
        unreachable!("a block's owner has to be known: see `resize`")
    }

    unsafe fn free(&mut self, _: *mut u8) {
        unreachable!("a block's owner has to be known")
    }
}

/// Memory with a break in it. The system gives it when it is touched, so what
/// is not used costs nothing.
struct Region {
    start: NonNull<u8>,
    size: usize,
    used: usize,
    _memory: Vec<u8>,
}

impl Region {
    /// Where blocks lie does not depend on where the region does, up to this
    /// alignment.
    const ALIGN: usize = 1 << 16;

    fn new(size: usize) -> Self {
        // (Asked for with its alignment, all of it would be touched.)
        let mut memory = vec![0; size + Self::ALIGN];
        let start = NonNull::from(&mut *memory).cast::<u8>();
        let padding = start.align_offset(Self::ALIGN);
        // SAFETY: the padding is less than an alignment.
        let start = unsafe { start.add(padding) };
        Self { start, size, used: 0, _memory: memory }
    }

    fn sbrk(&mut self, increment: isize) -> Option<NonNull<u8>> {
        let old = self.used;
        let new = old.checked_add_signed(increment)?;
        self.used = (new <= self.size).then_some(new)?;
        // SAFETY: the break stays inside the region.
        Some(unsafe { self.start.add(old) })
    }
}

// SAFETY: the region is nobody else's and has been zero; `start` reaches all of
// it.
unsafe impl stage3_freelist::Brk for Region {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, stage3_freelist::OutOfMemory> {
        self.sbrk(increment).ok_or(stage3_freelist::OutOfMemory)
    }
}

// SAFETY: as above.
unsafe impl stage5_lifo_stack::Brk for Region {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, stage5_lifo_stack::OutOfMemory> {
        self.sbrk(increment).ok_or(stage5_lifo_stack::OutOfMemory)
    }
}

/// How much memory the C library's malloc has from the system at most, in
/// bytes: below the break, and in regions of their own. One thread does all
/// events.
///
/// Nobody else in the process may use that malloc meanwhile.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn glibc(events: &[Event]) -> u64 {
    let mut heap = Glibc { regions: 0, is_known: false };
    // What the C library has taken for itself, and has still to use, is a part
    // of what the recording needs.
    // SAFETY: it only reads.
    let unused = unsafe { libc::mallinfo2() }.fordblks;
    let start = heap.now() - unused;
    let mut most = 0;
    replay(events, &mut heap, |heap, old| {
        if old.is_none() {
            most = most.max(heap.now() - start);
        }
    });
    most as u64
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
struct Glibc {
    /// How many bytes it has in regions of their own, if that is known.
    regions: usize,
    is_known: bool,
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
impl Glibc {
    /// A block of less never has a region of its own.
    const LARGE: usize = 100_000;

    fn now(&mut self) -> usize {
        if !self.is_known {
            // This looks at all free blocks, so not after each event.
            // SAFETY: it only reads.
            self.regions = unsafe { libc::mallinfo2() }.hblkhd;
            self.is_known = true;
        }
        // SAFETY: an increment of zero moves nothing.
        unsafe { libc::sbrk(0) }.addr() + self.regions
    }

    fn saw(&mut self, size: usize) {
        self.is_known &= size < Self::LARGE;
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
impl Allocator for Glibc {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.saw(size);
        // SAFETY: it may fail.
        unsafe { libc::malloc(size).cast() }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.saw(size);
        let mut out = std::ptr::null_mut();
        // SAFETY: the result may be written.
        unsafe { libc::posix_memalign(&mut out, align.max(16), size) };
        out.cast()
    }

    unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises. (A size of 0 would free it.)
        unsafe {
            self.saw(size.max(libc::malloc_usable_size(payload.cast())));
            libc::realloc(payload.cast(), size.max(1)).cast()
        }
    }

    unsafe fn free(&mut self, payload: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe {
            self.saw(libc::malloc_usable_size(payload.cast()));
            libc::free(payload.cast());
        }
    }
}
