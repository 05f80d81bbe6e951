//! Whose `malloc` each program of a system gets: what the loader says of it. It
//! loads and binds as ever, and does not start the program.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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

/// For each program, the file whose `malloc` the C library itself calls: that is
/// the one that all of the process calls.
const SCRIPT: &str = r#"
while read -r program; do
    whose=$(LD_TRACE_LOADED_OBJECTS=1 LD_WARN=yes LD_BIND_NOW=yes \
        LD_DEBUG=bindings /lib64/ld-linux-x86-64.so.2 "$program" 2>&1 |
        sed -n 's/.*libc\.so\.6 \[0\] to \([^ ]*\) .*symbol .malloc. .*/\1/p' |
        head -n 1)
    echo "$program ${whose:-nobody}"
done < /tmp/programs
"#;

/// Asks the loader. Those that bring a `malloc` of their own are named.
pub fn bindings(system: &System, heap: &str, library: &Path) -> Row {
    let programs = programs(system);
    let list = programs.iter().map(|it| format!("{}\n", it.display()));
    fs::write(system.root.path("/tmp/programs"), list.collect::<String>())
        .expect("a file of ours");
    let start = Instant::now();
    let done = system.run(SCRIPT, LIMIT);
    let seconds = start.elapsed();
    let name = library.file_name().expect("a file").to_string_lossy();
    let (status, output) = match done {
        Ok((outcome, _)) => {
            let code = outcome.status.code();
            (code.map_or("killed".into(), |it| it.to_string()), outcome.stdout)
        }
        Err(_) => ("no end".to_owned(), String::new()),
    };
    let answers: BTreeMap<&str, &str> =
        output.lines().filter_map(|line| line.split_once(' ')).collect();
    let is_ours = |whose: &&str| whose.ends_with(&*name);
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
        seconds: format!("{:.1}", seconds.as_secs_f64()),
        mib: String::new(),
        ratio: String::new(),
        processes: answers.len(),
        on_ours,
        others: others.join(" "),
    }
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
