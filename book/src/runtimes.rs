//! `{{#runtimes calls}}` and `{{#runtimes heaps}}`: programs in many languages,
//! what they ask of malloc, and what they do on the heaps, as tables that are drawn
//! from what a run has seen.

use std::path::Path;

use crate::html::escape;
use crate::plot::draw::whole;
use crate::plot::results;
use crate::plot::table::Table;

/// The columns of the calls, and what stands above them.
const CALLS: [(&str, &str); 12] = [
    ("malloc", "malloc"),
    ("calloc", "calloc"),
    ("realloc", "realloc"),
    ("to_nothing", "realloc to 0"),
    ("free", "free"),
    ("largest", "largest request, bytes"),
    ("left_blocks", "blocks never freed"),
    ("left_bytes", "bytes of them"),
    ("before_main", "calls before main"),
    ("after_exit", "calls after exit began"),
    ("in_handlers", "calls in signal handlers"),
    ("in_children", "calls in forked children"),
];

/// The columns of the heaps, and their names.
const HEAPS: [(&str, &str); 5] = [
    ("glibc", "glibc"),
    ("stage_3", "stage 3"),
    ("stage_4", "stage 4"),
    ("one_stack", "one stack"),
    ("per_thread", "per thread"),
];

/// What a heap's column says if a program does on it what it does elsewhere.
const SAME: &str = "same";

/// In front of what was left out, in the file's first lines.
const LEFT_OUT: &str = "left out ";

/// One of the two tables.
///
/// # Errors
///
/// That nothing was seen yet, or what is wrong with the file.
pub fn table(root: &Path, which: &str) -> Result<String, String> {
    let table = results(root, "runtimes")?;
    let (head, rows, title) = match which {
        "calls" => (calls_head(), calls(&table)?, "What each program asks"),
        _ => (heaps_head(), heaps(&table)?, "Each program on each heap"),
    };
    let about: Vec<_> = ["command", "system", "machine", "date"]
        .iter()
        .filter_map(|key| table.about(key))
        .map(escape)
        .collect();
    Ok(format!(
        "<details class=\"runtimes\">\n<summary>{title}</summary>\n\
         <div class=\"table-wrapper\"><table>\n<thead>{head}</thead>\n\
         <tbody>\n{rows}</tbody>\n</table></div>\n{}\
         <p>{}</p>\n</details>",
        left_out(&table),
        about.join(" · "),
    ))
}

fn calls_head() -> String {
    let cells = CALLS.map(|(_, name)| format!("<th scope=\"col\">{name}</th>"));
    format!("<tr><th scope=\"col\">program</th>{}</tr>", cells.concat())
}

fn calls(table: &Table) -> Result<String, String> {
    let columns = CALLS.map(|(column, _)| table.numbers(column));
    let mut rows = String::new();
    for (at, name) in names(table)?.iter().enumerate() {
        let mut cells = String::new();
        for column in &columns {
            let number = column.as_ref().map_err(Clone::clone)?[at];
            cells += &format!("<td>{}</td>", whole(number));
        }
        rows += &format!("<tr>{name}{cells}</tr>\n");
    }
    Ok(rows)
}

/// The programs with their versions, as the first cells of rows.
fn names(table: &Table) -> Result<Vec<String>, String> {
    let versions = table.column("version")?;
    let names = table.column("program")?.into_iter().zip(versions);
    let cell = |(name, version)| {
        let (name, version) = (escape(name), escape(version));
        format!("<th scope=\"row\">{name} <small>{version}</small></th>")
    };
    Ok(names.map(cell).collect())
}

fn heaps_head() -> String {
    let cells = HEAPS.map(|(_, name)| {
        format!("<th scope=\"col\" colspan=\"2\">{name}</th>")
    });
    format!("<tr><th scope=\"col\">program</th>{}</tr>", cells.concat())
}

fn heaps(table: &Table) -> Result<String, String> {
    let names = names(table)?;
    let mut rows: Vec<String> = names.into_iter().collect();
    for (heap, _) in HEAPS {
        let seen = table.column(heap)?;
        let times = table.column(&format!("{heap}_us"))?;
        let memory = table.column(&format!("{heap}_kib"))?;
        for (at, row) in rows.iter_mut().enumerate() {
            *row += &if seen[at] == SAME {
                let ms = over(times[at], 1000.0)?;
                let mib = over(memory[at], 1024.0)?;
                format!("<td>{ms} ms</td><td>{mib} MiB</td>")
            } else {
                let words = escape(seen[at]);
                format!("<td colspan=\"2\" class=\"words\">{words}</td>")
            };
        }
    }
    Ok(rows.iter().map(|row| format!("<tr>{row}</tr>\n")).collect())
}

/// A number in a larger unit.
fn over(number: &str, unit: f64) -> Result<String, String> {
    let wrong = |_| format!("`{number}` is no number");
    let number: f64 = number.parse().map_err(wrong)?;
    Ok(format!("{:.1}", number / unit))
}

/// What was left out, and why.
fn left_out(table: &Table) -> String {
    let lines = table.about.iter().filter_map(|(key, why)| {
        let name = key.strip_prefix(LEFT_OUT)?;
        Some(format!("<p>Left out: {}: {}</p>\n", escape(name), escape(why)))
    });
    lines.collect()
}
