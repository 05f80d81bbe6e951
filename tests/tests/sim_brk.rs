//! What the simulated break does, since every other test rests on it.

use std::fs;
use std::mem::MaybeUninit;

use stage1_bump::brk::PAGE;
use stage1_bump::{Brk, OutOfMemory, SimBrk};
use timing::workspace::workspace;

fn region(bytes: usize) -> Box<[MaybeUninit<u8>]> {
    Box::new_uninit_slice(bytes)
}

/// Moves the break; the tests below use nothing that they have given back.
fn sbrk(brk: &mut SimBrk, increment: isize) -> Result<*mut u8, OutOfMemory> {
    // SAFETY: as above.
    unsafe { brk.sbrk(increment) }.map(|old| old.as_ptr())
}

/// The `len` bytes from `at` on, which lie below the break.
fn bytes(at: *mut u8, len: usize) -> Vec<u8> {
    // SAFETY: the break has risen past them, which wrote them.
    unsafe { std::slice::from_raw_parts(at, len) }.to_vec()
}

#[test]
fn it_returns_the_old_break() {
    let mut region = region(100);
    let mut brk = SimBrk::new(&mut region);
    let start = brk.start().as_ptr();
    assert_eq!(sbrk(&mut brk, 30), Ok(start));
    assert_eq!(sbrk(&mut brk, 30), Ok(start.wrapping_add(30)));
    assert_eq!(sbrk(&mut brk, -10), Ok(start.wrapping_add(60)));
    assert_eq!(sbrk(&mut brk, 0), Ok(start.wrapping_add(50)));
    assert_eq!(brk.used(), 50);
}

#[test]
fn whole_pages_are_zero_each_time_and_the_rest_of_one_is_poison() {
    let mut region = region(4 * PAGE);
    let page = region.as_ptr().align_offset(PAGE);
    let mut brk = SimBrk::new(&mut region[page..]);
    let start = sbrk(&mut brk, 100).unwrap();
    assert_eq!(bytes(start, 100), [0; 100], "the start of a page");
    for time in 0..3 {
        let above = sbrk(&mut brk, PAGE as isize).unwrap();
        let rest = PAGE - 100;
        assert_eq!(bytes(above, rest), vec![SimBrk::POISON; rest], "{time}");
        let next = above.wrapping_add(rest);
        assert_eq!(bytes(next, 100), [0; 100], "the next page, {time}");
        // SAFETY: the break has risen by so much.
        unsafe { above.write_bytes(7, PAGE) };
        sbrk(&mut brk, -(PAGE as isize)).unwrap();
    }
    assert_eq!(bytes(start, 100), [0; 100], "kept all the time");
}

#[test]
fn what_somebody_else_gave_back_is_as_they_left_it() {
    let mut region = region(4 * PAGE);
    let page = region.as_ptr().align_offset(PAGE);
    let mut brk = SimBrk::new(&mut region[page..]);
    sbrk(&mut brk, 100).unwrap();
    brk.somebody_else_gives_back(2 * PAGE).unwrap();
    assert_eq!(brk.used(), 100, "the break is where it was");
    assert_eq!(brk.foreign(), [], "nothing is theirs");
    let above = sbrk(&mut brk, PAGE as isize).unwrap();
    let rest = PAGE - 100;
    assert_eq!(bytes(above, rest), vec![SimBrk::FOREIGN; rest]);
    assert_eq!(bytes(above.wrapping_add(rest), 100), [0; 100]);
    let too_much = brk.somebody_else_gives_back(3 * PAGE);
    assert_eq!(too_much, Err(OutOfMemory));
}

#[test]
fn it_stays_within_its_region() {
    let mut region = region(100);
    let mut brk = SimBrk::new(&mut region);
    for increment in [101, isize::MAX, -1, isize::MIN] {
        assert_eq!(sbrk(&mut brk, increment), Err(OutOfMemory), "{increment}");
        assert_eq!(brk.used(), 0);
    }
    assert!(sbrk(&mut brk, 100).is_ok());
    assert_eq!(sbrk(&mut brk, 1), Err(OutOfMemory));
    assert_eq!(brk.used(), 100);
}

#[test]
fn it_refuses_as_often_as_it_is_told_to() {
    let mut region = region(100);
    let mut brk = SimBrk::new(&mut region);
    brk.refuse(2);
    assert_eq!(sbrk(&mut brk, 1), Err(OutOfMemory));
    assert!(sbrk(&mut brk, 0).is_ok(), "asking where it is is no move");
    assert_eq!(sbrk(&mut brk, 1), Err(OutOfMemory));
    assert!(sbrk(&mut brk, 1).is_ok());
}

#[test]
fn it_counts_every_move_that_was_asked_for() {
    let mut region = region(100);
    let mut brk = SimBrk::new(&mut region);
    brk.refuse(1);
    for increment in [10, 10, 0, -5, 1000, 0] {
        let _ = sbrk(&mut brk, increment);
    }
    assert_eq!(brk.calls(), 4);
}

#[test]
fn what_somebody_else_took_is_watched() {
    let mut region = region(100);
    let mut brk = SimBrk::new(&mut region);
    sbrk(&mut brk, 10).unwrap();
    brk.somebody_else_takes(20).unwrap();
    let above = sbrk(&mut brk, 10).unwrap();
    assert_eq!(above.addr() - brk.start().addr().get(), 30);
    assert_eq!(brk.foreign(), [(10, 30)]);
    assert!(brk.foreign_is_intact());

    // One byte of theirs written, as by a heap that thinks it its own.
    // SAFETY: the byte lies in the region.
    unsafe { brk.start().add(29).write(0) };
    assert!(!brk.foreign_is_intact());
}

#[test]
fn what_somebody_else_took_and_the_heap_gave_back_is_noticed() {
    let mut region = region(100);
    let mut brk = SimBrk::new(&mut region);
    sbrk(&mut brk, 10).unwrap();
    brk.somebody_else_takes(20).unwrap();
    sbrk(&mut brk, -1).unwrap();
    assert!(!brk.foreign_is_intact());
}

#[test]
fn somebody_else_takes_no_more_than_there_is() {
    let mut region = region(100);
    let mut brk = SimBrk::new(&mut region);
    assert_eq!(brk.somebody_else_takes(101), Err(OutOfMemory));
    for _ in 0..8 {
        assert_eq!(brk.somebody_else_takes(1), Ok(()));
    }
    assert_eq!(brk.somebody_else_takes(1), Err(OutOfMemory));
    assert_eq!(brk.used(), 8);
}

/// So that what holds of the first one here holds of all of them.
#[test]
#[cfg_attr(miri, ignore = "Miri reads no file")]
fn it_is_the_same_in_every_stage() {
    let read = |stage: &str| {
        let path = workspace().join(stage).join("src/brk.rs");
        fs::read_to_string(path).expect("a stage has a break")
    };
    let first = read("stage1-bump");
    for stage in [
        "stage2-headers",
        "stage3-freelist",
        "stage4-threadsafe",
        "stage5-lifo-stack",
    ] {
        assert_eq!(read(stage), first, "the break of {stage}");
    }
}
