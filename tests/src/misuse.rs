//! What comes of programs that break the rules of malloc, on one heap and on
//! another: `tests/examples/misuse.rs` is run with each in front of it.

use std::env;
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use timing::preload::preload;
use timing::run::{Used, command, measure_or_kill, run_or_kill};
use timing::workspace::{build_example, workspace};

/// What takes this long hangs, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(30);

/// How long a program may take of which it is known that it ends.
const LONG: Duration = Duration::from_secs(300);

/// What the program returns that found other data than it wrote.
const WRONG_DATA: i32 = 3;

/// The programs by their names, and what each does.
pub const MISUSES: [(&str, &str); 20] = [
    ("one_past", "one byte past the end"),
    ("past_its_room", "one past all its room"),
    ("sixteen_past", "sixteen past that"),
    ("one_before", "one byte before it"),
    ("twice_at_once", "freed twice, at once"),
    ("twice_later", "freed twice, later"),
    ("twice_with_a_new_owner", "once it has a new owner"),
    ("twice_from_another_thread", "from another thread"),
    ("the_middle", "free of the middle"),
    ("the_stack", "of a stack address"),
    ("of_another_heap", "of another heap's block"),
    ("read_after_free", "read after free"),
    ("write_after_free", "written after free"),
    ("write_further_in", "the same, further in"),
    ("realloc_after_free", "realloc of a freed block"),
    ("wrong_layout", "dealloc, wrong Layout"),
    ("read_before_writing", "read before writing"),
    ("never_freed", "never freed"),
    ("in_a_signal_handler", "in a signal handler"),
    ("a_limit", "a limit not expected"),
];

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The program went on and found all as it should be.
    Nothing,
    /// It found other data than it wrote.
    WrongData,
    /// It was ended, with these words.
    Told(String),
    /// A signal ended it, without a word.
    Killed(i32),
    /// It had to be ended.
    Hangs,
}

impl Outcome {
    /// Runs a program that may take so long.
    ///
    /// # Panics
    ///
    /// If it ends in a way that is none of these.
    pub fn of(limit: Duration, program: Command) -> Self {
        let shown = format!("{program:?}");
        let Some(ended) = run_or_kill(limit, program) else {
            return Self::Hangs;
        };
        // The loader only warns of a library that it cannot use.
        assert!(!ended.stderr.contains("ld.so"), "{shown}: {ended:?}");
        let said = ended.stderr.trim().to_owned();
        match (ended.status.code(), signal(&ended.status)) {
            (Some(0), _) => Self::Nothing,
            (Some(WRONG_DATA), _) => Self::WrongData,
            (_, Some(_)) if !said.is_empty() => Self::Told(said),
            (_, Some(signal)) => Self::Killed(signal),
            _ => panic!("{shown}: {ended:?}"),
        }
    }
}

#[cfg(unix)]
fn signal(status: &std::process::ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(status)
}

#[cfg(not(unix))]
fn signal(_status: &std::process::ExitStatus) -> Option<i32> {
    None
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nothing => "-",
            Self::WrongData => "data",
            Self::Told(_) => "told",
            Self::Killed(_) => "killed",
            Self::Hangs => "hangs",
        })
    }
}

/// A malloc that can stand in front of a program.
pub struct Library {
    /// What heads its column.
    pub name: &'static str,
    /// None for the C library's, which is there anyway.
    path: Option<PathBuf>,
}

impl Library {
    /// Ours, built if need be.
    pub fn ours() -> Vec<Self> {
        let ours = [
            ("1", "malloc1"),
            ("2", "malloc2"),
            ("3", "malloc3"),
            ("4", "malloc4"),
            ("one stack", "malloc5_one_stack"),
            ("per thread", "malloc5"),
        ];
        let path = |name| Some(build_example(name));
        ours.map(|(name, file)| Self { name, path: path(file) }).into()
    }

    /// Ours or somebody else's, if it is there.
    pub fn named(name: &str) -> Option<Self> {
        let (others, _missing) = Self::of_others();
        let mut all = Self::ours().into_iter().chain(others);
        all.find(|it| it.name == name)
    }

    pub fn glibc() -> Self {
        Self { name: "glibc", path: None }
    }

    /// One that lies anywhere.
    pub fn at(name: &'static str, path: PathBuf) -> Self {
        Self { name, path: Some(path) }
    }

    /// What a program that breaks no rule uses, if it works hard.
    pub fn used(&self) -> Used {
        let used = measure_or_kill(LONG, self.program("hard_work"));
        let (ended, used) = used.expect("it takes a moment");
        assert!(ended.status.success(), "{}: {ended:?}", self.name);
        used
    }

    /// Those of others that are there, and a line for each that is not.
    pub fn of_others() -> (Vec<Self>, Vec<String>) {
        let folder = format!("/usr/lib/{}-linux-gnu", env::consts::ARCH);
        let mut there = vec![Self::glibc()];
        let mut missing = Vec::new();
        for (name, file, package) in [
            ("mimalloc", "libmimalloc.so.2", "libmimalloc2.0"),
            ("jemalloc", "libjemalloc.so.2", "libjemalloc2"),
            ("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
        ] {
            let path = Path::new(&folder).join(file);
            if path.exists() {
                there.push(Self { name, path: Some(path) });
            } else {
                missing.push(format!("{name} is left out: install {package}"));
            }
        }
        (there, missing)
    }

    /// What comes of a program with this library in front of it.
    pub fn outcome(&self, misuse: &str) -> Outcome {
        Outcome::of(LIMIT, self.program(misuse))
    }

    /// The file of the malloc that the program calls.
    pub fn whose(&self) -> String {
        let ended = run_or_kill(LONG, self.program("whose"));
        ended.expect("it takes a moment").stdout.trim().to_owned()
    }

    /// Whether that is this library's file.
    pub fn is_used(&self) -> bool {
        let path = self.path.as_deref();
        let file = path.map_or("libc.so.6".into(), Path::to_string_lossy);
        self.whose().ends_with(&*file)
    }

    fn program(&self, misuse: &str) -> Command {
        let mut program = command(build_example("misuse"), workspace());
        program.arg(misuse);
        if let Some(path) = &self.path {
            preload(&mut program, &[path]);
        }
        at_the_same_addresses(&mut program);
        program
    }
}

/// Sees to it that a program's memory lies where it lay the last time, if that is
/// allowed: what comes of a wrong address depends on what is there.
#[cfg(target_os = "linux")]
fn at_the_same_addresses(program: &mut Command) {
    use std::os::unix::process::CommandExt;

    let keep = || {
        // SAFETY: it is one system call, and touches no memory.
        unsafe { libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong) };
        Ok(())
    };
    // SAFETY: as above.
    unsafe { program.pre_exec(keep) };
}

#[cfg(not(target_os = "linux"))]
fn at_the_same_addresses(_program: &mut Command) {}

/// What comes of each misuse with each of these libraries: a line for each.
pub fn table(libraries: &[Library]) -> String {
    let names: Vec<_> = libraries.iter().map(|it| it.name.to_owned()).collect();
    let rows = rows(libraries).into_iter();
    let rows = rows.map(|(what, outcomes)| row(libraries, what, &outcomes));
    row(libraries, "", &names) + &rows.collect::<String>()
}

/// What each misuse does, and what comes of it with each of these libraries.
pub fn rows(libraries: &[Library]) -> Vec<(&'static str, Vec<String>)> {
    for library in libraries {
        assert!(library.is_used(), "{}: {}", library.name, library.whose());
    }
    let rows = MISUSES.iter().map(|(misuse, what)| {
        let outcomes = libraries.iter().map(|it| it.outcome(misuse));
        (*what, outcomes.map(|it| it.to_string()).collect())
    });
    rows.collect()
}

/// A line of a table, as wide as the names of its columns.
pub fn row(libraries: &[Library], first: &str, cells: &[String]) -> String {
    let widths = libraries.iter().map(|it| it.name.len().max(6));
    let cells = cells.iter().zip(widths);
    let cells: String =
        cells.map(|(cell, width)| format!("  {cell:>width$}")).collect();
    format!("{first:24}{cells}\n")
}
