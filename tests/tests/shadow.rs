//! Random work on each heap, checked against its shadow.
//!
//! A failure names its seed. `MALLOC_SEED=17 cargo test -p tests --test
//! shadow` plays that seed alone, and `MALLOC_SEED=0..10000` all of these.

use std::env;
use std::ops::Range;
use std::ptr;

use stage1_bump::Heap;
use stage4_threadsafe::{LockedHeap, Mutex};
use stage5_lifo_stack::per_thread::holes::Holes;
use tests::shadow::{Allocator, Break, Demands, Memory, MemoryOfLarger, play};

/// The seeds to play: fewer where somebody waits, and under Miri, which is slow.
fn seeds() -> Range<u64> {
    let number = |text: &str| {
        text.parse().expect("MALLOC_SEED is a number, or two: 0..1000")
    };
    match env::var("MALLOC_SEED") {
        Ok(seeds) => match seeds.split_once("..") {
            Some((first, end)) => number(first)..number(end),
            None => number(&seeds)..number(&seeds) + 1,
        },
        Err(_) if cfg!(miri) => 2..4,
        Err(_) if env::var_os("CI").is_some() => 0..200,
        Err(_) => 0..60,
    }
}

/// How far the break can rise: mostly so little that memory runs out, and now
/// and then so much that it can rise and fall in large steps.
fn region(seed: u64) -> Break {
    let mut rng = fastrand::Rng::with_seed(seed);
    let len = match seed % 4 {
        3 if cfg!(miri) => 300 * 1024,
        3 => rng.usize(1024..=2048) * 1024,
        _ if cfg!(miri) => rng.usize(1..=4) * 1024,
        _ => rng.usize(1..=64) * 1024,
    };
    // Its start has no promised alignment.
    Break::starting_at(rng.usize(..64), len)
}

/// Room for a break that falls only when it falls by a megabyte.
fn large_region(seed: u64) -> Break {
    let mut rng = fastrand::Rng::with_seed(seed);
    let len = rng.usize(4..=8) * 1024 * 1024;
    Break::starting_at(rng.usize(..64), len)
}

/// A game has so many rounds.
const ROUNDS: usize = if cfg!(miri) { 40 } else { 400 };

/// Under Miri, fewer games of heaps that are nearly like others here, and shorter
/// ones.
fn fewer_seeds() -> impl Iterator<Item = u64> {
    seeds().step_by(if cfg!(miri) { 2 } else { 1 })
}

/// So many rounds has each of these.
const FEWER: usize = if cfg!(miri) { 10 } else { ROUNDS };

/// Plays a game for each seed, in a fresh heap.
fn play_all<A: Allocator>(heap: fn(Break) -> A, demands: Demands) {
    play_in(region, seeds(), ROUNDS, heap, demands);
}

fn play_in<A: Allocator>(
    region: fn(u64) -> Break,
    seeds: impl Iterator<Item = u64>,
    rounds: usize,
    heap: fn(Break) -> A,
    demands: Demands,
) {
    for seed in seeds {
        let brk = region(seed);
        if let Err(fault) = play(heap(brk.clone()), &brk, demands, seed, rounds)
        {
            panic!("{fault}");
        }
    }
}

#[test]
fn stage_1_keeps_its_promises() {
    play_all(Heap::new, Demands::STAGE_1);
}

#[test]
fn stage_2_keeps_its_promises() {
    play_all(stage2_headers::Heap::new, Demands::STAGE_2);
}

#[test]
fn stage_3_keeps_its_promises() {
    play_all(stage3_freelist::Heap::<_, 128>::new, Demands::STAGE_3);
}

#[test]
fn stage_3_with_few_lists_keeps_its_promises() {
    play_all(stage3_freelist::Heap::<_, 8>::new, Demands::STAGE_3);
}

#[test]
fn stage_3_with_one_list_keeps_its_promises() {
    play_all(stage3_freelist::Heap::<_, 1>::new, Demands::STAGE_3);
}

/// What is free at the end goes back, and is taken again. It takes large blocks,
/// and so fewer games.
#[test]
fn stage_3_with_large_blocks_keeps_its_promises() {
    let heap = stage3_freelist::Heap::<_, 128>::new;
    play_in(large_region, seeds().step_by(10), FEWER, heap, Demands::STAGE_3);
}

#[test]
fn stage_4_keeps_its_promises() {
    play_in(region, fewer_seeds(), FEWER, locked::<128>, Demands::STAGE_3);
}

#[test]
fn stage_4_with_one_list_keeps_its_promises() {
    play_in(region, fewer_seeds(), FEWER, locked::<1>, Demands::STAGE_3);
}

fn locked<const LISTS: usize>(brk: Break) -> LockedHeap<Break, LISTS> {
    LockedHeap::new(Mutex::new(stage4_threadsafe::Heap::new(brk)))
}

#[test]
fn stage_5_keeps_its_promises() {
    play_all(stage5_lifo_stack::Heap::<_, 4096>::new, Demands::STAGE_5);
}

#[test]
fn stage_5_with_64_chunks_keeps_its_promises() {
    let heap = stage5_lifo_stack::Heap::<_, 64>::new;
    play_in(region, fewer_seeds(), FEWER, heap, Demands::STAGE_5);
}

#[test]
fn stage_5_with_16_chunks_keeps_its_promises() {
    play_all(stage5_lifo_stack::Heap::<_, 16>::new, Demands::STAGE_5);
}

/// What is unused goes back, and is taken again. It takes large chunks, and so
/// fewer games.
#[test]
fn stage_5_with_large_chunks_keeps_its_promises() {
    let heap = stage5_lifo_stack::Heap::<_, 4096>::new;
    let demands = Demands { nested: true, ..Demands::STAGE_5 };
    play_in(large_region, seeds().step_by(10), FEWER, heap, demands);
}

/// Segments need more room than a break that rises by bytes.
fn stack_region(seed: u64) -> Break {
    let mut rng = fastrand::Rng::with_seed(seed);
    let len = match seed % 4 {
        3 => rng.usize(300..=900) * 1024,
        _ => rng.usize(8..=200) * 1024,
    };
    Break::starting_at(rng.usize(..64), len)
}

fn play_stack<const LISTS: bool, const HOLE: usize>(
    seeds: impl Iterator<Item = u64>,
    rounds: usize,
    demands: Demands,
) {
    let heap = |brk| Holes::<_, LISTS, HOLE>::new(Memory::new(brk));
    play_in(stack_region, seeds, rounds, heap, demands);
}

#[test]
fn stage_5_a_stack_in_segments_keeps_its_promises() {
    play_stack::<true, 16>(fewer_seeds(), ROUNDS, Demands::STACK);
}

/// There the lists of several sizes have something to do.
#[test]
fn stage_5_a_stack_in_larger_segments_keeps_its_promises() {
    let heap = |brk| Holes::<_>::new(MemoryOfLarger::new(brk));
    let demands = Demands { overhead: 3 * 65536, ..Demands::STACK };
    let region = |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        Break::starting_at(rng.usize(..64), rng.usize(200..=2000) * 1024)
    };
    play_in(region, seeds().step_by(2), FEWER, heap, demands);
}

#[test]
fn stage_5_a_stack_in_segments_keeps_its_promises_when_calls_nest() {
    play_stack::<true, 16>(
        fewer_seeds(),
        FEWER,
        Demands { nested: true, ..Demands::STACK },
    );
}

#[test]
fn stage_5_a_stack_with_short_lists_keeps_its_promises() {
    play_stack::<true, 128>(fewer_seeds(), FEWER, Demands::STACK);
}

#[test]
fn stage_5_a_stack_with_holes_alone_keeps_its_promises() {
    play_stack::<false, 16>(fewer_seeds(), FEWER, Demands::STACK);
}

#[test]
fn stage_5_a_stack_with_lists_alone_keeps_its_promises() {
    play_stack::<true, { 1 << 60 }>(fewer_seeds(), FEWER, Demands::STACK);
}

#[test]
fn stage_5_a_stack_without_additions_keeps_its_promises() {
    play_stack::<false, { 1 << 60 }>(fewer_seeds(), FEWER, Demands::STACK);
}

// That the shadow finds nothing proves nothing unless it can find something.
// So here is a heap with a fault of our choice.

#[derive(Clone, Copy, Debug)]
enum Fault {
    GivesABlockTwice,
    Misaligned,
    ForgetsTheAlignment,
    AboveTheBreak,
    NullWithoutNeed,
    LargeBecomesSmall,
    CallocOverflows,
    CallocLeavesBytes,
    ReallocLosesTheContents,
    ReallocFailsAndWrites,
    UsableSizeTooSmall,
    UsableSizeTooLarge,
    FreeWrites,
    WritesToWhatIsNotItsOwn,
}

struct Faulty {
    heap: Heap<Break>,
    brk: Break,
    fault: Fault,
    last: *mut u8,
    calls: usize,
}

impl Faulty {
    fn new(brk: &Break, fault: Fault) -> Self {
        let heap = Heap::new(brk.clone());
        Self { heap, brk: brk.clone(), fault, last: ptr::null_mut(), calls: 0 }
    }

    /// True at every seventh call: a fault that shows at once is no test.
    fn now(&mut self) -> bool {
        self.calls += 1;
        self.calls.is_multiple_of(7)
    }

    fn write_to_what_is_not_its_own(&mut self) {
        let sim = self.brk.sim();
        if let Some(&(from, _)) = sim.foreign().last() {
            // SAFETY: it is below the break; whose it is, is the point.
            unsafe { sim.start().add(from).write(0) };
        }
    }
}

impl Allocator for Faulty {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        if matches!(self.fault, Fault::WritesToWhatIsNotItsOwn) {
            self.write_to_what_is_not_its_own();
        }
        let now = self.now();
        match self.fault {
            Fault::GivesABlockTwice if now && size < 64 => self.last,
            Fault::Misaligned if now => self
                .heap
                .malloc(size.saturating_add(8))
                .map_addr(|addr| if addr == 0 { 0 } else { addr + 8 }),
            Fault::AboveTheBreak if now && size > 0 => {
                let used = self.brk.sim().used();
                let end = self.brk.sim().start().as_ptr().wrapping_add(used);
                end.map_addr(|addr| addr.next_multiple_of(16))
            }
            Fault::NullWithoutNeed if now => ptr::null_mut(),
            Fault::LargeBecomesSmall => self.heap.malloc(size & 0xFF),
            _ => {
                self.last = self.heap.malloc(size);
                self.last
            }
        }
    }

    unsafe fn free(&mut self, payload: *mut u8) {
        if matches!(self.fault, Fault::FreeWrites) && self.now() {
            let used = self.brk.sim().used();
            let bottom = self.brk.sim().start();
            // SAFETY: the heap is below the break, and what it writes there
            // is the point.
            unsafe { bottom.write_bytes(0xAA, used) };
        }
        // SAFETY: the caller's promise.
        unsafe { self.heap.free(payload) }
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let payload = match self.fault {
            Fault::CallocOverflows => {
                return self.heap.malloc(count.wrapping_mul(size));
            }
            _ => self.heap.calloc(count, size),
        };
        let bytes = count.wrapping_mul(size);
        let leaves = matches!(self.fault, Fault::CallocLeavesBytes);
        if leaves && !payload.is_null() && bytes > 0 {
            // SAFETY: the block has that many bytes.
            unsafe { payload.add(bytes - 1).write(1) };
        }
        payload
    }

    unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        if matches!(self.fault, Fault::ReallocLosesTheContents) {
            return self.heap.malloc(size);
        }
        // SAFETY: the caller's promise.
        let new = unsafe { self.heap.realloc(payload, size) };
        let writes = matches!(self.fault, Fault::ReallocFailsAndWrites);
        if writes && new.is_null() && !payload.is_null() {
            // SAFETY: a block of no bytes has one to tell it from others.
            unsafe { payload.write(0x55) };
        }
        new
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        match self.fault {
            Fault::ForgetsTheAlignment => self.heap.malloc(size),
            _ => self.heap.memalign(align, size),
        }
    }

    unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        match self.fault {
            Fault::UsableSizeTooSmall => 1,
            Fault::UsableSizeTooLarge => 1 << 20,
            // SAFETY: the caller's promise.
            _ => unsafe { self.heap.usable_size(payload) },
        }
    }
}

/// Each fault, and the promise that it breaks.
const FAULTS: [(Fault, &str); 14] = [
    (Fault::GivesABlockTwice, "blocks do not overlap"),
    (Fault::Misaligned, "a block starts at a multiple of 16"),
    (Fault::ForgetsTheAlignment, "a block starts at a multiple of"),
    (Fault::AboveTheBreak, "a block lies below the break"),
    (Fault::NullWithoutNeed, "null says that there is no memory"),
    (Fault::LargeBecomesSmall, "a block lies below the break"),
    (Fault::CallocOverflows, "a size that overflows gives null"),
    (Fault::CallocLeavesBytes, "calloc returns zeroes"),
    (Fault::ReallocLosesTheContents, "a block keeps its contents"),
    (Fault::ReallocFailsAndWrites, "a block keeps its contents"),
    (Fault::UsableSizeTooSmall, "the usable size is 0 or at least"),
    (Fault::UsableSizeTooLarge, "a block lies below the break"),
    (Fault::FreeWrites, "a block keeps its contents"),
    (Fault::WritesToWhatIsNotItsOwn, "what somebody else took is theirs"),
];

#[test]
#[cfg_attr(miri, ignore = "the faults would stop Miri")]
fn the_shadow_catches_each_planted_fault() {
    for (fault, promise) in FAULTS {
        // A fault needs the operation that shows it: some seed has it.
        let caught: Vec<String> = (0..40)
            .filter_map(|seed| {
                let brk = Break::new(32 * 1024);
                let heap = Faulty::new(&brk, fault);
                play(heap, &brk, Demands::STAGE_1, seed, 400).err()
            })
            .collect();
        // It may break another promise first: not in every game.
        assert!(
            caught.iter().any(|message| message.starts_with(promise)),
            "{fault:?} does not break the promise that {promise}: {caught:#?}"
        );
    }
}

#[test]
fn a_fault_is_told_with_the_operations_that_led_to_it() {
    let brk = Break::new(4096);
    let heap = Faulty::new(&brk, Fault::Misaligned);
    let demands = Demands { everything: false, ..Demands::STAGE_1 };
    let message = play(heap, &brk, demands, 1, 400).expect_err("a fault");
    let operations = message.lines().filter(|line| line.starts_with("    "));
    let mallocs = operations.filter(|line| line.contains("Malloc")).count();
    assert_eq!(mallocs, 7, "the seventh call is the faulty one: {message}");
}

#[test]
fn a_seed_names_the_same_game_each_time() {
    let game = || {
        let brk = Break::new(4096);
        let heap = Faulty::new(&brk, Fault::Misaligned);
        let demands = Demands { everything: false, ..Demands::STAGE_1 };
        let message = play(heap, &brk, demands, 3, 400).expect_err("a fault");
        // Addresses differ.
        message.split_once('\n').expect("a list").1.to_owned()
    };
    assert_eq!(game(), game());
}

/// A heap that is held to more than it can do: in the end memory runs out a
/// little before the break is at its limit.
#[test]
#[cfg_attr(miri, ignore = "the fault comes after too many steps for Miri")]
fn a_failure_shows_the_heap_and_the_last_operations() {
    let demands = Demands { overhead: 0, ..Demands::STAGE_3 };
    let message = (0..1000)
        .find_map(|seed| {
            let brk = Break::new(16 * 1024);
            let heap = stage3_freelist::Heap::<_, 128>::new(brk.clone());
            play(heap, &brk, demands, seed, 400).err()
        })
        .expect("a request for all that is left");
    let lines: Vec<&str> = message.lines().collect();
    assert!(lines[0].starts_with("null says that there is no"), "{message}");
    assert!(lines[1].starts_with("the heap: ["), "{message}");
    assert!(lines[2].contains(", the last 30 of "), "{message}");
    assert_eq!(lines.len(), 33, "three lines and the operations: {message}");
}
