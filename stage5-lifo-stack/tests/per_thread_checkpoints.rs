//! What is true of a stack for each thread, the good and the bad.

use std::env;
use std::mem::{self, MaybeUninit};
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use stage5_lifo_stack::SimBrk;
use stage5_lifo_stack::per_thread::holes::Holes;
use stage5_lifo_stack::per_thread::stack::{LARGEST, SLACK, STEP, Stack, mark};

const REGION: usize = 4 * STEP;

/// A break in it starts at a multiple of 4,096.
#[repr(align(4096))]
struct Region([MaybeUninit<u8>; REGION]);

fn region() -> Box<Region> {
    Box::new(Region([const { MaybeUninit::uninit() }; REGION]))
}

/// Room for a break that falls.
fn large_region() -> Vec<MaybeUninit<u8>> {
    vec![MaybeUninit::uninit(); 8 * SLACK]
}

type Default<'a> = Holes<SimBrk<'a>>;

// A stack for each thread.

#[test]
fn a_freed_chunk_at_the_top_is_used_again() {
    let mut region = region();
    let mut stack = Stack::new(SimBrk::new(&mut region.0));
    let a = stack.malloc(100);
    for _ in 0..1000 {
        let b = stack.malloc(100);
        assert_eq!(b.addr() - a.addr(), 112, "the place above a");
        // SAFETY: the chunk is live.
        unsafe { stack.free(b) };
    }
}

#[test]
fn eight_bytes_stand_in_front_of_a_chunk() {
    let mut region = region();
    let mut stack = Stack::new(SimBrk::new(&mut region.0));
    let sizes = [0, 8, 9, 24, 25, 40];
    let chunks = sizes.map(|size| stack.malloc(size));
    let places = chunks.map(|chunk| chunk.addr() - chunks[0].addr());
    assert_eq!(places, [0, 16, 32, 64, 96, 144], "bytes above the first");
    // SAFETY: the chunks are live.
    let usable = chunks.map(|chunk| unsafe { stack.usable_size(chunk) });
    assert_eq!(usable, [8, 8, 24, 24, 40, 40], "bytes that may be used");
}

#[test]
fn a_free_from_another_thread_is_a_mark() {
    let mut region = region();
    let mut stack = Stack::new(SimBrk::new(&mut region.0));
    let (a, b) = (stack.malloc(100), stack.malloc(100));
    // SAFETY: the chunk is live. Another thread needs no more than this.
    unsafe { mark(b) };
    assert_eq!(format!("{stack:?}"), "[104 used][104 marked][room]");
    assert!(stack.malloc(100) > b, "the owner has not looked yet");
    // SAFETY: as above.
    unsafe { mark(a) };
    assert_eq!(
        format!("{stack:?}"),
        "[104 marked][104 marked][104 used][room]"
    );
}

/// A chunk in the hands of a thread that has no stack.
struct Theirs(*mut u8);

// SAFETY: nobody else has it.
unsafe impl Send for Theirs {}

impl Theirs {
    /// Writes to the chunk, and frees it.
    fn write_and_free(self) {
        // SAFETY: the chunk is live, and has so many bytes.
        unsafe {
            self.0.write_bytes(2, 100);
            mark(self.0);
        }
    }
}

/// (Miri sees it if the owner writes where the other one may still be.)
#[test]
fn another_thread_frees_while_the_owner_works() {
    let rounds = if cfg!(miri) { 100 } else { 1000 };
    let mut region = region();
    let mut stack = Stack::new(SimBrk::new(&mut region.0));
    let (sender, receiver) = mpsc::sync_channel(3);
    thread::scope(|scope| {
        scope.spawn(|| receiver.into_iter().for_each(Theirs::write_and_free));
        for _ in 0..rounds {
            let (theirs, mine) = (stack.malloc(100), stack.malloc(100));
            // SAFETY: the chunks are live, and have so many bytes.
            unsafe {
                theirs.write_bytes(1, 100);
                mine.write_bytes(1, 100);
            }
            sender.send(Theirs(theirs)).expect("a receiver");
            // SAFETY: the chunk is live.
            unsafe { stack.free(mine) };
        }
        drop(sender);
    });
    let last = stack.malloc(1);
    // SAFETY: the chunk is live.
    unsafe { stack.free(last) };
    assert_eq!(format!("{stack:?}"), "[room]", "what is left");
}

#[test]
fn the_owner_pops_what_others_have_marked() {
    let mut region = region();
    let mut stack = Stack::new(SimBrk::new(&mut region.0));
    let chunks = [(); 10].map(|()| stack.malloc(100));
    for chunk in &chunks[..9] {
        // SAFETY: the chunk is live, and marked once.
        unsafe { mark(*chunk) };
    }
    // SAFETY: the chunk is live.
    unsafe { stack.free(chunks[9]) };
    assert_eq!(format!("{stack:?}"), "[room]", "what is left");
}

#[test]
fn what_others_have_marked_at_the_top_waits_for_a_pop() {
    let mut region = region();
    let mut stack = Stack::new(SimBrk::new(&mut region.0));
    for _ in 0..100 {
        // SAFETY: the chunk is live.
        unsafe { mark(stack.malloc(100)) };
    }
    let marked = stack.chunks().count() - 2;
    assert_eq!(marked, 100, "chunks that nobody has");
    let top = stack.malloc(100);
    // SAFETY: the chunk is live.
    unsafe { stack.free(top) };
    assert_eq!(format!("{stack:?}"), "[room]", "what is left");
}

#[test]
fn what_an_alignment_leaves_out_is_a_chunk_that_is_free_at_once() {
    let mut region = region();
    let mut stack = Stack::new(SimBrk::new(&mut region.0));
    let a = stack.malloc(8);
    let aligned = stack.memalign(1024, 8);
    assert_eq!(aligned.addr() % 1024, 0, "the address modulo 1,024");
    let filler = aligned.addr() - a.addr() - 16 - 8;
    assert_eq!(
        format!("{stack:?}"),
        format!("[8 used][{filler} marked][8 used][room]")
    );
    // SAFETY: the chunk is live.
    unsafe { stack.free(aligned) };
    assert_eq!(format!("{stack:?}"), "[8 used][room]");
}

#[test]
fn the_top_alone_grows_where_it_is() {
    let mut region = region();
    let mut stack = Stack::new(SimBrk::new(&mut region.0));
    let (a, b) = (stack.malloc(100), stack.malloc(100));
    // SAFETY: the chunks are live.
    unsafe {
        assert_eq!(stack.resize(b, 2 * STEP), Some(()), "the top");
        assert_eq!(stack.resize(b, 10), Some(()), "the top");
        assert_eq!(stack.resize(a, 50), Some(()), "a smaller size");
        assert_eq!(stack.resize(a, 105), None, "one byte too many");
    }
    assert_eq!(format!("{stack:?}"), "[104 used][24 used][room]");
}

#[test]
fn the_break_rises_by_64_kib() {
    let mut region = region();
    let mut stack = Stack::new(SimBrk::new(&mut region.0));
    for _ in 0..1000 {
        stack.malloc(40);
    }
    let brk = stack.brk();
    assert_eq!((brk.used(), brk.calls()), (64 * 1024, 1), "the break");
}

#[test]
#[cfg_attr(miri, ignore = "large chunks are slow under Miri")]
fn what_is_unused_goes_back_past_a_threshold() {
    let mut region = large_region();
    let mut stack = Stack::new(SimBrk::new(&mut region));
    let chunk = stack.malloc(3 * SLACK);
    let start = chunk.addr() - stack.brk().start().addr().get();
    // SAFETY: the chunk is live.
    unsafe { stack.free(chunk) };
    let unused = stack.brk().used() - start;
    assert!((SLACK..SLACK + 16).contains(&unused), "{unused} are kept");
    assert_eq!(stack.brk().calls(), 2, "up once and down once");
}

#[test]
#[cfg_attr(miri, ignore = "large chunks are slow under Miri")]
fn what_a_smaller_top_leaves_goes_back_too() {
    let mut region = large_region();
    let mut stack = Stack::new(SimBrk::new(&mut region));
    let chunk = stack.malloc(4 * SLACK);
    let start = chunk.addr() - stack.brk().start().addr().get();
    // SAFETY: the chunk is live.
    unsafe { stack.resize(chunk, 100) }.expect("a smaller size");
    let unused = stack.brk().used() - start - 112;
    assert!((SLACK..SLACK + 16).contains(&unused), "{unused} are kept");
}

#[test]
#[cfg_attr(miri, ignore = "large chunks are slow under Miri")]
fn a_swing_within_the_slack_asks_nobody() {
    let mut region = large_region();
    let mut stack = Stack::new(SimBrk::new(&mut region));
    for _ in 0..1000 {
        let chunk = stack.malloc(SLACK);
        // SAFETY: the chunk is live.
        unsafe { stack.free(chunk) };
    }
    assert_eq!(stack.brk().calls(), 1, "moves of the break");
}

#[test]
fn what_somebody_else_took_is_a_chunk_that_is_never_freed() {
    let mut region = region();
    let mut stack = Stack::new(SimBrk::new(&mut region.0));
    let a = stack.malloc(100);
    stack.brk().somebody_else_takes(100).expect("room for it");
    let b = stack.malloc(STEP);
    // SAFETY: the chunks are live.
    unsafe {
        stack.free(a);
        stack.free(b);
    }
    let left: Vec<bool> =
        stack.chunks().map(|chunk| chunk.start.addr() < b.addr()).collect();
    assert_eq!(left, [true, true, true, false], "ground, a, theirs, the room");
    assert!(stack.brk().foreign_is_intact());
}

#[test]
fn a_size_that_the_record_cannot_hold_is_refused() {
    let mut region = region();
    let mut stack = Stack::new(SimBrk::new(&mut region.0));
    for size in [LARGEST + 1, usize::MAX] {
        assert!(stack.malloc(size).is_null(), "{size} bytes");
        assert!(stack.memalign(64, size).is_null(), "{size} bytes");
        assert!(stack.memalign(1 << 40, 8).is_null(), "such an alignment");
    }
    assert_eq!(stack.brk().calls(), 0, "moves of the break");
}

#[test]
fn an_overflow_damages_the_record_above() {
    let mut region = region();
    let mut stack = Stack::new(SimBrk::new(&mut region.0));
    let (a, b) = (stack.malloc(24), stack.malloc(24));
    // SAFETY: the chunk is live.
    assert_eq!(unsafe { stack.usable_size(b) }, 24, "as it was given");
    // SAFETY: none: `a` has 24 bytes. (What lies above is the stack's.)
    unsafe { a.add(24).write_bytes(1, 8) };
    // SAFETY: the chunk is live.
    let usable = unsafe { stack.usable_size(b) };
    assert_ne!(usable, 24, "after eight bytes too many in the one below");
}

// Holes.

/// Frees a chunk that lies deeper than what the stack may soon pop.
fn free_deep(heap: &mut Default, size: usize) -> *mut u8 {
    let chunk = heap.malloc(size);
    heap.malloc(4000);
    // SAFETY: the chunk is live.
    unsafe { heap.free(chunk) };
    chunk
}

#[test]
fn what_lies_near_the_top_is_marked_and_popped() {
    let mut region = region();
    let mut heap: Default = Holes::new(SimBrk::new(&mut region.0));
    let (a, b) = (heap.malloc(100), heap.malloc(1900));
    // SAFETY: the chunks are live.
    unsafe {
        heap.free(a);
        assert_eq!(format!("{heap:?}"), "[104 marked][1912 used][room]");
        heap.free(b);
    }
    assert_eq!(format!("{heap:?}"), "[room]", "what is left");
}

#[test]
fn a_chunk_freed_deep_is_used_again_by_size() {
    let mut region = region();
    let mut heap: Default = Holes::new(SimBrk::new(&mut region.0));
    let chunk = free_deep(&mut heap, 100);
    assert_eq!(format!("{heap:?}"), "[104 listed][4008 used][room]");
    assert_ne!(heap.malloc(72), chunk, "another size");
    assert_eq!(heap.malloc(89), chunk, "a size of the same list");
    assert_ne!(heap.malloc(89), chunk, "it is in use now");
}

#[test]
fn a_list_gives_out_first_what_it_got_last() {
    let mut region = region();
    let mut heap: Default = Holes::new(SimBrk::new(&mut region.0));
    let chunks = [(); 3].map(|()| heap.malloc(100));
    heap.malloc(4000);
    for chunk in chunks {
        // SAFETY: the chunk is live.
        unsafe { heap.free(chunk) };
    }
    let again = [(); 3].map(|()| heap.malloc(100));
    assert_eq!(again, [chunks[2], chunks[1], chunks[0]]);
}

#[test]
fn a_list_is_short_and_what_is_too_many_is_marked() {
    let mut region = region();
    let mut heap: Default = Holes::new(SimBrk::new(&mut region.0));
    let chunks = [(); 40].map(|()| heap.malloc(100));
    heap.malloc(4000);
    for chunk in chunks {
        // SAFETY: the chunk is live.
        unsafe { heap.free(chunk) };
    }
    // However often the list is used.
    for _ in 0..100 {
        let chunk = heap.malloc(100);
        // SAFETY: the chunk is live.
        unsafe { heap.free(chunk) };
    }
    let state = format!("{heap:?}");
    let counts = ["listed", "marked"].map(|it| state.matches(it).count());
    assert_eq!(counts, [32, 8], "listed and marked: {state}");
}

/// Frees a chunk that is too large for the lists, and pushes others until the
/// stack grows in its place.
fn grow_in_a_hole(heap: &mut Default) -> *mut u8 {
    let (hole, _guard) = (heap.malloc(10_000), heap.malloc(100));
    // SAFETY: the chunk is live.
    unsafe { heap.free(hole) };
    for _ in 0..REGION / 2000 {
        if heap.malloc(2000) == hole {
            return hole;
        }
    }
    panic!("the hole is not found: {heap:?}");
}

#[test]
fn a_hole_is_used_when_there_is_no_room() {
    let mut region = region();
    let mut heap: Default = Holes::new(SimBrk::new(&mut region.0));
    grow_in_a_hole(&mut heap);
    assert_eq!(heap.brk().calls(), 1, "moves of the break");
    let state = format!("{heap:?}");
    assert!(state.starts_with("[2008 used][room][104 used]"), "{state}");
}

#[test]
fn a_stack_that_is_done_with_a_hole_goes_on_at_the_end() {
    let mut region = region();
    let mut heap: Default = Holes::new(SimBrk::new(&mut region.0));
    let hole = grow_in_a_hole(&mut heap);
    while heap.malloc(1500).addr() < hole.addr() + 10_000 {}
    assert_eq!(heap.brk().calls(), 2, "moves of the break");
    let state = format!("{heap:?}");
    assert!(state.ends_with("[1512 used][room]"), "{state}");
}

/// A queue of 50: what comes in first is the first to go. Returns how far the
/// break is then.
fn break_after_a_queue<'a>(mut heap: impl Queue<'a>) -> usize {
    let mut queue = [(); 50].map(|()| heap.push(1500));
    for turn in 0..3000 {
        let first = mem::replace(&mut queue[turn % 50], heap.push(1500));
        heap.remove(first);
    }
    heap.used()
}

trait Queue<'a> {
    fn push(&mut self, size: usize) -> *mut u8;
    fn remove(&mut self, first: *mut u8);
    fn used(&mut self) -> usize;
}

impl<'a> Queue<'a> for Stack<SimBrk<'a>> {
    fn push(&mut self, size: usize) -> *mut u8 {
        self.malloc(size)
    }

    fn remove(&mut self, first: *mut u8) {
        // SAFETY: the chunk is live.
        unsafe { self.free(first) };
    }

    fn used(&mut self) -> usize {
        self.brk().used()
    }
}

impl<'a> Queue<'a> for Default<'a> {
    fn push(&mut self, size: usize) -> *mut u8 {
        self.malloc(size)
    }

    fn remove(&mut self, first: *mut u8) {
        // SAFETY: the chunk is live.
        unsafe { self.free(first) };
    }

    fn used(&mut self) -> usize {
        self.brk().used()
    }
}

#[test]
#[cfg_attr(miri, ignore = "a long queue is slow under Miri")]
fn a_pure_stack_grows_where_holes_do_not() {
    let mut region = large_region();
    let used = break_after_a_queue(Stack::new(SimBrk::new(&mut region)));
    let all = 3050 * 1520;
    assert!(used > all, "a pure stack: {used} for {all} pushed in all");

    let mut region = large_region();
    let heap: Default = Holes::new(SimBrk::new(&mut region));
    let used = break_after_a_queue(heap);
    assert!(used <= 3 * STEP, "with holes: {used} for {} live", 50 * 1520);
}

// What is noticed.

/// Runs `crime` in a process of its own, which must end with `line`.
#[track_caller]
fn ends_with(line: &str, name: &str, crime: fn(&mut Default)) {
    if env::var_os("CRIME").is_some() {
        let mut region = region();
        crime(&mut Holes::new(SimBrk::new(&mut region.0)));
        return;
    }
    let output = Command::new(env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env("CRIME", "now")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains(line), "{line:?} is not in {errors:?}");
    assert!(!output.status.success(), "it ended with {}", output.status);
}

const FREE_ALREADY: &str = "malloc: this block is free already: 0x";

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_double_free_is_noticed() {
    ends_with(FREE_ALREADY, "a_double_free_is_noticed", |heap| {
        let (a, _guard) = (heap.malloc(100), heap.malloc(100));
        // SAFETY: none: the second one is the crime.
        unsafe {
            heap.free(a);
            heap.free(a);
        }
    });
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_double_free_is_noticed_on_a_list() {
    ends_with(FREE_ALREADY, "a_double_free_is_noticed_on_a_list", |heap| {
        let chunk = free_deep(heap, 100);
        // SAFETY: none: this is the crime.
        unsafe { heap.free(chunk) };
    });
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_double_free_is_noticed_after_it_was_popped() {
    let name = "a_double_free_is_noticed_after_it_was_popped";
    ends_with(FREE_ALREADY, name, |heap| {
        let a = heap.malloc(100);
        // SAFETY: none: the second one is the crime.
        unsafe {
            heap.free(a);
            heap.free(a);
        }
    });
}

#[test]
fn a_double_free_is_not_noticed_once_it_has_a_new_owner() {
    let mut region = region();
    let mut heap: Default = Holes::new(SimBrk::new(&mut region.0));
    let mine = heap.malloc(100);
    // SAFETY: the chunk is live.
    unsafe { heap.free(mine) };
    let yours = heap.malloc(100);
    assert_eq!(yours, mine, "the same place");
    // SAFETY: none: it is not mine any more. Yours is free now.
    unsafe { heap.free(mine) };
    assert_eq!(format!("{heap:?}"), "[room]", "what is left");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod in_a_process {
    use stage5_lifo_stack::per_thread::threads::{calloc, free, malloc};

    use std::thread;

    use super::ends_with;

    const NO_BLOCK: &str = "malloc: this is no block of the heap: 0x";

    #[test]
    #[cfg_attr(miri, ignore = "Miri starts no process")]
    fn a_pointer_from_elsewhere_is_noticed() {
        let name = "in_a_process::a_pointer_from_elsewhere_is_noticed";
        ends_with(NO_BLOCK, name, |_| {
            let (mut local, a, _guard) = (0_u128, malloc(100), malloc(100));
            // SAFETY: the first one is right; the second one is the crime.
            unsafe {
                free(a);
                free((&raw mut local).cast());
            }
        });
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri starts no process")]
    fn a_pointer_into_a_block_is_noticed_if_no_block_can_start_there() {
        let name = "in_a_process::\
            a_pointer_into_a_block_is_noticed_if_no_block_can_start_there";
        ends_with(NO_BLOCK, name, |_| {
            let (a, _guard) = (malloc(100), malloc(100));
            // SAFETY: the block has 100 bytes: they could be records. The last
            // line is the crime.
            unsafe {
                a.write_bytes(0x40, 100);
                free(a.add(8));
            }
        });
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri starts no process")]
    fn a_pointer_into_a_block_is_noticed_if_no_record_stands_there() {
        let name = "in_a_process::\
            a_pointer_into_a_block_is_noticed_if_no_record_stands_there";
        ends_with(NO_BLOCK, name, |_| {
            let (a, _guard) = (calloc(1, 100), malloc(100));
            // SAFETY: none: this is the crime.
            unsafe { free(a.add(32)) };
        });
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri starts no process")]
    fn a_block_that_two_threads_free_is_noticed() {
        let name = "in_a_process::a_block_that_two_threads_free_is_noticed";
        let line = super::FREE_ALREADY;
        ends_with(line, name, |_| {
            let (a, _guard) = (malloc(100).expose_provenance(), malloc(100));
            let free_it = move || {
                let a = std::ptr::with_exposed_provenance_mut(a);
                // SAFETY: the second time none: this is the crime.
                unsafe { free(a) };
            };
            thread::spawn(free_it).join().unwrap();
            free_it();
        });
    }
}
