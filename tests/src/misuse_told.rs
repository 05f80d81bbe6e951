//! Who would have told: what heaps and tools say of programs that break the
//! rules. `tests/examples/misuse.rs` is run under each of them.

use std::env;
use std::process::Command;
use std::time::Duration;

use timing::run::{Outcome as Ended, command, installed, run_or_kill};
use timing::workspace::{build_example, cargo_settings, workspace};

use crate::misuse::{Library, MISUSES, Outcome};

/// How long one of them may take, with what it has to build.
const LIMIT: Duration = Duration::from_secs(300);

/// Who might tell.
pub struct Watcher {
    name: &'static str,
    /// What it says first of a misuse, in one line.
    words: fn(&str) -> Option<String>,
    is_there: fn() -> bool,
    /// Whether it is passed over where it says nothing.
    is_heap: bool,
}

/// A heap, by the name that it has in the table of misuses.
macro_rules! heap {
    ($name:literal, $column:literal) => {
        Watcher {
            name: $name,
            words: |misuse| heap(&Library::named($column)?, misuse),
            is_there: || Library::named($column).is_some(),
            is_heap: true,
        }
    };
}

/// The heaps that tell anything, and what watches a program as it comes from the
/// compiler.
pub const WATCHERS: [Watcher; 7] = [
    heap!("stage 2", "2"),
    heap!("stage 4", "4"),
    heap!("one stack", "one stack"),
    heap!("per thread", "per thread"),
    heap!("glibc", "glibc"),
    heap!("tcmalloc", "tcmalloc"),
    Watcher {
        name: "valgrind",
        words: valgrind,
        is_there: || installed("valgrind").is_some(),
        is_heap: false,
    },
];

/// What needs a nightly compiler.
pub const NIGHTLY: [Watcher; 2] = [
    Watcher {
        name: "AddressSanitizer",
        words: address_sanitizer,
        is_there: || is_well(nightly(&["--version"])),
        is_heap: false,
    },
    Watcher {
        name: "Miri",
        words: miri,
        is_there: || is_well(nightly(&["miri", "--version"])),
        is_heap: false,
    },
];

/// What each of them says of each misuse, and who is not there.
pub fn words(watchers: &[Watcher]) -> String {
    let (there, missing): (Vec<_>, Vec<_>) =
        watchers.iter().partition(|watcher| (watcher.is_there)());
    let mut words = String::new();
    for (misuse, what) in MISUSES {
        words += &format!("{what}\n");
        for Watcher { name, words: of, is_heap, .. } in &there {
            let said = of(misuse);
            if *is_heap && said.is_none() {
                continue;
            }
            let said = said.unwrap_or_else(|| "-".to_owned());
            let said = folded(&said).join(&format!("\n{:20}", ""));
            words += &format!("  {name:16}  {said}\n");
        }
    }
    for Watcher { name, .. } in missing {
        words += &format!("{name} is left out: it is not installed\n");
    }
    words
}

/// A text in lines of no more than sixty letters, if its words allow it.
pub fn folded(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        if lines[last].is_empty() {
            lines[last] = word.to_owned();
        } else if lines[last].len() + word.len() < 60 {
            lines[last] += " ";
            lines[last] += word;
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

fn heap(heap: &Library, misuse: &str) -> Option<String> {
    match heap.outcome(misuse) {
        Outcome::Told(words) => Some(words),
        _ => None,
    }
}

/// The program under one of them.
fn watched(mut program: Command, misuse: &str) -> Ended {
    program.arg(misuse);
    let shown = format!("{program:?}");
    run_or_kill(LIMIT, program).unwrap_or_else(|| panic!("{shown} hangs"))
}

fn valgrind(misuse: &str) -> Option<String> {
    let mut valgrind = command("valgrind", workspace());
    valgrind.args(["--leak-check=full", "--error-exitcode=9"]);
    valgrind.arg(build_example("misuse"));
    let ended = watched(valgrind, misuse);
    // `==123== Invalid write of size 1`, after the first line without words.
    let lines = ended.stderr.lines().filter_map(|line| line.rsplit_once("== "));
    let lines: Vec<&str> = lines.map(|(_, words)| words.trim()).collect();
    let start = lines.iter().position(|line| line.is_empty())?;
    let is_said =
        |line: &&&str| !line.is_empty() && !line.starts_with("Thread ");
    let first = lines[start..].iter().find(is_said)?;
    if *first != "HEAP SUMMARY:" {
        return Some((*first).to_owned());
    }
    let lost = lines.iter().find(|line| line.contains("are definitely lost"));
    lost.map(|line| (*line).to_owned())
}

fn address_sanitizer(misuse: &str) -> Option<String> {
    let target = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    let mut cargo = nightly(&["run", "--quiet"]);
    cargo.env("RUSTFLAGS", "-Zsanitizer=address");
    cargo.args(["--target", &target, "--target-dir", "target/asan"]);
    let said = watched(example(cargo), misuse).stderr;
    let first = said.lines().find_map(|line| line.split_once("ERROR: "))?.1;
    let first = first.trim_start_matches("AddressSanitizer: ");
    // What comes then are addresses.
    let ends = [" on ", ": 0x", ": failed"];
    let end = ends.iter().filter_map(|end| first.find(end)).min();
    Some(first[..end.unwrap_or(first.len())].to_owned())
}

fn miri(misuse: &str) -> Option<String> {
    let mut cargo = nightly(&["miri", "run", "--quiet"]);
    cargo.args(["--target-dir", "target/miri"]);
    let said = watched(example(cargo), misuse).stderr;
    let first = said.lines().find_map(|line| line.strip_prefix("error: "))?;
    Some(first.trim_start_matches("Undefined Behavior: ").to_owned())
}

/// Cargo, told to use a nightly compiler.
pub fn nightly(arguments: &[&str]) -> Command {
    let mut cargo = command("cargo", workspace());
    // What cargo has told this process is for this process alone.
    let is_for_all = |name: &str| !name.starts_with("RUST");
    let all = cargo_settings();
    cargo.envs(all.filter(|(name, _)| is_for_all(&name.to_string_lossy())));
    cargo.arg(format!("+{}", crate::NIGHTLY)).args(arguments);
    cargo
}

fn example(mut cargo: Command) -> Command {
    cargo.args(["-p", "tests", "--example", "misuse", "--"]);
    cargo
}

fn is_well(program: Command) -> bool {
    run_or_kill(LIMIT, program).is_some_and(|it| it.status.success())
}
