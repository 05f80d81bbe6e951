//! What programs are given to work on, as much of it as is wanted.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::run::{command, run};

pub fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("a file");
}

/// Writes `lines` one after the other: Linux counts what we have as the memory
/// of the programs that we start, for as long as they have none of their own.
pub fn write_all(
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

/// A file `lines` of so many lines, each with a number in front.
pub fn write_lines(folder: &Path, lines: u64) {
    let line = |i| format!("{} some words of line {i}\n", i * 7919 % 300_007);
    write_all(folder, "lines", (0..lines).map(line));
}

/// A script for perl that fills a hash, thins it out and fills it again.
pub fn hash(keys: u64) -> String {
    let script = r#"my %hash;
$hash{"key $_"} = "value $_" x 2 for 1 .. ALL;
for (1 .. ALL) { delete $hash{"key $_"} if $_ % 3 }
$hash{"key $_"} = "new $_" for 1 .. HALF;
my $bytes = 0;
$bytes += length for values %hash;
print scalar(keys %hash), " keys, $bytes bytes\n";
"#;
    script
        .replace("ALL", &keys.to_string())
        .replace("HALF", &(keys / 2).to_string())
}

/// A script for python3 with dicts, lists and strings.
pub fn objects(count: u64) -> String {
    let script = "import random

random.seed(1)
lists = {f'key {i}': [i] * (i % 7) for i in range(ALL)}
for i in range(0, ALL, 3):
    del lists[f'key {i}']
numbers = [str(random.random()) for _ in range(ALL)]
numbers.sort()
print(len(lists), sum(map(len, lists.values())), numbers[0], numbers[-1])
";
    script.replace("ALL", &count.to_string())
}

/// Statements for sqlite3, which fill a table with an index and empty half of
/// it.
pub fn rows(count: u64) -> String {
    let script = "create table rows(id integer primary key, name, number);
create index by_name on rows(name);
with recursive counter(i) as
    (select 1 union all select i + 1 from counter where i < ALL)
insert into rows select i, 'name ' || (i * 7919 % ALL), i % 97 from counter;
select count(*), sum(number), min(name), max(name) from rows;
delete from rows where number % 2;
select count(*), sum(number), min(name), max(name) from rows;
";
    script.replace("ALL", &count.to_string())
}

/// A file of C with `count` functions, each a little different.
pub fn many_functions(count: usize) -> String {
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
    (0..count).map(function).collect()
}

/// A git repository with so many commits, whose history is the same each time.
pub fn make_repository(folder: &Path, commits: usize) {
    write_all(folder, "history", (0..commits).map(commit));
    let script = "git init -q -b main . && git fast-import --quiet < history";
    let mut shell = command("sh", folder);
    // What a user or a system has set up for git is not asked.
    shell.env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1");
    shell.args(["-c", script]);
    let made = run(shell);
    assert!(made.status.success(), "{made:?}");
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
