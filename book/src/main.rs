//! `cargo run`: the book.

use std::process::ExitCode;

fn main() -> ExitCode {
    book::cli::main()
}
