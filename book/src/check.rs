//! Runs the tests of a copy to practise on, one after the other, up to the
//! first that fails.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use crate::exercise;
use crate::milestone::Milestone;

/// What takes this long goes on for ever. All tests of a stage together take a
/// few seconds.
pub const LIMIT: Duration = Duration::from_secs(20);

/// One test of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its file, without `.rs`.
    pub file: String,
    /// Its name.
    pub test: String,
    /// Which milestone it belongs to, from 0 on, if there are any.
    pub milestone: Option<usize>,
}

/// How a test ended that did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no such test any more.
    Missing,
    /// It did not come to an end.
    Forever,
    /// It failed: the status of its process, and what that wrote on standard
    /// error.
    Failed(ExitStatus, String),
}

/// The tests of the contract and the checkpoints of the copy in `folder`, in the
/// order in which a heap that is being written can pass them.
///
/// # Errors
///
/// A file of tests that cannot be read, or is no Rust.
pub fn steps(folder: &Path, milestones: &[Milestone]) -> Result<Vec<Step>> {
    if !milestones.is_empty() {
        let tests = milestones.iter().enumerate().flat_map(|(index, it)| {
            it.tests.iter().map(move |(file, test)| Step {
                file: file.clone(),
                test: test.clone(),
                milestone: Some(index),
            })
        });
        return Ok(tests.collect());
    }
    let mut steps = Vec::new();
    for file in files(folder)? {
        let path = format!("tests/{file}.rs");
        let source = fs::read_to_string(folder.join(&path))
            .with_context(|| format!("cannot read {path}"))?;
        let tests = exercise::tests(&path, &source).map_err(|e| anyhow!(e))?;
        steps.extend(tests.into_iter().map(|test| Step {
            file: file.clone(),
            test: test.name,
            milestone: None,
        }));
    }
    Ok(steps)
}

/// The files of the contract and of the checkpoints, the contract first.
fn files(folder: &Path) -> Result<Vec<String>> {
    let tests = folder.join("tests");
    let entries = fs::read_dir(&tests)
        .with_context(|| format!("cannot read {}", tests.display()))?;
    let mut files: Vec<_> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_suffix(".rs")?.to_owned()))
        .filter(|name| name == "contract" || name.ends_with("checkpoints"))
        .collect();
    files.sort_by_key(|name| (name != "contract", name.clone()));
    Ok(files)
}

/// The programs of a copy's tests, by the names of their files.
pub struct Programs {
    folder: PathBuf,
    programs: BTreeMap<String, PathBuf>,
}

impl Programs {
    /// Builds the tests of these files of the copy in `folder`. What the
    /// compiler has to say goes to standard error as it comes. `None` if it
    /// builds nothing.
    ///
    /// # Errors
    ///
    /// Cargo cannot be run.
    pub fn build<'a>(
        folder: &Path,
        files: impl IntoIterator<Item = &'a str>,
    ) -> Result<Option<Self>> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .args(["test", "--no-run"])
            .arg("--message-format=json-render-diagnostics")
            .arg("--manifest-path")
            .arg(folder.join("Cargo.toml"));
        for file in files {
            command.args(["--test", file]);
        }
        let output = command
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run cargo")?;
        if !output.status.success() {
            return Ok(None);
        }
        let messages = String::from_utf8_lossy(&output.stdout);
        let programs = messages.lines().filter_map(|line| {
            let message: Value = serde_json::from_str(line).ok()?;
            let program = message["executable"].as_str()?;
            let name = message["target"]["name"].as_str()?;
            Some((name.to_owned(), program.into()))
        });
        let folder = folder.to_owned();
        Ok(Some(Self { folder, programs: programs.collect() }))
    }

    /// Runs one test in a process of its own: a heap that is being written may
    /// end it, or never.
    ///
    /// # Errors
    ///
    /// Its program cannot be run.
    pub fn run(&self, file: &str, test: &str) -> Result<Option<Failure>> {
        let Some(program) = self.programs.get(file) else {
            return Ok(Some(Failure::Missing));
        };
        let mut child = Command::new(program)
            .args(["--exact", test, "--nocapture", "--color", "never"])
            .current_dir(&self.folder)
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let [output, errors] =
            [reader(child.stdout.take()), reader(child.stderr.take())];
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if start.elapsed() > LIMIT {
                child.kill()?;
                child.wait()?;
                return Ok(Some(Failure::Forever));
            }
            thread::sleep(Duration::from_millis(2));
        };
        let [output, errors] =
            [output, errors].map(|it| it.join().unwrap_or_default());
        if !status.success() {
            return Ok(Some(Failure::Failed(status, errors)));
        }
        let is_there = !output.contains("running 0 tests");
        Ok(if is_there { None } else { self.absent(file, test) })
    }

    /// What is to be said of a test that its program does not have. On another
    /// system it may be there.
    fn absent(&self, file: &str, test: &str) -> Option<Failure> {
        let path = self.folder.join(format!("tests/{file}.rs"));
        let source = fs::read_to_string(path).unwrap_or_default();
        let tests = exercise::tests(file, &source).unwrap_or_default();
        let is_there = tests.iter().any(|it| it.name == test);
        if is_there { None } else { Some(Failure::Missing) }
    }
}

/// Reads all that a process writes, while it runs.
fn reader(
    from: Option<impl Read + Send + 'static>,
) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut from) = from {
            // What came before it broke off is what there is to see.
            let _ = from.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
