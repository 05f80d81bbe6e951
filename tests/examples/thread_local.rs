//! A library with a variable for each thread. Copies of it are different
//! libraries to the loader, each with a variable of its own.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::cell::Cell;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(100) };
}

/// Counts this thread's calls, from 100 on.
#[unsafe(no_mangle)]
pub extern "C" fn count() -> usize {
    COUNT.set(COUNT.get() + 1);
    COUNT.get()
}
