//! What tells of each misuse that watches a program while it runs: valgrind,
//! AddressSanitizer and Miri. What is not there is left out.
//!
//! ```text
//! cargo run -p tests --example misuse_told
//! cargo run -p tests --example misuse_told -- twice_at_once
//! ```
//!
//! With the name of a misuse it prints the first words of each of them, without
//! it a table: a word for each that spoke up, `-` for each that did not.

use std::env;

use tests::misuse::MISUSES;
use tests::misuse_told::{Tool, table};

fn main() {
    let (tools, missing) = Tool::all();
    match env::args().nth(1) {
        None => print!("{}", table(&tools)),
        Some(misuse) => {
            let is_one = MISUSES.iter().any(|it| it.0 == misuse);
            assert!(is_one, "{misuse} is none of {MISUSES:?}");
            for tool in &tools {
                println!("{}:", tool.name);
                match tool.watch(&misuse) {
                    Some(words) => println!("{words}\n"),
                    None => println!("nothing\n"),
                }
            }
        }
    }
    for line in missing {
        println!("{line}");
    }
}
