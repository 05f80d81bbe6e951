//! The contract of stage 5, run on a step of the book that is no stage.
//!
//! The contract says `mod common`, and takes its heap from there. So it is
//! copied into a crate of its own, where `common` wraps the step.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use timing::run::{Outcome, run_within};
use timing::workspace::{profile_folder, workspace};

use crate::misuse_told::nightly;

/// How long a build may take, or all tests.
const LIMIT: Duration = Duration::from_secs(300);

/// What came of the tests.
#[derive(Debug)]
pub struct Report {
    /// A line for each test, in the order of their names, and how many passed.
    pub list: String,
    /// The tests that failed, and what they said.
    pub failed: BTreeMap<String, String>,
}

/// Runs the contract on `book/steps/STEP.rs`.
///
/// # Panics
///
/// If it cannot be built.
pub fn contract_on(step: &str) -> Report {
    let common = include_str!("../tests/steps5/common.rs");
    contract_with(
        step,
        common,
        &from_workspace(&format!("book/steps/{step}.rs")),
    )
}

/// Runs the contract on a heap of this name: `common` is what the contract
/// calls `common`, and `heap` what that calls `step`.
///
/// # Panics
///
/// If it cannot be built.
pub fn contract_with(name: &str, common: &str, heap: &str) -> Report {
    let folder = profile_folder().join("steps").join(name);
    write_crate(&folder, name, common, heap);
    let mut test = Command::new(build(&folder));
    test.args(["--test-threads", "1"])
        .current_dir(&folder)
        .env_remove("RUST_BACKTRACE");
    let outcome = run_within(LIMIT, test);
    let results = |line: &&str| {
        line.starts_with("test ") && !line.starts_with("test result")
    };
    let mut lines: Vec<&str> = outcome.stdout.lines().filter(results).collect();
    let passed = lines.iter().filter(|line| line.ends_with("ok")).count();
    let count = format!("{passed} passed, {} failed", lines.len() - passed);
    lines.extend(["", &count]);
    Report { list: lines.join("\n") + "\n", failed: failed(&outcome.stdout) }
}

/// As [`contract_with`], under Miri with these flags. Two at once need two names:
/// what is written and built for one must not change while Miri reads it for the
/// other.
pub fn contract_under_miri(
    name: &str,
    common: &str,
    heap: &str,
    flags: &str,
) -> Outcome {
    let folder = profile_folder().join("steps").join(name);
    write_crate(&folder, name, common, heap);
    let mut cargo = nightly(&["miri", "test", "--offline", "--quiet"]);
    cargo
        .args(["--test", "contract"])
        .current_dir(&folder)
        .env("MIRIFLAGS", format!("-Zmiri-strict-provenance {flags}"))
        .env("CARGO_TARGET_DIR", folder.join("target"));
    run_within(3 * LIMIT, cargo)
}

/// The tests that failed, and what they said.
fn failed(stdout: &str) -> BTreeMap<String, String> {
    let parts = stdout.split("\n---- ").skip(1);
    let test = |part: &str| {
        let (name, said) = part.split_once(" stdout ----\n")?;
        let (said, _) = said.split_once("\n\n\n").unwrap_or((said, ""));
        Some((name.to_owned(), said.to_owned()))
    };
    parts.filter_map(test).collect()
}

fn from_workspace(path: &str) -> String {
    let path = workspace().join(path);
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write_crate(folder: &Path, name: &str, common: &str, heap: &str) {
    let stage = workspace().join("stage5-lifo-stack");
    let manifest = format!(
        "[package]\nname = \"step-{name}\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\nstage5-lifo-stack = {{ path = {stage:?} }}\n"
    );
    let contract = from_workspace("stage5-lifo-stack/tests/contract.rs");
    let files = [
        ("Cargo.toml", manifest),
        ("Cargo.lock", from_workspace("Cargo.lock")),
        ("src/lib.rs", String::new()),
        ("tests/contract.rs", contract),
        ("tests/common/mod.rs", common.to_owned()),
        ("tests/common/step.rs", heap.to_owned()),
    ];
    for (path, text) in files {
        let path = folder.join(path);
        // What is as it should be is not built again.
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        let inside = path.parent().expect("a file lies in a folder");
        fs::create_dir_all(inside).expect("a folder of ours");
        fs::write(&path, text).expect("a file of ours");
    }
}

/// Builds the contract, and returns where it lies.
fn build(folder: &Path) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["test", "--offline", "--test", "contract", "--no-run"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.with_file_name("target"));
    let outcome = run_within(LIMIT, cargo);
    assert!(outcome.status.success(), "it does not build: {}", outcome.stderr);
    let program = outcome.stdout.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        Some(message["executable"].as_str()?.into())
    });
    program.expect("cargo names the test")
}
