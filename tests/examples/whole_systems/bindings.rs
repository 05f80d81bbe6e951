//! Whose `malloc` each program of a system gets: what the loader says of it. It
//! loads and binds as ever, and does not start the program.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::kept::Row;
use crate::system::System;

/// The name of this step.
pub const NAME: &str = "whose malloc each program gets";

/// How long the loader may take for all of them.
const LIMIT: Duration = Duration::from_secs(1500);

/// Where programs lie. (The last two are where gcc keeps its parts.)
const FOLDERS: [&str; 5] = [
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib/apt",
    "/usr/lib/gcc",
    "/usr/libexec/gcc",
];

/// Where the loader writes what it says, one file for each program.
const SAID: &str = "/tmp/bindings";

/// Has the loader say what it binds. (Not by starting the programs themselves:
/// of some of those it would not obey, since they give rights.)
const SCRIPT: &str = r#"
mkdir -p /tmp/bindings
while read -r program; do
    LD_TRACE_LOADED_OBJECTS=1 LD_WARN=yes LD_BIND_NOW=yes LD_DEBUG=bindings \
        LD_DEBUG_OUTPUT="/tmp/bindings/${program//\//%}" \
        /lib64/ld-linux-x86-64.so.2 "$program" > /dev/null 2>&1 || true
done < /tmp/programs
"#;

/// Asks the loader. Those that bring a `malloc` of their own are named.
pub fn bindings(system: &System, heap: &str, library: &Path) -> Row {
    let programs = programs(system);
    let list = programs.iter().map(|it| format!("{}\n", it.display()));
    fs::write(system.root.path("/tmp/programs"), list.collect::<String>())
        .expect("a file of ours");
    let done = system.run(SCRIPT, LIMIT);
    let (status, seconds) = match done {
        Ok((outcome, used)) => {
            let code = outcome.status.code();
            let status = code.map_or("killed".into(), |it| it.to_string());
            (status, format!("{:.1}", used.time.as_secs_f64()))
        }
        Err(_) => ("no end".to_owned(), String::new()),
    };
    let name = library.file_name().expect("a file").to_string_lossy();
    let answers = answers(&system.root.path(SAID));
    let is_ours = |whose: &str| whose.ends_with(&*name);
    let on_ours = answers.values().filter(|it| is_ours(it)).count();
    let others: Vec<String> = answers
        .iter()
        .filter(|(_, whose)| !is_ours(whose))
        .map(|(program, _)| base(program))
        .collect();
    Row {
        heap: heap.to_owned(),
        step: NAME.to_owned(),
        status,
        same: String::new(),
        seconds,
        mib: String::new(),
        ratio: String::new(),
        processes: programs.len(),
        on_ours,
        others: others.join(" "),
    }
}

/// For each program, the file whose `malloc` the C library itself calls: that is
/// the one that all of the process calls. The files are removed.
fn answers(folder: &Path) -> BTreeMap<String, String> {
    let mut answers = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // Behind the last dot stands the number of the process.
        let (program, _) = name.rsplit_once('.').unwrap_or((&name, ""));
        let file = File::open(entry.path()).expect("a file of ours");
        let lines = BufReader::new(file).lines().map_while(Result::ok);
        let whose = last(&lines.filter_map(|it| of_malloc(&it)).collect());
        answers.insert(program.replace('%', "/"), whose);
    }
    fs::remove_dir_all(folder).expect("a folder of ours");
    answers
}

/// Where the C library's own calls of `malloc` end. A program at a fixed address
/// that keeps a pointer to `malloc` has a place of its own for it, which all
/// others use, and goes on from there.
fn last(bound: &BTreeMap<String, String>) -> String {
    let library = bound.keys().find(|it| it.ends_with("/libc.so.6"));
    let mut file = library.cloned().unwrap_or_else(|| "nobody".to_owned());
    for _ in 0..bound.len() {
        match bound.get(&file) {
            Some(next) if *next != file => file.clone_from(next),
            _ => break,
        }
    }
    file
}

/// Both files in a line such as ``binding file …/libc.so.6 [0] to
/// …/libmalloc5.so [0]: normal symbol `malloc' [GLIBC_2.2.5]``.
fn of_malloc(line: &str) -> Option<(String, String)> {
    let (_, line) = line.split_once("binding file ")?;
    let (from, to) = line.split_once(" [0] to ")?;
    let (file, symbol) = to.split_once(" [0]: normal symbol ")?;
    let is_it = symbol.starts_with("`malloc'");
    is_it.then(|| (from.to_owned(), file.to_owned()))
}

fn base(program: &str) -> String {
    program.rsplit('/').next().unwrap_or(program).to_owned()
}

/// The programs of a system that a loader loads, as the system names them.
fn programs(system: &System) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for folder in FOLDERS {
        add(&system.root.path(folder), &mut all);
    }
    let inside = |path: &PathBuf| {
        let path = path.strip_prefix(system.root.folder()).ok()?;
        Some(Path::new("/").join(path))
    };
    let mut all: Vec<PathBuf> = all.iter().filter_map(inside).collect();
    all.extend(system.compilers());
    all.sort();
    all
}

fn add(folder: &Path, all: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|it| it.path()) {
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            add(&path, all);
        } else if has_loader(&path) {
            all.push(path);
        }
    }
}

/// Whether a file names the loader, as a program does in its first page.
fn has_loader(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path)
        .and_then(|file| file.take(4096).read_to_end(&mut start));
    let name = b"/lib64/ld-linux-x86-64.so.2";
    read.is_ok()
        && start.starts_with(b"\x7fELF")
        && start.windows(name.len()).any(|it| it == name)
}
