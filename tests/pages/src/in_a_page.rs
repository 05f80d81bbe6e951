//! The program that lies in the page *Try it*: the stages' heaps, compiled for
//! a browser.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use book::tryit::PROGRAM;
use timing::workspace::workspace;

const TARGET: &str = "wasm32-unknown-unknown";

/// The file that the book has.
pub fn kept() -> PathBuf {
    workspace().join("book").join(PROGRAM)
}

/// Whether there is a standard library for it.
pub fn can_be_made() -> bool {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    let printed = rustc.current_dir(workspace()).output();
    printed.is_ok_and(|printed| {
        let folder = String::from_utf8_lossy(&printed.stdout);
        PathBuf::from(folder.trim_end()).is_dir()
    })
}

/// Compiles it, and returns its bytes: the same on every machine.
pub fn make() -> Vec<u8> {
    assert!(can_be_made(), "it needs `rustup target add {TARGET}`");
    let folder = workspace().join("target/in-a-page");
    let output = Command::new(env!("CARGO"))
        .current_dir(workspace())
        .args(["build", "-p", "play", "--example", "page"])
        .args(["--target", TARGET, "--profile", "page", "--target-dir"])
        .arg(&folder)
        .env_remove("RUSTFLAGS")
        .output()
        .expect("cargo starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo failed:\n{errors}");
    let made = folder.join(TARGET).join("page/examples/page.wasm");
    fs::read(made).expect("cargo has made it")
}
