//! What the package `bench` has measured with every stage. Each chapter shows
//! its own part of it, and "Measured" all.

use super::cells::{Cells, distinct, lacks};
use super::draw::{self, Dots, Scale, megabytes, percent, short, whole};
use super::lines::{self, Axis, Line, Panel};
use super::table::Table;
use super::{Drawing, owned};

/// The heap of each stage, as the results name it.
const STAGES: [&str; 5] =
    ["stage 1", "stage 2", "stage 3", "stage 4", "one stack"];

/// What stage 5 comes to with the chapters behind it.
const LAST: &str = "per thread";

/// What all are compared with.
const GLIBC: &str = "glibc";

/// What does no work: its cost is no longer in the results.
const NOTHING: &str = "nothing";

/// A stage that a plot is drawn for.
#[derive(Clone, Copy)]
pub struct Stage(usize);

impl Stage {
    /// The stage of this number.
    ///
    /// # Errors
    ///
    /// That there is none.
    pub fn parse(number: &str) -> Result<Self, String> {
        match number.parse() {
            Ok(number) if (1..=STAGES.len()).contains(&number) => {
                Ok(Self(number))
            }
            _ => Err(format!(
                "there is no stage `{number}`. There is: 1 to {}",
                STAGES.len()
            )),
        }
    }

    /// Its heap.
    pub fn name(self) -> &'static str {
        STAGES[self.0 - 1]
    }

    /// It, and what to compare it with: glibc's heap, and that of the stage
    /// before if there is one.
    pub fn with_the_one_before(self) -> Vec<&'static str> {
        let mut names = vec![GLIBC];
        names.extend(&STAGES[self.0.saturating_sub(2)..self.0]);
        names
    }
}

/// The heaps of a plot for a stage, or for all.
fn heaps(stage: Option<Stage>) -> Vec<&'static str> {
    match stage {
        Some(Stage(number)) => [&STAGES[..number], &[GLIBC]].concat(),
        None => [&STAGES[..], &[LAST, GLIBC]].concat(),
    }
}

/// Said of lines that end early.
const TOO_LONG: &str = "\n<p>Where a line ends early, and where the numbers have \
    a –, nothing was measured: it would have taken too long.</p>";

/// What a pair of calls costs, the more blocks there are. What is not in the
/// results would have taken too long, but for what the plot is about.
pub fn growth(table: &Table, stage: Option<Stage>) -> Result<Drawing, String> {
    let times = Cells::of(table, "live", "net")?;
    let live = table.numbers("live")?;
    for needed in [GLIBC].into_iter().chain(stage.map(Stage::name)) {
        if !times.has(needed) {
            return Err(format!("has no row for `{needed}`"));
        }
    }
    let mut names = heaps(stage);
    names.retain(|name| times.has(name));
    if stage.is_none() {
        let mut others = distinct(&times.allocators);
        others.retain(|it| *it != NOTHING && !names.contains(it));
        names.extend(others);
    }
    let line = |name: &&str| {
        let rows = times.allocators.iter().zip(live.iter().zip(&times.numbers));
        let rows = rows.filter(|(it, _)| *it == name).map(|(_, row)| row);
        // There is no place for 0 on the axis.
        let points =
            rows.filter_map(|(live, time)| Some((*live, (*time)?.max(0.1))));
        self::line(name, stage, points.collect())
    };
    let lines: Vec<_> = names.iter().map(line).collect();
    let mut rows = Vec::new();
    for live in times.distinct_keys() {
        let cells = names.iter().map(|name| times.get(live, name));
        let cells = cells.map(|time| {
            time.map_or("–".to_owned(), |time| draw::decimals(time, 1))
        });
        let live = live.parse().map_or(live.to_owned(), whole);
        rows.push([live].into_iter().chain(cells).collect());
    }
    let is_whole = rows.iter().flatten().all(|cell: &String| cell != "–");
    let too_long = if is_whole { "" } else { TOO_LONG };
    Ok(Drawing {
        marks: growing(&lines) + too_long,
        columns: owned(&[vec!["blocks"], names].concat()),
        rows,
    })
}

/// Lines on axes that grow by factors.
fn growing(all: &[Line]) -> String {
    let points = all.iter().flat_map(|line| &line.points);
    let up = Scale::around(points.clone().map(|(_, y)| *y), round);
    let across = Scale::around(points.map(|(x, _)| *x), round);
    let across = Axis { what: "how many blocks are alive", scale: &across };
    let up = Axis {
        what: "nanoseconds for a malloc and a free, without what the loop \
               around them costs. Both by factors",
        scale: &up,
    };
    lines::lines(&across, &up, all)
}

/// A number at a tick.
fn round(number: f64) -> String {
    if number < 1.0 {
        format!("{number}")
    } else if number < 1e6 {
        whole(number)
    } else {
        format!("{} million", number / 1e6)
    }
}

/// The line of an allocator in a plot for a stage, or for all.
fn line(name: &str, stage: Option<Stage>, points: Vec<(f64, f64)>) -> Line {
    Line {
        name: name.to_owned(),
        points,
        is_strong: stage.is_some_and(|stage| stage.name() == name),
    }
}

/// The heap of some programs while they run.
pub fn over_time(
    table: &Table,
    stage: Option<Stage>,
) -> Result<Drawing, String> {
    let shown = match stage {
        Some(stage) => vec![GLIBC, stage.name()],
        // The others make all else look small.
        None => vec![GLIBC, "stage 3", LAST],
    };
    let heaps = Cells::of(table, "program", "heap")?;
    let live = Cells::of(table, "program", "live")?;
    let events = table.numbers("event")?;
    let mut panels = Vec::new();
    let mut rows = Vec::new();
    for program in heaps.distinct_keys() {
        let points = |cells: &Cells, name: &str| {
            let numbers = events.iter().zip(cells.rows(program, name));
            let points: Vec<_> = numbers
                .filter_map(|(event, number)| Some((*event, number?)))
                .collect();
            if points.is_empty() {
                return Err(lacks(program, name));
            }
            Ok(points)
        };
        // What is alive is the same with all of them.
        let surface = line("live bytes", None, points(&live, GLIBC)?);
        let lines = shown
            .iter()
            .map(|name| Ok(line(name, stage, points(&heaps, name)?)))
            .collect::<Result<Vec<_>, String>>()?;
        rows.push(at_most(program, &surface, &lines));
        panels.push(panel(program, surface, lines));
    }
    let mut names = owned(&["program", "live at most"]);
    for name in shown {
        names.extend([format!("{name}, most"), "at the end".to_owned()]);
    }
    Ok(Drawing {
        marks: lines::panels(
            "Across: the program’s calls of malloc and its relatives. Up: \
             bytes, each program with its own axis",
            &panels,
        ),
        columns: names,
        rows,
    })
}

fn panel(program: &str, surface: Line, lines: Vec<Line>) -> Panel {
    let most = lines.iter().map(most).fold(most(&surface), f64::max);
    let calls = surface.points.last().map_or(0.0, |(event, _)| *event);
    Panel {
        name: program.to_owned(),
        surface,
        lines,
        across: format!("{} calls", whole(calls)),
        up: format!("{} MB", short(most / 1e6)),
    }
}

/// A row of the table: how high the lines come, and where they end.
fn at_most(program: &str, surface: &Line, lines: &[Line]) -> Vec<String> {
    let mut row = vec![program.to_owned(), megabytes(most(surface))];
    for line in lines {
        let end = line.points.last().map_or(0.0, |(_, heap)| *heap);
        row.extend([megabytes(most(line)), megabytes(end)]);
    }
    row
}

fn most(line: &Line) -> f64 {
    line.points.iter().map(|(_, y)| *y).fold(0.0, f64::max)
}

/// How well the heaps use memory and time, all in all.
pub fn score(table: &Table, stage: Option<Stage>) -> Result<Drawing, String> {
    let part = |column| Cells::of(table, "program", column);
    let parts = [part("utilisation")?, part("throughput")?, part("score")?];
    let mut programs = parts[2].distinct_keys();
    programs.retain(|program| *program != "all");
    let mut dots = Vec::new();
    let mut rows = Vec::new();
    for name in heaps(stage) {
        let [memory, speed, score] =
            parts.each_ref().map(|part| part.number("all", name));
        let (memory, speed, score) = (memory?, speed?, score?);
        let text = |score: f64| format!("{score:.0}");
        let mut row = vec![name.to_owned(), percent(memory), percent(speed)];
        row.push(text(score));
        for program in &programs {
            row.push(parts[2].get(program, name).map_or(String::new(), text));
        }
        rows.push(row);
        dots.push(Dots {
            name: name.to_owned(),
            note: String::new(),
            values: vec![memory, speed.min(1.0), score / 100.0],
            label: text(score),
            is_strong: stage.is_some_and(|stage| stage.name() == name),
        });
    }
    let kinds = [
        "memory: the live bytes’ share of the heap",
        "speed, of glibc’s",
        "score",
    ];
    let first = ["allocator", "memory", "speed", "score"];
    Ok(Drawing {
        marks: draw::dots(&kinds, "score", &Scale::shares(), &dots),
        columns: owned(&[&first[..], &programs].concat()),
        rows,
    })
}
