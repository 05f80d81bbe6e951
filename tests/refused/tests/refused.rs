//! What the compiler refuses: each program in the folder of a stage, and what
//! misuses a block without `unsafe`, with the words that stand beside it.

use std::env;
use std::process::Command;

/// The words are those of one compiler.
fn is_our_compiler() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or("rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    let version = output.map(|it| String::from_utf8_lossy(&it.stdout).into());
    let version: String = version.unwrap_or_default();
    let ours = format!("rustc {}.", env!("CARGO_PKG_RUST_VERSION"));
    if !version.starts_with(&ours) {
        println!("skipped: {version:?} is not {ours:?}");
    }
    version.starts_with(&ours)
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn the_compiler_refuses_what_is_wrong() {
    if is_our_compiler() {
        let cases = trybuild::TestCases::new();
        cases.compile_fail("tests/stage*/*.rs");
        cases.compile_fail("tests/misuse/*.rs");
    }
}
