//! Every command that the README or a page prints does what the page says of
//! it, for a reader who has cloned the repository and done what the pages up to
//! there ask for.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use book::console::Notes;
use pages::captures::{CAPTURES, comparable};
use pages::commands::{Known, Printed, README, faults, printed, steps};
use tempfile::TempDir;
use timing::run::measure_or_kill;
use timing::workspace::workspace;

/// No command of a page takes this long. What does hangs.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// A page says how long a command takes if it is more than ten seconds. (On a
/// busy machine two processors' time may be counted one after the other.)
const UNSAID: Duration = Duration::from_secs(20);

// What can be said without running them.

#[test]
fn every_command_names_what_is_there_or_was_made() {
    let printed = printed(workspace());
    let faults = faults(workspace(), &Known::of(workspace()), &printed);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    println!("{} commands looked at", printed.len());
}

/// What stands in a sentence is not run. So it is short, and can be seen to be
/// right.
#[test]
fn a_command_with_options_has_a_block_of_its_own() {
    let mut folders = vec![workspace().join("book/chapters")];
    folders.push(workspace().join("book/exercises"));
    let mut wrong = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("a file").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).expect("a page");
            for code in in_sentences(&text) {
                let is_command = ["cargo ", "LD_PRELOAD="]
                    .iter()
                    .any(|start| code.starts_with(start));
                // A copy of a stage that cannot be made a second time.
                if is_command
                    && code.contains(" -")
                    && !code.starts_with("cargo run -- practice")
                {
                    wrong.push(format!("{}: `{code}`", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "no block of their own: {wrong:#?}");
}

/// The code in the middle of a page's sentences, each on one line.
fn in_sentences(text: &str) -> Vec<String> {
    let mut prose = String::new();
    let mut in_block = false;
    for line in text.lines() {
        let line = line.trim_start_matches([' ', '>']);
        if line.starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            prose += line;
            prose.push(if line.is_empty() { '\n' } else { ' ' });
        }
    }
    let paragraphs = prose.split('\n');
    let codes = paragraphs.flat_map(|it| it.split('`').skip(1).step_by(2));
    codes.map(str::to_owned).collect()
}

#[test]
fn a_command_is_taken_apart_as_a_shell_does_it() {
    let command = "rm -f a; for n in 1 2; do FILE=b LD_PRELOAD=\"x y$n\" \
                   ls -l > c; done; sort < a | head && time true";
    let steps = steps(command).expect("a command");
    let shown: Vec<String> = steps
        .iter()
        .map(|step| {
            let environment: Vec<_> = step
                .environment
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            format!(
                "{environment:?} {} {:?} < {:?} > {:?}",
                step.program, step.arguments, step.reads, step.writes,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            r#"[] rm ["-f", "a"] < [] > []"#,
            r#"["FILE=b", "LD_PRELOAD=x y1"] ls ["-l"] < [] > ["c"]"#,
            r#"["FILE=b", "LD_PRELOAD=x y2"] ls ["-l"] < [] > ["c"]"#,
            r#"[] sort [] < ["a"] > []"#,
            r#"[] head [] < [] > []"#,
            r#"[] true [] < [] > []"#,
        ]
    );
}

// A wrong command is found: each of these is put into a copy of a page.

#[test]
fn a_wrong_command_in_a_page_is_noticed() {
    let known = Known::of(workspace());
    for (notes, command, fault) in [
        ("", "cargo test -p stage1-bumb", "a package `stage1-bumb`"),
        ("", "cargo run -p tests --example growht", "an example `growht`"),
        (
            "",
            "cargo test -p stage1-bump --test contract every_blok",
            "picks `every_blok`",
        ),
        (
            "needs=glibc",
            "LD_PRELOAD=target/debug/examples/libmalloc1.so ls",
            "uses `target/debug/examples/libmalloc1.so`, which nothing",
        ),
        ("", "LD_PRELOAD=x ls", "does not say `needs=glibc`"),
        ("", "cat book/chapters/nothing.md", "uses `book/chapters/nothing.md`"),
        ("", "redis-server", "does not say `needs=redis-server`"),
        ("", "ls 'stage1-bump", "a quotation has no end"),
        (
            "",
            "cargo test --manifest-path practice/stage2/Cargo.toml",
            "uses `practice/stage2/Cargo.toml`",
        ),
    ] {
        let copy = copy_of_the_pages();
        let page = copy.path().join("book/chapters/before/the-break.md");
        let text = fs::read_to_string(&page).expect("a page");
        let text = format!("{text}\n```sh {notes}\n{command}\n```\n");
        fs::write(&page, text).expect("our own copy");
        let printed = printed(copy.path());
        let faults = faults(workspace(), &known, &printed);
        let [found] = &faults[..] else {
            panic!("of `{command}` is said {faults:?}");
        };
        assert!(found.contains(fault), "{found}");
        let place = format!("book/chapters/before/the-break.md:{}:", {
            fs::read_to_string(&page).expect("a page").lines().count() - 2
        });
        assert!(found.starts_with(&place), "{found} is not in {place}");
    }
}

/// The README and the book, without its listings.
fn copy_of_the_pages() -> TempDir {
    let copy = tempfile::tempdir().expect("a temporary folder");
    for path in [README, "book/book.toml"] {
        copy_file(&workspace().join(path), &copy.path().join(path));
    }
    let mut folders = Vec::from(
        ["book/chapters", "book/captured", "book/exercises"].map(PathBuf::from),
    );
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(workspace().join(&folder));
        for entry in entries.expect("a folder") {
            let name = entry.expect("a file").file_name();
            let path = folder.join(name);
            if workspace().join(&path).is_dir() {
                folders.push(path);
            } else {
                copy_file(&workspace().join(&path), &copy.path().join(&path));
            }
        }
    }
    copy
}

fn copy_file(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
    fs::copy(from, to).expect("a copy");
}

// All of them, run.

/// What came of running commands.
#[derive(Debug, Default)]
struct Ran {
    run: usize,
    skipped: Vec<String>,
    by_hand: Vec<String>,
    wrong: Vec<String>,
}

/// Runs commands in `clone`, page by page.
fn run_all(clone: &Path, printed: &[Printed]) -> Ran {
    let mut ran = Ran::default();
    for page in printed.chunk_by(|one, other| one.page == other.page) {
        println!("{}", page[0].page);
        for printed in page {
            let missing = missing(&printed.notes);
            let (place, notes) = (printed.place(), &printed.notes);
            if let Some(why) = &notes.by_hand {
                println!("  by hand    {}: {why}", printed.command);
                ran.by_hand.push(format!("{place}: {why}"));
            } else if !missing.is_empty() {
                println!("  skipped    {}: no {missing:?}", printed.command);
                ran.skipped.push(format!("{place}: no {missing:?}"));
            } else {
                ran.run += 1;
                ran.wrong.extend(
                    run(clone, printed).map(|wrong| format!("{place} {wrong}")),
                );
            }
        }
        let left = left_in(clone);
        if !left.is_empty() {
            ran.wrong.push(format!("{} leaves behind\n{left}", page[0].page));
            git(clone, &["add", "--all"]);
            git(clone, &["commit", "--quiet", "--message", "left behind"]);
        }
        if page[0].page == README {
            begin_anew(clone);
        }
    }
    ran
}

/// What of the things that a command needs is not there.
fn missing(notes: &Notes) -> Vec<&str> {
    let is_there = |need: &str| match need {
        "glibc" => cfg!(all(target_os = "linux", target_env = "gnu")),
        program => {
            let path = env::var_os("PATH").unwrap_or_default();
            env::split_paths(&path).any(|it| it.join(program).is_file())
        }
    };
    let needs = notes.needs.iter().map(String::as_str);
    needs.filter(|need| !is_there(need)).collect()
}

/// Runs one command, and tells what is wrong with what it did.
fn run(clone: &Path, printed: &Printed) -> Option<String> {
    let start = Instant::now();
    let done = measure_or_kill(LIMIT, shell(clone, &printed.command));
    let Some((outcome, used)) = done else {
        return Some(format!("was still running after {LIMIT:?}"));
    };
    // What other work on the machine has taken is not counted.
    let took = start.elapsed().min(used.time);
    println!("  {:7.1} s  {}", took.as_secs_f64(), printed.command);
    // What a test complains of stands on standard output: it comes last.
    let said = format!("{}{}", outcome.stderr, outcome.stdout);
    let end = said.lines().rev().take(30).collect::<Vec<_>>();
    let end = end.into_iter().rev().collect::<Vec<_>>().join("\n");
    // The loader only warns of what it cannot preload.
    if said.contains("cannot be preloaded") {
        return Some(format!("preloads nothing:\n{end}"));
    }
    let status = outcome.status.code();
    // It has something to show.
    let is_diff =
        printed.command.starts_with("git diff --no-index") && status == Some(1);
    let succeeded = outcome.status.success() || is_diff;
    if succeeded == printed.notes.fails {
        let should = if printed.notes.fails { "fail" } else { "succeed" };
        let status = outcome.status;
        return Some(format!(
            "should {should}, and ends with {status}:\n{end}"
        ));
    }
    let fault = time(&printed.notes, took);
    fault.or_else(|| difference(clone, printed, &outcome.stdout))
}

/// What is wrong with what a page says of the time.
fn time(notes: &Notes, took: Duration) -> Option<String> {
    match notes.takes.map(Duration::from_secs) {
        None if took > UNSAID => {
            Some(format!("takes {took:.0?}, and the page does not say so"))
        }
        Some(said) if took > 4 * said.max(UNSAID / 4) => {
            Some(format!("takes {took:.0?}, and the page says {said:?}"))
        }
        _ => None,
    }
}

/// How an output differs from what the page quotes. (Those that need no more
/// than cargo are compared by another test.)
fn difference(clone: &Path, printed: &Printed, now: &str) -> Option<String> {
    let captured = printed.captured.as_ref()?;
    let mut all = CAPTURES.iter().filter(|capture| capture.needs_more());
    all.find(|capture| capture.command == captured.command)?;
    let now = now.replace(&clone.display().to_string(), ".");
    let now = comparable(&now, captured.compare);
    let kept = comparable(&captured.output, captured.compare);
    (now != kept).then(|| {
        let diff = similar::TextDiff::from_lines(&kept, &now);
        let diff = diff.unified_diff().header("kept", "now").to_string();
        format!("prints something else:\n{diff}")
    })
}

/// The command, as a reader's shell runs it.
fn shell(clone: &Path, command: &str) -> Command {
    let mut shell = Command::new("bash");
    shell.args(["-o", "pipefail", "-c", command]).current_dir(clone);
    // What cargo tells its tests is none of theirs.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        let is_cargos = name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_MANIFEST_")
            || name.starts_with("CARGO_BIN_")
            || name.starts_with("CARGO_TARGET_")
            || ["CARGO", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"]
                .contains(&&*name)
            || ["LD_LIBRARY_PATH", "OUT_DIR", "RUSTFLAGS", "RUSTDOCFLAGS"]
                .contains(&&*name)
            || name.starts_with("RUST_");
        if is_cargos {
            shell.env_remove(&*name);
        }
    }
    // The book is built, not opened.
    shell.env("BROWSER", "true").env("LC_ALL", "C");
    shell
}

/// What git sees that is not as it was.
fn left_in(clone: &Path) -> String {
    git(clone, &["status", "--porcelain"])
}

/// Removes what the README has made below its first two commands: whoever reads
/// the book may have stopped there.
fn begin_anew(clone: &Path) {
    for folder in ["practice", "target/debug/examples"] {
        let folder = clone.join(folder);
        if folder.exists() {
            fs::remove_dir_all(folder).expect("our own clone");
        }
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=a reader", "-c", "user.email=reader@localhost"]);
    git.args(arguments).current_dir(folder);
    let output = git.output().expect("git starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{git:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A clone of the repository as it is here, changes included.
fn clone_of_the_repository() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let clone = folder.path().join("malloc");
    let to = clone.to_str().expect("a path in UTF-8");
    git(workspace(), &["clone", "--quiet", "--no-hardlinks", ".", to]);
    let changed =
        ["ls-files", "-z", "--modified", "--others", "--exclude-standard"];
    let changed = git(workspace(), &changed);
    for path in changed.split_terminator('\0') {
        let (from, to) = (workspace().join(path), clone.join(path));
        if from.exists() {
            copy_file(&from, &to);
        } else {
            fs::remove_file(to).expect("our own clone");
        }
    }
    if !left_in(&clone).is_empty() {
        git(&clone, &["add", "--all"]);
        git(&clone, &["commit", "--quiet", "--message", "as it is here"]);
    }
    folder
}

/// `COMMANDS_OF=book/chapters/stage1` runs those of pages whose path begins so,
/// `COMMANDS_IN=/tmp/clone` those of a clone that is there already.
#[test]
#[ignore = "builds everything anew, for half an hour: .ci/run runs it"]
fn every_command_does_what_its_page_says() {
    let folder = clone_of_the_repository();
    let clone = env::var_os("COMMANDS_IN")
        .map_or_else(|| folder.path().join("malloc"), PathBuf::from);
    let mut printed = printed(&clone);
    let of = env::var("COMMANDS_OF").unwrap_or_default();
    printed.retain(|printed| printed.page.starts_with(&of));
    let ran = run_all(&clone, &printed);
    println!(
        "{} commands run, {} only by hand, {} skipped",
        ran.run,
        ran.by_hand.len(),
        ran.skipped.len(),
    );
    for skipped in &ran.skipped {
        println!("SKIPPED  {skipped}");
    }
    assert!(ran.wrong.is_empty(), "{}", ran.wrong.join("\n\n"));
    let in_all = ran.run + ran.by_hand.len() + ran.skipped.len();
    assert_eq!(in_all, printed.len(), "left: accounted for; right: printed");
    // Where everything is installed, nothing is left out.
    if env::var_os("CI").is_some() {
        assert!(ran.skipped.is_empty(), "{:#?}", ran.skipped);
    }
}

#[test]
#[ignore = "needs git and a shell: .ci/run runs it"]
fn a_command_that_does_something_else_is_noticed() {
    for (notes, command, wrong) in [
        ("", "true", None),
        ("fails", "false", None),
        ("", "git diff --no-index a b", None),
        ("by-hand=you-look", "false", None),
        ("", "false", Some("should succeed, and ends with exit status: 1")),
        ("fails", "true", Some("should fail")),
        ("", "false | cat", Some("should succeed")),
        ("", "LD_PRELOAD=./no.so ls", Some("preloads nothing")),
        ("", "echo 1 > new", Some("leaves behind\n?? new")),
        ("", "echo 1 > a", Some("leaves behind\n M a")),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("a"), "a\n").expect("our own");
        fs::write(folder.path().join("b"), "b\n").expect("our own");
        git(folder.path(), &["init", "--quiet"]);
        git(folder.path(), &["add", "a", "b"]);
        git(folder.path(), &["commit", "--quiet", "--message", "two files"]);
        let ran = run_all(folder.path(), &[one(notes, command)]);
        match (wrong, &ran.wrong[..]) {
            (None, []) => {}
            (Some(wrong), [found]) if found.contains(wrong) => {}
            _ => panic!("`{command}`: {wrong:?}, not {ran:?}"),
        }
        assert_eq!(ran.run + ran.by_hand.len(), 1, "{command}");
    }
}

#[test]
#[ignore = "needs git and a shell: .ci/run runs it"]
fn a_command_whose_program_is_missing_is_skipped_by_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    git(folder.path(), &["init", "--quiet"]);
    let ran = run_all(folder.path(), &[one("needs=no-such-thing", "false")]);
    assert_eq!(ran.run, 0);
    let [skipped] = &ran.skipped[..] else { panic!("{ran:?}") };
    assert!(skipped.contains("no-such-thing"), "{skipped}");
}

#[test]
fn a_page_that_is_silent_about_a_long_time_is_noticed() {
    let seconds = Duration::from_secs;
    for (notes, took, is_wrong) in [
        ("", 19, false),
        ("", 21, true),
        ("takes=10s", 30, false),
        ("takes=10s", 50, true),
        ("takes=2min", 400, false),
        ("takes=2min", 500, true),
    ] {
        let notes = Notes::parse(notes).expect("notes");
        let fault = time(&notes, seconds(took));
        assert_eq!(fault.is_some(), is_wrong, "{notes:?} {took}: {fault:?}");
    }
}

fn one(notes: &str, command: &str) -> Printed {
    Printed {
        page: "page.md".into(),
        line: 1,
        command: command.into(),
        notes: Notes::parse(notes).expect("notes"),
        captured: None,
    }
}

/// All programs that a page says it needs.
#[test]
fn ci_installs_what_the_pages_need() {
    let ci = fs::read_to_string(workspace().join(".ci/run")).expect("a script");
    let printed = printed(workspace());
    let needs: BTreeSet<&str> = printed
        .iter()
        .filter(|printed| printed.notes.by_hand.is_none())
        .flat_map(|printed| &printed.notes.needs)
        .map(String::as_str)
        .filter(|need| *need != "glibc")
        .collect();
    for need in needs {
        let pair = format!(" {need}=");
        assert!(ci.contains(&pair), ".ci/run does not install {need}");
    }
}
