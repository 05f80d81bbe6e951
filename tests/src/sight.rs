//! Which test sees a fault, of those that can be planted in a stage.

use std::collections::VecDeque;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use timing::results;
use timing::run::Outcome;
use timing::workspace::workspace;

use crate::fault::Fault;
use crate::workshop::{Built, Program, Workshop, finding};

/// What makes the file of results again.
pub const COMMAND: &str = "cargo run -p tests --example first_to_see -- keep";

/// A test fails so often in a row, or it has not seen the fault: it might have
/// been chance.
const TIMES: usize = 3;

/// The test that sees a fault first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// The name of the fault.
    pub fault: String,
    /// The program that the test is in.
    pub program: Program,
    /// The test.
    pub test: String,
    /// How long it was until it had failed, from the start of its program on.
    pub after: Duration,
}

impl Sight {
    /// Whether the test is one of the stage's own.
    pub fn is_of_the_stage(&self, fault: &Fault) -> bool {
        self.program.package == fault.stage()
    }
}

impl Display for Sight {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let Program { package, name } = &self.program;
        let (test, after) = (&self.test, self.after.as_secs_f64());
        write!(f, "-p {package} --test {name} {test}, after {after:.2} s")
    }
}

/// Looks for the first test that sees a fault: in the stage's own programs, one
/// after the other as `cargo test` runs them, and then outside.
///
/// # Panics
///
/// If a program does not build.
pub fn first(shop: &Workshop, fault: &Fault) -> Option<Sight> {
    let own = Program::all_that_see(fault);
    shop.with(fault, || {
        let first = own.into_iter().find_map(|program| {
            let (test, after) = first_in(&shop.build(&program), "")?;
            Some((program, test, after))
        });
        let (program, test, after) =
            first.or_else(|| first_of(shop, &fault.found_by))?;
        Some(Sight { fault: fault.name.clone(), program, test, after })
    })
}

/// The first that fails of the tests that a `command` runs: what comes after
/// `cargo test`.
///
/// # Panics
///
/// If it names no program, or that does not build.
pub fn first_of(
    shop: &Workshop,
    command: &str,
) -> Option<(Program, String, Duration)> {
    let (program, beginning) = Program::of(command);
    let (test, after) = first_in(&shop.build(&program), beginning)?;
    Some((program, test, after))
}

/// The first test of a program that fails, and how long the program had run
/// then. The tests run one by one, each in a process of its own: what one breaks
/// does no harm to the next.
fn first_in(built: &Built, beginning: &str) -> Option<(String, Duration)> {
    let mut after = Duration::ZERO;
    for test in built.tests(beginning) {
        let (outcome, took) = built.run(&test);
        after += took;
        let fails =
            |it: Option<Outcome>| it.is_none_or(|it| !it.status.success());
        // What is not done in time may have been kept from its processor.
        let again = || fails(built.run(&test).0);
        if fails(outcome) && (1..TIMES).all(|_| again()) {
            return Some((test, after));
        }
    }
    None
}

/// Whether a test sees a fault: what it said, if it does. Where chance has a
/// part, it is asked again.
///
/// # Panics
///
/// If the program does not build, or has no such test.
pub fn still_sees(
    shop: &Workshop,
    fault: &Fault,
    sight: &Sight,
) -> Option<String> {
    shop.with(fault, || {
        let built = shop.build(&sight.program);
        (0..TIMES).find_map(|_| {
            let (outcome, _) = built.run(&sight.test);
            let passes = outcome.as_ref().is_some_and(|it| it.status.success());
            (!passes).then(|| finding(&outcome))
        })
    })
}

/// Does the same with each of `all`, in as many workshops below `folder` as
/// there are processors. What comes of it is in the order of `all`.
///
/// # Panics
///
/// If the work does.
pub fn in_workshops<T: Sync, R: Send>(
    folder: &Path,
    all: &[T],
    work: impl Fn(&Workshop, &T) -> R + Sync,
) -> Vec<R> {
    let todo: Mutex<VecDeque<usize>> = Mutex::new((0..all.len()).collect());
    let done: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::new());
    let next = || todo.lock().expect("nobody panics with it").pop_front();
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for worker in 0..workers.min(all.len()) {
            let (next, done, work) = (&next, &done, &work);
            let folder = folder.join(worker.to_string());
            scope.spawn(move || {
                let shop = Workshop::new(&folder);
                while let Some(at) = next() {
                    let result = work(&shop, &all[at]);
                    done.lock().expect("as above").push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("as above");
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The file that the book's table is drawn from.
pub fn kept() -> PathBuf {
    workspace().join("tests/results/faults.csv")
}

const COLUMNS: [&str; 5] = ["fault", "package", "program", "test", "seconds"];

/// What was seen, as that file has it.
pub fn table(sights: &[Sight]) -> String {
    let about = [("command", COMMAND.into()), ("system", results::system())];
    let rows = sights.iter().map(|sight| {
        let Sight { fault, program, test, after } = sight;
        let Program { package, name } = program;
        let seconds = format!("{:.2}", after.as_secs_f64());
        [fault, package, name, test, &seconds].map(String::clone).into()
    });
    results::table(&about, &COLUMNS, &rows.collect::<Vec<Vec<String>>>())
}

/// What is in the file.
///
/// # Panics
///
/// If it is not as [`table`] writes it.
pub fn recorded() -> Vec<Sight> {
    let text = fs::read_to_string(kept()).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines
        .map(|line| {
            let cells: Vec<String> = line.split(',').map(Into::into).collect();
            let [fault, package, name, test, seconds] = cells
                .try_into()
                .unwrap_or_else(|_| panic!("{line}: make it again: {COMMAND}"));
            let program = Program { package, name };
            let seconds = seconds.parse().expect("a number of seconds");
            let after = Duration::from_secs_f64(seconds);
            Sight { fault, program, test, after }
        })
        .collect()
}
