//! A fork copies the heap and its lock, but one thread alone: the child must
//! find the lock free, and the heap whole.

use std::path::{Path, PathBuf};
use std::process::Command;

use timing::preload::{preload, run_counted};
use timing::run::{Outcome, command, run};
use timing::workspace::{build_example, workspace};

/// The heaps that threads may share. A new stage adds a line.
const LIBRARIES: [&str; 3] = ["malloc4", "malloc5_one_stack", "malloc5"];

/// Those with one lock for all threads.
const LOCKED: [&str; 2] = ["malloc4", "malloc5_one_stack"];

/// Runs a program that forks on our heaps, with `others` loaded before and
/// after: it must print what is `expected`.
fn forks(program: &Path, others: &[&Path], expected: &str) {
    for name in LIBRARIES {
        let library = build_example(name);
        let mut orders = vec![[&[&*library], others].concat()];
        if !others.is_empty() {
            orders.push([others, &[&library]].concat());
        }
        for libraries in orders {
            let program = command(program, Path::new("/"));
            let (outcome, _used, moves) = run_counted(program, &libraries);
            let what = format!("{libraries:?}: {outcome:?}");
            assert!(outcome.status.success(), "{what}");
            assert_eq!(outcome.stdout, expected, "{what}");
            assert_eq!(outcome.stderr, "", "{what}");
            let [moves] = moves[..] else { panic!("{what}: {moves:?}") };
            assert!(moves.calls > 0, "our heap was not used: {what}");
        }
    }
}

const ALL_ENDED: &str = "300 children asked for memory and ended\n";

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_program_that_forks_while_threads_allocate_does_not_hang() {
    forks(&build_example("forks"), &[], ALL_ENDED);
}

/// The library registers its handlers before anybody has asked for memory.
#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn nor_does_it_beside_a_library_that_allocates_at_a_fork() {
    let at_fork = build_example("at_fork");
    forks(&build_example("forks"), &[&at_fork], ALL_ENDED);
}

/// Compiles C from tests/c, as `args` says, into a file in `folder`.
fn compile(folder: &Path, output: &str, args: &[&str]) -> PathBuf {
    let output = folder.join(output);
    let mut cc = Command::new("cc");
    cc.current_dir(workspace().join("tests/c"));
    cc.args(["-O2", "-Wall", "-Wextra", "-pthread", "-o"]);
    cc.arg(&output).args(args);
    let Outcome { status, stderr, .. } = run(cc);
    assert!(status.success(), "{args:?}: {stderr}");
    assert_eq!(stderr, "", "{args:?}");
    output
}

/// As above, in C, and a thousand times. This library asks for memory before
/// it registers its handlers.
#[test]
#[ignore = "needs a C compiler: .ci/run runs it"]
fn a_program_in_c_forks_a_thousand_times() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = compile(folder.path(), "forks", &["forks.c"]);
    let shared = ["-shared", "-fPIC", "at_fork.c"];
    let at_fork = compile(folder.path(), "libat_fork.so", &shared);
    let expected = "1000 children asked for memory and ended\n";
    forks(&program, &[], expected);
    forks(&program, &[&at_fork], expected);
}

// What a lock cannot do.

/// Runs a program whose handler interrupts `malloc` on the heaps with a lock:
/// the last that is heard of it is `last`.
fn a_handler_hangs(args: &[&str], last: &str) {
    let signal = build_example("signal");
    for name in LOCKED {
        let mut signal = command(&signal, Path::new("/"));
        signal.args(args);
        preload(&mut signal, &[&build_example(name)]);
        let outcome = run(signal);
        let status = outcome.status.to_string();
        assert!(status.contains("SIGALRM"), "{name}: {outcome:?}");
        assert_eq!(outcome.stdout, last, "{name}: {outcome:?}");
    }
}

/// Whoever waits for the lock in a handler waits for the thread that the
/// handler has interrupted: for itself.
#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_signal_handler_that_allocates_in_the_middle_of_malloc_hangs() {
    a_handler_hangs(&[], "the handler asks for memory\n");
}

/// The fork takes the lock first, which its own thread has.
#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_signal_handler_that_forks_in_the_middle_of_malloc_hangs() {
    a_handler_hangs(&["fork"], "the handler forks\n");
}
