//! A whole system in a folder.
#![cfg(target_os = "linux")]

use std::fs;
use std::time::Duration;

use tests::root::Root;
use timing::run::{Outcome, Used};
use timing::workspace::{build_example, workspace};

const LIMIT: Duration = Duration::from_secs(60);

/// A small Debian, if one can be had here. If not, a line says why.
fn plain() -> Option<Root> {
    let root = Root::make("plain", "trixie", &[]);
    root.inspect_err(|why| println!("SKIPPED: {why}")).ok()
}

fn shell(root: &Root, script: &str) -> (Outcome, Used) {
    let command = root.command("sh", &["-c", script]);
    root.run(LIMIT, command).expect("a minute is enough")
}

#[test]
fn a_suite_that_does_not_exist_is_an_error_that_names_those_that_do() {
    let error = Root::make("none", "hamm", &[]).expect_err("it is from 1998");
    assert!(error.contains("hamm") && error.contains("trixie"), "{error}");
    assert!(!workspace().join("target/roots/none").exists());
}

#[test]
#[ignore = "needs root's rights and mmdebstrap: .ci/run runs it"]
fn a_root_is_a_system_of_its_own() {
    let Some(root) = plain() else { return };
    let (outcome, used) = shell(&root, "cat /etc/debian_version; pwd; echo $$");
    assert_eq!(outcome.stderr, "");
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let [version, folder, number] = lines[..] else { panic!("{lines:?}") };
    assert!(version.starts_with("13."), "Debian 13 is {version}");
    assert_eq!(folder, "/");
    // The numbers of its processes begin anew.
    let number: u32 = number.parse().expect("a number");
    assert!(number < 10, "the shell is process {number}");
    assert!(used.memory > 0, "{used:?}");
    // A second time it is there already.
    let made = root.folder().metadata().and_then(|it| it.created());
    let again = plain().expect("it was there").folder().metadata();
    let again = again.and_then(|it| it.created());
    assert_eq!(made.expect("a time"), again.expect("a time"));
}

#[test]
#[ignore = "needs root's rights and mmdebstrap: .ci/run runs it"]
fn how_a_command_in_a_root_ends_is_told() {
    let Some(root) = plain() else { return };
    assert_eq!(shell(&root, "exit 7").0.status.code(), Some(7));
    // The shell that waits for it tells of the signal as shells do.
    assert_eq!(shell(&root, "kill -ABRT $$").0.status.code(), Some(128 + 6));
    let endless = root.command("sleep", &["1000"]);
    let error = root.run(Duration::from_millis(300), endless);
    let error = error.expect_err("it takes longer");
    assert!(error.contains("not done"), "{error}");
}

#[test]
#[ignore = "needs root's rights and mmdebstrap: .ci/run runs it"]
fn what_a_root_has_mounted_is_seen_by_its_commands_alone() {
    let Some(mut root) = plain() else { return };
    root.bind(&workspace().join("tests"), "/mnt/tests").expect("a place");
    let script =
        "ls /mnt/tests/Cargo.toml; [ -c /dev/null ] && cat /proc/1/comm";
    let (outcome, _) = shell(&root, script);
    assert_eq!(outcome.stdout, "/mnt/tests/Cargo.toml\nsh\n");
    let inside = root.path("/mnt/tests").read_dir().expect("a folder");
    assert_eq!(inside.count(), 0, "nothing is left there");
}

#[test]
#[ignore = "needs root's rights and mmdebstrap: .ci/run runs it"]
fn what_is_preloaded_in_a_root_is_in_its_programs_and_in_no_others() {
    let Some(root) = plain() else { return };
    let library = build_example("malloc5");
    root.preload(Some(&library)).expect("a file in there");
    let (with, _) = shell(&root, "grep -c libmalloc5 /proc/self/maps");
    root.preload(None).expect("a file in there");
    let (without, _) = shell(&root, "grep -c libmalloc5 /proc/self/maps");
    let count: u32 = with.stdout.trim().parse().expect("a number");
    assert!(count > 0, "{with:?}");
    assert_eq!(without.stdout, "0\n");
    let ours = fs::read_to_string("/proc/self/maps").expect("our own maps");
    assert!(!ours.contains("libmalloc5"), "{ours}");
}
