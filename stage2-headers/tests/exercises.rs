//! The exercises of this stage: a test for each, which fails until the
//! exercise is done.
//!
//! They are ignored here. `cargo run -- practice` makes a copy of the stage in
//! which they are not.

use std::env;
use std::io::Read;
use std::mem::MaybeUninit;
use std::process::{self, Command, ExitStatus, Stdio};
use std::slice;
use std::thread;
use std::time::{Duration, Instant};

use stage2_headers::{Heap, SimBrk};

const REGION: usize = 64 * 1024;

/// Whoever takes longer than this goes round for ever.
const LIMIT: Duration = Duration::from_secs(30);

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
    /// Nothing if it had to be stopped.
    status: Option<ExitStatus>,
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
    let mut child = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--include-ignored", "--nocapture"])
        .env("DEED", what)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let mut status = child.try_wait().unwrap();
    while status.is_none() && start.elapsed() < LIMIT {
        thread::sleep(Duration::from_millis(10));
        status = child.try_wait().unwrap();
    }
    if status.is_none() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut errors = String::new();
    child.stderr.unwrap().read_to_string(&mut errors).unwrap();
    Some(End { what, status, errors })
}

impl End {
    /// The program must have ended with this, and with the address that it
    /// wrote first.
    #[track_caller]
    fn expect_fault(&self, fault: &str) {
        let address = self.errors.lines().next().unwrap_or_default();
        self.expect_line(&format!("malloc: {fault}: {address}\n"));
    }

    #[track_caller]
    fn expect_line(&self, line: &str) {
        let Self { what, errors, .. } = self;
        let status = self.status();
        assert!(
            errors.contains(line) && !status.success(),
            "{what}: the program should end with the line {line:?}, but this \
             stands on standard error: {errors:?} ({status})"
        );
    }

    #[track_caller]
    fn expect_success(&self) {
        let Self { what, errors, .. } = self;
        let status = self.status();
        assert!(
            status.success(),
            "{what}: this should go well, but the program ended \
             ({status}):\n{errors}"
        );
    }

    #[track_caller]
    fn status(&self) -> ExitStatus {
        let Self { what, status, .. } = self;
        status.unwrap_or_else(|| {
            panic!("{what}: the program goes round for ever")
        })
    }
}

#[test]
#[ignore = "exercise 2.1"]
fn the_last_block_gives_back_what_it_does_not_need() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    let (below, block) = (heap.malloc(1000), heap.malloc(1000));
    // SAFETY: the blocks are live and have 1,000 bytes.
    unsafe {
        below.write_bytes(6, 1000);
        block.write_bytes(7, 1000);
        let used = heap.brk().used();
        let smaller = heap.realloc(block, 100);
        assert_eq!(smaller, block, "a block that shrinks stays where it is");
        expect_filled("the block", block, 100, 7);
        assert_eq!(
            used - heap.brk().used(),
            1008 - 112,
            "bytes by which the break fell: 112 of the last block's 1,008 \
             are needed, and nothing lies above it"
        );

        let used = heap.brk().used();
        heap.realloc(below, 100);
        assert_eq!(heap.brk().used(), used, "the first block is not the last");
        expect_filled("the block above the first", block, 100, 7);

        heap.brk().refuse(1);
        heap.realloc(block, 10);
        heap.free(block);
        heap.free(below);
        assert_eq!(heap.brk().used(), 0, "all is free, after one refusal");
    }

    let last = heap.malloc(1000);
    heap.brk().somebody_else_takes(500).unwrap();
    let used = heap.brk().used();
    // SAFETY: the block is live.
    unsafe { heap.realloc(last, 100) };
    assert!(
        heap.brk().used() == used && heap.brk().foreign_is_intact(),
        "the break fell from {used} to {}, though above the last block lie \
         500 bytes that somebody else took",
        heap.brk().used()
    );
}

#[test]
#[ignore = "exercise 2.2"]
#[cfg_attr(miri, allow(unused_attributes), ignore = "Miri starts no process")]
fn a_byte_past_the_end_of_a_block_is_noticed() {
    let test = "a_byte_past_the_end_of_a_block_is_noticed";
    let what = "all bytes of all blocks are written, and no more";
    if let Some(end) = in_a_process(test, what, use_every_byte) {
        end.expect_success();
    }

    let fault = "something wrote past this block";
    for (what, size) in [
        ("one byte past a block of 1", 1),
        ("one byte past a block of 16", 16),
        ("one byte past a block of 100", 100),
        ("one byte past a block of 1,000", 1000),
    ] {
        let end = in_a_process(test, what, |heap| {
            let (block, _above) = (heap.malloc(size), heap.malloc(1));
            eprintln!("{block:p}");
            // SAFETY: none: the block ends a byte earlier.
            unsafe {
                block.write_bytes(0, size + 1);
                heap.free(block);
            }
        });
        if let Some(end) = end {
            end.expect_fault(fault);
        }
    }
    let what = "one byte past a block that has shrunk from 100 to 50";
    let end = in_a_process(test, what, |heap| {
        let block = heap.malloc(100);
        // SAFETY: none: the block ends a byte earlier.
        unsafe {
            let block = heap.realloc(block, 50);
            eprintln!("{block:p}");
            block.write_bytes(0, 51);
            heap.free(block);
        }
    });
    if let Some(end) = end {
        end.expect_fault(fault);
    }

    // What is free in a header: behind the flag, and behind the link.
    for (what, at, bytes) in [
        ("a large number in the header, behind the flag", 12, 4),
        ("a large number in the header, behind the link", 24, 8),
    ] {
        let end = in_a_process(test, what, |heap| {
            let (block, _above) = (heap.malloc(100), heap.malloc(1));
            // SAFETY: none: a header is the heap's.
            unsafe {
                block.sub(32).add(at).write_bytes(0x70, bytes);
                heap.free(block);
            }
        });
        if let Some(end) = end {
            let is_told = end.errors.contains("malloc: ");
            assert!(
                end.status().success() || is_told,
                "{what}: if it stands where a number was, the program should \
                 end with a line of the heap's, and not while it looks for a \
                 canary there: {:?} ({})",
                end.errors,
                end.status()
            );
        }
    }
}

fn use_every_byte(heap: &mut Heap<SimBrk>) {
    for size in 0..100 {
        let blocks = [
            heap.malloc(size),
            heap.calloc(1, size),
            heap.memalign(256, size),
            heap.memalign(16, size),
        ];
        for block in blocks {
            // SAFETY: the block is live and has so many bytes. It is freed
            // once.
            unsafe {
                block.write_bytes(255, size);
                let usable = heap.usable_size(block);
                block.write_bytes(255, usable);
                let block = heap.realloc(block, usable + 4);
                block.write_bytes(255, usable + 4);
                let block = heap.realloc(block, size / 2);
                block.write_bytes(255, size / 2);
                heap.free(block);
            }
        }
    }
}

#[test]
#[ignore = "exercise 2.3"]
#[cfg_attr(miri, allow(unused_attributes), ignore = "Miri starts no process")]
fn free_finds_the_first_damaged_header() {
    let test = "free_finds_the_first_damaged_header";
    let what = "all headers are as the heap wrote them";
    let end = in_a_process(test, what, |heap| {
        let (a, b) = (heap.malloc(100), heap.malloc(0));
        heap.brk().somebody_else_takes(50).unwrap();
        let (c, d) = (heap.memalign(1024, 1), heap.malloc(1));
        for block in [b, a, d, c] {
            // SAFETY: the block is live, and freed once.
            unsafe { heap.free(block) };
        }
    });
    if let Some(end) = end {
        end.expect_success();
    }

    // What is written into the header of the third block: where, how many
    // bytes, and which number, if the next header is at this address.
    type Number = fn(usize) -> usize;
    let written: [(_, _, _, Number); 10] = [
        ("a size of 0", 0, 8, |_| 0),
        ("a size that is odd", 0, 8, |_| 159),
        ("a size of 16 bytes more than there is room for", 0, 8, |_| 176),
        ("all bits of the size set", 0, 8, |_| usize::MAX),
        ("a flag that is neither true nor false", 8, 1, |_| usize::MAX),
        ("a link to null", 16, 8, |_| 0),
        ("a link to where no memory is", 16, 8, |_| usize::MAX),
        ("a link to the block below", 16, 8, |next| next - 2 * (32 + 160)),
        ("a link to the block itself", 16, 8, |next| next - (32 + 160)),
        ("a link to 8 bytes above the next header", 16, 8, |next| next + 8),
    ];
    for (what, at, bytes, number) in written {
        let end = in_a_process(test, what, |heap| {
            let blocks: Vec<_> = (0..6).map(|_| heap.malloc(160)).collect();
            eprintln!("{:p}", blocks[2]);
            // SAFETY: none: a header is the heap's. The last block is live.
            unsafe {
                let next = blocks[3].addr() - 32;
                let number = number(next).to_ne_bytes();
                let place = blocks[2].sub(32).add(at);
                place.copy_from(number.as_ptr(), bytes);
                heap.free(blocks[4]);
            }
        });
        if let Some(end) = end {
            end.expect_fault("this header is damaged");
        }
    }
}

#[test]
#[ignore = "exercise 2.4"]
fn a_freed_block_in_the_middle_is_used_again() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    let a = heap.malloc(1000);
    let _guard = heap.malloc(1);
    let used = heap.brk().used();
    // SAFETY: all blocks here are live, have so many bytes, and are freed
    // once.
    unsafe {
        heap.free(a);
        let b = heap.malloc(100);
        assert_eq!(b, a, "1,000 bytes are free there: {heap:?}");
        let c = heap.malloc(700);
        assert_eq!(
            heap.brk().used(),
            used,
            "the break should stay: what 100 bytes left of a block of 1,000 \
             is enough for 700: {heap:?}"
        );
        b.write_bytes(1, 100);
        c.write_bytes(2, 700);
        expect_filled("the block in front", b, 100, 1);
        expect_filled("the block behind it", c, 700, 2);

        heap.free(b);
        heap.free(c);
        let d = heap.malloc(1000);
        assert_eq!(
            d, a,
            "free blocks that lie side by side are as good as one of 1,000 \
             bytes: {heap:?}"
        );
    }
    // SAFETY: as above.
    unsafe { heap.free(a) };
    let aligned = heap.memalign(1024, 16);
    assert_eq!(
        aligned.addr() % 1024,
        0,
        "the address modulo 1,024 of an aligned block, when a block was free \
         that is large enough and not aligned"
    );

    let below = heap.malloc(100);
    heap.brk().somebody_else_takes(64).unwrap();
    let (above, _guard) = (heap.malloc(100), heap.malloc(1));
    // SAFETY: as above.
    unsafe {
        heap.free(below);
        heap.free(above);
        let large = heap.malloc(200);
        large.write_bytes(3, 200);
    }
    assert!(
        heap.brk().foreign_is_intact(),
        "a block lies over the 64 bytes that somebody else took between two \
         free blocks: {heap:?}"
    );

    the_last_block_is_joined_with_the_one_below();
}

/// Two free blocks at the end, which the break did not take back: each size
/// takes both, and leaves a rest or none.
fn the_last_block_is_joined_with_the_one_below() {
    for size in [250, 100] {
        let mut region = region();
        let mut heap = Heap::new(SimBrk::new(&mut region.0));
        let (below, last) = (heap.malloc(100), heap.malloc(100));
        // SAFETY: all blocks here are live, have so many bytes, and are freed
        // once.
        unsafe {
            heap.free(below);
            heap.brk().refuse(1);
            heap.free(last);
            let block = heap.malloc(size);
            let next = heap.malloc(1000);
            block.write_bytes(1, size);
            next.write_bytes(2, 1000);
            expect_filled("the block of what was free", block, size, 1);
            let last = heap.blocks().last().map(|block| block.payload);
            assert_eq!(
                last,
                Some(next.addr()),
                "the last block, after {size} bytes were allocated from the \
                 last two, and 1,000 behind them: {heap:?}"
            );
            heap.free(next);
            heap.free(block);
        }
        assert_eq!(
            heap.brk().used(),
            0,
            "the break when all is freed, after {size} bytes were allocated \
             from the last two blocks, and 1,000 behind them: {heap:?}"
        );
    }
}

#[test]
#[ignore = "exercise 2.5"]
fn the_picture_shows_what_somebody_else_took() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    let first = heap.malloc(100);
    assert_eq!(format!("{heap:?}"), "[112 used]", "the picture of one block");
    for bytes in [64, 16] {
        heap.brk().somebody_else_takes(bytes).unwrap();
        heap.malloc(1);
    }
    heap.malloc(1);
    assert_eq!(
        format!("{heap:?}"),
        "[112 used](64 theirs)[16 used](16 theirs)[16 used][16 used]",
        "the picture: somebody else took 64 bytes above the first block and \
         16 above the second"
    );

    // SAFETY: the block is live, and freed once.
    unsafe { heap.free(first) };
    heap.memalign(1024, 16);
    let picture = format!("{heap:?}");
    assert!(
        picture.starts_with("[112 free](64 theirs)[16 used](16 theirs)[16 ")
            && picture.matches("theirs").count() == 2,
        "the padding in front of an aligned block is ours: it belongs to the \
         block below. The picture is {picture}"
    );
}

#[test]
#[ignore = "exercise 2.6"]
fn the_end_goes_back_without_a_walk() {
    give_back_what_is_free_at_the_end();

    // The fastest of a few rounds: in the others something else was going on.
    let fastest = |blocks| (0..5).map(|_| time_to_free(blocks)).min().unwrap();
    let (few, many) = (fastest(FEW), fastest(4 * FEW));
    assert!(
        many < 8 * few,
        "{FEW} blocks were freed from the last to the first in {few:?}, and \
         four times as many in {many:?}. A free at the end should take no \
         longer, however many blocks there are: that would be four times as \
         long, and a walk over the heap makes it sixteen"
    );
}

const FEW: usize = if cfg!(miri) { 100 } else { 1000 };

/// How long it takes to free so many blocks, the last one first.
fn time_to_free(blocks: usize) -> Duration {
    let mut region = Box::new_uninit_slice(64 * blocks);
    let mut heap = Heap::new(SimBrk::new(&mut region));
    let blocks: Vec<_> = (0..blocks).map(|_| heap.malloc(1)).collect();
    let start = Instant::now();
    for block in blocks.into_iter().rev() {
        // SAFETY: the block is live, and freed once.
        unsafe { heap.free(block) };
    }
    let time = start.elapsed();
    // What is in front of the first block is nobody's.
    let used = heap.brk().used();
    assert!(used < 16, "the break is {used} when all blocks are free");
    time
}

fn give_back_what_is_free_at_the_end() {
    let mut region = region();
    let mut heap = Heap::new(SimBrk::new(&mut region.0));
    // SAFETY: all blocks here are live, and freed once.
    unsafe {
        for _ in 0..2 {
            let blocks = [(); 4].map(|()| heap.malloc(100));
            heap.free(blocks[1]);
            heap.free(blocks[2]);
            let calls = heap.brk().calls();
            heap.free(blocks[3]);
            let (used, moves) = (heap.brk().used(), heap.brk().calls() - calls);
            assert_eq!(
                (used, moves),
                (144, 1),
                "the break above one block of 112 bytes, and how often it moved \
                 to get there: {heap:?}"
            );
            heap.free(blocks[0]);
            assert_eq!(heap.brk().used(), 0, "the break when all is free");
        }

        let (below, last) = (heap.malloc(100), heap.malloc(100));
        heap.free(below);
        heap.brk().refuse(1);
        heap.free(last);
        // So large that it comes to the end, even if free blocks are used again.
        let again = heap.malloc(1000);
        heap.free(again);
        assert_eq!(heap.brk().used(), 0, "all is free, after one refusal");

        let below = heap.malloc(100);
        heap.brk().somebody_else_takes(64).unwrap();
        let used = heap.brk().used();
        let above = heap.malloc(100);
        heap.free(below);
        heap.free(above);
        assert!(
            heap.brk().used() == used && heap.brk().foreign_is_intact(),
            "the break should stop at {used}, above the 64 bytes that somebody \
             else took, and is at {}",
            heap.brk().used()
        );
    }
}
