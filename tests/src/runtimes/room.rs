//! The folder in which the programs run: a root of Debian, entered by chroot.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use timing::run::run_measured;
use timing::workspace::workspace;

use super::jobs::{Job, PACKAGES};
use crate::root::Root;

/// A root with the programs, our libraries, and a folder to work in.
pub struct Room {
    root: PathBuf,
}

/// The folders in there.
pub(super) const WORK: &str = "work";
const LIBRARIES: &str = "preload";
const SEEN: &str = "seen";

impl Room {
    /// Makes the root, or takes the one that is there, and mounts what programs
    /// want to know of processes: for this process alone, so that nothing is left
    /// mounted when it ends.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub fn make() -> Result<Self, String> {
        let packages: Vec<&str> = PACKAGES.split_whitespace().collect();
        let root = Root::make("runtimes", "bookworm", &packages)?;
        let root = root.folder().to_owned();
        mount_proc(&root.join("proc"))
            .map_err(|error| format!("/proc cannot be mounted: {error}"))?;
        for folder in [LIBRARIES, SEEN] {
            fs::create_dir_all(root.join(folder))
                .map_err(|it| it.to_string())?;
        }
        Ok(Self { root })
    }

    /// Copies a library to where programs in here find it, and says where.
    pub fn bring(&self, library: &Path) -> String {
        let name = library.file_name().expect("a library is a file");
        let name = name.to_str().expect("a name in UTF-8");
        fs::copy(library, self.root.join(LIBRARIES).join(name))
            .unwrap_or_else(|error| panic!("{}: {error}", library.display()));
        format!("/{LIBRARIES}/{name}")
    }

    /// Empties the folder for work, puts the files of the jobs there, and does
    /// what comes before the job.
    ///
    /// # Errors
    ///
    /// Why that cannot be done.
    pub fn prepare(&self, job: &Job) -> Result<(), String> {
        let work = self.root.join(WORK);
        empty(&work);
        let files = workspace().join("tests/programs");
        for entry in fs::read_dir(files).expect("the programs") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a file has a name");
            fs::copy(&path, work.join(name)).expect("a copy");
        }
        if job.prepare.is_empty() {
            return Ok(());
        }
        let (outcome, _used) =
            run_measured(self.command("sh", &["-c", job.prepare]));
        outcome.failure().map_or(Ok(()), Err)
    }

    /// The job as a command.
    pub fn job(&self, job: &Job) -> Command {
        let mut words = job.run.split_whitespace();
        let program = words.next().expect("a program");
        self.command(program, &words.collect::<Vec<_>>())
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).env_clear().envs([
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("HOME", "/root"),
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "UTC"),
            // No date in what is made.
            ("SOURCE_DATE_EPOCH", "0"),
        ]);
        let root = CString::new(self.root.as_os_str().as_bytes())
            .expect("a path has no zero byte");
        // SAFETY: chroot and chdir may be called between fork and exec, and read
        // strings that the closure owns.
        unsafe {
            command.pre_exec(move || {
                if libc::chroot(root.as_ptr()) != 0
                    || libc::chdir(c"/work".as_ptr()) != 0
                {
                    return Err(io::Error::last_os_error());
                }
                Ok(())
            });
        }
        command
    }

    /// What the job has made.
    pub fn made(&self, job: &Job) -> Option<Vec<u8>> {
        fs::read(self.root.join(WORK).join(job.makes)).ok()
    }

    /// Removes what the job has made.
    pub fn clear(&self, job: &Job) {
        if !job.makes.is_empty() {
            let _ = fs::remove_file(self.root.join(WORK).join(job.makes));
        }
    }

    /// An empty folder for what our libraries write, as we see it.
    pub fn seen(&self) -> PathBuf {
        let folder = self.root.join(SEEN);
        empty(&folder);
        folder
    }

    /// The version of a package in here.
    ///
    /// # Panics
    ///
    /// If it is not here.
    pub fn version(&self, package: &str) -> String {
        let mut query = Command::new("dpkg-query");
        query.arg("--admindir").arg(self.root.join("var/lib/dpkg"));
        query.args(["--show", "--showformat", "${Version}", package]);
        let (outcome, _used) = run_measured(query);
        assert_eq!(outcome.failure(), None, "{package}");
        outcome.stdout
    }
}

/// What a file of [`Room::seen`] is called in there.
pub fn seen_as(name: &str) -> String {
    format!("/{SEEN}/{name}")
}

fn empty(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
}

/// Mounts what is mounted for this process and its children alone.
fn mount_proc(place: &Path) -> io::Result<()> {
    let place = CString::new(place.as_os_str().as_bytes())?;
    let all = libc::MS_REC | libc::MS_PRIVATE;
    let none = std::ptr::null();
    // SAFETY: all strings end in a zero byte.
    let is_well = unsafe {
        let (proc, root) = (c"proc".as_ptr(), c"/".as_ptr());
        libc::unshare(libc::CLONE_NEWNS) == 0
            && libc::mount(none, root, none.cast(), all, none.cast()) == 0
            && libc::mount(proc, place.as_ptr(), proc, 0, none.cast()) == 0
    };
    if is_well { Ok(()) } else { Err(io::Error::last_os_error()) }
}
