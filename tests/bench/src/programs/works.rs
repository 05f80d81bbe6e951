//! What the programs are to do. Each is at work for about a third of a second.

use std::path::Path;

use timing::programs::inputs::{
    hash, make_repository, many_functions, objects, rows, write, write_all,
    write_lines,
};

/// Something that keeps a program busy for a while.
pub struct Work {
    pub name: &'static str,
    /// The programs that it needs.
    pub needs: &'static [&'static str],
    pub has_threads: bool,
    /// Puts into a folder what the program reads.
    pub prepare: fn(&Path),
    pub command: &'static [&'static str],
    /// If it is a server: a script that gives it work, and stops it.
    pub clients: Option<&'static str>,
}

pub const WORKS: [Work; 13] = [
    // Fills a hash, thins it out and fills it again.
    Work {
        name: "perl",
        needs: &["perl"],
        has_threads: false,
        prepare: |folder| write(folder, "hash.pl", &hash(150_000)),
        command: &["perl", "hash.pl"],
        clients: None,
    },
    Work {
        name: "python3",
        needs: &["python3"],
        has_threads: false,
        prepare: |folder| write(folder, "objects.py", &objects(75_000)),
        command: &["python3", "-sS", "objects.py"],
        clients: None,
    },
    // gcc starts a compiler, which finds the library as gcc does.
    Work {
        name: "gcc",
        needs: &["gcc"],
        has_threads: false,
        prepare: |folder| write(folder, "many.c", &many_functions(150)),
        command: &["gcc", "-O1", "-S", "-o", "-", "many.c"],
        clients: None,
    },
    // Fills a table with an index, and empties half of it.
    Work {
        name: "sqlite3",
        needs: &["sqlite3"],
        has_threads: false,
        prepare: |folder| write(folder, "rows.sql", &rows(80_000)),
        command: &["sqlite3", ":memory:", ".read rows.sql"],
        clients: None,
    },
    Work {
        name: "git log",
        needs: &["git"],
        has_threads: false,
        prepare: |folder| make_repository(folder, 3000),
        command: &["git", "log", "-p"],
        clients: None,
    },
    // What `git gc` does most of the time.
    Work {
        name: "git pack-objects",
        needs: &["git"],
        has_threads: false,
        prepare: |folder| make_repository(folder, 3000),
        command: &[
            "git",
            "-c",
            "pack.threads=1",
            "pack-objects",
            "--quiet",
            "--all",
            "--no-reuse-delta",
            "--stdout",
        ],
        clients: None,
    },
    Work {
        name: "sort",
        needs: &["sort"],
        has_threads: false,
        prepare: |folder| write_lines(folder, 500_000),
        command: &["sort", "--parallel=1", "-n", "lines"],
        clients: None,
    },
    Work {
        name: "gawk",
        needs: &["gawk"],
        has_threads: false,
        prepare: |folder| write_lines(folder, 150_000),
        command: &["gawk", WORDS, "lines"],
        clients: None,
    },
    Work {
        name: "jq",
        needs: &["jq"],
        has_threads: false,
        prepare: write_records,
        command: &["jq", GROUPS, "records"],
        clients: None,
    },
    Work {
        name: "sort 4 threads",
        needs: &["sort"],
        has_threads: true,
        prepare: |folder| write_lines(folder, 500_000),
        command: &["sort", "--parallel=4", "-n", "lines"],
        clients: None,
    },
    // One thread at a time makes objects.
    Work {
        name: "python3 4 threads",
        needs: &["python3"],
        has_threads: true,
        prepare: |folder| write(folder, "threads.py", THREADS),
        command: &["python3", "-sS", "threads.py"],
        clients: None,
    },
    Work {
        name: "xz 4 threads",
        needs: &["xz"],
        has_threads: true,
        prepare: |folder| write_lines(folder, 150_000),
        command: &["xz", "-1", "-c", "-T4", "--block-size=1MiB", "lines"],
        clients: None,
    },
    Work {
        name: "redis-server",
        needs: &["redis-server", "redis-cli", "redis-benchmark"],
        has_threads: true,
        prepare: |_| (),
        command: &[
            "redis-server",
            "--port",
            "0",
            "--unixsocket",
            "redis.socket",
            "--save",
            "",
            "--enable-debug-command",
            "local",
            "--logfile",
            "log",
            "--crash-log-enabled",
            "no",
        ],
        clients: Some(CLIENTS),
    },
];

/// How often each word stands there.
const WORDS: &str = "{ for (i = 1; i <= NF; i++) count[$i]++ }
END { print length(count), count[\"line\"], count[7] }";

const GROUPS: &str = "group_by(.group)
| map({ group: .[0].group, names: (map(.name) | sort | join(\" \")) })";

const THREADS: &str = r#"import random
import threading


def work(number, results):
    numbers = random.Random(number)
    lists = {}
    for i in range(20_000):
        lists[numbers.randrange(5_000)] = [i] * numbers.randrange(20)
    texts = sorted(str(numbers.random()) for _ in range(15_000))
    results[number] = len(lists), sum(map(len, lists.values())), texts[0]


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

/// They talk to a socket in the folder. What they print is the same each time.
const CLIENTS: &str = r#"set -e
ask() { redis-cli -s redis.socket "$@"; }
for _ in $(seq 500); do
    ask ping > answer 2>&1 && break
    sleep 0.02
done
ask debug populate 50000 key 100
redis-benchmark -s redis.socket -q -n 40000 -r 20000 -P 8 -d 200 \
    -t set,lpush,hset,zadd,spop > benchmark
ask llen mylist
ask exists key:0 key:49999 key:50000
ask shutdown nosave
"#;

fn write_records(folder: &Path) {
    let record = |i: u64| {
        let comma = if i == 0 { '[' } else { ',' };
        let name = i * 7919 % 30_011;
        format!(
            "{comma}{{\"group\": {}, \"name\": \"record {name}\"}}\n",
            i % 100,
        )
    };
    let end = [String::from("]\n")];
    write_all(folder, "records", (0..30_000).map(record).chain(end));
}
