//! A test that builds something says when it has to wait for another cargo.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

use timing::workspace::cargo_output;

/// Lets go of the lock as soon as it hears that somebody waits for it.
struct Holder {
    lock: Option<File>,
    heard: Vec<u8>,
}

impl Write for Holder {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lock = None;
        self.heard.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A package with nothing in it.
fn package(folder: &Path) {
    let manifest = "[package]\nname = \"empty\"\n\n[workspace]\n\n\
                    [lib]\npath = \"lib.rs\"\n";
    fs::write(folder.join("Cargo.toml"), manifest).expect("a file");
    fs::write(folder.join("lib.rs"), "").expect("a file");
}

fn check(folder: &Path) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["check", "--offline", "--target-dir", "target"]);
    cargo.current_dir(folder);
    cargo
}

#[test]
fn who_waits_for_another_cargo_hears_of_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    package(folder.path());
    let lock = folder.path().join("target/debug/.cargo-lock");
    let mut holder = Holder { lock: None, heard: Vec::new() };

    let alone = cargo_output(&mut check(folder.path()), &mut holder);
    assert!(alone.status.success(), "{alone:?}");
    assert_eq!(holder.heard, b"", "nobody is in the way");

    let lock = File::open(lock).expect("cargo's lock");
    lock.lock().expect("a lock");
    holder.lock = Some(lock);
    fs::write(folder.path().join("lib.rs"), "// New.").expect("a file");
    let waited = cargo_output(&mut check(folder.path()), &mut holder);
    assert!(waited.status.success(), "{waited:?}");
    let heard = String::from_utf8_lossy(&holder.heard);
    assert!(heard.contains("Blocking waiting for file lock"), "{heard:?}");
}
