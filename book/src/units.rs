//! A number and its unit stand on one line.

use std::ops::Range;

use mdbook_markdown::pulldown_cmark::{Event, Tag, TagEnd};
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};

/// What stands behind a number and belongs to it.
const UNITS: [&str; 12] = [
    "KB", "MB", "GB", "KiB", "MiB", "GiB", "TiB", "%", "min", "byte", "bytes",
    "ns",
];

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

/// What stands between numbers and their units: a blank, or the end of a line
/// with all that the next one begins with.
fn blanks(markdown: &str) -> Vec<Range<usize>> {
    let mut blanks = Vec::new();
    // Where a line has ended behind a number.
    let mut number: Option<usize> = None;
    let mut is_code = false;
    let options = MarkdownOptions::default();
    for (event, range) in
        new_cmark_parser(markdown, &options).into_offset_iter()
    {
        match event {
            Event::Start(Tag::CodeBlock(_)) => is_code = true,
            Event::End(TagEnd::CodeBlock) => is_code = false,
            // What was written in another way has no place on the page.
            Event::Text(text)
                if !is_code && text[..] == markdown[range.clone()] =>
            {
                if let Some(end) = number.take()
                    && starts_with_unit(&text)
                {
                    blanks.push(end..range.start);
                }
                for (at, _) in text.match_indices(' ') {
                    if ends_with_number(&text[..at])
                        && starts_with_unit(&text[at + 1..])
                    {
                        let at = range.start + at;
                        blanks.push(at..at + 1);
                    }
                }
                if ends_with_number(&text) {
                    number = Some(range.end);
                }
                continue;
            }
            Event::SoftBreak => continue,
            _ => {}
        }
        number = None;
    }
    blanks
}

fn ends_with_number(text: &str) -> bool {
    text.ends_with(|it: char| it.is_ascii_digit())
}

fn starts_with_unit(text: &str) -> bool {
    UNITS.iter().any(|unit| {
        text.strip_prefix(unit)
            .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    })
}
