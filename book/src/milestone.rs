//! Milestones: the parts in which a stage is written from nothing.
//!
//! Those of stage 3 are `book/milestones/stage3/1-walk.md` and so on, in the
//! order of their numbers and in this form:
//!
//! ```text
//! # Title
//!
//! minutes: 10
//! page: stage1/the-heap.md
//!
//! ## Task
//! …
//! ## Hint 1
//! …
//! ## Hint 2
//! …
//! ## Hint 3
//! …
//! ## Bodies
//! - Heap::malloc
//! ## Tests
//! - contract: a_block_can_be_written_and_read
//! ```

use std::fs;
use std::path::Path;

use crate::exercise::{self, Head, folded, open_on_paper};
use crate::html;
use crate::sources::Sources;
use crate::stage::{self, Stage};

/// One part of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Milestone {
    /// What the reader calls it: `walk`.
    pub name: String,
    /// Its title.
    pub title: String,
    /// How long it takes.
    pub minutes: usize,
    /// The page to read first, from the folder of the chapters on.
    pub page: String,
    /// The title of that page.
    pub page_title: String,
    /// What to do.
    pub task: String,
    /// What helps if one does not know how.
    pub hints: [String; 3],
    /// The functions that are written in it, or written anew.
    pub bodies: Vec<String>,
    /// The tests that it turns green, in this order: the names of their files,
    /// without `.rs`, and their own.
    pub tests: Vec<(String, String)>,
}

const HEADINGS: [&str; 6] =
    ["## Task", "## Hint 1", "## Hint 2", "## Hint 3", "## Bodies", "## Tests"];

/// The milestones of a stage, in order: nothing if it has none.
///
/// # Errors
///
/// What is wrong with one of them.
pub fn of_stage(
    sources: &Sources,
    stage: &Stage,
) -> Result<Vec<Milestone>, String> {
    let folder = format!("milestones/stage{}", stage.number);
    let entries = fs::read_dir(sources.book.join(&folder));
    let mut files: Vec<_> = entries
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    // There are fewer than ten: their numbers have one digit.
    files.sort();
    let load = |file: &String| {
        let wrong = |why: String| format!("book/{folder}/{file} {why}");
        let text = fs::read_to_string(sources.book.join(&folder).join(file));
        let text =
            text.map_err(|error| wrong(format!("cannot be read: {error}")))?;
        parse(sources, file, &text).map_err(wrong)
    };
    files.iter().map(load).collect()
}

/// The milestones of the stage with this number, in order.
///
/// # Errors
///
/// That it has none, or what is wrong with one of them.
pub fn of_number(
    sources: &Sources,
    number: &str,
) -> Result<Vec<Milestone>, String> {
    let stage = stage::find(&sources.root, number)?;
    let milestones = of_stage(sources, &stage)?;
    if milestones.is_empty() {
        return Err(format!(
            "stage {number} has no milestones. Write \
             book/milestones/stage{number}/1-name.md"
        ));
    }
    Ok(milestones)
}

/// Reads the file of a milestone.
///
/// # Errors
///
/// What is wrong with it, as the end of a sentence that starts with its name.
fn parse(
    sources: &Sources,
    file: &str,
    text: &str,
) -> Result<Milestone, String> {
    let name = file.strip_suffix(".md").and_then(|it| it.split_once('-'));
    let (_, name) = name.ok_or("is not called as in `1-walk.md`")?;
    let (Head { title, minutes, page }, rest) = exercise::head(text)?;
    let [task, first, second, third, bodies, tests] =
        exercise::sections(&rest, HEADINGS)?;
    let text = fs::read_to_string(sources.chapters.join(&page));
    let page_title = text.ok().as_deref().and_then(exercise::title);
    let page_title = page_title.ok_or(format!(
        "sends the reader to `{page}`. There is no such page with a title \
         below the folder of the chapters"
    ))?;
    let test = |line: String| {
        let (file, test) = line.split_once(": ").ok_or(format!(
            "has `{line}` instead of `contract: name` under `## Tests`"
        ))?;
        Ok((file.to_owned(), test.to_owned()))
    };
    let tests = items(&tests)?.into_iter().map(test);
    Ok(Milestone {
        name: name.to_owned(),
        title,
        minutes,
        page,
        page_title,
        task,
        hints: [first, second, third],
        bodies: items(&bodies)?,
        tests: tests.collect::<Result<_, String>>()?,
    })
}

/// The items of a list.
fn items(text: &str) -> Result<Vec<String>, String> {
    let item = |line: &str| {
        let item = line.strip_prefix("- ").map(|item| item.trim().to_owned());
        item.ok_or(format!("has `{line}` instead of a line such as `- item`"))
    };
    text.lines().map(item).collect()
}

impl Milestone {
    /// The milestone as Markdown, on the page at `page` below the folder of the
    /// chapters.
    pub fn markdown(&self, page: &Path) -> String {
        let up = "../".repeat(page.components().count().saturating_sub(1));
        let [first, second, third] = &self.hints;
        let parts = [
            format!("## {}: {}", self.name, self.title),
            format!(
                "<div class=\"length\">\n\n\
                 {}, after [{}]({up}{}).\n\n\
                 </div>",
                html::count(self.minutes, "minute"),
                self.page_title,
                self.page,
            ),
            self.task.clone(),
            folded("Hint 1", first),
            folded("Hint 2", second),
            folded("Hint 3", third),
            open_on_paper("What to write", &list(&self.bodies)),
            open_on_paper(
                &html::count(self.tests.len(), "test"),
                &list(self.tests.iter().map(|(_, name)| name)),
            ),
        ];
        format!("\n{}\n\n", parts.join("\n\n"))
    }
}

/// Names as a list.
fn list(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let items = names.into_iter().map(|it| format!("- `{}`\n", it.as_ref()));
    items.collect()
}
