//! A workspace of its own, in which a stage can be changed without harm: the
//! stages with their tests, and what the tests' crate has for faults.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use timing::run::{Outcome, run_or_kill, run_within};
use timing::workspace::workspace;

use crate::fault::Fault;

/// How long a build may take.
const BUILD: Duration = Duration::from_secs(600);

/// How long a test may take. What takes this long hangs: that is a finding too.
const RUN: Duration = Duration::from_secs(120);

/// How long it may take if it is the processor's time that is limited. Who waits
/// for a lock that nobody gives back uses none of it.
const WAIT: Duration = Duration::from_secs(600);

/// What the workshop has of the tests' crate: the shadow, what forks need, what
/// the C libraries promise, and what the simulated break does.
const TESTS: [&str; 16] = [
    "examples/at_fork.rs",
    "examples/blocked_break.rs",
    "examples/crash_report.rs",
    "examples/forks.rs",
    "examples/no_memory.rs",
    "examples/signal.rs",
    "src/invariants.rs",
    "src/operations.rs",
    "src/shadow.rs",
    "tests/c_library.rs",
    "tests/fork.rs",
    "tests/leaping_brk.rs",
    "tests/no_memory.rs",
    "tests/process_brk.rs",
    "tests/shadow.rs",
    "tests/sim_brk.rs",
];

/// The crates below it that the workshop has whole.
const CRATES: [&str; 2] = ["tests/refused", "tests/timing"];

/// How cargo builds there. A fault is a line: what else was built is taken as it
/// is.
const BUILT_AS: [(&str, &str); 2] =
    [("CARGO_INCREMENTAL", "1"), ("CARGO_PROFILE_DEV_DEBUG", "false")];

/// Tests that fail until a reader has done an exercise: they say nothing of a
/// stage.
const EXERCISES: &str = "exercises";

/// A workspace of its own: the stages, and a part of the tests' crate.
pub struct Workshop {
    folder: PathBuf,
    /// How long a processor may work for a test, if that is limited.
    patience: Option<Duration>,
}

/// A program of tests, as `cargo test` builds one of each file in `tests`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Program {
    /// Whose it is.
    pub package: String,
    /// The name of its file.
    pub name: String,
}

/// A program that is built.
pub struct Built {
    program: PathBuf,
    /// The folder of its package, in which it runs.
    folder: PathBuf,
    patience: Option<Duration>,
}

impl Program {
    /// What comes after `cargo test`.
    ///
    /// # Panics
    ///
    /// If it names no program.
    pub fn of(command: &str) -> (Self, &str) {
        let words: Vec<&str> = command.splitn(5, ' ').collect();
        let (["-p", package, "--test", name], rest) = words.split_at(4) else {
            panic!("no program of tests: cargo test {command}");
        };
        let [package, name] = [package, name].map(|it| (*it).to_owned());
        (Self { package, name }, rest.first().copied().unwrap_or_default())
    }

    /// The programs of a stage that may see what is wrong with a file of it, in
    /// the order in which `cargo test` runs them.
    pub fn all_that_see(fault: &Fault) -> Vec<Self> {
        let stage = fault.stage();
        let tests = format!("{stage}/tests");
        let mut names = names_in(&workspace().join(&tests));
        names.sort();
        let names = names.iter().filter_map(|it| it.strip_suffix(".rs"));
        names
            .filter(|name| *name != EXERCISES)
            .filter(|name| {
                let path = format!("{tests}/{name}.rs");
                sees(&path, &read(&path), &fault.file)
            })
            .map(|name| Self { package: stage.into(), name: name.into() })
            .collect()
    }
}

/// Whether a program can tell what is wrong with `file`: it is the file of the
/// program itself, or part of the library. What lies in a folder there is told
/// by those alone that name it.
fn sees(program: &str, source: &str, file: &str) -> bool {
    let Some((_, inside)) = file.split_once("/src/") else {
        return program == file;
    };
    let folder = inside.split_once('/').map(|(folder, _)| folder);
    folder.is_none_or(|folder| source.contains(folder))
}

impl Workshop {
    /// A workshop in `folder`. What was built there before is built already.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn new(folder: &Path) -> Self {
        let shop = Self { folder: folder.to_owned(), patience: None };
        let mut members = String::new();
        let mut dependencies = String::new();
        for stage in stages() {
            shop.copy(&stage);
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
            "pub mod invariants;\npub mod operations;\npub mod shadow;\n",
        );
        shop
    }

    /// The same workshop, in which a processor may work this long for a test:
    /// what hangs is told from what is slow since the machine does something
    /// else too.
    pub fn within(&self, patience: Duration) -> Self {
        Self { folder: self.folder.clone(), patience: Some(patience) }
    }

    /// Does `work` with a fault in the stage.
    ///
    /// # Panics
    ///
    /// If it cannot be planted.
    pub fn with<T>(&self, fault: &Fault, work: impl FnOnce() -> T) -> T {
        self.write(&fault.file, &fault.plant());
        let result = work();
        self.copy(&fault.file);
        result
    }

    /// Writes the sources of the stages anew.
    ///
    /// # Panics
    ///
    /// If they cannot be read or written.
    pub fn rewrite_sources(&self, new: impl Fn(&str) -> String) {
        for stage in stages() {
            self.rewrite(&format!("{stage}/src"), &new);
        }
    }

    fn rewrite(&self, path: &str, new: &impl Fn(&str) -> String) {
        for name in names_in(&workspace().join(path)) {
            let path = format!("{path}/{name}");
            if workspace().join(&path).is_dir() {
                self.rewrite(&path, new);
            } else {
                self.write(&path, &new(&read(&path)));
            }
        }
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

    /// Builds a program of tests as `cargo test` does it.
    ///
    /// # Panics
    ///
    /// If it does not build.
    pub fn build(&self, program: &Program) -> Built {
        let Program { package, name } = program;
        let mut cargo = self.cargo("test");
        cargo
            .arg("--no-run")
            .args(["--message-format", "json-render-diagnostics"])
            .args(["-p", package, "--test", name]);
        let built = run_within(BUILD, cargo);
        assert!(built.status.success(), "it does not build: {}", built.stderr);
        let messages = built.stdout.lines().map(|line| {
            serde_json::from_str::<serde_json::Value>(line)
                .unwrap_or_else(|error| panic!("{error}: {line}"))
        });
        let executable = |message: serde_json::Value| {
            let is_it = message["target"]["name"] == name.as_str();
            let path = message["executable"].as_str().map(PathBuf::from);
            path.filter(|_| is_it)
        };
        let program = messages.filter_map(executable).next_back();
        let folder = match package.as_str() {
            "tests" => self.folder.join("tests"),
            stage if stage.starts_with("stage") => self.folder.join(stage),
            part => self.folder.join("tests").join(part),
        };
        Built {
            program: program.expect("a program of tests"),
            folder,
            patience: self.patience,
        }
    }

    /// Whether a package builds.
    pub fn builds(&self, package: &str) -> bool {
        let mut cargo = self.cargo("build");
        cargo.args(["-p", package]);
        run_within(BUILD, cargo).status.success()
    }

    fn cargo(&self, command: &str) -> Command {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .current_dir(&self.folder)
            .args([command, "--offline", "--quiet"])
            .envs(BUILT_AS)
            .env_remove("CARGO_TARGET_DIR");
        cargo
    }
}

impl Built {
    /// The names of its tests, in the order in which it runs them: all that
    /// begin with `beginning` and are not ignored.
    ///
    /// # Panics
    ///
    /// If it does not say.
    pub fn tests(&self, beginning: &str) -> Vec<String> {
        let list = |more: &[&str]| {
            let mut command = self.command();
            command.arg("--list").args(more);
            let listed = run_within(RUN, command);
            let lines = listed.stdout.lines();
            let names = lines.filter_map(|line| line.strip_suffix(": test"));
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        let ignored = list(&["--ignored"]);
        let mut tests = list(&[]);
        tests.retain(|it| it.contains(beginning) && !ignored.contains(it));
        tests
    }

    /// Runs one test, and says how it ended and how long it took. `None` if it
    /// does not end.
    ///
    /// # Panics
    ///
    /// If there is no such test.
    pub fn run(&self, test: &str) -> (Option<Outcome>, Duration) {
        let mut command = self.command();
        command.args([test, "--exact", "--test-threads", "1"]);
        let start = Instant::now();
        let limit = if self.patience.is_some() { WAIT } else { RUN };
        let outcome = run_or_kill(limit, command);
        let took = start.elapsed();
        let is_there = outcome
            .as_ref()
            .is_none_or(|outcome| !outcome.stdout.contains("running 0 tests"));
        assert!(is_there, "there is no such test: {test}");
        (outcome, took)
    }

    /// What `cargo test` would start.
    fn command(&self) -> Command {
        let mut command = match self.patience {
            None => Command::new(&self.program),
            Some(patience) => {
                let limit = format!("ulimit -t {}", patience.as_secs());
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("{limit}; exec \"$0\" \"$@\"")]);
                shell.arg(&self.program);
                shell
            }
        };
        command
            .current_dir(&self.folder)
            .env("CARGO", env!("CARGO"))
            .envs(BUILT_AS)
            .env("CARGO_MANIFEST_DIR", &self.folder)
            // All the games that the shadow knows.
            .env("CI", "true")
            .env("RUST_BACKTRACE", "0")
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("MALLOC_SEED");
        command
    }
}

/// What a test said, in a line.
pub fn finding(outcome: &Option<Outcome>) -> String {
    let Some(outcome) = outcome else {
        return "it is not done in time".to_owned();
    };
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
