//! The book's program, as `cargo run` builds it: cargo tells a test where the
//! programs of its own package are, and of no other.

use std::process::ExitCode;

fn main() -> ExitCode {
    book::cli::main()
}
