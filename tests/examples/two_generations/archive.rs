//! Packages of a suite of Debian, unpacked into a folder of their own, and
//! programs that run on what is in there.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::questions::{LIMIT, QUESTIONS};

/// The allocators that are asked.
pub const NAMES: [&str; 4] = ["glibc", "jemalloc", "tcmalloc", "mimalloc"];

/// The packages that an allocator may be in, the newest first, and how the
/// name of the library's file starts.
const PACKAGES: [(&str, &[&str], &str); 4] = [
    ("glibc", &["libc6"], ""),
    ("jemalloc", &["libjemalloc2"], "libjemalloc.so.2"),
    (
        "tcmalloc",
        &["libtcmalloc-minimal4t64", "libtcmalloc-minimal4"],
        "libtcmalloc_minimal.so.4",
    ),
    ("mimalloc", &["libmimalloc3", "libmimalloc2.0"], "libmimalloc.so"),
];

/// What those libraries and this program want besides.
const BESIDES: [&str; 2] = ["libstdc++6", "libgcc-s1"];

/// A suite, as far as it was unpacked.
pub struct Suite {
    folder: TempDir,
}

/// One allocator of a suite.
pub struct Allocator {
    pub version: String,
    root: PathBuf,
    /// None for the C library itself.
    library: Option<PathBuf>,
}

impl Suite {
    /// Gets the packages from where this machine has its own from.
    pub fn fetch(name: &str) -> Result<Self, String> {
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let suite = Self { folder };
        suite.prepare(name)?;
        suite.get("libc6")?;
        for package in BESIDES {
            suite.get(package)?;
        }
        Ok(suite)
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Names the suite as the only source, and reads what it has.
    fn prepare(&self, name: &str) -> Result<(), String> {
        let folder = self.folder.path();
        for place in ["lists/partial", "cache/archives/partial", "root"] {
            fs::create_dir_all(folder.join(place))
                .map_err(|error| error.to_string())?;
        }
        let archive = archive()?;
        let keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
        let source = format!("deb [signed-by={keys}] {archive} {name} main\n");
        fs::write(folder.join("sources.list"), source)
            .and_then(|()| fs::write(folder.join("status"), ""))
            .map_err(|error| error.to_string())?;
        self.apt(&["update"]).map(drop)
    }

    /// Runs apt on this folder alone.
    fn apt(&self, args: &[&str]) -> Result<String, String> {
        let folder = self.folder.path();
        let at = |it: &str| folder.join(it).display().to_string();
        let mut apt = Command::new("apt-get");
        for setting in [
            format!("Dir::Etc::SourceList={}", at("sources.list")),
            "Dir::Etc::SourceParts=/dev/null".to_owned(),
            format!("Dir::State::Lists={}", at("lists")),
            format!("Dir::State::status={}", at("status")),
            format!("Dir::Cache={}", at("cache")),
            "Acquire::Languages=none".to_owned(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false"
                .to_owned(),
        ] {
            apt.args(["-o", &setting]);
        }
        printed(apt.args(args).current_dir(folder))
    }

    /// Unpacks a package, and says which version it is.
    fn get(&self, package: &str) -> Result<String, String> {
        self.apt(&["download", package])?;
        let file = files(self.folder.path())
            .find(|it| is_of_package(it, package))
            .ok_or_else(|| format!("{package} was not downloaded"))?;
        let mut unpack = Command::new("dpkg-deb");
        printed(unpack.arg("-x").arg(&file).arg(self.root()))?;
        let mut version = Command::new("dpkg-deb");
        printed(version.arg("-f").arg(&file).arg("Version"))
    }

    /// The allocator of this name, if the suite has it.
    pub fn allocator(&self, name: &str) -> Result<Allocator, String> {
        let (_, packages, file) = PACKAGES
            .iter()
            .find(|(it, ..)| *it == name)
            .expect("a name out of NAMES");
        let version = packages
            .iter()
            .find_map(|package| self.get(package).ok())
            .ok_or_else(|| format!("there is no {}", packages.join(" or ")))?;
        let folders = library_folders(&self.root());
        let library = match *file {
            "" => None,
            file => Some(
                folders
                    .iter()
                    .flat_map(|folder| files(folder))
                    .find(|it| is_library(it, file))
                    .ok_or_else(|| format!("there is no {file} in it"))?,
            ),
        };
        Ok(Allocator {
            version: upstream(&version).to_owned(),
            root: self.root(),
            library,
        })
    }
}

impl Allocator {
    /// What a process on this allocator answers.
    pub fn answer(&self, number: usize) -> Result<String, String> {
        if QUESTIONS[number].0 == LIMIT {
            return self.smallest_limit(number);
        }
        let output = self.command(number).output();
        let output = output.map_err(|error| error.to_string())?;
        if is_well(&output) {
            Ok(text(&output.stdout))
        } else {
            Err(format!("question {number}: {}", text(&output.stderr)))
        }
    }

    fn command(&self, number: usize) -> Command {
        let folders = library_folders(&self.root);
        let path: Vec<String> =
            folders.iter().map(|it| it.display().to_string()).collect();
        let loader = folders
            .iter()
            .flat_map(|folder| files(folder))
            .find(|it| is_library(it, "ld-linux"))
            .expect("libc6 has a loader");
        let mut command = Command::new(loader);
        command.env_remove("LD_PRELOAD").env_remove("GLIBC_TUNABLES");
        command.arg("--library-path").arg(path.join(":"));
        if let Some(library) = &self.library {
            command.arg("--preload").arg(library);
        }
        let program = std::env::current_exe().expect("it has a path");
        command.arg(program).arg(number.to_string());
        command
    }

    /// The smallest limit on the address space, in MiB, within which a process
    /// gets a block.
    fn smallest_limit(&self, number: usize) -> Result<String, String> {
        let limits: Vec<u64> = (1..=64 * 1024).collect();
        let at =
            limits.partition_point(|limit| !self.runs_within(*limit, number));
        let least = limits.get(at).ok_or("it never starts")?;
        Ok(least.to_string())
    }

    fn runs_within(&self, mib: u64, number: usize) -> bool {
        let mut command = self.command(number);
        let limit =
            libc::rlimit { rlim_cur: mib << 20, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: setrlimit may be called between fork and exec, and reads what
        // the closure owns.
        unsafe {
            command.pre_exec(move || {
                libc::setrlimit(libc::RLIMIT_AS, &raw const limit);
                Ok(())
            });
        }
        command.output().is_ok_and(|it| is_well(&it))
    }
}

/// Where this machine's packages of Debian come from.
fn archive() -> Result<String, String> {
    let mut apt = Command::new("apt-get");
    apt.args(["indextargets", "--format", "$(REPO_URI)"]);
    let sources = printed(apt.args(["Label: Debian", "Created-By: Packages"]))?;
    let first = sources.lines().next();
    first.map(str::to_owned).ok_or("it has no source of Debian".to_owned())
}

/// The version of the software: `2.0.9` of `2.0.9+ds-2`.
fn upstream(version: &str) -> &str {
    version.split(['-', '+']).next().unwrap_or(version)
}

fn library_folders(root: &Path) -> Vec<PathBuf> {
    let multiarch = format!("{}-linux-gnu", std::env::consts::ARCH);
    let folders = ["usr/lib", "lib"].map(|it| root.join(it).join(&multiarch));
    folders.into_iter().filter(|it| it.is_dir()).collect()
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder that can be read");
    entries.map(|entry| entry.expect("an entry").path())
}

fn is_of_package(file: &Path, package: &str) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(&format!("{package}_")) && name.ends_with(".deb")
}

fn is_library(file: &Path, start: &str) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(start)
}

/// Whether it did its work. The loader only warns of a library that it cannot
/// use.
fn is_well(output: &Output) -> bool {
    output.status.success() && output.stderr.is_empty()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// What a command prints, or why there is nothing.
fn printed(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| {
        format!("{}: {error}", command.get_program().display())
    })?;
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let errors = text(&output.stderr);
    Err(errors.lines().next().unwrap_or("it failed").to_owned())
}
