//! Heaps that threads share, at unusual times: before `main` and after it, in
//! threads that live for a moment, in what runs at a thread's end, and while
//! the loader makes room for the variables of threads.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use timing::preload::run_counted;
use timing::run::{Outcome, command};
use timing::workspace::{build_example, workspace};

/// The heaps that threads may share. A new stage adds a line.
const LIBRARIES: [&str; 3] = ["malloc4", "malloc5_one_stack", "malloc5"];

/// Runs a program on one of our heaps. It must end well. Returns what it
/// printed.
fn output_on(name: &str, program: Command) -> String {
    let (outcome, _used, moves) = run_counted(program, &[&build_example(name)]);
    let Outcome { status, stdout, stderr } = &outcome;
    assert!(status.success(), "{name}: {outcome:?}");
    assert_eq!(stderr, "", "{name}: {outcome:?}");
    let [moves] = moves[..] else { panic!("{name}: {moves:?}") };
    assert!(moves.calls > 0, "{name} was not used");
    stdout.to_owned()
}

const LIVES: &str = "\
a block from before main is as it was written
1000 threads left 5000 blocks, as they were written
1000 locals and 2000 keys had memory at the end
there is memory after main
";

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn there_is_memory_from_before_main_to_after_the_last_local() {
    for name in LIBRARIES {
        let lives = command(build_example("lives"), Path::new("/"));
        assert_eq!(output_on(name, lives), LIVES, "{name}");
    }
}

/// Here is no room for a thousand segments of a mebibyte. But 12 threads live at
/// a time: who comes later gets what others left.
#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_thousand_threads_need_no_more_stacks_than_live_at_a_time() {
    let mut shell = command("sh", Path::new("/"));
    shell.args(["-c", "ulimit -v 700000 && exec \"$0\""]);
    shell.arg(build_example("lives"));
    assert_eq!(output_on("malloc5", shell), LIVES);
}

// Variables of threads, in many libraries. ---------------------------------

/// So many libraries: glibc has room for 14 before it needs a larger table.
const MANY: usize = 40;

/// Copies of the library with a variable.
fn many_libraries() -> (TempDir, Vec<PathBuf>) {
    let library = build_example("thread_local");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let copies = (0..MANY).map(|number| {
        let copy = folder.path().join(format!("libcopy{number}.so"));
        fs::copy(&library, &copy).expect("a copy");
        copy
    });
    let copies = copies.collect();
    (folder, copies)
}

/// What the program prints: each library counts 101, 102, and 101 in another
/// thread.
fn counted() -> String {
    format!("{MANY} libraries have counted to {}", MANY * (101 + 102 + 101))
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_program_loads_many_libraries_with_variables_of_threads() {
    let (_folder, copies) = many_libraries();
    for name in LIBRARIES {
        let mut program =
            command(build_example("many_libraries"), "/".as_ref());
        program.args(&copies);
        let said = output_on(name, program);
        assert_eq!(said.lines().nth(1), Some(&*counted()), "{name}: {said}");
    }
}

// The same, with other versions of the C library. --------------------------

/// A C library that was unpacked from a package of another system.
struct Glibc {
    version: String,
    loader: PathBuf,
    folder: PathBuf,
}

/// Those in target/glibc, a folder each, named for the version.
fn other_glibcs() -> Vec<Glibc> {
    let Ok(entries) = fs::read_dir(workspace().join("target/glibc")) else {
        return Vec::new();
    };
    let glibc = |path: PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        let version = name.expect("a name in UTF-8").to_owned();
        let usr = path.join("usr/lib/x86_64-linux-gnu");
        let folder =
            if usr.exists() { usr } else { path.join("lib/x86_64-linux-gnu") };
        let loader = folder.join("ld-linux-x86-64.so.2");
        assert!(loader.exists(), "{} is not there", loader.display());
        Glibc { version, loader, folder }
    };
    entries.map(|entry| glibc(entry.expect("a folder").path())).collect()
}

impl Glibc {
    /// The example, started through the loader of this C library. It finds
    /// other libraries where they always are.
    fn command(&self, example: &str) -> Command {
        let mut command = command(&self.loader, Path::new("/"));
        command.arg("--library-path").arg(&self.folder);
        command.arg(build_example(example));
        command
    }
}

#[test]
#[ignore = "needs packages of other systems: .ci/run gets them and runs it"]
fn the_same_holds_with_other_versions_of_the_c_library() {
    let glibcs = other_glibcs();
    if glibcs.is_empty() {
        println!("skipped: there is no other C library in target/glibc");
    }
    let (_folder, copies) = many_libraries();
    for glibc in glibcs {
        for name in LIBRARIES {
            println!("{name} with glibc {}", glibc.version);
            assert_eq!(output_on(name, glibc.command("lives")), LIVES);
            let forks = output_on(name, glibc.command("forks"));
            assert_eq!(forks, "300 children asked for memory and ended\n");
            let mut program = glibc.command("many_libraries");
            program.args(&copies);
            let said = output_on(name, program);
            let expected = format!("glibc {}\n{}\n", glibc.version, counted());
            assert_eq!(said, expected);
        }
    }
}
