//! Who tells of each misuse, and in which words: heaps and valgrind, or, with a
//! nightly compiler, AddressSanitizer and Miri.
//!
//! ```text
//! cargo run -p tests --example misuse_told
//! cargo run -p tests --example misuse_told -- nightly
//! ```

use std::env;

use tests::misuse_told::{NIGHTLY, WATCHERS, words};

fn main() {
    let who = env::args().nth(1);
    print!(
        "{}",
        match who.as_deref() {
            Some("nightly") => words(&NIGHTLY),
            _ => words(&WATCHERS),
        }
    );
}
