//! What changed between two texts, as a listing.

use std::ops::Range;

use similar::{Algorithm, ChangeTag, DiffTag, InlineChange, TextDiff};

use crate::highlight::{self, Line};
use crate::html;

/// A text to compare, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Its file, from the root of the repository.
    pub path: String,
    /// The line of the file in which it starts.
    pub first_line: usize,
    /// The text itself.
    pub text: String,
}

/// How many lines of code were added and removed. Comments and empty lines do
/// not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Lines that are new.
    pub added: usize,
    /// Lines that are gone.
    pub removed: usize,
}

// Unchanged lines that stay visible above and below a change.
const CONTEXT: usize = 3;

fn compare<'a>(old: &'a Side, new: &'a Side) -> TextDiff<'a, 'a, str> {
    // This one holds on to the lines that each side has once, so an item that
    // stayed is found again.
    let mut how = TextDiff::configure();
    how.algorithm(Algorithm::Patience);
    how.diff_lines(&*old.text, &*new.text)
}

/// Counts what changed from `old` to `new`.
pub fn changes(old: &Side, new: &Side) -> Changes {
    let diff = compare(old, new);
    let old_lines = highlight::lines(&old.path, &old.text);
    let new_lines = highlight::lines(&new.path, &new.text);
    let mut changes = Changes::default();
    for change in diff.iter_all_changes() {
        let code = |lines: &[Line<'_>], index: Option<usize>| {
            index.is_some_and(|index| highlight::is_code(&lines[index]))
        };
        match change.tag() {
            ChangeTag::Equal => {}
            ChangeTag::Insert => {
                changes.added +=
                    usize::from(code(&new_lines, change.new_index()));
            }
            ChangeTag::Delete => {
                changes.removed +=
                    usize::from(code(&old_lines, change.old_index()));
            }
        }
    }
    changes
}

/// Counts what changed in the hunks of a patch.
pub fn changes_in(hunks: &[(Side, Side)]) -> Changes {
    let counts = hunks.iter().map(|(old, new)| changes(old, new));
    counts.fold(Changes::default(), |sum, count| Changes {
        added: sum.added + count.added,
        removed: sum.removed + count.removed,
    })
}

/// A diff under its caption.
pub fn figure(caption: &str, lines: &str) -> String {
    format!(
        "<figure class=\"diff\">\n\
         <figcaption>{caption}</figcaption>\n\
         <div class=\"hunks hljs\"><div>\n{lines}</div></div>\n\
         </figure>"
    )
}

/// The lines of both sides as HTML: the changed ones, the unchanged around
/// them, and the other unchanged ones folded.
pub fn html(old: &Side, new: &Side) -> String {
    rows(old, new, digits(old).max(digits(new)))
}

/// The hunks of a patch as HTML, with what lies between them left out.
pub fn hunks_html(hunks: &[(Side, Side)]) -> String {
    let sides = hunks.iter().flat_map(|(old, new)| [old, new]);
    let digits = sides.map(digits).max().unwrap_or_default();
    let hunks: Vec<_> =
        hunks.iter().map(|(old, new)| rows(old, new, digits)).collect();
    hunks.join("<p>…</p>\n")
}

fn rows(old: &Side, new: &Side, digits: usize) -> String {
    let rows = lines(old, new, digits);
    let runs: Vec<_> =
        rows.chunk_by(|a, b| a.is_changed() == b.is_changed()).collect();
    let last = runs.len().saturating_sub(1);
    let runs = runs.iter().enumerate().map(|(index, run)| {
        if run[0].is_changed() {
            pre(run)
        } else {
            folded(run, index > 0, index < last)
        }
    });
    runs.collect()
}

/// A line of a diff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its place in the old text, from 0 on, if it stands there.
    pub old: Option<usize>,
    /// Its place in the new text, likewise.
    pub new: Option<usize>,
    /// Whether there is more on it than space and comments.
    pub is_code: bool,
    html: String,
}

impl Row {
    /// Whether it stands in one of the texts alone.
    pub fn is_changed(&self) -> bool {
        self.old.is_none() || self.new.is_none()
    }

    /// The same, so many lines further down in each of the texts.
    pub fn below(mut self, old: usize, new: usize) -> Self {
        self.old = self.old.map(|line| line + old);
        self.new = self.new.map(|line| line + new);
        self
    }
}

/// What changes from `old` to `new`, in pieces between which nothing does:
/// which lines go and which come, each from 0 on.
pub fn hunks(old: &Side, new: &Side) -> Vec<(Range<usize>, Range<usize>)> {
    let diff = compare(old, new);
    let mut hunks: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    let changes = diff.ops().iter().filter(|op| op.tag() != DiffTag::Equal);
    for (out, into) in changes.map(|op| (op.old_range(), op.new_range())) {
        match hunks.last_mut() {
            Some(last)
                if (last.0.end, last.1.end) == (out.start, into.start) =>
            {
                (last.0.end, last.1.end) = (out.end, into.end);
            }
            _ => hunks.push((out, into)),
        }
    }
    hunks
}

/// All lines of both sides, with numbers that are `digits` wide.
pub fn lines(old: &Side, new: &Side, digits: usize) -> Vec<Row> {
    let diff = compare(old, new);
    let rows = Rows {
        old_lines: highlight::lines(&old.path, &old.text),
        new_lines: highlight::lines(&new.path, &new.text),
        old_first: old.first_line,
        new_first: new.first_line,
        digits,
    };
    let changes = diff.ops().iter().flat_map(|op| {
        diff.iter_inline_changes_deadline(op, None).collect::<Vec<_>>()
    });
    changes.map(|change| rows.row(&change)).collect()
}

/// Lines without a change of code, folded but for those next to one.
pub fn folded(rows: &[Row], below: bool, above: bool) -> String {
    let start = if below { CONTEXT } else { 0 };
    let end = rows.len().saturating_sub(if above { CONTEXT } else { 0 });
    // A fold takes a line itself: it has to be worth it.
    if start + 2 >= end {
        return pre(rows);
    }
    // Of those that are folded: the others can be seen.
    let hidden = rows[start..end].iter();
    let changed = hidden.filter(|row| row.is_changed()).count();
    let summary = match changed {
        0 => format!("{} unchanged lines", end - start),
        _ => {
            format!("{} lines, with {changed} of comments changed", end - start)
        }
    };
    format!(
        "{}{}{}",
        pre(&rows[..start]),
        fold(&summary, &rows[start..end]),
        pre(&rows[end..]),
    )
}

/// How many lines are changed, and how many of those are no code.
pub fn changed(rows: &[Row]) -> String {
    let changed = rows.iter().filter(|row| row.is_changed());
    let all = html::count(changed.clone().count(), "changed line");
    match changed.filter(|row| !row.is_code).count() {
        0 => all,
        others => format!("{all}, {others} of them comments or empty"),
    }
}

/// Lines behind a click.
pub fn fold(summary: &str, rows: &[Row]) -> String {
    format!(
        "<details><summary>… {summary}</summary>\n{}</details>\n",
        pre(rows)
    )
}

/// Lines as they are.
pub fn pre(rows: &[Row]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let lines: String = rows.iter().map(|row| row.html.as_str()).collect();
    format!("<pre>{lines}</pre>\n")
}

struct Rows<'a> {
    old_lines: Vec<Line<'a>>,
    new_lines: Vec<Line<'a>>,
    old_first: usize,
    new_first: usize,
    digits: usize,
}

impl Rows<'_> {
    /// One line. Its numbers are an attribute: they are shown, but not copied
    /// with the code.
    fn row(&self, change: &InlineChange<'_, str>) -> Row {
        let (old, new) = (change.old_index(), change.new_index());
        let nothing = Line::new();
        let line = match (old, new) {
            (_, Some(new)) => &self.new_lines[new],
            (Some(old), None) => &self.old_lines[old],
            (None, None) => &nothing,
        };
        let tag = match change.tag() {
            ChangeTag::Equal => "span",
            ChangeTag::Insert => "ins",
            ChangeTag::Delete => "del",
        };
        let html = format!(
            "<{tag} data-n=\"{} {}\">{}\n</{tag}>",
            self.number(old, self.old_first),
            self.number(new, self.new_first),
            highlight::html(line, &marks(change)),
        );
        Row { old, new, is_code: highlight::is_code(line), html }
    }

    fn number(&self, index: Option<usize>, first: usize) -> String {
        let number = index.map(|index| (first + index).to_string());
        format!("{:>1$}", number.unwrap_or_default(), self.digits)
    }
}

/// How wide its line numbers are.
pub fn digits(side: &Side) -> usize {
    let last = side.first_line + side.text.lines().count();
    last.to_string().len()
}

/// The bytes of a changed line in which it differs from the line that it
/// replaces, but for blanks around them; none if it differs as a whole.
fn marks(change: &InlineChange<'_, str>) -> Vec<Range<usize>> {
    let kept =
        |&(changed, text): &(bool, &str)| !changed && !text.trim().is_empty();
    if !change.values().iter().any(kept) {
        return Vec::new();
    }
    let mut at = 0;
    let mut marks = Vec::new();
    for &(changed, text) in change.values() {
        let start = at + text.len() - text.trim_start().len();
        let end = at + text.trim_end().len();
        if changed && start < end {
            marks.push(start..end);
        }
        at += text.len();
    }
    marks
}
