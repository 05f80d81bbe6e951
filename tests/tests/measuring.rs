//! What is not there, or fails, has no figure: programs that measure say so.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use timing::programs::{ALONE, REDIS, THREADED, asks_for_mallocx};
use timing::results::{NO_FIGURE, commit_of};
use timing::run::{command, run};
use timing::workspace::{build_example, cargo_settings, workspace};

/// A folder that holds cargo and its compiler, and no other program: where a system
/// has its own, they lie beside all others.
fn toolchain() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    #[cfg(unix)]
    for name in ["cargo", "rustc"] {
        let program = Path::new(env!("CARGO")).with_file_name(name);
        std::os::unix::fs::symlink(program, folder.path().join(name))
            .expect("a link to it");
    }
    folder
}

/// A folder with one program in it.
fn folder_with(program: &str, text: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join(program);
    fs::write(&file, text).expect("a file");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&file, mode).expect("our own file");
    }
    folder
}

/// What the program `real_programs` prints where there are no programs but
/// those in `folder`.
fn real_programs(folder: &Path, args: &[&str]) -> String {
    // What it builds is there already: that would take a linker.
    for example in ["count_sbrk", args[0]] {
        build_example(example);
    }
    let toolchain = toolchain();
    let path = [folder, toolchain.path()];
    let path = std::env::join_paths(path).expect("a path");
    let mut program = command(build_example("real_programs"), workspace());
    program.env("PATH", path).args(args).envs(cargo_settings());
    let outcome = run(program);
    assert!(outcome.status.success(), "{outcome:?}");
    // No progress where no terminal is; but other tests build something too.
    let waits = |line: &&str| line.contains("waiting for file lock");
    let others: Vec<_> =
        outcome.stderr.lines().filter(|it| !waits(it)).collect();
    assert!(others.is_empty(), "{others:?}");
    outcome.stdout
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_program_that_is_not_installed_has_no_figure() {
    let nothing = tempfile::tempdir().expect("a temporary folder");
    let table = real_programs(nothing.path(), &["malloc4"]);
    let rows: Vec<&str> = table.lines().skip(1).collect();
    assert_eq!(rows.len(), ALONE.len() + THREADED.len(), "{table}");
    for (row, work) in rows.iter().zip(ALONE.iter().chain(&THREADED)) {
        assert!(row.starts_with(work.name), "{}: {row}", work.name);
        assert!(row.contains(NO_FIGURE), "{row}");
        assert!(row.ends_with(" is not installed"), "{row}");
    }
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_program_that_fails_has_no_figure() {
    let script = "#!/bin/sh\necho it is broken >&2\nexit 3\n";
    let folder = folder_with("perl", script);
    let table = real_programs(folder.path(), &["malloc3", "perl"]);
    let row = table.lines().nth(1).expect("a row");
    let end = "no figure: on glibc, it ended with exit status: 3: it is broken";
    assert!(row.ends_with(end), "{row}");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_program_that_makes_something_else_has_no_figure() {
    let script = "#!/bin/sh\nexec /usr/bin/printenv LD_PRELOAD\n";
    let folder = folder_with("perl", script);
    let table = real_programs(folder.path(), &["malloc3", "perl"]);
    let row = table.lines().nth(1).expect("a row");
    let end = "no figure: it makes something else on our heap";
    assert!(row.ends_with(end), "{row}");
}

#[test]
fn a_server_that_asks_for_mallocx_is_recognised() {
    for (program, asks) in [
        ("\0malloc\0mallocx\0free\0", true),
        ("\0malloc\0free\0", false),
        ("\0je_mallocx\0free\0 mallocx ", false),
    ] {
        assert_eq!(asks_for_mallocx(program.as_bytes()), asks, "{program:?}");
    }
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_server_that_asks_for_mallocx_has_no_figure() {
    let script = "#!/bin/sh\nexit\n# \0mallocx\0\n";
    let folder = folder_with("redis-server", script);
    for client in ["redis-cli", "redis-benchmark"] {
        fs::copy(
            folder.path().join("redis-server"),
            folder.path().join(client),
        )
        .expect("a file");
    }
    let table = real_programs(folder.path(), &["malloc4", "redis"]);
    let row = table.lines().nth(1).expect("a row");
    assert!(row.starts_with(REDIS.name), "{row}");
    let end = "redis-server asks for jemalloc's mallocx beside malloc";
    assert!(row.ends_with(end), "{row}");
}

/// Whoever measures two things writes the results of the first before the
/// second begins.
#[test]
fn new_results_make_no_changed_commit() {
    let repository = tempfile::tempdir().expect("a temporary folder");
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b.invalid"];
        let git = Command::new("git")
            .args(identity)
            .args(args)
            .current_dir(repository.path())
            .output()
            .expect("git starts");
        assert!(git.status.success(), "{args:?}: {git:?}");
    };
    let write = |file: &str, text: &str| {
        let file = repository.path().join(file);
        fs::create_dir_all(file.parent().expect("a folder")).unwrap();
        fs::write(file, text).expect("a file");
    };
    let [result, source] = ["tests/bench/results/a.csv", "src/heap.rs"];
    git(&["init", "-q"]);
    write(result, "old");
    write(source, "old");
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "a"]);
    let clean = commit_of(repository.path());
    assert!(!clean.ends_with("-dirty"), "{clean}");
    write(result, "new");
    assert_eq!(commit_of(repository.path()), clean);
    write(source, "new");
    assert_eq!(commit_of(repository.path()), format!("{clean}-dirty"));
}

/// Results that were measured while files were changed: nobody can look at
/// what was measured. They are to be measured again.
const CHANGED: [&str; 0] = [];

#[test]
fn results_are_those_of_a_commit() {
    let mut changed = Vec::new();
    for file in fs::read_dir(workspace().join("tests/bench/results")).unwrap() {
        let path = file.expect("a file").path();
        let text = fs::read_to_string(&path).expect("a table");
        let commit = text.lines().find_map(|it| it.strip_prefix("# commit: "));
        let commit = commit.unwrap_or_else(|| {
            panic!("{} does not say its commit", path.display())
        });
        if commit.ends_with("-dirty") {
            let name = path.file_stem().expect("a name");
            changed.push(name.to_str().expect("in UTF-8").to_owned());
        }
    }
    changed.sort();
    assert_eq!(
        changed, CHANGED,
        "left: measured on changed files; right: those that are known. \
         Commit first, and measure then; and take from CHANGED what is right",
    );
}
