//! The preprocessor: what mdBook runs before it renders.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use mdbook_preprocessor::book::Book;
use mdbook_preprocessor::config::Config;
use mdbook_preprocessor::errors::Result;
use mdbook_preprocessor::{Preprocessor, PreprocessorContext, parse_input};

use crate::answers::Part;
use crate::directive::Directive;
use crate::map::Map;
use crate::numbering::Numbering;
use crate::page::{self, Page};
use crate::problem::{Problem, Problems};
use crate::repository::{self, Repository};
use crate::sources::Sources;
use crate::time::Reading;
use crate::words::{self, Word};
use crate::{answers, drawing, edition, figure, homes, html, units};

/// Where `book.toml` names the parts whose chapters have numbers.
const NUMBERED: &str = "preprocessor.malloc.numbered";

/// Puts what the directives stand for in their place, and stops the build if
/// anything is wrong with a page.
pub struct Malloc;

impl Preprocessor for Malloc {
    /// The name in `book.toml`, under `[preprocessor.malloc]`.
    fn name(&self) -> &str {
        "malloc"
    }

    fn supports_renderer(&self, renderer: &str) -> Result<bool> {
        Ok(renderer == "html")
    }

    fn run(
        &self,
        context: &PreprocessorContext,
        mut book: Book,
    ) -> Result<Book> {
        let chapters = context.root.join(&context.config.book.src);
        let mut sources = Sources::new(&context.root, chapters);
        configure(&mut sources, &mut book, &context.config)?;
        Ok(expand(&sources, book)?)
    }
}

/// Speaks mdBook's protocol: a book comes in, and goes out with its
/// directives in place.
///
/// # Errors
///
/// What is wrong with the book, or that what comes in is none.
pub fn serve(input: impl Read, output: impl Write) -> Result<()> {
    let (context, book) = parse_input(input)?;
    let book = Malloc.run(&context, book)?;
    serde_json::to_writer(output, &book)?;
    Ok(())
}

/// Takes from `book.toml` where the repository is and which commit is
/// published, and numbers the chapters in the parts of the book that it names.
///
/// # Errors
///
/// That one of these stands there in another form.
pub fn configure(
    sources: &mut Sources,
    book: &mut Book,
    config: &Config,
) -> Result<()> {
    let parts: Vec<String> = config.get(NUMBERED)?.unwrap_or_default();
    sources.numbering = Numbering::give(book, &parts);
    let address: Option<String> = config.get(repository::SETTING)?;
    sources.repository = address.as_deref().map(Repository::new);
    sources.commit = config.get(edition::SETTING)?;
    Ok(())
}

/// The book with its directives in place.
fn expand(sources: &Sources, mut book: Book) -> Result<Book, Problems> {
    let chapters = &sources.chapters;
    let name = |path: &Path| {
        let whole = chapters.join(path);
        slashes(whole.strip_prefix(&sources.root).unwrap_or(path))
    };
    let words = listed(&book);
    let mut problems = Vec::new();
    let mut known = BTreeSet::new();
    let mut back = Back::default();
    let mut minutes = BTreeMap::new();
    book.for_each_chapter_mut(|chapter| {
        let Some(path) = &chapter.source_path else { return };
        known.insert(path.clone());
        let page = Page::new(&chapter.content);
        match page.expand_measured(path, sources) {
            Ok((expanded, length)) => {
                minutes.insert(path.clone(), length.to_read);
                back.add(&chapter.name, path, &expanded, page.figures());
                chapter.content = expanded;
            }
            Err(mistakes) => {
                problems.extend(mistakes.into_iter().map(|(line, text)| {
                    Problem { file: name(path), line, text }
                }));
            }
        }
    });
    problems.extend(pages(chapters).difference(&known).map(|path| Problem {
        file: name(path),
        line: None,
        text: "the page is not in SUMMARY.md. Add it there".into(),
    }));
    problems.sort();
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    back.sort(&book);
    book.for_each_chapter_mut(|chapter| {
        let Some(path) = &chapter.source_path else { return };
        chapter.content = if let Some(part) = Part::of_page(&chapter.content) {
            let answers = back.markdown(path, &part);
            let content = chapter.content.replace(&part.place(), &answers);
            let takes = Reading::of(&content).minutes();
            let took = minutes.insert(path.clone(), takes).unwrap_or(takes);
            page::told_anew(&content, took, takes)
        } else if path == Path::new(words::LIST) {
            words::anchored(&chapter.content)
        } else {
            words::linked(&homes::linked(&chapter.content), path, &words)
        };
        if let Some(commit) = &sources.commit {
            let repository = sources.repository.as_ref();
            chapter.content += &edition::line(commit, repository);
        }
    });
    let map = Map::new(&book, &minutes);
    book.for_each_chapter_mut(|chapter| {
        if let Some(path) = &chapter.source_path {
            let content = map.put_in(&chapter.content, path);
            chapter.content = units::kept(&content);
        }
    });
    Ok(book)
}

/// The list of words, if the book has one.
fn listed(book: &Book) -> Vec<Word> {
    let list = Path::new(words::LIST);
    let mut chapters = book.chapters();
    let list = chapters.find(|it| it.source_path.as_deref() == Some(list));
    list.map_or_else(Vec::new, |list| words::listed(&list.content))
}

/// The questions of the book so far, page by page, with their answers.
#[derive(Default)]
struct Back(Vec<Asked>);

/// What a page asks.
struct Asked {
    title: String,
    path: PathBuf,
    expanded: String,
    figures: Vec<Directive>,
}

impl Back {
    fn add(
        &mut self,
        title: &str,
        path: &Path,
        expanded: &str,
        figures: Vec<Directive>,
    ) {
        self.0.push(Asked {
            title: title.to_owned(),
            path: path.to_owned(),
            expanded: expanded.to_owned(),
            figures,
        });
    }

    /// Puts the pages in the order of the book. mdBook comes to the first page
    /// of a chapter after all others of it.
    fn sort(&mut self, book: &Book) {
        let order: Vec<_> =
            book.chapters().filter_map(|it| it.source_path.clone()).collect();
        self.0.sort_by_key(|it| order.iter().position(|at| *at == it.path));
    }

    fn part(&self, part: &Part) -> &[Asked] {
        let after = |folder: &str| {
            let last =
                self.0.iter().rposition(|it| it.path.starts_with(folder));
            last.map_or(0, |last| last + 1)
        };
        match part {
            Part::All => &self.0,
            Part::To(folder) => &self.0[..after(folder)],
            Part::After(folder) => &self.0[after(folder)..],
        }
    }

    /// A part of it, for the page at `to`.
    fn markdown(&self, to: &Path, part: &Part) -> String {
        let mut markdown = String::new();
        for Asked { title, path, expanded, figures } in self.part(part) {
            let asked = answers::at_the_back(expanded, path, to);
            // A recording and a drawing may have one name.
            let answers = |figure: &Directive| match figure {
                Directive::Heap { scenario, .. } => figure::answers(scenario),
                Directive::Drawing { name } => drawing::answers(name),
                _ => None,
            };
            let figures: Vec<_> = figures.iter().filter_map(answers).collect();
            if asked.is_empty() && figures.is_empty() {
                continue;
            }
            let link = answers::relinked("", path, to);
            markdown += &format!("\n**[{title}]({link})**\n\n");
            for figure in figures {
                markdown += &html::block(&figure);
            }
            for [question, answer] in asked {
                let quoted = question.replace('\n', "\n> ");
                markdown += &format!("\n> {quoted}\n\n{answer}\n");
            }
        }
        markdown
    }
}

/// All Markdown files below `chapters` but its summary.
fn pages(chapters: &Path) -> BTreeSet<PathBuf> {
    let mut pages = BTreeSet::new();
    let mut folders = vec![chapters.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md")
                && let Ok(page) = path.strip_prefix(chapters)
            {
                pages.insert(page.to_owned());
            }
        }
    }
    pages.remove(Path::new("SUMMARY.md"));
    pages
}

/// A path as it is written on every system.
fn slashes(path: &Path) -> String {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_string_lossy()),
        _ => None,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The preprocessor as a command: `supports RENDERER`, or a book on standard
/// input.
///
/// # Errors
///
/// As [`serve`], and for a renderer that is not `html`.
pub fn command(arguments: &[&str]) -> Result<()> {
    match arguments {
        [] => serve(io::stdin().lock(), io::stdout().lock()),
        ["supports", "html"] => Ok(()),
        ["supports", renderer] => Err(anyhow::anyhow!(
            "the figures and listings of this book are HTML: \
             there is no version for `{renderer}`"
        )),
        _ => Err(anyhow::anyhow!("`preprocessor` is for mdBook to call")),
    }
}
