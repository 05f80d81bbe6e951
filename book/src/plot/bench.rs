//! What the package `bench` has measured: the plots of "A stack for each
//! thread", "Holes" and "Measured".

use super::Drawing;
use super::draw::{self, Dots, Scale, megabytes, short};
use super::table::Table;

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
    drawing.columns.push("instructions, 100 deep");
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
        let last = format!("{:.1}", values[kinds.len() - 1]);
        let cells = times.iter().map(|time| format!("{time:.1}"));
        let cells = [allocator.to_owned()].into_iter().chain(cells).collect();
        let name = allocator.to_owned();
        let note = String::new();
        rows.push((Dots { name, note, values, label: last }, cells));
    }
    let last = kinds.len() - 1;
    rows.sort_by(|(a, _), (b, _)| a.values[last].total_cmp(&b.values[last]));
    let (rows, cells): (Vec<_>, Vec<Vec<String>>) = rows.into_iter().unzip();
    let scale = Scale::around(all(&rows), |value| format!("{value}"));
    let names = columns.iter().map(|(_, name)| *name);
    Ok(Drawing {
        marks: draw::dots(kinds, label, &scale, &rows),
        columns: ["allocator"].into_iter().chain(names).collect(),
        rows: cells,
    })
}

/// The time that real programs' requests take, as a multiple of glibc's.
pub fn traces(table: &Table) -> Result<Drawing, String> {
    let text = |time: f64| format!("{time:.1}");
    let columns = vec![
        "program",
        "ns with glibc",
        "mimalloc",
        "jemalloc",
        "snmalloc",
        "stage 3",
        "stage 4",
        "per thread",
    ];
    against_glibc(table, "net", text, columns)
}

/// The memory that real programs take, as a multiple of what they take with
/// glibc.
pub fn trace_memory(table: &Table) -> Result<Drawing, String> {
    let columns = vec![
        "program",
        "with glibc",
        "mimalloc",
        "jemalloc",
        "snmalloc",
        "stage 3",
        "stage 4",
        "per thread",
    ];
    against_glibc(table, "memory", megabytes, columns)
}

/// A row for each program. `columns` are those of the table below the plot: two
/// and the allocators.
fn against_glibc(
    table: &Table,
    column: &str,
    text: impl Fn(f64) -> String,
    columns: Vec<&'static str>,
) -> Result<Drawing, String> {
    let programs = Programs::of(table, column)?;
    let shown = ["mimalloc", "stage 4", "per thread"];
    let mut rows = Vec::new();
    for program in distinct(&programs.names) {
        let times = |allocator| programs.times_glibc(program, allocator);
        let glibc = text(programs.number(program, "glibc")?);
        let values = shown.iter().map(|it| times(it));
        let values = values.collect::<Result<Vec<f64>, _>>()?;
        let label = factor(values[2]);
        let cells = columns[2..].iter().map(|it| times(it));
        let cells = cells.collect::<Result<Vec<f64>, _>>()?;
        let cells = cells.into_iter().map(factor);
        let name = program.to_owned();
        let cells = [name.clone(), glibc.clone()].into_iter().chain(cells);
        let cells: Vec<_> = cells.collect();
        rows.push((Dots { name, note: glibc, values, label }, cells));
    }
    rows.sort_by(|(a, _), (b, _)| a.values[2].total_cmp(&b.values[2]));
    let (rows, cells): (Vec<_>, _) = rows.into_iter().unzip();
    let scale = Scale::around(all(&rows), times);
    Ok(Drawing {
        marks: draw::dots(&shown, "stacks", &scale, &rows),
        columns,
        rows: cells,
    })
}

/// The memory that a stack takes for each program, with each of the additions.
pub fn additions(table: &Table) -> Result<Drawing, String> {
    let programs = Programs::of(table, "memory")?;
    let additions =
        ["stack", "lists", "holes", "lists and holes", "per thread"];
    let mut rows = Vec::new();
    for addition in additions {
        let times = distinct(&programs.names)
            .into_iter()
            .map(|program| programs.times_glibc(program, addition));
        let mut times = times.collect::<Result<Vec<f64>, _>>()?;
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        rows.push(Dots {
            name: addition.to_owned(),
            note: String::new(),
            values: vec![times[0], times[times.len() - 1], median],
            label: factor(median),
        });
    }
    let mut cells = Vec::new();
    for program in distinct(&programs.names) {
        let times = additions.map(|it| programs.times_glibc(program, it));
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
        columns: [&["program", "with glibc"][..], &additions].concat(),
        rows: cells,
    })
}

/// A number for each program and allocator.
struct Programs<'a> {
    names: Vec<&'a str>,
    allocators: Vec<&'a str>,
    numbers: Vec<f64>,
}

impl<'a> Programs<'a> {
    fn of(table: &'a Table, column: &str) -> Result<Self, String> {
        Ok(Self {
            names: table.column("program")?,
            allocators: table.column("allocator")?,
            numbers: table.numbers(column)?,
        })
    }

    fn number(&self, program: &str, allocator: &str) -> Result<f64, String> {
        let keys = self.names.iter().zip(&self.allocators);
        let mut keys = keys.zip(&self.numbers);
        let found =
            keys.find(|((name, it), _)| **name == program && **it == allocator);
        found
            .map(|(_, number)| *number)
            .ok_or(format!("has no row for `{program}` with `{allocator}`"))
    }

    /// As a multiple of what it is with glibc. What is too little to be
    /// measured is something still: there is no place for 0 on the axis.
    fn times_glibc(
        &self,
        program: &str,
        allocator: &str,
    ) -> Result<f64, String> {
        let glibc = self.number(program, "glibc")?;
        Ok((self.number(program, allocator)? / glibc).max(0.01))
    }
}

/// A factor, to two places: `× 0.85`.
fn factor(factor: f64) -> String {
    if factor < 9.995 {
        format!("× {factor:.2}")
    } else {
        format!("× {}", short(factor))
    }
}

/// A factor at a tick: `× 0.5`.
fn times(factor: f64) -> String {
    format!("× {factor}")
}

/// Each name once, in the order in which they first come.
fn distinct<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let mut distinct = Vec::new();
    for name in names {
        if !distinct.contains(name) {
            distinct.push(*name);
        }
    }
    distinct
}

fn all(rows: &[Dots]) -> impl Iterator<Item = f64> {
    rows.iter().flat_map(|row| row.values.iter().copied())
}
