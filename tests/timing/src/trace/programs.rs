//! The programs that have been recorded, and how to record them again.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::raw::{self, Process};
use super::{Event, Trace};
use crate::preload::preload;
use crate::programs::inputs::many_functions;
use crate::programs::real_python;
use crate::run::{command, installed, run_within};
use crate::workspace::{build_example, workspace};

/// What the recorder's variable is called.
const RECORD_FILE: &str = "MALLOC_RECORD_FILE";

/// A recording takes a second or two.
const LIMIT: Duration = Duration::from_secs(300);

/// A program at work.
pub struct Recording {
    /// The name of its file, and in plots.
    pub name: &'static str,
    /// The program to look for: a command may start several.
    pub program: &'static str,
    /// The script that is run, for a shell.
    pub script: &'static str,
    prepare: fn(&Path),
}

/// All of them.
pub const RECORDINGS: [Recording; 15] = [
    Recording {
        name: "bash",
        program: "bash",
        script: "bash loops.sh",
        prepare: |folder| write(folder, "loops.sh", LOOPS),
    },
    Recording {
        name: "cargo",
        program: "cargo",
        script: "cd \"$WORKSPACE\" && \"$CARGO\" metadata --offline --no-deps \
                 --format-version 1",
        prepare: |_| {},
    },
    Recording {
        name: "cc1",
        program: "cc1",
        script: "gcc -O1 -c many.c -o many.o",
        prepare: |folder| {
            let functions = many_functions(400);
            let end = functions.match_indices("struct s40 ").next();
            let end = end.map_or(functions.len(), |(at, _)| at);
            write(folder, "many.c", &functions[..end]);
        },
    },
    Recording {
        name: "gawk",
        program: "gawk",
        script: "gawk -f words.awk lines",
        prepare: |folder| {
            write(folder, "words.awk", WORDS_AWK);
            write(folder, "lines", &lines(3000));
        },
    },
    Recording {
        name: "git",
        program: "git",
        script: "git -C \"$WORKSPACE\" log -p -12",
        prepare: |_| {},
    },
    Recording {
        name: "jq",
        program: "jq",
        script: "jq '[.[] | select(.size % 3 == 0) | {name, half: (.size / 2)}] \
                 | group_by(.half % 10) | map(length)' things.json",
        prepare: |folder| write(folder, "things.json", &things()),
    },
    Recording {
        name: "ls",
        program: "ls",
        script: "ls -lR /usr/include",
        prepare: |_| {},
    },
    Recording {
        name: "perl",
        program: "perl",
        script: "perl words.pl lines",
        prepare: |folder| {
            write(folder, "words.pl", WORDS_PL);
            write(folder, "lines", &lines(3000));
        },
    },
    Recording {
        name: "python3",
        program: "python3",
        script: "\"$PYTHON\" -sS pages.py 4000",
        prepare: |folder| write(folder, "pages.py", PAGES_PY),
    },
    Recording {
        name: "python3-malloc",
        program: "python3",
        script: "PYTHONMALLOC=malloc \"$PYTHON\" -sS pages.py 200",
        prepare: |folder| write(folder, "pages.py", PAGES_PY),
    },
    Recording {
        name: "redis",
        program: "redis-server",
        script: "redis-server --port 0 --unixsocket redis --save '' & \
                 until redis-cli -s redis ping; do sleep 0.1; done && \
                 redis-benchmark -s redis -n 4000 -r 1000 -q \
                 -t set,get,incr,lpush,lpop,sadd,hset,zadd,mset && \
                 redis-cli -s redis shutdown nosave; wait",
        prepare: |_| {},
    },
    Recording {
        name: "rustfmt",
        program: "rustfmt",
        script: "\"$RUSTFMT\" --emit stdout \
                 < \"$WORKSPACE/stage3-freelist/src/heap.rs\"",
        prepare: |_| {},
    },
    Recording {
        name: "sqlite3",
        program: "sqlite3",
        script: "sqlite3 :memory: '.read rows.sql'",
        prepare: |folder| write(folder, "rows.sql", ROWS),
    },
    Recording {
        name: "workers-apart",
        program: "workers",
        script: "\"$WORKERS\" apart",
        prepare: |_| {},
    },
    Recording {
        name: "workers-queue",
        program: "workers",
        script: "\"$WORKERS\" queue",
        prepare: |_| {},
    },
];

const LOOPS: &str = r#"half() { local n=$1; echo $((n / 2)); }
for i in {1..1000}; do
    name="file $i"
    names[i]=${name#file }
    [[ ${names[i]} == *7* ]] && sevens+=("$name")
    case $name in *00) hundreds="$hundreds $i" ;; esac
done
for i in 10 20 30; do halves="$halves $(half $i)"; done
declare -A count
for i in {1..1000}; do count[$((i % 50))]+=x; done
echo "${#sevens[@]} $hundreds $halves ${#count[@]}"
"#;

const WORDS_AWK: &str = r#"{
    for (i = 1; i <= NF; i++) { count[$i]++; last[$i] = substr($0, 1, 20) }
    gsub(/line/, "row")
    longest = length($0) > length(longest) ? $0 : longest
}
END {
    for (word in count) if (count[word] > 1) many = many " " word
    print length(count), length(many), longest
}
"#;

const WORDS_PL: &str = r#"my (%count, %lines, @long);
while (my $line = <>) {
    chomp $line;
    my @words = split / /, $line;
    $count{lc $_}++ for @words;
    $lines{$words[-1]} = { number => $., words => [@words] };
    push @long, join '-', reverse @words if @words > 4;
    delete $lines{$words[0]} if $. % 3;
}
my @often = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
print scalar(@often), " words, $often[0], ", scalar(@long), "\n";
"#;

const PAGES_PY: &str = r#"import json, re, sys

pages = {}
for i in range(int(sys.argv[1])):
    words = [f"word{i * j % 97}" for j in range(120)]
    text = " ".join(words)
    page = {"title": f"Page {i}", "words": sorted(set(words)), "text": text}
    pages[page["title"]] = json.dumps(page)
    if i % 3 == 0:
        pages.pop(f"Page {i // 2}", None)
found = [name for name, page in pages.items() if re.search("word(7|13) ", page)]
print(len(pages), len(found), len(json.loads(pages[found[0]])["words"]))
"#;

const ROWS: &str = "create table rows(id integer primary key, name, number);
create index by_name on rows(name);
with recursive counter(i) as
    (select 1 union all select i + 1 from counter where i < 20000)
insert into rows select i, 'name ' || (i * 7919 % 20000), i % 97 from counter;
select count(*), sum(number), min(name), max(name) from rows;
delete from rows where number % 2;
select number, group_concat(name) from rows group by number order by 1 limit 5;
";

fn lines(count: usize) -> String {
    let line = |i: usize| {
        let more = " and some more".repeat(i % 4);
        format!("line {i} says {}{more}\n", i * 7919 % 1009)
    };
    (0..count).map(line).collect()
}

fn things() -> String {
    let thing = |i: usize| {
        let size = i * 7919 % 1009;
        format!(
            "{{\"name\": \"thing {i}\", \"size\": {size}, \"tags\": [1, 2]}}"
        )
    };
    let things: Vec<_> = (0..3000).map(thing).collect();
    format!("[{}]", things.join(",\n"))
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("a file");
}

impl Recording {
    /// Runs the program, and returns what it asked of malloc.
    ///
    /// # Errors
    ///
    /// That it is not there, fails, or the recorder has not seen all of it: a
    /// sentence.
    pub fn record(&self) -> Result<Vec<Event>, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        (self.prepare)(folder.path());
        let mut shell = command("sh", folder.path());
        shell
            .args(["-c", self.script])
            .env("HOME", home())
            .env("WORKSPACE", workspace())
            .env("CARGO", env!("CARGO"))
            .env("RUSTFMT", beside_cargo("rustfmt"))
            .env("PYTHON", python(self))
            .env("WORKERS", workers(self));
        let processes = record(shell, folder.path())?;
        let wanted = processes
            .into_iter()
            .filter(|it| it.program == self.program && !it.is_forked)
            .max_by_key(|it| it.events.len());
        let process = wanted
            .ok_or_else(|| format!("no process is called {}", self.program))?;
        match process.strangers {
            0 => Ok(process.events),
            count => Err(format!("{count} blocks are unknown")),
        }
    }

    /// The command, without the paths of one machine.
    pub fn shown(&self) -> String {
        let words: Vec<_> = self.script.split_whitespace().collect();
        words.join(" ")
    }
}

/// Runs a command with the recorder preloaded, and returns its processes. The
/// recorder's files go to `folder`.
///
/// # Errors
///
/// That the command fails, or nothing is recorded: a sentence.
pub fn record(
    mut command: std::process::Command,
    folder: &Path,
) -> Result<Vec<Process>, String> {
    preload(&mut command, &[&build_example("record")]);
    command.env(RECORD_FILE, folder.join("recorded"));
    if let Some(failure) = run_within(LIMIT, command).failure() {
        return Err(format!("it {failure}"));
    }
    let entries = fs::read_dir(folder).expect("a folder");
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("a file").path()).collect();
    files.retain(|file| {
        let name = file.file_name().unwrap_or(OsStr::new(""));
        name.to_string_lossy().starts_with("recorded.")
    });
    files.sort();
    if files.is_empty() {
        return Err("nothing was recorded".to_owned());
    }
    let read = |file: &PathBuf| raw::read(file).expect("the recorder's file");
    Ok(files.iter().map(read).collect())
}

/// The recording as it is kept. `system` and `date` say where and when.
///
/// # Errors
///
/// As for [`Recording::record`].
pub fn trace(
    recording: &Recording,
    system: &str,
    date: &str,
) -> Result<Trace, String> {
    Ok(Trace {
        command: recording.shown(),
        system: system.to_owned(),
        date: date.to_owned(),
        events: recording.record()?,
    })
}

/// cargo keeps what it needs there, even offline.
fn home() -> std::ffi::OsString {
    std::env::var_os("HOME").unwrap_or_default()
}

/// A program of the same toolchain.
fn beside_cargo(name: &str) -> PathBuf {
    Path::new(env!("CARGO")).with_file_name(name)
}

fn python(recording: &Recording) -> String {
    if recording.program == "python3" && installed("python3").is_some() {
        real_python()
    } else {
        String::new()
    }
}

fn workers(recording: &Recording) -> PathBuf {
    if recording.program == "workers" {
        build_example("workers")
    } else {
        PathBuf::new()
    }
}
