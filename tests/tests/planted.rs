//! Faults planted in copies of the stages: a test finds each of them, or it
//! would be worth little when it finds nothing.
//!
//! [`tests::fault`] says how they are written.

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tests::fault::Fault;
use timing::run::{Outcome, run_or_kill, run_within};
use timing::workspace::workspace;

/// How long a build may take.
const BUILD: Duration = Duration::from_secs(300);

/// How long a test may take. What takes this long hangs: that is a finding too.
const RUN: Duration = Duration::from_secs(120);

/// What the workshop has of the tests' crate: the shadow, what forks need, and
/// what the C libraries promise.
const TESTS: [&str; 13] = [
    "examples/at_fork.rs",
    "examples/blocked_break.rs",
    "examples/crash_report.rs",
    "examples/forks.rs",
    "examples/no_memory.rs",
    "examples/signal.rs",
    "src/invariants.rs",
    "src/shadow.rs",
    "tests/c_library.rs",
    "tests/fork.rs",
    "tests/leaping_brk.rs",
    "tests/no_memory.rs",
    "tests/shadow.rs",
];

/// The crates below it that the workshop has whole.
const CRATES: [&str; 2] = ["tests/refused", "tests/timing"];

/// A workspace of its own: the stages, and a part of the tests' crate.
struct Workshop {
    folder: PathBuf,
}

impl Workshop {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("planted");
        let shop = Self { folder };
        let stages = stages();
        let mut members = String::new();
        let mut dependencies = String::new();
        for stage in &stages {
            shop.copy(stage);
            writeln!(members, "    \"{stage}\",").expect("a string grows");
            writeln!(dependencies, "{stage} = {{ path = \"../{stage}\" }}")
                .expect("a string grows");
        }
        for file in TESTS {
            shop.copy(&format!("tests/{file}"));
        }
        for path in CRATES {
            shop.copy(path);
            writeln!(members, "    \"{path}\",").expect("a string grows");
        }
        shop.copy("Cargo.lock");
        let manifest = read("Cargo.toml");
        let (_, rest) = manifest.split_once("exclude = ").expect("a list");
        shop.write(
            "Cargo.toml",
            &format!(
                "[workspace]\nresolver = \"3\"\n\
                 members = [\n{members}    \"tests\",\n]\nexclude = {rest}"
            ),
        );
        shop.write(
            "tests/Cargo.toml",
            &format!(
                "[package]\nname = \"tests\"\nedition.workspace = true\n\n\
                 [dependencies]\nfastrand.workspace = true\n\
                 libc.workspace = true\nserde_json.workspace = true\n\
                 tempfile.workspace = true\n\
                 timing = {{ path = \"timing\" }}\n{dependencies}\n\
                 [[example]]\nname = \"at_fork\"\n\
                 crate-type = [\"cdylib\"]\n"
            ),
        );
        shop.write(
            "tests/src/lib.rs",
            "pub mod invariants;\npub mod shadow;\n",
        );
        shop
    }

    fn copy(&self, path: &str) {
        let from = workspace().join(path);
        if from.is_dir() {
            for name in names_in(&from) {
                self.copy(&format!("{path}/{name}"));
            }
        } else {
            self.write(path, &read(path));
        }
    }

    /// Writes a file, unless it is as it should be: then nothing that depends
    /// on it has to be built again.
    fn write(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            return;
        }
        let folder = path.parent().expect("a file lies in a folder");
        fs::create_dir_all(folder).expect("a folder of ours");
        fs::write(path, text).expect("a file of ours");
    }

    /// Builds and runs the test that `test` names as `cargo test` does it. None
    /// if it does not end.
    fn test(&self, test: &str) -> Option<Outcome> {
        let cargo = |more: &[&str]| {
            let mut cargo = Command::new(env!("CARGO"));
            cargo
                .current_dir(&self.folder)
                .args(["test", "--offline", "--quiet"])
                .args(test.split(' '))
                .args(more)
                // A fault is a line: what else was built is taken as it is.
                .env("CARGO_INCREMENTAL", "1")
                .env("CARGO_PROFILE_DEV_DEBUG", "false")
                // All the games that the shadow knows.
                .env("CI", "true")
                .env("RUST_BACKTRACE", "0")
                .env_remove("CARGO_TARGET_DIR")
                .env_remove("MALLOC_SEED");
            cargo
        };
        let built = run_within(BUILD, cargo(&["--no-run"]));
        assert!(built.status.success(), "it does not build: {}", built.stderr);
        let outcome = run_or_kill(RUN, cargo(&[]))?;
        let is_there = !outcome.stdout.contains("running 0 tests");
        assert!(is_there, "there is no such test: {test}");
        Some(outcome)
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder of the workspace");
    let names = entries.map(|entry| entry.expect("a file").file_name());
    names.map(|name| name.into_string().expect("a name in UTF-8")).collect()
}

fn stages() -> Vec<String> {
    let mut stages = names_in(workspace());
    stages.retain(|name| name.starts_with("stage"));
    stages.sort();
    stages
}

/// What the test said, in a line.
fn finding(outcome: &Outcome) -> String {
    let all = format!("{}{}", outcome.stderr, outcome.stdout);
    let mut lines = all.lines();
    let said = lines.by_ref().find(|line| {
        line.contains("panicked at") || line.starts_with("malloc:")
    });
    match said {
        Some(line) if line.starts_with("malloc:") => {
            format!("the heap itself: {line}")
        }
        Some(_) => lines.next().unwrap_or_default().to_owned(),
        None => {
            let died = all.lines().find(|line| line.contains("(signal: "));
            died.map_or(outcome.status.to_string(), |it| it.trim().to_owned())
        }
    }
}

#[test]
fn every_fault_can_be_planted() {
    let faults = Fault::all();
    assert!(faults.len() >= 12, "there are {} faults", faults.len());
    for fault in faults {
        assert_ne!(fault.plant(), read(&fault.file), "{}", fault.name);
    }
}

/// `FAULT=5-pt` plants those alone whose name begins so.
#[test]
#[ignore = "compiles a heap for each fault: .ci/run runs it"]
fn every_planted_fault_is_found() {
    let shop = Workshop::new();
    let mut faults = Fault::all();
    let wanted = env::var("FAULT").unwrap_or_default();
    faults.retain(|fault| fault.name.starts_with(&wanted));
    assert!(!faults.is_empty(), "no fault's name begins with {wanted}");
    let tests: BTreeSet<&str> =
        faults.iter().map(|it| it.test.as_str()).collect();
    for test in tests {
        let outcome = shop.test(test);
        let passes = outcome.as_ref().is_some_and(|it| it.status.success());
        assert!(passes, "without a fault: {outcome:?}");
    }

    let mut missed = Vec::new();
    for fault in faults {
        shop.write(&fault.file, &fault.plant());
        let outcome = shop.test(&fault.test);
        shop.copy(&fault.file);
        println!("{}: {}", fault.name, fault.what);
        println!("    cargo test {}", fault.test);
        match outcome {
            Some(outcome) if outcome.status.success() => {
                missed.push(fault.name);
            }
            Some(outcome) => println!("    found: {}", finding(&outcome)),
            None => println!("    found: it is not done after {RUN:?}"),
        }
    }
    assert!(missed.is_empty(), "no test finds {missed:?}");
}
