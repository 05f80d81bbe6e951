//! What tells of programs that break the rules of malloc, by watching every
//! access: `tests/examples/misuse.rs` is run under each such tool.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use timing::run::{Outcome, installed, run_within};
use timing::workspace::{build_example, profile_folder, workspace};

use crate::misuse::{MISUSES, row};

/// How long a tool may take, with what it has to build.
const LIMIT: Duration = Duration::from_secs(600);

/// What watches a program.
pub struct Tool {
    /// What heads its column.
    pub name: &'static str,
    /// Runs one of the programs under it.
    run: fn(&str) -> Outcome,
    /// What it says first of a fault, from this word on.
    first: &'static str,
    /// What all its findings begin with, and so is left out of the table.
    skips: &'static str,
    /// A program cannot be watched that asks for something it does not know.
    lacks: &'static str,
}

const TOOLS: [Tool; 3] = [
    Tool {
        name: "valgrind",
        run: under_valgrind,
        first: "",
        skips: "",
        lacks: "unhandled instruction",
    },
    Tool {
        name: "AddressSanitizer",
        run: with_address_sanitizer,
        first: "ERROR: ",
        skips: "AddressSanitizer: ",
        lacks: "is not supported",
    },
    Tool {
        name: "Miri",
        run: under_miri,
        first: "error: ",
        skips: "Undefined Behavior: ",
        lacks: "unsupported operation",
    },
];

impl Tool {
    /// Those that are there, and a line for each that is not.
    pub fn all() -> (Vec<Self>, Vec<String>) {
        let mut missing = Vec::new();
        let mut there = Vec::new();
        for tool in TOOLS {
            let is_there = match tool.name {
                "valgrind" => installed("valgrind").is_some(),
                "Miri" => is_well(nightly().args(["miri", "--version"])),
                _ => is_well(nightly().arg("--version")),
            };
            if is_there {
                there.push(tool);
            } else {
                missing.push(format!("{} is left out: install it", tool.name));
            }
        }
        (there, missing)
    }
}
