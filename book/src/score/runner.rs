//! The program that runs a heap beside stage 3: it is written, built, and run.

use std::env::{self, consts::EXE_SUFFIX};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use toml_edit::{DocumentMut, Item, Table, value};

use crate::practice;

/// What is put into the program: its text, and what a heap has besides `malloc`
/// and `free`.
const PROGRAM: &str = include_str!("runner.rs.in");
const REST: &str = include_str!("rest.rs.in");

/// A heap that takes as long for a trace, or longer, hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// A heap that gets marks.
pub enum Heap {
    /// Of a crate that is a stage or a copy of one: its folder.
    Crate { folder: PathBuf, lists: Option<usize> },
    /// A file of `book/steps`, with `malloc` and `free` alone.
    Step { file: PathBuf },
}

/// What both heaps needed for a trace, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    /// The most that was in blocks at one time.
    pub live: u64,
    /// The most below the break.
    pub yours: u64,
    pub ours: u64,
}

/// How long both heaps took, in nanoseconds for an operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times {
    pub yours: f64,
    pub ours: f64,
    /// What share of yours ours is, in the middle of all rounds.
    pub speed: f64,
}

/// What the program says of a trace.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    Memory(Memory),
    Times(Times),
    /// It took too long to be waited for.
    Slow,
    /// What the heap does wrong.
    Wrong(String),
    /// What is wrong with the trace.
    Unread(String),
}

/// What is said where there is no heap. A copy can be made.
fn told_of_none(path: &Path) -> String {
    let none = format!("there is no {}", path.display());
    let name = path.file_name().and_then(|name| name.to_str());
    let number = name.and_then(|name| name.strip_prefix("stage"));
    match number.filter(|it| it.len() == 1) {
        Some(number) => {
            format!("{none}. To make it: cargo run -- practice {number}")
        }
        None => none,
    }
}

impl Heap {
    /// The heap at a path.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn new(path: &Path, lists: Option<usize>) -> Result<Self> {
        if !path.exists() {
            bail!("{}", told_of_none(path));
        }
        let whole = fs::canonicalize(path);
        let whole = whole.with_context(|| path.display().to_string())?;
        if whole.is_file() {
            return Ok(Self::Step { file: whole });
        }
        if !whole.join("src/lib.rs").is_file() {
            bail!("{} is not the folder of a stage", path.display());
        }
        Ok(Self::Crate { folder: whole, lists })
    }

    /// As it stands in a report.
    pub fn name(&self) -> String {
        let (path, lists) = match self {
            Self::Crate { folder, lists } => (folder, lists),
            Self::Step { file } => (file, &None),
        };
        let here = env::current_dir().unwrap_or_default();
        let here = fs::canonicalize(&here).unwrap_or(here);
        let name = path.strip_prefix(here).unwrap_or(path).display();
        match lists {
            Some(lists) => format!("{name}, Heap<_, {lists}>"),
            None => name.to_string(),
        }
    }

    /// Where its program is written.
    fn workshop(&self, root: &Path) -> PathBuf {
        match self {
            Self::Crate { folder, .. } if folder.parent() != Some(root) => {
                folder.join("target/score")
            }
            _ => root.join("target/score"),
        }
    }
}

/// Writes the program for a heap, builds it, and returns where it lies.
///
/// # Errors
///
/// What could not be written, or that the heap does not build.
pub fn build(root: &Path, heap: &Heap) -> Result<PathBuf> {
    let root = &fs::canonicalize(root)?;
    let workshop = heap.workshop(root);
    let write = |file: &str, text: &str| write(&workshop.join(file), text);
    write("Cargo.toml", &manifest(root)?)?;
    write("src/main.rs", &program(root, heap))?;
    match heap {
        Heap::Crate { folder, .. } => {
            write("yours/Cargo.toml", &manifest_of_yours(root, folder)?)?;
        }
        Heap::Step { file } => {
            write("yours/Cargo.toml", &manifest_of_a_step(root))?;
            write("yours/src/lib.rs", &library_of_a_step(file))?;
        }
    }
    if !workshop.join("Cargo.lock").exists() {
        write("Cargo.lock", &read(&root.join("Cargo.lock"))?)?;
    }
    let target = workshop.join("target");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--manifest-path"])
        .arg(workshop.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .status()
        .context("cargo does not start")?;
    if !built.success() {
        bail!("{} does not build: see above", heap.name());
    }
    Ok(target.join("release").join(format!("runner{EXE_SUFFIX}")))
}

/// Writes a file, unless it is so already: then nothing is built anew.
fn write(file: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(file).is_ok_and(|old| old == text) {
        return Ok(());
    }
    let shown = || file.display().to_string();
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(shown)?;
    }
    fs::write(file, text).with_context(shown)
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| file.display().to_string())
}

/// A path as it can stand in a manifest or in Rust.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    // (Windows writes a whole path so.)
    path.strip_prefix(r"\\?\").unwrap_or(&path).replace('\\', "/")
}

fn manifest(root: &Path) -> Result<String> {
    let workspace: DocumentMut = read(&root.join("Cargo.toml"))?.parse()?;
    let known = &workspace["workspace"]["dependencies"];
    let mut manifest = DocumentMut::new();
    manifest["package"] = package("runner");
    let mut dependencies = Table::new();
    for name in ["libc", "miniz_oxide"] {
        dependencies.insert(name, known[name].clone());
    }
    let ours = quoted(&root.join("stage3-freelist"));
    dependencies["yours"]["path"] = value("yours");
    dependencies["ours"]["package"] = value("stage3-freelist");
    dependencies["ours"]["path"] = value(ours);
    manifest["dependencies"] = Item::Table(dependencies);
    manifest["profile"]["release"] = workspace["profile"]["release"].clone();
    manifest["workspace"] = Item::Table(Table::new());
    Ok(manifest.to_string())
}

fn package(name: &str) -> Item {
    let mut package = Table::new();
    package["name"] = value(name);
    package["version"] = value("0.0.0");
    package["edition"] = value("2024");
    Item::Table(package)
}

/// The same files under another name: two packages of one name cannot be in
/// one program.
fn manifest_of_yours(root: &Path, folder: &Path) -> Result<String> {
    let text = read(&folder.join("Cargo.toml"))?;
    let mut theirs: DocumentMut = text.parse()?;
    if !theirs.contains_key("workspace") {
        // A stage, which inherits what a copy of it has written out.
        let workspace = read(&root.join("Cargo.toml"))?;
        theirs = practice::standalone(&workspace, &text, false)?.parse()?;
    }
    let mut manifest = DocumentMut::new();
    manifest["package"] = package("yours");
    manifest["lib"]["path"] = value(quoted(&folder.join("src/lib.rs")));
    for table in ["dependencies", "lints"] {
        if let Some(table_of_theirs) = theirs.get(table) {
            manifest[table] = table_of_theirs.clone();
        }
    }
    Ok(manifest.to_string())
}

fn manifest_of_a_step(root: &Path) -> String {
    let mut manifest = DocumentMut::new();
    manifest["package"] = package("yours");
    let stage = quoted(&root.join("stage1-bump"));
    manifest["dependencies"]["stage1-bump"]["path"] = value(stage);
    manifest.to_string()
}

fn library_of_a_step(file: &Path) -> String {
    format!(
        "pub use stage1_bump::{{Brk, OutOfMemory}};\npub use step::Heap;\n\n\
         #[path = \"{}\"]\n#[allow(dead_code)]\nmod step;\n",
        quoted(file)
    )
}

fn program(root: &Path, heap: &Heap) -> String {
    let argument = match heap {
        Heap::Crate { lists: Some(lists), .. } => format!(", {lists}"),
        _ => String::new(),
    };
    let rest = if matches!(heap, Heap::Step { .. }) { "" } else { REST };
    let folder = |path: &str| quoted(&root.join("tests/timing/src").join(path));
    PROGRAM
        .replace("@TRACE@", &folder("trace"))
        .replace("@SCORE@", &folder("score"))
        .replace("@ARGUMENT@", &argument)
        .replace("@REST OF OURS@", REST)
        .replace("@REST@", rest)
}

/// Has the program do something with traces: what it says of each. After a
/// heap that is wrong there is nothing.
///
/// # Errors
///
/// The program does not run.
pub fn run(
    program: &Path,
    what: &str,
    traces: &[PathBuf],
) -> Result<Vec<Line>> {
    let mut child = Command::new(program)
        .arg(what)
        .args(traces)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| program.display().to_string())?;
    let complaints = child.stderr.take().context("it has an output")?;
    let complaints = thread::spawn(move || last_line(complaints));
    let mut lines = Vec::new();
    let ended = follow(&mut child, &mut lines)?;
    if lines.len() < traces.len() && !is_wrong(&lines) {
        let complaint = complaints.join().unwrap_or_default();
        lines.push(Line::Wrong(match ended {
            None => {
                format!("it is not done after {} seconds", LIMIT.as_secs())
            }
            Some(_) if !complaint.is_empty() => complaint,
            Some(status) => format!("the program ended with {status}"),
        }));
    }
    Ok(lines)
}

fn is_wrong(lines: &[Line]) -> bool {
    matches!(lines.last(), Some(Line::Wrong(_) | Line::Unread(_)))
}

/// Reads what the program says until it ends, or is wrong, or takes too long:
/// then it is ended, and there is no status.
fn follow(
    child: &mut Child,
    lines: &mut Vec<Line>,
) -> Result<Option<ExitStatus>> {
    let output = child.stdout.take().context("it has an output")?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    loop {
        match receiver.recv_timeout(LIMIT) {
            Ok(line) => lines.extend(Line::parse(&line)),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Ok(Some(child.wait()?));
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
        }
        if is_wrong(lines) {
            child.kill()?;
            return Ok(Some(child.wait()?));
        }
    }
}

/// What somebody said last.
fn last_line(from: impl Read) -> String {
    let lines = BufReader::new(from).lines().map_while(Result::ok);
    let lines = lines.filter(|line| !line.trim().is_empty());
    // (What Rust adds to a panic is not about the heap.)
    let said = lines.filter(|line| !line.starts_with("note: "));
    said.last().unwrap_or_default()
}

impl Line {
    /// What a line says, but for the one at the beginning of a trace.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(3, '\t').skip(1);
        let (kind, rest) = (words.next()?, words.next().unwrap_or_default());
        let mut words = rest.split('\t');
        match kind {
            "memory" => {
                let mut number = || words.next()?.parse().ok();
                let (live, yours) = (number()?, number()?);
                Some(Self::Memory(Memory { live, yours, ours: number()? }))
            }
            "time" => {
                let mut number = || words.next()?.parse().ok();
                let (yours, ours) = (number()?, number()?);
                Some(Self::Times(Times { yours, ours, speed: number()? }))
            }
            "slow" => Some(Self::Slow),
            "wrong" => Some(Self::Wrong(rest.to_owned())),
            "unread" => Some(Self::Unread(rest.to_owned())),
            _ => None,
        }
    }
}
