//! The outputs that the book quotes, and how to make them again.
//!
//! Each is a file in `book/captured`. `cargo run -p pages --example capture`
//! writes them all; a test compares them with what the programs print now.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use book::captured::{Captured, Compare};

use crate::on_a_copy;

use tests::contract::contract_on;
use timing::preload::{COUNT_FILE, counter, preload};
use timing::results::{NO_FIGURE, system};
use timing::run::{command, run, run_together, run_within};
use timing::workspace::{
    build_example, build_hello, build_release_example, build_test,
    cargo_settings, workspace,
};

/// An output that the book quotes.
pub struct Capture {
    /// The name of its file, without `.txt`.
    pub name: &'static str,
    /// The command that a reader types to see it.
    pub command: &'static str,
    /// How it is compared.
    pub compare: Compare,
    make: fn() -> String,
}

/// All of them, in the order of the book.
pub const CAPTURES: [Capture; 60] = [
    Capture {
        name: "memory-map",
        command: "cargo run -p tests --example memory_map",
        compare: Compare::Shape,
        make: || run_example("memory_map"),
    },
    Capture {
        name: "memory-map-again",
        command: "cargo run -p tests --example memory_map",
        compare: Compare::Shape,
        make: || run_example("memory_map"),
    },
    Capture {
        name: "the-break",
        command: "cargo run -p tests --example the_break",
        compare: Compare::Exact,
        make: || run_example("the_break"),
    },
    Capture {
        name: "refused-break",
        command: "cargo run -p tests --example refused_break",
        compare: Compare::Exact,
        make: || run_example("refused_break"),
    },
    Capture {
        name: "ten-lines",
        command: "cargo run -p tests --example ten_lines",
        compare: Compare::Exact,
        make: || run_example("ten_lines"),
    },
    Capture {
        name: "contract-1",
        command: "cargo test -p stage1-bump --test contract",
        compare: Compare::Exact,
        make: || whole_test("stage1-bump", "contract"),
    },
    Capture {
        name: "growth",
        command: "cargo run -p tests --example growth",
        compare: Compare::Exact,
        make: || run_example("growth"),
    },
    Capture {
        name: "race",
        command: "cargo run -p tests --example race",
        compare: Compare::Shape,
        make: || run_example("race"),
    },
    Capture {
        name: "same-block-twice",
        command: "cargo test -p stage1-bump --test checkpoints \
                  two_threads_can -- --nocapture",
        compare: Compare::Shape,
        make: same_block_twice,
    },
    Capture {
        name: "ls-on-stage-1",
        command: "LD_PRELOAD=target/debug/examples/libmalloc1.so \
                  ls -R stage1-bump",
        compare: Compare::Exact,
        make: ls_on_stage_1,
    },
    Capture {
        name: "ls-counted",
        command: "rm -f target/count; \
                  MALLOC_COUNT_FILE=target/count LD_PRELOAD=\
                  \"target/debug/examples/libcount_sbrk.so \
                  target/debug/examples/libmalloc1.so\" \
                  ls -R stage1-bump > target/list; cat target/count",
        compare: Compare::Shape,
        make: moves_of_ls,
    },
    Capture {
        name: "library-sizes",
        command: "cargo run -p tests --example library_sizes",
        compare: Compare::Shape,
        make: || run_example("library_sizes"),
    },
    Capture {
        name: "checkpoints-1",
        command: "cargo test -p stage1-bump --test checkpoints",
        compare: Compare::Exact,
        make: || whole_test("stage1-bump", "checkpoints"),
    },
    Capture {
        name: "double-free-2",
        command: "LD_PRELOAD=target/debug/examples/libmalloc2.so \
                  target/debug/examples/wrong_free twice",
        compare: Compare::Shape,
        make: || double_free("malloc2"),
    },
    Capture {
        name: "moves-of-the-break",
        command: "rm -f target/count; for stage in 1 2 3; do \
                  MALLOC_COUNT_FILE=target/count LD_PRELOAD=\
                  \"target/debug/examples/libcount_sbrk.so \
                  target/debug/examples/libmalloc$stage.so\" \
                  ls -l book > target/list; done; cat target/count",
        compare: Compare::Shape,
        make: moves_of_all_stages,
    },
    Capture {
        name: "checkpoints-2",
        command: "cargo test -p stage2-headers --test checkpoints",
        compare: Compare::Exact,
        make: || whole_test("stage2-headers", "checkpoints"),
    },
    Capture {
        name: "steps-3",
        command: "cargo run --release -p timing --example steps",
        compare: Compare::Shape,
        make: || measure("steps", &[]),
    },
    Capture {
        name: "live-blocks",
        command: "cargo run --release -p timing --example live_blocks",
        compare: Compare::Shape,
        make: || measure("live_blocks", &[]),
    },
    Capture {
        name: "real-programs-3",
        command: "cargo run --release -p timing --example real_programs",
        compare: Compare::Shape,
        make: || measure("real_programs", &[]),
    },
    Capture {
        name: "linked-with-3",
        command: "cc -o target/hello tests/c/hello.c \
                  -Ltarget/debug/examples -lmalloc3 \
                  -Wl,-rpath,target/debug/examples && \
                  target/hello < tests/c/hello.c && \
                  ldd target/hello | grep malloc",
        compare: Compare::Shape,
        make: linked_with_3,
    },
    Capture {
        name: "checkpoints-3",
        command: "cargo test -p stage3-freelist --test checkpoints",
        compare: Compare::Exact,
        make: || whole_test("stage3-freelist", "checkpoints"),
    },
    Capture {
        name: "double-free-3",
        command: "LD_PRELOAD=target/debug/examples/libmalloc3.so \
                  target/debug/examples/wrong_free twice",
        compare: Compare::Shape,
        make: || double_free("malloc3"),
    },
    Capture {
        name: "scores",
        command: "cargo run -p pages --example scores",
        compare: Compare::Shape,
        make: scores,
    },
    Capture {
        name: "model-3",
        command: "cargo test -p stage3-freelist --test model",
        compare: Compare::Exact,
        make: || whole_test("stage3-freelist", "model"),
    },
    Capture {
        name: "model-4",
        command: "cargo test -p stage4-threadsafe --test model",
        compare: Compare::Exact,
        make: || whole_test("stage4-threadsafe", "model"),
    },
    Capture {
        name: "refused-3",
        command: "cat tests/refused/tests/stage3/heap_in_a_static.stderr",
        compare: Compare::Exact,
        make: || refused("stage3", "heap_in_a_static"),
    },
    Capture {
        name: "behind-our-back",
        command: "cargo run -p tests --example behind_our_back",
        compare: Compare::Shape,
        make: || run_example("behind_our_back"),
    },
    Capture {
        name: "real-programs-4",
        command: "cargo run --release -p timing --example real_programs \
                  -- malloc4",
        compare: Compare::Shape,
        make: || measure("real_programs", &["malloc4"]),
    },
    Capture {
        name: "lock-cost",
        command: "cargo run --release -p timing --example lock_cost",
        compare: Compare::Shape,
        make: || measure("lock_cost", &[]),
    },
    Capture {
        name: "checkpoints-4",
        command: "cargo test -p stage4-threadsafe --test checkpoints",
        compare: Compare::Exact,
        make: || whole_test("stage4-threadsafe", "checkpoints"),
    },
    Capture {
        name: "trace-sqlite3",
        command: "cargo run -p timing --example traces -- rep sqlite3 | \
                  sed -n 40010,40019p",
        compare: Compare::Exact,
        make: || lines_of_a_trace("sqlite3", 40010, 40019),
    },
    Capture {
        name: "trace-git",
        command: "cargo run -p timing --example traces -- rep git | \
                  sed -n 5,120p",
        compare: Compare::Exact,
        make: || lines_of_a_trace("git", 5, 120),
    },
    Capture {
        name: "trace-ls",
        command: "cargo run -p timing --example traces -- rep ls | \
                  sed -n 5,1462p",
        compare: Compare::Exact,
        make: || lines_of_a_trace("ls", 5, 1462),
    },
    Capture {
        name: "trace-perl",
        command: "cargo run -p timing --example traces -- rep perl | \
                  sed -n 20020,20033p",
        compare: Compare::Exact,
        make: || lines_of_a_trace("perl", 20020, 20033),
    },
    Capture {
        name: "trace-redis",
        command: "cargo run -p timing --example traces -- rep redis | \
                  sed -n 300003,300016p",
        compare: Compare::Exact,
        make: || lines_of_a_trace("redis", 300003, 300016),
    },
    Capture {
        name: "contract-5-sketch",
        command: "cargo run -p tests --example contract_on_step -- \
                  5-0-sketch",
        compare: Compare::Exact,
        make: || contract_on("5-0-sketch").list,
    },
    Capture {
        name: "contract-5-ground",
        command: "cargo run -p tests --example contract_on_step -- \
                  5-1-ground",
        compare: Compare::Exact,
        make: || contract_on("5-1-ground").list,
    },
    Capture {
        name: "finding-a-chunk",
        command: "cargo run --release -p timing --example find_chunk",
        compare: Compare::Shape,
        make: || measure("find_chunk", &[]),
    },
    Capture {
        name: "nested-calls",
        command: "cargo run --release -p timing --example nested",
        compare: Compare::Shape,
        make: || measure("nested", &[]),
    },
    Capture {
        name: "real-programs-5",
        command: "cargo run --release -p timing --example real_programs -- \
                  malloc5_one_stack",
        compare: Compare::Shape,
        make: || measure("real_programs", &["malloc5_one_stack"]),
    },
    Capture {
        name: "checkpoints-5",
        command: "cargo test -p stage5-lifo-stack --test checkpoints",
        compare: Compare::Exact,
        make: || whole_test("stage5-lifo-stack", "checkpoints"),
    },
    Capture {
        name: "atomics-cost",
        command: "cargo run --release -p timing --example atomics_cost",
        compare: Compare::Shape,
        make: || measure("atomics_cost", &[]),
    },
    Capture {
        name: "false-sharing",
        command: "cargo run --release -p timing --example false_sharing",
        compare: Compare::Shape,
        make: || measure("false_sharing", &[]),
    },
    Capture {
        name: "huge-pages",
        command: "cargo run --release -p timing --example huge_pages",
        compare: Compare::Shape,
        make: || measure("huge_pages", &[]),
    },
    Capture {
        name: "model-of-marks",
        command: "cargo test -p stage5-lifo-stack --test model_of_marks",
        compare: Compare::Exact,
        make: || whole_test("stage5-lifo-stack", "model_of_marks"),
    },
    Capture {
        name: "real-programs-per-thread",
        command: "cargo run --release -p timing --example real_programs -- \
                  malloc5",
        compare: Compare::Shape,
        make: || measure("real_programs", &["malloc5"]),
    },
    Capture {
        name: "fooled",
        command: "cargo run --release -p timing --example fooled",
        compare: Compare::Shape,
        make: || measure("fooled", &[]),
    },
    Capture {
        name: "where-it-ends",
        command: "cargo run --release -p timing --example where_it_ends",
        compare: Compare::Shape,
        make: || measure("where_it_ends", &[]),
    },
    Capture {
        name: "real-mallocs",
        command: "cargo build --example malloc4 --example malloc5 && \
                  cargo run -p tests --example real_mallocs",
        compare: Compare::Shape,
        make: real_mallocs,
    },
    Capture {
        name: "two-generations",
        command: "cargo run -p tests --example two_generations",
        compare: Compare::Shape,
        make: || run_example("two_generations"),
    },
    Capture {
        name: "misuse",
        command: "cargo run -p tests --example misuse_table",
        compare: Compare::Exact,
        make: || run_example("misuse_table"),
    },
    Capture {
        name: "misuse-refused",
        command: "cargo run -p tests --example misuse_refused",
        compare: Compare::Exact,
        make: || run_example("misuse_refused"),
    },
    Capture {
        name: "refused-misuse",
        command: "cat tests/refused/tests/misuse/freed_twice.stderr \
                  tests/refused/tests/misuse/used_after_free.stderr",
        compare: Compare::Exact,
        make: || {
            let cases = ["freed_twice", "used_after_free"];
            cases.map(|name| refused("misuse", name)).concat()
        },
    },
    Capture {
        name: "misuse-told",
        command: "cargo run -p tests --example misuse_told",
        compare: Compare::Shape,
        make: || run_example("misuse_told"),
    },
    Capture {
        name: "misuse-told-nightly",
        command: "cargo run -p tests --example misuse_told -- nightly",
        compare: Compare::Shape,
        make: || run_example_with("misuse_told", &["nightly"]),
    },
    Capture {
        name: "misuse-solved",
        command: "cargo run -p pages --example misuse_solved",
        compare: Compare::Shape,
        make: || example_of_the_book("misuse_solved"),
    },
    Capture {
        name: "walk-the-heap",
        command: "gdb -batch -x stage3-freelist/gdb/walk.gdb \
                  -ex 'set environment LD_PRELOAD \
                  target/debug/examples/libmalloc3.so' \
                  -ex 'break abort' -ex run -ex 'backtrace 7' -ex walk \
                  target/debug/examples/overrun",
        compare: Compare::Shape,
        make: || debugged(&["backtrace 7", "walk"]),
    },
    Capture {
        name: "who-wrote-it",
        command: "gdb -batch -x stage3-freelist/gdb/walk.gdb \
                  -ex 'set environment LD_PRELOAD \
                  target/debug/examples/libmalloc3.so' \
                  -ex 'break abort' -ex run -ex walk \
                  -ex 'watch *(unsigned long *) $wrong' -ex run -ex continue \
                  target/debug/examples/overrun",
        compare: Compare::Shape,
        make: || {
            debugged(&[
                "walk",
                "watch *(unsigned long *) $wrong",
                "run",
                "continue",
            ])
        },
    },
    Capture {
        name: "shadow-of-a-copy",
        command: "cargo test --config 'paths=[\"practice/stage2\"]' \
                  -p tests --test shadow stage_2",
        compare: Compare::Shape,
        make: on_a_copy::shadow,
    },
    Capture {
        name: "miri-on-a-copy",
        command: "cargo +nightly miri test \
                  --manifest-path practice/stage2/Cargo.toml \
                  --test contract box",
        compare: Compare::Shape,
        make: on_a_copy::miri,
    },
];

/// Those for which a plain `cargo test` has not all that they need: other
/// programs, or the minutes that a measurement takes.
const NEEDS_MORE: [&str; 26] = [
    "library-sizes",
    "steps-3",
    "live-blocks",
    "real-programs-3",
    "linked-with-3",
    "scores",
    "real-programs-4",
    "lock-cost",
    "finding-a-chunk",
    "nested-calls",
    "real-programs-5",
    "atomics-cost",
    "false-sharing",
    "huge-pages",
    "real-programs-per-thread",
    "fooled",
    "where-it-ends",
    "real-mallocs",
    "two-generations",
    "misuse",
    "misuse-told",
    "misuse-told-nightly",
    "misuse-solved",
    "walk-the-heap",
    "who-wrote-it",
    "miri-on-a-copy",
];

/// What the book says of their commands, where there is something to say: in
/// the form of `book::console::Notes`.
const NOTES: [(&str, &str); 38] = [
    ("memory-map", "needs=glibc"),
    ("memory-map-again", "needs=glibc"),
    ("the-break", "needs=glibc"),
    ("refused-break", "needs=glibc"),
    ("ten-lines", "needs=glibc"),
    ("growth", "needs=glibc takes=20s"),
    ("race", "needs=glibc"),
    ("huge-pages", "needs=glibc takes=20s"),
    ("ls-on-stage-1", "needs=glibc"),
    ("ls-counted", "needs=glibc"),
    ("double-free-2", "needs=glibc fails"),
    ("moves-of-the-break", "needs=glibc"),
    ("library-sizes", "takes=1min"),
    ("steps-3", "takes=2min"),
    ("live-blocks", "takes=30s"),
    ("real-programs-3", "needs=glibc,gcc,perl,python3,sqlite3 takes=1min"),
    ("linked-with-3", "needs=glibc,cc,ldd"),
    ("double-free-3", "needs=glibc fails"),
    ("scores", "takes=5min"),
    ("model-3", "takes=20s"),
    ("model-4", "takes=20s"),
    ("behind-our-back", "needs=glibc"),
    (
        "real-programs-4",
        "needs=glibc,gcc,perl,python3,sqlite3,xz,zstd,redis-server takes=2min",
    ),
    ("lock-cost", "needs=glibc"),
    ("nested-calls", "needs=glibc"),
    (
        "real-programs-5",
        "needs=glibc,gcc,perl,python3,sqlite3,xz,zstd,redis-server takes=2min",
    ),
    (
        "real-programs-per-thread",
        "needs=glibc,gcc,perl,python3,sqlite3,xz,zstd,redis-server takes=2min",
    ),
    ("where-it-ends", "needs=glibc,gcore takes=1min"),
    ("real-mallocs", "needs=glibc"),
    ("two-generations", "by-hand=it-downloads-packages-of-Debian"),
    ("misuse", "needs=glibc takes=1min"),
    ("misuse-told", "needs=glibc,valgrind takes=2min"),
    ("misuse-solved", "needs=glibc takes=2min"),
    ("misuse-told-nightly", "by-hand=needs-a-nightly-compiler-with-Miri"),
    ("walk-the-heap", "needs=glibc,gdb"),
    ("who-wrote-it", "needs=glibc,gdb"),
    ("shadow-of-a-copy", "fails by-hand=in-a-copy-with-this-fault"),
    ("miri-on-a-copy", "fails by-hand=in-a-copy-with-this-fault"),
];

impl Capture {
    /// What is to be known about the command.
    pub fn notes(&self) -> &'static str {
        let mut notes = NOTES.iter();
        let of_this = notes.find(|(name, _)| *name == self.name);
        of_this.map_or("", |(_, notes)| notes)
    }

    /// Whether it needs more than cargo and a moment.
    pub fn needs_more(&self) -> bool {
        NEEDS_MORE.contains(&self.name)
    }

    /// Where the book keeps it.
    pub fn file(&self) -> PathBuf {
        folder().join(self.name).with_extension("txt")
    }

    /// Makes it now, on this machine.
    pub fn make(&self) -> Captured {
        Captured {
            command: self.command.to_owned(),
            system: system(),
            compare: self.compare,
            notes: self.notes().to_owned(),
            output: without_paths(&(self.make)()),
        }
    }
}

/// The folder that holds them all.
pub fn folder() -> PathBuf {
    workspace().join("book/captured")
}

/// What of `output` is compared. In a shape a number stands for any number,
/// and spaces for any spaces.
pub fn comparable(output: &str, compare: Compare) -> String {
    match compare {
        Compare::Exact => output.to_owned(),
        Compare::Shape => {
            output.lines().map(|line| shape(line) + "\n").collect()
        }
    }
}

fn shape(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut rest = words.join(" ");
    let mut shape = String::new();
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let number = &rest[at..];
        let end = match number.strip_prefix("0x") {
            Some(hex) => 2 + length(hex, |c| c.is_ascii_hexdigit()),
            None => decimal(number),
        };
        shape += without_sign(&rest[..at]);
        shape += "#";
        rest = number[end..].to_owned();
    }
    shape + &rest
}

/// What stands in front of a number, without its sign: what is nearly nothing
/// may come out as a little less.
fn without_sign(before: &str) -> &str {
    match before.strip_suffix('-') {
        Some(rest) if rest.is_empty() || rest.ends_with(' ') => rest,
        _ => before,
    }
}

/// How many bytes the number at the start of `text` has, with what comes after
/// its point.
fn decimal(text: &str) -> usize {
    let digits = |text| length(text, |c| c.is_ascii_digit());
    let whole = digits(text);
    match text[whole..].strip_prefix('.').map(digits) {
        None | Some(0) => whole,
        Some(fraction) => whole + 1 + fraction,
    }
}

/// How many bytes at the start of `text` are what `wanted` says.
fn length(text: &str, wanted: fn(char) -> bool) -> usize {
    text.find(|c| !wanted(c)).unwrap_or(text.len())
}

/// Paths that another machine does not have, shortened.
fn without_paths(output: &str) -> String {
    let workspace = workspace().display().to_string();
    let output = output.replace(&workspace, ".");
    match env::var("HOME") {
        Ok(home) if home.len() > 1 => output.replace(&home, "~"),
        _ => output,
    }
}

/// What a program prints that has nothing to complain about.
fn output(command: Command) -> String {
    output_within(Duration::from_secs(60), command)
}

/// The same, of one that has so much time.
fn output_within(limit: Duration, command: Command) -> String {
    let shown = format!("{command:?}");
    let outcome = run_within(limit, command);
    assert!(outcome.status.success(), "{shown}: {outcome:?}");
    // That it waits for another cargo is no complaint.
    let waits = |line: &&str| line.trim_start().starts_with("Blocking waiting");
    let complaints: Vec<&str> =
        outcome.stderr.lines().filter(|line| !waits(line)).collect();
    assert!(complaints.is_empty(), "{shown} complains: {complaints:?}");
    outcome.stdout
}

fn run_example(name: &str) -> String {
    run_example_with(name, &[])
}

fn run_example_with(name: &str, arguments: &[&str]) -> String {
    let mut example = command(build_example(name), workspace());
    example.args(arguments);
    // It may call cargo, which may have much to build.
    example.envs(cargo_settings());
    output_within(Duration::from_secs(600), example)
}

/// What can be seen of allocators from outside, of two of ours too.
fn real_mallocs() -> String {
    for library in ["malloc4", "malloc5"] {
        build_example(library);
    }
    run_example("real_mallocs")
}

/// Some lines of a recording, from `first` to `last`, counted from 1 on.
fn lines_of_a_trace(name: &str, first: usize, last: usize) -> String {
    let mut traces = command(build_example("traces"), workspace());
    traces.args(["rep", name]);
    let output = output(traces);
    let lines = output.lines().skip(first - 1).take(last - first + 1);
    lines.map(|line| format!("{line}\n")).collect()
}

/// What an example prints that measures time. It is built for that, and may
/// take a few minutes.
fn measure(name: &str, args: &[&str]) -> String {
    // With its own environment: it may call cargo.
    let mut example = Command::new(build_release_example(name));
    example.current_dir(workspace()).args(args);
    let outcome = run_within(Duration::from_secs(600), example);
    assert!(outcome.status.success(), "{name}: {outcome:?}");
    // What failed is said in there, and the book needs the figure.
    assert!(!outcome.stdout.contains(NO_FIGURE), "{name}: {outcome:?}");
    outcome.stdout
}

/// `ls` on the heap of stage 1.
fn ls_on_stage_1() -> String {
    let mut ls = command("ls", workspace());
    ls.args(["-R", "stage1-bump"]);
    preload(&mut ls, &[&build_example("malloc1")]);
    output(ls)
}

/// How often it moves the break.
fn moves_of_ls() -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let count = folder.path().join("count");
    let mut ls = command("ls", workspace());
    ls.args(["-R", "stage1-bump"]).env(COUNT_FILE, &count);
    preload(&mut ls, &[&counter(), &build_example("malloc1")]);
    output(ls);
    fs::read_to_string(count).expect("the library counts")
}

/// How often `ls -l` moves the break on each stage, a line for each.
fn moves_of_all_stages() -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let count = folder.path().join("count");
    for library in ["malloc1", "malloc2", "malloc3"] {
        let mut ls = command("ls", workspace());
        ls.args(["-l", "book"]).env(COUNT_FILE, &count);
        preload(&mut ls, &[&counter(), &build_example(library)]);
        output(ls);
    }
    fs::read_to_string(count).expect("the library counts")
}

/// What a heap says when a program frees a block twice. (A shell adds that the
/// program was aborted.)
fn double_free(library: &str) -> String {
    let mut wrong = command(build_example("wrong_free"), workspace());
    wrong.arg("twice");
    preload(&mut wrong, &[&build_example(library)]);
    let outcome = run(wrong);
    let is_ours = outcome.stderr.starts_with("malloc: ");
    assert!(!outcome.status.success() && is_ours, "{library}: {outcome:?}");
    outcome.stderr
}

/// What gdb says of a program that has damaged the heap of stage 3, when it
/// stops in `abort` and is told `what` to do.
fn debugged(what: &[&str]) -> String {
    let examples = ["malloc3", "overrun"].map(build_example);
    let [library, program] = examples.map(|it| {
        let it = it.strip_prefix(workspace()).expect("built in here");
        it.display().to_string()
    });
    let mut gdb = command("gdb", workspace());
    gdb.args(["-nx", "-batch", "-x", "stage3-freelist/gdb/walk.gdb"]);
    let preload = format!("set environment LD_PRELOAD {library}");
    for command in [&preload, "break abort", "run"].iter().chain(what) {
        gdb.args(["-ex", command]);
    }
    gdb.arg(program);
    // What it has to complain of is that it finds no sources of other people's.
    run(gdb).stdout
}

/// A program with stage 3 linked in, and where the loader finds it.
fn linked_with_3() -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let library = build_example("malloc3");
    let hello = build_hello(folder.path(), &library);
    let mut shell = command("sh", workspace());
    let script = "\"$0\" < tests/c/hello.c && ldd \"$0\" | grep malloc";
    shell.args(["-c", script]).arg(hello);
    let libraries = library.parent().expect("a library lies in a folder");
    output(shell)
        .replace(&libraries.display().to_string(), "target/debug/examples")
}

/// The marks of the heaps of this book. The example builds a program for each
/// heap.
fn scores() -> String {
    example_of_the_book("scores")
}

/// What an example of this package prints.
fn example_of_the_book(name: &str) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(workspace());
    cargo.args(["run", "--quiet", "-p", "pages", "--example", name]);
    let outcome = run_within(Duration::from_secs(1_800), cargo);
    assert!(outcome.status.success(), "{name}: {outcome:?}");
    outcome.stdout
}

/// The names of a file's tests, and that they pass. One thread, so that they
/// come in the same order.
fn whole_test(package: &str, name: &str) -> String {
    let mut test = test(package, name);
    test.args(["--test-threads", "1"]);
    without_time(&output(test))
}

/// What the compiler says of a program that it refuses: a test compares it with
/// what it says now.
fn refused(stage: &str, name: &str) -> String {
    let folder = workspace().join("tests/refused/tests").join(stage);
    let file = folder.join(name);
    fs::read_to_string(file.with_extension("stderr")).expect("its words")
}

/// What the model check of two threads says when it finds the race.
fn same_block_twice() -> String {
    let mut test = test("stage1-bump", "checkpoints");
    test.args(["two_threads_can", "--nocapture"]);
    without_time(&run_together(test))
}

/// The output of a test without the time that it took, and without the empty
/// lines around it. What cargo says before it is not there: it runs without.
fn without_time(output: &str) -> String {
    let (before, _time) =
        output.rsplit_once("; finished in ").expect("a test's last line");
    format!("{}\n", before.trim())
}

/// A test, run where cargo runs it.
fn test(package: &str, name: &str) -> Command {
    command(build_test(package, name), &workspace().join(package))
}
