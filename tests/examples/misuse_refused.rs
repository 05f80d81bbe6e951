//! What the compiler says of each misuse, where it can be written without
//! `unsafe`.
//!
//! ```text
//! cargo run -p tests --example misuse_refused
//! ```

fn main() {
    print!("{}", tests::misuse_refused::words());
}
