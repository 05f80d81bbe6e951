//! A whole system in a folder: a suite of Debian with some packages, unpacked
//! under `target/roots`, and commands that run in there as if nothing else were
//! on the machine.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use tests::root::Root;
//!
//! let root = Root::make("example", "trixie", &["gcc"])?;
//! let (outcome, _used) =
//!     root.run(Duration::from_secs(60), root.command("gcc", &["--version"]))?;
//! println!("{}", outcome.stdout);
//! # Ok::<(), String>(())
//! ```
//!
//! The packages come from where this machine has its own from, and nothing is
//! installed on it. That takes root's rights and the program `mmdebstrap`: what
//! is missing is an error that says how to get it. A second run takes what is
//! there.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use timing::run::{Outcome, Used, installed, measure_or_kill};
use timing::workspace::workspace;

/// How long it may take to get and unpack the packages.
const UNPACK: Duration = Duration::from_secs(1800);

/// The keys that Debian signs with, if the machine has them.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The suites that we can ask for: Debian 12, 13 and 14, and what comes after.
pub const SUITES: [&str; 4] = ["bookworm", "trixie", "forky", "sid"];

/// What a process in there finds in its environment.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("USER", "root"),
    ("LC_ALL", "C.UTF-8"),
    ("TZ", "UTC"),
    ("DEBIAN_FRONTEND", "noninteractive"),
];

/// What is mounted while a command runs: it is gone with its last process, since
/// the shell that mounts it has mounts, and numbers of processes, of its own. (The
/// shell stays: to the first process of all, a signal such as that of `abort`
/// would do nothing.) Its arguments are the root, the folder to start in, how many
/// pairs of folders come next, those pairs, and the command.
const ENTER: &str = r#"
root=$1 folder=$2 pairs=$3
shift 3
mount -t proc proc "$root/proc" || exit 125
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts" || exit 125
mount -t tmpfs tmpfs "$root/dev/shm" || exit 125
while [ "$pairs" -gt 0 ]; do
    mount --bind "$1" "$root$2" || exit 125
    shift 2
    pairs=$((pairs - 1))
done
unshare --root="$root" --wd="$folder" -- "$@"
exit $?
"#;

/// A system in a folder.
#[derive(Clone, Debug)]
pub struct Root {
    folder: PathBuf,
    suite: String,
    /// Folders of the machine, and where they are seen in here.
    bound: Vec<(PathBuf, String)>,
}

impl Root {
    /// The suite with the packages, in `target/roots/NAME`. What is there from
    /// before is taken, and what it lacks is added.
    ///
    /// # Errors
    ///
    /// What is missing, or what went wrong, in a sentence.
    pub fn make(
        name: &str,
        suite: &str,
        packages: &[&str],
    ) -> Result<Self, String> {
        must_have(suite)?;
        let roots = workspace().join("target/roots");
        fs::create_dir_all(&roots).map_err(|error| error.to_string())?;
        // Another process may want the same.
        let lock = File::create(roots.join(format!("{name}.lock")))
            .map_err(|error| error.to_string())?;
        lock.lock().map_err(|error| error.to_string())?;
        let root = Self {
            folder: roots.join(name),
            suite: suite.to_owned(),
            bound: Vec::new(),
        };
        let note = roots.join(format!("{name}.txt"));
        let had = fs::read_to_string(&note).unwrap_or_default();
        let mut had: Vec<&str> = had.split_whitespace().collect();
        let missing: Vec<&str> =
            packages.iter().filter(|it| !had.contains(it)).copied().collect();
        if had.first() != Some(&suite) {
            remove(&note)?;
            remove(&root.folder)?;
            unpack(&root.folder, suite, packages)?;
            had = vec![suite];
        } else if missing.is_empty() {
            return Ok(root);
        } else {
            root.install(&missing)?;
        }
        let all = [had, missing].concat().join(" ") + "\n";
        fs::write(&note, all).map_err(|error| error.to_string())?;
        Ok(root)
    }

    /// Adds packages, by what the system itself has for it.
    fn install(&self, packages: &[&str]) -> Result<(), String> {
        self.preload(None)?;
        let script = "apt-get -qq update && apt-get -qq install --yes \
                      --no-install-recommends \"$@\"";
        let args = [&["-c", script, "sh"], packages].concat();
        let (outcome, _used) = self.run(UNPACK, self.command("sh", &args))?;
        outcome.failure().map_or(Ok(()), |why| Err(format!("apt-get {why}")))
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Which suite it is of.
    pub fn suite(&self) -> &str {
        &self.suite
    }

    /// Where a file of it lies: `/etc/passwd` of the root, not of the machine.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.folder.join(inside.trim_start_matches('/'))
    }

    /// Lets commands see a folder of the machine in here.
    ///
    /// # Errors
    ///
    /// That the place for it cannot be made.
    pub fn bind(&mut self, from: &Path, to: &str) -> Result<(), String> {
        let place = self.path(to);
        fs::create_dir_all(&place)
            .map_err(|error| format!("{}: {error}", place.display()))?;
        self.bound.push((from.to_owned(), to.to_owned()));
        Ok(())
    }

    /// Has every program in here that is linked dynamically start with
    /// `library`, or with nothing but its own. The library is copied, and its
    /// name written to `/etc/ld.so.preload` in here.
    ///
    /// # Errors
    ///
    /// That it cannot be written.
    pub fn preload(&self, library: Option<&Path>) -> Result<(), String> {
        let list = self.path("/etc/ld.so.preload");
        let Some(library) = library else { return remove(&list) };
        let name = library.file_name().expect("a library is a file");
        let place = Path::new("/usr/local/lib").join(name);
        let text = format!("{}\n", place.display());
        fs::copy(library, self.path(&place.to_string_lossy()))
            .and_then(|_| fs::write(list, text))
            .map_err(|error| error.to_string())
    }

    /// A command in here that starts at the top, in an environment that is always
    /// the same.
    pub fn command(
        &self,
        program: &str,
        args: &[impl AsRef<OsStr>],
    ) -> Command {
        self.command_in("/", program, args)
    }

    /// The same in a folder.
    pub fn command_in(
        &self,
        folder: &str,
        program: &str,
        args: &[impl AsRef<OsStr>],
    ) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child"]);
        command.args(["--", "/bin/sh", "-c", ENTER, "sh"]);
        command.arg(&self.folder).arg(folder);
        command.arg(self.bound.len().to_string());
        for (from, to) in &self.bound {
            command.arg(from).arg(to);
        }
        command.arg(program).args(args);
        command.env_clear().envs(ENVIRONMENT);
        command
    }

    /// Runs a command of [`command`](Self::command) to its end, and measures it.
    ///
    /// # Errors
    ///
    /// That it was not done in time: then all that it started is killed.
    pub fn run(
        &self,
        limit: Duration,
        command: Command,
    ) -> Result<(Outcome, Used), String> {
        let program = command.get_program().to_owned();
        // The names of other machines, as this one knows them.
        for file in ["/etc/resolv.conf", "/etc/hosts"] {
            fs::copy(file, self.path(file))
                .map_err(|error| format!("{file}: {error}"))?;
        }
        measure_or_kill(limit, command).ok_or_else(|| {
            format!("{} is not done after {limit:?}", program.display())
        })
    }
}

/// What it takes to make a root, and to run a command in it.
fn must_have(suite: &str) -> Result<(), String> {
    if !SUITES.contains(&suite) {
        return Err(format!(
            "there is no suite {suite}: say one of {}",
            SUITES.join(", ")
        ));
    }
    // SAFETY: it only says who we are.
    if unsafe { libc::geteuid() } != 0 {
        return Err("a system in a folder needs root's rights: \
                    run this as root, in a container for example"
            .into());
    }
    for (program, package) in [
        ("mmdebstrap", "mmdebstrap"),
        ("apt-get", "apt"),
        ("unshare", "util-linux"),
    ] {
        if installed(program).is_none() {
            return Err(format!(
                "there is no {program}: apt-get install {package}"
            ));
        }
    }
    if !Path::new(KEYS).is_file() {
        return Err(format!(
            "there is no {KEYS}: apt-get install debian-archive-keyring"
        ));
    }
    Ok(())
}

/// Gets the packages and unpacks them.
fn unpack(folder: &Path, suite: &str, packages: &[&str]) -> Result<(), String> {
    let (archive, settings) = (archive()?, settings()?);
    // In a place of its own here too: what it mounts goes with it, even if it
    // is stopped half-way.
    let mut debstrap = Command::new("unshare");
    debstrap.args(["--mount", "--pid", "--fork", "--kill-child"]);
    debstrap.args(["--mount-proc", "--", "mmdebstrap"]);
    debstrap.args(["--mode=root", "--variant=apt", "--components=main"]);
    debstrap.args(["--quiet", "--keyring", KEYS]);
    for setting in settings {
        debstrap.arg("--aptopt").arg(setting);
    }
    let mut all = vec!["ca-certificates"];
    all.extend(packages);
    debstrap.arg("--include").arg(all.join(","));
    debstrap.arg(suite).arg(folder).arg(archive);
    let done = measure_or_kill(UNPACK, debstrap);
    let (outcome, _used) =
        done.ok_or_else(|| format!("{suite} is not here after {UNPACK:?}"))?;
    if outcome.status.success() {
        return Ok(());
    }
    // The last lines say what it was.
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    let last = lines[lines.len().saturating_sub(5)..].join("\n");
    Err(format!("{suite} cannot be had from {}:\n{last}", self::archive()?))
}

/// Where this machine's packages of Debian come from.
fn archive() -> Result<String, String> {
    let sources = apt(
        "apt-get",
        &["indextargets", "--format", "$(REPO_URI)", "Label: Debian"],
    )?;
    sources.lines().next().map(str::to_owned).ok_or_else(|| {
        "apt knows no source of Debian on this machine: it has to be named in \
         /etc/apt/sources.list.d, and apt-get update has to run once"
            .to_owned()
    })
}

/// What apt has to know on this machine to get something at all, such as a proxy.
fn settings() -> Result<Vec<String>, String> {
    let all = apt("apt-config", &["dump"])?;
    let begins = ["Acquire::http", "Acquire::https", "Acquire::Check-"];
    let lines = all.lines();
    let ours = lines.filter(|it| begins.iter().any(|its| it.starts_with(its)));
    Ok(ours.map(str::to_owned).collect())
}

fn apt(program: &str, args: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(args).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Removes what we made, if it is there. Nothing is mounted in a root of ours but
/// while a command runs, and then only that command sees it. (If somebody else
/// has mounted something there, all of that would go, too.)
fn remove(path: &Path) -> Result<(), String> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut places = mounts.lines().filter_map(|it| it.split(' ').nth(1));
    if let Some(place) = places.find(|it| Path::new(it).starts_with(path)) {
        return Err(format!("{place} is mounted: umount {place}"));
    }
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(format!("{}: {error}", path.display()))
        }
        _ => Ok(()),
    }
}
