//! What the package `bench` has measured: the plots of "A stack for each
//! thread", "Holes" and "Measured".

use super::cells::{Cells, distinct, lacks};
use super::draw::{self, Dots, Scale, decimals, factor, megabytes, times};
use super::stages::Stage;
use super::table::Table;
use super::{Drawing, owned};

/// What calls that nest cost with each allocator.
pub fn nested(table: &Table) -> Result<Drawing, String> {
    let works = table.column("work")?;
    let sizes = table.column("size")?;
    let keys: Vec<_> =
        works.iter().zip(&sizes).map(|(a, b)| [*a, *b]).collect();
    let kinds = ["10 deep", "100 deep", "1,000 deep"];
    let columns = [
        (["nested", "10"], "10 deep"),
        (["nested", "100"], "100 deep"),
        (["nested", "1000"], "1,000 deep"),
        (["shuffled", "10"], "shuffled, 10 deep"),
        (["shuffled", "100"], "shuffled, 100 deep"),
        (["shuffled", "1000"], "shuffled, 1,000 deep"),
        (["loop", "100"], "a loop over 100"),
    ];
    costs(table, &keys, &kinds, "at 1,000", &columns)
}

/// What calls that nest cost each of several threads.
pub fn threads(table: &Table) -> Result<Drawing, String> {
    let keys = table.column("threads")?;
    let kinds = ["1 thread", "2 threads", "4 threads"];
    let columns = [("1", "1 thread"), ("2", "2 threads"), ("4", "4 threads")];
    costs(table, &keys, &kinds, "with 4", &columns)
}

/// What calls that nest cost in a C program, with each library in front of it.
pub fn preloaded(table: &Table) -> Result<Drawing, String> {
    let keys = table.column("depth")?;
    let kinds = ["10 deep", "100 deep", "1,000 deep"];
    let columns =
        [("10", "10 deep"), ("100", "100 deep"), ("1000", "1,000 deep")];
    let mut drawing = costs(table, &keys, &kinds, "at 1,000", &columns)?;
    drawing.columns.push("instructions, 100 deep".into());
    // Not as numbers: they are not there if nobody could count them.
    let instructions = table.column("instructions")?;
    let allocators = table.column("allocator")?;
    for row in &mut drawing.rows {
        let at = allocators.iter().position(|name| *name == row[0]);
        row.push(at.map_or("", |at| instructions[at]).to_owned());
    }
    Ok(drawing)
}

/// Nanoseconds by allocator. Each row has a key. `columns` are those of the
/// table below, each with its key; the first of them are also the `kinds` of
/// dots, and the last of these is what stands behind the dots, as `label` says.
fn costs<K: PartialEq>(
    table: &Table,
    keys: &[K],
    kinds: &[&str],
    label: &str,
    columns: &[(K, &'static str)],
) -> Result<Drawing, String> {
    let allocators = table.column("allocator")?;
    let times = table.numbers("ns")?;
    let time = |allocator: &str, key: &K| {
        let mut rows = allocators.iter().zip(keys).zip(&times);
        let row = rows.find(|((a, b), _)| **a == allocator && *b == key);
        row.map(|(_, time)| *time)
            .ok_or(format!("has no row for `{allocator}` in each column"))
    };
    let mut rows = Vec::new();
    for allocator in distinct(&allocators) {
        let times = columns.iter().map(|(key, _)| time(allocator, key));
        let times = times.collect::<Result<Vec<f64>, _>>()?;
        let values = times[..kinds.len()].to_vec();
        let last = decimals(values[kinds.len() - 1], 1);
        let cells = times.iter().map(|time| decimals(*time, 1));
        let cells = [allocator.to_owned()].into_iter().chain(cells).collect();
        let name = allocator.to_owned();
        let note = String::new();
        let row = Dots { name, note, values, label: last, is_strong: false };
        rows.push((row, cells));
    }
    let last = kinds.len() - 1;
    rows.sort_by(|(a, _), (b, _)| a.values[last].total_cmp(&b.values[last]));
    let (rows, cells): (Vec<_>, Vec<Vec<String>>) = rows.into_iter().unzip();
    let scale = Scale::around(all(&rows), draw::plain);
    let names: Vec<_> = columns.iter().map(|(_, name)| *name).collect();
    Ok(Drawing {
        marks: draw::dots(kinds, label, &scale, &rows),
        columns: owned(&[&["allocator"], &names[..]].concat()),
        rows: cells,
    })
}

/// The time that real programs' requests take, as a multiple of glibc's.
pub fn traces(table: &Table, stage: Option<Stage>) -> Result<Drawing, String> {
    against_glibc(table, "net", |time| decimals(time, 1) + " ns", stage)
}

/// The memory that real programs take, as a multiple of what they take with
/// glibc.
pub fn trace_memory(
    table: &Table,
    stage: Option<Stage>,
) -> Result<Drawing, String> {
    against_glibc(table, "memory", megabytes, stage)
}

/// The time that whole programs take, as a multiple of what they take with
/// glibc.
pub fn programs(
    table: &Table,
    stage: Option<Stage>,
) -> Result<Drawing, String> {
    against_glibc(table, "seconds", |time| decimals(time, 2) + " s", stage)
}

/// The memory of whole programs.
pub fn programs_memory(
    table: &Table,
    stage: Option<Stage>,
) -> Result<Drawing, String> {
    against_glibc(table, "memory", megabytes, stage)
}

/// Who stands in the tables of programs, in this order: whoever was measured.
/// What is put in front of whole programs is there in two versions.
const ALL: [&str; 16] = [
    "mimalloc",
    "mimalloc 3",
    "jemalloc",
    "jemalloc 5.3.1",
    "snmalloc",
    "google tcmalloc",
    "rpmalloc",
    "tcmalloc",
    "dlmalloc",
    "talc",
    "stage 1",
    "stage 2",
    "stage 3",
    "stage 4",
    "one stack",
    "per thread",
];

/// A row for each program. `text` says what a number is, with its unit. What
/// the plot is about is the last kind of dots.
fn against_glibc(
    table: &Table,
    column: &str,
    text: impl Fn(f64) -> String,
    stage: Option<Stage>,
) -> Result<Drawing, String> {
    let programs = Cells::of(table, "program", column)?;
    let (shown, listed, label) = match stage {
        Some(stage) => {
            let shown = stage.with_the_one_before();
            let listed = shown[1..].to_vec();
            (shown, listed, stage.name())
        }
        None => {
            let shown = vec!["mimalloc", "stage 4", "per thread"];
            let mut listed = ALL.to_vec();
            listed.retain(|it| programs.has(it));
            (shown, listed, "per thread")
        }
    };
    let mut rows = Vec::new();
    for program in programs.distinct_keys() {
        let times = |it: &&str| programs.times_glibc(program, it);
        let values = shown
            .iter()
            .map(|it| times(it)?.ok_or_else(|| lacks(program, it)))
            .collect::<Result<Vec<f64>, _>>()?;
        let glibc = text(programs.number(program, "glibc")?);
        let mut cells = vec![program.to_owned(), glibc.clone()];
        for allocator in &listed {
            cells.push(times(allocator)?.map_or(String::new(), factor));
        }
        let row = Dots {
            name: program.to_owned(),
            note: glibc,
            label: factor(values[values.len() - 1]),
            values,
            is_strong: false,
        };
        rows.push((row, cells));
    }
    let last = shown.len() - 1;
    rows.sort_by(|(a, _), (b, _)| a.values[last].total_cmp(&b.values[last]));
    let (rows, cells): (Vec<_>, _) = rows.into_iter().unzip();
    let scale = Scale::around(all(&rows), times);
    Ok(Drawing {
        marks: draw::dots(&shown, label, &scale, &rows),
        columns: owned(&[&["program", "with glibc"], &listed[..]].concat()),
        rows: cells,
    })
}

/// The memory that a stack takes for each program, with each of the additions.
pub fn additions(table: &Table) -> Result<Drawing, String> {
    let programs = Cells::of(table, "program", "memory")?;
    let times_glibc = |program: &str, addition: &str| {
        let times = programs.times_glibc(program, addition)?;
        times.ok_or_else(|| lacks(program, addition))
    };
    let additions =
        ["stack", "lists", "holes", "lists and holes", "per thread"];
    let mut rows = Vec::new();
    for addition in additions {
        let names = programs.distinct_keys().into_iter();
        let times = names.map(|program| times_glibc(program, addition));
        let mut times = times.collect::<Result<Vec<f64>, _>>()?;
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        rows.push(Dots {
            name: addition.to_owned(),
            note: String::new(),
            values: vec![times[0], times[times.len() - 1], median],
            label: factor(median),
            is_strong: false,
        });
    }
    let mut cells = Vec::new();
    for program in programs.distinct_keys() {
        let times = additions.map(|it| times_glibc(program, it));
        let mut row = vec![program.to_owned()];
        row.push(megabytes(programs.number(program, "glibc")?));
        for times in times {
            row.push(factor(times?));
        }
        cells.push(row);
    }
    let scale = Scale::around(all(&rows), times);
    let kinds = ["the least of all programs", "the most", "the median"];
    Ok(Drawing {
        marks: draw::dots(&kinds, "median", &scale, &rows),
        columns: owned(&[&["program", "with glibc"], &additions[..]].concat()),
        rows: cells,
    })
}

fn all(rows: &[Dots]) -> impl Iterator<Item = f64> {
    rows.iter().flat_map(|row| row.values.iter().copied())
}
