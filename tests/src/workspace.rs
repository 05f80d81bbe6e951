//! The workspace: where it lies, and what cargo builds from it.

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use serde_json::Value;

/// The folder that holds the whole workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests' crate lies in the workspace")
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
    static BUILT: Mutex<Option<HashMap<String, PathBuf>>> = Mutex::new(None);
    // A test that failed in here leaves nothing half done.
    let mut built = BUILT.lock().unwrap_or_else(|error| error.into_inner());
    built
        .get_or_insert_default()
        .entry(name.to_owned())
        .or_insert_with(|| {
            let mut cargo = cargo("build");
            cargo.args(["--example", name]);
            artefact(cargo, |target| target["name"] == name)
        })
        .clone()
}

/// Builds the test `name` of `package`, and returns where it lies.
pub fn build_test(package: &str, name: &str) -> PathBuf {
    let file = workspace().join(package).join("tests").join(name);
    let file = file.with_extension("rs");
    let mut cargo = cargo("test");
    cargo.args(["--no-run", "--test", name]);
    artefact(cargo, |target| target["src_path"].as_str() == file.to_str())
}

/// `cargo build` or `cargo test`, told to build as the running program was.
///
/// With `--workspace` the dependencies have the same features as in a plain
/// `cargo test`, so nothing is compiled a second time.
fn cargo(command: &str) -> Command {
    let folder = profile_folder();
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(workspace())
        .args([command, "--workspace", "--profile", profile])
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--target-dir")
        .arg(folder.parent().expect("a profile's folder lies in `target`"))
        .stdin(Stdio::null());
    cargo
}

/// Runs cargo, and returns the file it made for the target that `wanted`
/// picks.
fn artefact(mut cargo: Command, wanted: impl Fn(&Value) -> bool) -> PathBuf {
    let output = cargo.output().expect("cargo starts");
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
