//! What `malloc` promises.
//!
//! This file is the same in every stage; `common/mod.rs` says which heap it is
//! about. The promises come in the order in which a heap that is being written
//! can keep them. A test that fails prints the promise, all that was asked of
//! the heap until then, what it got and what it should have got.

mod common;

use std::collections::HashSet;
use std::fmt::{self, Debug, Display, Formatter};
use std::mem::MaybeUninit;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::slice;

use common::{Heap, SimBrk};

/// How far the break can rise, in bytes.
const REGION: usize = 64 * 1024;

#[repr(align(4096))]
struct Region([MaybeUninit<u8>; REGION]);

/// Says what was asked, if somebody wants to know: under Miri, words take long.
type Told = Box<dyn Fn() -> String>;

/// A heap, and what was asked of it so far.
struct Story<'a> {
    promise: &'static str,
    heap: Heap<SimBrk<'a>>,
    operations: Vec<Told>,
    /// The blocks that are live: where each one lies and how long it is.
    live: Vec<(usize, usize)>,
}

/// Runs `test` on an empty heap.
fn promise(promise: &'static str, test: impl FnOnce(&mut Story<'_>)) {
    promise_on_a_break_at(0, promise, test);
}

/// Runs `test` on an empty heap whose break starts `at` bytes above a multiple
/// of 4,096.
fn promise_on_a_break_at(
    at: usize,
    promise: &'static str,
    test: impl FnOnce(&mut Story<'_>),
) {
    let mut region =
        Box::new(Region([const { MaybeUninit::uninit() }; REGION]));
    let heap = Heap::new(SimBrk::new(&mut region.0[at..]));
    let (operations, live) = (Vec::new(), Vec::new());
    test(&mut Story { promise, heap, operations, live });
}

/// How far above the start of the region a block lies, in bytes. Null lies
/// nowhere.
#[derive(Clone, Copy)]
struct Place(Option<usize>);

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(offset) => write!(f, "a block at {offset}"),
            None => write!(f, "null"),
        }
    }
}

impl Story<'_> {
    /// How far above the start of the region `block` lies, in bytes.
    fn offset(&mut self, block: *mut u8) -> usize {
        block.addr().wrapping_sub(self.heap.brk().start().addr().get())
    }

    fn place(&mut self, block: *mut u8) -> Place {
        Place((!block.is_null()).then(|| self.offset(block)))
    }

    fn tell(&mut self, told: impl Fn() -> String + 'static) {
        self.operations.push(Box::new(told));
    }

    /// Notes what `operation` gave: a block of `size` bytes, or null.
    fn note(
        &mut self,
        operation: impl Fn() -> String + 'static,
        block: *mut u8,
        size: usize,
    ) -> *mut u8 {
        let place = self.place(block);
        self.tell(move || format!("{} gave {place}", operation()));
        if !block.is_null() {
            let offset = self.offset(block);
            self.live.push((offset, size));
        }
        block
    }

    fn forget(&mut self, block: *mut u8) {
        let offset = self.offset(block);
        self.live.retain(|&(live, _)| live != offset);
    }

    fn malloc(&mut self, size: usize) -> *mut u8 {
        let block = self.heap.malloc(size);
        self.note(move || format!("malloc({size})"), block, size)
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let block = self.heap.calloc(count, size);
        let bytes = count.wrapping_mul(size);
        self.note(move || format!("calloc({count}, {size})"), block, bytes)
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        let block = self.heap.memalign(align, size);
        self.note(move || format!("memalign({align}, {size})"), block, size)
    }

    fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        let old = self.place(block);
        // SAFETY: the tests below pass null or a live block.
        let new = unsafe { self.heap.realloc(block, size) };
        if !new.is_null() {
            self.forget(block);
        }
        self.note(move || format!("realloc({old}, {size})"), new, size)
    }

    fn free(&mut self, block: *mut u8) {
        let place = self.place(block);
        self.tell(move || format!("free({place})"));
        self.forget(block);
        // SAFETY: the tests below pass null or a live block.
        unsafe { self.heap.free(block) };
    }

    fn usable_size(&mut self, block: *mut u8) -> usize {
        // SAFETY: the tests below pass null or a live block.
        unsafe { self.heap.usable_size(block) }
    }

    /// The break, in bytes above the start of the region.
    fn used(&mut self) -> usize {
        self.heap.brk().used()
    }

    fn somebody_else_takes(&mut self, bytes: usize) {
        let unit = if bytes == 1 { "byte" } else { "bytes" };
        self.tell(move || format!("somebody else takes {bytes} {unit}"));
        self.heap.brk().somebody_else_takes(bytes).expect("room for them");
    }

    fn refuse(&mut self, calls: usize) {
        self.tell(move || format!("the break refuses {calls} calls"));
        self.heap.brk().refuse(calls);
    }

    /// Writes `size` bytes of `byte` into `block`.
    fn fill(&mut self, block: *mut u8, size: usize, byte: u8) {
        let unit = if size == 1 { "byte" } else { "bytes" };
        self.tell(move || format!("{size} {unit} of {byte} written there"));
        // SAFETY: the tests below fill live blocks of at least `size` bytes.
        unsafe { block.write_bytes(byte, size) };
    }

    /// The live blocks as boxes, the lowest first: from where to where.
    fn drawing(&self) -> String {
        let mut live = self.live.clone();
        live.sort_unstable();
        live.iter().map(|(at, size)| format!("[{at}..{}]", at + size)).collect()
    }

    /// What must be equal here, or the promise is broken.
    fn expect<T: PartialEq + Debug>(&self, what: &str, is: T, should_be: T) {
        if is != should_be {
            let asked = self.operations.iter().map(|told| told());
            let asked = asked.collect::<Vec<_>>().join("\n  ");
            panic!(
                "a promise is broken: {}\n\
                 This was asked:\n  {asked}\n\
                 These blocks are live:\n  {}\n\
                 Then {what}\n  should be: {should_be:?}\n  but is:    {is:?}",
                self.promise,
                self.drawing()
            );
        }
    }

    fn expect_block(&self, what: &str, block: *mut u8) {
        if block.is_null() {
            self.expect(&format!("{what} is null"), true, false);
        }
    }

    fn expect_null(&self, what: &str, block: *mut u8) {
        if !block.is_null() {
            self.expect(&format!("{what} is null"), false, true);
        }
    }

    /// The first `size` bytes of `block` must all be `byte`.
    fn expect_filled(&self, block: *mut u8, size: usize, byte: u8) {
        // SAFETY: the tests below look at live blocks of at least `size` bytes
        // that were filled or zeroed.
        let bytes = unsafe { slice::from_raw_parts(block, size) };
        // All at once: under Miri a look at each of them takes long.
        if bytes == vec![byte; size] {
            return;
        }
        if let Some(at) = bytes.iter().position(|&is| is != byte) {
            self.expect(&format!("byte {at} of the block"), bytes[at], byte);
        }
    }
}

// Memory.

#[test]
fn a_block_can_be_written_and_read() {
    promise("A block of n bytes can be written and read.", |t| {
        let block = t.malloc(100);
        t.expect_block("the block", block);
        t.fill(block, 100, 7);
        t.expect_filled(block, 100, 7);
    });
}

#[test]
fn blocks_do_not_overlap() {
    promise("No byte belongs to two blocks.", |t| {
        let blocks: Vec<_> =
            (1..100).map(|size| (t.malloc(size), size)).collect();
        for (&(block, size), byte) in blocks.iter().zip(1..) {
            t.fill(block, size, byte);
        }
        for (&(block, size), byte) in blocks.iter().zip(1..) {
            t.expect_filled(block, size, byte);
        }
    });
}

#[test]
fn every_block_starts_at_a_multiple_of_16() {
    for at in [0, 1, 8, 15] {
        let text =
            "Every block starts at a multiple of 16, wherever the break is.";
        promise_on_a_break_at(at, text, |t| {
            for size in 0..40 {
                let block = t.malloc(size);
                t.expect("its address modulo 16", block.addr() % 16, 0);
            }
        });
    }
}

#[test]
fn a_block_of_no_bytes_is_a_block_of_its_own() {
    promise("malloc(0) gives a block that no other block shares.", |t| {
        let mut blocks: Vec<_> = (0..40).map(|_| t.malloc(0)).collect();
        blocks.push(t.malloc(1));
        for &block in &blocks {
            t.expect_block("the block", block);
        }
        let different: HashSet<_> = blocks.iter().collect();
        t.expect("the number of addresses", different.len(), blocks.len());
        for block in blocks {
            t.free(block);
        }
    });
}

// Free.

#[test]
fn free_of_null_does_nothing() {
    promise("free(null) does nothing.", |t| {
        t.free(ptr::null_mut());
        let used = t.used();
        t.expect("the break", used, 0);
    });
}

#[test]
fn what_is_not_freed_keeps_its_contents() {
    promise("Freeing one block changes no other, in any order.", |t| {
        for order in permutations_of_four() {
            let blocks = [24, 1, 300, 64].map(|size| (t.malloc(size), size));
            for (&(block, size), byte) in blocks.iter().zip(1..) {
                t.fill(block, size, byte);
            }
            for (freed, &now) in order.iter().enumerate() {
                t.free(blocks[now].0);
                for &live in &order[freed + 1..] {
                    let (block, size) = blocks[live];
                    t.expect_filled(block, size, live as u8 + 1);
                }
            }
        }
    });
}

#[test]
fn a_block_comes_back_from_a_box() {
    promise("A block may be freed through a Box's own pointer.", |t| {
        let below = t.malloc(8);
        let block = t.malloc(100);
        let above = t.malloc(8);
        t.fill(block, 100, 7);
        // SAFETY: the block has 100 bytes, all written, and no other owner.
        let in_a_box = unsafe { Box::from_raw(block.cast::<[u8; 100]>()) };
        t.expect("the box's last byte", in_a_box[99], 7);
        // The box must not free the block: it would ask another heap.
        let back = Box::into_raw(in_a_box).cast::<u8>();
        t.free(above);
        t.free(back);
        t.free(below);
        let again = t.malloc(100);
        t.fill(again, 100, 8);
        t.expect_filled(again, 100, 8);
    });
}

// Zeroes.

#[test]
fn calloc_gives_zeroes() {
    promise("calloc(count, size) gives count * size zero bytes.", |t| {
        for (count, size) in [(1, 1), (10, 10), (3, 1000), (0, 8), (8, 0)] {
            let block = t.calloc(count, size);
            t.expect_block("the block", block);
            t.expect_filled(block, count * size, 0);
        }
    });
}

#[test]
fn calloc_zeroes_memory_that_was_used_before() {
    promise("calloc gives zeroes, whatever was there before.", |t| {
        for size in [1, 24, 100, 5000] {
            let (a, b) = (t.malloc(size), t.malloc(size));
            t.fill(a, size, 255);
            t.fill(b, size, 255);
            t.free(a);
            let again = t.calloc(1, size);
            t.expect_filled(again, size, 0);
            t.free(again);
            t.free(b);
            let again = t.calloc(size, 1);
            t.expect_filled(again, size, 0);
        }
    });
}

#[test]
fn calloc_checks_its_multiplication() {
    promise("calloc gives null if count * size overflows.", |t| {
        let half = usize::MAX / 2 + 1;
        for (count, size) in [(half, 2), (2, half), (half + 8, 2), (half, half)]
        {
            let block = t.calloc(count, size);
            t.expect_null("the block", block);
        }
    });
}

// Realloc.

#[test]
fn realloc_of_null_is_malloc() {
    promise("realloc(null, n) is malloc(n).", |t| {
        let block = t.realloc(ptr::null_mut(), 100);
        t.expect_block("the block", block);
        t.expect("its address modulo 16", block.addr() % 16, 0);
        t.fill(block, 100, 7);
    });
}

#[test]
fn realloc_keeps_the_contents() {
    promise("realloc keeps as many bytes as fit, and its neighbours'.", |t| {
        for (old, new) in
            [(1, 100), (100, 1), (40, 41), (1000, 3000), (3000, 0)]
        {
            let below = t.malloc(24);
            let block = t.malloc(old);
            let above = t.malloc(24);
            t.fill(below, 24, 1);
            t.fill(block, old, 2);
            t.fill(above, 24, 3);
            let block = t.realloc(block, new);
            t.expect_block("the block", block);
            t.expect("its address modulo 16", block.addr() % 16, 0);
            t.expect_filled(block, old.min(new), 2);
            t.fill(block, new, 4);
            t.expect_filled(below, 24, 1);
            t.expect_filled(above, 24, 3);
            t.free(block);
        }
    });
}

#[test]
fn the_last_block_can_grow_again_and_again() {
    promise("realloc keeps the contents of the last block too.", |t| {
        let mut block = t.malloc(1);
        t.fill(block, 1, 7);
        for size in (20..600).step_by(20) {
            block = t.realloc(block, size);
            t.expect_filled(block, 1, 7);
            t.fill(block, size, 7);
        }
        t.expect_filled(block, 580, 7);
    });
}

#[test]
fn a_block_from_a_box_can_grow() {
    promise(
        "A block may be given another size through a Box's pointer.",
        |t| {
            let block = t.malloc(16);
            t.fill(block, 16, 7);
            // SAFETY: the block has 16 bytes, all written, and no other owner.
            let in_a_box = unsafe { Box::from_raw(block.cast::<[u8; 16]>()) };
            let block = t.realloc(Box::into_raw(in_a_box).cast(), 100);
            t.expect_filled(block, 16, 7);
            t.fill(block, 100, 8);
            t.expect_filled(block, 100, 8);
        },
    );
}

#[test]
fn a_failed_realloc_leaves_the_old_block() {
    promise("A realloc that gives null leaves the block as it was.", |t| {
        let block = t.malloc(100);
        t.fill(block, 100, 7);
        for size in [REGION * 2, isize::MAX as usize, usize::MAX] {
            let new = t.realloc(block, size);
            t.expect_null("the new block", new);
            t.expect_filled(block, 100, 7);
        }
        t.fill(block, 100, 8);
        t.free(block);
    });
}

// Alignment on request.

#[test]
fn memalign_honours_every_power_of_two() {
    promise("memalign(align, n) gives a multiple of align.", |t| {
        for align in (0..13).map(|power| 1 << power) {
            let small = t.malloc(1);
            let block = t.memalign(align, 100);
            let most = align.max(16);
            t.expect("the address modulo align", block.addr() % most, 0);
            t.fill(block, 100, 7);
            t.expect_filled(block, 100, 7);
            t.free(small);
            t.free(block);
        }
    });
}

#[test]
fn memalign_refuses_what_is_no_power_of_two() {
    promise("memalign gives null if align is not a power of two.", |t| {
        for align in [0, 3, 24, 4097, usize::MAX] {
            let block = t.memalign(align, 8);
            t.expect_null("the block", block);
        }
    });
}

#[test]
fn an_aligned_block_is_a_block_like_any_other() {
    promise("An aligned block can be freed, and given another size.", |t| {
        let block = t.memalign(1024, 100);
        t.fill(block, 100, 7);
        let block = t.realloc(block, 2000);
        t.expect_filled(block, 100, 7);
        t.fill(block, 2000, 8);
        t.free(block);
        let next = t.malloc(2000);
        t.fill(next, 2000, 9);
        t.expect_filled(next, 2000, 9);
    });
}

#[test]
fn usable_size_is_enough_or_unknown() {
    promise("usable_size is 0 or at least what was asked for.", |t| {
        let nothing = t.usable_size(ptr::null_mut());
        t.expect("the usable size of null", nothing, 0);
        for size in [1, 16, 17, 1000] {
            let block = t.malloc(size);
            let next = t.malloc(8);
            t.fill(next, 8, 1);
            let usable = t.usable_size(block);
            t.expect("it is enough", usable == 0 || usable >= size, true);
            t.fill(block, usable, 2);
            t.expect_filled(next, 8, 1);
        }
    });
}

// What cannot be had.

#[test]
fn a_size_past_the_largest_is_refused() {
    promise("No block is larger than isize::MAX; asking moves nothing.", |t| {
        let block = t.malloc(100);
        t.fill(block, 100, 7);
        let before = t.used();
        let largest = isize::MAX as usize;
        let near = |all: usize| (0..9).map(move |below| all - 8 * below);
        let sizes =
            near(largest).chain(near(largest + 65)).chain(near(usize::MAX));
        for size in sizes.chain([usize::MAX - 65_535]) {
            let blocks = [
                t.malloc(size),
                t.calloc(1, size),
                t.memalign(16, size),
                t.memalign(4096, size),
                t.memalign(largest + 1, size),
            ];
            for block in blocks {
                t.expect_null("the block", block);
            }
            let used = t.used();
            t.expect("the break", used, before);
        }
        t.expect_filled(block, 100, 7);
    });
}

#[test]
fn out_of_memory_loses_nothing() {
    promise("When memory runs out, all is as it was before.", |t| {
        let mut blocks = Vec::new();
        loop {
            let before = t.used();
            let block = t.malloc(1000);
            if block.is_null() {
                let used = t.used();
                t.expect("the break", used, before);
                break;
            }
            t.fill(block, 1000, blocks.len() as u8);
            blocks.push(block);
        }
        let enough = blocks.len() >= 40;
        t.expect("most of the memory was given out", enough, true);
        for (block, byte) in blocks.iter().zip(0..) {
            t.expect_filled(*block, 1000, byte);
        }
        for block in blocks {
            t.free(block);
        }
    });
}

#[test]
fn a_break_that_refuses_once_may_be_asked_again() {
    promise("A refused block can be asked for again later.", |t| {
        t.refuse(usize::MAX);
        let first = t.malloc(100);
        t.expect_null("the block while the break refuses", first);
        let first = t.calloc(1, 100);
        t.expect_null("the block while the break refuses", first);
        t.refuse(0);
        let first = t.malloc(100);
        t.expect_block("the block afterwards", first);
        t.fill(first, 100, 7);
        t.refuse(usize::MAX);
        let second = t.malloc(REGION / 2);
        t.expect_null("the block while the break refuses", second);
        t.refuse(0);
        let second = t.malloc(REGION / 4);
        t.expect_block("the block afterwards", second);
        t.fill(second, REGION / 4, 8);
        t.expect_filled(first, 100, 7);
    });
}

// A break that others move.

#[test]
fn what_somebody_else_took_stays_theirs() {
    promise("Memory that somebody else took is never touched.", |t| {
        let mut blocks = Vec::new();
        for bytes in [1, 100, 4096, 7] {
            for size in [100, 24, 2000] {
                let block = t.malloc(size);
                t.expect_block("the block", block);
                t.expect("its address modulo 16", block.addr() % 16, 0);
                t.fill(block, size, 7);
                blocks.push((block, size));
            }
            t.somebody_else_takes(bytes);
        }
        // Every other block first: their neighbours must not join over it.
        for start in [0, 1] {
            for &(block, size) in blocks.iter().skip(start).step_by(2) {
                t.expect_filled(block, size, 7);
                t.free(block);
            }
        }
        let (_, theirs) = t.heap.brk().foreign()[3];
        let kept = t.used() >= theirs;
        t.expect("the break is above what they took", kept, true);
        for _ in 0..4 {
            let block = t.calloc(1, 2000);
            t.expect_block("the block", block);
            t.fill(block, 2000, 8);
        }
        let intact = t.heap.brk().foreign_is_intact();
        t.expect("their memory is as they left it", intact, true);
    });
}

// The messages of this file.

#[test]
fn a_broken_promise_is_told_with_all_that_was_asked() {
    let failure = panic::catch_unwind(AssertUnwindSafe(|| {
        promise("Blocks are given out in alphabetical order.", |t| {
            let block = t.malloc(1);
            t.malloc(24);
            t.free(block);
            t.expect("the order", "random", "alphabetical");
        });
    }))
    .expect_err("the promise is not kept");
    let message = failure.downcast::<String>().expect("a message");
    for part in [
        "Blocks are given out in alphabetical order.",
        "malloc(1) gave a block at ",
        "free(a block at ",
        "..",
        "the order",
        "should be: \"alphabetical\"",
        "but is:    \"random\"",
    ] {
        assert!(message.contains(part), "{part:?} is missing from:\n{message}");
    }
}

/// The 24 orders in which four blocks can be freed.
fn permutations_of_four() -> Vec<[usize; 4]> {
    let mut orders = Vec::new();
    for code in 0..256 {
        let order = [code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6];
        if (0..4).all(|block| order.contains(&block)) {
            orders.push(order);
        }
    }
    orders
}
