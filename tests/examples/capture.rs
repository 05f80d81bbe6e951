//! Makes the outputs that the book quotes again: all of them, or those that
//! are named.
//!
//! ```text
//! cargo run -p tests --example capture
//! cargo run -p tests --example capture -- growth ten-lines
//! ```

use std::{env, fs};

use tests::captures::CAPTURES;

fn main() {
    let names: Vec<String> = env::args().skip(1).collect();
    for name in &names {
        assert!(
            CAPTURES.iter().any(|capture| capture.name == name),
            "no capture is called {name:?}"
        );
    }
    for capture in &CAPTURES {
        if names.is_empty() || names.iter().any(|name| name == capture.name) {
            fs::write(capture.file(), capture.make().to_string())
                .expect("the book's folder can be written to");
            println!("book/captured/{}.txt", capture.name);
        }
    }
}
