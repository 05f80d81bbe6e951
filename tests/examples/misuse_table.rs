//! What comes of each misuse, on each heap: a table of ours, and one of what
//! others have made.
//!
//! ```text
//! cargo run -p tests --example misuse_table
//! ```
//!
//! `-` is nothing to see; `data`: the program found other bytes than it had
//! written; `told`: a line on standard error, and the end; `killed`: a signal
//! without a word; `hangs`: it was ended after some seconds.

use tests::misuse::{Library, table};

fn main() {
    println!("{}", table(&Library::ours()));
    let (others, missing) = Library::of_others();
    print!("{}", table(&others));
    for line in missing {
        println!("{line}");
    }
}
