//! Marks for a heap, beside stage 3 of this book: `cargo run -- score`.
//!
//! A program is written that has both heaps in it, and built with cargo. It
//! runs twice: to see whether the heap is right, and to see how long it takes.
//! What both do is in `tests/timing/src/score`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

pub use self::report::Report;
use self::report::Traced;
use self::runner::{Heap, Line};

mod report;
mod runner;

/// What the command line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The folder of a crate, or a file of `book/steps`.
    pub heap: PathBuf,
    /// What to do on it. Nothing for all recordings.
    pub traces: Vec<PathBuf>,
    /// The number that stands behind the break in the type of the heap.
    pub lists: Option<usize>,
    pub is_json: bool,
}

impl Options {
    /// The words behind `score`.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with them.
    pub fn new(words: &[&str]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut heap = None;
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            match word {
                "--json" => options.is_json = true,
                "--lists" => {
                    let lists = words.next().ok_or("--lists needs a number")?;
                    let number = lists.parse();
                    let none = |_| format!("`{lists}` is no number");
                    options.lists = Some(number.map_err(none)?);
                }
                _ if word.starts_with('-') => {
                    return Err(format!("unknown: {word}"));
                }
                _ if heap.is_none() => heap = Some(PathBuf::from(word)),
                _ => options.traces.push(PathBuf::from(word)),
            }
        }
        options.heap = heap.ok_or("whose heap?")?;
        Ok(options)
    }
}

/// Gives a heap marks. `root` is the folder of the workspace.
///
/// # Errors
///
/// The heap or a trace is not there, or does not build.
pub fn score(root: &Path, options: &Options) -> Result<Report> {
    let heap = Heap::new(&options.heap, options.lists)?;
    let traces = match options.traces.is_empty() {
        true => recordings(root)?,
        false => options.traces.clone(),
    };
    for trace in &traces {
        if !trace.is_file() {
            bail!("{}: there is no such file", trace.display());
        }
    }
    let runner = runner::build(root, &heap)?;
    let mut report =
        Report { heap: heap.name(), wrong: None, traces: Vec::new() };
    let checked = runner::run(&runner, "check", &traces)?;
    for (trace, line) in traces.iter().zip(checked) {
        let name = name(trace);
        let memory = match line {
            Line::Memory(memory) => memory,
            Line::Wrong(why) => {
                report.wrong = Some(format!("{name}: {why}"));
                return Ok(report);
            }
            Line::Unread(why) => bail!("{}: {why}", trace.display()),
            Line::Times(_) | Line::Slow => {
                bail!("{}: nobody asked for the time", trace.display())
            }
        };
        report.traces.push(Traced { name, memory, times: None });
    }
    let timed = runner::run(&runner, "time", &traces)?;
    for (traced, line) in report.traces.iter_mut().zip(timed) {
        match line {
            Line::Times(times) => traced.times = Some(times),
            Line::Wrong(why) => {
                report.wrong = Some(format!("{}: {why}", traced.name));
                break;
            }
            Line::Unread(why) => bail!("{}: {why}", traced.name),
            Line::Slow | Line::Memory(_) => {}
        }
    }
    Ok(report)
}

/// What the book has recorded, in the order of the names.
fn recordings(root: &Path) -> Result<Vec<PathBuf>> {
    let folder = root.join("tests/traces");
    let entries = fs::read_dir(&folder);
    let entries = entries.with_context(|| folder.display().to_string())?;
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|it| it == "trace"));
    files.sort();
    Ok(files)
}

fn name(trace: &Path) -> String {
    let name = trace.file_stem().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
