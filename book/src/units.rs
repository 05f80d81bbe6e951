//! A number and its unit stand on one line, and so do a name and its number.

use std::ops::Range;

use mdbook_markdown::pulldown_cmark::{Event, Tag, TagEnd};
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};

/// What stands behind a number and belongs to it.
const UNITS: [&str; 19] = [
    "KB", "MB", "GB", "KiB", "MiB", "GiB", "TiB", "%", "min", "minute",
    "minutes", "second", "seconds", "s", "ms", "byte", "bytes", "ns", "×",
];

/// What stands before a number and belongs to it.
const NAMES: [&str; 9] = [
    "stage", "stages", "Stage", "Stages", "chapter", "Chapter", "thread",
    "mimalloc", "×",
];

/// Elements whose text stays as it is: code, and titles.
const STAY: [&str; 7] =
    ["pre", "code", "script", "style", "textarea", "h2", "h3"];

/// A page in which no line ends between a number and its unit. What is code
/// stays as it is.
pub fn kept(markdown: &str) -> String {
    let mut kept = String::new();
    let mut done = 0;
    for blank in blanks(markdown) {
        kept += &markdown[done..blank.start];
        kept.push('\u{a0}');
        done = blank.end;
    }
    kept + &markdown[done..]
}

/// What stands between numbers and what belongs to them: a blank, or the end of a
/// line with all that the next one begins with.
fn blanks(markdown: &str) -> Vec<Range<usize>> {
    let mut blanks = Vec::new();
    // How a line has ended.
    let mut line: Option<Range<usize>> = None;
    let mut stays = false;
    let mut html = Html::default();
    let options = MarkdownOptions::default();
    for (event, range) in
        new_cmark_parser(markdown, &options).into_offset_iter()
    {
        match event {
            // A title is the same in the list of all pages.
            Event::Start(Tag::CodeBlock(_) | Tag::Heading { .. }) => {
                stays = true;
            }
            Event::End(TagEnd::CodeBlock | TagEnd::Heading(_)) => {
                stays = false;
            }
            Event::Html(_) => {
                for text in html.texts(&markdown[range.clone()]) {
                    let at = range.start + text.start;
                    let within = within(&markdown[range.clone()][text]);
                    blanks.extend(within.map(|it| at + it..at + it + 1));
                }
            }
            // What was written in another way has no place on the page.
            Event::Text(text)
                if !stays && text[..] == markdown[range.clone()] =>
            {
                if let Some(line) = line.take()
                    && belong_together(&markdown[line.clone()], &text)
                {
                    blanks.push(line.end..range.start);
                }
                let within = within(&text);
                blanks.extend(
                    within.map(|it| range.start + it..range.start + it + 1),
                );
                line = Some(range);
                continue;
            }
            Event::SoftBreak => continue,
            _ => {}
        }
        line = None;
    }
    blanks
}

/// The blanks in a text between a number and what belongs to it.
fn within(text: &str) -> impl Iterator<Item = usize> {
    let blanks = text.match_indices(' ').map(|(at, _)| at);
    blanks.filter(|&at| belong_together(&text[..at], &text[at + 1..]))
}

fn belong_together(left: &str, right: &str) -> bool {
    let is_digit = |it: char| it.is_ascii_digit();
    if left.ends_with(is_digit) {
        return UNITS.iter().any(|unit| {
            let rest = right.strip_prefix(unit);
            rest.is_some_and(|it| !it.starts_with(char::is_alphanumeric))
        });
    }
    right.starts_with(is_digit)
        && NAMES.iter().any(|name| {
            let rest = left.strip_suffix(name);
            rest.is_some_and(|it| !it.ends_with(char::is_alphanumeric))
        })
}

/// What is read of HTML, line after line.
#[derive(Default)]
struct Html {
    /// How many elements around here stay as they are.
    staying: usize,
}

impl Html {
    /// The texts of some HTML that do not stay. (A tag ends on its line.)
    fn texts(&mut self, html: &str) -> Vec<Range<usize>> {
        let mut texts = Vec::new();
        let mut start = 0;
        while let Some(open) = html[start..].find('<') {
            let open = start + open;
            if self.staying == 0 {
                texts.push(start..open);
            }
            let close = html[open..].find('>');
            let close = close.map_or(html.len(), |it| open + it + 1);
            self.tag(&html[open..close]);
            start = close;
        }
        if self.staying == 0 {
            texts.push(start..html.len());
        }
        texts
    }

    fn tag(&mut self, tag: &str) {
        let name = tag.trim_start_matches(['<', '/']);
        let end = name.find(|it: char| !it.is_alphanumeric());
        if STAY.contains(&&name[..end.unwrap_or(name.len())]) {
            match tag.starts_with("</") {
                true => self.staying = self.staying.saturating_sub(1),
                false => self.staying += 1,
            }
        }
    }
}
