//! A program that breaks the rules of `free`, as it is told: it frees a block
//! `twice`, frees `something-else` than a block, or frees the `middle` of one.
//!
//! ```text
//! cargo build -p tests --example wrong_free
//! LD_PRELOAD=target/debug/examples/libmalloc3.so \
//!     target/debug/examples/wrong_free twice
//! ```

use std::env;
use std::hint::black_box;

use libc::{calloc, free, malloc};

fn main() {
    let what = env::args().nth(1).unwrap_or_default();
    // A compiler knows malloc, and might leave it out: `black_box` forbids it.
    // SAFETY: none for the last `free`, which is the crime.
    unsafe {
        let block = black_box(calloc(1, 100));
        // Above it there is a block that stays.
        black_box(malloc(100));
        match what.as_str() {
            "twice" => {
                free(block);
                free(black_box(block));
            }
            "something-else" => {
                let mut local = 0_u128;
                free(black_box((&raw mut local).cast()));
            }
            "middle" => free(black_box(block.byte_add(48))),
            _ => panic!("twice, something-else or middle?"),
        }
    }
    println!("nobody has noticed");
}
