//! One page: its prose, and its directives put in place.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use mdbook_markdown::pulldown_cmark::{Event, HeadingLevel, Tag, TagEnd};
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};

use crate::console::{Notes, blocks};
use crate::directive::{Directive, END_OF_DIFF};
use crate::milestone::{self, Milestone};
use crate::permalink::Anchors;
use crate::problem::Mistake;
use crate::prose::words;
use crate::sources::Sources;
use crate::time::{self, Reading};
use crate::{about, answers, exercise, html, inline, numbering};

/// A page has at most this many words of prose.
pub const MAX_WORDS: usize = 1500;

/// How long a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// Its words of prose: all but listings, figures, code and HTML. Of an
    /// exercise it is the task.
    pub words: usize,
    /// The minutes that it takes to read, with its code and its figures.
    pub to_read: usize,
    /// The minutes that its exercises, tasks and commands take.
    pub to_do: usize,
}

impl Length {
    /// Such as "8 min to read · 3 h 45 min to do".
    fn told(self) -> String {
        let mut told = format!("{} to read", time::told(self.to_read));
        if self.to_do > 0 {
            told += &format!(" · {} to do", time::told(self.to_do));
        }
        told
    }
}

/// A page in Markdown, taken apart.
pub struct Page<'a> {
    markdown: &'a str,
    // Code, in blocks and in the middle of a line: there a directive is text.
    code: Vec<Range<usize>>,
    // Behind the title.
    title_end: Option<usize>,
    words: usize,
}

impl<'a> Page<'a> {
    /// Takes a page apart.
    pub fn new(markdown: &'a str) -> Self {
        let mut page =
            Self { markdown, code: Vec::new(), title_end: None, words: 0 };
        let mut in_block = false;
        // What is behind a click has time of its own.
        let answers = answers::places(markdown);
        let is_answer = |at| answers.iter().any(|it| it.contains(&at));
        let options = MarkdownOptions::default();
        let events = new_cmark_parser(markdown, &options).into_offset_iter();
        for (event, range) in events {
            match event {
                Event::Start(Tag::CodeBlock(_)) => {
                    in_block = true;
                    page.code.push(range);
                }
                Event::End(TagEnd::CodeBlock) => in_block = false,
                Event::End(TagEnd::Heading(HeadingLevel::H1)) => {
                    page.title_end.get_or_insert(range.end);
                }
                Event::Code(text) => {
                    if !is_answer(range.start) {
                        page.words += words(&text);
                    }
                    page.code.push(range);
                }
                Event::Text(text)
                    if !in_block
                        && !is_answer(range.start)
                        && !is_directive(page.line_at(range.start)) =>
                {
                    page.words += words(&text);
                }
                _ => {}
            }
        }
        page
    }

    /// How long the page is. What is wrong with it is told by
    /// [`expand`](Self::expand).
    pub fn length(&self, path: &Path, sources: &Sources) -> Length {
        let (blocks, _) = self.blocks(path, sources);
        self.measured(sources, &self.with(&blocks, path, sources).0)
    }

    fn measured(&self, sources: &Sources, expanded: &str) -> Length {
        let exercises = self.exercises();
        let texts: Vec<_> = exercises
            .iter()
            .filter_map(|number| exercise::text(sources, number).ok())
            .collect();
        let milestones = self.milestones(sources);
        let exercises =
            texts.iter().map(|it| (&it.title, &it.task, it.minutes));
        let milestones =
            milestones.iter().map(|it| (&it.title, &it.task, it.minutes));
        let all: Vec<_> = exercises.chain(milestones).collect();
        let tasks = all
            .iter()
            .map(|(title, task, _)| words(title) + Page::new(task).words);
        let minutes = all.iter().map(|(_, _, minutes)| minutes);
        let other_tasks = time::of_tasks(self.markdown).unwrap_or(0);
        let waiting = self.seconds_of_commands(sources).div_ceil(60);
        Length {
            words: self.words + tasks.sum::<usize>(),
            to_read: Reading::of(expanded).minutes(),
            to_do: minutes.sum::<usize>() + other_tasks + waiting,
        }
    }

    /// How long the commands take of which the page says it.
    fn seconds_of_commands(&self, sources: &Sources) -> usize {
        let captured = self.directives().into_iter().filter_map(|(_, line)| {
            let Directive::Captured { name } = Directive::parse(line).ok()?
            else {
                return None;
            };
            Some(sources.captured(&name).ok()?.notes)
        });
        let printed = blocks(self.markdown).into_iter().map(|it| it.notes);
        let seconds: u64 = printed
            .chain(captured)
            .filter_map(|notes| Notes::parse(&notes).ok()?.takes)
            .sum();
        usize::try_from(seconds).unwrap_or(usize::MAX)
    }

    /// The numbers of the exercises on the page.
    pub fn exercises(&self) -> Vec<String> {
        let directives = self.directives().into_iter();
        directives
            .filter_map(|(_, line)| match Directive::parse(line) {
                Ok(Directive::Exercise { number }) => Some(number),
                _ => None,
            })
            .collect()
    }

    /// The milestones on the page. What is wrong with them is told by
    /// [`expand`](Self::expand).
    pub fn milestones(&self, sources: &Sources) -> Vec<Milestone> {
        let directives = self.directives().into_iter();
        directives
            .filter_map(|(_, line)| match Directive::parse(line) {
                Ok(Directive::Milestones { stage }) => {
                    milestone::of_number(sources, &stage).ok()
                }
                _ => None,
            })
            .flatten()
            .collect()
    }

    /// The figures on the page that are recordings or drawings.
    pub fn figures(&self) -> Vec<Directive> {
        let directives = self.directives().into_iter();
        directives
            .filter_map(|(_, line)| Directive::parse(line).ok())
            .filter(|it| {
                matches!(it, Directive::Heap { .. } | Directive::Drawing { .. })
            })
            .collect()
    }

    /// The directives, with the numbers of their lines, from 1 on. Each is one
    /// line, but for a diff with notes.
    pub fn directives(&self) -> Vec<(usize, &'a str)> {
        let mut found = Vec::new();
        let mut at = 0;
        for (index, line) in self.markdown.split_inclusive('\n').enumerate() {
            let mut starts = line.match_indices("{{#");
            let is_one = |start| {
                !inline::starts(&line[start..]) && !self.is_code(at + start)
            };
            if starts.any(|(start, _)| is_one(start)) {
                let text = &self.markdown[at..];
                found.push((index + 1, with_notes(text).unwrap_or(line)));
            }
            at += line.len();
        }
        found
    }

    /// The first line of each block of commands of which something is said:
    /// that, and the line without it.
    fn noted_commands(&self) -> Vec<(usize, Result<String, String>)> {
        let blocks = blocks(self.markdown).into_iter();
        let noted = blocks.filter(|block| !block.notes.is_empty());
        let above = |notes: &str| {
            let html = Notes::parse(notes)?.html().unwrap_or_default();
            Ok(format!("{}```sh\n", html::block(&html)))
        };
        noted.map(|block| (block.line, above(&block.notes))).collect()
    }

    /// The page as Markdown and HTML that mdBook renders: each directive in
    /// its place, the chapter's number in the title, and under it the chapter
    /// and how long the page takes. `path` is where the page lies below the
    /// folder of the chapters.
    ///
    /// # Errors
    ///
    /// All mistakes of the page.
    pub fn expand(
        &self,
        path: &Path,
        sources: &Sources,
    ) -> Result<String, Vec<Mistake>> {
        self.expand_measured(path, sources).map(|(expanded, _)| expanded)
    }

    /// The same, and how long the page is.
    ///
    /// # Errors
    ///
    /// All mistakes of the page.
    pub fn expand_measured(
        &self,
        path: &Path,
        sources: &Sources,
    ) -> Result<(String, Length), Vec<Mistake>> {
        let (blocks, mut mistakes) = self.blocks(path, sources);
        let (mut expanded, title_end) = self.with(&blocks, path, sources);
        let length = self.measured(sources, &expanded);
        mistakes.extend(self.mistakes(length));
        mistakes.extend(answers::mistakes(self.markdown));
        mistakes.extend(sources.numbering.mistakes(self.markdown, path));
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let head = head(path, sources, length);
        expanded.insert_str(title_end, &head);
        Ok((expanded, length))
    }

    /// What the directives stand for, with the numbers of their lines.
    fn blocks(
        &self,
        path: &Path,
        sources: &Sources,
    ) -> (Vec<(usize, String)>, Vec<Mistake>) {
        let (mut blocks, mut mistakes) = (Vec::new(), Vec::new());
        let (mut all, mut directives) = (Vec::new(), Vec::new());
        let mut anchors = Anchors::default();
        let replaced =
            |text: &str| inline::replaced(&sources.root, text, |_| false);
        for (number, text) in self.directives() {
            let directive =
                replaced(text).and_then(|text| Directive::parse(&text));
            let block = directive.and_then(|directive| {
                let block = sources.markdown(&directive, path);
                // The text of an exercise lies in a file of its own.
                let is_text = matches!(
                    directive,
                    Directive::Exercise { .. } | Directive::Milestones { .. }
                );
                let block = block.map(|it| anchors.give(&directive, it));
                directives.push((number, directive));
                if is_text { replaced(&block?) } else { block }
            });
            all.push((number, block));
        }
        all.extend(self.lines_with_numbers(sources));
        all.extend(self.noted_commands());
        all.sort_by_key(|(number, _)| *number);
        for (number, block) in all {
            match block {
                Ok(block) => blocks.push((number, block)),
                Err(mistake) => mistakes.push((Some(number), mistake)),
            }
        }
        mistakes.extend(about::foreign_figures(path, &directives));
        (blocks, mistakes)
    }

    fn mistakes(&self, length: Length) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        if self.title_end.is_none() {
            mistakes.push((
                Some(1),
                "the page has no title. Start it with `# Title`".into(),
            ));
        }
        if length.words > MAX_WORDS {
            let text = format!(
                "the page has {} words of prose, and may have {MAX_WORDS}. \
                 Make two pages of it",
                length.words
            );
            mistakes.push((None, text));
        }
        if let Err(line) = time::of_tasks(self.markdown) {
            let text = "the task does not say how long it takes. Start it \
                        with `**To do.** Ten minutes: `";
            mistakes.push((Some(line), text.into()));
        }
        mistakes
    }

    /// The page with `blocks` of Markdown in place of the lines with their
    /// numbers, and where its title ends.
    fn with(
        &self,
        blocks: &[(usize, String)],
        path: &Path,
        sources: &Sources,
    ) -> (String, usize) {
        let mut expanded = String::new();
        let mut title_end = 0;
        let mut blocks = blocks.iter().peekable();
        let mut end = 0;
        let notes = self.lines_of_notes();
        for (index, line) in self.markdown.split_inclusive('\n').enumerate() {
            let titled = end < self.title_end.unwrap_or(0);
            end += line.len();
            if notes.contains(&(index + 1)) {
                continue;
            }
            match blocks.next_if(|(number, _)| *number == index + 1) {
                Some((_, block)) => {
                    expanded += &indented(block, margin(line));
                }
                None if titled => {
                    let number = sources.numbering.in_title(path);
                    expanded += &numbered(line, number);
                }
                None => expanded += line,
            }
            if titled && end >= self.title_end.unwrap_or(0) {
                title_end = expanded.len();
            }
        }
        (answers::folded(&expanded), title_end)
    }

    /// The lines with numbers that a directive gives, with those in place.
    fn lines_with_numbers(
        &self,
        sources: &Sources,
    ) -> Vec<(usize, Result<String, String>)> {
        let taken: BTreeSet<usize> = self
            .directives()
            .iter()
            .flat_map(|(number, text)| *number..number + text.lines().count())
            .collect();
        let mut lines = Vec::new();
        let mut at = 0;
        for (index, line) in self.markdown.split_inclusive('\n').enumerate() {
            let start = at;
            at += line.len();
            if taken.contains(&(index + 1)) || !inline::is_in(line) {
                continue;
            }
            let is_code = |place: usize| self.is_code(start + place);
            let text = inline::replaced(&sources.root, line, is_code);
            let margin = margin(line);
            let text = text.map(|text| text[margin.len()..].to_owned());
            lines.push((index + 1, text));
        }
        lines
    }

    /// The lines that belong to a directive on a line above.
    fn lines_of_notes(&self) -> BTreeSet<usize> {
        let directives = self.directives().into_iter();
        let lines = directives.flat_map(|(number, text)| {
            number + 1..number + text.lines().count()
        });
        lines.collect()
    }

    fn is_code(&self, at: usize) -> bool {
        self.code.iter().any(|range| range.contains(&at))
    }

    fn line_at(&self, at: usize) -> &'a str {
        let start = self.markdown[..at].rfind('\n').map_or(0, |at| at + 1);
        self.markdown[start..].lines().next().unwrap_or_default()
    }
}

/// The line under a page's title.
fn head(path: &Path, sources: &Sources, length: Length) -> String {
    let told = length.told();
    let chapter = sources.numbering.part_of(path).map(|(name, first)| {
        let first = numbering::relative(path, &first.with_extension("html"));
        format!("<a href=\"{first}\">{}</a> · ", html::escape(name))
    });
    let chapter = chapter.unwrap_or_default();
    html::block(&format!("<p class=\"length\">{chapter}{told}</p>"))
}

/// The page with the minutes that it takes now, where it says those that it took.
pub fn told_anew(page: &str, took: usize, takes: usize) -> String {
    let [was, is] = [took, takes].map(|it| {
        format!("{}</p>", Length { words: 0, to_read: it, to_do: 0 }.told())
    });
    page.replacen(&was, &is, 1)
}

/// The line of a title with a number in it.
fn numbered(line: &str, number: Option<usize>) -> String {
    match line.strip_prefix("# ") {
        Some(title) => format!("# {}", numbering::titled(number, title)),
        None => line.to_owned(),
    }
}

/// What stands in front of a line's text: blanks, if it is in a list, and the
/// marks of a quotation.
fn margin(line: &str) -> &str {
    let text = line.trim_start_matches([' ', '>']);
    &line[..line.len() - text.len()]
}

/// Lines behind the margin of the line whose place they take.
fn indented(block: &str, margin: &str) -> String {
    let lines = block.split_inclusive('\n').map(|line| match line.trim() {
        "" => format!("{}\n", margin.trim_end()),
        _ => format!("{margin}{line}"),
    });
    lines.collect()
}

fn is_directive(line: &str) -> bool {
    let line = line.trim();
    let is_block = line.starts_with("{{#") && !inline::starts(line);
    is_block || line == END_OF_DIFF
}

/// The directive at the start of `text` to the end of its notes, if it has any.
fn with_notes(text: &str) -> Option<&str> {
    let rest = text.trim_start().strip_prefix("{{#diff ")?;
    // The end of another diff is not this one's.
    let next = rest.find("{{#diff ").unwrap_or(rest.len());
    let end = rest[..next].find(END_OF_DIFF)? + END_OF_DIFF.len();
    Some(&text[..text.len() - rest.len() + end])
}
