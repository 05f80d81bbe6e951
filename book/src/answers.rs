//! Questions at the end of a page, and their answers.
//!
//! ```text
//! > **Before you go on.** How far has the break risen?
//! >
//! > **Answer.** By {{#ran stage1: a = malloc(1) -> used as bytes}}: [the
//! > heap](the-heap.md).
//! ```
//!
//! An answer is folded away on its page, and stands open at the back of the
//! book. It has a number in it that was not typed, or is one of reasoning and
//! says so: `**Answer, by reasoning.**`. And it names the page or the test that
//! shows it.

use std::ops::Range;
use std::path::{Component, Path};

use crate::inline;
use crate::problem::Mistake;

/// How the question at the end of a page starts. Where there are several they
/// are numbered: `> **1.** How far …`.
const QUESTION: &str = "> **Before you go on.**";

/// How an answer starts in which something was computed.
const COMPUTED: &str = "> **Answer.**";

/// How one starts that can only be thought out.
const REASONED: &str = "> **Answer, by reasoning.**";

/// How an answer begins on its page, and how it ends.
const FOLD: &str = "> <details class=\"answer\"><summary>Answer</summary>";
const END: &str = "> </details>";

/// Which answers a page at the back has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// Those of the whole book.
    #[default]
    All,
    /// Those up to the last page in this folder.
    To(String),
    /// Those after it.
    After(String),
}

impl Part {
    /// The line of a page on which they come.
    pub fn place(&self) -> String {
        match self {
            Self::All => "<!-- answers -->".to_owned(),
            Self::To(folder) => format!("<!-- answers to {folder} -->"),
            Self::After(folder) => format!("<!-- answers after {folder} -->"),
        }
    }

    /// The part whose answers come on a page.
    pub fn of_page(page: &str) -> Option<Self> {
        let start = page.lines().find_map(|line| {
            line.strip_prefix("<!-- answers")?.strip_suffix("-->")
        })?;
        let words: Vec<_> = start.split_whitespace().collect();
        match words[..] {
            [] => Some(Self::All),
            ["to", folder] => Some(Self::To(folder.to_owned())),
            ["after", folder] => Some(Self::After(folder.to_owned())),
            _ => None,
        }
    }
}

/// A question in the lines of a page, from 0 on.
struct Asked {
    lines: Range<usize>,
    /// Where its answer starts, if there is one.
    answer: Option<usize>,
}

fn asked(lines: &[&str]) -> Vec<Asked> {
    let mut found = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        if start(line).is_none() {
            continue;
        }
        let length = lines[first..]
            .iter()
            .take_while(|line| line.starts_with('>'))
            .count();
        let inside = first..first + length;
        let is_answer = |at: &usize| {
            [COMPUTED, REASONED].iter().any(|it| lines[*at].starts_with(it))
        };
        let answer = inside.clone().find(is_answer);
        found.push(Asked { lines: inside, answer });
    }
    found
}

/// What a question starts with, if the line is the first of one.
fn start(line: &str) -> Option<&str> {
    if line.starts_with(QUESTION) {
        return Some(QUESTION);
    }
    let number = line.strip_prefix("> **")?.split(".**").next()?;
    let is_number = number.chars().all(|it| it.is_ascii_digit());
    let end = "> **".len() + number.len() + ".**".len();
    (is_number && !number.is_empty()).then(|| line.get(..end)).flatten()
}

/// What is wrong with the questions of a page in Markdown.
pub fn mistakes(markdown: &str) -> Vec<Mistake> {
    let lines: Vec<_> = markdown.lines().collect();
    let mut mistakes = Vec::new();
    for Asked { lines: inside, answer } in asked(&lines) {
        let Some(at) = answer else {
            let text = format!(
                "the question has no answer. Write `{COMPUTED} …` under it, or \
                 `{REASONED} …`"
            );
            mistakes.push((Some(inside.start + 1), text));
            continue;
        };
        let answer = lines[at..inside.end].join("\n");
        if lines[at].starts_with(COMPUTED) && !inline::is_in(&answer) {
            let text = format!(
                "the answer is typed. Have it computed (`{{{{#ran …}}}}`, \
                 `{{{{#const …}}}}`), or start it with `{REASONED}`"
            );
            mistakes.push((Some(at + 1), text));
        }
        if !answer.contains("](") && !answer.contains('_') {
            let text = "the answer names no page and no test that shows it";
            mistakes.push((Some(at + 1), text.into()));
        }
    }
    mistakes
}

/// Where answers stand in a page in Markdown, in bytes.
pub fn places(markdown: &str) -> Vec<Range<usize>> {
    let lines: Vec<_> = markdown.lines().collect();
    let mut starts = vec![0];
    for line in markdown.split_inclusive('\n') {
        starts.push(starts[starts.len() - 1] + line.len());
    }
    let answers = asked(&lines).into_iter().filter_map(|asked| {
        Some(starts[asked.answer?]..starts[asked.lines.end])
    });
    answers.collect()
}

/// The page with its answers folded away.
pub fn folded(markdown: &str) -> String {
    let lines: Vec<_> = markdown.lines().collect();
    let asked = asked(&lines);
    if asked.is_empty() {
        return markdown.to_owned();
    }
    let mut folded = String::new();
    for (at, line) in lines.iter().enumerate() {
        let is_first = asked.iter().any(|it| it.answer == Some(at));
        if is_first {
            let text = [COMPUTED, REASONED]
                .iter()
                .find_map(|start| line.strip_prefix(start))
                .unwrap_or(line);
            folded += &format!("{FOLD}\n>\n> {}\n", text.trim_start());
        } else {
            folded += &format!("{line}\n");
        }
        let is_last = |it: &&Asked| it.lines.end == at + 1;
        if asked.iter().find(is_last).is_some_and(|it| it.answer.is_some()) {
            folded += &format!(">\n{END}\n");
        }
    }
    folded
}

/// The questions of a page whose answers are folded, with the answers, as
/// Markdown for the page `to`. `from` is where the page lies itself.
pub fn at_the_back(folded: &str, from: &Path, to: &Path) -> Vec<[String; 2]> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in folded.split_inclusive('\n') {
        let rest = &folded[at..];
        at += line.len();
        let Some(start) = start(line) else { continue };
        let (Some(fold), Some(end)) = (rest.find(FOLD), rest.find(END)) else {
            continue;
        };
        let question = &rest[start.len()..fold];
        let answer = &rest[fold + FOLD.len()..end];
        found.push([question, answer].map(|part| {
            let lines = part.lines().map(|line| {
                line.strip_prefix('>').unwrap_or(line).trim_start()
            });
            let text = lines.collect::<Vec<_>>().join("\n");
            moved(text.trim(), from, to)
        }));
    }
    found
}

/// Text with links that lead from `to` where they led from `from`.
fn moved(text: &str, from: &Path, to: &Path) -> String {
    const LINK: &str = "](";
    let mut moved = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(LINK) {
        let start = at + LINK.len();
        moved += &rest[..start];
        rest = &rest[start..];
        let end = rest.find(')').unwrap_or(rest.len());
        let link = &rest[..end];
        rest = &rest[end..];
        moved += &match link.split_once('#') {
            _ if link.contains("://") => link.to_owned(),
            Some((path, place)) => {
                format!("{}#{place}", relinked(path, from, to))
            }
            None => relinked(link, from, to),
        };
    }
    moved + rest
}

/// The path from the page `to` to that which is called `link` on `from`.
pub fn relinked(link: &str, from: &Path, to: &Path) -> String {
    let whole = match link {
        "" => from.to_owned(),
        link => from.with_file_name("").join(link),
    };
    let mut names: Vec<String> = Vec::new();
    for part in whole.components() {
        match part {
            Component::ParentDir => _ = names.pop(),
            Component::Normal(part) => {
                names.push(part.to_string_lossy().into_owned());
            }
            _ => {}
        }
    }
    crate::numbering::relative(to, Path::new(&names.join("/")))
}
