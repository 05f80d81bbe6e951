//! Tables of results, as they are kept.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, thread};

use crate::measure::Plan;

/// The folder that holds the whole workspace.
pub fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("the bench lies in `tests`")
}

/// The folder of `target` that this program was built into.
pub fn profile_folder() -> PathBuf {
    let program = env::current_exe().expect("a program knows where it lies");
    program.parent().expect("a file lies in a folder").to_owned()
}

/// Prints a table, and keeps it if that is the plan.
pub fn keep(plan: Plan, name: &str, columns: &[&str], rows: &[Vec<String>]) {
    print(name, columns, rows);
    if !plan.is_kept {
        return;
    }
    let mut text = String::new();
    for (key, value) in about() {
        writeln!(text, "# {key}: {value}").expect("a string takes it all");
    }
    text += &columns.join(",");
    text += "\n";
    for row in rows {
        text += &row.join(",");
        text += "\n";
    }
    let file = workspace().join("tests/bench/results").join(name);
    fs::write(file.with_extension("csv"), text).expect("the folder is there");
}

fn print(name: &str, columns: &[&str], rows: &[Vec<String>]) {
    println!("\n{name}");
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].len());
        cells.chain([columns[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded =
            cells.zip(&widths).map(|(it, width)| format!("{it:>width$}"));
        println!("{}", padded.collect::<Vec<_>>().join("  "));
    };
    line(&mut columns.iter().copied());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
}

/// What there is to know about a table.
fn about() -> [(&'static str, String); 6] {
    [
        ("command", "cargo run --release -p bench -- all".to_owned()),
        ("system", system()),
        ("machine", machine()),
        ("peers", peers()),
        ("date", printed("date", &["-u", "+%F"])),
        ("commit", printed("git", &["describe", "--always", "--dirty"])),
    ]
}

/// Which packages the peers that are built in come from.
fn peers() -> String {
    let lock = fs::read_to_string(workspace().join("Cargo.lock"));
    let lock = lock.expect("Cargo.lock is part of the workspace");
    let version = |name: &str| {
        let start = format!("name = \"{name}\"\nversion = \"");
        let (_, rest) = lock.split_once(&start)?;
        Some(format!("{name} {}", rest.split(['"', '+']).next()?))
    };
    let names = ["libmimalloc-sys", "tikv-jemalloc-sys", "snmalloc-sys"];
    names.iter().filter_map(|it| version(it)).collect::<Vec<_>>().join("; ")
}

/// The system that this runs on, in a line.
fn system() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .unwrap_or("Linux")
        .trim_matches('"');
    // SAFETY: it returns a string that stays.
    let glibc =
        unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
    let rustc = printed("rustc", &["--version"]);
    let words: Vec<&str> = rustc.split_whitespace().take(2).collect();
    format!(
        "{name}, {}, glibc {}, {}, transparent huge pages: {}",
        env::consts::ARCH,
        glibc.to_string_lossy(),
        words.join(" "),
        huge_pages(),
    )
}

/// The choice that stands in brackets: `always [madvise] never`.
fn huge_pages() -> String {
    let file = "/sys/kernel/mm/transparent_hugepage/enabled";
    let choices = fs::read_to_string(file).unwrap_or_default();
    let chosen = choices.split(['[', ']']).nth(1);
    chosen.unwrap_or("unknown").to_owned()
}

/// The processor.
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    let model =
        model.map_or("unknown", |line| line.trim_matches([' ', '\t', ':']));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    format!("{model}; {cores} cores")
}

/// What a command prints.
pub fn printed(program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .current_dir(workspace())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What this program prints when it is started once more, in a fresh process:
/// numbers.
pub fn in_a_fresh_process(args: &[&str]) -> Vec<f64> {
    let program = env::current_exe().expect("a program knows where it lies");
    let output = Command::new(program).args(args).output();
    let output = output.expect("this program starts");
    assert!(output.status.success(), "{args:?}: {output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers = text.split_whitespace().map(str::parse);
    numbers.collect::<Result<_, _>>().expect("it prints numbers")
}
