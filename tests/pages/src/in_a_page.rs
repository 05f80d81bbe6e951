//! What lies in the page *Try it*: the stages' heaps, compiled for a browser,
//! and how recorded programs begin.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use book::tryit::{PROGRAM, RECORDED};
use play::heap::ROOM;
use play::program::Line;
use timing::trace::programs::RECORDINGS;
use timing::trace::{Event, Trace, What};
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

/// How many calls of each recording are shown.
const CALLS: usize = 60;

/// The stage whose heap shows them.
const STAGE: u32 = 3;

/// The file that the book has of them.
pub fn kept_recorded() -> PathBuf {
    workspace().join("book").join(RECORDED)
}

/// How each recorded program begins: a line each, with a title and what stands
/// in the address of the page.
pub fn recorded() -> String {
    let line = |name: &str| {
        let calls = calls(&Trace::load(name).events);
        format!("{name}\t{STAGE}/{ROOM}/{}\n", calls.join(";"))
    };
    RECORDINGS.iter().map(|recording| line(recording.name)).collect()
}

fn calls(events: &[Event]) -> Vec<String> {
    let name = |block: u32| format!("p{block}");
    let size = |size: u64| usize::try_from(size).expect("the room is less");
    let mut blocks = 0..;
    let calls = events.iter().take(CALLS).map(|event| match event.what {
        What::Allocate { size: bytes, align } => {
            let name = name(blocks.next().expect("a number"));
            let size = size(bytes);
            match align {
                Some(align) => {
                    let align = align as usize;
                    Line::Memalign { name, align, size }
                }
                None => Line::Malloc { name, size },
            }
        }
        What::Resize { block, size: bytes } => Line::Realloc {
            name: name(block),
            old: name(block),
            size: size(bytes),
        },
        What::Free { block } => Line::Free { name: name(block), offset: 0 },
    });
    calls.map(|line| line.short()).collect()
}
