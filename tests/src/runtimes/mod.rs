//! Programs in many languages on our heaps: what they ask of malloc, and whether
//! they do the same on each heap.
//!
//! The programs are of Debian 12, unpacked into a folder ([`room`]), and have a
//! small job each ([`jobs`]). A job is run with the library `count_calls`
//! ([`counts`]), with the recorder, and then on each heap beside the library
//! `whose_malloc`, which says that it was that heap.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use timing::run::{Outcome, Used, try_measured_within};
use timing::trace::depths::depths;
use timing::trace::raw;
use timing::workspace::{build_release_example, workspace};

pub mod counts;
pub mod jobs;
pub mod room;

use counts::{Counts, NAMES};
use jobs::Job;
use room::{Room, WORK, seen_as};

/// How long a job may take, on any heap.
const LIMIT: Duration = Duration::from_secs(120);

/// A job that takes longer than this with glibc is run once on each heap, and
/// the others three times.
const LONG: Duration = Duration::from_millis(300);

/// The heaps, as columns and as examples. The first is the C library's own.
pub const HEAPS: [(&str, Option<&str>); 5] = [
    ("glibc", None),
    ("stage_3", Some("malloc3")),
    ("stage_4", Some("malloc4")),
    ("one_stack", Some("malloc5_one_stack")),
    ("per_thread", Some("malloc5")),
];

/// What the recorder's file says of frees.
const FREES: [&str; 6] =
    ["frees", "newest", "newest_4", "newest_16", "past_1000", "by_others"];

/// The columns of the table.
pub fn columns() -> Vec<String> {
    let first = ["program", "package", "version", "programs"];
    let mut columns: Vec<String> = first
        .into_iter()
        .chain(NAMES)
        .chain(FREES)
        .map(str::to_owned)
        .collect();
    for (heap, _) in HEAPS {
        columns.extend(["", "_us", "_kib"].map(|it| format!("{heap}{it}")));
    }
    columns
}

/// Where the table is kept.
pub fn kept() -> PathBuf {
    workspace().join("tests/results/runtimes.csv")
}

/// The libraries, as they are called in the room.
pub struct Libraries {
    counter: String,
    recorder: String,
    witness: String,
    heaps: [Option<String>; HEAPS.len()],
}

impl Libraries {
    /// Builds all of them.
    pub fn build(room: &Room) -> Self {
        let bring = |name| room.bring(&build_release_example(name));
        Self {
            counter: bring("count_calls"),
            recorder: bring("record"),
            witness: bring("whose_malloc"),
            heaps: HEAPS.map(|(_, name)| name.map(bring)),
        }
    }
}

/// What one run came to: how it ended, what it printed, what it made.
#[derive(Debug)]
struct Done {
    outcome: Outcome,
    made: Option<Vec<u8>>,
    used: Used,
}

/// Does the job in an environment with these names.
fn run(
    room: &Room,
    job: &Job,
    environment: &[(&str, String)],
) -> Result<Done, String> {
    room.clear(job);
    let mut command: Command = room.job(job);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let (outcome, used) = try_measured_within(LIMIT, command)?;
    let made = if job.makes.is_empty() { None } else { room.made(job) };
    Ok(Done { outcome, made, used })
}

/// How a run differs from that with glibc, if it does.
fn difference(job: &Job, with: &Done, without: &Done) -> Option<String> {
    if with.outcome.status != without.outcome.status {
        let said = with.outcome.failure();
        return Some(said.unwrap_or_else(|| "ended well".to_owned()));
    }
    if job.makes.is_empty() {
        let [this, that] = [with, without]
            .map(|it| it.outcome.stdout.lines().map(without_time));
        return first_difference(this, that);
    }
    let is_same = with.made == without.made && with.made.is_some();
    (!is_same).then(|| format!("another {}", job.makes))
}

/// A line up to how long something took, if that is its end: gprolog says it of
/// each file that it reads.
fn without_time(line: &str) -> &str {
    let before = line.strip_suffix(" ms");
    before.map_or(line, |it| it.trim_end_matches(|it: char| it.is_numeric()))
}

/// The first two lines that differ, if any do.
fn first_difference<'a>(
    this: impl Iterator<Item = &'a str>,
    that: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let mut this = this.fuse();
    let mut that = that.fuse();
    loop {
        match (this.next(), that.next()) {
            (None, None) => return None,
            (one, other) if one == other => {}
            (one, other) => {
                // Without the folder of the jobs.
                let [one, other] = [one, other].map(|it| {
                    it.unwrap_or("nothing")
                        .trim()
                        .replace(&format!("/{WORK}/"), "")
                });
                let why = format!("it prints {one:?} in place of {other:?}");
                return Some(why);
            }
        }
    }
}

/// The counts of a job, and that it does what it does without the counter.
///
/// # Errors
///
/// Why there are none.
pub fn count(
    room: &Room,
    libraries: &Libraries,
    job: &Job,
) -> Result<Counts, String> {
    let without = run(room, job, &[])?;
    if let Some(failure) = without.outcome.failure() {
        return Err(failure);
    }
    let again = run(room, job, &[])?;
    if let Some(how) = difference(job, &again, &without) {
        return Err(format!("two runs with glibc differ: {how}"));
    }
    let folder = room.seen();
    let counted = run(
        room,
        job,
        &[
            ("LD_PRELOAD", libraries.counter.clone()),
            ("MALLOC_CALLS_FILE", seen_as("calls")),
        ],
    )?;
    if let Some(how) = difference(job, &counted, &without) {
        return Err(format!("with the counter: {how}"));
    }
    let counts = Counts::read(&folder);
    if counts.calls() == 0 {
        return Err("it never asks the C library for memory".to_owned());
    }
    Ok(counts)
}

/// What the recorder says of the frees of a job.
fn frees(
    room: &Room,
    libraries: &Libraries,
    job: &Job,
) -> Result<[u64; FREES.len()], String> {
    let folder = room.seen();
    run(
        room,
        job,
        &[
            ("LD_PRELOAD", libraries.recorder.clone()),
            ("MALLOC_RECORD_FILE", seen_as("record")),
        ],
    )?;
    let mut sums = [0; FREES.len()];
    for entry in fs::read_dir(&folder).map_err(|it| it.to_string())? {
        let path = entry.map_err(|it| it.to_string())?.path();
        let process = raw::read(&path).map_err(|it| it.to_string())?;
        let seen = depths(&process.events);
        let [newest, newest_4, newest_16] = seen.newest;
        let numbers = [
            seen.frees,
            newest,
            newest_4,
            newest_16,
            seen.past_1000,
            seen.by_others,
        ];
        sums.iter_mut().zip(numbers).for_each(|(sum, it)| *sum += it);
    }
    // They take much room.
    room.seen();
    Ok(sums)
}

/// The least time and memory of a job on a heap, and whether it did the same.
enum OnHeap {
    Same(Used),
    Other(String),
}

fn on_heap(
    room: &Room,
    libraries: &Libraries,
    job: &Job,
    heap: usize,
    without: &Done,
) -> OnHeap {
    let long = without.used.time > LONG;
    let mut least: Option<Used> = None;
    for _ in 0..if long { 1 } else { 3 } {
        match once(room, libraries, job, heap, without) {
            Err(why) => return OnHeap::Other(why),
            Ok(used) => {
                let before = least.unwrap_or(used);
                least = Some(Used {
                    time: used.time.min(before.time),
                    memory: used.memory.min(before.memory),
                });
            }
        }
    }
    OnHeap::Same(least.expect("it ran at least once"))
}

fn once(
    room: &Room,
    libraries: &Libraries,
    job: &Job,
    heap: usize,
    without: &Done,
) -> Result<Used, String> {
    let folder = room.seen();
    let ours = libraries.heaps[heap].as_deref().unwrap_or_default();
    let preload = format!("{} {ours}", libraries.witness);
    let done = run(
        room,
        job,
        &[
            ("LD_PRELOAD", preload.trim().to_owned()),
            ("MALLOC_WITNESS_FILE", seen_as("whose")),
        ],
    )?;
    if let Some(how) = difference(job, &done, without) {
        return Err(how);
    }
    let whose = fs::read_to_string(folder.join("whose"))
        .map_err(|_| "no program said whose malloc it has".to_owned())?;
    if heap > 0
        && let Some(other) = whose.lines().find(|line| *line != ours)
    {
        return Err(format!("not ours: the malloc of {other}"));
    }
    Ok(done.used)
}

/// A row of the table, or why there is none.
///
/// # Errors
///
/// Why the job cannot be done, or nothing be counted.
pub fn row(
    room: &Room,
    libraries: &Libraries,
    job: &Job,
) -> Result<Vec<String>, String> {
    room.prepare(job)?;
    let counts = count(room, libraries, job)?;
    let version = room.version(job.package);
    let mut row = [job.name, job.package, &version].map(str::to_owned).to_vec();
    row.push(counts.programs.to_string());
    row.extend(counts.numbers.map(|it| it.cast_signed().to_string()));
    row.extend(frees(room, libraries, job)?.map(|it| it.to_string()));
    let without = run(room, job, &[])?;
    for (heap, (name, _)) in HEAPS.iter().enumerate() {
        let seen = if *name == "stage_3" && counts.get("threads") > 0 {
            OnHeap::Other("left out: it has threads".to_owned())
        } else {
            on_heap(room, libraries, job, heap, &without)
        };
        row.extend(cells(seen));
    }
    Ok(row)
}

/// `same` or what happened, the microseconds, the KiB.
fn cells(seen: OnHeap) -> [String; 3] {
    match seen {
        OnHeap::Same(used) => [
            "same".to_owned(),
            used.time.as_micros().to_string(),
            (used.memory / 1024).to_string(),
        ],
        OnHeap::Other(why) => {
            let line = why.lines().next().unwrap_or_default();
            [line.replace(',', ";"), "-".to_owned(), "-".to_owned()]
        }
    }
}
