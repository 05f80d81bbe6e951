//! What the soak does, and that it finds what is wrong.

use std::cell::Cell;
use std::ptr;
use std::time::Duration;

use tests::invariants::{Around, Seen};
use tests::shadow::{Allocator, Break, Demands};
use tests::soak::{Limit, TURNS, Turn, play_one, round, soak, turn_of};

type Heap = stage3_freelist::Heap<Break, 128>;

/// What is wrong with a heap.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    LosesABlock,
    GivesABlockTwice,
    WritesIntoABlock,
    CallocLeavesAByte,
}

/// A heap of stage 3 with a fault at every thousandth call. It shows what is
/// inside only if it is `open`.
struct Faulty {
    heap: Heap,
    fault: Fault,
    is_open: bool,
    every: usize,
    calls: Cell<usize>,
    last: *mut u8,
}

impl Faulty {
    fn new(brk: Break, fault: Fault) -> Self {
        let (calls, last) = (Cell::new(0), ptr::null_mut());
        let heap = Heap::new(brk);
        Self { heap, fault, is_open: true, every: 1000, calls, last }
    }

    fn now(&self) -> bool {
        self.calls.set(self.calls.get() + 1);
        self.calls.get().is_multiple_of(self.every)
    }
}

impl Allocator for Faulty {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        let now = self.now();
        match self.fault {
            Fault::GivesABlockTwice if now => return self.last,
            // SAFETY: it is a block. Whether anybody uses it, is the point.
            Fault::WritesIntoABlock if now && !self.last.is_null() => unsafe {
                self.last.write(!self.last.read());
            },
            _ => (),
        }
        let block = self.heap.malloc(size);
        if !block.is_null() && size > 0 {
            self.last = block;
        }
        block
    }

    unsafe fn free(&mut self, payload: *mut u8) {
        if payload == self.last {
            self.last = ptr::null_mut();
        }
        if matches!(self.fault, Fault::LosesABlock) && self.now() {
            return;
        }
        // SAFETY: the caller's promise.
        unsafe { self.heap.free(payload) }
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let block = self.heap.calloc(count, size);
        let leaves = matches!(self.fault, Fault::CallocLeavesAByte);
        if leaves && !block.is_null() && count * size > 0 && self.now() {
            // SAFETY: the block has that many bytes.
            unsafe { block.add(count * size - 1).write(1) };
        }
        block
    }

    unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        if payload == self.last {
            self.last = ptr::null_mut();
        }
        // SAFETY: the caller's promise.
        unsafe { self.heap.realloc(payload, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.heap.memalign(align, size)
    }

    unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        // SAFETY: the caller's promise.
        unsafe { self.heap.usable_size(payload) }
    }

    fn blocks(&self) -> Box<dyn Iterator<Item = Seen> + '_> {
        Allocator::blocks(&self.heap)
    }

    fn check(&self, blocks: &[Seen], around: &Around) -> Result<(), String> {
        if !self.is_open {
            return Ok(());
        }
        self.heap.check(blocks, around)
    }
}

const STEPS: usize = 10_000;

const LIMIT: Limit = Limit::Again(2, 640 * 1024);

/// What the round of a seed finds in a heap.
fn fault_of(seed: u64, heap: fn(Break) -> Faulty) -> Option<String> {
    let name = format!("round {seed}");
    round(name, seed, heap, Demands::STAGE_3, STEPS, LIMIT).err()
}

/// One of the rounds has to find that this promise is broken.
#[track_caller]
fn expect(broken: &str, heap: fn(Break) -> Faulty) {
    let faults = (0..40).filter_map(|seed| fault_of(seed, heap));
    let mut others = Vec::new();
    for fault in faults {
        if fault.starts_with(broken) {
            return;
        }
        others.push(fault);
    }
    panic!("no round of 40 tells that {broken}: {others:#?}");
}

#[test]
fn a_heap_without_a_fault_passes() {
    let heap = |brk| Faulty::new(brk, Fault::None);
    for seed in 0..4 {
        assert_eq!(fault_of(seed, heap), None, "seed {seed}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "the fault comes after too many steps for Miri")]
fn the_books_tell_of_a_block_that_was_lost() {
    let broken = "blocks in use are those that are live";
    expect(broken, |brk| Faulty::new(brk, Fault::LosesABlock));
}

/// Of a heap that shows nothing of its inside.
#[test]
#[cfg_attr(miri, ignore = "the fault comes after too many steps for Miri")]
fn the_limit_tells_of_blocks_that_were_lost() {
    expect("a heap keeps to its limit", |brk| Faulty {
        is_open: false,
        every: 2,
        ..Faulty::new(brk, Fault::LosesABlock)
    });
}

#[test]
#[cfg_attr(miri, ignore = "the fault comes after too many steps for Miri")]
fn a_block_that_two_have_is_found() {
    let heap = |brk| Faulty::new(brk, Fault::GivesABlockTwice);
    expect("blocks do not overlap", heap);
}

#[test]
#[cfg_attr(miri, ignore = "the fault comes after too many steps for Miri")]
fn a_byte_that_the_heap_has_changed_is_found() {
    let heap = |brk| Faulty::new(brk, Fault::WritesIntoABlock);
    expect("a block keeps its contents", heap);
}

#[test]
#[cfg_attr(miri, ignore = "the fault comes after too many steps for Miri")]
fn a_byte_that_calloc_has_left_is_found() {
    let heap = |brk| Faulty::new(brk, Fault::CallocLeavesAByte);
    expect("calloc returns zeroes", heap);
}

/// Of eleven seeds in a row that have short rounds.
const SHORT: u64 = 20261566;

#[test]
fn a_seed_is_the_same_round_each_time_if_it_has_one_thread() {
    let (every, rounds) = if cfg!(miri) { (3, 3) } else { (1, 8) };
    let mut digests = Vec::new();
    for seed in (SHORT..SHORT + TURNS.len() as u64).step_by(every) {
        let turn = turn_of(seed);
        if turn.has_threads {
            continue;
        }
        let play = || play_one(seed, |_| ()).expect("no fault");
        let (one, other) = (play(), play());
        assert_eq!(one, other, "seed {seed}");
        let digest = one.digest.expect("a digest");
        assert!(!digests.contains(&digest), "{digest} of {seed}: {digests:?}");
        digests.push(digest);
    }
    assert_eq!(digests.len(), rounds, "rounds of one thread: {digests:?}");
}

#[test]
fn each_heap_has_its_turn_however_short_the_time() {
    let mut said = Vec::new();
    let steps = soak(SHORT, Duration::ZERO, |line| said.push(line.to_owned()));
    steps.expect("no fault");
    for turn in TURNS {
        let name = format!(", {}", turn.name);
        let is_told = said.iter().any(|line| line.ends_with(&name));
        assert!(is_told, "{} had no turn: {said:#?}", turn.name);
    }
}

/// Two hours of rounds came to this one. While `realloc` moves the only block,
/// the old one is in the heap beside the new, and was asked for.
#[test]
#[cfg_attr(miri, ignore = "the fault comes after too many steps for Miri")]
fn what_realloc_moves_is_asked_for_twice() {
    let is_stage_2 = |turn: &&Turn| turn.name == "stage 2";
    let turn = TURNS.iter().find(is_stage_2).expect("its turn");
    let played = (turn.play)("stage 2".to_owned(), 20_263_453);
    assert_eq!(played.err(), None);
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod threads {
    use std::collections::BTreeMap;
    use std::process;
    use std::ptr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tests::shadow::Block;
    use tests::soak::threads::{
        MostUsed, PER_THREAD, STAGE_4, Shared, round, with_per_thread,
        with_stage_4,
    };

    /// What is wrong with a heap that threads share.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Fault {
        LosesABlock,
        NoMemoryInAChild,
        DiesInAChild,
    }

    /// A heap with a fault at every thousandth call.
    struct Faulty<'a, H> {
        heap: &'a H,
        fault: Fault,
        calls: AtomicUsize,
        parent: u32,
    }

    impl<H> Faulty<'_, H> {
        fn now(&self, fault: Fault) -> bool {
            self.fault == fault
                && self.calls.fetch_add(1, Ordering::Relaxed) % 1000 == 999
        }
    }

    impl<H: Shared> Shared for Faulty<'_, H> {
        fn malloc(&self, size: usize) -> *mut u8 {
            if process::id() != self.parent {
                match self.fault {
                    Fault::NoMemoryInAChild => return ptr::null_mut(),
                    Fault::DiesInAChild => process::abort(),
                    _ => (),
                }
            }
            self.heap.malloc(size)
        }

        unsafe fn free(&self, payload: *mut u8) {
            if !self.now(Fault::LosesABlock) {
                // SAFETY: the caller's promise.
                unsafe { self.heap.free(payload) };
            }
        }

        fn calloc(&self, count: usize, size: usize) -> *mut u8 {
            self.heap.calloc(count, size)
        }

        unsafe fn realloc(&self, payload: *mut u8, size: usize) -> *mut u8 {
            // SAFETY: the caller's promise.
            unsafe { self.heap.realloc(payload, size) }
        }

        fn memalign(&self, align: usize, size: usize) -> *mut u8 {
            self.heap.memalign(align, size)
        }

        unsafe fn usable_size(&self, payload: *mut u8) -> usize {
            // SAFETY: the caller's promise.
            unsafe { self.heap.usable_size(payload) }
        }

        fn check(
            &self,
            live: Option<&BTreeMap<usize, Block>>,
        ) -> Result<(), String> {
            self.heap.check(live)
        }

        fn used(&self) -> usize {
            self.heap.used()
        }
    }

    /// What the round of a seed finds in a heap with this fault.
    fn fault_of<H: Shared>(
        seed: u64,
        heap: &H,
        fault: Fault,
        most_used: MostUsed,
    ) -> Option<String> {
        let (calls, parent) = (AtomicUsize::new(0), process::id());
        let heap = Faulty { heap, fault, calls, parent };
        round(seed, &heap, false, most_used).err()
    }

    /// What the first round tells that finds something.
    fn first_fault(fault: Fault) -> String {
        let play =
            |seed| with_stage_4(|heap| fault_of(seed, heap, fault, STAGE_4));
        (0..10).find_map(play).expect("a fault in one of ten rounds")
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri starts no process")]
    fn a_block_that_threads_have_lost_is_found() {
        let fault = first_fault(Fault::LosesABlock);
        let broken = "blocks in use are those that are live";
        assert!(fault.contains(broken), "{fault}");
    }

    /// What is lost stays lost in this process, and is nobody's in later rounds.
    #[test]
    #[cfg_attr(miri, ignore = "Miri starts no process")]
    fn a_block_that_is_lost_on_a_threads_own_stack_is_found() {
        let fault = |seed| {
            let fault = with_per_thread(|heap| {
                Ok(fault_of(seed, heap, Fault::LosesABlock, PER_THREAD))
            });
            fault.expect("nothing is wrong before the round")
        };
        for seed in 0..3 {
            let fault = fault(seed).expect("a fault");
            let broken = "at check 1: blocks in use are those that are live";
            assert!(fault.starts_with(broken), "seed {seed}: {fault}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri starts no process")]
    fn what_goes_wrong_in_a_child_is_told() {
        let fault = first_fault(Fault::NoMemoryInAChild);
        let broken = "in a child: null says that there is no memory";
        assert!(fault.contains(broken), "{fault}");
        let fault = first_fault(Fault::DiesInAChild);
        assert!(fault.contains("a child ended by signal 6"), "{fault}");
    }
}
