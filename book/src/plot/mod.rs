//! Plots, drawn from the results of measurements while the book is built.
//!
//! A plot is rows of HTML whose marks are SVG. Places along the horizontal axis
//! are percentages, so a plot is as wide as the page while its text keeps its
//! size. The numbers stand below it in a table, for those who cannot see it and
//! for those who want to know.

use std::fs;
use std::path::Path;

use crate::html::escape;
use crate::problem::{did_you_mean, list};
use stages::Stage;
use table::Table;

mod bench;
pub mod cells;
mod claim;
pub mod draw;
mod lasting;
pub mod lines;
mod stages;
pub mod table;

pub use lasting::creep;

/// The folders of the results, from the root of the repository: of what measures,
/// and of what was seen otherwise.
const RESULTS: [&str; 2] = ["tests/bench/results", "tests/results"];

/// What can be plotted.
struct Plot {
    name: &'static str,
    title: &'static str,
    /// Which way is better.
    better: &'static str,
    /// The file of results, without its ending.
    results: &'static str,
    draw: Draw,
}

const LESS: &str = "Less is better.";
const MORE: &str = "More is better.";

/// How to draw a plot.
enum Draw {
    All(fn(&Table) -> Result<Drawing, String>),
    /// For one of the stages, or for all.
    Stage(fn(&Table, Option<Stage>) -> Result<Drawing, String>),
}

/// What a plot consists of.
struct Drawing {
    /// The marks, with their axis.
    marks: String,
    /// The names of the table's columns.
    columns: Vec<String>,
    /// Its cells.
    rows: Vec<Vec<String>>,
}

static PLOTS: [Plot; 19] = [
    Plot {
        name: "claim-shares",
        title: "Which of the thread’s live blocks a free hits",
        better: "The more at the left, the better for a stack.",
        results: "claim",
        draw: Draw::All(claim::shares),
    },
    Plot {
        name: "claim-depths",
        title: "How many younger blocks lie above a freed one",
        better: "The more at the left, the better for a stack.",
        results: "claim-depths",
        draw: Draw::All(claim::depths),
    },
    Plot {
        name: "claim-walks",
        title: "How many chunks a walk from the top looks at",
        better: LESS,
        results: "claim",
        draw: Draw::All(claim::walks),
    },
    Plot {
        name: "claim-memory",
        title: "The heap at its largest, as a multiple of the live bytes",
        better: LESS,
        results: "claim",
        draw: Draw::All(claim::memory),
    },
    Plot {
        name: "runtimes",
        title: "Which of the thread’s live blocks a free hits",
        better: "The more at the left, the better for a stack.",
        results: "runtimes",
        draw: Draw::All(claim::habits),
    },
    Plot {
        name: "nested",
        title: "Nanoseconds for a malloc and its free, where calls nest",
        better: LESS,
        results: "nested",
        draw: Draw::All(bench::nested),
    },
    Plot {
        name: "threads",
        title: "Nanoseconds of each thread for a malloc and its free",
        better: LESS,
        results: "threads",
        draw: Draw::All(bench::threads),
    },
    Plot {
        name: "preloaded",
        title: "Nanoseconds for a malloc and its free, in a program in C",
        better: LESS,
        results: "preloaded",
        draw: Draw::All(bench::preloaded),
    },
    Plot {
        name: "traces",
        title: "The time for an event of real programs, against glibc’s",
        better: LESS,
        results: "traces",
        draw: Draw::Stage(bench::traces),
    },
    Plot {
        name: "trace-memory",
        title: "The most memory that real programs take, against glibc’s",
        better: LESS,
        results: "trace-memory",
        draw: Draw::Stage(bench::trace_memory),
    },
    Plot {
        name: "additions",
        title: "What each addition to a stack does to the memory of programs",
        better: LESS,
        results: "trace-memory",
        draw: Draw::All(bench::additions),
    },
    Plot {
        name: "growth",
        title: "What a malloc and a free cost, the more blocks there are",
        better: LESS,
        results: "random",
        draw: Draw::Stage(stages::growth),
    },
    Plot {
        name: "heap-over-time",
        title: "The heap of real programs while they run",
        better: LESS,
        results: "heap-over-time",
        draw: Draw::Stage(stages::over_time),
    },
    Plot {
        name: "score",
        title: "How well the heaps do over all recordings",
        better: MORE,
        results: "score",
        draw: Draw::Stage(stages::score),
    },
    Plot {
        name: "programs",
        title: "The time of whole programs, against glibc’s",
        better: LESS,
        results: "programs",
        draw: Draw::Stage(bench::programs),
    },
    Plot {
        name: "programs-memory",
        title: "The most memory of whole programs, against glibc’s",
        better: LESS,
        results: "programs",
        draw: Draw::Stage(bench::programs_memory),
    },
    Plot {
        name: "relay",
        title: "Microseconds of threads that come and go",
        better: LESS,
        results: "relay",
        draw: Draw::All(lasting::relay),
    },
    Plot {
        name: "slowest",
        title: "Microseconds of the slowest calls",
        better: LESS,
        results: "slowest",
        draw: Draw::All(lasting::slowest),
    },
    Plot {
        name: "drift",
        title: "The memory of a process while sizes drift",
        better: "Less above what is alive is better.",
        results: "drift",
        draw: Draw::All(lasting::drift),
    },
];

/// The plot of this name, from the results below the folder `root`. Some plots
/// can be had for one of the stages.
///
/// # Errors
///
/// That there is no such plot or stage, or what is wrong with the results.
pub fn render(
    root: &Path,
    name: &str,
    stage: Option<&str>,
) -> Result<String, String> {
    let (plot, table, drawing) = drawn(root, name, stage)?;
    Ok(figure(plot, &table, &drawing))
}

/// What a plot compares: its allocators, or its programs.
///
/// # Errors
///
/// As for [`render`].
pub fn names(
    root: &Path,
    name: &str,
    stage: Option<&str>,
) -> Result<Vec<String>, String> {
    let Drawing { columns, rows, .. } = drawn(root, name, stage)?.2;
    let mut names = Vec::new();
    match &*columns[0] {
        "allocator" | "program" => {
            names.extend(rows.into_iter().map(|mut row| row.swap_remove(0)));
            names.dedup();
        }
        // Its rows are places on an axis.
        _ => names.extend(columns.into_iter().skip(1)),
    }
    Ok(names)
}

/// The results in the file `name`, without its ending.
///
/// # Errors
///
/// That there is no such file, or what is wrong with it.
pub fn results(root: &Path, name: &str) -> Result<Table, String> {
    let path = place(root, name);
    let text = fs::read_to_string(root.join(&path))
        .map_err(|_| format!("{path} is not there"))?;
    Table::parse(&text).map_err(|error| format!("{path} {error}"))
}

/// Where the results of this name lie: in the first folder if in neither.
fn place(root: &Path, name: &str) -> String {
    let paths = RESULTS.map(|folder| format!("{folder}/{name}.csv"));
    let is_there = |path: &&String| root.join(path).is_file();
    paths.iter().find(is_there).unwrap_or(&paths[0]).clone()
}

fn drawn(
    root: &Path,
    name: &str,
    stage: Option<&str>,
) -> Result<(&'static Plot, Table, Drawing), String> {
    let names = PLOTS.each_ref().map(|plot| plot.name);
    let plot =
        PLOTS.iter().find(|plot| plot.name == name).ok_or_else(|| {
            let hint = did_you_mean(name, &names);
            format!(
                "there is no plot `{name}`.{hint} There is: {}",
                list(&names)
            )
        })?;
    let stage = stage.map(Stage::parse).transpose()?;
    let path = place(root, plot.results);
    let text = fs::read_to_string(root.join(&path)).map_err(|_| {
        format!("the plot `{name}` is drawn from {path}, which is not there")
    })?;
    let wrong = |error| format!("{path} {error}");
    let table = Table::parse(&text).map_err(wrong)?;
    let drawing = match (&plot.draw, stage) {
        (Draw::Stage(draw), stage) => draw(&table, stage),
        (Draw::All(draw), None) => draw(&table),
        (Draw::All(_), Some(_)) => {
            return Err(format!(
                "the plot `{name}` is the same for all stages: \
                 `{{{{#plot {name}}}}}`"
            ));
        }
    };
    let drawing = drawing.map_err(wrong)?;
    Ok((plot, table, drawing))
}

/// Names, such as those of columns.
fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn figure(plot: &Plot, table: &Table, drawing: &Drawing) -> String {
    let about = ["command", "system", "machine", "date", "commit"];
    let about: Vec<_> =
        about.iter().filter_map(|key| table.about(key)).map(escape).collect();
    format!(
        "<figure class=\"plot\">\n\
         <figcaption>{} <span class=\"plot-better\">{}</span></figcaption>\n\
         <div class=\"plot-marks\">\n{}\n</div>\n\
         <details>\n<summary>The numbers</summary>\n{}\n\
         <p>{}</p>\n</details>\n\
         </figure>",
        escape(plot.title),
        plot.better,
        drawing.marks,
        numbers(&drawing.columns, &drawing.rows),
        about.join(" · "),
    )
}

/// The table below a plot. Its first column is names, the others are numbers.
fn numbers(columns: &[String], rows: &[Vec<String>]) -> String {
    let head: String = columns
        .iter()
        .map(|name| format!("<th scope=\"col\">{}</th>", escape(name)))
        .collect();
    let mut body = String::new();
    for row in rows {
        body += "<tr>";
        for (index, cell) in row.iter().enumerate() {
            let cell = escape(cell);
            body += &match index {
                0 => format!("<th scope=\"row\">{cell}</th>"),
                _ => format!("<td>{cell}</td>"),
            };
        }
        body += "</tr>\n";
    }
    format!(
        "<div class=\"table-wrapper\"><table>\n\
         <thead><tr>{head}</tr></thead>\n\
         <tbody>\n{body}</tbody>\n</table></div>"
    )
}
