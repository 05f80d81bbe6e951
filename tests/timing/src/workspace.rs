//! The workspace: where it lies, and what cargo builds from it.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::{io, thread};

use serde_json::Value;

/// The folder that holds the whole workspace.
pub fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this crate lies in `tests`")
}

/// The folder of `target` that the running program was built into, such as
/// `target/debug`. A test lies in its `deps`, an example in its `examples`.
pub fn profile_folder() -> PathBuf {
    let program = env::current_exe().expect("a program knows where it lies");
    let folder = program.parent().and_then(Path::parent);
    folder.expect("cargo puts programs two folders deep").to_owned()
}

/// Builds an example of any package, once for each process, and returns where
/// it lies.
///
/// `cargo test --test NAME` builds no example, so a test that needs one asks
/// for it here. It lands beside the test: same `target`, same profile.
pub fn build_example(name: &str) -> PathBuf {
    build_example_for(&profile(), name)
}

/// Builds an example as `--release` does, whatever the running program was
/// built for: for what measures time.
pub fn build_release_example(name: &str) -> PathBuf {
    build_example_for("release", name)
}

fn build_example_for(profile: &str, name: &str) -> PathBuf {
    static BUILT: Mutex<BTreeMap<(String, String), PathBuf>> =
        Mutex::new(BTreeMap::new());
    // A test that failed in here leaves nothing half done.
    let mut built = BUILT.lock().unwrap_or_else(|error| error.into_inner());
    built
        .entry((profile.to_owned(), name.to_owned()))
        .or_insert_with(|| {
            let mut cargo = cargo("build", profile);
            cargo.args(["--example", name]);
            artefact(cargo, |target| target["name"] == name)
        })
        .clone()
}

/// Builds the test `name` of `package`, and returns where it lies.
pub fn build_test(package: &str, name: &str) -> PathBuf {
    let file = workspace().join(package).join("tests").join(name);
    let file = file.with_extension("rs");
    let mut cargo = cargo("test", &profile());
    cargo.args(["--no-run", "--test", name]);
    artefact(cargo, |target| target["src_path"].as_str() == file.to_str())
}

/// Compiles tests/c/hello.c into `folder`, linked with `library` as the README
/// does it, and returns where it lies.
pub fn build_hello(folder: &Path, library: &Path) -> PathBuf {
    let hello = folder.join("hello");
    let libraries = library.parent().expect("a library lies in a folder");
    let mut cc = Command::new("cc");
    cc.current_dir(workspace());
    cc.arg("-o").arg(&hello).arg("tests/c/hello.c");
    cc.arg("-L").arg(libraries).arg("-lmalloc3");
    cc.arg(format!("-Wl,-rpath,{}", libraries.display()));
    let output = cc.output().expect("cc starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{cc:?} failed:\n{errors}");
    assert_eq!(errors, "", "{cc:?} complains");
    hello
}

/// The profile that the running program was built for, as cargo names it.
fn profile() -> String {
    let folder = profile_folder();
    match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev".to_owned(),
        Some(other) => other.to_owned(),
    }
}

/// `cargo build` or `cargo test`, told to build into the `target` of the
/// running program.
///
/// At the top of the workspace that means what a plain `cargo test` means, so
/// the dependencies have the same features, and nothing is compiled a second
/// time.
fn cargo(command: &str, profile: &str) -> Command {
    let folder = profile_folder();
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(workspace())
        .args([command, "--profile", profile])
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--target-dir")
        .arg(folder.parent().expect("a profile's folder lies in `target`"));
    cargo
}

/// What the environment says to cargo. A program that is started without it and
/// runs cargo, as `build_example` does, would build everything a second time.
pub fn cargo_settings() -> impl Iterator<Item = (OsString, OsString)> {
    env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        name == "HOME" || name.starts_with("CARGO_") || name.starts_with("RUST")
    })
}

/// Runs cargo, and keeps what it prints. That it waits for another cargo, which
/// builds in the same folder, is passed on to `told` at once: the wait may be
/// long.
pub fn cargo_output(cargo: &mut Command, told: &mut impl Write) -> Output {
    cargo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = cargo.spawn().expect("cargo starts");
    let stdout = child.stdout.take().expect("it is a pipe");
    let stderr = child.stderr.take().expect("it is a pipe");
    // Both at once: a pipe that nobody empties stops the program.
    let stdout = thread::spawn(move || contents(stdout));
    let mut said = Vec::new();
    let mut lines = BufReader::new(stderr);
    loop {
        let start = said.len();
        lines.read_until(b'\n', &mut said).expect("a pipe can be read");
        let line = &said[start..];
        if line.is_empty() {
            break;
        }
        if is_about_a_folder(&String::from_utf8_lossy(line)) {
            told.write_all(line).expect("somebody listens");
        }
    }
    let stdout = stdout.join().expect("it reads");
    let status = child.wait().expect("a child of ours");
    Output { status, stdout, stderr: said }
}

/// Whether cargo says that it waits until it may build in a folder. (It also
/// waits for its packages, for a moment.)
fn is_about_a_folder(line: &str) -> bool {
    line.contains("waiting for file lock") && line.contains("directory")
}

fn contents(mut pipe: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes).expect("a pipe can be read");
    bytes
}

/// Runs cargo, and returns the file it made for the target that `wanted`
/// picks.
fn artefact(mut cargo: Command, wanted: impl Fn(&Value) -> bool) -> PathBuf {
    // Not by `eprintln!`: a test would keep it to itself.
    let output = cargo_output(&mut cargo, &mut io::stderr());
    let messages = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{cargo:?} failed:\n{}",
        String::from_utf8_lossy(&output.stderr),
    );
    let made = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .find(|message| wanted(&message["target"]))
        .unwrap_or_else(|| panic!("{cargo:?} made no such file:\n{messages}"));
    made["filenames"][0].as_str().expect("cargo names the file").into()
}
