//! A map of the book: which chapters are read before which, and a short way
//! through it.
//!
//! What depends on what stands here. Titles and minutes are those of the pages.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mdbook_preprocessor::book::{Book, BookItem, Chapter};

use crate::html::{self, escape};
use crate::numbering;
use crate::time;

/// The lines of a page on which the map and the short way come, when all pages
/// have been measured.
pub const MAP: &str = "<!-- map -->";
pub const ROUTE: &str = "<!-- route -->";

/// A chapter on the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its first page, below the folder of the chapters.
    pub page: &'static str,
    /// From the left, from 0 on.
    pub column: usize,
    /// The first pages of the chapters that are read before it.
    pub needs: &'static [&'static str],
}

/// How many columns there are.
pub const COLUMNS: usize = 3;

/// The chapters, in the order of the book.
pub const PLACES: [Place; 16] = [
    place("before/what-malloc-is-for.md", 1, &[]),
    place(
        "before/where-the-heap-lives.md",
        1,
        &["before/what-malloc-is-for.md"],
    ),
    place("before/the-rust-you-need.md", 0, &[]),
    place("before/how-to-work.md", 2, &[]),
    place(
        "stage1/index.md",
        1,
        &[
            "before/where-the-heap-lives.md",
            "before/the-rust-you-need.md",
            "before/how-to-work.md",
        ],
    ),
    place("stage2/index.md", 1, &["stage1/index.md"]),
    place("stage3/index.md", 1, &["stage2/index.md"]),
    place("stage4/index.md", 1, &["stage3/index.md"]),
    place("stage5/index.md", 1, &["stage4/index.md"]),
    place("beyond/claim/index.md", 0, &["stage5/index.md"]),
    place("beyond/per-thread/index.md", 1, &["stage5/index.md"]),
    place("beyond/holes/index.md", 1, &["beyond/per-thread/index.md"]),
    place(
        "beyond/measured/index.md",
        1,
        &["beyond/claim/index.md", "beyond/holes/index.md"],
    ),
    place("back/real-allocators/index.md", 2, &["stage4/index.md"]),
    place("back/misuse/index.md", 0, &["stage3/index.md"]),
    place("try.md", 2, &["stage3/index.md"]),
];

const fn place(
    page: &'static str,
    column: usize,
    needs: &'static [&'static str],
) -> Place {
    Place { page, column, needs }
}

/// Chapters that are looked things up in, or that are about the others.
pub const LOOKED_UP: [&str; 14] = [
    "before/ten-questions.md",
    "back/side-by-side/index.md",
    "back/what-surprised-us.md",
    "back/which-test-sees-it-first.md",
    "back/answers.md",
    "back/words.md",
    "back/when-it-goes-wrong.md",
    "back/if-something-fails.md",
    "back/how-this-book-is-checked.md",
    "back/how-to-help.md",
    "back/what-has-changed.md",
    "back/for-teachers.md",
    "back/ten-questions.md",
    "before/map.md",
];

/// A short way: pages, and what each is for.
pub const SHORT: [(&str, &str); 22] = [
    ("before/what-malloc-is-for.md", "the question"),
    ("before/where-the-heap-lives.md", "where its memory is"),
    ("before/the-break.md", "how to get more of it"),
    ("stage1/index.md", "an allocator of ten lines"),
    ("stage1/it-leaks.md", "what is wrong with it"),
    ("stage1/two-threads.md", "and what else"),
    ("stage2/index.md", "a block that says what it is"),
    ("stage2/a-header.md", "where it says so"),
    ("stage2/what-can-go-back.md", "why the middle stays"),
    ("stage3/index.md", "free blocks are used again"),
    ("stage3/reuse-and-split.md", "how"),
    ("stage3/boundary-tags.md", "free neighbours become one"),
    ("stage3/size-classes.md", "found without a search"),
    ("stage4/index.md", "more than one thread"),
    ("stage4/two-threads.md", "what they do to a heap"),
    ("stage4/the-lock.md", "and what stops them"),
    ("stage5/index.md", "another idea: a stack"),
    ("stage5/the-design.md", "in pseudo-code and in Rust"),
    ("stage5/what-pins-memory.md", "where it fails"),
    ("beyond/claim/index.md", "whether programs are like that"),
    ("beyond/per-thread/index.md", "a stack for each thread"),
    ("back/real-allocators/index.md", "what the others do"),
];

/// The short way takes at most this many minutes to read.
pub const SHORT_MINUTES: usize = 180;

/// How far down a place is: below all that it needs.
pub fn row(page: &str) -> usize {
    let needs = PLACES.iter().find(|it| it.page == page).map(|it| it.needs);
    let above = needs.unwrap_or(&[]).iter().map(|page| row(page) + 1);
    above.max().unwrap_or(0)
}

/// Pixels from one row to the next, and of a box.
const ROW: usize = 88;
const BOX: usize = 60;

/// What the pages of the book are called, and how long they take.
#[derive(Debug, Default)]
pub struct Map {
    /// For each page its title, its minutes, and those of its chapter.
    pages: BTreeMap<PathBuf, (String, usize, usize)>,
}

impl Map {
    /// The map of a book whose pages take these minutes.
    pub fn new(book: &Book, minutes: &BTreeMap<PathBuf, usize>) -> Self {
        let mut map = Self::default();
        for item in &book.items {
            if let BookItem::Chapter(chapter) = item {
                map.add(chapter, minutes);
            }
        }
        map
    }

    /// Adds a chapter, and says how long it takes with all that is below it.
    fn add(
        &mut self,
        chapter: &Chapter,
        minutes: &BTreeMap<PathBuf, usize>,
    ) -> usize {
        let own = chapter.source_path.as_ref().and_then(|it| minutes.get(it));
        let own = own.copied().unwrap_or(0);
        let mut all = own;
        for item in &chapter.sub_items {
            if let BookItem::Chapter(page) = item {
                all += self.add(page, minutes);
            }
        }
        if let Some(path) = chapter.source_path.clone() {
            self.pages.insert(path, (chapter.name.clone(), own, all));
        }
        all
    }

    /// The page with the map and the short way in their places.
    pub fn put_in(&self, content: &str, page: &Path) -> String {
        let mut content = content.to_owned();
        if content.contains(MAP) {
            content = content.replace(MAP, &html::block(&self.drawn(page)));
        }
        if content.contains(ROUTE) {
            content = content.replace(ROUTE, &html::block(&self.short(page)));
        }
        content
    }

    fn link(&self, to: &str, from: &Path) -> (String, usize, usize) {
        let none = (to.to_owned(), 0, 0);
        let known = self.pages.get(Path::new(to)).cloned();
        let (title, own, all) = known.unwrap_or(none);
        let to = Path::new(to).with_extension("html");
        let to = numbering::relative(from, &to);
        (format!("<a href=\"{to}\">{}</a>", escape(&title)), own, all)
    }

    fn drawn(&self, page: &Path) -> String {
        let boxes: String =
            PLACES.iter().map(|it| self.boxed(it, page)).collect();
        let lines: String = PLACES.iter().map(lines).collect();
        let rows = PLACES.iter().map(|it| row(it.page) + 1).max();
        let height = rows.unwrap_or(1) * ROW;
        let others = LOOKED_UP.iter().filter(|it| Path::new(it) != page);
        let others: Vec<String> =
            others.map(|it| self.link(it, page).0).collect();
        format!(
            "<div class=\"map\" style=\"height: {height}px\">\n\
             <svg aria-hidden=\"true\" width=\"100%\" height=\"{height}\">\
             {lines}</svg>\n<ol>\n{boxes}</ol>\n</div>\n\
             <p>To look things up in: {}.</p>",
            others.join(" · ")
        )
    }

    fn boxed(&self, place: &Place, page: &Path) -> String {
        let (link, _, minutes) = self.link(place.page, page);
        let (column, row) = (place.column, row(place.page));
        let needs: Vec<String> = place
            .needs
            .iter()
            .filter_map(|it| Some(escape(&self.pages.get(Path::new(it))?.0)))
            .collect();
        let (class, after) = match needs.is_empty() {
            true => ("", String::new()),
            false => (
                " class=\"has-needs\"",
                format!(
                    "<span class=\"map-needs\">, after {}</span>",
                    needs.join(" and ")
                ),
            ),
        };
        let minutes = time::told(minutes);
        format!(
            "<li{class} style=\"--column: {column}; --row: {row}\">{link} \
             <small>{minutes}</small>{after}</li>\n"
        )
    }

    fn short(&self, page: &Path) -> String {
        let mut minutes = 0;
        let mut rows = String::new();
        for (to, why) in SHORT {
            let (link, own, _) = self.link(to, page);
            minutes += own;
            rows += &format!(
                "<tr><td>{link}</td><td>{}</td><td>{}</td></tr>\n",
                escape(why),
                time::told(own)
            );
        }
        format!(
            "<table class=\"short-way\">\n<thead><tr><th>page</th>\
             <th>what for</th><th>to read</th></tr></thead>\n\
             <tbody>\n{rows}</tbody>\n</table>\n<p>Together: {}.</p>",
            time::told(minutes)
        )
    }
}

/// The lines from what a place needs: down its column, across in the gap above
/// the place, and down to it.
fn lines(place: &Place) -> String {
    let middle = |column: usize| {
        format!("{:.2}%", 100.0 * (column as f64 + 0.5) / COLUMNS as f64)
    };
    let to = row(place.page) * ROW;
    let turn = to - (ROW - BOX) / 2 * usize::from(to > 0);
    let mut lines = String::new();
    for page in place.needs {
        let Some(from) = PLACES.iter().find(|it| it.page == *page) else {
            continue;
        };
        let (x, end) = (middle(from.column), middle(place.column));
        let y = row(from.page) * ROW + BOX;
        for (x1, y1, x2, y2) in
            [(&x, y, &x, turn), (&x, turn, &end, turn), (&end, turn, &end, to)]
        {
            lines += &format!(
                "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>"
            );
        }
    }
    lines
}
