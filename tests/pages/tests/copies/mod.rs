//! Practice copies of stages, made to be changed, built and run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use book::practice;
use book::stage::Stage;
use serde_json::Value;
use tests::misuse_told::nightly;
use timing::run::{Outcome, run_within};
use timing::workspace::workspace;

/// How long a build may take, or all tests of a file.
const LIMIT: Duration = Duration::from_secs(300);

/// A practice copy under `target`.
pub struct Copy {
    /// Where it lies.
    pub folder: PathBuf,
}

/// What cargo made of a copy.
pub struct Built {
    folder: PathBuf,
    tests: BTreeMap<String, PathBuf>,
    /// What the compiler complained about.
    pub complaints: String,
}

impl Copy {
    /// A new copy. One of this name that is there already is gone then.
    pub fn new(name: &str, stage: &Stage, empty: bool) -> Self {
        let folder = temporary().join(name).join(&stage.name);
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("a copy can be removed");
        }
        practice::copy(workspace(), stage, &folder, empty).unwrap_or_else(
            |error| panic!("a copy of {}: {error:#}", stage.name),
        );
        Self { folder }
    }

    /// Writes one of its files, which may be new.
    pub fn write(&self, path: &str, text: &str) {
        let file = self.folder.join(path);
        let folder = file.parent().expect("a file is in a folder");
        fs::create_dir_all(folder).expect("a copy is ours");
        fs::write(file, text).expect("a copy is ours");
    }

    /// Reads one of its files.
    #[allow(dead_code, reason = "not all tests that share this read")]
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.folder.join(path)).expect("a copy is ours")
    }

    /// Runs cargo on it. All copies share one target folder, so that what they
    /// depend on is built once.
    pub fn cargo(&self, arguments: &[&str]) -> Outcome {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(arguments)
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", temporary().join("practice-target"));
        run_within(LIMIT, cargo)
    }

    /// Runs tests of a file under Miri, with these flags: all of them, or one.
    /// Copies of one name share a target folder, and others do not touch it: two
    /// copies of a stage are one package to cargo, and what it builds for one
    /// must not change while Miri reads it for the other.
    /// Copies of one name share a target folder that others do not touch: two
    /// copies of a stage are the same package to cargo, and what it builds for
    /// one must not change while Miri reads it for the other.
    #[allow(dead_code, reason = "not all tests that share this use Miri")]
    pub fn miri(&self, flags: &str, file: &str, test: Option<&str>) -> Outcome {
        let mut cargo = nightly(&["miri", "test", "--quiet", "--test", file]);
        let one = test.map(|test| ["--", "--exact", test]);
        cargo
            .args(one.iter().flatten())
            .current_dir(&self.folder)
            .env("MIRIFLAGS", format!("-Zmiri-strict-provenance {flags}"))
            .env("CARGO_TARGET_DIR", self.folder.with_file_name("target"));
        run_within(3 * LIMIT, cargo)
    }

    /// Builds its library, its examples and its tests, or only `what` cargo's
    /// options say.
    pub fn build(&self, what: &[&str]) -> Result<Built, String> {
        let format = "--message-format=json-render-diagnostics";
        let test = ["test", "--no-run", "--quiet", format];
        let outcome = self.cargo(&[&test, what].concat());
        if !outcome.status.success() {
            return Err(format!("it does not compile:\n{}", outcome.stderr));
        }
        let tests = outcome.stdout.lines().filter_map(|line| {
            let message: Value = serde_json::from_str(line).ok()?;
            let program = message["executable"].as_str()?;
            let name = message["target"]["name"].as_str()?;
            Some((name.to_owned(), program.into()))
        });
        Ok(Built {
            folder: self.folder.clone(),
            tests: tests.collect(),
            complaints: outcome.stderr,
        })
    }
}

impl Built {
    /// Runs the tests of one file.
    pub fn run(&self, file: &str, arguments: &[&str]) -> Outcome {
        let mut test = Command::new(&self.tests[file]);
        test.args(arguments)
            .current_dir(&self.folder)
            .env_remove("RUST_BACKTRACE");
        run_within(LIMIT, test)
    }
}

fn temporary() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}
