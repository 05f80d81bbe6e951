//! Tables of results, as they are kept.

use std::fs::DirEntry;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;
use std::{env, fs, thread};

use timing::results::{commit, date, machine, table};
use timing::workspace::workspace;

use crate::allocators::beside;
use crate::measure::Plan;
use crate::{compare, peers, preloaded};

/// The folder of `target` that this program was built into.
pub fn profile_folder() -> PathBuf {
    let program = env::current_exe().expect("a program knows where it lies");
    program.parent().expect("a file lies in a folder").to_owned()
}

/// The file of a table.
fn file(name: &str) -> PathBuf {
    let file = workspace().join("tests/bench/results").join(name);
    file.with_extension("csv")
}

/// A table that was kept.
pub struct Table {
    about: Vec<(String, String)>,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub fn read(name: &str) -> Self {
        let text = fs::read_to_string(file(name));
        Self::parse(&text.unwrap_or_else(|error| panic!("{name}: {error}")))
    }

    /// The table of this name as it is committed, if it is.
    pub fn committed(name: &str) -> Option<Self> {
        let file = format!("HEAD:tests/bench/results/{name}.csv");
        let git = Command::new("git")
            .args(["show", &file])
            .current_dir(workspace())
            .output()
            .ok()?;
        let text = String::from_utf8(git.stdout).ok()?;
        git.status.success().then(|| Self::parse(&text))
    }

    pub fn parse(text: &str) -> Self {
        let (about, table): (Vec<_>, Vec<_>) =
            text.lines().partition(|line| line.starts_with('#'));
        let about = about.iter().filter_map(|line| {
            let (key, value) = line.strip_prefix("# ")?.split_once(": ")?;
            Some((key.to_owned(), value.to_owned()))
        });
        let cells = |line: &&str| line.split(',').map(str::to_owned).collect();
        let mut lines = table.iter().map(cells);
        Self {
            about: about.collect(),
            columns: lines.next().unwrap_or_default(),
            rows: lines.collect(),
        }
    }

    /// What the lines above the table say.
    pub fn about(&self, key: &str) -> &str {
        let found = self.about.iter().find(|(it, _)| it == key);
        found.map_or("", |(_, value)| value)
    }

    /// Which column it is that has this name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }
}

/// Prints a table, and keeps it if that is the plan.
pub fn keep(plan: Plan, name: &str, columns: &[&str], rows: &[Vec<String>]) {
    print(name, columns, rows);
    if !plan.is_kept || beside().is_some() {
        return;
    }
    let text = table(&about(), columns, rows);
    fs::write(file(name), text).expect("the folder is there");
}

/// Prints what is different from the last commit in the tables that were
/// written after this moment.
pub fn print_changes(since: SystemTime) {
    for name in written(since) {
        let new = Table::read(&name);
        if new.column("allocator").is_none() {
            // Another program has made it.
            continue;
        }
        println!("\n{name}, compared with what is committed");
        match Table::committed(&name) {
            Some(old) => println!("{}", compare::report(&old, &new)),
            None => println!("nothing is committed"),
        }
    }
}

/// The names of the tables that were written after a moment.
fn written(since: SystemTime) -> Vec<String> {
    let folder = fs::read_dir(workspace().join("tests/bench/results"));
    let files = folder.expect("a folder").map(|file| file.expect("a file"));
    let is_new = |file: &DirEntry| {
        let written = file.metadata().and_then(|it| it.modified());
        written.expect("the system knows") >= since
    };
    let name =
        |file: DirEntry| Some(file.path().file_stem()?.to_str()?.to_owned());
    let mut names: Vec<_> = files.filter(is_new).filter_map(name).collect();
    names.sort();
    names
}

fn print(name: &str, columns: &[&str], rows: &[Vec<String>]) {
    println!("\n{name}");
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].len());
        cells.chain([columns[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded =
            cells.zip(&widths).map(|(it, width)| format!("{it:>width$}"));
        println!("{}", padded.collect::<Vec<_>>().join("  "));
    };
    line(&mut columns.iter().copied());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
}

/// Says how far a measurement is: not where the tables are printed.
pub fn progress(what: &str, done: usize, of: usize) {
    eprintln!("{what} ({} of {of})", done + 1);
}

/// What there is to know about a table.
fn about() -> [(&'static str, String); 6] {
    [
        ("command", command()),
        ("system", system()),
        ("machine", machine()),
        ("peers", peers()),
        ("date", date()),
        ("commit", commit()),
    ]
}

/// What makes all tables.
fn command() -> String {
    let google = cfg!(feature = "google").then_some("--features google ");
    let google = google.unwrap_or_default();
    format!("cargo run --release -p bench {google}-- all")
}

/// Which packages the peers come from, those that are built and those that are
/// installed, and what they say of themselves.
fn peers() -> String {
    let lock = fs::read_to_string(workspace().join("Cargo.lock"));
    let lock = lock.expect("Cargo.lock is part of the workspace");
    let google = cfg!(feature = "google").then_some(&"libtcmalloc-sys");
    let packages = PACKAGES.iter().chain(google);
    let packages = packages.map(|name| package(&lock, name));
    let packages = packages.chain(preloaded::packages());
    let said = peers::versions().into_iter();
    let said = said.map(|(name, version)| format!("{name} {version}"));
    packages.chain(said).collect::<Vec<_>>().join("; ")
}

const PACKAGES: [&str; 7] = [
    "libmimalloc-sys",
    "tikv-jemalloc-sys",
    "snmalloc-sys",
    "rpmalloc-sys",
    "dlmalloc",
    "talc",
    "bumpalo",
];

/// A package and its version in `Cargo.lock`. What it carries may stand behind
/// a `+`.
fn package(lock: &str, name: &str) -> String {
    let start = format!("name = \"{name}\"\nversion = \"");
    let version = lock.split_once(&start).and_then(|(_, rest)| {
        let version = rest.split('"').next()?;
        version.split('-').next()
    });
    format!("{name} {}", version.expect("it is a package of this one's"))
}

/// The system that this runs on, in a line.
fn system() -> String {
    let system = timing::results::system();
    format!("{system}, transparent huge pages: {}", huge_pages())
}

/// The choice that stands in brackets: `always [madvise] never`.
fn huge_pages() -> String {
    let file = "/sys/kernel/mm/transparent_hugepage/enabled";
    let choices = fs::read_to_string(file).unwrap_or_default();
    let chosen = choices.split(['[', ']']).nth(1);
    chosen.unwrap_or("unknown").to_owned()
}

/// What this program prints when it is started once more, in a fresh process:
/// numbers.
pub fn in_a_fresh_process(args: &[&str]) -> Vec<f64> {
    let program = env::current_exe().expect("a program knows where it lies");
    let output = Command::new(program).args(args).output();
    let output = output.expect("this program starts");
    assert!(output.status.success(), "{args:?}: {output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers = text.split_whitespace().map(str::parse);
    numbers.collect::<Result<_, _>>().expect("it prints numbers")
}

/// The same for each of some jobs. As many run at once as there are cores: for
/// what is not measured in time.
pub fn in_fresh_processes(jobs: &[[&str; 3]]) -> Vec<Vec<f64>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(vec![Vec::new(); jobs.len()]);
    let work = || {
        loop {
            let job = next.fetch_add(1, Ordering::Relaxed);
            let Some(args) = jobs.get(job) else { return };
            let numbers = in_a_fresh_process(args);
            results.lock().expect("nobody panics with it")[job] = numbers;
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    results.into_inner().expect("nobody panics with it")
}
