//! Faults planted in copies of the heaps: the shadow finds each of them, or it
//! would be worth little when it finds nothing.
//!
//! A file in `tests/faults` is one fault: what goes wrong, in a line; the file
//! of a stage; and lines of it, marked as in a diff: `-` for what is taken out,
//! `+` for what is put in, a space for what stays.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tests::run::{Outcome, run_within};
use tests::workspace::workspace;

/// How long a build or a run may take.
const LIMIT: Duration = Duration::from_secs(300);

struct Fault {
    name: String,
    what: String,
    file: String,
    /// Whole lines, as they are and as they should not be.
    right: String,
    wrong: String,
}

impl Fault {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a fault is a text");
        let name = path.file_stem().and_then(|name| name.to_str());
        let name = name.expect("a name in UTF-8").to_owned();
        let mut lines = text.lines();
        let mut line = || lines.next().expect("a fault has two lines first");
        let (what, file) = (line().to_owned(), line().to_owned());
        let (mut right, mut wrong) = (String::new(), String::new());
        for line in lines {
            let (mark, code) = line.split_at_checked(1).unwrap_or((" ", ""));
            match mark {
                "-" => right += &format!("{code}\n"),
                "+" => wrong += &format!("{code}\n"),
                " " => {
                    right += &format!("{code}\n");
                    wrong += &format!("{code}\n");
                }
                _ => panic!("{name}: no mark in front of {line:?}"),
            }
        }
        Self { name, what, file, right, wrong }
    }

    /// The source with the fault in it.
    fn plant(&self) -> String {
        let path = workspace().join(&self.file);
        let source = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", self.file));
        // Whole lines only.
        let (source, right) =
            (format!("\n{source}"), format!("\n{}", self.right));
        let places = source.matches(&right).count();
        assert_eq!(
            places, 1,
            "tests/faults/{}.fault: these lines should be in {} once, \
             change them with the source:\n{}",
            self.name, self.file, self.right,
        );
        source.replacen(&right, &format!("\n{}", self.wrong), 1)[1..].to_owned()
    }

    /// The tests that play with the stage it is in.
    fn tests(&self) -> String {
        let stage = self.file.split('-').next().expect("a folder");
        stage.replace("stage", "stage_")
    }
}

fn faults() -> Vec<Fault> {
    let folder = workspace().join("tests/faults");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder of faults")
        .map(|entry| entry.expect("a file").path())
        .collect();
    paths.sort();
    paths.iter().map(|path| Fault::read(path)).collect()
}

/// A workspace of its own: the stages, and of the tests' crate the shadow.
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
        for file in ["src/shadow.rs", "src/invariants.rs", "tests/shadow.rs"] {
            shop.copy(&format!("tests/{file}"));
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
                 libc.workspace = true\n{dependencies}"
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

    /// Builds the shadow's test and runs the parts of it that `filter` names.
    fn test(&self, filter: &str) -> Outcome {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .current_dir(&self.folder)
            .args(["test", "--offline", "--package", "tests"])
            .args(["--test", "shadow", "--no-run"])
            .args(["--message-format", "json-render-diagnostics"])
            .arg("--target-dir")
            .arg(self.folder.join("target"));
        let built = run_within(LIMIT, cargo);
        assert!(built.status.success(), "it does not build: {}", built.stderr);
        let program = built
            .stdout
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find_map(|it| Some(it["executable"].as_str()?.to_owned()))
            .expect("cargo names the test");
        let mut test = Command::new(program);
        test.current_dir(self.folder.join("tests")).arg(filter);
        test.env("RUST_BACKTRACE", "0").env_remove("MALLOC_SEED");
        run_within(LIMIT, test)
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

/// What the shadow said, in a line.
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
        None => outcome.status.to_string(),
    }
}

#[test]
fn every_fault_can_be_planted() {
    let faults = faults();
    assert!(faults.len() >= 12, "there are {} faults", faults.len());
    for fault in faults {
        assert_ne!(fault.plant(), read(&fault.file), "{}", fault.name);
    }
}

#[test]
#[ignore = "compiles a heap for each fault: .ci/run runs it"]
fn every_planted_fault_is_found() {
    let shop = Workshop::new();
    let outcome = shop.test("stage_");
    assert!(outcome.status.success(), "without a fault: {}", outcome.stdout);

    let mut missed = Vec::new();
    for fault in faults() {
        shop.write(&fault.file, &fault.plant());
        let outcome = shop.test(&fault.tests());
        shop.copy(&fault.file);
        println!("{}: {}", fault.name, fault.what);
        if outcome.status.success() {
            missed.push(fault.name);
        } else {
            println!("    found: {}", finding(&outcome));
        }
    }
    assert!(missed.is_empty(), "the shadow does not find {missed:?}");
}
