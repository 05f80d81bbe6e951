//! What a reader sees who has put a fault into a copy of stage 2.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use book::{practice, stage};
use tempfile::TempDir;
use tests::NIGHTLY;
use timing::run::run_within;
use timing::workspace::{profile_folder, workspace};

/// How long a tool may take, with what it has to build.
const LIMIT: Duration = Duration::from_secs(600);

/// A copy of stage 2 with other text in one place of its heap.
fn copy_with(right: &str, wrong: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let copy = folder.path().join("stage2");
    let stage = stage::find(workspace(), "2").expect("a stage 2");
    practice::copy(workspace(), &stage, &copy, false).expect("a copy");
    let file = copy.join("src/heap.rs");
    let source = fs::read_to_string(&file).expect("a heap");
    assert_eq!(source.matches(right).count(), 1, "{right:?} stands there once");
    let source = source.replacen(right, wrong, 1);
    fs::write(file, source).expect("a folder of ours");
    (folder, copy)
}

/// `cargo`, run in `folder` with these arguments. It has to fail. What it says
/// comes back: its tests' words, and its own behind them.
fn failure(folder: &Path, arguments: &[&str]) -> String {
    let mut cargo = Command::new("cargo");
    cargo.args(arguments).current_dir(folder).env("RUST_BACKTRACE", "0");
    // What cargo has told this process is for this process alone.
    cargo.env_remove("RUSTUP_TOOLCHAIN").env_remove("MALLOC_SEED");
    let outcome = run_within(LIMIT, cargo);
    let said = outcome.stdout + &outcome.stderr;
    assert!(!outcome.status.success(), "the fault is found: {said}");
    said
}

/// What the shadow says when `release_end` does not ask whether blocks touch:
/// the fault, and the first and last of what led to it.
pub fn shadow() -> String {
    let (_folder, copy) = copy_with(
        "!(*block).is_free || !is_joined(block, next)",
        "!(*block).is_free || false && is_joined(block, next)",
    );
    let paths = format!("paths=[{copy:?}]");
    let target = profile_folder();
    let target = target.parent().and_then(Path::to_str).expect("a plain path");
    let said = failure(
        workspace(),
        &[
            "test",
            "--quiet",
            "--config",
            &paths,
            "--target-dir",
            target,
            "-p",
            "tests",
            "--test",
            "shadow",
            "stage_2",
        ],
    );
    let fault = said.lines().skip_while(|it| !it.contains("panicked at"));
    let fault = fault.skip(1).take_while(|it| !it.is_empty());
    let fault: Vec<_> = fault.filter(|it| *it != "the heap: ").collect();
    let (first, last) = (&fault[..4], &fault[fault.len() - 6..]);
    [first, &["    …"], last].concat().join("\n") + "\n"
}

/// What Miri says when a header is found from the program's own pointer: the
/// use that is wrong, and where the pointer came from.
pub fn miri() -> String {
    let (_folder, copy) = copy_with(
        "self.first.with_addr(payload.addr().wrapping_sub(HEADER))",
        "payload.wrapping_sub(HEADER).cast::<Header>()",
    );
    let toolchain = format!("+{NIGHTLY}");
    let said = failure(
        &copy,
        &[&toolchain, "miri", "test", "--test", "contract", "box"],
    );
    let start = said.find("error: Undefined Behavior").expect("its finding");
    let finding = said[start..].lines();
    let finding = finding.take_while(|it| !it.contains("= note: "));
    // What Miri has to say of itself.
    let finding = finding.filter(|it| !it.contains("= help: "));
    finding.map(|line| format!("{line}\n")).collect()
}
