//! The chapters' numbers: they stand in titles and in the contents, and where
//! a page names one, it links to the chapter that has it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use mdbook_preprocessor::book::{Book, BookItem, Chapter};

use crate::problem::Mistake;
use crate::prose::{self, Passage};

/// Another book whose chapters have numbers.
const OTHER: &str = " of The Rust Programming Language";

/// Which chapter has which number, and which pages belong to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbering {
    // The first pages of the chapters: 1 stands first.
    chapters: Vec<PathBuf>,
    // The number of each page's chapter.
    numbers: BTreeMap<PathBuf, usize>,
    // The chapter that a page is a part of: its name, and its first page.
    parents: BTreeMap<PathBuf, (String, PathBuf)>,
}

impl Numbering {
    /// Numbers the chapters in the parts with these titles, and puts the
    /// numbers into their names.
    pub fn give(book: &mut Book, parts: &[String]) -> Self {
        let mut this = Self::default();
        let mut counts = false;
        for item in &mut book.items {
            match item {
                BookItem::PartTitle(title) => counts = parts.contains(title),
                BookItem::Chapter(chapter) => this.add(chapter, counts),
                BookItem::Separator => {}
            }
        }
        this
    }

    fn add(&mut self, chapter: &mut Chapter, counts: bool) {
        let Some(first) = chapter.source_path.clone() else { return };
        let mut number = None;
        if counts {
            self.chapters.push(first.clone());
            number = Some(self.chapters.len());
            chapter.name = titled(number, &chapter.name);
        }
        self.numbers.extend(number.map(|number| (first.clone(), number)));
        let name = &chapter.name;
        for_each_below(&mut chapter.sub_items, &mut |page| {
            if let Some(above) = page.parent_names.first_mut() {
                above.clone_from(name);
            }
            let Some(path) = &page.source_path else { return };
            self.numbers.extend(number.map(|number| (path.clone(), number)));
            self.parents.insert(path.clone(), (name.clone(), first.clone()));
        });
    }

    /// The number in the title of a page: that of a chapter's first page.
    pub fn in_title(&self, page: &Path) -> Option<usize> {
        let at = self.chapters.iter().position(|first| first == page)?;
        Some(at + 1)
    }

    /// The chapter that a page is a part of: its name, and where its first
    /// page lies below the folder of the chapters.
    pub fn part_of(&self, page: &Path) -> Option<(&str, &Path)> {
        let (name, first) = self.parents.get(page)?;
        Some((name, first))
    }

    /// Where a page names a chapter by its number and does not link to it.
    pub fn mistakes(&self, markdown: &str, page: &Path) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        for passage in prose::passages(markdown) {
            for named in named(&passage.text) {
                if let Err(mistake) = self.check(&passage, &named, page) {
                    mistakes.push((Some(passage.line(named.start)), mistake));
                }
            }
        }
        mistakes
    }

    fn check(
        &self,
        passage: &Passage,
        named: &Range<usize>,
        page: &Path,
    ) -> Result<(), String> {
        let number = &passage.text[named.clone()];
        let first = number.parse().ok().and_then(|number: usize| {
            self.chapters.get(number.checked_sub(1)?)
        });
        let Some(first) = first else {
            return Err(format!("there is no chapter {number}"));
        };
        let write = format!("[chapter {number}]({})", relative(page, first));
        let mut links = passage.links.iter();
        let link = links.find(|(range, _)| {
            range.start <= named.start && named.end <= range.end
        });
        let Some((_, link)) = link else {
            return Err(format!(
                "chapter {number} is named without a link. Write `{write}`, \
                 or link to one of its pages"
            ));
        };
        let leads_to = self.numbers.get(&target(page, link));
        if leads_to.map(usize::to_string).as_deref() == Some(number) {
            Ok(())
        } else {
            Err(format!(
                "`{link}` is no page of chapter {number}. Write `{write}`, \
                 or link to one of its pages"
            ))
        }
    }
}

fn for_each_below(items: &mut [BookItem], act: &mut impl FnMut(&mut Chapter)) {
    for item in items {
        if let BookItem::Chapter(chapter) = item {
            act(chapter);
            for_each_below(&mut chapter.sub_items, act);
        }
    }
}

/// A title with its number in front of it.
pub fn titled(number: Option<usize>, title: &str) -> String {
    match number {
        Some(number) => format!("{number}. {title}"),
        None => title.to_owned(),
    }
}

/// The numbers of chapters in a text: "chapter 7", "chapters 7 and 8".
pub fn named(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let lower = text.to_ascii_lowercase();
    for (at, word) in lower.match_indices("chapter") {
        let numbers = numbers_after(text, at + word.len());
        let end = numbers.last().map_or(at, |last| last.end);
        if !text[end..].starts_with(OTHER) {
            found.extend(numbers);
        }
    }
    found
}

fn numbers_after(text: &str, mut at: usize) -> Vec<Range<usize>> {
    let mut numbers = Vec::new();
    at += text[at..].len() - text[at..].trim_start_matches('s').len();
    let mut between: &[&str] = &[" "];
    while let Some(start) = between
        .iter()
        .find(|between| text[at..].starts_with(**between))
        .map(|between| at + between.len())
    {
        let rest = &text[start..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            break;
        }
        at = start + digits;
        numbers.push(start..at);
        between = &[" and ", " or ", " to ", ", ", "–"];
    }
    numbers
}

/// The page below the folder of the chapters to which a link leads.
fn target(page: &Path, link: &str) -> PathBuf {
    let link = link.split('#').next().unwrap_or_default();
    if link.is_empty() {
        return page.to_owned();
    }
    let mut target = page.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => _ = target.pop(),
            Component::Normal(part) => target.push(part),
            _ => {}
        }
    }
    target
}

/// A link from one page to another.
pub fn relative(from: &Path, to: &Path) -> String {
    let names = |path: &Path| -> Vec<String> {
        let parts = path.components();
        parts.map(|part| part.as_os_str().display().to_string()).collect()
    };
    let (from, to) = (names(from), names(to));
    let (folders, inside) = (from.len().max(1) - 1, to.len().max(1) - 1);
    let shared = (0..folders.min(inside))
        .take_while(|&index| from[index] == to[index])
        .count();
    "../".repeat(folders - shared) + &to[shared..].join("/")
}
