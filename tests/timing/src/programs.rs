//! Real programs at work: what they are to do, for the tests that put a heap
//! of ours under them, and for the book's table.

pub mod inputs;

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher};
use std::io::Read;
use std::path::Path;
use std::process::Command;

use self::inputs::{
    hash, make_repository, many_functions, objects, rows, write, write_lines,
};
use crate::preload::{Moves, try_counted};
use crate::run::{Outcome, Used, command, installed, run};

/// Something that keeps a program busy for a while.
pub struct Work {
    /// The program and what it does, in a few words.
    pub name: &'static str,
    /// The programs that must be installed.
    needs: &'static [&'static str],
    prepare: fn(&Path),
    command: fn(&Path) -> Command,
    result: fn(&Path) -> Vec<u8>,
}

/// What came of it.
pub struct Done {
    /// What it printed, and how it ended.
    pub outcome: Outcome,
    /// What it left in its folder, or a digest of it.
    pub result: Vec<u8>,
    /// What it used.
    pub used: Used,
    /// How each of its processes moved the break by the name `sbrk`.
    pub moves: Vec<Moves>,
}

impl Work {
    /// Does it with `libraries` preloaded, in a folder of its own.
    ///
    /// # Panics
    ///
    /// If a program does not start, or is not done after a minute.
    pub fn run(&self, libraries: &[&Path]) -> Done {
        self.try_run(libraries)
            .unwrap_or_else(|why| panic!("{}: it {why}", self.name))
    }

    fn try_run(&self, libraries: &[&Path]) -> Result<Done, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        (self.prepare)(folder.path());
        let command = (self.command)(folder.path());
        let (outcome, used, moves) = try_counted(command, libraries)?;
        let result = (self.result)(folder.path());
        Ok(Done { outcome, result, used, moves })
    }

    /// Does it with `libraries` preloaded, for somebody who wants to know how
    /// long it takes.
    ///
    /// # Errors
    ///
    /// Why there is nothing to know: a sentence.
    pub fn measure(&self, libraries: &[&Path]) -> Result<Done, String> {
        if let Some(program) = self.missing() {
            return Err(format!("{program} is not installed"));
        }
        if let Some(why) = self.refusal() {
            return Err(why);
        }
        let done = self.try_run(libraries);
        let done = done.map_err(|why| format!("it {why}"))?;
        match done.outcome.failure() {
            Some(failure) => Err(format!("it {failure}")),
            None => Ok(done),
        }
    }

    /// The first program that it needs and that is not installed.
    pub fn missing(&self) -> Option<&'static str> {
        self.needs.iter().copied().find(|it| installed(it).is_none())
    }

    /// Why it works with no malloc that is preloaded, if that is so: a
    /// sentence. (redis 8 and valkey 9 ask jemalloc, with which they are
    /// linked, by names of its own. Half of their memory then comes from
    /// jemalloc, and they end when they start.)
    pub fn refusal(&self) -> Option<String> {
        let program = *self.needs.first()?;
        let file = fs::read(installed(program)?).ok()?;
        asks_for_mallocx(&file).then(|| {
            format!("{program} asks for jemalloc's mallocx beside malloc")
        })
    }
}

/// Whether this is a program that takes the function `mallocx` from a library:
/// the name stands in there between two zeroes.
pub fn asks_for_mallocx(program: &[u8]) -> bool {
    let name = b"\0mallocx\0";
    program.windows(name.len()).any(|bytes| bytes == name)
}

/// gcc starts a compiler and an assembler, which find the library in their
/// environment as gcc does.
pub const GCC: Work = Work {
    name: "gcc, 400 functions",
    needs: &["gcc"],
    prepare: |folder| write(folder, "many.c", &many_functions(400)),
    command: |folder| {
        with_args("gcc", folder, &["-O1", "-c", "many.c", "-o", "many.o"])
    },
    result: |folder| digest(&folder.join("many.o")),
};

/// perl fills a hash, thins it out and fills it again.
pub const PERL: Work = Work {
    name: "perl, 200,000 keys",
    needs: &["perl"],
    prepare: |folder| write(folder, "hash.pl", &hash(200_000)),
    command: |folder| with_args("perl", folder, &["hash.pl"]),
    result: nothing,
};

/// python3, told to ask `malloc` for each object.
pub const PYTHON: Work = Work {
    name: "python3, dicts, lists, strings",
    needs: &["python3"],
    prepare: |folder| write(folder, "objects.py", &objects(100_000)),
    command: |folder| python(folder, "objects.py"),
    result: nothing,
};

/// python3 as it always is: it takes large blocks, and makes small objects in
/// there itself.
pub const PYTHON_POOLS: Work = Work {
    name: "python3, with pools of its own",
    needs: &["python3"],
    prepare: |folder| write(folder, "objects.py", &objects(100_000)),
    command: |folder| with_args(&real_python(), folder, &["-sS", "objects.py"]),
    result: nothing,
};

/// sqlite3 fills a table with an index, and empties half of it.
pub const SQLITE: Work = Work {
    name: "sqlite3, 200,000 rows",
    needs: &["sqlite3"],
    prepare: |folder| write(folder, "rows.sql", &rows(200_000)),
    command: |folder| {
        with_args("sqlite3", folder, &[":memory:", ".read rows.sql"])
    },
    result: nothing,
};

/// sort reads all lines before it prints the first.
pub const SORT: Work = Work {
    name: "sort, 300,000 lines",
    needs: &["sort"],
    prepare: |folder| write_lines(folder, 300_000),
    command: |folder| {
        let args = ["--parallel=1", "-n", "-o", "sorted", "lines"];
        with_args("sort", folder, &args)
    },
    result: |folder| digest(&folder.join("sorted")),
};

/// git shows all that was ever changed.
pub const GIT_LOG: Work = Work {
    name: "git log -p, 2,000 commits",
    needs: &["git"],
    prepare: |folder| make_repository(folder, 2000),
    command: |folder| with_args("git", folder, &["log", "-p"]),
    result: nothing,
};

/// git packs a repository: its threads are told to stay away.
pub const GIT_GC: Work = Work {
    name: "git gc, 2,000 commits",
    needs: &["git"],
    prepare: |folder| make_repository(folder, 2000),
    command: |folder| {
        let alone =
            ["pack.threads=1", "index.threads=1", "core.preloadIndex=false"];
        let mut git = with_args("git", folder, &[]);
        git.args(alone.iter().flat_map(|setting| ["-c", setting]));
        git.args(["gc", "--aggressive"]);
        git
    },
    result: |folder| {
        is_whole(folder);
        let count = ["count-objects", "-v"];
        run(with_args("git", folder, &count)).stdout.into_bytes()
    },
};

/// Those that start no thread, as the book's table has them.
pub const ALONE: [Work; 7] = [GCC, PERL, PYTHON, SQLITE, SORT, GIT_LOG, GIT_GC];

/// sort with four threads, each of which takes a part.
pub const SORT_THREADS: Work = Work {
    name: "sort, 4 threads, 600,000 lines",
    needs: &["sort"],
    prepare: |folder| write_lines(folder, 600_000),
    command: |folder| {
        let args = ["--parallel=4", "-n", "-o", "sorted", "lines"];
        with_args("sort", folder, &args)
    },
    result: |folder| digest(&folder.join("sorted")),
};

/// python3 with four threads, told to ask `malloc` for each object. (One thread
/// at a time makes objects; the work on long strings goes on beside it.)
pub const PYTHON_THREADS: Work = Work {
    name: "python3, 4 threads",
    needs: &["python3"],
    prepare: |folder| write(folder, "threads.py", THREADS),
    command: |folder| python(folder, "threads.py"),
    result: nothing,
};

/// python3 that forks four workers, and talks to them with a thread's help.
pub const PYTHON_FORKS: Work = Work {
    name: "python3, 4 processes by fork",
    needs: &["python3"],
    prepare: |folder| write(folder, "forks.py", FORKS),
    command: |folder| python(folder, "forks.py"),
    result: nothing,
};

/// python3 that starts other programs from four threads.
pub const PYTHON_PROGRAMS: Work = Work {
    name: "python3, 40 programs started",
    needs: &["python3", "sort"],
    prepare: |folder| write(folder, "programs.py", PROGRAMS),
    command: |folder| python(folder, "programs.py"),
    result: nothing,
};

/// git copies a repository: one process packs it, another reads the pack.
pub const GIT_CLONE: Work = Work {
    name: "git clone, 2,000 commits",
    needs: &["git"],
    prepare: |folder| {
        fs::create_dir(folder.join("original")).expect("a folder");
        make_repository(&folder.join("original"), 2000);
    },
    command: |folder| {
        let args = ["-c", "pack.threads=4", "clone", "-q", "--no-local"];
        let mut git = with_args("git", folder, &args);
        git.args(["original", "copy"]);
        git
    },
    result: |folder| whole_history(&folder.join("copy")),
};

/// git packs a repository with four threads, and looks whether it is whole.
pub const GIT_GC_THREADS: Work = Work {
    name: "git gc, 4 threads, and fsck",
    needs: &["git"],
    prepare: |folder| make_repository(folder, 2000),
    command: |folder| {
        let gc = "git -c pack.threads=4 gc -q --aggressive && git fsck --full";
        with_args("sh", folder, &["-c", gc])
    },
    result: whole_history,
};

/// xz with four threads, there and back.
pub const XZ: Work = Work {
    name: "xz, 4 threads, there and back",
    needs: &["xz"],
    prepare: |folder| write_lines(folder, 300_000),
    command: |folder| {
        let there = "xz -1 -k -T4 --block-size=1MiB lines";
        let back = "xz -dc -T4 lines.xz > back && cmp lines back";
        with_args("sh", folder, &["-c", &format!("{there} && {back}")])
    },
    result: |folder| digest(&folder.join("lines.xz")),
};

/// zstd with four threads, there and back.
pub const ZSTD: Work = Work {
    name: "zstd, 4 threads, there and back",
    needs: &["zstd"],
    prepare: |folder| write_lines(folder, 600_000),
    command: |folder| {
        let there = "zstd -q -3 -T4 -B1048576 lines";
        let back = "zstd -dqc lines.zst > back && cmp lines back";
        with_args("sh", folder, &["-c", &format!("{there} && {back}")])
    },
    result: |folder| digest(&folder.join("lines.zst")),
};

/// A server with work to do that saves its data meanwhile, and is started
/// again.
pub const REDIS: Work = Work {
    name: "redis, 50,000 requests, a save",
    needs: &["redis-server", "redis-cli", "redis-benchmark"],
    prepare: |folder| write(folder, "redis.sh", SERVER),
    command: |folder| with_args("sh", folder, &["redis.sh"]),
    result: nothing,
};

/// Those with threads, or that fork beside threads.
pub const THREADED: [Work; 9] = [
    SORT_THREADS,
    PYTHON_THREADS,
    PYTHON_FORKS,
    PYTHON_PROGRAMS,
    GIT_CLONE,
    GIT_GC_THREADS,
    XZ,
    ZSTD,
    REDIS,
];

const THREADS: &str = r#"import hashlib
import random
import threading
import zlib


def work(number, results):
    numbers = random.Random(number)
    lists = {}
    for i in range(40_000):
        lists[numbers.randrange(5_000)] = [i] * numbers.randrange(20)
    texts = sorted(str(numbers.random()) for _ in range(20_000))
    packed = zlib.compress("".join(texts).encode() * 4)
    digest = hashlib.sha256(zlib.decompress(packed)).hexdigest()
    results[number] = len(lists), sum(map(len, lists.values())), digest


results = {}
threads = [
    threading.Thread(target=work, args=(number, results))
    for number in range(4)
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for number in range(4):
    print(number, *results[number])
"#;

const FORKS: &str = r#"import multiprocessing


def work(number):
    lists = {f"key {i}": [i] * (i % 7) for i in range(number * 100)}
    return len(lists), sum(map(len, lists.values()))


fork = multiprocessing.get_context("fork")
with fork.Pool(4, maxtasksperchild=5) as pool:
    for result in pool.map(work, range(100), chunksize=1):
        print(*result)
"#;

const PROGRAMS: &str = r#"import subprocess
from concurrent.futures import ThreadPoolExecutor


def work(number):
    lines = "".join(f"{i * 7919 % 1009}\n" for i in range(number * 10))
    sort = subprocess.run(
        ["sort", "-n"], input=lines, text=True, capture_output=True
    )
    return sort.returncode, len(sort.stdout), sort.stdout[-10:].split()


with ThreadPoolExecutor(4) as threads:
    for result in threads.map(work, range(40)):
        print(*result)
"#;

const SERVER: &str = r#"# Starts a server that listens to a socket of this folder alone.
start() {
    timeout 50 redis-server --port 0 --unixsocket redis.socket --save ""         --enable-debug-command local --logfile log &
    server=$!
    until ask ping > answer 2>&1; do
        kill -0 "$server" || exit 1
        sleep 0.02
    done
}
ask() { redis-cli -s redis.socket "$@"; }
stop() {
    ask shutdown nosave
    wait "$server"
}

start
ask debug populate 20000 key 100
redis-benchmark -s redis.socket -q -n 10000 -r 5000 --threads 2 -d 200     -t set,lpush,hset,zadd,spop > benchmark &
busy=$!
ask bgsave
wait "$busy"
until ask info persistence | grep -q rdb_bgsave_in_progress:0; do
    sleep 0.02
done
ask info persistence | grep rdb_last_bgsave_status
ask set last word
ask save
before=$(ask debug digest)
stop

start
ask get last
test "$(ask debug digest)" = "$before" && echo 'all of it is there again'
test "$(ask dbsize)" -gt 20000 && echo 'and it is much'
stop
"#;

/// A few bytes that stand for all that are in a file, if it is there. (A piece
/// at a time, for the same reason.)
fn digest(file: &Path) -> Vec<u8> {
    let Ok(mut file) = File::open(file) else { return Vec::new() };
    let mut hasher = DefaultHasher::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        let len = file.read(&mut piece).expect("a file can be read");
        if len == 0 {
            return hasher.finish().to_le_bytes().into();
        }
        hasher.write(&piece[..len]);
    }
}

fn nothing(_folder: &Path) -> Vec<u8> {
    Vec::new()
}

fn with_args(program: &str, folder: &Path, args: &[&str]) -> Command {
    let mut command = command(program, folder);
    // What a user or a system has set up for git is not asked.
    command.env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1").args(args);
    command
}

/// python3 that asks `malloc` for each object.
fn python(folder: &Path, script: &str) -> Command {
    let mut python = with_args(&real_python(), folder, &["-sS", script]);
    python.env("PYTHONMALLOC", "malloc");
    python
}

/// The program behind `python3`, which may be a script that looks for it.
pub(crate) fn real_python() -> String {
    let print = ["-c", "import sys; print(sys.executable)"];
    let found = run(with_args("python3", Path::new("/"), &print));
    assert!(found.status.success(), "{found:?}");
    found.stdout.trim().to_owned()
}

/// Looks, without any heap of ours, whether a git repository is whole.
fn is_whole(folder: &Path) {
    let whole = run(with_args("git", folder, &["fsck", "--full"]));
    assert!(whole.status.success(), "{whole:?}");
}

/// All that was ever changed, in a git repository that is whole. (How several
/// threads pack it differs from time to time.)
fn whole_history(folder: &Path) -> Vec<u8> {
    is_whole(folder);
    run(with_args("git", folder, &["log", "-p"])).stdout.into_bytes()
}
