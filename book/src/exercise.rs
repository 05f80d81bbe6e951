//! Exercises: what a reader is asked to do, and the parts that belong to it.
//!
//! Exercise 3.1 is `book/exercises/3.1.md`, in the form of [`Text`]; the test
//! with `#[ignore = "exercise 3.1"]` in `tests/exercises.rs` of stage 3; and in
//! `book/solutions` the patches `3.1.patch`, which makes that test pass, and
//! `3.1.wrong.patch`, which looks good and is not.

use std::fs;
use std::path::Path;

use syn::{Attribute, Expr, Item, Lit, Meta};

use crate::diff::{self, Changes};
use crate::html::{self, escape};
use crate::parsed::parsed;
use crate::patch::{self, Change};
use crate::problem::{did_you_mean, list};
use crate::sources::Sources;
use crate::stage::{self, Stage, test_command};

/// What the reader is told.
///
/// ```text
/// # Title
///
/// minutes: 10
/// page: stage1/the-heap.md
///
/// ## Task
/// …
/// ## Hint 1
/// …
/// ## Hint 2
/// …
/// ## Why
/// …
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Its title.
    pub title: String,
    /// How long it takes.
    pub minutes: usize,
    /// The page to read first, from the folder of the chapters on.
    pub page: String,
    /// What to do.
    pub task: String,
    /// What helps if one does not know how.
    pub hints: [String; 2],
    /// Why the solution is as it is.
    pub why: String,
}

/// Reads the file of an exercise.
///
/// # Errors
///
/// What is wrong with it, as the end of a sentence that starts with its name.
pub fn parse(text: &str) -> Result<Text, String> {
    let (Head { title, minutes, page }, rest) = head(text)?;
    let headings = ["## Task", "## Hint 1", "## Hint 2", "## Why"];
    let [task, first, second, why] = sections(&rest, headings)?;
    Ok(Text { title, minutes, page, task, hints: [first, second], why })
}

/// What the file of a task starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its title.
    pub title: String,
    /// How long it takes.
    pub minutes: usize,
    /// The page to read first, from the folder of the chapters on.
    pub page: String,
}

/// Reads the first lines of the file of a task, and returns the others too.
///
/// # Errors
///
/// What is wrong with them, as the end of a sentence that starts with the
/// file's name.
pub fn head(text: &str) -> Result<(Head, String), String> {
    let mut lines = (1..).zip(text.lines());
    let mut head = |start: &str| {
        let filled = lines.find(|(_, line)| !line.trim().is_empty());
        let (number, line) = filled.ok_or(format!("has no `{start}`"))?;
        let value = line.strip_prefix(start).map(|value| value.trim());
        value.filter(|value| !value.is_empty()).ok_or(format!(
            "has `{line}` in line {number} instead of `{start}…`"
        ))
    };
    let title = head("# ")?.to_owned();
    let minutes = head("minutes: ")?;
    let minutes = minutes
        .parse()
        .map_err(|_| format!("has `{minutes}` instead of whole minutes"))?;
    let page = head("page: ")?.to_owned();
    let rest: Vec<_> = lines.map(|(_, line)| line).collect();
    Ok((Head { title, minutes, page }, rest.join("\n")))
}

/// What stands under each of the headings, in front of which nothing stands.
///
/// # Errors
///
/// What is wrong, as the end of a sentence that starts with the file's name.
pub fn sections<const N: usize>(
    text: &str,
    headings: [&str; N],
) -> Result<[String; N], String> {
    let text = format!("\n{text}\n");
    let mut sections = [const { String::new() }; N];
    let mut rest = &text[..];
    for (index, heading) in headings.iter().enumerate() {
        let (before, after) =
            rest.split_once(&format!("\n{heading}\n")).ok_or(format!(
                "has no line `{heading}`, or has it in another place"
            ))?;
        let before = before.trim();
        match index.checked_sub(1) {
            None if !before.is_empty() => {
                return Err(format!("has text in front of `{heading}`"));
            }
            None => {}
            Some(_) if before.is_empty() => {
                return Err(format!("has nothing in front of `{heading}`"));
            }
            Some(section) => sections[section] = before.to_owned(),
        }
        rest = after;
    }
    let (Some(last), Some(heading)) = (sections.last_mut(), headings.last())
    else {
        return Ok(sections);
    };
    *last = rest.trim().to_owned();
    if last.is_empty() {
        return Err(format!("has nothing under `{heading}`"));
    }
    Ok(sections)
}

/// An exercise with all its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exercise {
    /// Its number, such as `3.1`: the first exercise of stage 3.
    pub number: String,
    /// The stage that it changes.
    pub stage: Stage,
    /// What the reader is told.
    pub text: Text,
    /// The title of the page to read first.
    pub page_title: String,
    /// The name of its test in `tests/exercises.rs`.
    pub test: String,
    /// What solves it.
    pub solution: Vec<Change>,
    /// What looks like a solution.
    pub wrong: Vec<Change>,
}

/// The numbers of all exercises, in order.
pub fn numbers(sources: &Sources) -> Vec<String> {
    let folder = sources.book.join("exercises");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut numbers: Vec<_> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some(name.strip_suffix(".md")?.to_owned())
        })
        .collect();
    // 1.10 comes after 1.9.
    numbers.sort_by_key(|number| {
        number
            .split('.')
            .map(|part| part.parse().ok())
            .collect::<Vec<Option<u32>>>()
    });
    numbers
}

/// The exercise with this number.
///
/// # Errors
///
/// Which of its parts is missing or wrong, and what to write instead.
pub fn load(sources: &Sources, number: &str) -> Result<Exercise, String> {
    let text = text(sources, number)?;
    let (stage, _) = number.split_once('.').unwrap_or((number, ""));
    let stage = stage::find(&sources.root, stage)
        .map_err(|error| format!("exercise `{number}`: {error}"))?;
    let page = fs::read_to_string(sources.chapters.join(&text.page));
    let page_title = page.ok().as_deref().and_then(title).ok_or(format!(
        "book/exercises/{number}.md sends the reader to `{}`. There is no such \
         page with a title below the folder of the chapters",
        text.page
    ))?;
    Ok(Exercise {
        test: test_of(number, &stage)?,
        solution: changes(sources, &stage, &format!("{number}.patch"))?,
        wrong: changes(sources, &stage, &format!("{number}.wrong.patch"))?,
        number: number.to_owned(),
        stage,
        text,
        page_title,
    })
}

/// The exercises of a stage, in order.
///
/// # Errors
///
/// What is wrong with one of them.
pub fn of_stage(
    sources: &Sources,
    stage: &Stage,
) -> Result<Vec<Exercise>, String> {
    let own = format!("{}.", stage.number);
    let numbers = numbers(sources).into_iter();
    let numbers = numbers.filter(|number| number.starts_with(&own));
    numbers.map(|number| load(sources, &number)).collect()
}

/// What the reader of an exercise is told.
///
/// # Errors
///
/// That it is missing or in the wrong form, and what to write instead.
pub fn text(sources: &Sources, number: &str) -> Result<Text, String> {
    let file = sources.book.join(format!("exercises/{number}.md"));
    let text = fs::read_to_string(file).map_err(|_| {
        let numbers = numbers(sources);
        let numbers: Vec<_> = numbers.iter().map(String::as_str).collect();
        format!(
            "there is no exercise `{number}`.{} Write \
             book/exercises/{number}.md, or take one that there is: {}",
            did_you_mean(number, &numbers),
            list(&numbers)
        )
    })?;
    parse(&text).map_err(|error| format!("book/exercises/{number}.md {error}"))
}

/// The first heading of a page.
pub fn title(page: &str) -> Option<String> {
    page.lines().find_map(|line| line.strip_prefix("# ")).map(str::to_owned)
}

fn changes(
    sources: &Sources,
    stage: &Stage,
    name: &str,
) -> Result<Vec<Change>, String> {
    let patch = fs::read_to_string(sources.book.join("solutions").join(name))
        .map_err(|_| {
        format!(
            "there is no book/solutions/{name}. Write it as a diff against \
             {}, with `--- a/src/heap.rs` and `+++ b/src/heap.rs`",
            stage.name
        )
    })?;
    patch::changes(&stage.folder, &patch)
        .map_err(|error| format!("book/solutions/{name} {error}"))
}

fn test_of(number: &str, stage: &Stage) -> Result<String, String> {
    let path = format!("{}/tests/exercises.rs", stage.name);
    let file = stage.folder.join("tests/exercises.rs");
    let tests = match fs::read_to_string(file) {
        Ok(source) => tests(&path, &source)?,
        Err(_) => Vec::new(),
    };
    let names: Vec<_> = tests
        .iter()
        .filter(|test| test.exercise.as_deref() == Some(number))
        .map(|test| test.name.as_str())
        .collect();
    match names[..] {
        [name] => Ok(name.to_owned()),
        [] => Err(format!(
            "exercise `{number}` has no test. Write one in {path} with \
             `#[ignore = \"exercise {number}\"]`"
        )),
        _ => Err(format!(
            "exercise `{number}` has more than one test in {path}: {}",
            list(&names)
        )),
    }
}

/// A test of a Rust file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// The function's name.
    pub name: String,
    /// The number of the exercise that it is ignored for.
    pub exercise: Option<String>,
}

/// The tests of a file, in the order in which they stand.
///
/// # Errors
///
/// Why the file at `path` is not Rust.
pub fn tests(path: &str, source: &str) -> Result<Vec<Test>, String> {
    let file = parsed(source)
        .map_err(|error| format!("{path} is not Rust: {error}"))?;
    let tests = file.items.iter().filter_map(|item| match item {
        Item::Fn(function) => {
            let is = |attribute: &Attribute| attribute.path().is_ident("test");
            function.attrs.iter().any(is).then(|| Test {
                name: function.sig.ident.to_string(),
                exercise: function.attrs.iter().find_map(exercise_of),
            })
        }
        _ => None,
    });
    Ok(tests.collect())
}

/// `3.1` of `#[ignore = "exercise 3.1"]`.
fn exercise_of(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(ignore) = &attribute.meta else { return None };
    let Expr::Lit(reason) = &ignore.value else { return None };
    let Lit::Str(reason) = &reason.lit else { return None };
    let number = reason.value().strip_prefix("exercise ")?.to_owned();
    ignore.path.is_ident("ignore").then_some(number)
}

/// The file of exercises with none of them ignored.
pub fn switched_on(source: &str) -> String {
    source
        .split_inclusive('\n')
        .filter(|line| !line.trim().starts_with("#[ignore = \"exercise "))
        .collect()
}

impl Exercise {
    /// The exercise as Markdown, on the page at `page` below the folder of the
    /// chapters.
    pub fn markdown(&self, page: &Path) -> String {
        let Text { title, minutes, task, hints: [first, second], why, .. } =
            &self.text;
        let up = "../".repeat(page.components().count().saturating_sub(1));
        let (number, stage) = (&self.number, self.stage.number);
        let parts = [
            format!("## Exercise {number}: {title}"),
            format!(
                "<div class=\"length\">\n\n\
                 {}, after [{}]({up}{}).\n\n\
                 </div>",
                html::count(*minutes, "minute"),
                self.page_title,
                self.text.page,
            ),
            task.clone(),
            format!(
                "`cargo run -- practice {stage}` makes your copy, if you have \
                 none yet. You are done when this passes:"
            ),
            format!(
                "```sh\n{} --test exercises {}\n```",
                test_command(stage),
                self.test
            ),
            folded("Hint 1", first),
            folded("Hint 2", second),
            folded("Solution", &format!("{}\n{why}", self.solution_html())),
        ];
        format!("\n{}\n\n", parts.join("\n\n"))
    }

    fn solution_html(&self) -> String {
        let figures = self.solution.iter().map(|change| {
            let Changes { added, removed } = diff::changes_in(&change.hunks);
            let caption = format!(
                "<span>{}/{}</span> <span>+{added} −{removed}</span>",
                escape(&self.stage.name),
                escape(&change.path),
            );
            diff::figure(&caption, &diff::hunks_html(&change.hunks))
        });
        figures.map(|figure| html::block(&figure)).collect()
    }
}

/// Markdown behind a click. Paper leaves it out: it gives something away.
pub fn folded(summary: &str, text: &str) -> String {
    fold("hint", summary, text)
}

/// The same, but that paper shows it: it gives nothing away.
pub fn open_on_paper(summary: &str, text: &str) -> String {
    fold("plain", summary, text)
}

fn fold(class: &str, summary: &str, text: &str) -> String {
    format!(
        "<details class=\"{class}\">\n<summary>{summary}</summary>\n\n\
         {text}\n\n</details>"
    )
}
