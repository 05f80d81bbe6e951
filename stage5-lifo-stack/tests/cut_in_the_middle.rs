//! An owner that stops in the middle, after each single store, and never comes
//! back: after a fork the child finds the heaps of all other threads like that.
//! What it takes over is whole.
//!
//! The files of `src/per_thread` are compiled here once more, with atomics that
//! count what is stored, and end the owner by a panic at a store of our choice.

#[allow(dead_code)]
#[path = "../src/brk.rs"]
mod brk;
#[allow(dead_code)]
#[path = "../src/fault.rs"]
mod fault;
#[allow(dead_code)]
#[path = "../src/per_thread"]
mod per_thread {
    use super::atomic;

    pub mod chunks;
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

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::rc::Rc;
use std::slice;

use brk::SimBrk;
use fastrand::Rng;
use per_thread::chunks::{Chunk, State};
use per_thread::found::free_without_stack;
use per_thread::holes::Holes;
use per_thread::sim::SimMmap;

/// Atomics that end their owner.
mod atomic {
    use std::cell::Cell;

    pub use core::sync::atomic::Ordering;

    thread_local! {
        /// How many stores there may be before the end.
        pub static STORES: Cell<usize> = const { Cell::new(usize::MAX) };

        /// What comes then, instead of the end: a handler of a signal.
        pub static HANDLER: Cell<Option<Box<dyn Fn()>>> = const {
            Cell::new(None)
        };
    }

    /// The end comes before the store.
    fn store() {
        let left = STORES.get();
        if left == 0 {
            STORES.set(usize::MAX);
            match HANDLER.take() {
                Some(handler) => return handler(),
                None => std::panic::resume_unwind(Box::new("cut")),
            }
        }
        STORES.set(left - 1);
    }

    pub struct AtomicBool(core::sync::atomic::AtomicBool);

    impl AtomicBool {
        pub fn new(value: bool) -> Self {
            Self(core::sync::atomic::AtomicBool::new(value))
        }

        pub fn store(&self, value: bool, ordering: Ordering) {
            store();
            self.0.store(value, ordering);
        }

        pub fn compare_exchange(
            &self,
            old: bool,
            new: bool,
            success: Ordering,
            failure: Ordering,
        ) -> Result<bool, bool> {
            store();
            self.0.compare_exchange(old, new, success, failure)
        }
    }

    #[repr(transparent)]
    pub struct AtomicU32(core::sync::atomic::AtomicU32);

    impl AtomicU32 {
        pub fn new(value: u32) -> Self {
            store();
            Self(core::sync::atomic::AtomicU32::new(value))
        }

        pub fn load(&self, ordering: Ordering) -> u32 {
            self.0.load(ordering)
        }

        pub fn store(&self, value: u32, ordering: Ordering) {
            store();
            self.0.store(value, ordering);
        }
    }

    pub struct AtomicPtr<T>(core::sync::atomic::AtomicPtr<T>);

    impl<T> AtomicPtr<T> {
        pub fn new(value: *mut T) -> Self {
            Self(core::sync::atomic::AtomicPtr::new(value))
        }

        pub fn load(&self, ordering: Ordering) -> *mut T {
            self.0.load(ordering)
        }

        pub fn store(&self, value: *mut T, ordering: Ordering) {
            store();
            self.0.store(value, ordering);
        }
    }
}

/// How often the stack grows and falls that somebody has taken over.
const SWINGS: usize = if cfg!(miri) { 1 } else { 6 };

/// By how many blocks.
const MANY: usize = if cfg!(miri) { 12 } else { 60 };

type Heap<'a> = Holes<SimMmap<SimBrk<'a>, 8192>>;

struct Block {
    payload: *mut u8,
    size: usize,
    byte: u8,
}

/// What is played.
#[derive(Clone, Copy, Debug)]
enum Game {
    /// All operations, and often the last block.
    Mixed,
    /// What came first goes first.
    Queue,
}

/// A heap, and the blocks that it gave out.
struct Play<'a> {
    heap: Heap<'a>,
    blocks: Vec<Block>,
    game: Game,
    rng: Rng,
    /// The block that the operation is about.
    in_hand: Option<Block>,
    /// Whether a queue has as many as it wants.
    shrinks: bool,
}

impl<'a> Play<'a> {
    fn new(region: &'a mut [MaybeUninit<u8>], game: Game, seed: u64) -> Self {
        let heap = Holes::new(SimMmap::new(SimBrk::new(region)));
        let rng = Rng::with_seed(seed);
        Self {
            heap,
            blocks: Vec::new(),
            game,
            rng,
            in_hand: None,
            shrinks: false,
        }
    }

    fn size(&mut self) -> usize {
        match self.rng.u8(..12) {
            0 => self.rng.usize(..4000),
            1..4 => self.rng.usize(..900),
            _ => self.rng.usize(..120),
        }
    }

    fn operation(&mut self) {
        match self.game {
            Game::Mixed => self.anything(),
            Game::Queue => self.queue(),
        }
    }

    fn anything(&mut self) {
        let what = self.rng.u8(..10);
        let size = self.size();
        match what {
            0..5 => self.admit(size, |heap| heap.malloc(size)),
            5 => self.admit(size, |heap| heap.memalign(64, size)),
            6 => self.resize(size),
            7 => self.another_frees(),
            _ => self.free(),
        }
    }

    fn admit(&mut self, size: usize, ask: impl FnOnce(&mut Heap) -> *mut u8) {
        let payload = ask(&mut self.heap);
        assert!(!payload.is_null(), "memory for {size} bytes");
        let byte = self.rng.u8(..);
        // SAFETY: the heap says that it has so many bytes.
        unsafe { payload.write_bytes(byte, size) };
        self.blocks.push(Block { payload, size, byte });
    }

    fn take(&mut self) -> bool {
        if self.blocks.is_empty() {
            return false;
        }
        let last = self.blocks.len() - 1;
        let at = if self.rng.bool() { last } else { self.rng.usize(..=last) };
        self.in_hand = Some(self.blocks.remove(at));
        true
    }

    /// What a queue does: it grows, and then those go first that came first. A
    /// sweep takes empty segments out from among the others.
    fn queue(&mut self) {
        if self.rng.u8(..100) == 0 {
            self.shrinks = !self.shrinks;
        }
        if self.shrinks && self.blocks.len() > 5 {
            self.in_hand = Some(self.blocks.remove(0));
            self.free_in_hand();
        } else {
            let size = self.size();
            self.admit(size, |heap| heap.malloc(size));
        }
    }

    fn resize(&mut self, size: usize) {
        if self.take() {
            let payload = self.in_hand.as_ref().map(|block| block.payload);
            // SAFETY: the block is live.
            self.admit(size, |heap| unsafe {
                heap.realloc(payload.expect("a block"), size)
            });
            self.in_hand = None;
        }
    }

    fn free(&mut self) {
        if self.take() {
            self.free_in_hand();
        }
    }

    fn free_in_hand(&mut self) {
        let payload = self.in_hand.as_ref().map(|block| block.payload);
        // SAFETY: the block is live.
        unsafe { self.heap.free(payload.expect("a block")) };
        self.in_hand = None;
    }

    fn another_frees(&mut self) {
        if self.take() {
            let payload = self.in_hand.as_ref().map(|block| block.payload);
            let mmap = self.heap.mmap();
            // SAFETY: the block is live.
            unsafe { free_without_stack(mmap, payload.expect("a block")) };
            self.in_hand = None;
        }
    }

    fn check(&self) {
        for Block { payload, size, byte } in &self.blocks {
            // SAFETY: the block is live, and has so many bytes.
            let bytes = unsafe { slice::from_raw_parts(*payload, *size) };
            // Miri compares all at once, and is slow byte by byte.
            if bytes == vec![*byte; *size] {
                continue;
            }
            let wrong = bytes.iter().position(|it| it != byte);
            assert_eq!(wrong, None, "a byte of a block of {size}: {bytes:?}");
        }
    }

    /// Somebody else goes on with what the owner has left.
    fn adopt(&mut self) {
        // SAFETY: the owner never comes back, nor does another.
        unsafe {
            self.heap.repair();
            self.heap.let_go();
        }
        self.check();
        for _ in 0..MANY / 2 {
            let size = self.size();
            self.admit(size, |heap| heap.malloc(size));
        }
        self.check();
        // The stack falls and grows, and is swept.
        for _ in 0..SWINGS {
            for _ in 0..MANY {
                let size = self.size();
                self.admit(size, |heap| heap.malloc(size));
            }
            while self.blocks.len() > MANY / 2 {
                self.free();
            }
            self.check();
        }
        for block in self.blocks.drain(..) {
            // SAFETY: the block is live.
            unsafe { self.heap.free(block.payload) };
        }
        self.heap.tidy();
        let lost = self.heap.chunks().filter(|chunk| {
            matches!(chunk.state, State::Used)
                || (chunk.state == State::Listed && !self.is_on_a_list(chunk))
        });
        let lost = lost.count();
        assert!(lost <= 2, "{lost} chunks are lost: {:?}", self.heap);
    }

    fn is_on_a_list(&self, chunk: &Chunk) -> bool {
        let mut list = self.heap.list(chunk.size);
        self.heap.in_hand() == Some(chunk.start)
            || list.any(|it| it == chunk.start)
    }
}

/// Ends the process after so many seconds: who takes over a stack that is not
/// whole may walk round in it for ever. 0 for never.
fn end_in(seconds: u32) {
    #[cfg(all(unix, not(miri)))]
    // SAFETY: it has no conditions.
    unsafe {
        libc::alarm(seconds)
    };
    #[cfg(not(all(unix, not(miri))))]
    let _ = seconds;
}

/// Plays `operations`, and cuts the last one at its store number `store`. Says
/// whether it had so many.
fn cut(game: Game, seed: u64, operations: usize, store: usize) -> bool {
    let mut region = Box::new_uninit_slice(500 * 1024);
    let mut play = Play::new(&mut region, game, seed);
    for _ in 1..operations {
        play.operation();
    }
    end_in(20);
    atomic::STORES.set(store);
    let ended =
        panic::catch_unwind(AssertUnwindSafe(|| play.operation())).is_ok();
    atomic::STORES.set(usize::MAX);
    if ended {
        return false;
    }
    play.adopt();
    true
}

/// A sweep has so many stores that Miri, which is slow, takes some of them.
const EVERY: usize = if cfg!(miri) { 32 } else { 1 };

/// Cuts an operation at one of `every` of its stores. Returns how many it had.
fn cut_everywhere(
    game: Game,
    seed: u64,
    operations: usize,
    every: usize,
) -> usize {
    for store in (0..).step_by(every) {
        let what = format!("{game:?} {seed}, {operations}, store {store}");
        let played = panic::catch_unwind(|| cut(game, seed, operations, store));
        match played {
            Ok(true) => {}
            Ok(false) => return store,
            Err(_) => panic!("{what}: see above"),
        }
    }
    unreachable!("an operation ends");
}

#[test]
fn a_stack_is_whole_after_every_single_store() {
    let (seeds, operations, least) =
        if cfg!(miri) { (1, 6, 10) } else { (3, 80, 600) };
    let mut cuts = 0;
    for seed in 0..seeds {
        for operations in 1..operations {
            cuts += cut_everywhere(Game::Mixed, seed, operations, 1);
        }
    }
    end_in(0);
    println!("{cuts} cuts");
    assert!(cuts > least, "{cuts} cuts");
}

/// The operations of a game that have so many stores that they are sweeps.
fn sweeps(game: Game, seed: u64, operations: usize) -> Vec<usize> {
    const MANY: usize = 1 << 20;
    let mut region = Box::new_uninit_slice(500 * 1024);
    let mut play = Play::new(&mut region, game, seed);
    let is_sweep = |_: &usize| {
        atomic::STORES.set(MANY);
        play.operation();
        MANY - atomic::STORES.replace(usize::MAX) > 100
    };
    (1..=operations).filter(is_sweep).collect()
}

/// A sweep takes segments out of the row of those that others use.
#[test]
fn a_row_of_segments_is_whole_after_every_single_store_of_a_sweep() {
    let (seeds, operations, least) =
        if cfg!(miri) { (1, 60, 200) } else { (3, 700, 600) };
    let mut cuts = 0;
    for seed in 0..seeds {
        for operations in sweeps(Game::Queue, seed, operations) {
            cuts += cut_everywhere(Game::Queue, seed, operations, EVERY);
        }
    }
    end_in(0);
    println!("{cuts} cuts");
    assert!(cuts > least, "{cuts} cuts");
}

/// A block is cut from a hole, and what is left of it stays in hand, in place of
/// something smaller.
#[test]
fn a_cut_is_whole_after_every_single_store() {
    let mut cuts = 0;
    for store in 0.. {
        let mut region = Box::new_uninit_slice(500 * 1024);
        let mut play = Play::new(&mut region, Game::Mixed, 0);
        for size in [500, 900] {
            play.admit(size, |heap| heap.malloc(size));
            play.admit(8, |heap| heap.malloc(8));
        }
        for at in [0, 2] {
            let Block { payload, size, .. } = &mut play.blocks[at];
            // SAFETY: the block is live.
            let same = unsafe { play.heap.realloc(*payload, 8) };
            assert_eq!(same, *payload, "it shrinks in its place");
            *size = 8;
        }
        play.admit(300, |heap| heap.malloc(300));
        let before = play.heap.in_hand();
        end_in(3);
        atomic::STORES.set(store);
        let ended = panic::catch_unwind(AssertUnwindSafe(|| {
            play.admit(400, |heap| heap.malloc(400));
        }));
        atomic::STORES.set(usize::MAX);
        if ended.is_ok() {
            let after = play.heap.in_hand();
            assert_ne!(before, after, "before the cut and after it");
            break;
        }
        play.adopt();
        cuts += 1;
    }
    end_in(0);
    assert!(cuts > 5, "{cuts} cuts");
}

/// A handler of a signal comes in the middle of a push, asks for memory, and
/// returns.
#[test]
#[cfg_attr(miri, ignore = "two have the heap at once: that is what is wrong")]
fn a_handler_that_allocates_in_the_middle_of_a_push_gets_the_same_place() {
    /// So many stores a push has.
    const PUSH: usize = 3;
    for store in 0..=PUSH {
        let mut region = Box::new_uninit_slice(64 * 1024);
        let mut heap: Heap = Holes::new(SimMmap::new(SimBrk::new(&mut region)));
        // There is room now.
        heap.malloc(100);
        let got = Rc::new(Cell::new(ptr::null_mut()));
        let (handlers, heap) = (got.clone(), (&raw mut heap).cast::<()>());
        atomic::HANDLER.set(Some(Box::new(move || {
            // SAFETY: none: the heap is in the middle of something.
            handlers.set(unsafe { (*heap.cast::<Heap>()).malloc(100) });
        })));
        atomic::STORES.set(store);
        // SAFETY: the heap is there.
        let mine = unsafe { (*heap.cast::<Heap>()).malloc(100) };
        atomic::STORES.set(usize::MAX);
        let came = atomic::HANDLER.take().is_none();
        assert_eq!(came, store < PUSH, "in front of store {store}");
        let same = got.get() == mine;
        assert_eq!(same, came, "{:?} and {mine:?}, store {store}", got.get());
    }
}
