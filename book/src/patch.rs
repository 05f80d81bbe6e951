//! Patches: unified diffs against the folder of a stage.

use std::fs;
use std::ops::Range;
use std::path::Path;

use diffy::patch_set::{FileOperation, FilePatch, ParseOptions, PatchSet};
use diffy::{Hunk, Line};

use crate::diff::Side;

/// What a patch makes of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The file, from the folder on.
    pub path: String,
    /// Its text afterwards.
    pub text: String,
    /// The places that change, each with the lines around it.
    pub hunks: Vec<(Side, Side)>,
}

/// What `patch` makes of the files of `folder`. They stay as they are.
///
/// Each hunk has to fit to the line: one that is found elsewhere in its file
/// is a mistake.
///
/// # Errors
///
/// Which hunk does not fit, and why, as the end of a sentence that starts with
/// the patch's name.
pub fn changes(folder: &Path, patch: &str) -> Result<Vec<Change>, String> {
    PatchSet::parse(patch, ParseOptions::unidiff())
        .map(|file| {
            let file = file.map_err(|error| format!("is no patch: {error}"))?;
            change(folder, &file)
        })
        .collect()
}

fn change(folder: &Path, patch: &FilePatch<'_, str>) -> Result<Change, String> {
    let (path, old) = match patch.operation().strip_prefix(1) {
        FileOperation::Create(path) => (path.into_owned(), String::new()),
        FileOperation::Modify { original, modified }
            if original == modified =>
        {
            let path = original.into_owned();
            let text = fs::read_to_string(folder.join(&path))
                .map_err(|_| format!("is about `{path}`, which is no file"))?;
            (path, text)
        }
        other => {
            return Err(format!(
                "changes more than the text of a file ({other:?}). Write \
                 `--- a/src/heap.rs` and `+++ b/src/heap.rs`"
            ));
        }
    };
    let hunks = patch.patch().as_text().map_or(&[][..], |text| text.hunks());
    let mut text = String::new();
    let mut sides = Vec::new();
    let lines: Vec<_> = old.split_inclusive('\n').collect();
    let mut done = 0;
    for hunk in hunks {
        let place =
            fit(hunk, &lines, done).map_err(|why| misfit(hunk, &path, &why))?;
        text.extend(lines[done..place.start].iter().copied());
        done = place.end;
        let (old, new) = halves(hunk, &path);
        text += &new.text;
        sides.push((old, new));
    }
    text.extend(lines[done..].iter().copied());
    Ok(Change { path, text, hunks: sides })
}

/// The lines of the old file that a hunk replaces, counted from 0 on. What is
/// above line `done` belongs to the hunk before.
fn fit(
    hunk: &Hunk<'_, str>,
    lines: &[&str],
    done: usize,
) -> Result<Range<usize>, String> {
    let range = hunk.old_range();
    // One that only inserts names the line above.
    let start = range.start() - usize::from(!range.is_empty());
    let place = start..start + range.len();
    if start < done {
        return Err("it starts above the end of the hunk before".into());
    }
    if place.end > lines.len() {
        return Err(format!("the file has {} lines only", lines.len()));
    }
    let old = hunk.lines().iter().filter_map(|line| match line {
        Line::Context(text) | Line::Delete(text) => Some(*text),
        Line::Insert(_) => None,
    });
    for ((number, is), wanted) in (start + 1..).zip(&lines[start..]).zip(old) {
        if *is != wanted {
            return Err(format!(
                "line {number} of the file is `{}`, and the patch has `{}`",
                is.trim_end(),
                wanted.trim_end()
            ));
        }
    }
    Ok(place)
}

fn misfit(hunk: &Hunk<'_, str>, path: &str, why: &str) -> String {
    let (old, new) = (hunk.old_range(), hunk.new_range());
    format!("does not fit {path} at `@@ -{old} +{new} @@`: {why}")
}

/// The lines of a hunk before and after.
fn halves(hunk: &Hunk<'_, str>, path: &str) -> (Side, Side) {
    let side = |first_line| Side {
        path: path.to_owned(),
        first_line,
        text: String::new(),
    };
    let mut old = side(hunk.old_range().start());
    let mut new = side(hunk.new_range().start());
    for line in hunk.lines() {
        match line {
            Line::Context(text) => {
                old.text += text;
                new.text += text;
            }
            Line::Delete(text) => old.text += text,
            Line::Insert(text) => new.text += text,
        }
    }
    (old, new)
}
