//! What the package `bench` has measured beside means: threads that come and
//! go, the slowest calls, and the heap after a long run.

use super::cells::{Cells, distinct, lacks};
use super::draw::{
    self, Dots, Scale, decimals, factor, megabytes, short, whole,
};
use super::lines::{self, Line, MEMORY, Panel};
use super::table::Table;
use super::{Drawing, owned};

/// How long a thread takes that comes, works and goes.
pub fn relay(table: &Table) -> Result<Drawing, String> {
    let allocators = table.column("allocator")?;
    let columns = ["ns", "low", "high"].map(|name| table.numbers(name));
    let [times, lows, highs] = columns;
    let (times, lows, highs) = (times?, lows?, highs?);
    let bytes = table.numbers("bytes")?;
    let mut rows = Vec::new();
    for (row, allocator) in allocators.iter().enumerate() {
        let values = [lows[row], highs[row], times[row]].map(|it| it / 1e3);
        let mut cells = vec![(*allocator).to_owned()];
        let [low, high, middle] = values;
        cells.extend([middle, low, high].map(|it| decimals(it, 1)));
        cells.push(megabytes(bytes[row]));
        let label = decimals(middle, 1);
        rows.push((dots(allocator, &values, label), cells));
    }
    let kinds = ["the middle half of the turns, from", "to", "the middle"];
    let columns =
        ["allocator", "µs for a thread on each lane", "from", "to", "memory"];
    Ok(sorted(rows, &kinds, "µs", whole, owned(&columns)))
}

/// How long the slowest calls take, over all recordings.
pub fn slowest(table: &Table) -> Result<Drawing, String> {
    let slow = Cells::of(table, "program", "one_in_10_000")?;
    let slower = Cells::of(table, "program", "one_in_a_million")?;
    let slowest = Cells::of(table, "program", "slowest")?;
    let mut programs = slow.distinct_keys();
    programs.retain(|program| *program != "all");
    let mut rows = Vec::new();
    for allocator in distinct(&slow.allocators) {
        let value = |cells: &Cells| cells.number("all", allocator);
        let values = [value(&slower)?, value(&slowest)?, value(&slow)?];
        let values = values.map(|nanoseconds| nanoseconds / 1e3);
        let [million, most, ten_thousand] = values;
        let mut cells = vec![allocator.to_owned()];
        cells.extend([ten_thousand, million, most].map(microseconds));
        for program in &programs {
            let time = slow.get(program, allocator);
            let time = time.map(|it| microseconds(it / 1e3));
            cells.push(time.unwrap_or_default());
        }
        let label = microseconds(ten_thousand);
        rows.push((dots(allocator, &values, label), cells));
    }
    let kinds = ["one in a million", "the slowest", "one in 10,000"];
    let first = ["allocator", "one in 10,000", "one in a million", "slowest"];
    let columns = owned(&[&first[..], &programs].concat());
    Ok(sorted(rows, &kinds, "1 in 10,000", draw::plain, columns))
}

fn microseconds(time: f64) -> String {
    if time < 9.95 { format!("{time:.2}") } else { short(time) }
}

fn dots(allocator: &str, values: &[f64], label: String) -> Dots {
    Dots {
        name: allocator.to_owned(),
        note: String::new(),
        values: values.to_vec(),
        label,
        is_strong: allocator == "per thread",
    }
}

/// Rows by their last kind of dots, the least first.
fn sorted(
    mut rows: Vec<(Dots, Vec<String>)>,
    kinds: &[&str],
    label: &str,
    tick: impl Fn(f64) -> String,
    columns: Vec<String>,
) -> Drawing {
    let last = kinds.len() - 1;
    rows.sort_by(|(a, _), (b, _)| a.values[last].total_cmp(&b.values[last]));
    let (dots, rows): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let all = dots.iter().flat_map(|row: &Dots| row.values.iter().copied());
    let scale = Scale::around(all, tick);
    let marks = draw::dots(kinds, label, &scale, &dots);
    Drawing { marks, columns, rows }
}

/// The memory of a process through a long run.
pub fn drift(table: &Table) -> Result<Drawing, String> {
    let memory = Cells::of(table, "allocator", "memory")?;
    let live = Cells::of(table, "allocator", "live")?;
    let calls = table.numbers("calls")?;
    let mut rows = Vec::new();
    for allocator in memory.distinct_keys() {
        let points = |cells: &Cells| -> Result<Vec<(f64, f64)>, String> {
            let numbers = calls.iter().zip(cells.rows(allocator, allocator));
            let points = numbers
                .filter_map(|(calls, number)| Some((*calls, number?)))
                .collect::<Vec<_>>();
            if points.is_empty() {
                return Err(lacks(allocator, allocator));
            }
            Ok(points)
        };
        let (live, memory) = (points(&live)?, points(&memory)?);
        let creep = creep(table, allocator)?;
        rows.push((creep, panel(allocator, live, memory)));
    }
    // Whoever has least is first.
    let most = |panel: &Panel| top(&panel.lines[0]);
    rows.sort_by(|(_, a), (_, b)| most(a).total_cmp(&most(b)));
    let cells = rows.iter().map(|(creep, panel)| {
        let [live, memory] = [&panel.surface, &panel.lines[0]].map(top);
        let name = panel.name.clone();
        vec![name, megabytes(live), megabytes(memory), factor(*creep)]
    });
    let columns = ["allocator", "live at most", "memory at most", "it creeps"];
    let cells = cells.collect();
    let panels: Vec<_> = rows.into_iter().map(|(_, panel)| panel).collect();
    Ok(Drawing {
        marks: lines::panels(
            "Across: calls of malloc and free. Up: bytes that the process \
             has in memory, and that are alive, each allocator with its own \
             axis. A line that is no higher at the end does not creep",
            &panels,
        ),
        columns: owned(&columns),
        rows: cells,
    })
}

fn panel(
    allocator: &str,
    live: Vec<(f64, f64)>,
    memory: Vec<(f64, f64)>,
) -> Panel {
    let line = |name: &str, points| Line {
        name: name.to_owned(),
        points,
        is_strong: true,
    };
    let memory = line(MEMORY, memory);
    let calls = memory.points.last().map_or(0.0, |(calls, _)| *calls);
    Panel {
        name: allocator.to_owned(),
        surface: line("live bytes", live),
        across: format!("{} million calls", whole(calls / 1e6)),
        up: format!("{} MB", short(top(&memory) / 1e6)),
        lines: vec![memory],
    }
}

fn top(line: &Line) -> f64 {
    line.points.iter().map(|(_, y)| *y).fold(0.0, f64::max)
}

/// The most memory while the sizes go up and down for the last time, as a
/// multiple of that of the second time. (In the first a heap may set itself
/// up.)
pub fn creep(table: &Table, allocator: &str) -> Result<f64, String> {
    let periods = table.numbers("period")?;
    let memory = Cells::of(table, "allocator", "memory")?;
    let last = periods.iter().copied().fold(0.0, f64::max);
    let most = |period: f64| {
        let rows = periods.iter().zip(memory.rows(allocator, allocator));
        let rows = rows.filter(|(it, _)| **it == period);
        rows.filter_map(|(_, memory)| memory).fold(0.0, f64::max)
    };
    let creep = most(last) / most(2.0);
    let number = Some(creep).filter(|it| it.is_finite());
    number.ok_or(format!("has no second period of `{allocator}`"))
}
