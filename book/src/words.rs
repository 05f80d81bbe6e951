//! The list of words: each term with what it means and the page that explains
//! it. Where another page uses a term first, it links to the list, and says what
//! the term means to whoever points at it.

use std::ops::Range;
use std::path::{Path, PathBuf};

use mdbook_markdown::pulldown_cmark::{Event, Tag, TagEnd};
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};

use crate::answers::relinked;
use crate::html::escape;
use crate::numbering::relative;

/// Where the terms are listed: one paragraph each, which starts with the term in
/// bold and ends with a link to the page that explains it.
pub const LIST: &str = "back/words.md";

/// Terms that pages use in their everyday meaning, too, or in more than one: a
/// link would often explain what is not meant.
pub const EVERYDAY: [&str; 9] = [
    "allocator",
    "generation",
    "ground",
    "guard",
    "page",
    "pin",
    "segment",
    "split",
    "stack",
];

/// Terms that are verbs as well: they are meant behind an article alone.
const WITH_ARTICLE: [&str; 1] = ["break"];

/// A term of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The term.
    pub term: String,
    /// What it means, as plain text.
    pub says: String,
    /// The page that explains it, below the folder of the chapters.
    pub page: PathBuf,
}

impl Word {
    /// Its anchor on the page of words.
    pub fn id(&self) -> String {
        let term = self.term.to_lowercase();
        let letters =
            term.chars().map(|it| if it.is_alphanumeric() { it } else { '-' });
        letters.collect()
    }
}

/// The words of the list.
pub fn listed(list: &str) -> Vec<Word> {
    let paragraphs = list.split("\n\n");
    paragraphs.filter_map(word).collect()
}

/// The word of a paragraph, if it is one.
fn word(paragraph: &str) -> Option<Word> {
    let (term, _) = in_bold(paragraph)?;
    let mut says = String::new();
    let mut page = None;
    let mut in_link = false;
    for event in new_cmark_parser(paragraph, &MarkdownOptions::default()) {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) => {
                let to = relinked(&dest_url, Path::new(LIST), Path::new(""));
                page = Some(to.into());
                in_link = true;
            }
            Event::End(TagEnd::Link) => in_link = false,
            Event::Text(text) | Event::Code(text) if !in_link => says += &text,
            Event::SoftBreak if !in_link => says.push(' '),
            _ => {}
        }
    }
    let says = says.strip_prefix(term)?.strip_prefix(": ")?;
    let says = says.replace(" ()", "");
    let says = says.trim().to_owned();
    Some(Word { term: term.to_owned(), says, page: page? })
}

/// What a paragraph says in bold at its start, and the rest.
fn in_bold(paragraph: &str) -> Option<(&str, &str)> {
    paragraph.trim_start().strip_prefix("**")?.split_once("**")
}

/// The list with an anchor at each of its words.
pub fn anchored(list: &str) -> String {
    let paragraphs = list.split("\n\n").map(|paragraph| {
        match (word(paragraph), in_bold(paragraph)) {
            (Some(word), Some((term, rest))) => {
                let (id, term) = (word.id(), escape(term));
                format!("<b class=\"word\" id=\"{id}\">{term}</b>{rest}")
            }
            _ => paragraph.to_owned(),
        }
    });
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

/// The page at `path` with a link at the first place of each word: not in
/// headings, code and links, and not on the page that explains it.
pub fn linked(markdown: &str, path: &Path, words: &[Word]) -> String {
    let mut first: Vec<Option<Range<usize>>> = vec![None; words.len()];
    for passage in passages(markdown).iter().filter(|it| !it.is_link) {
        for (word, range) in in_passage(passage, words) {
            if words[word].page != path && first[word].is_none() {
                first[word] = Some(range);
            }
        }
    }
    let list = relative(path, &Path::new(LIST).with_extension("html"));
    let places = words.iter().zip(first);
    let links = places
        .filter(|(word, _)| !EVERYDAY.contains(&&*word.term))
        .filter_map(|(word, range)| {
            // A bar would end the cell of a table.
            let says = escape(&word.says).replace('|', "&#124;");
            let id = word.id();
            let link = format!(
                "<a class=\"word\" href=\"{list}#{id}\" data-says=\"{says}\">"
            );
            Some((range?, link))
        });
    insert(markdown, links.collect())
}

/// A page with links, each around a part of it: the part, and the link's start.
pub(crate) fn insert(
    markdown: &str,
    mut links: Vec<(Range<usize>, String)>,
) -> String {
    links.sort_by_key(|(range, _)| range.start);
    let mut linked = String::new();
    let mut done = 0;
    for (range, link) in links {
        linked += &markdown[done..range.start];
        linked += &format!("{link}{}</a>", &markdown[range.clone()]);
        done = range.end;
    }
    linked + &markdown[done..]
}

/// Text in a row that is neither a heading nor code: the words may be on several
/// lines.
#[derive(Default)]
pub(crate) struct Passage {
    pub text: String,
    /// Whether all of it is in a link.
    pub is_link: bool,
    // Where pieces of the text start, in it and in the page.
    places: Vec<(usize, usize)>,
}

impl Passage {
    /// Where a byte of the text stands on the page.
    fn place(&self, at: usize) -> usize {
        let pieces = self.places.iter().take_while(|(start, _)| *start <= at);
        pieces.last().map_or(at, |(start, place)| place + at - start)
    }

    /// Where a part of the text stands on the page.
    pub fn range(&self, part: Range<usize>) -> Range<usize> {
        self.place(part.start)..self.place(part.end - 1) + 1
    }
}

/// The passages of a page.
pub(crate) fn passages(markdown: &str) -> Vec<Passage> {
    let mut passages = Vec::new();
    let mut passage = Passage::default();
    // How deep in what has no words, and in links.
    let (mut without, mut links) = (0, 0);
    let options = MarkdownOptions::default();
    let events = new_cmark_parser(markdown, &options).into_offset_iter();
    for (event, range) in events {
        match event {
            Event::Text(text) if text[..] == markdown[range.clone()] => {
                if without == 0 {
                    passage.places.push((passage.text.len(), range.start));
                    passage.text += &text;
                }
                continue;
            }
            Event::SoftBreak => {
                passage.text.push(' ');
                continue;
            }
            Event::Start(tag) => {
                links += usize::from(tag.to_end() == TagEnd::Link);
                without += usize::from(is_without_words(&tag.to_end()));
            }
            Event::End(tag) => {
                links -= usize::from(tag == TagEnd::Link);
                without -= usize::from(is_without_words(&tag));
            }
            Event::InlineHtml(html) => {
                links += usize::from(html.starts_with("<a "));
                links -= usize::from(&*html == "</a>");
            }
            // What was written in another way has no place on the page.
            _ => {}
        }
        let next = Passage { is_link: links > 0, ..Passage::default() };
        passages.push(std::mem::replace(&mut passage, next));
    }
    passages.push(passage);
    passages.retain(|passage| !passage.places.is_empty());
    passages
}

fn is_without_words(tag: &TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Heading(_)
            | TagEnd::CodeBlock
            | TagEnd::HtmlBlock
            | TagEnd::Image
    )
}

/// The words in a passage, and where they stand on the page. A word that is a
/// part of another there is none.
fn in_passage(passage: &Passage, words: &[Word]) -> Vec<(usize, Range<usize>)> {
    let found: Vec<_> = words
        .iter()
        .enumerate()
        .flat_map(|(word, it)| {
            let ranges = find(&passage.text, &it.term).into_iter();
            let is_meant = |range: &Range<usize>| {
                let before = &passage.text[..range.start];
                !WITH_ARTICLE.contains(&&*it.term)
                    || before.ends_with("the ")
                    || before.ends_with("The ")
            };
            ranges.filter(is_meant).map(move |range| (word, range))
        })
        .collect();
    let is_part = |range: &Range<usize>| {
        let around = |(_, it): &(usize, Range<usize>)| {
            it.len() > range.len()
                && it.start <= range.start
                && range.end <= it.end
        };
        found.iter().any(around)
    };
    let whole = found.iter().filter(|(_, range)| !is_part(range));
    whole.map(|(word, range)| (*word, passage.range(range.clone()))).collect()
}

/// The words of a text in small letters, and where they stand.
pub fn split(text: &str) -> Vec<(Range<usize>, String)> {
    let mut words: Vec<(Range<usize>, String)> = Vec::new();
    for (at, letter) in text.char_indices() {
        let end = at + letter.len_utf8();
        if !letter.is_alphanumeric() {
            continue;
        }
        match words.last_mut() {
            Some((range, word)) if range.end == at => {
                range.end = end;
                word.extend(letter.to_lowercase());
            }
            _ => words.push((at..end, letter.to_lowercase().collect())),
        }
    }
    words
}

/// Whether a word is the last one of a term, or its plural.
fn is_form(word: &str, of: &str) -> bool {
    word == of
        || word.strip_suffix('s') == Some(of)
        || word.strip_suffix("es") == Some(of)
        || word
            .strip_suffix("ies")
            .is_some_and(|word| of.strip_suffix('y') == Some(word))
}

/// Where a term stands in a text, in any case, in the singular or the plural.
pub fn find(text: &str, term: &str) -> Vec<Range<usize>> {
    let term: Vec<_> = split(term).into_iter().map(|(_, word)| word).collect();
    let text_words = split(text);
    let matches = text_words.windows(term.len()).filter(|window| {
        // Nothing but a blank or a hyphen may part them.
        let parted = window.windows(2).any(|pair| {
            let between = &text[pair[0].0.end..pair[1].0.start];
            !between.chars().all(|c| c.is_whitespace() || c == '-')
        });
        let last = term.len() - 1;
        !parted
            && is_form(&window[last].1, &term[last])
            && window[..last].iter().map(|(_, word)| word).eq(&term[..last])
    });
    matches
        .filter_map(|window| {
            Some(window.first()?.0.start..window.last()?.0.end)
        })
        .collect()
}
