//! One page: its prose, and its directives put in place.

use std::ops::Range;
use std::path::Path;

use mdbook_markdown::pulldown_cmark::{Event, HeadingLevel, Tag, TagEnd};
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};

use crate::directive::Directive;
use crate::problem::Mistake;
use crate::sources::Sources;
use crate::{about, exercise, html};

/// A page has at most this many words of prose.
pub const MAX_WORDS: usize = 1500;

const WORDS_PER_MINUTE: usize = 200;

/// How long a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// Its words of prose: all but listings, figures, code and HTML. Of an
    /// exercise it is the task.
    pub words: usize,
}

impl Length {
    /// The minutes that it takes to read, one at least.
    pub fn minutes(self) -> usize {
        self.words.div_ceil(WORDS_PER_MINUTE).max(1)
    }

    /// A line such as "740 words, 4 minutes".
    fn html(self) -> String {
        let words = html::count(self.words, "word");
        let minutes = html::count(self.minutes(), "minute");
        format!("<p class=\"length\">{words}, {minutes}</p>")
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
                    page.words += words(&text);
                    page.code.push(range);
                }
                Event::Text(text)
                    if !in_block
                        && !is_directive(page.line_at(range.start)) =>
                {
                    page.words += words(&text);
                }
                _ => {}
            }
        }
        page
    }

    /// How long the page is.
    pub fn length(&self, sources: &Sources) -> Length {
        let tasks = self.exercises().into_iter().filter_map(|number| {
            // What is wrong with an exercise is told by `expand`.
            let text = exercise::text(sources, &number).ok()?;
            Some(words(&text.title) + Page::new(&text.task).words)
        });
        Length { words: self.words + tasks.sum::<usize>() }
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

    /// The lines that hold a directive, with their numbers, from 1 on.
    pub fn directives(&self) -> Vec<(usize, &'a str)> {
        let mut found = Vec::new();
        let mut at = 0;
        for (index, line) in self.markdown.split_inclusive('\n').enumerate() {
            let mut starts = line.match_indices("{{#");
            if starts.any(|(start, _)| !self.is_code(at + start)) {
                found.push((index + 1, line));
            }
            at += line.len();
        }
        found
    }

    /// The page as Markdown and HTML that mdBook renders: each directive in
    /// its place, the length under the title. `path` is where the page lies
    /// below the folder of the chapters.
    ///
    /// # Errors
    ///
    /// All mistakes of the page.
    pub fn expand(
        &self,
        path: &Path,
        sources: &Sources,
    ) -> Result<String, Vec<Mistake>> {
        let length = self.length(sources);
        let mut mistakes = self.mistakes(length);
        let mut blocks = Vec::new();
        let mut directives = Vec::new();
        for (number, line) in self.directives() {
            let block = Directive::parse(line).and_then(|directive| {
                let block = sources.markdown(&directive, path);
                directives.push((number, directive));
                block
            });
            match block {
                Ok(block) => blocks.push((number, block)),
                Err(mistake) => mistakes.push((Some(number), mistake)),
            }
        }
        mistakes.extend(about::foreign_figures(path, &directives));
        if mistakes.is_empty() {
            Ok(self.with(length, &blocks))
        } else {
            Err(mistakes)
        }
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
        mistakes
    }

    /// The page with `blocks` of Markdown in place of the lines with their
    /// numbers.
    fn with(&self, length: Length, blocks: &[(usize, String)]) -> String {
        let mut expanded = String::new();
        let mut blocks = blocks.iter().peekable();
        let mut end = 0;
        for (index, line) in self.markdown.split_inclusive('\n').enumerate() {
            let titled = end < self.title_end.unwrap_or(0);
            end += line.len();
            match blocks.next_if(|(number, _)| *number == index + 1) {
                Some((_, block)) => {
                    let indent = line.len() - line.trim_start().len();
                    expanded += &indented(block, &line[..indent]);
                }
                None => expanded += line,
            }
            if titled && end >= self.title_end.unwrap_or(0) {
                expanded += &html::block(&length.html());
            }
        }
        expanded
    }

    fn is_code(&self, at: usize) -> bool {
        self.code.iter().any(|range| range.contains(&at))
    }

    fn line_at(&self, at: usize) -> &'a str {
        let start = self.markdown[..at].rfind('\n').map_or(0, |at| at + 1);
        self.markdown[start..].lines().next().unwrap_or_default()
    }
}

/// Lines moved to the right, as far as a directive stands in a list.
fn indented(block: &str, indent: &str) -> String {
    let lines = block.split_inclusive('\n').map(|line| match line.trim() {
        "" => line.to_owned(),
        _ => format!("{indent}{line}"),
    });
    lines.collect()
}

fn is_directive(line: &str) -> bool {
    line.trim_start().starts_with("{{#")
}

fn words(text: &str) -> usize {
    text.split_whitespace()
        .filter(|word| word.contains(char::is_alphanumeric))
        .count()
}
