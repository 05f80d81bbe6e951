//! The stages side by side: a table of properties and heaps, drawn from what a
//! run has seen, and the programs that asked.

use std::fs;
use std::path::Path;

use crate::html::{escape, escape_prose};
use crate::item;
use crate::plot::table::Table;
use crate::sources::Sources;

/// What was seen, from the root of the repository. The tests' crate writes it.
const SEEN: &str = "tests/results/side-by-side.csv";

/// The page that has the programs, beside that of the table.
pub(crate) const PROGRAMS: &str = "programs.html";

/// The columns in front of those of the heaps.
const FIRST: usize = 4;

/// A row of the file.
pub(crate) struct Property<'a> {
    pub group: &'a str,
    pub id: &'a str,
    source: &'a str,
    pub fact: &'a str,
    /// One for each heap, in the order of the columns.
    pub cells: Vec<Cell<'a>>,
}

/// What was seen of a property and a heap.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    Holds,
    Fails { how: &'a str, page: &'a str },
    DoesNotApply(&'a str),
    PassedOver(&'a str),
}

impl<'a> Cell<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        let (verdict, rest) = text.split_once(": ").unwrap_or((text, ""));
        let parts = rest.split_once(" -> ");
        match (verdict, parts) {
            ("holds", None) => Ok(Self::Holds),
            ("fails", Some((how, page))) if !page.is_empty() => {
                Ok(Self::Fails { how, page })
            }
            ("does not apply", None) => Ok(Self::DoesNotApply(rest)),
            ("passed over", None) => Ok(Self::PassedOver(rest)),
            _ => Err(format!("{SEEN} has a cell `{text}`")),
        }
    }

    /// What stands in the table: a class, a sign, and what the sign means.
    pub fn sign(self) -> [&'static str; 3] {
        match self {
            Self::Holds => ["holds", "✓", "holds"],
            Self::Fails { .. } => ["fails", "✗", "fails"],
            Self::DoesNotApply(_) => ["no-question", "–", "does not apply"],
            Self::PassedOver(_) => ["no-question", "?", "not asked"],
        }
    }

    /// Whether anybody has asked.
    pub fn is_asked(self) -> bool {
        matches!(self, Self::Holds | Self::Fails { .. })
    }

    /// What is said below the fact, if anything is.
    fn note(self) -> Option<&'a str> {
        match self {
            Self::Holds => None,
            Self::Fails { how, .. } => Some(how),
            Self::DoesNotApply(why) | Self::PassedOver(why) => Some(why),
        }
    }
}

pub(crate) fn read(root: &Path) -> Result<Table, String> {
    let text = fs::read_to_string(root.join(SEEN))
        .map_err(|_| format!("{SEEN} is not there"))?;
    Table::parse(&text).map_err(|error| format!("{SEEN} {error}"))
}

pub(crate) fn properties(table: &Table) -> Result<Vec<Property<'_>>, String> {
    let rows = table.rows.iter().map(|row| {
        let [group, id, source, fact, cells @ ..] = &row[..] else {
            return Err(format!("{SEEN} has a short row"));
        };
        let cells = cells.iter().map(|it| Cell::parse(it));
        let cells = cells.collect::<Result<_, _>>()?;
        Ok(Property { group, id, source, fact, cells })
    });
    rows.collect()
}

/// Where a heap stands among the cells of a property.
pub(crate) fn column(table: &Table, heap: &str) -> Option<usize> {
    table.columns[FIRST..].iter().position(|it| it == heap)
}

/// The table, for the page at `page` below the folder of the chapters.
///
/// # Errors
///
/// That nothing was seen yet, or what is wrong with the file.
pub fn table(root: &Path, page: &Path) -> Result<String, String> {
    let table = read(root)?;
    let properties = properties(&table)?;
    let heaps = &table.columns[FIRST..];
    let up = "../".repeat(page.components().count().saturating_sub(1));
    for property in &properties {
        for cell in &property.cells {
            if let Cell::Fails { page, .. } = cell {
                find(root, page)?;
            }
        }
    }
    let mut rows = String::new();
    let mut group = "";
    for property in &properties {
        if property.group != group {
            group = property.group;
            let columns = heaps.len() + 1;
            rows += &format!(
                "<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"{columns}\">\
                 {}</th></tr>\n",
                escape_prose(group)
            );
        }
        rows += &row(property, heaps, &up);
    }
    let boxes: String = heaps.iter().enumerate().map(choice).collect();
    let head: String = heaps.iter().enumerate().map(head).collect();
    Ok(format!(
        "<div class=\"side-by-side\">\n\
         <fieldset>\n<legend>Columns</legend>\n{boxes}</fieldset>\n\
         <table>\n<thead><tr><th scope=\"col\">fact</th>{head}</tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n\
         <p>{}</p>\n</div>",
        escape(table.about("system").unwrap_or_default()),
    ))
}

/// Looks for a page that tells why, and for the heading below which it does, if
/// one is named: `page.md#heading`.
fn find(root: &Path, place: &str) -> Result<(), String> {
    let (page, heading) = place.split_once('#').unwrap_or((place, ""));
    let text = fs::read_to_string(root.join("book/chapters").join(page))
        .map_err(|_| format!("{SEEN} sends to {page}, which is not there"))?;
    let is_there = text
        .lines()
        .filter(|line| line.starts_with('#'))
        .any(|line| anchor(line.trim_start_matches('#').trim()) == heading);
    if is_there || heading.is_empty() {
        return Ok(());
    }
    Err(format!("{SEEN} sends to {place}, and the page has no such heading"))
}

/// How a link names a heading without code or links in it.
fn anchor(heading: &str) -> String {
    let kept = |it: &char| it.is_alphanumeric() || [' ', '-', '_'].contains(it);
    heading
        .to_lowercase()
        .chars()
        .filter(kept)
        .collect::<String>()
        .replace(' ', "-")
}

/// What hides a column.
fn choice((at, heap): (usize, &String)) -> String {
    format!(
        "<label><input type=\"checkbox\" class=\"show-{at}\" checked> {}\
         </label>\n",
        escape(heap)
    )
}

fn head((at, heap): (usize, &String)) -> String {
    let heap = escape(heap);
    format!("<th scope=\"col\" class=\"c{at}\"><span>{heap}</span></th>")
}

fn row(property: &Property, heaps: &[String], up: &str) -> String {
    let program = format!("{PROGRAMS}#property-{}", escape(property.id));
    let cells = property.cells.iter().zip(heaps).enumerate();
    let cells: String = cells
        .map(|(at, (cell, heap))| {
            let [class, sign, means] = cell.sign();
            let name = format!("{}: {means}", escape(heap));
            format!(
                "<td class=\"c{at} {class}\"><a href=\"{program}\" \
                 aria-label=\"{name}\" title=\"{name}\">{sign}</a></td>"
            )
        })
        .collect();
    format!(
        "<tr><th scope=\"row\"><a href=\"{program}\">{}</a>{}</th>{cells}\
         </tr>\n",
        escape_prose(property.fact),
        notes(property, heaps, up)
    )
}

/// What is said below a fact: how it shows that it is not so, and of which
/// heaps. Each leads to the page that tells why.
fn notes(property: &Property, heaps: &[String], up: &str) -> String {
    let mut notes: Vec<(&str, Vec<String>)> = Vec::new();
    for (cell, heap) in property.cells.iter().zip(heaps) {
        let Some(note) = cell.note() else { continue };
        let heap = match cell {
            Cell::Fails { page, .. } => {
                let page = escape(&page.replace(".md", ".html"));
                format!("<a href=\"{up}{page}\">{}</a>", escape(heap))
            }
            _ => escape(heap),
        };
        match notes.iter_mut().find(|(it, _)| *it == note) {
            Some((_, heaps)) => heaps.push(heap),
            None => notes.push((note, vec![heap])),
        }
    }
    let line = |(note, heaps): (&str, Vec<String>)| {
        format!("<small>{}: {}</small>", escape_prose(note), heaps.join(", "))
    };
    notes.into_iter().map(line).collect()
}

/// The programs, each under its fact.
///
/// # Errors
///
/// As for [`table`], and that a program is not where it should be.
pub fn programs(sources: &Sources) -> Result<String, String> {
    let table = read(&sources.root)?;
    let mut html = String::new();
    let mut group = "";
    for property in properties(&table)? {
        if property.group != group {
            group = property.group;
            html += &format!("<h2>{}</h2>\n", escape_prose(group));
        }
        let Property { id, source, fact, .. } = property;
        let text = sources.read(source)?;
        let (id, fact) = (escape(id), escape_prose(fact));
        html += &format!("<h3 id=\"property-{id}\">{fact}</h3>\n");
        html += &match item::find(source, &text, &id) {
            Ok(_) => sources.items(source, std::slice::from_ref(&id))?,
            // A whole example is longer, and stands elsewhere too.
            Err(_) => format!(
                "<details>\n<summary>The whole program, \
                 <code>{source}</code></summary>\n{}\n</details>",
                sources.file(source)?
            ),
        };
        html.push('\n');
    }
    Ok(html)
}
