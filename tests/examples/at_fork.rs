//! A library that asks for memory whenever its process forks: before the fork,
//! after it, and in the child.
//!
//! It says so when it is loaded, before anybody has asked for memory. Where
//! that is too early or too late for a heap behind a lock, a program that forks
//! hangs.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::hint::black_box;

/// The loader calls this.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_THE_START: extern "C" fn() = register;

extern "C" fn register() {
    // SAFETY: the functions are there as long as the process: a preloaded
    // library is never unloaded.
    unsafe {
        libc::pthread_atfork(Some(allocate), Some(allocate), Some(allocate));
    }
}

extern "C" fn allocate() {
    // SAFETY: nobody else has the block.
    unsafe { libc::free(black_box(libc::malloc(100))) };
}
