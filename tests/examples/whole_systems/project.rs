//! The project itself in another system: what a reader does there, in a fresh
//! clone, and the heaps under that system's own programs.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use timing::run::{Outcome, run_within};
use timing::workspace::workspace;

use crate::steps::write;
use crate::system::System;

/// Programs that tests put a heap under, beside those that each system has.
pub const PACKAGES: [&str; 5] =
    ["git", "sqlite3", "zstd", "redis-server", "redis-tools"];

/// How long a step may take.
const LIMIT: Duration = Duration::from_secs(3600);

/// How long it may take to copy something.
const COPY: Duration = Duration::from_secs(300);

/// Where the clone is in there.
const CLONE: &str = "/srv/malloc";

/// Where cargo has its crates in there.
const CRATES: &str = "/srv/cargo";

/// What is done there: the two commands of the README, and the tests that need a
/// program of the system.
const STEPS: [(&str, &str); 3] = [
    (
        "the book",
        "cargo run --quiet -- --no-open
        test -s target/book/index.html
        find target/book -name '*.html' | wc -l",
    ),
    ("cargo test", "cargo test --quiet --no-fail-fast"),
    (
        "the heaps under programs",
        "cargo test --quiet --no-fail-fast -p tests \
        --test preload --test preload5 --test linked --test fork -- \
        --include-ignored",
    ),
];

/// Runs what is wanted of it, and prints how each step ended. What did not go well is
/// printed too.
pub fn project(
    system: &System,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<(), String> {
    println!("{}", system.about()?);
    clone(system)?;
    crates(system)?;
    for (name, script) in STEPS.into_iter().filter(|it| is_wanted(it.0)) {
        let script = format!(
            "unset CARGO_TARGET_DIR CARGO_INCREMENTAL PYTHONDONTWRITEBYTECODE\n\
             export BROWSER=true CI=true CARGO_HOME={CRATES}\n\
             cd {CLONE}\n{script}"
        );
        match system.run(&script, LIMIT) {
            Ok((outcome, used)) => {
                let seconds = used.time.as_secs();
                println!("{name}: {}, {seconds} s", outcome.status);
                write(system.suite(), "project", name, Some(&outcome));
                tell(&outcome);
            }
            Err(why) => println!("{name}: {why}"),
        }
    }
    Ok(())
}

/// The commit as it is, without what was not committed.
fn clone(system: &System) -> Result<(), String> {
    let place = system.root.path(CLONE);
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        git.args(args);
        let ended = run_within(COPY, git);
        ended.failure().map_or(Ok(()), |why| Err(format!("git {why}")))
    };
    let from = workspace().to_str().expect("a path in UTF-8");
    let to = place.to_str().expect("a path in UTF-8");
    if !place.exists() {
        git(&["clone", "--quiet", "--no-hardlinks", from, to])?;
    }
    git(&["-C", to, "fetch", "--quiet", from, "HEAD"])?;
    git(&["-C", to, "reset", "--quiet", "--hard", "FETCH_HEAD"])
}

/// The crates that cargo has on this machine: it is not to ask for any in there.
fn crates(system: &System) -> Result<(), String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(workspace()).args(["fetch", "--quiet", "--locked"]);
    let fetched = run_within(LIMIT, cargo);
    if let Some(why) = fetched.failure() {
        return Err(format!("cargo fetch {why}"));
    }
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home
        .or_else(|| env::home_dir().map(|it| it.join(".cargo")))
        .ok_or("cargo has no home")?;
    let mut copy = Command::new("cp");
    copy.args(["--archive", "--update", "registry"])
        .arg(system.root.path(CRATES))
        .current_dir(home);
    let place = system.root.path(CRATES);
    std::fs::create_dir_all(place).map_err(|error| error.to_string())?;
    let copied = run_within(COPY, copy);
    copied.failure().map_or(Ok(()), |why| Err(format!("cp {why}")))
}

/// What a step counted, and what failed or was passed over in it.
fn tell(outcome: &Outcome) {
    let mut sums = [0; 3];
    for line in outcome.stdout.lines() {
        if line.starts_with("test result: ") {
            let numbers: Vec<u64> =
                line.split(' ').filter_map(|word| word.parse().ok()).collect();
            for (sum, number) in sums.iter_mut().zip(numbers) {
                *sum += number;
            }
        }
        let begins = ["SKIPPED", "---- ", "error"];
        if begins.iter().any(|it| line.starts_with(it)) {
            println!("    {line}");
        }
    }
    let [passed, failed, ignored] = sums;
    if passed + failed > 0 {
        println!("    {passed} passed, {failed} failed, {ignored} ignored");
    } else if let Some(last) = outcome.stdout.lines().next_back() {
        println!("    {last}");
    }
    if !outcome.status.success() {
        let lines: Vec<&str> = outcome.stderr.lines().collect();
        for line in &lines[lines.len().saturating_sub(10)..] {
            println!("    {line}");
        }
    }
}
