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
//! shows it. Of either kind, the numbers that are typed after all are told by
//! [`typed`]: a test has a list of them, with the reason for each.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Component, Path};

use crate::problem::Mistake;
use crate::{amount, inline};

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

/// The words of an answer, and which of them are numbers that somebody typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// The line of the page on which the answer starts, from 1 on.
    pub line: usize,
    /// Without what was computed, without code and without where links lead.
    pub words: Vec<String>,
    /// The places of those numbers among the words.
    pub typed: Vec<usize>,
}

/// What stands in an answer where something is computed, or code.
const NO_WORD: &str = "…";

/// What a number behind it belongs to: a name.
const NAMES: [&str; 6] =
    ["stage", "stages", "chapter", "chapters", "exercise", "exercises"];

/// Of these "one" is a number. Mostly it is none: "the one below".
const COUNTED: [&str; 19] = [
    "bit", "block", "byte", "call", "chunk", "free", "header", "join", "list",
    "malloc", "mapping", "move", "page", "record", "segment", "stack", "step",
    "store", "time",
];

/// A number from here on that the question gives, or that a heap is given in the
/// answer, is no fact of a heap. A smaller one may be there by chance.
const GIVEN: u64 = 11;

/// The words of each answer of a page in Markdown, and the numbers among them
/// that are typed. Not told are numbers of stages and chapters, and those that
/// are given.
pub fn typed(markdown: &str) -> Vec<Words> {
    let lines: Vec<_> = markdown.lines().collect();
    let mut found = Vec::new();
    for Asked { lines: inside, answer } in asked(&lines) {
        let Some(at) = answer else { continue };
        let text = |lines: &[&str]| {
            let lines = lines.iter().map(|line| line.trim_start_matches('>'));
            lines.collect::<Vec<_>>().join("\n")
        };
        let question = text(&lines[inside.start..at]);
        let answer = text(&lines[at..inside.end]);
        let answer = answer.split_once(".**").map_or("", |(_, answer)| answer);
        let mut given = numbers(&question);
        let is_given = answer.split("{{#").skip(1);
        let is_given = is_given.filter_map(|it| Some(it.split_once("}}")?.0));
        given.extend(is_given.flat_map(numbers));
        let words = words(answer);
        let typed = (0..words.len()).filter(|at| is_typed(&words, *at, &given));
        let typed = typed.collect();
        found.push(Words { line: at + 1, words, typed });
    }
    found
}

/// All numbers in a text, from [`GIVEN`] on.
fn numbers(text: &str) -> BTreeSet<u64> {
    let parts = text.split(|it: char| !it.is_alphanumeric() && it != ',');
    let numbers = parts.filter_map(|it| number(it.trim_matches(',')));
    numbers.filter(|it| *it >= GIVEN).collect()
}

/// The words of an answer.
fn words(answer: &str) -> Vec<String> {
    let mut text = String::new();
    let mut rest = answer;
    // What is computed may have a link or code in it, so it goes first.
    while let Some((before, after)) = rest.split_once("{{#") {
        text = text + before + NO_WORD;
        rest = after.split_once("}}").map_or("", |(_, after)| after);
    }
    text += rest;
    let mut whole = String::new();
    for (at, part) in text.split('`').enumerate() {
        whole += if at % 2 == 0 { part } else { NO_WORD };
    }
    let mut text = String::new();
    let mut rest = &*whole;
    while let Some((before, after)) = rest.split_once("](") {
        text = text + before + "] ";
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    text += rest;
    let is_outside = |it: char| !it.is_alphanumeric() && it != '…';
    let words = text.split_whitespace().flat_map(|it| it.split('-'));
    let words = words.map(|it| it.trim_matches(is_outside).to_owned());
    words.filter(|it| !it.is_empty()).collect()
}

/// Whether the word at a place is a number that somebody typed.
fn is_typed(words: &[String], at: usize, given: &BTreeSet<u64>) -> bool {
    let word = words[at].to_lowercase();
    let before = at.checked_sub(1).map(|at| words[at].to_lowercase());
    if before.is_some_and(|it| NAMES.contains(&&*it)) {
        return false;
    }
    let next = words.get(at + 1).map(|it| it.to_lowercase());
    let next = next.unwrap_or_default();
    let is_counted = COUNTED.iter().any(|it| next.starts_with(it));
    match number(&word) {
        Some(1) if word == "one" => at == 0 || is_counted,
        Some(0) if word == "none" => at == 0,
        Some(number) => !given.contains(&number),
        None => word.starts_with(|it: char| it.is_ascii_digit()),
    }
}

/// What a word says, if it is a whole number: `4,096`, `eight`, `twice`.
fn number(word: &str) -> Option<u64> {
    if let Ok(number) = word.replace([',', '_'], "").parse() {
        return Some(number);
    }
    let word = word.to_lowercase();
    let small = (0..=20).find(|it| amount::word(*it) == Some(&word));
    small.map(|it| it as u64).or(match &*word {
        "twice" | "half" => Some(2),
        "third" => Some(3),
        "fourth" | "quarter" => Some(4),
        "fifth" => Some(5),
        "sixth" => Some(6),
        "seventh" => Some(7),
        "eighth" => Some(8),
        "ninth" => Some(9),
        "tenth" => Some(10),
        "thirty" => Some(30),
        "forty" => Some(40),
        "fifty" => Some(50),
        "sixty" => Some(60),
        "seventy" => Some(70),
        "eighty" => Some(80),
        "ninety" => Some(90),
        "hundred" | "hundreds" | "hundredth" | "hundredths" => Some(100),
        "thousand" | "thousands" => Some(1000),
        "million" | "millions" => Some(1_000_000),
        _ => None,
    })
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
