//! A command, run to its end in an environment that is always the same.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a command may take. Those run here take far less than a second;
/// what takes this long hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// What a command printed, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// What a command used of the machine, its children included.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    /// How long a processor worked for it, in the program and in the kernel.
    pub time: Duration,
    /// The most memory that it had at one time, in bytes. (Of several
    /// processes, the one that had most.)
    pub memory: u64,
}

impl Outcome {
    /// What went wrong, if anything did: a sentence without its subject.
    pub fn failure(&self) -> Option<String> {
        if self.status.success() {
            return None;
        }
        let said = self.stderr.lines().chain(self.stdout.lines()).next();
        let said = said.map(|line| format!(": {line}")).unwrap_or_default();
        Some(format!("ended with {}{said}", self.status))
    }
}

/// Where a program of this name lies, if it is installed.
pub fn installed(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let files = env::split_paths(&path).map(|folder| folder.join(program));
    files.into_iter().find(|file| file.is_file())
}

/// A command that runs in `folder`, with no environment but the path to its
/// programs, the plain C locale and the time zone UTC.
pub fn command(program: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C")
        .env("TZ", "UTC");
    command
}

/// Runs `command` to its end.
///
/// # Panics
///
/// If it does not start, or is not done after a minute: then it is killed.
pub fn run(command: Command) -> Outcome {
    run_within(LIMIT, command)
}

/// Runs `command` to its end, which has to come within `limit`.
///
/// # Panics
///
/// If it does not start, or is not done in time: then it is killed.
pub fn run_within(limit: Duration, command: Command) -> Outcome {
    run_measured_within(limit, command).0
}

/// Runs `command` to its end, or returns none if it was still running after
/// `limit` and was killed, with all that it had started.
///
/// # Panics
///
/// If it does not start.
pub fn run_or_kill(limit: Duration, command: Command) -> Option<Outcome> {
    measure_or_kill(limit, command).map(|(outcome, _used)| outcome)
}

/// Runs `command` to its end and measures what it uses, or returns none if it
/// was still running after `limit` and was killed, with all that it had
/// started.
///
/// # Panics
///
/// If it does not start.
pub fn measure_or_kill(
    limit: Duration,
    command: Command,
) -> Option<(Outcome, Used)> {
    let (mut stdout, mut stderr) = (temporary(), temporary());
    let name = format!("{command:?}");
    let child = start(command, &stdout, &stderr)
        .unwrap_or_else(|error| panic!("{name} starts: {error}"));
    let (status, used) = wait_or_kill(limit, child)?;
    let (stdout, stderr) = (contents(&mut stdout), contents(&mut stderr));
    Some((Outcome { status, stdout, stderr }, used))
}

/// Runs `command` to its end, and measures what it uses.
///
/// # Panics
///
/// If it does not start, or is not done after a minute: then it is killed.
pub fn run_measured(command: Command) -> (Outcome, Used) {
    run_measured_within(LIMIT, command)
}

fn run_measured_within(limit: Duration, command: Command) -> (Outcome, Used) {
    let name = format!("{command:?}");
    try_measured_within(limit, command)
        .unwrap_or_else(|why| panic!("{name} {why}"))
}

/// Runs `command` to its end, and measures what it uses.
///
/// # Errors
///
/// That it does not start, or is not done after a minute: then it is killed.
/// The sentence lacks its subject.
pub fn try_measured(command: Command) -> Result<(Outcome, Used), String> {
    try_measured_within(LIMIT, command)
}

/// Runs `command` to its end, which has to come within `limit`, and measures what
/// it uses.
///
/// # Errors
///
/// That it does not start, or is not done in time: then it is killed. The sentence
/// lacks its subject.
pub fn try_measured_within(
    limit: Duration,
    command: Command,
) -> Result<(Outcome, Used), String> {
    let (mut stdout, mut stderr) = (temporary(), temporary());
    let ended = run_into(limit, command, &stdout, &stderr);
    let (stdout, stderr) = (contents(&mut stdout), contents(&mut stderr));
    match ended {
        Ok((status, used)) => Ok((Outcome { status, stdout, stderr }, used)),
        Err(why) => Err(format!("{why}\n{stdout}{stderr}").trim().to_owned()),
    }
}

/// Runs `command` to its end, and returns all that it printed as it stands on
/// a terminal: standard output and standard error together.
///
/// # Panics
///
/// If it does not start, or is not done after a minute: then it is killed.
pub fn run_together(command: Command) -> String {
    let mut both = temporary();
    let name = format!("{command:?}");
    let ended = run_into(LIMIT, command, &both, &both);
    let printed = contents(&mut both);
    ended.unwrap_or_else(|why| panic!("{name} {why}\n{printed}"));
    printed
}

fn run_into(
    limit: Duration,
    command: Command,
    stdout: &File,
    stderr: &File,
) -> Result<(ExitStatus, Used), String> {
    let child = start(command, stdout, stderr)
        .map_err(|error| format!("does not start: {error}"))?;
    wait_or_kill(limit, child)
        .ok_or_else(|| format!("was still running after {limit:?}"))
}

/// A file, not a pipe: a pipe that nobody empties stops the program, and one
/// that a grandchild holds open never ends.
fn temporary() -> File {
    tempfile::tempfile().expect("a temporary file")
}

fn start(
    mut command: Command,
    stdout: &File,
    stderr: &File,
) -> io::Result<Child> {
    fork_first(&mut command);
    lead_a_group(&mut command);
    command
        .stdin(Stdio::null())
        .stdout(stdout.try_clone().expect("a second handle"))
        .stderr(stderr.try_clone().expect("a second handle"))
        .spawn()
}

/// Makes `command` start as a fork. Otherwise it may begin as a guest in our
/// memory, and Linux counts the most that we ever had as its own.
#[cfg(unix)]
fn fork_first(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    // SAFETY: there is nothing that it must not do, since it does nothing.
    unsafe { command.pre_exec(|| Ok(())) };
}

#[cfg(not(unix))]
fn fork_first(_command: &mut Command) {}

/// How `child` ended and what it used, or none if it had to be killed.
fn wait_or_kill(
    limit: Duration,
    mut child: Child,
) -> Option<(ExitStatus, Used)> {
    let ended = wait(limit, &mut child);
    if ended.is_none() {
        kill(&mut child);
        child.wait().expect("a child of ours");
    }
    ended
}

/// How `child` ended and what it used, or none if it is still running after
/// `limit`. It must not be asked again once it has ended.
pub fn wait(limit: Duration, child: &mut Child) -> Option<(ExitStatus, Used)> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(ended) = ended(child) {
            return Some(ended);
        }
        sleep(Duration::from_millis(2));
    }
    None
}

/// Puts `command` and all that it will start into a group of their own, so that
/// they can be killed together.
#[cfg(unix)]
fn lead_a_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    command.process_group(0);
}

#[cfg(not(unix))]
fn lead_a_group(_command: &mut Command) {}

#[cfg(unix)]
fn kill(child: &mut Child) {
    let group = -child.id().cast_signed();
    // SAFETY: kill(2) touches no memory. The group is that of a child that we
    // have not waited for, so its number has not been given to another.
    let result = unsafe { libc::kill(group, libc::SIGKILL) };
    assert_eq!(result, 0, "kill(2) for a group of ours");
}

#[cfg(not(unix))]
fn kill(child: &mut Child) {
    child.kill().expect("a child of ours");
}

/// How `child` ended and what it used, if it has ended. It must not be asked
/// again then.
#[cfg(unix)]
fn ended(child: &mut Child) -> Option<(ExitStatus, Used)> {
    use std::mem::MaybeUninit;
    use std::os::unix::process::ExitStatusExt;

    let pid = child.id().cast_signed();
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both results may be written. Whoever waits for a child makes it
    // vanish: this one is ours, and nobody asks again.
    let ended = unsafe {
        libc::wait4(pid, &mut status, libc::WNOHANG, usage.as_mut_ptr())
    };
    assert_ne!(ended, -1, "wait4(2) for a child of ours");
    if ended == 0 {
        return None;
    }
    // SAFETY: all its fields are numbers, and may be zero.
    let usage = unsafe { usage.assume_init() };
    let duration = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec as u64)
            + Duration::from_micros(time.tv_usec as u64)
    };
    let used = Used {
        time: duration(usage.ru_utime) + duration(usage.ru_stime),
        // Linux counts in KiB.
        memory: usage.ru_maxrss as u64 * 1024,
    };
    Some((ExitStatus::from_raw(status), used))
}

#[cfg(not(unix))]
fn ended(child: &mut Child) -> Option<(ExitStatus, Used)> {
    let status = child.try_wait().expect("a child of ours")?;
    Some((status, Used { time: Duration::ZERO, memory: 0 }))
}

fn contents(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().expect("a file can be read again");
    file.read_to_end(&mut bytes).expect("a file can be read");
    String::from_utf8_lossy(&bytes).into_owned()
}
