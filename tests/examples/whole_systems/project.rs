//! The project itself in another system: what a reader does there, in a fresh
//! clone, and the heaps under that system's own programs.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use timing::run::{Outcome, run_within};
use timing::workspace::workspace;

use crate::kept::{Visit, keep_project};
use crate::steps::write;
use crate::system::System;

/// Programs that tests put a heap under, beside those that each system has.
pub const PACKAGES: [&str; 5] =
    ["git", "sqlite3", "zstd", "redis-server", "redis-tools"];

/// How long a step may take. With nothing else to do it takes a quarter of that.
const LIMIT: Duration = Duration::from_secs(7200);

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

/// Runs what is wanted of it, prints how each step ended, and keeps that. What did
/// not go well is printed too. Says whether all went well.
pub fn project(
    system: &System,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<bool, String> {
    println!("{}", system.about()?);
    clone(system)?;
    crates(system)?;
    let mut visits = Vec::new();
    for (name, script) in STEPS.into_iter().filter(|it| is_wanted(it.0)) {
        let script = format!(
            "unset CARGO_TARGET_DIR CARGO_INCREMENTAL PYTHONDONTWRITEBYTECODE\n\
             export BROWSER=true CI=true CARGO_HOME={CRATES}\n\
             cd {CLONE}\n{script}"
        );
        let visit = match system.run(&script, LIMIT) {
            Ok((outcome, used)) => {
                write(system.suite(), "project", name, Some(&outcome));
                let status = match outcome.status.code() {
                    Some(code) => code.to_string(),
                    None => "killed".to_owned(),
                };
                let [passed, failed, ignored] = counted(&outcome);
                let seconds = used.time.as_secs();
                println!("{name}: status {status}, {seconds} s");
                tell(&outcome);
                Visit { name, status, passed, failed, ignored }
            }
            Err(why) => {
                println!("{name}: {why}");
                let status = "no end".to_owned();
                Visit { name, status, passed: 0, failed: 0, ignored: 0 }
            }
        };
        visits.push(visit);
    }
    keep_project(system, &visits);
    Ok(visits.iter().all(Visit::is_well))
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

/// How many tests of a step have passed, have failed, and were passed over.
fn counted(outcome: &Outcome) -> [u64; 3] {
    let mut sums = [0; 3];
    let lines = outcome.stdout.lines();
    for line in lines.filter(|it| it.starts_with("test result: ")) {
        let numbers = line.split(' ').filter_map(|word| word.parse().ok());
        for (sum, number) in sums.iter_mut().zip(numbers) {
            let number: u64 = number;
            *sum += number;
        }
    }
    sums
}

/// What a step counted, and what failed or was passed over in it.
fn tell(outcome: &Outcome) {
    let begins = ["SKIPPED", "---- ", "error"];
    for line in outcome.stdout.lines() {
        if begins.iter().any(|it| line.starts_with(it)) {
            println!("    {line}");
        }
    }
    let [passed, failed, ignored] = counted(outcome);
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
