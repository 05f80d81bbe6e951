//! What is true of stage 5, the good and the bad.

use std::env;
use std::mem::MaybeUninit;
use std::process::Command;
use std::thread;

use stage5_lifo_stack::heap::{Chunk, DEFAULT, SLACK, STEP};
use stage5_lifo_stack::{LockedHeap, Mutex, SimBrk};

type Heap<B, const CHUNKS: usize = DEFAULT> =
    stage5_lifo_stack::Heap<B, CHUNKS>;

const REGION: usize = 64 * 1024;

/// A break in it starts at a multiple of 4,096.
#[repr(align(4096))]
struct Region([MaybeUninit<u8>; REGION]);

fn region() -> Box<Region> {
    Box::new(Region([const { MaybeUninit::uninit() }; REGION]))
}

/// Room for a break that falls.
fn large_region() -> Box<[MaybeUninit<u8>]> {
    Box::new_uninit_slice(8 * SLACK)
}

/// Where a break starts that is a multiple of 16, so that nothing is left out in
/// front of the first chunk.
fn aligned(region: &mut [MaybeUninit<u8>]) -> &mut [MaybeUninit<u8>] {
    let skipped = region.as_ptr().align_offset(16);
    &mut region[skipped..]
}

// What comes back.

#[test]
fn a_freed_chunk_at_the_top_is_used_again() {
    let mut region = region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    let a = heap.malloc(100);
    for _ in 0..1000 {
        let b = heap.malloc(100);
        assert_eq!(b.addr() - a.addr(), 112, "the place above a");
        // SAFETY: the chunk is live.
        unsafe { heap.free(b) };
    }
}

#[test]
fn nested_calls_leave_nothing_behind() {
    fn call(heap: &mut Heap<SimBrk>, depth: usize) {
        let (m1, m2) = (heap.malloc(100), heap.malloc(50));
        if depth > 1 {
            call(heap, depth - 1);
        }
        // SAFETY: the chunks are live.
        unsafe {
            heap.free(m2);
            heap.free(m1);
        }
    }

    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    call(&mut heap, 50);
    assert_eq!(format!("{heap:?}"), "", "the chunks that are left");
}

#[test]
fn the_order_within_a_function_does_not_matter() {
    let mut region = region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    let (m1, m2) = (heap.malloc(100), heap.malloc(50));
    // SAFETY: the chunks are live.
    unsafe {
        heap.free(m1);
        assert_eq!(format!("{heap:?}"), "[100 free][50 used]");
        heap.free(m2);
    }
    assert_eq!(format!("{heap:?}"), "", "the chunks that are left");
}

#[test]
fn a_chunk_under_a_live_one_waits() {
    let mut region = region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    let (a, b) = (heap.malloc(100), heap.malloc(100));
    // SAFETY: the chunk is live.
    unsafe { heap.free(a) };
    let c = heap.malloc(100);
    assert!(a < b && b < c, "{c:p} lies above {b:p}, and {a:p} is free");
    assert_eq!(format!("{heap:?}"), "[100 free][100 used][100 used]");
}

#[test]
fn one_live_chunk_pins_all_below_it() {
    let mut region = region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    let chunks: Vec<_> = (0..100).map(|_| heap.malloc(100)).collect();
    let pin = heap.malloc(1);
    for chunk in chunks {
        // SAFETY: the chunk is live, and freed once.
        unsafe { heap.free(chunk) };
    }
    let free = heap.chunks().iter().filter(|chunk| chunk.free).count();
    assert_eq!(free, 100, "free chunks that nobody can have");
    // SAFETY: the chunk is live.
    unsafe { heap.free(pin) };
    assert_eq!(format!("{heap:?}"), "", "the chunks that are left");
}

#[test]
fn padding_comes_back_with_its_chunk() {
    let mut region = region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    let a = heap.malloc(16);
    let aligned = heap.memalign(1024, 16);
    assert_eq!(aligned.addr() - a.addr(), 1024);
    // SAFETY: the chunk is live.
    unsafe { heap.free(aligned) };
    assert_eq!(heap.malloc(16).addr() - a.addr(), 16);
}

// In place.

#[test]
fn realloc_of_the_top_stays_where_it_is() {
    let mut region = region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    let top = heap.malloc(16);
    for size in (1..50_000).step_by(1000).chain([10]) {
        // SAFETY: the chunk is live.
        let resized = unsafe { heap.realloc(top, size) };
        assert_eq!(resized, top, "where it was, with {size} bytes");
    }
    assert_eq!(format!("{heap:?}"), "[10 used]");
}

#[test]
fn realloc_moves_what_lies_under_another_chunk() {
    let mut region = region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    let (a, _b) = (heap.malloc(100), heap.malloc(100));
    // SAFETY: the chunk is live.
    unsafe {
        assert_eq!(heap.realloc(a, 50), a, "a smaller size stays");
        assert_ne!(heap.realloc(a, 101), a, "a larger one goes to the top");
    }
    assert_eq!(format!("{heap:?}"), "[100 free][100 used][101 used]");
}

// The array.

#[test]
fn a_full_array_is_like_no_memory() {
    let mut region = region();
    // One of the four is what lies below the heap.
    let mut heap: Heap<_, 4> = Heap::new(SimBrk::new(&mut region.0));
    let chunks = [(); 3].map(|()| heap.malloc(100));
    assert!(chunks.iter().all(|chunk| !chunk.is_null()), "{chunks:?}");
    let (used, calls) = (heap.brk().used(), heap.brk().calls());

    assert!(heap.malloc(100).is_null(), "a fourth chunk");
    assert!(heap.malloc(2 * STEP).is_null(), "a large one");
    // SAFETY: the chunk is live.
    assert!(unsafe { heap.realloc(chunks[0], 101) }.is_null(), "one to move");
    assert_eq!(format!("{heap:?}"), "[100 used][100 used][100 used]");
    let after = (heap.brk().used(), heap.brk().calls());
    assert_eq!(after, (used, calls), "the break, and how often it moved");

    // SAFETY: the chunk is live.
    unsafe { heap.free(chunks[2]) };
    assert_eq!(heap.malloc(100), chunks[2], "there is room again");
}

#[test]
fn free_chunks_under_a_live_one_fill_the_array() {
    let mut region = region();
    let mut heap: Heap<_, 4> = Heap::new(SimBrk::new(&mut region.0));
    let chunks = [(); 3].map(|()| heap.malloc(100));
    // SAFETY: the chunks are live.
    unsafe {
        heap.free(chunks[0]);
        heap.free(chunks[1]);
    }
    assert!(heap.malloc(100).is_null(), "two chunks are free, and no room");
}

#[test]
fn an_overflow_damages_no_record() {
    let mut region = region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    let (a, b) = (heap.malloc(100), heap.malloc(100));
    // SAFETY: none: `a` has 100 bytes. (The break is further up.)
    unsafe { a.write_bytes(255, 1000) };
    // SAFETY: the chunks are live.
    unsafe {
        heap.free(b);
        heap.free(a);
    }
    assert_eq!(format!("{heap:?}"), "", "the chunks that are left");
}

// The break.

#[test]
fn the_break_rises_by_five_pages() {
    let mut region = region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    for _ in 0..100 {
        heap.malloc(100);
    }
    assert_eq!(heap.brk().used(), 5 * 4096, "11,200 bytes in one step");
    assert_eq!(heap.brk().calls(), 1, "moves of the break");
}

#[test]
fn a_large_chunk_raises_the_break_by_what_it_needs() {
    let mut region = region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    heap.malloc(2 * STEP);
    assert_eq!(heap.brk().used(), 2 * STEP + 16, "its size and alignment");
}

#[test]
fn what_is_unused_goes_back_past_a_threshold() {
    let mut region = large_region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(aligned(&mut region)));
    let chunk = heap.malloc(3 * SLACK);
    let start = chunk.addr() - heap.brk().start().addr().get();
    // SAFETY: the chunk is live.
    unsafe { heap.free(chunk) };
    assert_eq!(heap.brk().used(), start + SLACK, "the break");
    assert_eq!(heap.brk().calls(), 2, "up once and down once");
}

#[test]
fn a_swing_within_the_slack_asks_nobody() {
    let mut region = large_region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(aligned(&mut region)));
    let most = heap.malloc(SLACK);
    // SAFETY: the chunk is live.
    unsafe { heap.free(most) };
    let calls = heap.brk().calls();
    for _ in 0..1000 {
        let chunk = heap.malloc(SLACK);
        // SAFETY: the chunk is live.
        unsafe { heap.free(chunk) };
    }
    assert_eq!(heap.brk().calls(), calls, "moves of the break");
}

#[test]
fn what_somebody_else_took_is_a_chunk_that_is_never_freed() {
    let mut region = region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    let a = heap.malloc(16);
    heap.brk().somebody_else_takes(100).unwrap();
    let b = heap.malloc(2 * STEP);
    assert_eq!(format!("{heap:?}"), "[16 used][theirs][40960 used]");
    // SAFETY: the chunks are live.
    unsafe {
        heap.free(a);
        heap.free(b);
    }
    assert_eq!(format!("{heap:?}"), "[16 free][theirs]", "what is below waits");
    assert_eq!(heap.malloc(16), b, "above theirs");
    assert!(heap.brk().foreign_is_intact());
}

#[test]
fn what_somebody_else_took_needs_room_in_the_array() {
    let mut region = region();
    let mut heap: Heap<_, 4> = Heap::new(SimBrk::new(&mut region.0));
    let (_a, b) = (heap.malloc(16), heap.malloc(16));
    heap.brk().somebody_else_takes(100).unwrap();
    let used = heap.brk().used();
    assert!(heap.malloc(2 * STEP).is_null(), "room for one record, not two");
    assert_eq!(heap.brk().used(), used, "the break");
    // SAFETY: the chunk is live.
    unsafe { heap.free(b) };
    assert!(!heap.malloc(2 * STEP).is_null(), "room for two");
    assert_eq!(format!("{heap:?}"), "[16 used][theirs][40960 used]");
}

// What it costs.

#[test]
fn one_byte_costs_16_and_a_record_of_24() {
    let mut region = region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    let (a, b) = (heap.malloc(1), heap.malloc(1));
    assert_eq!(b.addr() - a.addr(), 16, "nothing lies between chunks");
    assert_eq!(size_of::<Chunk>(), 24, "bytes of a record, in the array");
}

#[test]
fn calloc_clears_what_is_fresh_too() {
    let mut region = region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    let a = heap.malloc(100);
    // SAFETY: none, but for this test: the bytes above the top are below the
    // break, and nobody's.
    unsafe { a.write_bytes(7, 1000) };
    let b = heap.calloc(1, 100);
    // SAFETY: the chunk has 100 bytes.
    let bytes = unsafe { std::slice::from_raw_parts(b, 100) };
    assert_eq!(bytes, [0; 100]);
}

// What the array notices.

/// Runs `crime` in a process of its own, which must end with `line`.
#[track_caller]
fn ends_with(line: &str, name: &str, crime: fn(&mut Heap<SimBrk>)) {
    if env::var_os("CRIME").is_some() {
        let mut region = region();
        crime(&mut Heap::new(SimBrk::new(&mut region.0)));
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

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_chunk_freed_twice_is_noticed() {
    let line = "malloc: this block is free already: 0x";
    ends_with(line, "a_chunk_freed_twice_is_noticed", |heap| {
        let (a, _guard) = (heap.malloc(100), heap.malloc(1));
        // SAFETY: none: the second one is the crime.
        unsafe {
            heap.free(a);
            heap.free(a);
        }
    });
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_chunk_freed_twice_is_noticed_after_it_was_popped() {
    let line = "malloc: this is no block of the heap: 0x";
    let name = "a_chunk_freed_twice_is_noticed_after_it_was_popped";
    ends_with(line, name, |heap| {
        let a = heap.malloc(100);
        // SAFETY: none: the second one is the crime.
        unsafe {
            heap.free(a);
            heap.free(a);
        }
    });
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_pointer_from_elsewhere_is_noticed() {
    let line = "malloc: this is no block of the heap: 0x";
    ends_with(line, "a_pointer_from_elsewhere_is_noticed", |heap| {
        heap.malloc(100);
        let mut local = 0_u128;
        // SAFETY: none: this is the crime.
        unsafe { heap.free((&raw mut local).cast()) };
    });
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_pointer_into_a_chunk_is_noticed() {
    let line = "malloc: this is no block of the heap: 0x";
    ends_with(line, "a_pointer_into_a_chunk_is_noticed", |heap| {
        let a = heap.malloc(100);
        // SAFETY: none: this is the crime.
        unsafe { heap.free(a.add(16)) };
    });
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_pointer_to_what_somebody_else_took_is_noticed() {
    let line = "malloc: this is no block of the heap: 0x";
    let name = "a_pointer_to_what_somebody_else_took_is_noticed";
    ends_with(line, name, |heap| {
        let a = heap.malloc(64);
        heap.brk().somebody_else_takes(48).unwrap();
        heap.malloc(2 * STEP);
        // SAFETY: none: it is where the break was before they took it.
        unsafe { heap.free(a.add(STEP)) };
    });
}

#[test]
fn a_chunk_freed_twice_is_not_noticed_once_it_has_a_new_owner() {
    let mut region = region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    let mine = heap.malloc(100);
    // SAFETY: the chunk is live.
    unsafe { heap.free(mine) };
    let yours = heap.malloc(100);
    assert_eq!(yours, mine, "the same place");
    // SAFETY: none: it is not mine any more. Yours is free now.
    unsafe { heap.free(mine) };
    assert_eq!(format!("{heap:?}"), "", "the chunks that are left");
}

// Threads.

#[test]
fn threads_pin_each_others_chunks() {
    let mut region = region();
    let heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    let heap = LockedHeap::new(Mutex::new(heap));
    let mine = heap.malloc(100);
    thread::scope(|scope| {
        scope.spawn(|| assert!(!heap.malloc(100).is_null()));
    });
    // SAFETY: the chunk is live.
    unsafe { heap.free(mine) };
    let state = format!("{:?}", heap.heap.lock());
    assert_eq!(state, "[100 free][100 used]", "mine waits for theirs");
}
