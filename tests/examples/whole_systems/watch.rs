//! Which libraries the processes of a system have, while it works: as the kernel
//! sees it, from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use timing::run::installed;

/// How long it does not look. What lives shorter may not be seen.
const PAUSE: Duration = Duration::from_millis(30);

/// What was seen.
#[derive(Default)]
pub struct Watched {
    /// How many processes with a C library.
    pub processes: usize,
    /// How many of them had our library, too.
    pub on_ours: usize,
    /// The programs of the others.
    pub others: Vec<String>,
}

/// A thread that looks.
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Watched>,
}

impl Watch {
    /// Begins to look at what runs in `root`.
    pub fn start(root: &Path, library: Option<&Path>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let root = root.to_owned();
        let library = library.and_then(Path::file_name);
        let library = library.map(|it| it.to_string_lossy().into_owned());
        let thread = thread::spawn(move || {
            let mut seen = BTreeMap::new();
            while !stopped.load(Ordering::Relaxed) {
                look(&root, library.as_deref(), &mut seen);
                thread::sleep(PAUSE);
            }
            sum(&seen, library.is_some())
        });
        Self { stop, thread }
    }

    /// Ends, and says what was seen.
    pub fn stop(self) -> Watched {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("it only looks")
    }
}

/// A process, by its number and its program: a process may start another one.
type Seen = BTreeMap<(String, PathBuf), bool>;

/// Looks once. A process that ends meanwhile has nothing to be read.
fn look(root: &Path, library: Option<&str>, seen: &mut Seen) {
    let Ok(processes) = fs::read_dir("/proc") else { return };
    let entrance = installed("unshare").and_then(|it| it.canonicalize().ok());
    for process in processes.flatten() {
        let folder = process.path();
        let is_inside =
            fs::read_link(folder.join("root")).is_ok_and(|it| it == root);
        if !is_inside {
            continue;
        }
        let Ok(program) = fs::read_link(folder.join("exe")) else { continue };
        // The machine's own program that enters the system, before it starts
        // the first one of the system.
        if entrance.as_ref() == Some(&program) {
            continue;
        }
        let Ok(maps) = fs::read_to_string(folder.join("maps")) else {
            continue;
        };
        // The loader maps what is preloaded before it maps the C library. And a
        // process that ends while its maps are read has not all of them: the stack
        // lies above the libraries.
        if !maps.contains("/libc.so.6") || !maps.contains("[stack]") {
            continue;
        }
        let has_ours = library.is_some_and(|it| maps.contains(it));
        let number = process.file_name().to_string_lossy().into_owned();
        // What has it once keeps it.
        *seen.entry((number, program)).or_insert(false) |= has_ours;
    }
}

/// Where all processes should have our library, the others are named.
fn sum(seen: &Seen, are_named: bool) -> Watched {
    let others = seen.iter().filter(|(_, has_ours)| are_named && !**has_ours);
    let names: BTreeSet<String> = others
        .filter_map(|((_, program), _)| program.file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    let on_ours = seen.values().filter(|it| **it).count();
    Watched {
        processes: seen.len(),
        on_ours,
        others: names.into_iter().collect(),
    }
}
