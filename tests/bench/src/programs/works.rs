//! What the programs are to do. Each is at work for about a third of a second.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use super::run::command;

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
        prepare: |folder| write(folder, "hash.pl", HASH),
        command: &["perl", "hash.pl"],
        clients: None,
    },
    Work {
        name: "python3",
        needs: &["python3"],
        has_threads: false,
        prepare: |folder| write(folder, "objects.py", OBJECTS),
        command: &["python3", "-sS", "objects.py"],
        clients: None,
    },
    // gcc starts a compiler, which finds the library as gcc does.
    Work {
        name: "gcc",
        needs: &["gcc"],
        has_threads: false,
        prepare: |folder| write(folder, "many.c", &many_functions()),
        command: &["gcc", "-O1", "-S", "-o", "-", "many.c"],
        clients: None,
    },
    // Fills a table with an index, and empties half of it.
    Work {
        name: "sqlite3",
        needs: &["sqlite3"],
        has_threads: false,
        prepare: |folder| write(folder, "rows.sql", ROWS),
        command: &["sqlite3", ":memory:", ".read rows.sql"],
        clients: None,
    },
    Work {
        name: "git log",
        needs: &["git"],
        has_threads: false,
        prepare: make_repository,
        command: &["git", "log", "-p"],
        clients: None,
    },
    // What `git gc` does most of the time.
    Work {
        name: "git pack-objects",
        needs: &["git"],
        has_threads: false,
        prepare: make_repository,
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

const HASH: &str = r#"my %hash;
$hash{"key $_"} = "value $_" x 2 for 1 .. 150_000;
for (1 .. 150_000) { delete $hash{"key $_"} if $_ % 3 }
$hash{"key $_"} = "new $_" for 1 .. 75_000;
my $bytes = 0;
$bytes += length for values %hash;
print scalar(keys %hash), " keys, $bytes bytes\n";
"#;

const OBJECTS: &str = r#"import random

random.seed(1)
lists = {f"key {i}": [i] * (i % 7) for i in range(75_000)}
for i in range(0, 75_000, 3):
    del lists[f"key {i}"]
numbers = [str(random.random()) for _ in range(75_000)]
numbers.sort()
print(len(lists), sum(map(len, lists.values())), numbers[0], numbers[-1])
"#;

const ROWS: &str = "create table rows(id integer primary key, name, number);
create index by_name on rows(name);
with recursive counter(i) as
    (select 1 union all select i + 1 from counter where i < 80000)
insert into rows select i, 'name ' || (i * 7919 % 80000), i % 97 from counter;
select count(*), sum(number), min(name), max(name) from rows;
delete from rows where number % 2;
select count(*), sum(number), min(name), max(name) from rows;
";

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

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("a file");
}

fn write_lines(folder: &Path, lines: u64) {
    let line = |i| format!("{} some words of line {i}\n", i * 7919 % 300_007);
    write_all(folder, "lines", (0..lines).map(line));
}

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

/// Writes them one after the other: what is in memory here counts as that of
/// the programs started later.
fn write_all(
    folder: &Path,
    name: &str,
    lines: impl IntoIterator<Item = String>,
) {
    let file = File::create(folder.join(name)).expect("a file");
    let mut file = BufWriter::new(file);
    for line in lines {
        file.write_all(line.as_bytes()).expect("a file");
    }
    file.flush().expect("a file");
}

/// A file of C with a few hundred functions, each a little different.
fn many_functions() -> String {
    let function = |i: usize| {
        let len = i % 9 + 1;
        format!(
            "struct s{i} {{ int a[{len}]; double d; }};\n\
             int f{i}(struct s{i} *s, int n) {{\n\
             \x20   int sum = 0;\n\
             \x20   for (int i = 0; i < n; i++) {{\n\
             \x20       sum += s->a[i % {len}] * {i};\n\
             \x20       if (sum > {i}000) sum -= (int)s->d;\n\
             \x20   }}\n\
             \x20   return sum;\n\
             }}\n"
        )
    };
    (0..150).map(function).collect()
}

/// A git repository whose history is the same each time.
fn make_repository(folder: &Path) {
    write_all(folder, "history", (0..3000).map(commit));
    let script = "git init -q -b main . && git fast-import --quiet < history";
    let made = command("sh", folder).args(["-c", script]).status();
    assert!(made.expect("a shell starts").success(), "no repository");
}

/// A commit as git-fast-import(1) reads it. It changes a few lines of one of
/// twenty files.
fn commit(number: usize) -> String {
    let second = 1_750_000_000 + number;
    let message = format!("Commit {number}");
    let last_change = |line| number - number.saturating_sub(line) % 400;
    let text: String = (0..200)
        .map(|line| format!("line {line}, {}\n", last_change(line)))
        .collect();
    format!(
        "commit refs/heads/main\n\
         committer A Gardener <gardener@example.com> {second} +0000\n\
         data {}\n{message}\n\
         M 100644 inline file-{}\n\
         data {}\n{text}\n",
        message.len(),
        number % 20,
        text.len(),
    )
}
