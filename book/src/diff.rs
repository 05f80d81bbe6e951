//! What changed between two texts, as a listing.

use std::ops::Range;

use similar::{Algorithm, ChangeTag, DiffOp, InlineChange, TextDiff};

use crate::highlight::{self, Line};

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
    let diff = compare(old, new);
    let rows = Rows {
        old_lines: highlight::lines(&old.path, &old.text),
        new_lines: highlight::lines(&new.path, &new.text),
        old_first: old.first_line,
        new_first: new.first_line,
        digits,
    };
    let last = diff.ops().len().saturating_sub(1);
    let mut html = String::new();
    for (index, op) in diff.ops().iter().enumerate() {
        let lines: Vec<_> = diff
            .iter_inline_changes_deadline(op, None)
            .map(|change| rows.html(&change))
            .collect();
        html += &match op {
            DiffOp::Equal { .. } => folded(&lines, index > 0, index < last),
            _ => pre(&lines),
        };
    }
    html
}

/// Unchanged lines, folded but for those next to a change.
fn folded(lines: &[String], below: bool, above: bool) -> String {
    let start = if below { CONTEXT } else { 0 };
    let end = lines.len().saturating_sub(if above { CONTEXT } else { 0 });
    // A fold takes a line itself: it has to be worth it.
    if start + 2 >= end {
        return pre(lines);
    }
    format!(
        "{}<details><summary>… {} unchanged lines</summary>\n{}</details>\n{}",
        pre(&lines[..start]),
        end - start,
        pre(&lines[start..end]),
        pre(&lines[end..]),
    )
}

fn pre(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    format!("<pre>{}</pre>\n", lines.concat())
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
    fn html(&self, change: &InlineChange<'_, str>) -> String {
        let old = change.old_index();
        let new = change.new_index();
        let line = match (old, new) {
            (_, Some(new)) => &self.new_lines[new],
            (Some(old), None) => &self.old_lines[old],
            (None, None) => return String::new(),
        };
        let tag = match change.tag() {
            ChangeTag::Equal => "span",
            ChangeTag::Insert => "ins",
            ChangeTag::Delete => "del",
        };
        format!(
            "<{tag} data-lines=\"{} {}\">{}\n</{tag}>",
            self.number(old, self.old_first),
            self.number(new, self.new_first),
            highlight::html(line, &marks(change)),
        )
    }

    fn number(&self, index: Option<usize>, first: usize) -> String {
        let number = index.map(|index| (first + index).to_string());
        format!("{:>1$}", number.unwrap_or_default(), self.digits)
    }
}

/// How wide its line numbers are.
fn digits(side: &Side) -> usize {
    let last = side.first_line + side.text.lines().count();
    last.to_string().len()
}

/// The bytes of a changed line in which it differs from the line that it
/// replaces; none if it differs as a whole.
fn marks(change: &InlineChange<'_, str>) -> Vec<Range<usize>> {
    let kept =
        |&(changed, text): &(bool, &str)| !changed && !text.trim().is_empty();
    if !change.values().iter().any(kept) {
        return Vec::new();
    }
    let mut at = 0;
    let mut marks = Vec::new();
    for &(changed, text) in change.values() {
        let end = at + text.trim_end_matches('\n').len();
        if changed && at < end {
            marks.push(at..end);
        }
        at += text.len();
    }
    marks
}
