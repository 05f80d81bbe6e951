//! Real programs at work: what they are to do, for the tests that put a heap
//! of ours under them, and for the book's table.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::preload::{Moves, run_counted};
use crate::run::{Outcome, Used, command, run};

/// Something that keeps a program busy for a while. It starts no thread.
pub struct Work {
    /// The program and what it does, in a few words.
    pub name: &'static str,
    prepare: fn(&Path),
    command: fn(&Path) -> Command,
    result: fn(&Path) -> Vec<u8>,
}

/// What came of it.
pub struct Done {
    /// What it printed, and how it ended.
    pub outcome: Outcome,
    /// What it left in its folder.
    pub result: Vec<u8>,
    /// What it used.
    pub used: Used,
    /// How each of its processes moved the break by the name `sbrk`.
    pub moves: Vec<Moves>,
}

impl Work {
    /// Does it with `libraries` preloaded, in a folder of its own.
    pub fn run(&self, libraries: &[&Path]) -> Done {
        let folder = tempfile::tempdir().expect("a temporary folder");
        (self.prepare)(folder.path());
        let command = (self.command)(folder.path());
        let (outcome, used, moves) = run_counted(command, libraries);
        let result = (self.result)(folder.path());
        Done { outcome, result, used, moves }
    }
}

/// gcc starts a compiler and an assembler, which find the library in their
/// environment as gcc does.
pub const GCC: Work = Work {
    name: "gcc, 400 functions",
    prepare: |folder| write(folder, "many.c", &many_functions()),
    command: |folder| {
        with_args("gcc", folder, &["-O1", "-c", "many.c", "-o", "many.o"])
    },
    result: |folder| fs::read(folder.join("many.o")).unwrap_or_default(),
};

/// perl fills a hash, thins it out and fills it again.
pub const PERL: Work = Work {
    name: "perl, 200,000 keys",
    prepare: |folder| write(folder, "hash.pl", HASH),
    command: |folder| with_args("perl", folder, &["hash.pl"]),
    result: nothing,
};

/// python3, told to ask `malloc` for each object.
pub const PYTHON: Work = Work {
    name: "python3, dicts, lists, strings",
    prepare: |folder| write(folder, "objects.py", OBJECTS),
    command: |folder| {
        let mut python = command(real_python(), folder);
        python.args(["-I", "objects.py"]).env("PYTHONMALLOC", "malloc");
        python
    },
    result: nothing,
};

/// sqlite3 fills a table with an index, and empties half of it.
pub const SQLITE: Work = Work {
    name: "sqlite3, 200,000 rows",
    prepare: |folder| write(folder, "rows.sql", ROWS),
    command: |folder| {
        with_args("sqlite3", folder, &[":memory:", ".read rows.sql"])
    },
    result: nothing,
};

/// sort reads all lines before it prints the first.
pub const SORT: Work = Work {
    name: "sort, 300,000 lines",
    prepare: |folder| {
        let lines: String = (0..300_000_u32)
            .map(|i| format!("{} some words of line {i}\n", i * 7919 % 300_007))
            .collect();
        write(folder, "lines", &lines);
    },
    command: |folder| {
        let args = ["--parallel=1", "-n", "-o", "sorted", "lines"];
        with_args("sort", folder, &args)
    },
    result: |folder| fs::read(folder.join("sorted")).unwrap_or_default(),
};

/// git shows all that was ever changed.
pub const GIT_LOG: Work = Work {
    name: "git log -p, 2,000 commits",
    prepare: make_repository,
    command: |folder| with_args("git", folder, &["log", "-p"]),
    result: nothing,
};

/// git packs a repository: its threads are told to stay away.
pub const GIT_GC: Work = Work {
    name: "git gc, 2,000 commits",
    prepare: make_repository,
    command: |folder| {
        let alone =
            ["pack.threads=1", "index.threads=1", "core.preloadIndex=false"];
        let mut git = with_args("git", folder, &[]);
        git.args(alone.iter().flat_map(|setting| ["-c", setting]));
        git.args(["gc", "--aggressive"]);
        git
    },
    result: |folder| {
        let whole = run(with_args("git", folder, &["fsck", "--full"]));
        assert!(whole.status.success(), "{whole:?}");
        let count = ["count-objects", "-v"];
        run(with_args("git", folder, &count)).stdout.into_bytes()
    },
};

/// All of them, as the book's table has them.
pub const ALL: [Work; 7] = [GCC, PERL, PYTHON, SQLITE, SORT, GIT_LOG, GIT_GC];

const HASH: &str = r#"my %hash;
$hash{"key $_"} = "value $_" x 2 for 1 .. 200_000;
for (1 .. 200_000) { delete $hash{"key $_"} if $_ % 3 }
$hash{"key $_"} = "new $_" for 1 .. 100_000;
my $bytes = 0;
$bytes += length for values %hash;
print scalar(keys %hash), " keys, $bytes bytes\n";
"#;

const OBJECTS: &str = r#"import random

random.seed(1)
lists = {f"key {i}": [i] * (i % 7) for i in range(100_000)}
for i in range(0, 100_000, 3):
    del lists[f"key {i}"]
numbers = [str(random.random()) for _ in range(100_000)]
numbers.sort()
print(len(lists), sum(map(len, lists.values())), numbers[0], numbers[-1])
"#;

const ROWS: &str = "create table rows(id integer primary key, name, number);
create index by_name on rows(name);
with recursive counter(i) as
    (select 1 union all select i + 1 from counter where i < 200000)
insert into rows select i, 'name ' || (i * 7919 % 200000), i % 97 from counter;
select count(*), sum(number), min(name), max(name) from rows;
delete from rows where number % 2;
select count(*), sum(number), min(name), max(name) from rows;
";

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("a file");
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
    (0..400).map(function).collect()
}

/// The program behind `python3`, which may be a script that looks for it.
fn real_python() -> String {
    let print = ["-c", "import sys; print(sys.executable)"];
    let found = run(with_args("python3", Path::new("/"), &print));
    assert!(found.status.success(), "{found:?}");
    found.stdout.trim().to_owned()
}

/// A git repository whose history is the same each time.
fn make_repository(folder: &Path) {
    write(folder, "history", &history());
    let script = "git init -q -b main . && git fast-import --quiet < history";
    let made = run(with_args("sh", folder, &["-c", script]));
    assert!(made.status.success(), "{made:?}");
}

/// 2,000 commits to a branch, as git-fast-import(1) reads them. Each changes a
/// few lines of one of twenty files.
fn history() -> String {
    let mut files = vec![vec![0; 200]; 20];
    let mut history = String::new();
    for commit in 0..2000 {
        let file = commit * 7 % files.len();
        for change in 0..5 {
            files[file][(commit * 31 + change * 37) % 200] = commit;
        }
        let text: String = files[file]
            .iter()
            .enumerate()
            .map(|(line, commit)| format!("line {line}, commit {commit}\n"))
            .collect();
        let message = format!("Commit {commit}");
        let second = 1_750_000_000 + commit;
        history += &format!(
            "commit refs/heads/main\n\
             committer A Gardener <gardener@example.com> {second} +0000\n\
             data {}\n{message}\n\
             M 100644 inline file-{file}\n\
             data {}\n{text}\n",
            message.len(),
            text.len(),
        );
    }
    history
}
