//! A program that writes past the end of a block, and notices nothing. It is
//! there to be looked at with a debugger.
//!
//! ```text
//! cargo build --example malloc3 --example overrun
//! LD_PRELOAD=target/debug/examples/libmalloc3.so target/debug/examples/overrun
//! ```

use std::ffi::c_char;
use std::hint::black_box;

use libc::{free, malloc};

/// A multiple of 16: a block of so many bytes has not one more. (And more than
/// any hole in the heap has, so that the next block lies right above.)
const ROOM: usize = 4000;

fn main() {
    let text = "x".repeat(ROOM);
    // SAFETY: none: the text has `ROOM` bytes, and a zero behind them.
    unsafe {
        let copy = black_box(malloc(ROOM));
        let numbers = black_box(malloc(ROOM));
        copy_text(copy.cast(), &text);
        free(numbers);
        free(copy);
    }
    println!("nobody has noticed");
}

/// Copies a text, and puts the zero behind it that C expects.
///
/// # Safety
///
/// `to` has room for it.
unsafe fn copy_text(to: *mut c_char, text: &str) {
    for (at, byte) in text.bytes().enumerate() {
        // SAFETY: as the caller promises.
        unsafe { to.add(at).write(byte as c_char) };
    }
    // SAFETY: as the caller should have promised.
    unsafe { to.add(text.len()).write(0) };
}
