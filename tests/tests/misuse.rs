//! How the ends of programs that break the rules are told from each other, and
//! that a program that breaks none goes on.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::process::Command;
use std::time::Duration;

use tests::misuse::{Library, MISUSES, Outcome};
use tests::misuse_refused::{CASES, words_of};
use timing::run::command;
use timing::workspace::workspace;

/// The programs whose `free` or `realloc` is wrong, whoever owns the block.
const WRONG_FREES: [&str; 8] = [
    "twice_at_once",
    "twice_later",
    "twice_with_a_new_owner",
    "twice_from_another_thread",
    "the_middle",
    "the_stack",
    "of_another_heap",
    "realloc_after_free",
];

fn shell(script: &str) -> Command {
    let mut shell = command("sh", workspace());
    shell.args(["-c", script]);
    shell
}

#[test]
fn each_end_of_a_program_is_told_from_the_others() {
    let told = Outcome::Told("so it is".to_owned());
    for (script, expected) in [
        ("exit 0", Outcome::Nothing),
        ("exit 3", Outcome::WrongData),
        ("echo so it is >&2; kill -ABRT $$", told),
        ("echo so it is; kill -SEGV $$", Outcome::Killed(libc::SIGSEGV)),
        ("kill -ABRT $$", Outcome::Killed(libc::SIGABRT)),
    ] {
        let limit = Duration::from_secs(60);
        assert_eq!(Outcome::of(limit, shell(script)), expected, "{script}");
    }
}

#[test]
fn what_does_not_end_in_time_hangs() {
    let limit = Duration::from_millis(200);
    assert_eq!(Outcome::of(limit, shell("sleep 60")), Outcome::Hangs);
}

#[test]
#[should_panic(expected = "ExitStatus")]
fn another_end_is_an_error() {
    Outcome::of(Duration::from_secs(60), shell("exit 7"));
}

#[test]
#[should_panic(expected = "ld.so")]
fn a_library_that_is_not_loaded_is_an_error() {
    let mut shell = shell("exit 0");
    shell.env("LD_PRELOAD", "/there/is/none.so");
    Outcome::of(Duration::from_secs(60), shell);
}

#[test]
fn a_program_that_breaks_no_rule_goes_on_with_every_malloc() {
    let (others, _missing) = Library::of_others();
    for library in Library::ours().iter().chain(&others) {
        assert!(library.is_used(), "{}: {}", library.name, library.whose());
        let outcome = library.outcome("none");
        assert_eq!(outcome, Outcome::Nothing, "with {}", library.name);
    }
}

#[test]
fn one_stack_for_all_notices_every_wrong_free() {
    let ours = Library::ours();
    let one_stack = ours.iter().find(|it| it.name == "one stack");
    for misuse in WRONG_FREES {
        let outcome = one_stack.expect("a column").outcome(misuse);
        let Outcome::Told(said) = &outcome else {
            panic!("{misuse}: {outcome:?}");
        };
        assert!(said.starts_with("malloc: this "), "{misuse}: {said}");
        assert_eq!(said.lines().count(), 1, "{misuse}: {said}");
    }
}

/// What the compiler said is kept beside the program, and a test of the crate
/// `refused` compares it.
#[test]
fn every_program_that_the_compiler_refuses_is_one_of_the_misuses() {
    let folder = workspace().join("tests/refused/tests/misuse");
    let files = std::fs::read_dir(folder).expect("a folder of programs");
    for file in files {
        let path = file.expect("a file").path();
        let name = path.file_stem().and_then(|it| it.to_str());
        let is_case = CASES.iter().any(|(_, case)| Some(*case) == name);
        assert!(is_case, "{}: of which misuse?", path.display());
    }
    for (misuse, case) in CASES {
        let is_there = MISUSES.iter().any(|(it, _)| *it == misuse);
        assert!(is_there, "no misuse is called {misuse}");
        let words = words_of(case);
        assert!(words.starts_with("error"), "{case}: {words}");
    }
}
