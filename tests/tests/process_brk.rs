//! The break of this process, which all the stages move in the same way.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use stage1_bump::{Brk, OutOfMemory, ProcessBrk};

#[test]
#[cfg_attr(miri, ignore = "Miri has no break")]
fn what_the_kernel_refuses_is_out_of_memory() {
    // SAFETY: what is refused moves nothing, so nobody's break is moved.
    let mut brk = unsafe { ProcessBrk::new() };
    // SAFETY: the break would rise: nothing is given back.
    let moved = unsafe { brk.sbrk(isize::MAX) };
    assert_eq!(moved, Err(OutOfMemory), "half of all addresses");
}
