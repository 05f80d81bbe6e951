//! The steps that the book shows on the way to a stage, against the shadow
//! heap: each keeps what it promises, and what it lacks is found.

use std::cell::RefCell;

use stage1_bump::Brk;
use tests::shadow::{Allocator, Break, Demands, play};

#[path = "../../book/steps/1-ten-lines.rs"]
mod ten_lines;

thread_local! {
    /// The break under the step that this thread tries.
    static BREAK: RefCell<Break> = RefCell::new(Break::new(0));
}

/// What the steps call: it takes and returns what C's `sbrk` does.
fn sbrk(increment: isize) -> *mut u8 {
    BREAK.with_borrow_mut(|brk| {
        // SAFETY: the shadow frees no memory to the break, and uses only what
        // lies below it.
        match unsafe { brk.sbrk(increment) } {
            Ok(old) => old.as_ptr(),
            Err(_) => std::ptr::without_provenance_mut(usize::MAX),
        }
    })
}

struct TenLines;

impl Allocator for TenLines {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        ten_lines::malloc(size)
    }

    unsafe fn free(&mut self, payload: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { ten_lines::free(payload) }
    }
}

/// Plays ten lines against the shadow, in memory enough.
fn play_ten_lines(align: usize, seed: u64) -> Result<(), String> {
    let demands =
        Demands { align, overhead: 0, nested: false, everything: false };
    let rounds = if cfg!(miri) { 50 } else { 500 };
    let brk = Break::new(rounds * 64);
    BREAK.set(brk.clone());
    play(TenLines, &brk, demands, seed, rounds)
}

#[test]
fn ten_lines_give_blocks_that_keep_their_contents() {
    let seeds = if cfg!(miri) { 2 } else { 100 };
    for seed in 0..seeds {
        if let Err(fault) = play_ten_lines(1, seed) {
            panic!("seed {seed}: {fault}");
        }
    }
}

#[test]
fn ten_lines_do_not_align_their_blocks() {
    let fault = play_ten_lines(16, 1).expect_err("an odd size, then a block");
    assert!(fault.starts_with("a block starts at a multiple of 16"), "{fault}");
}
