//! A reader's clone of this repository, with the book's program to run in it.

#![allow(dead_code, reason = "not all tests that share this use all of it")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use timing::workspace::workspace;

/// This repository, copied, with the book's program to run in it.
pub struct Copy(TempDir);

impl Copy {
    pub fn new() -> Self {
        let this = Self(TempDir::new().unwrap());
        copy(workspace(), this.0.path());
        this
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub fn read(&self, path: &str) -> String {
        let path = self.path(path);
        fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// `cargo run -- …`, as cargo would start the program.
    pub fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_reader"))
            .args(arguments)
            .current_dir(self.0.path())
            .env("CARGO_MANIFEST_DIR", self.path("book"))
            // What copies depend on is built once.
            .env("CARGO_TARGET_DIR", target())
            .output()
            .unwrap()
    }

    /// What it prints, if all goes well.
    pub fn told(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {message}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it complains about, and its exit status.
    pub fn refused(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.run(arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), message)
    }
}

/// What comes of these arguments for the book's program, if this is typed.
pub fn typed(arguments: &[&str], typed: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_reader"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the book's program runs");
    let mut input = child.stdin.take().expect("it has an input");
    // It may have ended before it read all.
    let _ = input.write_all(typed.as_bytes());
    drop(input);
    child.wait_with_output().expect("it ends with its input")
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let from = entry.unwrap().path();
        let name = from.file_name().unwrap().to_str().unwrap();
        if [".git", "practice", "target"].contains(&name) {
            continue;
        }
        let to = to.join(name);
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

pub fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("practice-target")
}
