//! What the heaps do as C libraries that they could not be asked as heaps: at
//! the end of a program, at the end of the break, under a real-time thread;
//! and what is in the libraries.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use timing::preload::{preload, run_preloaded};
use timing::run::{Outcome, command, run_within};
use timing::workspace::{build_example, build_release_example};

/// One library for each stage, and a second one of stage 5. A new stage adds a
/// line.
const LIBRARIES: [&str; 6] = [
    "malloc1",
    "malloc2",
    "malloc3",
    "malloc4",
    "malloc5_one_stack",
    "malloc5",
];

/// The first that notices a fault.
const NOTICES: usize = 1;

/// The first with a lock.
const LOCKED: usize = 3;

/// Runs an example on a library of ours, which has to be used.
fn run_on(library: &str, example: &str) -> Outcome {
    let program = command(build_example(example), Path::new("/"));
    let (outcome, moves) = run_preloaded(program, &build_example(library));
    assert!(moves[0].calls > 0, "{library} was not used: {outcome:?}");
    outcome
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_handler_of_the_end_that_a_fault_brings_can_allocate() {
    let example = build_example("crash_report");
    for library in &LIBRARIES[NOTICES..] {
        let mut program = command(&example, Path::new("/"));
        preload(&mut program, &[&build_example(library)]);
        let outcome = run_within(Duration::from_secs(60), program);
        assert_eq!(outcome.status.code(), Some(3), "{library}: {outcome:?}");
        assert_eq!(
            outcome.stdout, "a block is freed twice\na report in 100 blocks\n",
            "{library}: {outcome:?}"
        );
        let line = "malloc: this block is free already: 0x";
        let starts = outcome.stderr.starts_with(line);
        assert!(starts, "{library}: {outcome:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{library}: {outcome:?}");
    }
}

const IN_THE_WAY: &str = "a page is in the way of the break\n";

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn from_stage_4_on_a_break_that_is_blocked_is_no_end() {
    for library in &LIBRARIES[LOCKED..] {
        let outcome = run_on(library, "blocked_break");
        assert!(outcome.status.success(), "{library}: {outcome:?}");
        let all = format!(
            "{IN_THE_WAY}all blocks were given, and kept what was in them\n"
        );
        assert_eq!(outcome.stdout, all, "{library}: {outcome:?}");
    }
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn up_to_stage_3_a_break_that_is_blocked_is_the_end() {
    for library in &LIBRARIES[..LOCKED] {
        let outcome = run_on(library, "blocked_break");
        let answer = outcome.stdout.strip_prefix(IN_THE_WAY).unwrap_or("");
        let words: Vec<&str> = answer.split_whitespace().collect();
        let ["refused", "after", mib, "MiB"] = words[..] else {
            panic!("{library}: {outcome:?}");
        };
        let mib: usize = mib.parse().expect("a number");
        assert!((10..=15).contains(&mib), "{library}: {outcome:?}");
    }
}

/// `sched_yield` alone lets nobody run who is less urgent. Linux takes the
/// processor away from urgent threads for a twentieth of each second, so that
/// each turn that has to wait lasts a second without the nap.
#[test]
#[ignore = "needs root, who may be urgent: .ci/run runs it"]
fn an_urgent_thread_does_not_keep_the_lock_from_being_let_go() {
    let example = build_example("real_time");
    for library in &LIBRARIES[LOCKED..] {
        let mut program = command(&example, Path::new("/"));
        preload(&mut program, &[&build_example(library)]);
        let start = Instant::now();
        let outcome = run_within(Duration::from_secs(60), program);
        let time = start.elapsed();
        assert!(outcome.status.success(), "{library}: {outcome:?}");
        assert!(outcome.stdout.starts_with("50 turns"), "{outcome:?}");
        println!("{library}: {}, {time:?} in all", outcome.stdout.trim());
        assert!(time < Duration::from_secs(15), "{library}: {time:?}");
    }
}

// What is in them.

/// A library of stage 5 has less than 40 KiB of code and tables. The standard
/// library's panics alone would bring 300.
const MOST: u64 = 64 * 1024;

#[test]
#[ignore = "builds the libraries in release: .ci/run runs it"]
fn a_library_holds_a_heap_and_no_standard_library() {
    for library in LIBRARIES {
        let path = build_release_example(library);
        let bytes = fs::read(&path).expect("a library");
        let len = bytes.len() as u64;
        println!("{library}: {len} bytes");
        assert!(len < MOST, "{library} has {len} bytes, more than {MOST}");
        // A call of this one may call malloc.
        for name in ["__tls_get_addr", "_Unwind_Resume", "rust_panic"] {
            let name = name.as_bytes();
            let is_there = bytes.windows(name.len()).any(|part| part == name);
            let name = String::from_utf8_lossy(name);
            assert!(!is_there, "{library} asks for {name}");
        }
    }
}
