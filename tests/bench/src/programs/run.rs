//! A program that runs to its end, with a library in front of it.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;
use std::{env, io};

use timing::results::printed;
use timing::run::{Used, wait};

use super::works::Work;
use crate::preloaded::Library;
use crate::results::profile_folder;

/// How long a program may take, for how many seconds a processor may work for
/// each of its processes, and how many bytes each may have.
const LIMIT: Duration = Duration::from_secs(60);
const MOST_SECONDS: u64 = 8;
const MOST_BYTES: u64 = 4 << 30;

/// What counts as memory of a process from its start, though hardly a page of it
/// is ever touched: snmalloc has a table for all addresses that there may be.
const RESERVED: (&str, u64) = ("snmalloc", 256 << 30);

/// An empty folder.
pub fn fresh_folder() -> PathBuf {
    let folder = profile_folder().join("programs");
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("a folder of ours");
    }
    fs::create_dir(&folder).expect("a folder");
    folder
}

/// Runs a work with a library in front of it. What the program and its clients
/// print goes into the file `output`. If it fails, that says why.
pub fn run(
    work: &Work,
    library: &Library,
    folder: &Path,
) -> Result<Used, String> {
    run_with(work, library, folder, &[])
}

/// The same, but fails also if a `malloc` in there is not the library's: the
/// loader only warns of a library that it cannot use.
pub fn run_and_check(
    work: &Work,
    library: &Library,
    folder: &Path,
) -> Result<Used, String> {
    let bindings = folder.join("bindings");
    fs::create_dir(&bindings).expect("a folder");
    // The loader writes a file for each process.
    let file = bindings.join("of");
    let file = file.to_str().expect("a path in UTF-8");
    let debug = [("LD_DEBUG", "bindings"), ("LD_DEBUG_OUTPUT", file)];
    let used = run_with(work, library, folder, &debug);
    let files = fs::read_dir(&bindings).expect("a folder of ours");
    let files: Vec<_> = files.map(|it| it.expect("a file").path()).collect();
    let is_used = files.iter().try_for_each(|file| check(library, file));
    fs::remove_dir_all(&bindings).expect("a folder of ours");
    match (used, is_used) {
        (Ok(_), Ok(())) if files.is_empty() => {
            Err("the loader says nothing of it".to_owned())
        }
        (Ok(used), Ok(())) => Ok(used),
        (Err(why), _) | (_, Err(why)) => Err(why),
    }
}

/// Looks in what the loader says of a process whether each `malloc` in there is
/// the library's.
fn check(library: &Library, bindings: &Path) -> Result<(), String> {
    let path = library.path.as_deref().and_then(Path::file_name);
    let name = path.and_then(|name| name.to_str()).expect("it has a name");
    let ours = format!("/{name} [0]: normal symbol `malloc'");
    let file = BufReader::new(File::open(bindings).expect("a file"));
    let lines = file.lines().map(|line| line.expect("a line"));
    let mallocs: Vec<String> =
        lines.filter(|line| line.contains(" symbol `malloc'")).collect();
    if mallocs.is_empty() {
        return Err("a process has no malloc".to_owned());
    }
    match mallocs.iter().find(|line| !line.contains(&ours)) {
        Some(other) => Err(format!("it is not used: {}", other.trim())),
        None => Ok(()),
    }
}

fn run_with(
    work: &Work,
    library: &Library,
    folder: &Path,
    environment: &[(&str, &str)],
) -> Result<Used, String> {
    let output = create(folder, "output");
    let errors = create(folder, "errors");
    let reserved = if library.name == RESERVED.0 { RESERVED.1 } else { 0 };
    let start = |mut command: Command| {
        command.stdin(Stdio::null());
        command.stdout(output.try_clone().expect("a second handle"));
        command.stderr(errors.try_clone().expect("a second handle"));
        Running::start(command, MOST_BYTES + reserved)
    };
    let [program, args @ ..] = work.command else { panic!("no command") };
    let mut command = command(full_name(program), folder);
    let path = library.path.as_ref().expect("each has one");
    command.args(args).env("LD_PRELOAD", path);
    command.envs(environment.iter().copied());
    let program = start(command);
    let clients = work.clients.map(|script| {
        let mut clients = self::command("sh", folder);
        clients.args(["-c", script]);
        start(clients)
    });
    let used = match clients.map_or(Ok(()), |it| it.end(LIMIT).map(|_| ())) {
        Ok(()) => program.end(LIMIT),
        // It may be the server that failed. If not, nobody stops it.
        Err(why) => match program.end(Duration::from_secs(1)) {
            Ok(_) => Err(format!("its clients: {why}")),
            Err(its) => Err(format!("{its}; its clients: {why}")),
        },
    };
    used.map_err(|why| match first_line(folder, "errors") {
        line if line.is_empty() => why,
        line => format!("{why}; {line}"),
    })
}

/// A command that runs in `folder`, with an environment that is always the
/// same. python3 is told to ask `malloc` for each object, and what a user or a
/// system has set up for git is not asked.
pub fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("PYTHONMALLOC", "malloc")
        .env("PYTHONHASHSEED", "1");
    command
}

/// The name of a program that can be started. What is called `python3` may be a
/// script that looks for it.
fn full_name(program: &str) -> &str {
    static PYTHON: LazyLock<String> = LazyLock::new(|| {
        printed("python3", &["-c", "import sys; print(sys.executable)"])
    });
    if program == "python3" { &PYTHON } else { program }
}

fn create(folder: &Path, name: &str) -> File {
    File::create(folder.join(name)).expect("a file")
}

/// The first line of a file, if it has one.
fn first_line(folder: &Path, name: &str) -> String {
    let text = fs::read(folder.join(name)).expect("a file");
    let text = String::from_utf8_lossy(&text);
    text.lines().next().unwrap_or_default().to_owned()
}

/// A number that stands for all that is in a file. (A piece of it at a time:
/// what is read here would count as memory of the programs started later.)
pub fn digest(file: &Path) -> u64 {
    let mut file = File::open(file).expect("a file");
    let mut hasher = DefaultHasher::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        let len = file.read(&mut piece).expect("a file can be read");
        if len == 0 {
            return hasher.finish();
        }
        hasher.write(&piece[..len]);
    }
}

/// A program that is killed if nobody waits for its end.
struct Running {
    child: Child,
    has_ended: bool,
}

impl Running {
    fn start(mut command: Command, most_bytes: u64) -> Self {
        // SAFETY: between fork(2) and exec(2) it makes only system calls.
        unsafe { command.pre_exec(move || bound(most_bytes)) };
        let child = command.spawn();
        let child =
            child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, has_ended: false }
    }

    /// Waits until it has ended, well and in time.
    fn end(mut self, limit: Duration) -> Result<Used, String> {
        let Some((status, used)) = wait(limit, &mut self.child) else {
            return Err(format!("it is still running after {limit:?}"));
        };
        self.has_ended = true;
        match status.signal() {
            None if status.success() => Ok(used),
            Some(libc::SIGXCPU) => {
                Err(format!("it takes more than {MOST_SECONDS} s"))
            }
            _ => Err(status.to_string()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended {
            self.child.kill().expect("a child of ours");
            self.child.wait().expect("a child of ours");
        }
    }
}

/// Bounds what the process that calls it may have: memory, time, and a life no
/// longer than that of the program that started it.
fn bound(most_bytes: u64) -> io::Result<()> {
    limit(libc::RLIMIT_DATA, most_bytes)?;
    limit(libc::RLIMIT_CPU, MOST_SECONDS)?;
    // It may end in an abort that is foreseen.
    limit(libc::RLIMIT_CORE, 0)?;
    // SAFETY: it touches no memory.
    match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn limit(what: libc::__rlimit_resource_t, most: u64) -> io::Result<()> {
    // Only at the second bound is it killed without a word.
    let most = libc::rlimit { rlim_cur: most, rlim_max: most + 1 };
    // SAFETY: it reads `most`.
    match unsafe { libc::setrlimit(what, &most) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
