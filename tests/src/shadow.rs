//! A heap that does random work, watched.
//!
//! The shadow of a heap is a plain list of the blocks that are live: where
//! each one lies, how long it is, and what it holds. Whatever the heap does is
//! checked against that list, so the shadow needs to know nothing of how the
//! heap works. What must be true inside a heap is checked too, where the heap
//! lets us look: see [`invariants`].

use std::cell::RefCell;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::iter;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use fastrand::Rng;
use stage1_bump::SimBrk;
use stage5_lifo_stack::per_thread::chunks::{Chunk, State};
use stage5_lifo_stack::per_thread::holes::Holes;
use stage5_lifo_stack::per_thread::sim::SimMmap;

use crate::invariants::{self, Around, Lists, Piece, Record, Seen};
use crate::operations::{Decoder, Operation};

/// What can be asked of a heap. A step on the way to a stage may have `malloc`
/// and `free` alone.
pub trait Allocator {
    /// malloc(3)
    fn malloc(&mut self, size: usize) -> *mut u8;

    /// free(3)
    ///
    /// # Safety
    ///
    /// `payload` is null or a live block of this heap.
    unsafe fn free(&mut self, payload: *mut u8);

    /// calloc(3)
    fn calloc(&mut self, _count: usize, _size: usize) -> *mut u8 {
        unreachable!("this heap has malloc and free alone")
    }

    /// realloc(3)
    ///
    /// # Safety
    ///
    /// `payload` is null or a live block of this heap.
    unsafe fn realloc(&mut self, _payload: *mut u8, _size: usize) -> *mut u8 {
        unreachable!("this heap has malloc and free alone")
    }

    /// posix_memalign(3), with the block as its result
    fn memalign(&mut self, _align: usize, _size: usize) -> *mut u8 {
        unreachable!("this heap has malloc and free alone")
    }

    /// malloc_usable_size(3)
    ///
    /// # Safety
    ///
    /// `payload` is null or a live block of this heap.
    unsafe fn usable_size(&self, _payload: *mut u8) -> usize {
        0
    }

    /// The blocks, if the heap shows them.
    fn blocks(&self) -> Box<dyn Iterator<Item = Seen> + '_> {
        Box::new(iter::empty())
    }

    /// How many bytes the heap has, if that is not what lies below the break.
    fn mapped(&mut self) -> Option<usize> {
        None
    }

    /// How many more blocks the heap can note, if it notes them in a place of
    /// a fixed size. What somebody else took is noted there too.
    fn room_for_notes(&self) -> usize {
        usize::MAX
    }

    /// Checks what must be true inside, given the blocks.
    ///
    /// # Errors
    ///
    /// The first rule that does not hold.
    fn check(&self, _blocks: &[Seen], _around: &Around) -> Result<(), String> {
        Ok(())
    }

    /// A picture of the heap, if it can draw itself.
    fn draw(&self) -> String {
        String::new()
    }
}

/// How much of the contract a heap is held to.
#[derive(Clone, Copy, Debug)]
pub struct Demands {
    /// Each block starts at a multiple of this.
    pub align: usize,
    /// So much may the heap ask the break for, over what it was asked for and
    /// the alignment. With so much room left it may not return null.
    pub overhead: usize,
    /// The highest block is freed most often, as it is when calls nest.
    pub nested: bool,
    /// All functions, all sizes, and a break that can fail. Without it:
    /// `malloc` of 1 byte and more, `free`, and memory enough.
    pub everything: bool,
}

impl Demands {
    /// What a heap of stage 1 is held to.
    pub const STAGE_1: Self =
        Self { align: 16, overhead: 16, nested: false, everything: true };

    /// Stage 2 has a header in front of each block.
    pub const STAGE_2: Self = Self { overhead: 64, ..Self::STAGE_1 };

    /// Stage 3 has an end to its heap as well, and cuts off what is in front of
    /// an aligned block.
    pub const STAGE_3: Self = Self { overhead: 96, ..Self::STAGE_1 };

    /// Stage 5 has nothing in front of a chunk, and one byte in a chunk of none.
    pub const STAGE_5: Self = Self { overhead: 1, ..Self::STAGE_1 };

    /// A stack takes whole segments, at multiples of their size.
    pub const STACK: Self = Self { overhead: 3 * 16 * 1024, ..Self::STAGE_1 };
}

/// A simulated break in the hands of two: the heap, which moves it, and the
/// shadow, which watches it and plays tricks with it.
#[derive(Clone, Debug)]
pub struct Break(Arc<Region>);

#[derive(Debug)]
struct Region {
    brk: Mutex<SimBrk<'static>>,
    height: usize,
    bytes: *mut [MaybeUninit<u8>],
    fallen: AtomicUsize,
    came_again: AtomicUsize,
}

// SAFETY: the bytes are reached through the break, one thread at a time, or by
// who has a block in them.
unsafe impl Send for Region {}

// SAFETY: as above.
unsafe impl Sync for Region {}

impl Break {
    /// A break that can rise by `height` bytes, from a multiple of 64 KiB.
    pub fn new(height: usize) -> Self {
        Self::starting_at(0, height)
    }

    /// A break that can rise by `height` bytes, from `offset` bytes past a
    /// multiple of 64 KiB, as much as the largest segment here has. (So a game is
    /// the same each time, padding included.)
    pub fn starting_at(offset: usize, height: usize) -> Self {
        const ALIGN: usize = 64 * 1024;
        let bytes = Box::into_raw(Box::new_uninit_slice(height + ALIGN));
        let skip = offset.wrapping_sub(bytes.addr()) % ALIGN;
        // SAFETY: the bytes live until the region is dropped, and the break
        // with it.
        let region: &'static mut [_] = unsafe { &mut *bytes };
        let brk = SimBrk::new(&mut region[skip..skip + height]);
        Self(Arc::new(Region {
            brk: Mutex::new(brk),
            height,
            bytes,
            fallen: AtomicUsize::new(0),
            came_again: AtomicUsize::new(0),
        }))
    }

    /// Moves the break for a heap, and counts what goes back and comes again.
    ///
    /// # Safety
    ///
    /// As of [`stage1_bump::Brk::sbrk`].
    unsafe fn move_by(
        &self,
        increment: isize,
    ) -> Result<NonNull<u8>, stage1_bump::OutOfMemory> {
        // SAFETY: the caller's promise.
        let old =
            unsafe { stage1_bump::Brk::sbrk(&mut *self.sim(), increment)? };
        let Region { fallen, came_again, .. } = &*self.0;
        let bytes = increment.unsigned_abs();
        if increment < 0 {
            fallen.fetch_add(bytes, Ordering::Relaxed);
        } else {
            let again = fallen.load(Ordering::Relaxed).min(bytes);
            fallen.fetch_sub(again, Ordering::Relaxed);
            came_again.fetch_add(again, Ordering::Relaxed);
        }
        Ok(old)
    }

    /// How many bytes have gone back and come again.
    pub fn came_again(&self) -> usize {
        self.0.came_again.load(Ordering::Relaxed)
    }

    /// The break itself.
    pub fn sim(&self) -> MutexGuard<'_, SimBrk<'static>> {
        self.0.brk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the break is.
    pub fn top(&self) -> usize {
        let sim = self.sim();
        sim.start().addr().get() + sim.used()
    }

    /// What somebody else has taken, from and to: what touches is joined.
    pub fn foreign(&self) -> Vec<(usize, usize)> {
        let sim = self.sim();
        let bottom = sim.start().addr().get();
        let mut joined: Vec<(usize, usize)> = Vec::new();
        for &(from, to) in sim.foreign() {
            match joined.last_mut() {
                Some((_, end)) if *end == bottom + from => *end = bottom + to,
                _ => joined.push((bottom + from, bottom + to)),
            }
        }
        joined
    }

    /// By how many bytes the break can rise in all.
    pub fn height(&self) -> usize {
        self.0.height
    }

    /// By how many bytes the break can still rise.
    pub fn room(&self) -> usize {
        self.height() - self.sim().used()
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: `starting_at` made the bytes from a box, and whoever uses
        // them holds this region.
        drop(unsafe { Box::from_raw(self.bytes) });
    }
}

/// Puts a stage's heap on our break. Each stage has a trait and a heap of its
/// own, with the same names; what it shows of its inside is written out.
macro_rules! play_with {
    ($stage:ident <$(const $lists:ident)?> { $($inside:item)* }) => {
        // SAFETY: it is a `SimBrk`, whose region lives as long as this does.
        unsafe impl $stage::Brk for Break {
            unsafe fn sbrk(
                &mut self,
                increment: isize,
            ) -> Result<NonNull<u8>, $stage::OutOfMemory> {
                // SAFETY: what our caller promises, `SimBrk` asks for.
                unsafe { self.move_by(increment) }
                    .map_err(|_| $stage::OutOfMemory)
            }
        }

        impl<$(const $lists: usize)?> Allocator
            for $stage::Heap<Break, $($lists)?>
        {
            fn malloc(&mut self, size: usize) -> *mut u8 {
                self.malloc(size)
            }

            unsafe fn free(&mut self, payload: *mut u8) {
                // SAFETY: the caller's promise.
                unsafe { self.free(payload) }
            }

            fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
                self.calloc(count, size)
            }

            unsafe fn realloc(
                &mut self,
                payload: *mut u8,
                size: usize,
            ) -> *mut u8 {
                // SAFETY: the caller's promise.
                unsafe { self.realloc(payload, size) }
            }

            fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
                self.memalign(align, size)
            }

            unsafe fn usable_size(&self, payload: *mut u8) -> usize {
                // SAFETY: the caller's promise.
                unsafe { self.usable_size(payload) }
            }

            fn draw(&self) -> String {
                format!("{self:?}")
            }

            $($inside)*
        }
    };
}

play_with!(stage1_bump<> {});

play_with!(stage2_headers<> {
    fn blocks(&self) -> Box<dyn Iterator<Item = Seen> + '_> {
        Box::new(self.blocks().map(Seen::from))
    }

    fn check(&self, blocks: &[Seen], around: &Around) -> Result<(), String> {
        invariants::stage_2(blocks, around)
    }
});

play_with!(stage3_freelist<const LISTS> {
    fn blocks(&self) -> Box<dyn Iterator<Item = Seen> + '_> {
        Box::new(self.blocks().map(Seen::from))
    }

    fn check(&self, blocks: &[Seen], around: &Around) -> Result<(), String> {
        // A list that goes round in a circle ends here, one block too long.
        let list = |list| {
            let blocks = self.free_list(list).take(blocks.len() + 1);
            blocks.map(move |block| (list, Seen::from(block)))
        };
        let listed = (0..LISTS).flat_map(list).collect();
        let lists = Lists { count: LISTS, listed, bitmap: self.bitmap() };
        invariants::stage_3(blocks, &lists, around)
    }
});

// SAFETY: it is a `SimBrk`, whose region lives as long as this does.
unsafe impl stage4_threadsafe::Brk for Break {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, stage4_threadsafe::OutOfMemory> {
        // SAFETY: what our caller promises, `SimBrk` asks for.
        unsafe { self.move_by(increment) }
            .map_err(|_| stage4_threadsafe::OutOfMemory)
    }
}

/// Stage 4's heap is asked through its lock, as threads ask it.
impl<const LISTS: usize> Allocator
    for stage4_threadsafe::LockedHeap<Break, LISTS>
{
    fn malloc(&mut self, size: usize) -> *mut u8 {
        Self::malloc(self, size)
    }

    unsafe fn free(&mut self, payload: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { Self::free(self, payload) }
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        Self::calloc(self, count, size)
    }

    unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { Self::realloc(self, payload, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        Self::memalign(self, align, size)
    }

    unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        // SAFETY: the caller's promise.
        unsafe { Self::usable_size(self, payload) }
    }

    fn blocks(&self) -> Box<dyn Iterator<Item = Seen> + '_> {
        let heap = self.heap.lock();
        let blocks: Vec<Seen> = heap.blocks().map(Seen::from).collect();
        Box::new(blocks.into_iter())
    }

    fn check(&self, blocks: &[Seen], around: &Around) -> Result<(), String> {
        let heap = self.heap.lock();
        let list = |list| {
            let blocks = heap.free_list(list).take(blocks.len() + 1);
            blocks.map(move |block| (list, Seen::from(block)))
        };
        let listed = (0..LISTS).flat_map(list).collect();
        let lists = Lists { count: LISTS, listed, bitmap: heap.bitmap() };
        invariants::stage_3(blocks, &lists, around)
    }

    fn draw(&self) -> String {
        format!("{:?}", *self.heap.lock())
    }
}

play_with!(stage5_lifo_stack<const CHUNKS> {
    fn room_for_notes(&self) -> usize {
        CHUNKS - self.chunks().len()
    }

    fn check(&self, _blocks: &[Seen], around: &Around) -> Result<(), String> {
        let records: Vec<Record> =
            self.chunks().iter().map(Record::from).collect();
        invariants::stage_5(&records, CHUNKS, around)
    }
});

/// Memory for a thread's heap, from our break, which rises by 1 MiB at most.
pub type Memory = SimMmap<Break>;

/// Memory for a thread's heap, from a break that rises by 16 MiB at most.
pub type LargeMemory = SimMmap<Break, 16384, 16384>;

/// Memory in segments of 64 KiB: there are blocks of several kilobytes in them.
pub type MemoryOfLarger = SimMmap<Break, 65536>;

/// A thread's heap is asked as `threads` asks it.
impl<
    const SEGMENT: usize,
    const UNITS: usize,
    const LISTS: bool,
    const HOLE: usize,
> Allocator for Holes<SimMmap<Break, SEGMENT, UNITS>, LISTS, HOLE>
{
    fn mapped(&mut self) -> Option<usize> {
        Some(self.mmap().mapped())
    }

    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.malloc(size)
    }

    unsafe fn free(&mut self, payload: *mut u8) {
        if !payload.is_null() {
            // SAFETY: the caller's promise.
            unsafe { self.free(payload) }
        }
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        match count.checked_mul(size) {
            Some(bytes) => self.calloc(bytes),
            None => ptr::null_mut(),
        }
    }

    unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        if payload.is_null() {
            return self.malloc(size);
        }
        // SAFETY: the caller's promise.
        unsafe { self.realloc(payload, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.memalign(align, size)
    }

    unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        if payload.is_null() {
            return 0;
        }
        // SAFETY: the caller's promise.
        unsafe { self.usable_size(payload) }
    }

    fn draw(&self) -> String {
        format!("{self:?}")
    }

    fn check(&self, _blocks: &[Seen], around: &Around) -> Result<(), String> {
        let pieces: Vec<Piece> = self.chunks().map(Piece::from).collect();
        // A list that goes round in a circle ends here, one chunk too long.
        let most = pieces.len() + 1;
        // A size of each list.
        let sizes = (0..2048).step_by(16).chain(
            (11..19).flat_map(|it| (8..16).map(move |part| part << it >> 3)),
        );
        let lists: Vec<(usize, Vec<usize>)> = sizes
            .map(|size| {
                let list = self.list(size).take(most);
                (size, list.map(|chunk| chunk.addr()).collect())
            })
            .collect();
        invariants::segments(&pieces, Self::MIDDLE, around)?;
        let in_hand = self.in_hand().map(|chunk| chunk.addr());
        invariants::lists(&pieces, &lists, in_hand)
    }
}

impl From<Chunk> for Piece {
    fn from(chunk: Chunk) -> Self {
        let Chunk { start, size, state } = chunk;
        Self {
            start: start.addr(),
            size,
            is_used: state == State::Used,
            is_listed: state == State::Listed,
            is_room: state == State::Room,
        }
    }
}

impl From<stage2_headers::heap::Block> for Seen {
    fn from(block: stage2_headers::heap::Block) -> Self {
        let stage2_headers::heap::Block { payload, size, is_free } = block;
        Self { payload, size, is_free }
    }
}

impl From<stage3_freelist::heap::Block> for Seen {
    fn from(block: stage3_freelist::heap::Block) -> Self {
        let stage3_freelist::heap::Block { payload, size, is_free } = block;
        Self { payload, size, is_free }
    }
}

impl From<stage4_threadsafe::heap::Block> for Seen {
    fn from(block: stage4_threadsafe::heap::Block) -> Self {
        let stage4_threadsafe::heap::Block { payload, size, is_free } = block;
        Self { payload, size, is_free }
    }
}

impl From<&stage5_lifo_stack::heap::Chunk> for Record {
    fn from(chunk: &stage5_lifo_stack::heap::Chunk) -> Self {
        let &stage5_lifo_stack::heap::Chunk { start, end, free } = chunk;
        Self { start: start.addr(), end: end.addr(), is_free: free }
    }
}

/// Lets a heap do `rounds` operations that `seed` picks, and then frees what
/// is left. Everything is checked after each of them, but for Miri.
///
/// # Errors
///
/// The first promise that was broken, the heap, and the operations up to it.
pub fn play(
    heap: impl Allocator,
    brk: &Break,
    demands: Demands,
    seed: u64,
    rounds: usize,
) -> Result<(), String> {
    let _story = Story::begins(format!("MALLOC_SEED={seed}"));
    let mut rng = Rng::with_seed(seed);
    let mut shadow = Shadow::new(heap, brk, demands);
    for round in 0..rounds {
        // In turns, the heap fills and empties.
        let operation = shadow.choose(round / 50 % 2 == 1, &mut rng);
        let refusals = shadow.refusals(&mut rng);
        shadow.perform_and_check(operation, refusals)?;
    }
    while !shadow.live.is_empty() {
        let block = Some(rng.usize(..shadow.live.len()));
        shadow.perform_and_check(Operation::Free { block }, 0)?;
    }
    Ok(())
}

/// Lets a heap do what some bytes ask for, and then frees what is left, the
/// highest first. Everything is checked after each operation, but for Miri.
///
/// # Errors
///
/// The first promise that was broken, the heap, and the operations up to it.
pub fn play_bytes(
    heap: impl Allocator,
    brk: &Break,
    demands: Demands,
    bytes: &[u8],
) -> Result<(), String> {
    let _playing = Story::is_told(format!("{} bytes", bytes.len()));
    let mut shadow = Shadow::new(heap, brk, demands);
    let mut decoder = Decoder::new(bytes);
    while let Some((operation, refusals)) = decoder.next(shadow.live.len()) {
        shadow.perform_and_check(operation, refusals)?;
    }
    while let Some(block) = shadow.live.len().checked_sub(1) {
        let operation = Operation::Free { block: Some(block) };
        shadow.perform_and_check(operation, 0)?;
    }
    Ok(())
}

/// A game that is too long to check everything at each step.
#[derive(Clone, Copy, Debug)]
pub struct LongGame {
    /// How many operations.
    pub steps: usize,
    /// After so many of them everything is checked. (What an operation itself
    /// gives and takes is always checked.)
    pub check_every: usize,
    /// The largest size, but for those that no heap can give.
    pub largest: usize,
    /// When so many bytes are live the heap empties.
    pub most_live: usize,
    /// Whether the break refuses to move now and then, and somebody else takes
    /// memory.
    pub tricks: bool,
}

/// What a long game has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// How many operations there were.
    pub steps: usize,
    /// A number that comes from all of them, and from where the blocks were.
    pub digest: u64,
    /// How many bytes the heap may have asked for, if it used nothing again.
    pub asked: usize,
    /// How many of them since it was last empty.
    pub asked_since: usize,
    /// How many bytes were live at one time, at most, with 32 for each block:
    /// a header, and what comes of rounding up.
    pub most_live: usize,
    /// How many bytes the heap has.
    pub used: usize,
}

/// Lets a heap do what `seed` picks for a long time, and then frees what is
/// left. Each check also asks `is_little` whether the heap uses too much.
///
/// # Errors
///
/// The first promise that was broken, the heap, and the operations up to it.
pub fn play_long(
    name: String,
    heap: impl Allocator,
    brk: &Break,
    demands: Demands,
    game: LongGame,
    seed: u64,
    mut is_little: impl FnMut(&Told) -> Result<(), String>,
) -> Result<Told, String> {
    let _story = Story::begins(name);
    let mut rng = Rng::with_seed(seed);
    let mut shadow = Shadow::new(heap, brk, demands);
    shadow.largest = game.largest;
    shadow.frees = [35, 70];
    shadow.has_tricks = false;
    let mut told = Told::default();
    let (mut emptying, mut until) = (false, rng.usize(..game.most_live));
    loop {
        let live = shadow.live_bytes;
        told.steps += 1;
        let is_over = told.steps > game.steps;
        if is_over && shadow.live.is_empty() {
            break;
        }
        if !is_over && emptying == (live <= until) {
            emptying = !emptying;
            until = match rng.u8(..4) {
                0 if emptying => 0,
                _ if emptying => rng.usize(..=live / 2),
                _ => rng.usize(live..=live.max(game.most_live)),
            };
        }
        shadow.has_tricks = game.tricks && rng.u8(..16) == 0;
        let (operation, refusals) = if is_over {
            let block = Some(rng.usize(..shadow.live.len()));
            (Operation::Free { block }, 0)
        } else {
            let operation = shadow.choose(emptying, &mut rng);
            (operation, shadow.refusals(&mut rng))
        };
        // Whether the break refused is known to this check alone.
        let is_due = told.steps.is_multiple_of(game.check_every)
            || refusals > 0
            || is_over && shadow.live.len() == 1;
        shadow.perform(operation, refusals)?;
        (told.asked, told.asked_since) = (shadow.asked, shadow.asked_since);
        told.most_live = told.most_live.max(shadow.live_bytes);
        if is_due {
            shadow.check_everything()?;
            told.used = shadow.used();
            is_little(&told).map_err(|broken| shadow.tell(&broken))?;
        }
    }
    told.digest = shadow.digest.finish();
    Ok(told)
}

thread_local! {
    /// The game that this thread plays.
    static STORY: RefCell<Option<Story>> = const { RefCell::new(None) };
}

/// What is told of a game that does not come to its end.
struct Story {
    /// How to play it again.
    name: String,
    operations: usize,
    /// The last of them, and how often the break refused to move meanwhile.
    last: VecDeque<(Operation, usize)>,
}

/// A game that is on. If something in the heap panics or ends the process, its
/// story is told all the same.
struct Playing;

impl Story {
    /// So many operations are told.
    const LAST: usize = 30;

    /// A game begins, which is told if it does not come to its end.
    fn is_told(name: String) -> Playing {
        let last = VecDeque::with_capacity(Self::LAST);
        STORY.set(Some(Self { name, operations: 0, last }));
        Playing
    }

    /// As above, and if the process ends, too.
    fn begins(name: String) -> Playing {
        #[cfg(all(unix, not(miri)))]
        for signal in [libc::SIGABRT, libc::SIGSEGV, libc::SIGBUS] {
            let handler = told_at_the_end as extern "C" fn(libc::c_int);
            // SAFETY: the handler runs where the heap went wrong, on the
            // thread that plays: no lock is held that it needs.
            unsafe { libc::signal(signal, handler as libc::sighandler_t) };
        }
        Self::is_told(name)
    }

    fn goes_on(&mut self, operation: Operation, refusals: usize) {
        self.operations += 1;
        if self.last.len() == Self::LAST {
            self.last.pop_front();
        }
        self.last.push_back((operation, refusals));
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", story());
        }
        STORY.set(None);
    }
}

/// Tells which game has ended the process, before it ends.
#[cfg(all(unix, not(miri)))]
extern "C" fn told_at_the_end(signal: libc::c_int) {
    use std::io::Write;
    // To the process's own standard error: the test's is lost with it.
    let _ = writeln!(std::io::stderr(), "{}", story());
    // SAFETY: no handler any more: this time the signal ends the process.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

/// The name and the last operations of the game that is on.
fn story() -> String {
    STORY.with_borrow(|story| {
        let Some(Story { name, operations, last }) = story else {
            return String::new();
        };
        let mut told = format!(
            "{name}, the last {} of {operations} operations:\n",
            last.len(),
        );
        for (operation, refusals) in last {
            let refused = match refusals {
                0 => "",
                1 => ", the break refused to move once",
                _ => ", the break refused to move",
            };
            told += &format!("    {operation:?}{refused}\n");
        }
        told
    })
}

/// A block that the heap gave out and has not got back.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Where it starts.
    pub payload: *mut u8,
    /// As many bytes as were asked for.
    pub size: usize,
    /// As many as may be used.
    pub len: usize,
    /// Tells what the block holds.
    id: usize,
}

/// After so many bytes the contents of a block come again.
const PERIOD: usize = 4096;

/// What blocks hold: each starts at another place in here.
static CONTENTS: [u8; 2 * PERIOD] = {
    let mut contents = [0; 2 * PERIOD];
    let mut at = 0;
    while at < contents.len() {
        contents[at] = (at * 7) as u8;
        at += 1;
    }
    contents
};

impl Block {
    /// A block whose contents somebody else knows.
    pub fn new(payload: *mut u8, size: usize, usable: usize) -> Self {
        Self { payload, size, len: usable.max(size), id: 0 }
    }

    fn contents(&self) -> &'static [u8] {
        &CONTENTS[self.id * 59 % PERIOD..][..PERIOD]
    }

    fn fill(&self) {
        for at in (0..self.len).step_by(PERIOD) {
            let part = &self.contents()[..PERIOD.min(self.len - at)];
            // SAFETY: the block is live and has `len` bytes.
            unsafe {
                let to = self.payload.add(at);
                ptr::copy_nonoverlapping(part.as_ptr(), to, part.len());
            }
        }
    }

    /// The first `len` bytes of the memory at `payload`.
    ///
    /// # Safety
    ///
    /// They are there, and nobody writes to them meanwhile.
    unsafe fn bytes<'a>(payload: *mut u8, len: usize) -> &'a [u8] {
        // SAFETY: the caller's promise.
        unsafe { slice::from_raw_parts(payload, len) }
    }

    /// Whether this block, which is live, holds what it should.
    fn check_itself(&self) -> Result<(), String> {
        // SAFETY: the block is live.
        self.check(unsafe { Self::bytes(self.payload, self.len) })
    }

    /// Whether `bytes` is how this block begins.
    fn check(&self, bytes: &[u8]) -> Result<(), String> {
        match difference(bytes, self.contents()) {
            None => Ok(()),
            Some(at) => Err(format!(
                "a block keeps its contents: byte {at} of {} was {:#04x} and \
                 is {:#04x}",
                self.size,
                self.contents()[at % PERIOD],
                bytes[at],
            )),
        }
    }

    /// What it takes to have it: as in [`Told::most_live`].
    fn cost(&self) -> usize {
        self.size + 32
    }

    fn overlaps(&self, other: &Block) -> bool {
        // A block of no bytes has an address of its own: count one byte.
        let end = |block: &Block| block.payload.addr() + block.len.max(1);
        self.payload.addr() < end(other) && other.payload.addr() < end(self)
    }
}

/// Where `bytes` first differ from `contents`, which come again and again.
fn difference(bytes: &[u8], contents: &[u8]) -> Option<usize> {
    let part = bytes
        .chunks(contents.len())
        .position(|part| *part != contents[..part.len()])?;
    let from = part * contents.len();
    (from..bytes.len()).find(|&at| bytes[at] != contents[at - from])
}

/// After so many operations everything is checked. To look at all blocks and all
/// lists takes Miri half of its time, and nearly all of it where there are many lists.
const CHECK_EVERY: usize = if cfg!(miri) { 5 } else { 1 };

struct Shadow<A> {
    heap: A,
    brk: Break,
    demands: Demands,
    /// How often the break refuses to move during this operation.
    refusals: usize,
    /// What this operation returned null for: alignment and size.
    denied: Option<(usize, usize)>,
    /// Whether this operation freed a block.
    has_freed: bool,
    /// Where the heap ends, if the break would not take its end back.
    keeps_its_end: Option<usize>,
    live: BTreeMap<usize, Block>,
    blocks_so_far: usize,
    /// How many operations there were in a game in which everything is checked.
    performed: usize,
    /// The largest size that is asked for, if memory is to be had at all.
    largest: usize,
    /// Of a hundred operations so many free a block, while the heap fills and
    /// while it empties.
    frees: [u8; 2],
    /// Whether the break refuses to move now and then, and somebody else moves
    /// it.
    has_tricks: bool,
    /// As in [`Told`].
    asked: usize,
    /// As in [`Told`].
    asked_since: usize,
    /// As in [`Told::most_live`].
    live_bytes: usize,
    /// As in [`Told`].
    digest: DefaultHasher,
}

impl<A: Allocator> Shadow<A> {
    fn new(heap: A, brk: &Break, demands: Demands) -> Self {
        Self {
            heap,
            brk: brk.clone(),
            demands,
            refusals: 0,
            denied: None,
            has_freed: false,
            keeps_its_end: None,
            live: BTreeMap::new(),
            blocks_so_far: 0,
            performed: 0,
            largest: brk.height() / 4,
            frees: [25, 55],
            has_tricks: true,
            asked: 0,
            asked_since: 0,
            live_bytes: 0,
            digest: DefaultHasher::new(),
        }
    }

    /// How often the break refuses: to move at all, or once.
    fn refusals(&self, rng: &mut Rng) -> usize {
        match rng.u8(..) {
            _ if !self.demands.everything || !self.has_tricks => 0,
            0..16 => usize::MAX,
            16..26 => 1,
            _ => 0,
        }
    }

    /// How many bytes lie below the break and are not somebody else's.
    fn used(&mut self) -> usize {
        if let Some(bytes) = self.heap.mapped() {
            return bytes;
        }
        let sim = self.brk.sim();
        let theirs = sim.foreign().iter().map(|(from, to)| to - from);
        sim.used() - theirs.sum::<usize>()
    }

    fn choose(&self, emptying: bool, rng: &mut Rng) -> Operation {
        let block = match self.live.len() {
            0 => None,
            // Sometimes the highest: the end of the heap can then go back.
            len if rng.u8(..4) == 0 => Some(len - 1),
            len if self.demands.nested && rng.u8(..8) != 0 => Some(len - 1),
            len => Some(rng.usize(..len)),
        };
        if !self.demands.everything {
            return match rng.u8(..2) {
                0 => Operation::Malloc { size: rng.usize(1..=64) },
                _ => Operation::Free { block },
            };
        }
        if rng.u8(..100) < self.frees[usize::from(emptying)] {
            return Operation::Free { block };
        }
        match rng.u8(..100) {
            0..40 => Operation::Malloc { size: self.size(rng) },
            40..62 => {
                let (count, size) = self.count_and_size(rng);
                Operation::Calloc { count, size }
            }
            62..82 => {
                let size = self.next_size(block, rng).max(1);
                Operation::Realloc { block, size }
            }
            82..93 => {
                let powers = if rng.u8(..4) == 0 { 13 } else { 9 };
                let align = 1 << rng.u32(..powers);
                Operation::Memalign { align, size: self.size(rng) }
            }
            93..95 => Operation::Free { block: None },
            95..96 => Operation::Realloc { block: None, size: self.size(rng) },
            96.. if !self.has_tricks => {
                Operation::Malloc { size: self.size(rng) }
            }
            96..99 => {
                Operation::SomebodyElseTakes { bytes: rng.usize(1..=200) }
            }
            _ => {
                Operation::SomebodyElseGivesBack { bytes: rng.usize(1..=9000) }
            }
        }
    }

    /// Mostly small sizes, some so large that they are a good part of what
    /// there is, and a few that no heap can give.
    fn size(&self, rng: &mut Rng) -> usize {
        match rng.u8(..40) {
            0..2 => 0,
            2 => isize::MAX as usize - rng.usize(..99),
            3 => usize::MAX - rng.usize(..99),
            4..20 => rng.usize(1..=64),
            20..26 => rng.usize(1..=70) * 16,
            _ => {
                let power = self.largest.max(32).ilog2();
                let most = 1 << rng.u32(4..=power);
                rng.usize(1..=most)
            }
        }
    }

    /// For calloc: one time in eight the product overflows, to a small number.
    fn count_and_size(&self, rng: &mut Rng) -> (usize, usize) {
        match rng.u8(..8) {
            0 => (usize::MAX / 2 + rng.usize(1..99), 2),
            1..4 => (rng.usize(..9), self.size(rng)),
            _ => (1, self.size(rng)),
        }
    }

    /// For realloc: a little more or a little less than there is, or any size.
    fn next_size(&self, block: Option<usize>, rng: &mut Rng) -> usize {
        let old = block.and_then(|block| self.live.values().nth(block));
        match (old, rng.u8(..4)) {
            (Some(old), 0) => old.size + rng.usize(..600),
            (Some(old), 1) => old.size.saturating_sub(rng.usize(..600)),
            _ => self.size(rng),
        }
    }

    fn perform_and_check(
        &mut self,
        operation: Operation,
        refusals: usize,
    ) -> Result<(), String> {
        self.perform(operation, refusals)?;
        self.performed += 1;
        // What a refusal leaves behind is seen at once or not at all.
        let is_due = self.performed.is_multiple_of(CHECK_EVERY)
            || refusals > 0
            || self.denied.is_some()
            || self.live.is_empty();
        if is_due { self.check_everything() } else { Ok(()) }
    }

    fn perform(
        &mut self,
        operation: Operation,
        refusals: usize,
    ) -> Result<(), String> {
        STORY.with_borrow_mut(|story| {
            let story = story.as_mut().expect("a game that is on");
            story.goes_on(operation, refusals);
        });
        (operation, refusals).hash(&mut self.digest);
        self.refusals = refusals;
        self.denied = None;
        self.has_freed = false;
        self.brk.sim().refuse(refusals);
        let result = self.ask(operation);
        self.brk.sim().refuse(0);
        result.map_err(|promise| self.tell(&promise))
    }

    /// The promise that was broken, the heap, and how it came about.
    fn tell(&self, promise: &str) -> String {
        let heap = match invariants::walk(self.heap.blocks(), self.brk.top()) {
            Ok(_) => self.heap.draw(),
            Err(_) => "cannot be walked".to_owned(),
        };
        format!("{promise}\nthe heap: {heap}\n{}", story())
    }

    fn ask(&mut self, operation: Operation) -> Result<(), String> {
        match operation {
            Operation::Malloc { size } => {
                let payload = self.heap.malloc(size);
                self.admit(payload, Some(size), 1, |_| Ok(()))?;
            }
            Operation::Free { block } => {
                let block = block.map(|place| self.take(place));
                if let Some(block) = &block {
                    block.check_itself()?;
                }
                self.has_freed = block.is_some();
                let payload = block.map_or(ptr::null_mut(), |b| b.payload);
                // SAFETY: null or a live block, which is so no more.
                unsafe { self.heap.free(payload) };
                // (Not where `realloc` moves the only block: then the old one is
                // in the heap beside the new.)
                if self.live.is_empty() {
                    self.asked_since = 0;
                }
            }
            Operation::Calloc { count, size } => {
                let payload = self.heap.calloc(count, size);
                self.admit(payload, count.checked_mul(size), 1, all_zero)?;
            }
            Operation::Realloc { block, size } => self.realloc(block, size)?,
            Operation::Memalign { align, size } => {
                let payload = self.heap.memalign(align, size);
                self.admit(payload, Some(size), align, |_| Ok(()))?;
            }
            Operation::SomebodyElseTakes { bytes } => {
                // Where there is no room for it, nothing happens.
                let _ = self.brk.sim().somebody_else_takes(bytes);
            }
            Operation::SomebodyElseGivesBack { bytes } => {
                let _ = self.brk.sim().somebody_else_gives_back(bytes);
            }
        }
        Ok(())
    }

    /// Takes a block off the list of those that are live.
    fn take(&mut self, place: usize) -> Block {
        let address = *self.live.keys().nth(place).expect("a place in use");
        let block = self.live.remove(&address).expect("it was there");
        self.live_bytes -= block.cost();
        block
    }

    fn realloc(
        &mut self,
        block: Option<usize>,
        size: usize,
    ) -> Result<(), String> {
        let old = block.map(|place| self.take(place));
        let payload = old.map_or(ptr::null_mut(), |old| old.payload);
        // SAFETY: null or a live block.
        let new = unsafe { self.heap.realloc(payload, size) };
        let moved = self.admit(new, Some(size), 1, |bytes| match old {
            Some(old) => old.check(&bytes[..old.size.min(size)]),
            None => Ok(()),
        })?;
        if !moved {
            // It failed: the old block stays as it was.
            if let Some(old) = old {
                self.put(old);
            }
        }
        Ok(())
    }

    /// Takes what the heap returned for `size` bytes (none: for more than can
    /// be said) as a live block, if it is one: false for null. `check` looks
    /// at its first `size` bytes before they are written to.
    fn admit(
        &mut self,
        payload: *mut u8,
        size: Option<usize>,
        align: usize,
        check: impl Fn(&[u8]) -> Result<(), String>,
    ) -> Result<bool, String> {
        let align = align.max(self.demands.align);
        if payload.is_null() {
            self.denied = size.map(|size| (align, size));
            return self.null_is_right(size, align).map(|()| false);
        }
        let size = size
            .ok_or("a size that overflows gives null: got a block instead")?;
        // SAFETY: the heap says that this is a block.
        let usable = unsafe { self.heap.usable_size(payload) };
        if usable != 0 && usable < size {
            return Err(format!(
                "the usable size is 0 or at least what was asked for: \
                 {usable} of {size}"
            ));
        }
        let id = self.blocks_so_far;
        let block = Block { payload, size, len: usable.max(size), id };
        self.check_place(&block, align)?;
        // SAFETY: the heap says that these bytes are ours, and they lie below
        // the break and in no other block.
        check(unsafe { Block::bytes(payload, size) })?;
        block.fill();
        self.blocks_so_far += 1;
        let asked = block.len + align + self.demands.overhead;
        self.asked += asked;
        self.asked_since += asked;
        let bottom = self.brk.sim().start().addr().get();
        (payload.addr() - bottom).hash(&mut self.digest);
        self.put(block);
        Ok(true)
    }

    fn put(&mut self, block: Block) {
        self.live_bytes += block.cost();
        self.live.insert(block.payload.addr(), block);
    }

    /// Whether the heap may say that it has no memory for this.
    fn null_is_right(
        &self,
        size: Option<usize>,
        align: usize,
    ) -> Result<(), String> {
        let room = self.brk.room();
        let needed = size
            .and_then(|size| size.checked_add(align))
            .and_then(|size| size.checked_add(self.demands.overhead));
        match needed {
            Some(needed)
                if needed <= room && self.refusals == 0 && self.can_note() =>
            {
                Err(format!(
                    "null says that there is no memory: {needed} bytes would \
                     do, and there is room for {room}"
                ))
            }
            _ => Ok(()),
        }
    }

    /// Whether the heap has room to note a block, and before it what somebody
    /// else has taken from under it.
    fn can_note(&self) -> bool {
        let sim = self.brk.sim();
        let theirs = sim.foreign().last();
        let is_moved = theirs.is_some_and(|&(_, to)| to == sim.used());
        self.heap.room_for_notes() > usize::from(is_moved)
    }

    fn check_place(&self, block: &Block, align: usize) -> Result<(), String> {
        let start = block.payload.addr();
        if !start.is_multiple_of(align) {
            return Err(format!(
                "a block starts at a multiple of {align}: {start:#x} is {} \
                 past one",
                start % align,
            ));
        }
        let bottom = self.brk.sim().start().addr().get();
        let inside = bottom <= start
            && start
                .checked_add(block.len)
                .is_some_and(|end| end <= self.brk.top());
        if !inside {
            return Err(format!(
                "a block lies below the break: it has {} bytes at {start:#x}, \
                 the heap goes from {bottom:#x} to {:#x}",
                block.len,
                self.brk.top(),
            ));
        }
        let below = self.live.range(..=start).next_back();
        let above = self.live.range(start..).next();
        let mut beside = below.into_iter().chain(above);
        match beside.find(|(_, other)| other.overlaps(block)) {
            None => Ok(()),
            Some((_, other)) => {
                Err(format!("blocks do not overlap: {block:?} and {other:?}"))
            }
        }
    }

    fn check_everything(&mut self) -> Result<(), String> {
        self.find_fault().map_err(|promise| self.tell(&promise))
    }

    fn find_fault(&mut self) -> Result<(), String> {
        let blocks = invariants::walk(self.heap.blocks(), self.brk.top())?;
        let last = blocks.last();
        let end = last.map(Seen::end);
        if self.refusals > 0 && last.is_some_and(|last| last.is_free) {
            self.keeps_its_end = end;
        }
        let start = self.brk.sim().start();
        let around = Around {
            start,
            brk: self.brk.top(),
            foreign: self.brk.foreign(),
            live: &self.live,
            keeps_its_end: end == self.keeps_its_end,
            came_again: self.brk.came_again(),
            denied: self.denied,
            could_shrink: self.has_freed && self.refusals == 0,
        };
        self.heap.check(&blocks, &around)?;
        for block in self.live.values() {
            block.check_itself()?;
        }
        for &(from, to) in &around.foreign {
            let from = start.as_ptr().with_addr(from);
            // SAFETY: what they took is memory under the break, and the heap
            // is at rest.
            let theirs = unsafe { Block::bytes(from, to - from.addr()) };
            if let Some(at) = difference(theirs, &[SimBrk::FOREIGN; PERIOD]) {
                return Err(format!(
                    "what somebody else took is theirs: byte {at} of {} at \
                     {from:p} was written to",
                    theirs.len(),
                ));
            }
        }
        Ok(())
    }
}

fn all_zero(bytes: &[u8]) -> Result<(), String> {
    match difference(bytes, &[0; PERIOD]) {
        None => Ok(()),
        Some(at) => Err(format!(
            "calloc returns zeroes: byte {at} of {} is {:#04x}",
            bytes.len(),
            bytes[at],
        )),
    }
}
