//! A diff whose hunks have their notes beside them.
//!
//! ```text
//! {{#diff stage1-bump/src stage2-headers/src}}
//!
//! `heap.rs`: A heap keeps books now.
//!
//! - `Heap::free`: It marks. What, and why, in Markdown.
//! - `rounded`, `padding`: One note for two functions.
//! - `Heap::brk` (folded): What a page has told already stands behind a click.
//!
//! {{/diff}}
//! ```
//!
//! A whole file may be folded too, and then has no notes: `` `heap.rs`
//! (folded): ``. A note names the items that its hunk changes, as [`crate::item::find`] takes
//! them. What is in no item is named by its first changed line. A hunk without
//! a note, and a note without a hunk, are mistakes. Hunks of comments alone
//! have none: they are folded.

use std::ops::Range;

use similar::{Algorithm, DiffTag, capture_diff_slices};

use crate::diff::{self, Row, Side};
use crate::html::{self, escape};
use crate::item;
use crate::problem::list;

/// What a page says of a diff.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HunkNotes {
    /// What is said of each file. Where two files are compared there is one,
    /// without a name.
    pub files: Vec<OfFile>,
}

/// What a page says of the diff of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfFile {
    /// The file, from the folder on.
    pub name: String,
    /// What is said of it as a whole, in Markdown.
    pub text: String,
    /// Whether its hunks stand behind a click, all together, without notes.
    pub is_folded: bool,
    /// The notes of its hunks.
    pub notes: Vec<Note>,
}

/// What a page says of a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The items that the hunk changes.
    pub names: Vec<String>,
    /// Whether the hunk stands behind a click.
    pub is_folded: bool,
    /// The note, in Markdown.
    pub text: String,
}

impl Note {
    /// The note, behind the names of the items.
    fn with_names(&self) -> String {
        let names: Vec<_> =
            self.names.iter().map(|name| format!("`{name}`")).collect();
        format!("{}: {}", names.join(", "), self.text)
    }
}

impl HunkNotes {
    /// Reads what stands between `{{#diff …}}` and `{{/diff}}`.
    ///
    /// # Errors
    ///
    /// The line that is neither a note nor about a file.
    pub fn parse(markdown: &str) -> Result<Self, String> {
        let mut notes = Self::default();
        for paragraph in paragraphs(markdown) {
            let (names, is_folded, text) = head(&paragraph)?;
            if paragraph.starts_with("- ") {
                let note = Note { names, is_folded, text };
                if notes.files.is_empty() {
                    notes.files.push(OfFile::default());
                }
                if let Some(file) = notes.files.last_mut() {
                    file.notes.push(note);
                }
            } else {
                let name = names.join(", ");
                let of_file =
                    OfFile { name, text, is_folded, notes: Vec::new() };
                notes.files.push(of_file);
            }
        }
        Ok(notes)
    }
}

/// The paragraphs and the items of lists, each with its lines.
fn paragraphs(markdown: &str) -> Vec<String> {
    let mut paragraphs: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in markdown.lines() {
        let text = line.trim();
        if line.starts_with("- ") || !goes_on && !line.starts_with("  ") {
            paragraphs.push(String::new());
        }
        if let Some(paragraph) = paragraphs.last_mut() {
            *paragraph += text;
            paragraph.push('\n');
        }
        goes_on = !text.is_empty();
    }
    paragraphs.retain(|paragraph| !paragraph.trim().is_empty());
    paragraphs
}

/// The names in front of the colon, whether they are folded, and the rest.
fn head(paragraph: &str) -> Result<(Vec<String>, bool, String), String> {
    let wrong = || {
        let line = paragraph.lines().next().unwrap_or_default();
        format!(
            "`{line}` is no note. Write ``- `Heap::free`: what changes in it, \
             and why``, or `` `heap.rs`: `` in front of the notes of a file"
        )
    };
    let mut rest = paragraph.strip_prefix("- ").unwrap_or(paragraph);
    let mut names = Vec::new();
    loop {
        let after = rest.strip_prefix('`').ok_or_else(wrong)?;
        let (name, after) = after.split_once('`').ok_or_else(wrong)?;
        names.push(name.to_owned());
        rest = after;
        let separators = [",\n", ", ", " and ", " and\n", "\nand "];
        match separators.iter().find_map(|it| rest.strip_prefix(it)) {
            Some(after) => rest = after,
            None => break,
        }
    }
    let folded = rest.trim_start().strip_prefix("(folded)");
    let is_folded = folded.is_some();
    rest = folded.unwrap_or(rest);
    let text = rest.strip_prefix(':').ok_or_else(wrong)?.trim();
    if text.is_empty() {
        return Err(wrong());
    }
    Ok((names, is_folded, text.to_owned()))
}

/// A text to compare, and the item that each of its lines belongs to.
pub struct Text {
    side: Side,
    owners: Vec<Option<String>>,
}

impl Text {
    /// The lines of `side`, which are a part of `file`.
    pub fn new(side: Side, file: &str) -> Self {
        let owners = item::owners(file);
        let first = (side.first_line - 1).min(owners.len());
        Self { owners: owners[first..].to_vec(), side }
    }

    /// A file that is not there.
    pub fn empty(path: String) -> Self {
        let side = Side { path, first_line: 1, text: String::new() };
        Self { side, owners: Vec::new() }
    }

    /// Whether they are the same to the byte.
    pub fn same(&self, other: &Self) -> bool {
        self.side.text == other.side.text
    }

    /// The lines that belong to one item and stand together, with its name.
    /// Lines of no item go with what stands below them.
    fn parts(&self) -> Vec<(&str, Range<usize>)> {
        let mut parts: Vec<(&str, Range<usize>)> = Vec::new();
        let lines = self.side.text.lines().count();
        // What is said of the file as a whole belongs to no item of it.
        let is_of_file =
            |line: &&str| line.starts_with("//!") || line.trim().is_empty();
        let of_file = self.side.text.lines().take_while(is_of_file).count();
        let mut start = of_file;
        if of_file > 0 {
            parts.push(("//!", 0..of_file));
        }
        for line in 0..lines {
            let Some(owner) = self.owner(Some(line)) else { continue };
            if self.line(Some(line)).is_empty() {
                continue;
            }
            match parts.last_mut() {
                Some((name, part)) if *name == owner && part.end == start => {
                    part.end = line + 1;
                }
                _ => parts.push((owner, start..line + 1)),
            }
            start = line + 1;
        }
        if start < lines {
            parts.push(("", start..lines));
        }
        parts
    }

    /// Some of its lines.
    fn part(&self, lines: Range<usize>) -> Side {
        let text = self.side.text.split_inclusive('\n');
        Side {
            path: self.side.path.clone(),
            first_line: self.side.first_line + lines.start,
            text: text.skip(lines.start).take(lines.len()).collect(),
        }
    }

    fn owner(&self, line: Option<usize>) -> Option<&str> {
        self.owners.get(line?)?.as_deref()
    }

    fn line(&self, line: Option<usize>) -> &str {
        let line = line.and_then(|line| self.side.text.lines().nth(line));
        line.unwrap_or_default().trim()
    }
}

/// The diff of a file under its caption, as Markdown: each hunk with its note
/// beside it, and what lies between them folded.
///
/// # Errors
///
/// Which hunk has no note, and which note no hunk: all of them.
pub fn figure(
    caption: &str,
    old: &Text,
    new: &Text,
    of_file: &OfFile,
) -> Result<String, String> {
    let rows = lines(old, new);
    let of_code = rows.iter().filter(|row| row.is_code);
    let added = of_code.clone().filter(|row| row.old.is_none()).count();
    let removed = of_code.filter(|row| row.new.is_none()).count();
    let counts = format!("+{added} −{removed} of code");
    let hunks = if of_file.is_folded {
        code(&diff::fold(&diff::changed(&rows), &rows))
    } else {
        hunks_with_notes(old, new, &of_file.notes)?
    };
    Ok(captioned(caption, &counts, &of_file.text, &hunks))
}

/// A file that is new: its lines behind a click.
pub fn new_file(
    path: &str,
    nothing: &Text,
    file: &Text,
    of_file: &OfFile,
) -> String {
    let rows = lines(nothing, file);
    let summary = html::count(rows.len(), "line");
    let lines = code(&diff::fold(&summary, &rows));
    captioned(path, "new", &of_file.text, &lines)
}

/// A folder of which no file is shown.
pub fn folder(path: &str, of_folder: &OfFile) -> String {
    captioned(path, "not shown", &of_folder.text, "")
}

/// A file that is no more.
pub fn no_file(path: &str, of_file: &OfFile) -> String {
    captioned(path, "gone", &of_file.text, "")
}

/// A figure in Markdown. `caption` is HTML.
fn captioned(caption: &str, counts: &str, text: &str, inner: &str) -> String {
    let start = html::block(&format!(
        "<figure class=\"diff\">\n\
         <figcaption><span>{caption}</span> <span>{counts}</span></figcaption>"
    ));
    let end = html::block("</figure>");
    format!("{start}{}{inner}{end}", note(&[text]))
}

/// Texts in Markdown, as a block.
fn note(texts: &[&str]) -> String {
    let texts = texts.join("\n\n");
    if texts.is_empty() {
        return String::new();
    }
    let start = html::block("<div class=\"note\">");
    let end = html::block("</div>");
    format!("{start}\n{texts}\n{end}")
}

fn hunks_with_notes(
    old: &Text,
    new: &Text,
    notes: &[Note],
) -> Result<String, String> {
    let rows = lines(old, new);
    let owners = owners(&rows, old, new);
    let hunks = hunks(&rows, &owners, notes);
    let mistakes = mistakes(&rows, &owners, &hunks, notes, (old, new));
    if !mistakes.is_empty() {
        return Err(mistakes.join("; "));
    }
    let mut markdown = String::new();
    let mut end = 0;
    for (index, hunk) in hunks.iter().enumerate() {
        let between = &rows[end..hunk.rows.start];
        end = hunk.rows.end;
        markdown += &code(&diff::folded(between, index > 0, true));
        markdown += &hunk.markdown(&rows, &owners, notes);
    }
    markdown += &code(&diff::folded(&rows[end..], end > 0, false));
    Ok(markdown)
}

/// The lines of both texts. Items are compared with those of the same name:
/// so no hunk begins in one and ends in another.
fn lines(old: &Text, new: &Text) -> Vec<Row> {
    let digits = diff::digits(&old.side).max(diff::digits(&new.side));
    let (was, is) = (old.parts(), new.parts());
    let [was_names, is_names] = [&was, &is]
        .map(|parts| parts.iter().map(|part| part.0).collect::<Vec<_>>());
    let ops = capture_diff_slices(Algorithm::Lcs, &was_names, &is_names);
    let mut rows = Vec::new();
    let mut add = |was: Range<usize>, is: Range<usize>| {
        let (before, after) = (old.part(was.clone()), new.part(is.clone()));
        let part = diff::lines(&before, &after, digits);
        rows.extend(part.into_iter().map(|row| row.below(was.start, is.start)));
    };
    for op in ops {
        let (was, is) = (&was[op.old_range()], &is[op.new_range()]);
        if op.tag() == DiffTag::Equal {
            for (was, is) in was.iter().zip(is) {
                add(was.1.clone(), is.1.clone());
            }
        } else {
            was.iter().for_each(|was| add(was.1.clone(), 0..0));
            is.iter().for_each(|is| add(0..0, is.1.clone()));
        }
    }
    rows
}

/// For each changed line the name of what it belongs to.
fn owners<'a>(
    rows: &[Row],
    old: &'a Text,
    new: &'a Text,
) -> Vec<Option<&'a str>> {
    let mut owners = Vec::new();
    for run in rows.chunk_by(|a, b| a.is_changed() == b.is_changed()) {
        let first = run.iter().find(|row| row.is_code).map(|row| {
            if row.new.is_some() {
                new.line(row.new)
            } else {
                old.line(row.old)
            }
        });
        owners.extend(run.iter().map(|row| {
            if !row.is_changed() {
                return None;
            }
            let owner = if row.new.is_some() {
                new.owner(row.new)
            } else {
                old.owner(row.old)
            };
            owner.or(first.filter(|_| row.is_code))
        }));
    }
    owners
}

/// Changed lines that belong together.
#[derive(Debug)]
struct Hunk {
    rows: Range<usize>,
    /// The notes, by their places.
    notes: Vec<usize>,
}

/// The hunks: lines that stand side by side and have the same note, with the
/// unchanged lines between them.
fn hunks(rows: &[Row], owners: &[Option<&str>], notes: &[Note]) -> Vec<Hunk> {
    let note_of = |row: usize| {
        let owner = owners[row]?;
        notes.iter().position(|note| note.names.iter().any(|it| it == owner))
    };
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut start = 0;
    for run in rows.chunk_by(|a, b| a.is_changed() == b.is_changed()) {
        let range = start..start + run.len();
        start = range.end;
        if run[0].is_changed() {
            for hunk in split(range, rows, note_of) {
                match hunks.last_mut() {
                    Some(last) if last.shares_a_note_with(&hunk) => {
                        last.rows.end = hunk.rows.end;
                        last.notes.extend(hunk.notes);
                        last.notes.sort_unstable();
                        last.notes.dedup();
                    }
                    // Comments alone are no hunk.
                    _ if hunk.notes.is_empty() => {}
                    _ => hunks.push(hunk),
                }
            }
        }
    }
    hunks
}

/// The hunks of a run of changed lines. Where the lines of two notes are mixed,
/// they are one hunk with both.
fn split(
    run: Range<usize>,
    rows: &[Row],
    note_of: impl Fn(usize) -> Option<usize> + Copy,
) -> Vec<Hunk> {
    let code = |row: &usize| rows[*row].is_code;
    let mut noted: Vec<Hunk> = Vec::new();
    for row in run.clone().filter(code) {
        let Some(note) = note_of(row) else { continue };
        let known = noted.iter().position(|hunk| hunk.notes.contains(&note));
        match known {
            Some(known) => {
                // What stands between the two is in between.
                for between in noted.split_off(known + 1) {
                    noted[known].notes.extend(between.notes);
                }
                noted[known].rows.end = row + 1;
            }
            None => {
                noted.push(Hunk { rows: row..row + 1, notes: vec![note] });
            }
        }
    }
    // Comments and empty lines go with the code below them.
    let mut start = run.start;
    for hunk in &mut noted {
        hunk.rows.start = start;
        start = hunk.rows.end;
    }
    match noted.last_mut() {
        Some(last) => last.rows.end = run.end,
        None => {
            // A comment of an item whose code has a note belongs to it.
            let notes = run.clone().find_map(note_of).into_iter().collect();
            noted.push(Hunk { rows: run, notes });
        }
    }
    noted
}

/// What has no note, and what has no hunk.
fn mistakes(
    rows: &[Row],
    owners: &[Option<&str>],
    hunks: &[Hunk],
    notes: &[Note],
    (old, new): (&Text, &Text),
) -> Vec<String> {
    let mut mistakes = Vec::new();
    let mut changed: Vec<&str> = Vec::new();
    for (row, owner) in rows.iter().zip(owners) {
        let Some(owner) = owner.filter(|_| row.is_code) else { continue };
        if changed.contains(&owner) {
            continue;
        }
        changed.push(owner);
        if !notes.iter().any(|note| note.names.iter().any(|it| it == owner)) {
            let (text, line) = match row.new {
                Some(line) => (new, line),
                None => (old, row.old.unwrap_or_default()),
            };
            mistakes.push(format!(
                "the hunk in `{owner}` ({}, line {}) has no note",
                text.side.path,
                text.side.first_line + line,
            ));
        }
    }
    for (index, note) in notes.iter().enumerate() {
        let gone: Vec<_> = note
            .names
            .iter()
            .map(String::as_str)
            .filter(|name| !changed.contains(name))
            .collect();
        if !gone.is_empty() {
            let hunks = list(&changed);
            mistakes.push(format!(
                "a note is about {}, and no hunk is. There is: {hunks}",
                list(&gone),
            ));
        }
        let with: Vec<_> =
            hunks.iter().filter(|hunk| hunk.notes.contains(&index)).collect();
        if with.len() > 1 && !note.is_folded {
            let names: Vec<_> = note.names.iter().map(String::as_str).collect();
            mistakes.push(format!(
                "the note about {} has {} hunks, and other hunks stand between \
                 them. Make a note for each",
                list(&names),
                with.len()
            ));
        }
    }
    mistakes
}

impl Hunk {
    fn shares_a_note_with(&self, other: &Self) -> bool {
        self.notes.iter().any(|note| other.notes.contains(note))
    }

    /// What it changes, and how much: other hunks of the same note say
    /// something else.
    fn summary(&self, rows: &[Row], owners: &[Option<&str>]) -> String {
        let mut names: Vec<String> = Vec::new();
        let of_code = self.rows.clone().filter(|row| rows[*row].is_code);
        for name in of_code.filter_map(|row| owners[row]) {
            let name = format!("<code>{}</code>", escape(name));
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let changed = diff::changed(&rows[self.rows.clone()]);
        format!("{}: {changed}", names.join(", "))
    }

    fn markdown(
        &self,
        rows: &[Row],
        owners: &[Option<&str>],
        notes: &[Note],
    ) -> String {
        let summary = self.summary(rows, owners);
        let rows = &rows[self.rows.clone()];
        let notes: Vec<_> = self.notes.iter().map(|&it| &notes[it]).collect();
        // Where there are several, each says what it is about.
        let texts: Vec<_> = match &notes[..] {
            [note] => vec![note.text.clone()],
            notes => notes.iter().map(|note| note.with_names()).collect(),
        };
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let note = note(&texts);
        if notes.iter().all(|note| note.is_folded) {
            return format!(
                "{}{note}{}{}",
                html::block(&format!(
                    "<details class=\"hunk\"><summary>{summary}</summary>"
                )),
                code(&whole(rows)),
                html::block("</details>"),
            );
        }
        format!(
            "{}{}{note}{}",
            html::block("<div class=\"hunk\">"),
            code(&whole(rows)),
            html::block("</div>"),
        )
    }
}

/// A hunk's own lines. The unchanged ones in its middle are folded.
fn whole(rows: &[Row]) -> String {
    rows.chunk_by(|a, b| a.is_changed() == b.is_changed())
        .map(|run| {
            if run[0].is_changed() {
                diff::pre(run)
            } else {
                diff::folded(run, true, true)
            }
        })
        .collect()
}

/// Lines of code as a block of their own.
fn code(lines: &str) -> String {
    if lines.is_empty() {
        return String::new();
    }
    html::block(&format!(
        "<div class=\"hunks hljs\"><div>\n{lines}</div></div>"
    ))
}
