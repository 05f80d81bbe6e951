//! What is kept with a result: the system, the machine, the day.

use std::path::Path;
use std::process::Command;
use std::{env, fs, thread};

use crate::workspace::workspace;

/// What stands in place of a figure that cannot be had. Behind it is said why.
pub const NO_FIGURE: &str = "no figure";

/// A table of results as it is kept: lines that say what made it, the names of
/// the columns, and the rows.
pub fn table(
    about: &[(&str, String)],
    columns: &[&str],
    rows: &[Vec<String>],
) -> String {
    let about = about.iter().map(|(key, value)| format!("# {key}: {value}"));
    let rows = rows.iter().map(|row| row.join(","));
    let lines = about.chain([columns.join(",")]).chain(rows);
    lines.map(|line| line + "\n").collect()
}

/// The system that this runs on, in a line.
pub fn system() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .unwrap_or("Linux")
        .trim_matches('"');
    let rustc = printed("rustc", &["--version"]);
    let words: Vec<&str> = rustc.split_whitespace().take(2).collect();
    format!(
        "{name}, {}, glibc {}, {}",
        env::consts::ARCH,
        glibc(),
        words.join(" ")
    )
}

#[cfg(target_env = "gnu")]
fn glibc() -> String {
    // SAFETY: it returns a string that stays.
    let version =
        unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
    version.to_string_lossy().into_owned()
}

#[cfg(not(target_env = "gnu"))]
fn glibc() -> String {
    "none".to_owned()
}

/// The processor.
pub fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    let model =
        model.map_or("unknown", |line| line.trim_matches([' ', '\t', ':']));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    format!("{model}; {cores} cores")
}

/// The day, in Greenwich.
pub fn date() -> String {
    printed("date", &["-u", "+%F"])
}

/// The commit of the workspace, and whether it has been changed since.
pub fn commit() -> String {
    commit_of(workspace())
}

/// The same for another repository. That results are new is no change: whoever
/// measures one thing after another writes them meanwhile.
///
/// # Panics
///
/// If git fails there.
pub fn commit_of(repository: &Path) -> String {
    let results = [
        ":/",
        ":(top,exclude)tests/bench/results",
        ":(top,exclude)tests/results",
    ];
    let status = ["status", "--porcelain", "--untracked-files=no", "--"];
    let status = [&status[..], &results].concat();
    let changed = printed_in(repository, "git", &status);
    let commit = printed_in(repository, "git", &["describe", "--always"]);
    if changed.is_empty() { commit } else { commit + "-dirty" }
}

/// What a command prints in the workspace, without the space around it.
///
/// # Panics
///
/// If it does not start, or fails.
pub fn printed(program: &str, args: &[&str]) -> String {
    printed_in(workspace(), program, args)
}

fn printed_in(folder: &Path, program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
