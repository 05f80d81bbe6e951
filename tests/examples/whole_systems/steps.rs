//! What is done in each system, step by step.

use std::fs;
use std::path::Path;
use std::time::Duration;

use timing::run::{Outcome, Used};
use timing::workspace::workspace;

use crate::kept::Row;
use crate::system::System;
use crate::watch::{Watch, Watched};

/// How long a step may take. What takes longer hangs.
const LIMIT: Duration = Duration::from_secs(1500);

/// A step: a script of bash that prints what has to be the same under each heap.
pub struct Step {
    pub name: &'static str,
    script: &'static str,
}

/// All of them, in their order. Each leaves the system as it was.
pub const STEPS: [Step; 8] = [
    Step {
        name: "a shell and its programs",
        script: r#"
for i in $(seq 60); do
    echo "$i $(echo $((i * i)) | sed 's/1/one/g')"
done | sort -r | awk '{ sum += $1 } END { print sum, NR }'
find /usr/bin /usr/share/doc -type f | sort | xargs sha256sum | sha256sum
seq 300000 | sort --parallel=4 -S 16M | tail -n 1
"#,
    },
    Step {
        name: "apt reads the archive",
        script: r#"
apt-get -qq update
apt-cache dumpavail | grep -c '^Package:'
apt-cache depends --recurse python3 | sort | sha256sum
"#,
    },
    Step {
        name: "a package comes and goes",
        script: r#"
apt-get -qq install --yes --no-install-recommends bc > /dev/null
dpkg-query --show bc
echo '2^200' | bc
apt-get -qq purge --yes bc > /dev/null
dpkg --audit
test ! -e /usr/bin/bc
"#,
    },
    Step {
        name: "Perl and Python",
        script: r#"
perl -e '
    my %h; $h{($_ * 7919) % 100003} .= "x$_" for 1 .. 200000;
    my $n = 0; $n += length $h{$_} for sort keys %h; print "$n\n";'
python3 -c '
import hashlib, json, re, threading
def work(out, seed):
    rows = {str((i * seed) % 9973): [i] * (i % 9) for i in range(40000)}
    text = json.dumps(rows, sort_keys=True)
    words = re.findall(r"[0-9]+", text)
    out[seed] = hashlib.sha256(" ".join(words).encode()).hexdigest()
out = {}
threads = [threading.Thread(target=work, args=(out, s)) for s in (3, 5, 7)]
for it in threads: it.start()
for it in threads: it.join()
for seed in sorted(out): print(seed, out[seed])'
"#,
    },
    Step {
        name: "tar and xz, with two threads",
        script: r#"
tar --sort=name -c /usr/share/perl 2> /dev/null > /tmp/perl.tar
xz -T2 -1 -c /tmp/perl.tar > /tmp/perl.tar.xz
xz -dc /tmp/perl.tar.xz | cmp - /tmp/perl.tar
sha256sum < /tmp/perl.tar.xz
rm /tmp/perl.tar /tmp/perl.tar.xz
"#,
    },
    Step {
        name: "gcc compiles and links",
        script: r#"
cd /srv/c
gcc -O2 -S -o - hello.c | sha256sum
gcc -O2 -o /tmp/hello hello.c
/tmp/hello < hello.c
rm /tmp/hello
"#,
    },
    Step {
        name: "cargo builds the five stages",
        script: r#"
rm -rf "$CARGO_TARGET_DIR"
cd /srv/stages
cargo test --quiet --no-run -p 'stage*' 2>&1 | sed 's/(.*//'
ls "$CARGO_TARGET_DIR"/debug/examples/lib*.so | wc -l
"#,
    },
    Step {
        name: "the stages' tests",
        script: r#"
cd /srv/stages
failed=0
cargo test --no-fail-fast -p 'stage*' > /tmp/tests 2>&1 || failed=$?
grep -E '^test .* \.\.\. ' /tmp/tests | sed 's/ - should panic//' | sort
grep -vE '^test .* ok$' /tmp/tests >&2
exit "$failed"
"#,
    },
];

/// How a step ended.
pub struct Said {
    heap: String,
    name: &'static str,
    outcome: Option<Outcome>,
    used: Used,
    watched: Watched,
}

/// Runs a step, and watches its processes.
pub fn run(
    system: &System,
    step: &Step,
    heap: &str,
    library: Option<&Path>,
) -> Said {
    let watch = Watch::start(system.root.folder(), library);
    let done = system.run(step.script, LIMIT);
    let watched = watch.stop();
    let nothing = Used { time: Duration::ZERO, memory: 0 };
    let (outcome, used) = match done {
        Ok((outcome, used)) => (Some(outcome), used),
        Err(_) => (None, nothing),
    };
    write(system.suite(), heap, step.name, outcome.as_ref());
    Said { heap: heap.to_owned(), name: step.name, outcome, used, watched }
}

impl Said {
    /// Its row, compared with the same step under glibc.
    pub fn row(&self, under_glibc: Option<&Self>) -> Row {
        let status = match self.outcome.as_ref().map(|it| it.status.code()) {
            None => "no end".to_owned(),
            Some(None) => "killed".to_owned(),
            Some(Some(code)) => code.to_string(),
        };
        let printed =
            |it: &Self| it.outcome.as_ref().map(|it| it.stdout.clone());
        let same = match under_glibc {
            None => String::new(),
            Some(it) if printed(it) == printed(self) => "same".to_owned(),
            Some(_) => "other".to_owned(),
        };
        let ratio = under_glibc.map_or(String::new(), |it| {
            let ratio = self.used.memory as f64 / it.used.memory as f64;
            format!("{ratio:.2}")
        });
        Row {
            heap: self.heap.clone(),
            step: self.name.to_owned(),
            status,
            same,
            seconds: format!("{:.1}", self.used.time.as_secs_f64()),
            mib: format!("{:.0}", self.used.memory as f64 / f64::from(1 << 20)),
            ratio,
            processes: self.watched.processes,
            on_ours: self.watched.on_ours,
            others: self.watched.others.join(" "),
        }
    }
}

/// Keeps what a step printed, beside the systems.
pub fn write(suite: &str, heap: &str, step: &str, outcome: Option<&Outcome>) {
    let folder = workspace().join("target/roots/said");
    fs::create_dir_all(&folder).expect("a folder of ours");
    let name = format!("{suite}-{heap}-{step}");
    let file = folder.join(name.replace([' ', ','], "_"));
    let text = match outcome {
        None => "it did not end".to_owned(),
        Some(Outcome { status, stdout, stderr }) => {
            format!("{status}\n{stdout}\n--- standard error\n{stderr}")
        }
    };
    fs::write(file, text).expect("a file of ours");
}
