//! The exercises of this stage: a test for each, which fails until the
//! exercise is done.
//!
//! They are ignored here. `cargo run -- practice` makes a copy of the stage in
//! which they are not.

use std::env;
use std::fs;
use std::mem::MaybeUninit;
use std::process::{self, Command, ExitStatus};
use std::slice;

use stage3_freelist::SimBrk;
use stage3_freelist::heap::DEFAULT;

type Heap<B, const LISTS: usize = DEFAULT> = stage3_freelist::Heap<B, LISTS>;

/// Less than a step: the break rises by what is needed and no more.
const REGION: usize = 100 * 1024;

#[repr(align(4096))]
struct Region([MaybeUninit<u8>; REGION]);

fn region() -> Box<Region> {
    Box::new(Region([const { MaybeUninit::uninit() }; REGION]))
}

/// All of the first `size` bytes of a block must be `byte`.
///
/// # Safety
///
/// `block` has `size` bytes, all written.
#[track_caller]
unsafe fn expect_filled(what: &str, block: *mut u8, size: usize, byte: u8) {
    // SAFETY: as the caller promises.
    let bytes = unsafe { slice::from_raw_parts(block, size) };
    if let Some(at) = bytes.iter().position(|&is| is != byte) {
        let is = bytes[at];
        panic!("byte {at} of {what} should be {byte:#04x} but is {is:#04x}");
    }
}

/// How a process ended.
struct End {
    what: &'static str,
    status: ExitStatus,
    /// What it wrote on standard error.
    errors: String,
}

/// Does something with a heap in a process of its own, which runs the same
/// test once more, and no further than to here. In that process there is no
/// end to tell of.
fn in_a_process(
    test: &str,
    what: &'static str,
    deed: impl FnOnce(&mut Heap<SimBrk>),
) -> Option<End> {
    if let Ok(now) = env::var("DEED") {
        if now == what {
            deed(&mut Heap::new(SimBrk::new(&mut region().0)));
            process::exit(0);
        }
        return None;
    }
    let output = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--include-ignored", "--nocapture"])
        .env("DEED", what)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(End { what, status: output.status, errors })
}

/// What stands in front of an address that a deed tells.
const TOLD: &str = "the block that the line should be about: ";

/// Tells which block a fault should be about, before there is one.
fn tell(block: *mut u8) {
    eprintln!("{TOLD}{block:p}");
}

impl End {
    #[track_caller]
    fn expect_line(&self, line: &str) {
        let Self { what, status, errors } = self;
        assert!(
            errors.contains(line) && !status.success(),
            "{what}: the program should end with the line {line:?}, but this \
             stands on standard error: {errors:?} ({status})"
        );
    }

    /// The line must end with the address that the deed has [told](tell).
    #[track_caller]
    fn expect_line_about_the_block(&self, line: &str) {
        self.expect_line(line);
        let Self { what, errors, .. } = self;
        let told = errors.lines().find_map(|line| line.strip_prefix(TOLD));
        let address = told.expect("the deed tells of a block");
        assert!(
            errors.lines().any(|is| is == format!("{line}{address}")),
            "{what}: the line should end with the address of the block, \
             {address}, but this stands on standard error: {errors:?}"
        );
    }

    #[track_caller]
    fn expect_success(&self) {
        let Self { what, status, errors } = self;
        assert!(
            status.success(),
            "{what}: this should go well, but the program ended \
             ({status}):\n{errors}"
        );
    }
}

#[test]
#[ignore = "exercise 3.1"]
#[cfg_attr(miri, allow(unused_attributes), ignore = "Miri starts no process")]
fn a_damaged_free_list_is_noticed() {
    let test = "a_damaged_free_list_is_noticed";
    let what = "blocks are freed and allocated, and nothing else";
    let end = in_a_process(test, what, |heap| {
        for _ in 0..10 {
            let blocks: Vec<_> = (0..12).map(|_| heap.malloc(100)).collect();
            for start in 0..3 {
                for block in blocks.iter().skip(start).step_by(3) {
                    // SAFETY: the block is live, and freed once.
                    unsafe { heap.free(*block) };
                }
            }
        }
    });
    if let Some(end) = end {
        end.expect_success();
    }

    let line = "malloc: a free list is damaged: ";
    // Which of three free blocks is written to after it was freed, and where:
    // at its link to the next one or at that to the one before.
    for (what, block, link) in [
        ("the front of a list gets another next block", 2, 0),
        ("the middle of a list gets another next block", 1, 0),
        ("the middle of a list gets another block before it", 1, 1),
        ("the end of a list gets another block before it", 0, 1),
        ("the front of a list gets a block before it", 2, 1),
    ] {
        let end = in_a_process(test, what, |heap| {
            let theirs = heap.calloc(1, 100);
            // Behind each is a guard that can be freed, and one that stays.
            let blocks = [(); 3].map(|()| {
                let block = (heap.malloc(100), heap.malloc(1));
                heap.malloc(1);
                block
            });
            tell(blocks[block].0);
            // SAFETY: the blocks are live. But the write is none's to do: the
            // block is free.
            unsafe {
                for (block, _) in blocks {
                    heap.free(block);
                }
                let header_of_theirs = theirs.sub(16);
                let links = blocks[block].0.cast::<*mut u8>();
                links.add(link).write(header_of_theirs);
                // Joins the free block with the one above it, so that it has
                // to leave its list.
                heap.free(blocks[block].1);
            }
        });
        if let Some(end) = end {
            end.expect_line_about_the_block(line);
        }
    }
}

#[test]
#[ignore = "exercise 3.2"]
fn the_smallest_block_that_fits_is_taken() {
    an_exact_fit_ends_the_search();
    let mut region = region();
    let mut heap: Heap<_, 1> = Heap::new(SimBrk::new(&mut region.0));
    // The last one that is freed is the first on the list.
    let free = [100, 112, 200, 400].map(|size| {
        let block = heap.malloc(size);
        heap.malloc(1); // a guard, so that they do not join
        block
    });
    for block in free {
        // SAFETY: the block is live, and freed once.
        unsafe { heap.free(block) };
    }
    let block = heap.malloc(150);
    assert_eq!(
        block, free[2],
        "of the free blocks, the one of 208 bytes is the smallest with room \
         for 150: {heap:?}"
    );

    let bytes = bytes_of_heap_for_a_trace::<1>();
    assert!(
        bytes < 60_000,
        "a heap of {bytes} bytes for the trace; with best fit it has less than \
         60,000"
    );
    let classes = bytes_of_heap_for_a_trace::<DEFAULT>();
    assert!(classes < 60_000, "{classes} bytes with size classes");

    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    // All are of one class.
    let free = [1264; 1].into_iter().chain([1040; 8]).map(|size| {
        let block = heap.malloc(size);
        heap.malloc(1);
        block
    });
    for block in free.collect::<Vec<_>>() {
        // SAFETY: the block is live, and freed once.
        unsafe { heap.free(block) };
    }
    let used = heap.brk().used();
    heap.malloc(1264);
    assert!(
        heap.brk().used() > used,
        "a request found the ninth block of its class; it should look at \
         eight, whether they are large enough or not, or malloc takes \
         longer the more blocks are free"
    );
}

/// The second block of the list leads nowhere. Whoever goes on to what comes
/// behind it ends there.
fn an_exact_fit_ends_the_search() {
    if cfg!(miri) {
        // Miri starts no process.
        return;
    }
    let test = "the_smallest_block_that_fits_is_taken";
    let what = "a block fits exactly, and is the first on its list";
    let end = in_a_process(test, what, |heap| {
        let free = [(); 2].map(|()| {
            let block = heap.malloc(100);
            heap.malloc(1);
            block
        });
        // SAFETY: the blocks are live. But the write is none's to do: the
        // block is free.
        unsafe {
            heap.free(free[0]);
            heap.free(free[1]);
            free[0].cast::<usize>().write(usize::MAX << 4);
        }
        assert_eq!(heap.malloc(100), free[1], "the block that fits exactly");
    });
    if let Some(End { what, status, errors }) = end {
        assert!(
            status.success(),
            "{what}: a request should take it and look no further, but went on \
             along the list ({status}):\n{errors}"
        );
    }
}

/// How large a heap gets from 3,000 operations: blocks come and go, most of
/// them small, at most 80 at a time.
fn bytes_of_heap_for_a_trace<const LISTS: usize>() -> usize {
    let mut region = region();
    let mut heap: Heap<_, LISTS> = Heap::new(SimBrk::new(&mut region.0));
    let mut state = 1_u64;
    let mut random = |below: usize| {
        // Knuth's numbers: the same trace every time.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut blocks = Vec::new();
    for _ in 0..3000 {
        if blocks.is_empty() || blocks.len() < 80 && random(100) < 55 {
            let is_large = random(8) == 0;
            let size =
                if is_large { 1000 + random(3000) } else { 16 + random(100) };
            let block = heap.malloc(size);
            assert!(!block.is_null(), "there is no memory left: {heap:?}");
            blocks.push(block);
        } else {
            let block = blocks.swap_remove(random(blocks.len()));
            // SAFETY: the block is live, and freed once.
            unsafe { heap.free(block) };
        }
    }
    heap.brk().used()
}

#[test]
#[ignore = "exercise 3.3"]
#[cfg_attr(
    any(miri, not(target_os = "linux")),
    allow(unused_attributes),
    ignore = "needs Linux"
)]
fn a_large_block_goes_back_when_it_is_freed() {
    let test = "a_large_block_goes_back_when_it_is_freed";
    let what = "large blocks are allocated, resized and freed";
    if let Some(end) = in_a_process(test, what, use_large_blocks) {
        end.expect_success();
    }
    let what = "a large block shrinks when there is no memory left";
    if let Some(end) = in_a_process(test, what, shrink_without_memory) {
        end.expect_success();
    }
    let what = "a large block is allocated when the kernel gives no region";
    if let Some(end) = in_a_process(test, what, |_| allocate_without_mmap()) {
        end.expect_success();
    }

    let crimes: [(&str, Crime); 3] = [
        ("a large block is freed twice", |heap, block| {
            // SAFETY: none: the second one is the crime.
            unsafe {
                heap.free(block);
                heap.free(block);
            }
        }),
        ("a pointer into a large block is freed", |heap, block| {
            // SAFETY: none.
            unsafe { heap.free(block.add(4096)) };
        }),
        ("a pointer into a large block is resized", |heap, block| {
            // SAFETY: none.
            unsafe { heap.realloc(block.add(16), 100) };
        }),
    ];
    for (what, crime) in crimes {
        let end = in_a_process(test, what, |heap| {
            heap.malloc(100);
            let block = heap.malloc(LARGE);
            crime(heap, block);
        });
        if let Some(end) = end {
            end.expect_line("malloc: this is no block of the heap: 0x");
        }
    }
}

/// What nobody should do with a block.
type Crime = fn(&mut Heap<SimBrk>, *mut u8);

const LARGE: usize = 4 << 20;

fn shrink_without_memory(heap: &mut Heap<SimBrk>) {
    let large = heap.malloc(LARGE);
    assert!(!large.is_null(), "malloc gives no block of 4 MiB");
    // SAFETY: the block has so many bytes.
    unsafe { large.write_bytes(7, LARGE) };
    while !heap.malloc(1000).is_null() {}
    // SAFETY: the block is live, and what it has become has so many bytes.
    unsafe {
        let shrunk = heap.realloc(large, 2000);
        assert!(
            !shrunk.is_null(),
            "realloc of a block of 4 MiB to 2,000 bytes gives null. A block may \
             always shrink, even if there is no memory for another one"
        );
        expect_filled("the block that has shrunk", shrunk, 2000, 7);
        let grown = heap.realloc(shrunk, 2 * LARGE);
        assert!(!grown.is_null(), "realloc gives no block of 8 MiB");
        expect_filled("the block that has grown again", grown, 2000, 7);
        heap.free(grown);
    }
}

#[cfg(unix)]
fn allocate_without_mmap() {
    let mut region = Box::new_uninit_slice(2 * LARGE);
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region));
    // The process may have no more memory than it has.
    // SAFETY: there is a limit, and the second one is not above the first.
    let limit = unsafe {
        let mut limit = std::mem::zeroed();
        libc::getrlimit(libc::RLIMIT_AS, &raw mut limit);
        let none = libc::rlimit { rlim_cur: 0, ..limit };
        libc::setrlimit(libc::RLIMIT_AS, &raw const none);
        limit
    };
    let block = heap.malloc(LARGE);
    // SAFETY: what was the limit may be it again.
    unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
    assert!(
        !block.is_null(),
        "the kernel gives no region of 4 MiB, and malloc gives null. The break \
         could have risen that far"
    );
    // SAFETY: the block is live and has so many bytes.
    unsafe {
        block.write_bytes(7, LARGE);
        heap.free(block);
    }
    assert_eq!(format!("{heap:?}").matches("used").count(), 0, "it is free");
}

#[cfg(not(unix))]
fn allocate_without_mmap() {}

fn use_large_blocks(heap: &mut Heap<SimBrk>) {
    let small = heap.malloc(100);
    let calls = heap.brk().calls();
    let (a, b) = (heap.calloc(4, LARGE / 4), heap.malloc(LARGE));
    assert!(
        !a.is_null() && !b.is_null(),
        "malloc gives no block of 4 MiB; the break cannot rise that far, but \
         mmap has as much"
    );
    assert_eq!(heap.brk().calls(), calls, "moves of the break by large blocks");
    // SAFETY: the blocks are live, and have so many bytes.
    unsafe {
        expect_filled("a block from calloc", a, LARGE, 0);
        for block in [a, b] {
            assert_eq!(block.addr() % 16, 0, "the address modulo 16");
            let usable = heap.usable_size(block);
            assert!(usable >= LARGE, "the usable size is {usable}");
            block.write_bytes(7, usable);
        }
        let grown = heap.realloc(a, 2 * LARGE);
        assert!(!grown.is_null(), "realloc gives no block of 8 MiB");
        expect_filled("the block that has grown", grown, LARGE, 7);
        grown.write_bytes(8, 2 * LARGE);
        if grown != a {
            assert_gone("4 MiB that have grown elsewhere", a);
        }

        let shrunk = heap.realloc(grown, 1000);
        assert!(!shrunk.is_null(), "realloc gives no block of 1,000 bytes");
        expect_filled("the block that has shrunk", shrunk, 1000, 8);
        assert_gone("8 MiB that have shrunk to 1,000 bytes", grown);

        heap.free(b);
        assert_gone("4 MiB that were freed", b);
        let calls = heap.brk().calls();
        let large = heap.realloc(shrunk, LARGE);
        assert!(!large.is_null(), "realloc gives no block of 4 MiB");
        assert_eq!(
            heap.brk().calls(),
            calls,
            "moves of the break by a small block that has become large"
        );
        expect_filled("the block that is large again", large, 1000, 8);
        heap.free(large);
        heap.free(small);
    }
    let aligned = heap.memalign(4096, 100);
    assert_eq!(aligned.addr() % 4096, 0, "the address modulo 4,096");
}

/// The page in which `block` lay must not be in the kernel's list of all the
/// memory that this process has.
#[track_caller]
fn assert_gone(what: &str, block: *mut u8) {
    let holds_block = |line: &str| {
        let range = line.split(' ').next().unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let [from, to] = [from, to]
            .map(|hexadecimal| usize::from_str_radix(hexadecimal, 16).unwrap());
        (from..to).contains(&block.addr())
    };
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let kept = maps.lines().find(|line| holds_block(line));
    assert_eq!(kept, None, "{what}, at {block:p}, are still there");
}

#[test]
#[ignore = "exercise 3.4"]
fn a_block_that_has_to_grow_moves_down_into_a_free_one() {
    let mut region = region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    // SAFETY: all blocks here are live, have so many bytes, and are freed
    // once.
    unsafe {
        let (below, block) = (heap.malloc(1000), heap.malloc(500));
        let guard = heap.malloc(1);
        for at in 0..500 {
            block.add(at).write(at as u8);
        }
        heap.free(below);
        let used = heap.brk().used();
        let grown = heap.realloc(block, 1200);
        assert_eq!(
            grown, below,
            "the block should be where the free one below it was: together \
             they have 1,536 bytes: {heap:?}"
        );
        for at in 0..500 {
            let is = grown.add(at).read();
            assert_eq!(is, at as u8, "byte {at} of the block that has moved");
        }
        assert_eq!(heap.brk().used(), used, "the break");
        assert_eq!(format!("{heap:?}"), "[1200 used][320 free][16 used]");
        grown.write_bytes(1, 1200);
        heap.free(grown);
        heap.free(guard);
    }

    let blocks = [(); 4].map(|()| heap.malloc(1000));
    let _guard = heap.malloc(1);
    // SAFETY: as above.
    unsafe {
        blocks[0].write_bytes(1, 1000);
        blocks[2].write_bytes(3, 1000);
        heap.free(blocks[1]);
        heap.free(blocks[3]);
        let large = heap.realloc(blocks[2], 3000);
        assert_eq!(
            large, blocks[1],
            "the free blocks on both sides are enough for 3,000 bytes, and \
             one of them is not: {heap:?}"
        );
        expect_filled("the block that has moved", large, 1000, 3);
        large.write_bytes(4, 3000);
        expect_filled("the block below it", blocks[0], 1000, 1);

        heap.free(blocks[0]);
        let elsewhere = heap.realloc(large, 8000);
        assert!(!elsewhere.is_null(), "there is memory for 8,000 bytes");
        expect_filled("the block that fits nowhere here", elsewhere, 3000, 4);
    }

    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0));
    let (below, block) = (heap.malloc(100), heap.malloc(1000));
    let _guard = heap.malloc(1);
    // SAFETY: as above.
    unsafe {
        for at in 0..1000 {
            block.add(at).write((at % 251) as u8);
        }
        heap.free(below);
        let grown = heap.realloc(block, 1100);
        assert_eq!(
            grown, below,
            "together with the 112 bytes below it the block has 1,136: {heap:?}"
        );
        for at in 0..1000 {
            let is = grown.add(at).read();
            assert_eq!(
                is,
                (at % 251) as u8,
                "byte {at} of a block that has moved by 128 bytes, over itself"
            );
        }
    }
    a_block_moves_down_where_the_break_cannot_rise();
}

/// The free block above is the last, which is on no list.
fn a_block_moves_down_where_the_break_cannot_rise() {
    let mut region = region();
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region.0[..4096]));
    let [lower, block, last] = [1500, 1000, 1200].map(|size| heap.malloc(size));
    // SAFETY: the blocks are live, have so many bytes, and are freed once.
    unsafe {
        block.write_bytes(2, 1000);
        last.write_bytes(0, 1200);
        heap.free(last);
        heap.free(lower);
        let grown = heap.realloc(block, 3744);
        assert_eq!(
            grown, lower,
            "the free blocks on both sides and the block have 3,744 bytes, \
             and the break cannot rise: {heap:?}"
        );
        expect_filled("the block that has moved", grown, 1000, 2);
        let other = heap.malloc(100);
        assert!(
            other.addr() >= grown.addr() + 3744,
            "a new block lies in the middle of the one that has moved: {heap:?}"
        );
        grown.write_bytes(3, 3744);
        other.write_bytes(4, 100);
        heap.free(grown);
        heap.free(other);
        assert!(!heap.malloc(3800).is_null(), "all is free again: {heap:?}");
    }
}

const MIB: usize = 1 << 20;

#[test]
#[ignore = "exercise 3.5"]
fn the_slack_becomes_smaller_again() {
    let mut region = Box::new_uninit_slice(16 * MIB);
    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region));
    heap.malloc(32);
    swing(&mut heap, 5 * MIB, 1);
    swing(&mut heap, 12 * MIB, 1);
    swing(&mut heap, 100, 1100);
    for block in heap.blocks() {
        assert!(
            block.size.is_multiple_of(16),
            "the size of a block should be a multiple of 16: {heap:?}"
        );
    }

    let mut heap: Heap<_> = Heap::new(SimBrk::new(&mut region));
    swing(&mut heap, 5 * MIB, 100);
    let calls = heap.brk().calls();
    assert!(
        calls <= 10,
        "a block of 5 MiB was allocated and freed a hundred times, and the \
         break moved {calls} times. It should know better, as before"
    );

    for risen in [6, 7] {
        swing(&mut heap, risen * MIB, 1);
        swing(&mut heap, 100, 600);
        let used = heap.brk().used();
        assert!(
            used > risen * MIB,
            "600 small blocks were freed since the break rose for {risen} MiB, \
             and {used} bytes stay. It should be all: the count begins anew \
             when the break rises"
        );
    }
    swing(&mut heap, 100, 500);
    let used = heap.brk().used();
    assert!(
        used > 5 * MIB / 2 && used < 5 * MIB,
        "1,100 small blocks were freed since the break rose, and {used} bytes \
         stay. It should be half of the 5 MiB and more that stayed before"
    );
    if cfg!(miri) {
        // It has seen all of a solution by now.
        return;
    }

    swing(&mut heap, 100, 10_000);
    let used = heap.brk().used();
    assert!(
        used < 2 * MIB,
        "10,000 small blocks were freed, no block is in use, and {used} bytes \
         stay. Nobody needs them any more"
    );

    let calls = heap.brk().calls();
    swing(&mut heap, MIB / 2, 20_000);
    let calls = heap.brk().calls() - calls;
    assert!(
        calls <= 2,
        "a block of half a mebibyte was allocated and freed again and again, \
         and the break moved {calls} times. A mebibyte should always stay"
    );

    let calls = heap.brk().calls();
    swing(&mut heap, 5 * MIB, 10_000);
    let calls = heap.brk().calls() - calls;
    assert!(
        calls <= 100,
        "a block of 5 MiB was allocated and freed 10,000 times, and the break \
         moved {calls} times. Who still swings should hardly notice"
    );
}

/// Allocates a block and frees it, again and again.
fn swing(heap: &mut Heap<SimBrk>, size: usize, times: usize) {
    for _ in 0..times {
        let block = heap.malloc(size);
        assert!(!block.is_null(), "there is memory for {size} bytes");
        // SAFETY: the block is live, and freed once.
        unsafe { heap.free(block) };
    }
}

/// What is done with a heap and three blocks of it.
type Deed = fn(&mut Heap<SimBrk>, [*mut u8; 3]);

#[test]
#[ignore = "exercise 3.6"]
#[cfg_attr(miri, allow(unused_attributes), ignore = "Miri starts no process")]
fn a_write_to_a_free_block_is_noticed() {
    let test = "a_write_to_a_free_block_is_noticed";
    let what = "blocks are used as they should be";
    if let Some(end) = in_a_process(test, what, use_blocks_as_one_should) {
        end.expect_success();
    }

    let line = "malloc: somebody wrote to a free block: ";
    // Which byte of a free block of 112 is written, and what is done then.
    let crimes: [(&str, usize, Deed); 6] = [
        ("the byte behind the links, then malloc", 16, |heap, _| {
            heap.malloc(100);
        }),
        ("a byte in the middle, then calloc", 50, |heap, _| {
            heap.calloc(1, 100);
        }),
        ("the last byte, then malloc", 111, |heap, _| {
            heap.malloc(100);
        }),
        ("a byte, then the block below is freed", 60, |heap, blocks| {
            // SAFETY: the block is live, and freed once.
            unsafe { heap.free(blocks[0]) }
        }),
        ("a byte, then the block above is freed", 60, |heap, blocks| {
            // SAFETY: the block is live, and freed once.
            unsafe { heap.free(blocks[2]) }
        }),
        ("a byte, then the block below grows", 60, |heap, blocks| {
            // SAFETY: the block is live.
            unsafe { heap.realloc(blocks[0], 200) };
        }),
    ];
    for (what, at, then) in crimes {
        let end = in_a_process(test, what, |heap| {
            let blocks = [(); 3].map(|()| heap.malloc(100));
            heap.malloc(1);
            tell(blocks[1]);
            // SAFETY: the block is live. But the write is nobody's to do: the
            // block is free.
            unsafe {
                heap.free(blocks[1]);
                blocks[1].add(at).write(0);
            }
            then(heap, blocks);
        });
        if let Some(end) = end {
            end.expect_line_about_the_block(line);
        }
    }
    let what = "a byte where a header was until the block was joined";
    let end = in_a_process(test, what, |heap| {
        let blocks = [(); 2].map(|()| heap.malloc(100));
        heap.malloc(1);
        tell(blocks[0]);
        // SAFETY: the blocks are live. The write is nobody's to do.
        unsafe {
            heap.free(blocks[0]);
            heap.free(blocks[1]);
            blocks[1].sub(8).write(1);
        }
        heap.malloc(200);
    });
    if let Some(end) = end {
        end.expect_line_about_the_block(line);
    }
}

fn use_blocks_as_one_should(heap: &mut Heap<SimBrk>) {
    for round in 0..50 {
        let size = 10 + 37 * round % 300;
        let blocks = [
            heap.malloc(size),
            heap.calloc(3, size),
            heap.memalign(256, size),
            heap.malloc(3 * size),
        ];
        // SAFETY: the blocks are live, have so many bytes, and are freed once.
        unsafe {
            expect_filled("a block from calloc", blocks[1], 3 * size, 0);
            for block in blocks {
                block.write_bytes(7, size);
            }
            heap.free(blocks[2]);
            let grown = heap.realloc(blocks[1], 4 * size);
            grown.write_bytes(7, 4 * size);
            heap.free(blocks[0]);
            let smaller = heap.realloc(grown, size);
            expect_filled("a block that has shrunk", smaller, size, 7);
            if round == 10 {
                heap.brk().somebody_else_takes(1000).unwrap();
            }
            heap.free(blocks[3]);
            // One in three stays.
            if round % 3 != 0 {
                heap.free(smaller);
            }
        }
    }
    let (block, _guard) = (heap.malloc(1000), heap.malloc(1000));
    // SAFETY: the block is live. Afterwards its bytes are still there.
    unsafe {
        heap.free(block);
        let free = block.add(16);
        expect_filled("a free block, behind its links", free, 984, 0xDD);
    }
}

#[test]
#[ignore = "exercise 3.7"]
#[cfg_attr(miri, allow(unused_attributes), ignore = "Miri starts no process")]
fn no_link_of_a_free_block_can_be_read_or_chosen() {
    let test = "no_link_of_a_free_block_can_be_read_or_chosen";
    let what = "blocks are freed, and what is in them is looked at";
    let end = in_a_process(test, what, |heap| {
        let blocks: Vec<_> = (0..8).map(|_| heap.malloc(100)).collect();
        let heap_is_at = blocks[0].addr() - 16..blocks[7].addr() + 112;
        for &block in blocks.iter().step_by(2) {
            // SAFETY: the block is live, and freed once.
            unsafe { heap.free(block) };
        }
        for &block in blocks.iter().step_by(2) {
            for at in [0, 1] {
                // SAFETY: it is only read, and the heap has written to it.
                let word = unsafe { block.cast::<usize>().add(at).read() };
                assert!(
                    !heap_is_at.contains(&word),
                    "word {at} of a free block should be no address of the \
                     heap {heap_is_at:x?} but is {word:#x}"
                );
                assert_ne!(word, 0, "word {at} of a free block tells an end");
            }
        }
        two_heaps_write_different_links();
    });
    if let Some(end) = end {
        end.expect_success();
    }

    // Which word is written over, and with what.
    let text = usize::from_ne_bytes(*b"overrun!");
    for (what, at, word) in [
        ("a text over the first word, then malloc", 0, text),
        ("a text over the second word, then malloc", 1, text),
        ("zeros over the first word, then malloc", 0, 0),
        ("zeros over the second word, then malloc", 1, 0),
    ] {
        let end = in_a_process(test, what, |heap| {
            let blocks = [(); 4].map(|()| heap.malloc(100));
            tell(blocks[2]);
            // SAFETY: the blocks are live. But the write is nobody's to do:
            // the block is free.
            unsafe {
                heap.free(blocks[0]);
                heap.free(blocks[2]);
                blocks[2].cast::<usize>().add(at).write(word);
            }
            heap.malloc(100);
        });
        if let Some(end) = end {
            let line = "malloc: somebody wrote over a link: ";
            end.expect_line_about_the_block(line);
        }
    }
}

/// Two heaps, one after the other, over the same memory: the second one begins
/// higher up, but some of its blocks are where some of the first were.
fn two_heaps_write_different_links() {
    // So many bytes has a block of 100, with its header.
    const BLOCK: usize = 128;
    let mut region = region();
    let [(one, [next, prev]), (other, words)] = [0, 32].map(|skipped| {
        let memory = &mut region.0[skipped * BLOCK..];
        let mut heap: Heap<_> = Heap::new(SimBrk::new(memory));
        let blocks: Vec<_> = (0..48).map(|_| heap.malloc(100)).collect();
        let three = [40, 42, 44].map(|at: usize| blocks[at - skipped]);
        // SAFETY: the blocks are live, and freed once. The words are only
        // read, and the heap has written to them.
        unsafe {
            for block in [blocks[0], three[0], three[1], three[2]] {
                heap.free(block);
            }
            let words = three[1].cast::<[usize; 2]>().read();
            (three[1], words)
        }
    });
    assert_eq!(one, other, "two heaps with a block at the same place");
    for (which, one, other) in
        [("next", next, words[0]), ("previous", prev, words[1])]
    {
        assert_ne!(
            one, other,
            "the link to the {which} block is the same word in two heaps. So \
             who knows the address knows the word: it does not depend on a \
             number of the heap's own"
        );
    }
}
