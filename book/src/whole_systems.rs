//! `{{#whole-systems}}` and `{{#whole-systems project}}`: what whole systems do on
//! our heaps, and what the project does in them, as tables that are drawn from what a
//! run has seen.

use std::fs;
use std::path::Path;

use crate::html::{escape, escape_prose};
use crate::plot::table::Table;

/// What was seen, from the root of the repository. An example of the tests' crate
/// writes it.
const SEEN: &str = "tests/results/whole-systems.csv";

/// What the project did in them.
const OF_THE_PROJECT: &str = "tests/results/whole-projects.csv";

/// The heaps that stand beside each other, and what they are called.
const HEAPS: [(&str, &str); 2] =
    [("malloc4", "stage 4"), ("malloc5", "stage 5")];

/// How a step ended under a heap.
#[derive(Clone, Debug)]
pub struct Step {
    pub suite: String,
    pub heap: String,
    pub name: String,
    /// `0`, another number, or what became of it.
    pub status: String,
    /// Whether it printed what it prints under glibc: `same` or `other`.
    pub printed: String,
    /// The processes seen, or programs asked, and how many of them were on ours.
    pub processes: usize,
    pub on_ours: usize,
    /// The names of the others.
    pub others: Vec<String>,
    /// The most memory of a process, where glibc's is 1.
    pub memory: String,
}

/// Everything that the file has.
///
/// # Errors
///
/// That it is not there, or what is wrong with it.
pub fn read(root: &Path) -> Result<(Table, Vec<Step>), String> {
    let table = parsed(root, SEEN)?;
    let column =
        |name| table.column(name).map_err(|error| format!("{SEEN} {error}"));
    let columns = [
        column("suite")?,
        column("heap")?,
        column("step")?,
        column("status")?,
        column("printed")?,
        column("processes")?,
        column("ours")?,
        column("others")?,
        column("ratio")?,
    ];
    let steps = (0..table.rows.len()).map(|at| {
        let cells = columns.each_ref().map(|column| column[at]);
        step(cells)
    });
    let steps = steps.collect::<Result<Vec<_>, _>>()?;
    Ok((table, steps))
}

fn parsed(root: &Path, file: &str) -> Result<Table, String> {
    let text = fs::read_to_string(root.join(file))
        .map_err(|_| format!("{file} is not there"))?;
    Table::parse(&text).map_err(|error| format!("{file} {error}"))
}

fn step(cells: [&str; 9]) -> Result<Step, String> {
    let number = |text: &str| {
        let parsed = text.parse::<usize>();
        parsed.map_err(|_| format!("{SEEN}: {text} is no number"))
    };
    let [suite, heap, name, status, printed, all, ours, others, memory] = cells;
    Ok(Step {
        suite: suite.to_owned(),
        heap: heap.to_owned(),
        name: name.to_owned(),
        status: status.to_owned(),
        printed: printed.to_owned(),
        processes: number(all)?,
        on_ours: number(ours)?,
        others: others.split_whitespace().map(str::to_owned).collect(),
        memory: memory.to_owned(),
    })
}

impl Step {
    /// Whether it ended well, with the same output as under glibc.
    pub fn is_well(&self) -> bool {
        self.status == "0" && self.printed != "other"
    }

    /// How it ended, in a cell of the table.
    fn cell(&self) -> String {
        let ended = match (&*self.status, &*self.printed) {
            ("0", "same") => "as on glibc".to_owned(),
            ("0", "other") => "other output".to_owned(),
            ("0", _) => format!("{} of {}", self.on_ours, self.processes),
            ("no end", _) => "no end".to_owned(),
            (status, _) => format!("status {}", escape(status)),
        };
        let more = match &*self.memory {
            "" => String::new(),
            ratio => format!(
                "<small>memory × {}, ours in {} of {}</small>",
                escape(ratio),
                self.on_ours,
                self.processes,
            ),
        };
        format!("<td>{ended}{more}</td>")
    }
}

/// The table, and which systems they are.
///
/// # Errors
///
/// That nothing was seen yet, or what is wrong with the file.
pub fn table(root: &Path) -> Result<String, String> {
    let (table, steps) = read(root)?;
    let mut suites: Vec<&str> = Vec::new();
    for step in &steps {
        if !suites.contains(&&*step.suite) {
            suites.push(&step.suite);
        }
    }
    let mut rows = String::new();
    for suite in suites {
        let about = table.about(suite).unwrap_or(suite);
        rows += &format!(
            "<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"3\">{}\
             </th></tr>\n",
            escape_prose(about)
        );
        let of_suite: Vec<&Step> =
            steps.iter().filter(|it| it.suite == suite).collect();
        rows += &rows_of(&of_suite)?;
    }
    let heads = HEAPS.map(|(_, name)| format!("<th scope=\"col\">{name}</th>"));
    Ok(format!(
        "<div class=\"faults whole-systems\">\n\
         <div class=\"table-wrapper\"><table>\n<thead><tr>\
         <th scope=\"col\">What the system does</th>{}</tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table></div>\n<p>{}</p>\n</div>",
        heads.concat(),
        escape(table.about("machine").unwrap_or_default()),
    ))
}

/// A row for each step of a system, in the order of the file.
fn rows_of(steps: &[&Step]) -> Result<String, String> {
    let mut rows = String::new();
    let (first, _) = HEAPS[0];
    for step in steps.iter().filter(|it| it.heap == first) {
        let cells = HEAPS.map(|(heap, _)| {
            let of_heap = |it: &&&Step| it.heap == heap && it.name == step.name;
            let found = steps.iter().find(of_heap);
            found.map(|it| it.cell()).ok_or_else(|| {
                format!("{SEEN}: {} has no {} on {heap}", step.suite, step.name)
            })
        });
        let [one, other] = cells;
        rows += &format!(
            "<tr><th scope=\"row\">{}</th>{}{}</tr>\n",
            escape_prose(&step.name),
            one?,
            other?
        );
    }
    Ok(rows)
}

/// What the project did in a system.
#[derive(Clone, Debug)]
pub struct Visit {
    pub suite: String,
    /// The name of the step.
    pub step: String,
    /// As of a [`Step`].
    pub status: String,
    /// How many tests have passed, have failed, and were passed over.
    pub counts: [u64; 3],
}

/// All that the project did.
///
/// # Errors
///
/// As for [`read`].
pub fn visits(root: &Path) -> Result<(Table, Vec<Visit>), String> {
    let table = parsed(root, OF_THE_PROJECT)?;
    let names = ["suite", "step", "status", "passed", "failed", "ignored"];
    let column = |name| {
        let column = table.column(name);
        column.map_err(|error| format!("{OF_THE_PROJECT} {error}"))
    };
    let columns: Vec<_> =
        names.into_iter().map(column).collect::<Result<_, _>>()?;
    let number = |text: &str| {
        let parsed = text.parse::<u64>();
        parsed.map_err(|_| format!("{OF_THE_PROJECT}: {text} is no number"))
    };
    let visits = (0..table.rows.len()).map(|at| {
        Ok(Visit {
            suite: columns[0][at].to_owned(),
            step: columns[1][at].to_owned(),
            status: columns[2][at].to_owned(),
            counts: [
                number(columns[3][at])?,
                number(columns[4][at])?,
                number(columns[5][at])?,
            ],
        })
    });
    let visits = visits.collect::<Result<Vec<_>, String>>()?;
    Ok((table, visits))
}

/// A row for each step of each system.
///
/// # Errors
///
/// As for [`visits`].
pub fn project(root: &Path) -> Result<String, String> {
    let (table, visits) = visits(root)?;
    let mut rows = String::new();
    let mut suite = "";
    for visit in &visits {
        if suite != visit.suite {
            suite = &visit.suite;
            rows += &format!(
                "<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"4\">{} \
                 <small>{}</small></th></tr>\n",
                escape_prose(table.about(suite).unwrap_or(suite)),
                escape(table.about(&format!("{suite} made")).unwrap_or("")),
            );
        }
        let ended = match &*visit.status {
            "0" => "well".to_owned(),
            "no end" => "no end".to_owned(),
            status => format!("status {}", escape(status)),
        };
        let [passed, failed, _] = visit.counts;
        let [passed, failed] = [passed, failed].map(|it| match visit.counts {
            [0, 0, 0] => String::new(),
            _ => it.to_string(),
        });
        rows += &format!(
            "<tr><th scope=\"row\">{}</th><td>{ended}</td>\
             <td>{passed}</td>\
             <td>{failed}</td></tr>\n",
            escape_prose(&visit.step),
        );
    }
    Ok(format!(
        "<div class=\"faults whole-systems\">\n\
         <div class=\"table-wrapper\"><table>\n<thead><tr>\
         <th scope=\"col\">What was done</th><th scope=\"col\">Ended</th>\
         <th scope=\"col\">Tests that passed</th>\
         <th scope=\"col\">That failed</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table></div>\n</div>"
    ))
}
