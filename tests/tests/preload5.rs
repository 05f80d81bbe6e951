//! Real programs on one stack of chunks: they print what they print without
//! it, end as they end without it, and their memory was ours. And what happens
//! to a program that has more chunks than the stack has room for.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use timing::preload::{preload, run_preloaded};
use timing::programs::{self, Work};
use timing::run::{Outcome, command, run};
use timing::workspace::build_example;

const LIBRARY: &str = "malloc5_one_stack";

/// Files to read, in a folder that is gone after the test.
fn some_files() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let numbers: String =
        (0..5000).map(|i| format!("{} line {i}\n", i * 7919 % 5000)).collect();
    let files = [("fruit", "pear\napple\nquince\n"), ("numbers", &numbers)];
    for (name, contents) in files {
        fs::write(folder.path().join(name), contents).expect("a file");
    }
    folder
}

/// Runs a program as it is and on our heap: it must do the same. Returns what
/// it did.
fn same_with_and_without(program: &str, args: &[&str]) -> Outcome {
    let files = some_files();
    let with_args = || {
        let mut command = command(program, files.path());
        command.args(args);
        command
    };
    let without = run(with_args());
    let (with, moves) = run_preloaded(with_args(), &build_example(LIBRARY));
    assert_eq!(with, without, "{program} {args:?} does something else");
    let calls = moves.iter().map(|moves| moves.calls).sum::<u64>();
    assert!(calls > 0, "{program} {args:?} did not use our heap");
    without
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
fn date_prints_a_date() {
    let outcome = same_with_and_without("date", &["-d", "@0", "+%A %F %T"]);
    assert_ends_well(&outcome);
    assert_eq!(outcome.stdout, "Thursday 1970-01-01 00:00:00\n");
}

// Programs at hard work, some of them with threads.

/// Does the work as it is and on our heap: it must come to the same.
fn same_work(work: &Work) {
    let without = work.run(&[]);
    let with = work.run(&[&build_example(LIBRARY)]);
    let what = work.name;
    assert_eq!(with.outcome, without.outcome, "{what} does something else");
    assert!(with.outcome.status.success(), "{what}: {:?}", with.outcome);
    assert!(with.result == without.result, "{what} makes something else");
    for moves in &with.moves {
        assert!(moves.calls > 0, "{what}: a process did not use our heap");
    }
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn sort_orders_a_large_file() {
    same_work(&programs::SORT);
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn sort_orders_a_large_file_with_four_threads() {
    same_work(&programs::SORT_THREADS);
}

#[test]
#[ignore = "needs gcc: .ci/run runs it"]
fn gcc_compiles_hundreds_of_functions() {
    same_work(&programs::GCC);
}

#[test]
#[ignore = "needs perl: .ci/run runs it"]
fn perl_thins_out_a_large_hash() {
    same_work(&programs::PERL);
}

#[test]
#[ignore = "needs python3: .ci/run runs it"]
fn python_makes_objects() {
    same_work(&programs::PYTHON);
}

#[test]
#[ignore = "needs python3: .ci/run runs it"]
fn python_makes_objects_in_four_threads() {
    same_work(&programs::PYTHON_THREADS);
}

#[test]
#[ignore = "needs python3: .ci/run runs it"]
fn python_forks_workers() {
    same_work(&programs::PYTHON_FORKS);
}

#[test]
#[ignore = "needs python3: .ci/run runs it"]
fn python_starts_programs_from_four_threads() {
    same_work(&programs::PYTHON_PROGRAMS);
}

#[test]
#[ignore = "needs sqlite3: .ci/run runs it"]
fn sqlite_inserts_rows() {
    same_work(&programs::SQLITE);
}

#[test]
#[ignore = "needs git: .ci/run runs it"]
fn git_shows_a_history() {
    same_work(&programs::GIT_LOG);
}

#[test]
#[ignore = "needs git: .ci/run runs it"]
fn git_packs_a_repository() {
    same_work(&programs::GIT_GC);
}

#[test]
#[ignore = "needs git: .ci/run runs it"]
fn git_clones_a_repository() {
    same_work(&programs::GIT_CLONE);
}

#[test]
#[ignore = "needs xz: .ci/run runs it"]
fn xz_packs_with_four_threads_what_it_unpacks_again() {
    same_work(&programs::XZ);
}

#[test]
#[ignore = "needs redis-server: .ci/run runs it"]
fn redis_saves_its_data_while_it_works_and_reads_it_back() {
    if let Some(why) = programs::REDIS.refusal() {
        println!("passed over: {why}");
        return;
    }
    same_work(&programs::REDIS);
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
    let command = command(build_example("errno"), Path::new("/"));
    let (outcome, moves) = run_preloaded(command, &build_example(LIBRARY));
    assert_eq!(outcome.stdout, expected, "{outcome:?}");
    assert!(moves[0].calls > 0, "our heap was not used");
}

// A program that breaks the rules.

/// Runs the example that frees what it must not: the heap ends it, and says why
/// in one line.
fn is_ended_with(wrong: &str, line: &str) {
    let mut command = command(build_example("wrong_free"), Path::new("/"));
    command.arg(wrong);
    preload(&mut command, &[&build_example(LIBRARY)]);
    let outcome = run(command);
    let what = format!("{wrong}: {outcome:?}");
    assert!(outcome.status.to_string().contains("SIGABRT"), "{what}");
    assert!(outcome.stderr.starts_with(line), "{what}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{what}");
    assert_eq!(outcome.stdout, "", "{what}");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_program_that_frees_what_is_no_chunk_is_ended() {
    let line = "malloc: this is no block of the heap: 0x";
    is_ended_with("something-else", line);
    is_ended_with("middle", line);
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_program_that_frees_twice_is_ended() {
    is_ended_with("twice", "malloc: this block is free already: 0x");
}

// The array.

/// The records of the library, and what it has in use before the program's
/// first chunk.
const CHUNKS: usize = 1 << 20;
const OTHERS: usize = 100;

/// The number in a line that ends with `what`.
fn number(outcome: &Outcome, what: &str) -> usize {
    let mut lines = outcome.stdout.lines();
    let number = lines.find_map(|line| line.strip_suffix(what));
    let number = number.unwrap_or_else(|| panic!("{what}: {outcome:?}"));
    number.parse().unwrap_or_else(|error| panic!("{number}: {error}"))
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn too_many_chunks_are_null_and_no_damage() {
    let too_many = command(build_example("too_many"), Path::new("/"));
    let (outcome, moves) = run_preloaded(too_many, &build_example(LIBRARY));
    assert_ends_well(&outcome);
    assert!(moves[0].calls > 0, "our heap was not used");

    let blocks = number(&outcome, " blocks");
    assert!((CHUNKS - OTHERS..CHUNKS).contains(&blocks), "{outcome:?}");
    assert!(outcome.stdout.contains("null: true, errno ENOMEM"), "{outcome:?}");
    assert_eq!(number(&outcome, " as they were written"), blocks);
    assert_eq!(number(&outcome, " after ten were freed"), 10);
}

/// The program behind `python3`, which may be a script that looks for it.
fn python() -> String {
    let mut print = command("python3", Path::new("/"));
    print.args(["-c", "import sys; print(sys.executable)"]);
    run(print).stdout.trim().to_owned()
}

#[test]
#[ignore = "needs python3: .ci/run runs it"]
fn python_with_too_many_objects_says_that_there_is_no_memory() {
    // It speaks when the handler has ended. Until then Python 3.14 holds something
    // above the objects, if the script stands behind `-c`.
    let script = "
said = 'no error'
try:
    objects = [str(number) for number in range(2_000_000)]
except MemoryError:
    said = 'no memory'
print(said)
print(sum(int(str(number)) for number in range(1000)))
";
    let mut python = command(python(), Path::new("/"));
    python.args(["-s", "-c", script]).env("PYTHONMALLOC", "malloc");
    let (outcome, moves) = run_preloaded(python, &build_example(LIBRARY));
    assert_ends_well(&outcome);
    assert!(moves[0].calls > 0, "our heap was not used");
    assert_eq!(outcome.stdout, "no memory\n499500\n");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn as_many_blocks_are_no_trouble_elsewhere() {
    let too_many = command(build_example("too_many"), Path::new("/"));
    let outcome = run(too_many);
    assert_ends_well(&outcome);
    assert_eq!(number(&outcome, " blocks"), 2_000_000, "{outcome:?}");
}

/// All fields of an empty heap are zero bytes, so the array takes room in
/// memory and none in the file.
#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn the_array_is_not_in_the_library_file() {
    let library = build_example(LIBRARY);
    let file = fs::metadata(&library).expect("the library").len();
    let array = CHUNKS as u64 * 24;
    println!("{file} bytes of file, {array} of array");
    assert!(file < array / 2, "{file} bytes, with an array of {array}");
}
