//! Marks for the stages, as in the malloc lab of a well-known course ("Computer
//! Systems: A Programmer's Perspective"): three fifths for memory, two fifths
//! for time. It reckons them from the tables that `traces` and `memory` have
//! written, which should be of the same day.
//!
//! The lab asks for so many operations in a second, which says more of the
//! machine than of malloc. Here it is the time that glibc takes.

use crate::allocators::{
    Contender, ONE_STACK, PEERS, PER_THREAD, STAGE_1, STAGE_2, STAGE_3, STAGE_4,
};
use crate::measure::Plan;
use crate::results::{self, Table};
use crate::trace;

const MEMORY: f64 = 60.0;
const TIME: f64 = 40.0;

/// What an allocator did with a recording.
#[derive(Clone, Copy)]
struct Marks {
    /// The most bytes that were alive at once / the most bytes of its heap.
    utilisation: f64,
    /// The time that glibc takes / its own.
    throughput: f64,
}

impl Marks {
    /// To be faster than glibc gains nothing more.
    fn score(self) -> f64 {
        MEMORY * self.utilisation + TIME * self.throughput.min(1.0)
    }
}

pub fn main(plan: Plan) {
    let [times, memory] = ["traces", "trace-memory"].map(Table::read);
    let stages = [STAGE_1, STAGE_2, STAGE_3, STAGE_4, ONE_STACK, PER_THREAD];
    let contenders = [&stages[..], &PEERS[..1]].concat();
    let programs = trace::names();
    let mut rows = Vec::new();
    for program in &programs {
        for contender in &contenders {
            let marks = marks(&times, &memory, program, contender);
            rows.push(row(program, contender, marks));
        }
    }
    for contender in &contenders {
        let marks = programs
            .iter()
            .map(|program| marks(&times, &memory, program, contender));
        rows.push(row("all", contender, Some(mean(marks))));
    }
    let columns =
        ["program", "allocator", "utilisation", "throughput", "score"];
    results::keep(plan, "score", &columns, &rows);
}

/// The marks for a recording, unless it was too much.
fn marks(
    times: &Table,
    memory: &Table,
    program: &str,
    contender: &Contender,
) -> Option<Marks> {
    let number = |table: &Table, column: &str| {
        let column = table.column(column)?;
        let is_it = |row: &&Vec<String>| row[..2] == [program, contender.name];
        table.rows.iter().find(is_it)?[column].parse::<f64>().ok()
    };
    Some(Marks {
        utilisation: number(memory, "live")? / number(memory, "heap")?,
        throughput: number(times, "to_glibc")?.recip(),
    })
}

/// The middle of all. What was too much counts as nothing, and what was faster
/// than glibc as glibc.
fn mean(marks: impl ExactSizeIterator<Item = Option<Marks>>) -> Marks {
    let count = marks.len() as f64;
    let mut mean = Marks { utilisation: 0.0, throughput: 0.0 };
    for marks in marks.flatten() {
        mean.utilisation += marks.utilisation / count;
        mean.throughput += marks.throughput.min(1.0) / count;
    }
    mean
}

fn row(
    program: &str,
    contender: &Contender,
    marks: Option<Marks>,
) -> Vec<String> {
    let cells = marks.map(|it| [it.utilisation, it.throughput]);
    let cells = cells.map(|them| them.map(|it| format!("{it:.3}")));
    let [utilisation, throughput] = cells.unwrap_or_default();
    let score = format!("{:.1}", marks.map_or(0.0, Marks::score));
    let [program, name] = [program, contender.name].map(str::to_owned);
    vec![program, name, utilisation, throughput, score]
}
