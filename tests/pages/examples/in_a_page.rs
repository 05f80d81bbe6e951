//! Compiles the program that lies in the page *Try it*, and puts it there, with
//! the beginnings of the recorded programs.
//!
//! ```text
//! rustup target add wasm32-unknown-unknown
//! cargo run -p pages --example in_a_page
//! ```

use std::fs;

use pages::in_a_page::{kept, kept_recorded, make, recorded};

fn main() {
    let made = make();
    fs::write(kept(), &made).expect("the book's folder can be written to");
    fs::write(kept_recorded(), recorded()).expect("as above");
    println!("{} bytes", made.len());
}
