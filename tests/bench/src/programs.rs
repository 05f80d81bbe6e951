//! Real programs from beginning to end, with the allocators in front of them as
//! libraries: how long the processors work for them, and how much memory they
//! take.

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::measure::{Plan, Spread};
use crate::preloaded::{Library, example, others};
use crate::results;
use run::digest;
use timing::run::{Used, installed};
use works::{WORKS, Work};

mod run;
mod works;

const TURNS: usize = 9;

/// What takes longer than this has one turn.
const SLOW: Duration = Duration::from_secs(3);

/// Those that a short look is at.
const SHORT: [&str; 3] = ["perl", "sort", "redis-server"];

/// Those that no program with threads may use.
const ONE_THREAD: [&str; 2] = ["stage 2", "stage 3"];

/// A library, and what came of it so far.
struct Contender<'a> {
    library: &'a Library,
    turns: usize,
    used: Vec<Used>,
}

impl<'a> Contender<'a> {
    fn new(library: &'a Library) -> Self {
        Self { library, turns: 0, used: Vec::new() }
    }

    fn leave_out(&mut self, work: &Work, why: &str) {
        println!("{}, {}: no result: {why}", work.name, self.library.name);
        self.turns = 0;
        self.used.clear();
    }
}

/// Starts this program once more: Linux counts as the memory of a program also
/// what the one that started it had, and this one may have had much.
pub fn main(plan: Plan) {
    let program = env::current_exe().expect("a program knows where it lies");
    let length = if plan.is_kept { "whole" } else { "short" };
    let status = Command::new(program).args(["in-programs", length]).status();
    assert!(status.expect("this program starts").success());
}

pub fn child(length: &str) {
    let plan = if length == "whole" { Plan::WHOLE } else { Plan::SHORT };
    let libraries = libraries();
    let mut rows = Vec::new();
    for (index, work) in WORKS.into_iter().enumerate() {
        results::progress(work.name, index, WORKS.len());
        let missing = work.needs.iter().find(|it| installed(it).is_none());
        if let Some(missing) = missing {
            println!("{} is left out: there is no {missing}", work.name);
        } else if plan.is_kept || SHORT.contains(&work.name) {
            rows.extend(measure(plan, &work, &libraries));
        }
    }
    let columns = [
        "program",
        "allocator",
        "seconds",
        "low",
        "high",
        "to_glibc",
        "memory",
        "memory_to_glibc",
    ];
    results::keep(plan, "programs", &columns, &rows);
}

/// What is put in front of the programs. First glibc, to which the others are
/// compared. It has to be in front too, since some programs bring another
/// allocator: Debian's redis-server is linked with jemalloc.
fn libraries() -> Vec<Library> {
    let glibc = Library { name: "glibc", path: Some("libc.so.6".into()) };
    let ours = [
        ("stage 2", "malloc2"),
        ("stage 3", "malloc3"),
        ("stage 4", "malloc4"),
        ("one stack", "malloc5_one_stack"),
        ("per thread", "malloc5"),
    ];
    let ours = ours.map(|(name, file)| {
        let path = Some(example(file));
        Library { name, path }
    });
    [glibc].into_iter().chain(ours).chain(others()).collect()
}

/// A row for each contender.
fn measure(plan: Plan, work: &Work, libraries: &[Library]) -> Vec<Vec<String>> {
    let is_fit = |library: &&Library| {
        !(work.has_threads && ONE_THREAD.contains(&library.name))
    };
    let mut contenders: Vec<Contender> =
        libraries.iter().filter(is_fit).map(Contender::new).collect();
    let folder = run::fresh_folder();
    (work.prepare)(&folder);
    let turns = plan.turns.min(TURNS);
    look(work, &folder, &mut contenders, turns);
    // In turns: what else the machine does hits all of them.
    for turn in 0..turns {
        for it in contenders.iter_mut().filter(|it| turn < it.turns) {
            match run::run(work, it.library, &folder) {
                Ok(used) => it.used.push(used),
                Err(why) => it.leave_out(work, &why),
            }
        }
    }
    rows(work, &contenders)
}

/// Lets each contender run once, and gives it its turns if it is at work and
/// the program prints what it prints with the first one.
fn look(
    work: &Work,
    folder: &Path,
    contenders: &mut [Contender],
    turns: usize,
) {
    let mut expected = None;
    for it in contenders {
        let used = run::run_and_check(work, it.library, folder);
        let printed = digest(&folder.join("output"));
        match used {
            Err(why) => it.leave_out(work, &why),
            Ok(_) if *expected.get_or_insert(printed) != printed => {
                it.leave_out(work, "the program prints something else");
            }
            Ok(used) if used.time > SLOW => it.turns = 1,
            Ok(_) => it.turns = turns,
        }
    }
}

fn rows(work: &Work, contenders: &[Contender]) -> Vec<Vec<String>> {
    let spreads: Vec<_> = contenders.iter().map(spreads).collect();
    let glibc = spreads[0];
    let to = |own: Spread, other: Option<Spread>| {
        let ratio = other.map(|other| own.middle / other.middle);
        ratio.map_or(String::new(), |ratio| format!("{ratio:.3}"))
    };
    let numbers = |(time, memory): (Spread, Spread)| {
        let times = [time.middle, time.low, time.high];
        let [seconds, low, high] = times.map(|time| format!("{time:.4}"));
        let bytes = format!("{:.0}", memory.middle);
        let to_glibc = to(time, glibc.map(|(time, _)| time));
        let memory_to_glibc = to(memory, glibc.map(|(_, memory)| memory));
        [seconds, low, high, to_glibc, bytes, memory_to_glibc]
    };
    let names = contenders.iter().map(|it| [work.name, it.library.name]);
    let numbers = spreads.iter().map(|it| it.map(numbers).unwrap_or_default());
    names
        .zip(numbers)
        .map(|(names, numbers)| {
            names.map(str::to_owned).into_iter().chain(numbers).collect()
        })
        .collect()
}

/// The seconds and the bytes, if there is a result.
fn spreads(contender: &Contender) -> Option<(Spread, Spread)> {
    if contender.used.is_empty() {
        return None;
    }
    let used = contender.used.iter();
    let times = used.clone().map(|it| it.time.as_secs_f64()).collect();
    let memory = used.map(|it| it.memory as f64).collect();
    Some((Spread::of(times), Spread::of(memory)))
}
