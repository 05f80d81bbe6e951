//! Real programs on our heaps: they print what they print without them, end
//! as they end without them, and their memory was ours.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use timing::preload::{Moves, counter, preload, run_counted, run_preloaded};
use timing::programs::{self, Done, Work};
use timing::run::{Outcome, Used, command, run};
use timing::workspace::build_example;

/// The heaps as libraries for C programs, by stage. A new stage adds a line.
/// (One stack for all threads has tests of its own.)
const LIBRARIES: [&str; 5] =
    ["malloc1", "malloc2", "malloc3", "malloc4", "malloc5"];

/// Those that use freed blocks again, and find them without a long search.
const FAST: [&str; 3] = ["malloc3", "malloc4", "malloc5"];

/// Those for many threads.
const THREADED: [&str; 2] = ["malloc4", "malloc5"];

/// Files to read, in a folder that is gone after the test.
fn some_files() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let numbers: String =
        (0..5000).map(|i| format!("{} line {i}\n", i * 7919 % 5000)).collect();
    let files = [
        ("empty", ""),
        ("fruit", "pear\napple\nquince\nplum\n"),
        ("numbers", &numbers),
    ];
    for (name, contents) in files {
        fs::write(folder.path().join(name), contents).expect("a file");
    }
    folder
}

/// Runs a program as it is, and on each of our heaps: it must do the same.
/// Returns what it did.
fn same_with_and_without(program: &str, args: &[&str]) -> Outcome {
    let files = some_files();
    let with_args = || {
        let mut command = command(program, files.path());
        command.args(args);
        command
    };
    let (without, _used, moves) = run_counted(with_args(), &[]);
    assert_eq!(calls(&moves), 0, "{program} {args:?} counts without us");
    for library in LIBRARIES {
        let library = build_example(library);
        let (with, moves) = run_preloaded(with_args(), &library);
        let what = format!("{program} {args:?} on {}", library.display());
        assert_eq!(with, without, "{what} does something else");
        assert!(calls(&moves) > 0, "{what} did not use our heap");
    }
    without
}

/// How often all processes of a program moved the break.
fn calls(moves: &[Moves]) -> u64 {
    moves.iter().map(|moves| moves.calls).sum()
}

fn assert_ends_well(outcome: &Outcome) {
    assert!(outcome.status.success(), "{outcome:?}");
    assert_eq!(outcome.stderr, "");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn ls_lists_a_folder() {
    let outcome = same_with_and_without("ls", &["-l"]);
    assert_ends_well(&outcome);
    assert!(outcome.stdout.contains("fruit"), "{outcome:?}");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn ls_says_that_a_file_is_missing() {
    let outcome = same_with_and_without("ls", &["-l", "nothing-here"]);
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.contains("nothing-here"), "{outcome:?}");
    assert!(!outcome.status.success(), "{outcome:?}");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn cat_prints_files() {
    let outcome = same_with_and_without("cat", &["fruit", "empty", "numbers"]);
    assert_ends_well(&outcome);
    assert!(outcome.stdout.ends_with("line 4999\n"), "{outcome:?}");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn grep_finds_lines() {
    let outcome =
        same_with_and_without("grep", &["-n", "^4.*[37]7$", "numbers"]);
    assert_ends_well(&outcome);
    assert!(outcome.stdout.lines().count() > 10, "{outcome:?}");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn grep_says_that_it_found_nothing() {
    let outcome = same_with_and_without("grep", &["banana", "fruit"]);
    assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
    assert_eq!(outcome.stdout, "");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn sort_puts_lines_in_order() {
    let outcome =
        same_with_and_without("sort", &["--parallel=1", "-n", "numbers"]);
    assert_ends_well(&outcome);
    assert!(outcome.stdout.starts_with("0 line 0\n1 line"), "{outcome:?}");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn date_prints_a_date() {
    let outcome = same_with_and_without("date", &["-d", "@0", "+%A %F %T"]);
    assert_ends_well(&outcome);
    assert_eq!(outcome.stdout, "Thursday 1970-01-01 00:00:00\n");
}

// Programs at hard work.

/// Does the work with a heap of ours: it must come to the same as `without`.
fn same_work(work: &Work, library: &str, without: &Done) -> Used {
    let library = build_example(library);
    let with = work.run(&[&library]);
    let what = format!("{} on {}", work.name, library.display());
    assert_eq!(calls(&without.moves), 0, "{} counts without us", work.name);
    assert_eq!(with.outcome, without.outcome, "{what} does something else");
    assert!(with.outcome.status.success(), "{what}: {:?}", with.outcome);
    assert!(with.result == without.result, "{what} makes something else");
    for moves in &with.moves {
        assert!(moves.calls > 0, "{what}: a process did not use our heap");
    }
    with.used
}

fn same_work_on_stage_2(work: &Work) {
    same_work(work, "malloc2", &work.run(&[]));
}

/// The work takes about as long from stage 3 on as it takes without. What has
/// to be noticed here is a search through all blocks: that takes minutes.
fn same_work_in_the_same_time(work: &Work) {
    let without = work.run(&[]);
    let most = without.used.time * 3 + Duration::from_millis(300);
    for library in FAST {
        let with = same_work(work, library, &without);
        assert!(
            with.time <= most,
            "{} took {:?} without and {:?} with {library}",
            work.name,
            without.used.time,
            with.time,
        );
    }
}

/// Threads that wait for a lock take time, and how much depends on what else
/// the machine does: only what they come to is compared.
fn same_work_with_threads(work: &Work) {
    let without = work.run(&[]);
    for library in THREADED {
        same_work(work, library, &without);
    }
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn sort_orders_a_large_file_in_the_same_time() {
    same_work_in_the_same_time(&programs::SORT);
}

#[test]
#[ignore = "needs gcc: .ci/run runs it"]
fn gcc_compiles_hundreds_of_functions_in_the_same_time() {
    same_work_in_the_same_time(&programs::GCC);
}

#[test]
#[ignore = "needs perl: .ci/run runs it"]
fn perl_thins_out_a_large_hash_in_the_same_time() {
    same_work_in_the_same_time(&programs::PERL);
}

#[test]
#[ignore = "needs python3: .ci/run runs it"]
fn python_makes_objects_in_the_same_time() {
    same_work_in_the_same_time(&programs::PYTHON);
}

#[test]
#[ignore = "needs sqlite3: .ci/run runs it"]
fn sqlite_inserts_rows_in_the_same_time() {
    same_work_in_the_same_time(&programs::SQLITE);
}

#[test]
#[ignore = "needs git: .ci/run runs it"]
fn git_shows_a_history_in_the_same_time() {
    same_work_in_the_same_time(&programs::GIT_LOG);
}

#[test]
#[ignore = "needs git: .ci/run runs it"]
fn git_packs_a_repository_in_the_same_time() {
    same_work_in_the_same_time(&programs::GIT_GC);
}

// Stage 2 keeps what is freed in the middle, and walks over all blocks when
// the last one is freed. So gcc, sqlite3, git gc, and python3 with a block for
// each object are not for it: they take from half a minute to many. These do
// without either.

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn sort_orders_a_large_file_on_stage_2() {
    same_work_on_stage_2(&programs::SORT);
}

#[test]
#[ignore = "needs perl: .ci/run runs it"]
fn perl_thins_out_a_large_hash_on_stage_2() {
    same_work_on_stage_2(&programs::PERL);
}

#[test]
#[ignore = "needs python3: .ci/run runs it"]
fn python_makes_objects_in_its_own_pools_on_stage_2() {
    same_work_on_stage_2(&programs::PYTHON_POOLS);
}

// Programs with threads, and programs that fork beside their threads.

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn sort_orders_a_large_file_with_four_threads() {
    same_work_with_threads(&programs::SORT_THREADS);
}

#[test]
#[ignore = "needs python3: .ci/run runs it"]
fn python_makes_objects_in_four_threads() {
    same_work_with_threads(&programs::PYTHON_THREADS);
}

#[test]
#[ignore = "needs python3: .ci/run runs it"]
fn python_forks_workers() {
    same_work_with_threads(&programs::PYTHON_FORKS);
}

#[test]
#[ignore = "needs python3: .ci/run runs it"]
fn python_starts_programs_from_four_threads() {
    same_work_with_threads(&programs::PYTHON_PROGRAMS);
}

#[test]
#[ignore = "needs git: .ci/run runs it"]
fn git_clones_a_repository() {
    same_work_with_threads(&programs::GIT_CLONE);
}

#[test]
#[ignore = "needs git: .ci/run runs it"]
fn git_packs_a_repository_with_four_threads() {
    same_work_with_threads(&programs::GIT_GC_THREADS);
}

#[test]
#[ignore = "needs xz: .ci/run runs it"]
fn xz_packs_with_four_threads_what_it_unpacks_again() {
    same_work_with_threads(&programs::XZ);
}

#[test]
#[ignore = "needs zstd: .ci/run runs it"]
fn zstd_packs_with_four_threads_what_it_unpacks_again() {
    same_work_with_threads(&programs::ZSTD);
}

#[test]
#[ignore = "needs redis-server: .ci/run runs it"]
fn redis_saves_its_data_while_it_works_and_reads_it_back() {
    if let Some(why) = programs::REDIS.refusal() {
        println!("passed over: {why}");
        return;
    }
    same_work_with_threads(&programs::REDIS);
}

/// A package of a library and a program.
fn some_package() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = [
        (
            "Cargo.toml",
            "[package]\nname = \"small\"\nedition = \"2021\"\n[workspace]\n",
        ),
        ("lib.rs", "pub fn answer() -> u32 { 42 }\n"),
        ("main.rs", "fn main() { println!(\"{}\", small::answer()) }\n"),
    ];
    fs::create_dir(folder.path().join("src")).expect("a folder");
    for (name, contents) in files {
        let file = if name.ends_with("rs") { "src" } else { "." };
        let file = folder.path().join(file).join(name);
        fs::write(file, contents).expect("a file");
    }
    folder
}

/// rustc brings an allocator of its own along, so what can be shown is that
/// cargo used ours: when all is built already it starts nobody else.
#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn cargo_builds_a_package() {
    let cargo = Path::new(env!("CARGO"));
    for name in THREADED {
        let library = build_example(name);
        let package = some_package();
        let build = || {
            let mut build = command(cargo, package.path());
            build.args(["build", "--quiet", "--offline"]);
            build.env("RUSTC", cargo.with_file_name("rustc"));
            build.env("CARGO_HOME", package.path().join("home"));
            run_preloaded(build, &library)
        };
        let (outcome, _) = build();
        assert_ends_well(&outcome);
        let small = package.path().join("target/debug/small");
        let said = run(command(small, package.path())).stdout;
        assert_eq!(said, "42\n", "{name}");

        let (outcome, moves) = build();
        assert_ends_well(&outcome);
        let [moves] = moves[..] else { panic!("{name}: {moves:?}") };
        assert!(moves.calls > 0, "{name}: cargo did not use our heap");
    }
}

// What the C functions answer when they cannot do what they are asked for.

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn errno_says_what_is_wrong_and_is_left_alone_otherwise() {
    let expected = "\
malloc(SIZE_MAX)              null     errno ENOMEM
calloc(SIZE_MAX / 2 + 1, 2)   null     errno ENOMEM
realloc(block, SIZE_MAX)      null     errno ENOMEM
aligned_alloc(24, 48)         null     errno EINVAL
memalign(0, 100)              a block  errno EPERM
memalign(24, 100)             a block  errno EPERM
memalign(1000, 100)           a block  errno EPERM
memalign(SIZE_MAX, 100)       null     errno EINVAL
posix_memalign(3, 100)        EINVAL   errno EPERM
posix_memalign(64, SIZE_MAX)  ENOMEM   errno ENOMEM
realloc(NULL, 0)              a block  errno EPERM
realloc(block, 0)             null     errno EPERM
free of a small block         done     errno EPERM
free of a large block         done     errno EPERM
";
    let example = build_example("errno");
    for library in LIBRARIES {
        let command = command(&example, Path::new("/"));
        let (outcome, moves) = run_preloaded(command, &build_example(library));
        assert_eq!(outcome.stdout, expected, "{library}: {outcome:?}");
        assert!(moves[0].calls > 0, "{library} was not used");
    }
}

// A program that breaks the rules.

/// Runs the example that frees what it must not, on the heaps that notice it:
/// they end it, and say why in one line.
///
/// A stack that has its records in front of its chunks takes what is there for
/// one. In the middle of a block that may be anything; in the example, zeroes.
fn is_ended_with(wrong: &str, line: &str) {
    let example = build_example("wrong_free");
    for library in &LIBRARIES[1..] {
        let mut command = command(&example, Path::new("/"));
        command.arg(wrong);
        preload(&mut command, &[&build_example(library)]);
        let outcome = run(command);
        let what = format!("{library}, {wrong}: {outcome:?}");
        assert!(outcome.status.to_string().contains("SIGABRT"), "{what}");
        assert!(outcome.stderr.starts_with(line), "{what}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{what}");
        assert_eq!(outcome.stdout, "", "{what}");
    }
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_program_that_frees_twice_is_ended() {
    is_ended_with("twice", "malloc: this block is free already: 0x");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_program_that_frees_what_is_no_block_is_ended() {
    is_ended_with("something-else", "malloc: this is no block of the heap: 0x");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_program_that_frees_the_middle_of_a_block_is_ended() {
    is_ended_with("middle", "malloc: this is no block of the heap: 0x");
}

// That a program did the same proves nothing if our library was never loaded.

/// `ls` in an empty folder.
fn ls(folder: &Path) -> Command {
    command("ls", folder)
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_library_that_is_missing_moves_no_break() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = folder.path().join("libnothing.so");
    let (outcome, moves) = run_preloaded(ls(folder.path()), &missing);
    assert!(outcome.status.success(), "{outcome:?}");
    let calls: Vec<u64> = moves.iter().map(|moves| moves.calls).collect();
    assert_eq!(calls, [0], "one process, on the C library's own malloc");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn the_count_is_the_same_for_the_same_work() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let library = build_example("malloc1");
    let (_, first) = run_preloaded(ls(folder.path()), &library);
    let (_, second) = run_preloaded(ls(folder.path()), &library);
    assert_eq!(first, second);
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn the_counting_library_changes_nothing() {
    let folder = some_files();
    let without = run(ls(folder.path()));
    let mut with = ls(folder.path());
    preload(&mut with, &[&counter()]);
    assert_eq!(run(with), without);
}
