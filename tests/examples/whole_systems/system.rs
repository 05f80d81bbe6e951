//! A Debian with what the steps need, and the stages in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{fs, io};

use tests::root::Root;
use tests::workshop::Workshop;
use timing::run::{Outcome, Used, run_within};
use timing::workspace::workspace;

/// What each system has besides apt, dpkg, perl's base and a shell.
const PACKAGES: [&str; 5] = ["gcc", "libc6-dev", "perl", "python3", "xz-utils"];

/// What has a compiler of its own that is new enough for the stages.
const WITH_RUST: [(&str, &[&str]); 1] = [("sid", &["rustc", "cargo"])];

/// Where the stages are in there, and what is built from them.
const STAGES: &str = "/srv/stages";
const TARGET: &str = "/srv/target";

/// Where this machine's own compiler is seen in a system that has none.
const RUST: &str = "/opt/rust";

/// How long a short question may take.
const ASK: Duration = Duration::from_secs(120);

/// A system, ready to work.
pub struct System {
    pub root: Root,
    /// Which compiler it has, and whose that is.
    pub compiler: String,
    path: String,
}

impl System {
    /// The system of a suite, with all that the steps need, and more packages.
    pub fn make(suite: &str, more: &[&str]) -> Result<Self, String> {
        let rust = WITH_RUST.iter().find(|(it, _)| *it == suite);
        let mut packages = PACKAGES.to_vec();
        packages.extend(rust.iter().flat_map(|(_, rust)| *rust));
        packages.extend(more);
        let name = format!("whole-{suite}");
        let mut root = Root::make(&name, suite, &packages)?;
        // What an earlier run may have left, if it was stopped.
        root.preload(None)?;
        root.bind(&stages()?, STAGES)?;
        root.bind(&workspace().join("tests/c"), "/srv/c")?;
        let mut path = "/usr/sbin:/usr/bin:/sbin:/bin".to_owned();
        if rust.is_none() {
            root.bind(&toolchain()?, RUST)?;
            path = format!("{RUST}/bin:{path}");
        }
        let mut system = Self { root, compiler: String::new(), path };
        let whose = if rust.is_none() { "this machine's" } else { "its own" };
        let version = system.says("rustc --version")?;
        let version: Vec<&str> = version.split_whitespace().take(2).collect();
        system.compiler = format!("{whose} {}", version.join(" "));
        Ok(system)
    }

    /// The name of its suite.
    pub fn suite(&self) -> &str {
        self.root.suite()
    }

    /// Programs that lie outside of the system's own folders.
    pub fn compilers(&self) -> Vec<PathBuf> {
        let is_bound = self.path.starts_with(RUST);
        let names = ["bin/cargo", "bin/rustc"].into_iter();
        names.filter(|_| is_bound).map(|it| Path::new(RUST).join(it)).collect()
    }

    /// Which one it is: its name and its C library.
    pub fn about(&self) -> Result<String, String> {
        let name = self.says(". /etc/os-release; echo $PRETTY_NAME")?;
        let glibc = self.says("dpkg-query -W -f '${Version}' libc6")?;
        Ok(format!("{name}, glibc {glibc}, {}", self.compiler))
    }

    /// What a script prints.
    fn says(&self, script: &str) -> Result<String, String> {
        let (outcome, _) = self.run(script, ASK)?;
        match outcome.failure() {
            Some(why) => Err(format!("{script} {why}")),
            None => Ok(outcome.stdout.trim().to_owned()),
        }
    }

    /// Runs a script of bash to its end. It ends at the first thing that fails.
    pub fn run(
        &self,
        script: &str,
        limit: Duration,
    ) -> Result<(Outcome, Used), String> {
        let script = format!("set -euo pipefail\n{script}");
        let mut command = self.root.command("bash", &["-c", &script]);
        command
            .env("PATH", &self.path)
            .env("CARGO_TARGET_DIR", TARGET)
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        self.root.run(limit, command)
    }
}

/// The stages, and the crates that they need: nothing is asked of the network
/// when they are built.
fn stages() -> Result<PathBuf, String> {
    let folder = workspace().join("target/roots/stages");
    Workshop::new(&folder);
    let settings = "[source.crates-io]\nreplace-with = \"vendored\"\n\n\
                    [source.vendored]\ndirectory = \"vendor\"\n";
    // What is there for the same versions is left as it is: another run may be
    // using it.
    let (file, note) = (folder.join(".cargo/config.toml"), "vendored.lock");
    let lock = fs::read(workspace().join("Cargo.lock")).map_err(wrong)?;
    if fs::read(folder.join(note)).is_ok_and(|it| it == lock) {
        return Ok(folder);
    }
    let _ = fs::remove_file(&file);
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(&folder).args(["vendor", "--quiet", "vendor"]);
    let vendored = run_within(Duration::from_secs(600), cargo);
    if let Some(why) = vendored.failure() {
        return Err(format!("cargo vendor {why}"));
    }
    fs::create_dir_all(folder.join(".cargo")).map_err(wrong)?;
    fs::write(file, settings).map_err(wrong)?;
    fs::write(folder.join(note), lock).map_err(wrong)?;
    Ok(folder)
}

fn wrong(error: io::Error) -> String {
    error.to_string()
}

/// The folder of the compiler that builds this.
fn toolchain() -> Result<PathBuf, String> {
    let mut rustc = Command::new("rustc");
    rustc.current_dir(workspace()).args(["--print", "sysroot"]);
    let printed = run_within(ASK, rustc);
    match printed.failure() {
        Some(why) => Err(format!("rustc {why}")),
        None => Ok(Path::new(printed.stdout.trim()).to_owned()),
    }
}
