//! Compiles the program that lies in the page *Try it*, and puts it there.
//!
//! ```text
//! rustup target add wasm32-unknown-unknown
//! cargo run -p pages --example in_a_page
//! ```

use std::fs;

use pages::in_a_page::{kept, make};

fn main() {
    let made = make();
    fs::write(kept(), &made).expect("the book's folder can be written to");
    println!("{} bytes", made.len());
}
