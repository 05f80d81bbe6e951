//! Random work on each heap, checked against its shadow.
//!
//! A failure names its seed. `MALLOC_SEED=17 cargo test -p tests --test
//! shadow` plays that seed alone.

use std::env;
use std::ops::Range;
use std::ptr;

use stage1_bump::Heap;
use tests::shadow::{Allocator, Break, Demands, play};

/// What a heap of stage 1 is held to.
const STAGE_1: Demands = Demands { align: 16, overhead: 16, everything: true };

/// The seeds to play: fewer under Miri, which is slow.
fn seeds() -> Range<u64> {
    match env::var("MALLOC_SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("MALLOC_SEED is a number");
            seed..seed + 1
        }
        Err(_) => 0..if cfg!(miri) { 6 } else { 100 },
    }
}

/// How far the break can rise: so little in some games that the heap runs out.
fn region(seed: u64) -> usize {
    let most = if cfg!(miri) { 4 } else { 64 };
    fastrand::Rng::with_seed(seed).usize(1..=most) * 1024
}

fn rounds() -> usize {
    if cfg!(miri) { 60 } else { 400 }
}

#[test]
fn stage_1_keeps_its_promises() {
    for seed in seeds() {
        let brk = Break::new(region(seed));
        let heap = Heap::new(brk.clone());
        if let Err(fault) = play(heap, &brk, STAGE_1, seed, rounds()) {
            panic!("MALLOC_SEED={seed}: {fault}");
        }
    }
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
                play(heap, &brk, STAGE_1, seed, 400).err()
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
    let demands = Demands { everything: false, ..STAGE_1 };
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
        let demands = Demands { everything: false, ..STAGE_1 };
        let message = play(heap, &brk, demands, 3, 400).expect_err("a fault");
        // Addresses differ.
        message.split_once('\n').expect("a list").1.to_owned()
    };
    assert_eq!(game(), game());
}
