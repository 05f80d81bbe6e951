//! Records the programs of the chapter "Is the claim true?" again, all of them
//! or those that are named; or prints a recording in the format of the malloc
//! lab, with or without threads and alignments.
//!
//! ```text
//! cargo run --release -p timing --example traces -- record
//! cargo run --release -p timing --example traces -- record ls jq
//! cargo run --release -p timing --example traces -- rep ls
//! cargo run --release -p timing --example traces -- rep-with-threads ls
//! ```
//!
//! Recording needs Linux with glibc and the programs: on Debian the packages
//! bash, gawk, gcc, git, jq, perl, python3, redis, sqlite3.

use std::io::{BufWriter, Write, stdout};
use std::{env, fs};

use timing::results::{date, system};
use timing::trace::programs::{RECORDINGS, trace};
use timing::trace::rep::{self, Fields};
use timing::trace::{Trace, file, path, threads};

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["record", ref names @ ..] => record(names),
        ["rep", name] => print(name, Fields::Plain),
        ["rep-with-threads", name] => print(name, Fields::WithThreads),
        _ => panic!("record NAME …, rep NAME or rep-with-threads NAME?"),
    }
}

fn record(names: &[&str]) {
    for name in names {
        let is_known = RECORDINGS.iter().any(|it| it.name == *name);
        assert!(is_known, "no recording is called {name:?}");
    }
    for recording in &RECORDINGS {
        if !names.is_empty() && !names.contains(&recording.name) {
            continue;
        }
        let trace = match trace(recording, &system(), &date()) {
            Ok(trace) => trace,
            Err(why) => {
                println!("{:16} no recording: {why}", recording.name);
                continue;
            }
        };
        let bytes = file::write(&trace);
        println!(
            "{:16} {:7} events {:3} threads {:8} bytes",
            recording.name,
            trace.events.len(),
            threads(&trace.events),
            bytes.len(),
        );
        fs::write(path(recording.name), bytes).expect("the folder is there");
    }
}

fn print(name: &str, fields: Fields) {
    let mut out = BufWriter::new(stdout().lock());
    rep::write(&Trace::load(name).events, fields, &mut out)
        .and_then(|()| out.flush())
        .expect("standard output takes it");
}
