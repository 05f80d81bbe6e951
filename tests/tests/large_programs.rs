//! Programs that want a large part of the address space for themselves, beside
//! a stack for each thread. A program that is not installed is passed over, and
//! the test says so.

use std::fs;
use std::path::Path;
use std::time::Duration;

use timing::preload::preload;
use timing::run::{Outcome, command, installed, run_within};
use timing::workspace::build_release_example;

/// How long a program may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Machines for WebAssembly, of which each sets addresses aside, until there is
/// no room for another one.
const MEMORIES: &str = "\
const memories = [];
try {
    for (let n = 0; n < 20000; n++)
        memories.push(new WebAssembly.Memory({ initial: 1, maximum: 65536 }));
} catch (error) {}
console.log(memories.length);
";

/// A heap of Java's that may grow to 64 GiB, and threads that fill it.
const THREADS: &str = "\
public class Threads {
    public static void main(String[] arguments) throws Exception {
        var kept = new java.util.ArrayList<byte[]>();
        for (int i = 0; i < 200; i++) kept.add(new byte[1 << 20]);
        var threads = new Thread[20];
        for (int i = 0; i < 20; i++) {
            threads[i] = new Thread(() -> {
                var text = new StringBuilder();
                for (int k = 0; k < 100000; k++) text.append(k);
            });
            threads[i].start();
        }
        for (var thread : threads) thread.join();
        System.out.println(kept.size());
    }
}
";

/// Runs a program as it is, and on our heap. None if it is not installed.
fn with_and_without(
    program: &str,
    arguments: &[&str],
    source: (&str, &str),
) -> Option<[Outcome; 2]> {
    if installed(program).is_none() {
        println!("{program} is not installed");
        return None;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join(source.0), source.1).expect("a file");
    let library = build_release_example("malloc5");
    let run_with = |libraries: &[&Path]| {
        let mut command = command(program, folder.path());
        command.args(arguments).arg(source.0);
        if !libraries.is_empty() {
            preload(&mut command, libraries);
        }
        run_within(LIMIT, command)
    };
    let outcomes = [run_with(&[]), run_with(&[&library])];
    for outcome in &outcomes {
        assert!(outcome.status.success(), "{program}: {outcome:?}");
        assert!(!outcome.stderr.contains("cannot be preloaded"), "{outcome:?}");
    }
    Some(outcomes)
}

#[test]
#[ignore = "needs node: .ci/run runs it"]
fn as_many_machines_for_webassembly_have_room_as_with_glibc() {
    let source = ("memories.js", MEMORIES);
    let Some(outcomes) = with_and_without("node", &[], source) else {
        return;
    };
    let [glibcs, ours] = outcomes.map(|outcome| {
        outcome.stdout.trim().parse::<usize>().expect("a number")
    });
    println!("{glibcs} with glibc's heap, {ours} with ours");
    assert!(ours >= glibcs / 10 * 9, "{glibcs} with glibc's, {ours} with ours");
}

#[test]
#[ignore = "needs java: .ci/run runs it"]
fn a_java_machine_with_a_heap_of_many_gibibytes_runs() {
    let arguments = ["-XX:+UseZGC", "-Xmx64g"];
    let source = ("Threads.java", THREADS);
    let Some([_, ours]) = with_and_without("java", &arguments, source) else {
        return;
    };
    let last = ours.stdout.lines().last();
    assert_eq!(last, Some("200"), "{ours:?}");
}
