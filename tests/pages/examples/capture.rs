//! Makes the outputs that the book quotes again: all of them, or those that
//! are named.
//!
//! ```text
//! cargo run -p pages --example capture
//! cargo run -p pages --example capture -- growth ten-lines
//! ```

use std::{env, fs};

use pages::captures::CAPTURES;
use timing::progress::Progress;

fn main() {
    let names: Vec<String> = env::args().skip(1).collect();
    for name in &names {
        assert!(
            CAPTURES.iter().any(|capture| capture.name == name),
            "no capture is called {name:?}"
        );
    }
    let is_wanted =
        |name| names.is_empty() || names.iter().any(|it| it == name);
    let progress =
        Progress::new(CAPTURES.iter().filter(|it| is_wanted(it.name)).count());
    for capture in CAPTURES.iter().filter(|it| is_wanted(it.name)) {
        progress.step(capture.name);
        fs::write(capture.file(), capture.make().to_string())
            .expect("the book's folder can be written to");
        progress.print(format!("book/captured/{}.txt", capture.name));
    }
}
