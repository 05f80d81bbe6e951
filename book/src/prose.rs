//! The prose of a page, as plain text: what is said about the code, without
//! the code.

use std::ops::Range;

use mdbook_markdown::pulldown_cmark::{Event, Tag, TagEnd};
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};

use crate::inline;

/// What stands in a passage for code in the middle of a line: no letter, and
/// no blank.
pub const CODE: char = '\u{fffc}';

/// A paragraph, a heading, an item of a list, a cell of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// Its text.
    pub text: String,
    /// The parts of the text that are bold.
    pub bold: Vec<Range<usize>>,
    /// The parts of the text that are links, and where they lead.
    pub links: Vec<(Range<usize>, String)>,
    // Where each piece of the text starts: in the text, and on which line of
    // the page.
    places: Vec<(usize, usize)>,
}

impl Passage {
    /// The line of the page on which the byte `at` of the text stands.
    pub fn line(&self, at: usize) -> usize {
        let pieces = self.places.iter().take_while(|(start, _)| *start <= at);
        pieces.last().map_or(1, |&(_, line)| line)
    }
}

/// The passages of a page in Markdown. Directives and blocks of code are none.
pub fn passages(markdown: &str) -> Vec<Passage> {
    let markdown = &inline::blanked(markdown);
    let mut passages = Vec::new();
    let mut passage = Passage::default();
    let (mut bold, mut link) = (0, (0, String::new()));
    let mut in_code = false;
    let options = MarkdownOptions::default();
    for (event, range) in
        new_cmark_parser(markdown, &options).into_offset_iter()
    {
        match event {
            Event::Text(text) if !in_code => {
                let before = &markdown[..range.start];
                let line = before.matches('\n').count() + 1;
                let whole = markdown.lines().nth(line - 1).unwrap_or_default();
                let is_directive = ["{{#", "{{/"]
                    .iter()
                    .any(|start| whole.trim_start().starts_with(start));
                if !is_directive {
                    passage.places.push((passage.text.len(), line));
                    passage.text += &text;
                }
            }
            Event::Code(_) => passage.text.push(CODE),
            Event::SoftBreak | Event::HardBreak => passage.text.push(' '),
            Event::Start(Tag::Strong) => bold = passage.text.len(),
            Event::End(TagEnd::Strong) => {
                passage.bold.push(bold..passage.text.len());
            }
            Event::Start(Tag::Link { dest_url, .. }) => {
                link = (passage.text.len(), dest_url.into_string());
            }
            Event::End(TagEnd::Link) => {
                let (start, to) = std::mem::take(&mut link);
                passage.links.push((start..passage.text.len(), to));
            }
            Event::Start(Tag::Emphasis) | Event::End(TagEnd::Emphasis) => {}
            Event::Start(tag) => {
                in_code = matches!(tag, Tag::CodeBlock(_));
                passages.push(std::mem::take(&mut passage));
            }
            Event::End(_) => {
                in_code = false;
                passages.push(std::mem::take(&mut passage));
            }
            _ => {}
        }
    }
    passages.retain(|passage| !passage.text.trim().is_empty());
    passages
}

/// How many words a text has.
pub fn words(text: &str) -> usize {
    text.split_whitespace()
        .filter(|word| word.contains(char::is_alphanumeric))
        .count()
}
