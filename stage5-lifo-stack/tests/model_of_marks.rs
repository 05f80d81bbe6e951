//! A stack whose chunks other threads mark: nothing goes wrong, in whatever
//! order the threads take their steps. And what goes wrong where the mark says
//! less than it must.
//!
//! The files of `src/per_thread` are compiled here once more, with atomics of
//! loom's in their records. loom sees those, and nothing of the memory between
//! them. So there is a cell of loom's for each 16 bytes, and whoever has a
//! chunk writes to the cell where it starts: loom stops where two threads do,
//! and nothing says which of them was first.

#[allow(dead_code)]
#[path = "../src/brk.rs"]
mod brk;
#[allow(dead_code)]
#[path = "scenarios/counted.rs"]
mod counted;
#[allow(dead_code)]
#[path = "../src/fault.rs"]
mod fault;
#[allow(dead_code)]
#[path = "../src/per_thread"]
mod per_thread {
    use super::atomic;

    pub mod found;
    pub mod holes;
    mod large;
    mod lists;
    pub mod record;
    mod row;
    pub mod segment;
    pub mod sim;
    pub mod stack;
    mod sweep;
}

use std::collections::BTreeSet;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::Mutex;

use brk::SimBrk;
use counted::spawn;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use per_thread::found::free_without_stack;
use per_thread::holes::Holes;
use per_thread::record::mark;
use per_thread::segment::{self, Mapping};
use per_thread::sim::SimMmap;
use per_thread::stack::Stack;

/// Atomics of loom's, of which one ordering may be missing.
mod atomic {
    use std::cell::Cell;

    pub use loom::sync::atomic::Ordering;

    use crate::counted::stored;

    thread_local! {
        /// Where the code says this, it gets `Relaxed`. (All threads of a model
        /// are one thread of the test.)
        pub static MISSING: Cell<Option<Ordering>> = const { Cell::new(None) };
    }

    pub struct AtomicBool(loom::sync::atomic::AtomicBool);

    impl AtomicBool {
        pub fn new(value: bool) -> Self {
            Self(loom::sync::atomic::AtomicBool::new(value))
        }

        pub fn store(&self, value: bool, ordering: Ordering) {
            stored(self);
            self.0.store(value, given(ordering));
        }

        pub fn compare_exchange(
            &self,
            old: bool,
            new: bool,
            success: Ordering,
            failure: Ordering,
        ) -> Result<bool, bool> {
            let success = given(success);
            let result = self.0.compare_exchange(old, new, success, failure);
            if result.is_ok() {
                stored(self);
            }
            result
        }
    }

    pub struct AtomicU32(loom::sync::atomic::AtomicU32);

    impl AtomicU32 {
        pub fn new(value: u32) -> Self {
            Self(loom::sync::atomic::AtomicU32::new(value))
        }

        pub fn load(&self, ordering: Ordering) -> u32 {
            self.0.load(given(ordering))
        }

        pub fn store(&self, value: u32, ordering: Ordering) {
            stored(self);
            self.0.store(value, given(ordering));
        }
    }

    pub struct AtomicPtr<T>(loom::sync::atomic::AtomicPtr<T>);

    impl<T> AtomicPtr<T> {
        pub fn new(value: *mut T) -> Self {
            Self(loom::sync::atomic::AtomicPtr::new(value))
        }

        pub fn load(&self, ordering: Ordering) -> *mut T {
            self.0.load(given(ordering))
        }

        pub fn store(&self, value: *mut T, ordering: Ordering) {
            stored(self);
            self.0.store(value, given(ordering));
        }
    }

    fn given(ordering: Ordering) -> Ordering {
        let is_missing = MISSING.get() == Some(ordering);
        if is_missing { Ordering::Relaxed } else { ordering }
    }
}

/// How far the break can rise.
const REGION: usize = 4096;

/// Bytes of a segment.
const SEGMENT: usize = 1024;

/// The memory of a heap. It has room for the same segments in each run.
#[repr(align(1024))]
struct Region([MaybeUninit<u8>; REGION]);

/// Memory in small segments.
type Mmap = SimMmap<SimBrk<'static>, SEGMENT, 64>;

/// The memory under a break, and what loom sees of it.
struct Memory {
    start: usize,
    cells: Vec<UnsafeCell<()>>,
    bytes: *mut Region,
}

// SAFETY: the bytes are kept to be freed, by one thread.
unsafe impl Send for Memory {}
// SAFETY: as above; of the cells loom takes care.
unsafe impl Sync for Memory {}

impl Memory {
    fn new() -> (Arc<Self>, Mmap) {
        // Not by way of the stack: loom's are small.
        let bytes = Box::into_raw(Box::<Region>::new_uninit()).cast::<Region>();
        // SAFETY: the scenarios keep the memory to their end.
        let brk = SimBrk::new(unsafe { &mut (*bytes).0 });
        let start = brk.start().addr().get() / 16 * 16;
        let cells = (0..=REGION / 16).map(|_| UnsafeCell::new(())).collect();
        (Arc::new(Self { start, cells, bytes }), SimMmap::new(brk))
    }

    /// Uses a chunk, as whoever has it may.
    fn write(&self, chunk: Chunk) {
        self.cells[(chunk.0.addr() - self.start) / 16].with_mut(|_| ());
    }

    /// Uses a chunk for the last time, and frees it, in a thread that has no
    /// stack.
    fn write_and_mark(&self, chunk: Chunk) {
        self.write(chunk);
        // SAFETY: the chunk is live.
        unsafe { mark(chunk.0) };
    }
}

/// The memory as a thread sees it that frees, and asks for none.
struct Others<'a>(&'a Memory);

// SAFETY: it gives nothing, and the memory is all segments.
unsafe impl segment::Mmap for Others<'_> {
    const SEGMENT: usize = SEGMENT;

    fn page(&self) -> usize {
        1
    }

    fn map(&mut self, _: usize, _: usize) -> Option<NonNull<u8>> {
        None
    }

    unsafe fn unmap(&mut self, _: NonNull<u8>, _: usize) {}

    unsafe fn remap(
        &mut self,
        _: NonNull<u8>,
        _: usize,
        _: usize,
    ) -> Option<NonNull<u8>> {
        None
    }

    /// Who drops pages writes to them: they are zero then.
    unsafe fn drop_pages(&mut self, start: *mut u8, len: usize) {
        let from = (start.addr() - self.0.start) / 16;
        for cell in &self.0.cells[from..from + len / 16] {
            cell.with_mut(|_| ());
        }
    }

    fn note(&mut self, _: *mut u8, _: usize, _: *mut Mapping) -> Option<()> {
        None
    }

    fn mapping_at(&self, address: *mut u8) -> *mut Mapping {
        let start = address.addr() / SEGMENT * SEGMENT;
        self.0.bytes.cast::<Mapping>().with_addr(start)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: `new` made it from a box, and the stack is gone.
        drop(unsafe { Box::from_raw(self.bytes) });
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Chunk(*mut u8);

// SAFETY: a thread that has it may use it.
unsafe impl Send for Chunk {}

/// A stack, or what is made of it, on its way to another thread.
struct Parked<S>(S);

// SAFETY: whoever has it is its owner.
unsafe impl<S> Send for Parked<S> {}

/// Plays a scenario in every order. It says how it went, and each of these must
/// be seen.
fn explore(endings: &[&'static str], scenario: fn() -> &'static str) {
    let seen = std::sync::Arc::new(Mutex::new(BTreeSet::new()));
    let log = seen.clone();
    let mut model = loom::model::Builder::new();
    // A sweep stores to each list, and loom counts each store as a choice.
    model.max_branches = 2000;
    model.check(move || {
        counted::begin();
        let ending = scenario();
        log.lock().expect("no thread panics with it").insert(ending);
    });
    let seen = seen.lock().expect("no thread panics with it").clone();
    assert_eq!(seen, BTreeSet::from_iter(endings.iter().copied()));
}

// loom notes of each atomic who used it last, and begins with the first thread.
// A mark is a load and a store: its own load would hide the owner's that came
// before. So here the thread that marks is the first.

/// The owner frees the chunk above, and takes the next one into use.
fn free_and_malloc(
    stack: &mut Stack<Mmap>,
    memory: &Memory,
    above: Chunk,
) -> Chunk {
    // SAFETY: the chunk is live.
    unsafe { stack.free(above.0) };
    let next = Chunk(stack.malloc(16));
    memory.write(next);
    next
}

/// The owner frees its last chunk: now the stack is empty.
fn assert_empty_without(stack: &mut Stack<Mmap>, last: Chunk, lowest: Chunk) {
    // SAFETY: the chunk is live.
    unsafe { stack.free(last.0) };
    assert_eq!(stack.malloc(16), lowest.0, "the only chunk of the stack");
}

fn the_owner_pops_while_another_marks() -> &'static str {
    let (memory, brk) = Memory::new();
    let mut stack = Stack::new(brk);
    let [a, b] = [(); 2].map(|()| Chunk(stack.malloc(16)));
    let (mut stack, owners) = (Parked(stack), memory.clone());
    let owner = spawn(move || {
        let Parked(own) = &mut stack;
        let c = free_and_malloc(own, &owners, b);
        (stack, c)
    });

    memory.write_and_mark(a);

    let (Parked(mut stack), c) = owner.join();
    assert_empty_without(&mut stack, c, a);
    if c == a { "popped at once" } else { "popped later" }
}

fn two_mark_while_the_owner_pops() -> &'static str {
    let (memory, brk) = Memory::new();
    let mut stack = Stack::new(brk);
    let [a, b, c] = [(); 3].map(|()| Chunk(stack.malloc(16)));
    let others = memory.clone();
    let other = spawn(move || others.write_and_mark(b));
    let (mut stack, owners) = (Parked(stack), memory.clone());
    let owner = spawn(move || {
        let Parked(own) = &mut stack;
        let d = free_and_malloc(own, &owners, c);
        (stack, d)
    });

    memory.write_and_mark(a);

    other.join();
    let (Parked(mut stack), d) = owner.join();
    assert_empty_without(&mut stack, d, a);
    match d {
        _ if d == a => "both popped at once",
        _ if d == b => "one popped at once",
        _ => "both popped later",
    }
}

fn a_stack_is_adopted_while_another_marks() -> &'static str {
    let (memory, brk) = Memory::new();
    let mut stack = Stack::new(brk);
    let [a, b] = [(); 2].map(|()| Chunk(stack.malloc(16)));
    let parked = Arc::new(loom::sync::Mutex::new(None));
    let (mut stack, owners) = (Parked(stack), memory.clone());
    let (park, parked) = (parked.clone(), parked);
    let owner = spawn(move || {
        let Parked(own) = &mut stack;
        let c = Chunk(own.malloc(16));
        owners.write(c);
        // SAFETY: the chunk is live.
        unsafe { own.free(c.0) };
        *park.lock().unwrap() = Some(stack);
    });
    let (adopters, adopt) = (memory.clone(), parked.clone());
    let adopter = spawn(move || {
        let mut stack = adopt.lock().unwrap().take()?;
        let Parked(own) = &mut stack;
        let c = free_and_malloc(own, &adopters, b);
        Some((stack, c))
    });

    memory.write_and_mark(a);

    owner.join();
    match adopter.join() {
        Some((Parked(mut stack), c)) => {
            assert_empty_without(&mut stack, c, a);
            if c == a { "popped at once" } else { "popped later" }
        }
        None => {
            let left = parked.lock().unwrap().take();
            let Parked(mut stack) = left.expect("the stack is left behind");
            assert_empty_without(&mut stack, b, a);
            "not adopted"
        }
    }
}

/// The owner sweeps, and another thread makes a hole larger meanwhile.
fn a_sweep_goes_by_while_another_marks() -> &'static str {
    let (memory, mmap) = Memory::new();
    let mut holes: Box<Holes<_, false>> = Box::new(Holes::new(mmap));
    let [a, b, guard] = [(); 3].map(|()| Chunk(holes.malloc(16)));
    // SAFETY: the chunk is live.
    unsafe { holes.free(b.0) };
    let (mut holes, owners) = (Parked(holes), memory.clone());
    let owner = spawn(move || {
        let Parked(own) = &mut holes;
        own.tidy();
        // As much as both have together, and a large one otherwise.
        let c = Chunk(own.malloc(40));
        assert!(!c.0.is_null(), "there is room");
        owners.write(c);
        c
    });

    memory.write_and_mark(a);

    let c = owner.join();
    if c == a {
        return "in the hole";
    }
    assert!(c.0 > guard.0, "{c:?} lies above {guard:?}");
    "at the top"
}

/// Two chunks, of two segments. All else in the lower one is free.
fn in_two_segments(mut malloc: impl FnMut(usize) -> *mut u8) -> [Chunk; 2] {
    let a = malloc(16);
    loop {
        let chunk = malloc(48);
        if a.addr() / SEGMENT != chunk.addr() / SEGMENT {
            return [Chunk(a), Chunk(chunk)];
        }
        // SAFETY: the chunk is live.
        unsafe { mark(chunk) };
    }
}

/// Another thread frees the last chunk in use of the lower segment, and the
/// owner the only one of the upper.
fn the_owner_comes_down_while_another_empties() -> &'static str {
    let (memory, mmap) = Memory::new();
    let mut stack = Stack::new(mmap);
    let [a, b] = in_two_segments(|size| stack.malloc(size));
    let (mut stack, owners) = (Parked(stack), memory.clone());
    let owner = spawn(move || {
        let Parked(own) = &mut stack;
        let c = free_and_malloc(own, &owners, b);
        (stack, c)
    });

    memory.write(a);
    // SAFETY: the chunk is live.
    unsafe { free_without_stack(&mut Others(&memory), a.0) };

    let (Parked(mut stack), c) = owner.join();
    let next = stack.malloc(16);
    // SAFETY: the chunks are live.
    unsafe {
        stack.free(next);
        stack.free(c.0);
    }
    assert_eq!(stack.malloc(16), a.0, "the only chunk of the stack");
    match c {
        _ if c == a => "an empty one",
        _ if c == b => "it stayed above",
        _ => "above the chunk",
    }
}

/// Two threads free the last two chunks in use of the lower segment. The owner
/// does nothing meanwhile.
fn two_free_the_last_two_chunks() -> &'static str {
    let (memory, mmap) = Memory::new();
    let mut stack = Stack::new(mmap);
    let a = Chunk(stack.malloc(16));
    let [b, _top] = in_two_segments(|size| stack.malloc(size));
    let free = |memory: &Memory, chunk: Chunk| {
        memory.write(chunk);
        // SAFETY: the chunk is live.
        unsafe { free_without_stack(&mut Others(memory), chunk.0) };
    };
    let others = memory.clone();
    let other = spawn(move || free(&others, b));

    free(&memory, a);

    other.join();
    // SAFETY: it is a chunk.
    let size = unsafe { stack.usable_size(a.0) };
    if size > SEGMENT / 2 { "one empties it" } else { "it waits" }
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
fn two_may_both_miss_that_they_are_the_last() {
    explore(&["one empties it", "it waits"], two_free_the_last_two_chunks);
}

/// The owner sweeps, and another thread frees the last chunk in use of the
/// lower segment.
fn a_sweep_goes_by_while_another_empties() -> &'static str {
    let (memory, mmap) = Memory::new();
    let mut holes: Box<Holes<_, false>> = Box::new(Holes::new(mmap));
    let [a, mut top] = in_two_segments(|size| holes.malloc(size));
    // The upper one is full.
    while SEGMENT - top.0.addr() % SEGMENT > 2 * 64 {
        top = Chunk(holes.malloc(48));
    }
    let (mut holes, owners) = (Parked(holes), memory.clone());
    let owner = spawn(move || {
        let Parked(own) = &mut holes;
        own.tidy();
        let c = Chunk(own.malloc(40));
        assert!(!c.0.is_null(), "there is room");
        owners.write(c);
        c
    });

    memory.write(a);
    // SAFETY: the chunk is live.
    unsafe { free_without_stack(&mut Others(&memory), a.0) };

    match owner.join() {
        c if c == a => "in the empty one",
        c if c.0.addr() / SEGMENT == a.0.addr() / SEGMENT => "beside the chunk",
        _ => "above",
    }
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
fn sweep_goes_by_while_another_empties() {
    let endings = ["in the empty one", "above", "beside the chunk"];
    explore(&endings, a_sweep_goes_by_while_another_empties);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
fn owner_comes_down_while_another_empties() {
    let endings = ["an empty one", "it stayed above", "above the chunk"];
    explore(&endings, the_owner_comes_down_while_another_empties);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
fn owner_pops_while_another_marks() {
    let endings = ["popped at once", "popped later"];
    explore(&endings, the_owner_pops_while_another_marks);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
fn owner_pops_while_two_mark() {
    let endings =
        ["both popped at once", "one popped at once", "both popped later"];
    explore(&endings, two_mark_while_the_owner_pops);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
fn stack_is_adopted_while_a_mark_arrives() {
    let endings = ["popped at once", "popped later", "not adopted"];
    explore(&endings, a_stack_is_adopted_while_another_marks);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
fn sweep_goes_by_while_another_marks() {
    let endings = ["in the hole", "at the top"];
    explore(&endings, a_sweep_goes_by_while_another_marks);
}

// What goes wrong where something is missing.

/// Plays a scenario, with all that says `missing` relaxed.
fn explore_without(missing: atomic::Ordering, scenario: fn() -> &'static str) {
    atomic::MISSING.set(Some(missing));
    loom::model(move || {
        counted::begin();
        scenario();
    });
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
#[should_panic(expected = "Concurrent write accesses to `UnsafeCell`")]
fn mark_without_release_lets_the_owner_write_too_early() {
    let release = atomic::Ordering::Release;
    explore_without(release, the_owner_pops_while_another_marks);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
#[should_panic(expected = "Concurrent write accesses to `UnsafeCell`")]
fn pop_without_acquire_lets_the_owner_write_too_early() {
    let acquire = atomic::Ordering::Acquire;
    explore_without(acquire, the_owner_pops_while_another_marks);
}

#[test]
#[cfg_attr(miri, ignore = "loom switches stacks, which Miri cannot follow")]
#[should_panic(expected = "Concurrent write accesses to `UnsafeCell`")]
fn sweep_without_acquire_lets_the_owner_write_too_early() {
    let acquire = atomic::Ordering::Acquire;
    explore_without(acquire, a_sweep_goes_by_while_another_marks);
}
