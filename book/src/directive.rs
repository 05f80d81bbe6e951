//! The directives: lines of a chapter that stand for something else.

use std::fs;
use std::path::Path;

use crate::captured::{self, Captured};
use crate::console::Notes;
use crate::diff::{self, Side};
use crate::html::{self, escape};
use crate::problem::{did_you_mean, list};
use crate::repository::linked;
use crate::sources::Sources;
use crate::{exercise, figure, highlight, item, plot};

/// A directive with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Directive {
    /// Items of a Rust file, by name.
    Item {
        /// The file, from the root of the repository.
        path: String,
        /// The names, as [`item::find`] takes them.
        names: Vec<String>,
    },
    /// A whole file.
    File {
        /// The file, from the root of the repository.
        path: String,
    },
    /// What changed from one file to another.
    Diff {
        /// The file as it was.
        old: String,
        /// The file as it is.
        new: String,
        /// The one item to compare, if it is not the whole file.
        name: Option<String>,
    },
    /// A recording of a heap.
    Heap {
        /// The scenario's name.
        scenario: String,
        /// The code that it is recorded on, if the page says so: the folder of
        /// a stage, or the file of a step.
        source: Option<String>,
    },
    /// A plot of results.
    Plot {
        /// Its name.
        name: String,
        /// The number of the stage, if it is a plot for one of them.
        stage: Option<String>,
    },
    /// The output of a real program.
    Captured {
        /// The name of its file in `book/captured`, without `.txt`.
        name: String,
    },
    /// Where to tell what is wrong with the book, if it has an address.
    TellUs,
    /// An exercise, with hints and a solution.
    Exercise {
        /// Its number, such as `3.1`.
        number: String,
    },
}

const ALL: &str = "`{{#item path name}}` (one name or more), \
                   `{{#file path}}`, `{{#diff old new}}`, \
                   `{{#diff old new name}}`, `{{#heap scenario}}`, \
                   `{{#heap scenario stage1-bump}}` (to name its heap), \
                   `{{#captured name}}`, `{{#plot name}}`, \
                   `{{#plot name 3}}` (for stage 3), `{{#exercise 3.1}}`, \
                   `{{#tell-us}}`";

impl Directive {
    /// Reads a line of a chapter that starts with `{{#`.
    ///
    /// # Errors
    ///
    /// What to write instead, as a sentence.
    pub fn parse(line: &str) -> Result<Self, String> {
        let inner = line
            .trim()
            .strip_prefix("{{#")
            .and_then(|line| line.strip_suffix("}}"))
            .filter(|inner| !inner.contains("{{"))
            .ok_or("a directive stands alone on its line")?;
        let (kind, arguments) =
            inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
        let words: Vec<_> = arguments.split_whitespace().collect();
        Self::new(kind, &words)
    }

    fn new(kind: &str, words: &[&str]) -> Result<Self, String> {
        let owned = |word: &str| word.to_owned();
        match (kind, words) {
            ("item", [path, names @ ..]) if !names.is_empty() => {
                Ok(Self::Item { path: owned(path), names: item_names(names) })
            }
            ("file", [path]) => Ok(Self::File { path: owned(path) }),
            ("diff", [old, new, name @ ..]) if item_names(name).len() < 2 => {
                Ok(Self::Diff {
                    old: owned(old),
                    new: owned(new),
                    name: item_names(name).pop(),
                })
            }
            ("heap", [name, source @ ..]) if source.len() < 2 => {
                let source = source.first().map(|source| owned(source));
                Ok(Self::Heap { scenario: owned(name), source })
            }
            ("plot", [name, stage @ ..]) if stage.len() < 2 => {
                let stage = stage.first().map(|stage| owned(stage));
                Ok(Self::Plot { name: owned(name), stage })
            }
            ("captured", [name]) => Ok(Self::Captured { name: owned(name) }),
            ("tell-us", []) => Ok(Self::TellUs),
            ("exercise", [number]) => {
                Ok(Self::Exercise { number: owned(number) })
            }
            ("item" | "file" | "diff", _)
            | ("heap" | "plot" | "captured" | "exercise" | "tell-us", _) => {
                Err(format!("`{kind}` has other arguments. There are: {ALL}"))
            }
            _ => Err(format!("unknown directive `{kind}`. There are: {ALL}")),
        }
    }
}

/// Puts names of several words together: `Brk for SimBrk`, `impl Heap`.
fn item_names(words: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut joins = false;
    for &word in words {
        match names.last_mut() {
            Some(name) if joins || word == "for" => {
                name.push(' ');
                name.push_str(word);
            }
            _ => names.push(word.to_owned()),
        }
        joins = word == "for" || word == "impl";
    }
    names
}

impl Sources {
    /// The Markdown that a directive stands for, on the page at `page` below
    /// the folder of the chapters.
    ///
    /// # Errors
    ///
    /// What is wrong with its arguments and what to write instead.
    pub fn markdown(
        &self,
        directive: &Directive,
        page: &Path,
    ) -> Result<String, String> {
        let html = match directive {
            Directive::Item { path, names } => self.items(path, names),
            Directive::File { path } => self.file(path),
            Directive::Diff { old, new, name } => {
                self.diff(old, new, name.as_deref())
            }
            Directive::Heap { scenario, .. } => heap(scenario),
            Directive::Plot { name, stage } => {
                plot::render(&self.root, name, stage.as_deref())
            }
            Directive::Captured { name } => self.captured(name),
            Directive::TellUs => Ok(self.tell_us()),
            Directive::Exercise { number } => {
                return Ok(exercise::load(self, number)?.markdown(page));
            }
        };
        Ok(html::block(&html?))
    }

    fn items(&self, path: &str, names: &[String]) -> Result<String, String> {
        let file = self.read(path)?;
        let mut text = String::new();
        let mut places = Vec::new();
        for name in names {
            let item = item::find(path, &file, name)?;
            if !text.is_empty() {
                text.push('\n');
            }
            text += &item.text;
            let (first, last) = item.lines.into_inner();
            let address = self.repository.as_ref();
            let address = address.map(|at| at.lines(path, first, last));
            let place = match first == last {
                true => first.to_string(),
                false => format!("{first}–{last}"),
            };
            places.push(linked(&place, address));
        }
        let places = places.join(", ");
        let word = if places.contains(['–', ',']) { "lines" } else { "line" };
        Ok(self.listing(path, &format!("{word} {places}"), &text))
    }

    fn file(&self, path: &str) -> Result<String, String> {
        let text = self.read(path)?;
        let lines = html::count(text.lines().count(), "line");
        Ok(self.listing(path, &lines, &text))
    }

    fn listing(&self, path: &str, lines: &str, text: &str) -> String {
        let caption =
            format!("<span>{}</span> <span>{lines}</span>", self.link(path));
        let code = highlight::lines(path, text)
            .iter()
            .map(|line| highlight::html(line, &[]))
            .collect::<Vec<_>>();
        html::listing("listing", &caption, &html::lines(code))
    }

    /// The name of a file, which links to it.
    fn link(&self, path: &str) -> String {
        let repository = self.repository.as_ref();
        linked(path, repository.map(|repository| repository.file(path)))
    }

    /// Whom to tell; nothing if that is nobody.
    fn tell_us(&self) -> String {
        let address = self.repository.as_ref().map(|it| it.issues());
        let line = address.map(|address| {
            let link = linked(&address, Some(address.clone()));
            format!("<p>Please tell us: {link}</p>")
        });
        line.unwrap_or_default()
    }

    fn diff(
        &self,
        old: &str,
        new: &str,
        name: Option<&str>,
    ) -> Result<String, String> {
        let (old, new) = (self.side(old, name)?, self.side(new, name)?);
        let changes = diff::changes(&old, &new);
        let what = name.map_or_else(String::new, |name| {
            format!("<code>{}</code>, ", escape(name))
        });
        let caption = format!(
            "<span>{what}{} → {}</span> <span>+{} −{}</span>",
            self.link(&old.path),
            self.link(&new.path),
            changes.added,
            changes.removed,
        );
        Ok(diff::figure(&caption, &diff::html(&old, &new)))
    }

    fn side(&self, path: &str, name: Option<&str>) -> Result<Side, String> {
        let file = self.read(path)?;
        let path = path.to_owned();
        Ok(match name {
            None => Side { path, first_line: 1, text: file },
            Some(name) => {
                let item = item::find(&path, &file, name)?;
                Side { path, first_line: *item.lines.start(), text: item.text }
            }
        })
    }

    fn captured(&self, name: &str) -> Result<String, String> {
        let folder = self.book.join("captured");
        let file = folder.join(format!("{name}.txt"));
        let Ok(text) = fs::read_to_string(file) else {
            let names = names_in(&folder);
            let names: Vec<_> = names
                .iter()
                .filter_map(|name| name.strip_suffix(".txt"))
                .collect();
            return Err(format!(
                "there is no captured output `{name}`.{} There is: {}",
                did_you_mean(name, &names),
                list(&names)
            ));
        };
        let captured = captured::parse(&text)
            .map_err(|error| format!("the captured output `{name}` {error}"))?;
        terminal(&captured)
    }

    fn read(&self, path: &str) -> Result<String, String> {
        let file = self.root.join(path);
        fs::read_to_string(&file).map_err(|_| {
            let folder = file.parent().unwrap_or(&self.root);
            let names = names_in(folder);
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            format!(
                "there is no file `{path}` below the root of the repository. \
                 Its folder has: {}",
                list(&names)
            )
        })
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn heap(scenario: &str) -> Result<String, String> {
    figure::render(scenario).ok_or_else(|| {
        let names = figure::names();
        format!(
            "there is no scenario `{scenario}`.{} There is: {}",
            did_you_mean(scenario, &names),
            list(&names)
        )
    })
}

fn terminal(captured: &Captured) -> Result<String, String> {
    let caption = format!("<span>{}</span>", escape(&captured.system));
    let command =
        format!("<span class=\"command\">{}</span>", escape(&captured.command));
    let output = captured.output.trim_end().lines().map(escape);
    let lines = std::iter::once(command).chain(output);
    let listing = html::listing("captured", &caption, &html::lines(lines));
    let notes = Notes::parse(&captured.notes)?.html().unwrap_or_default();
    Ok(format!("{notes}\n{listing}"))
}
