//! The directives: lines of a chapter that stand for something else.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::answers::Part;
use crate::captured::{self, Captured};
use crate::console::Notes;
use crate::diff::Side;
use crate::html::{self, escape};
use crate::noted::{self, HunkNotes, OfFile, Text};
use crate::problem::{did_you_mean, list};
use crate::repository::linked;
use crate::sources::Sources;
use crate::{
    drawing, exercise, faults, figure, highlight, item, map, milestone, miri,
    mutants, plot, poster, runtimes, side_by_side, tabled, targets, tryit,
    whole_systems,
};

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
    /// What changed from one file to another, or from one folder to another.
    Diff {
        /// The file or folder as it was.
        old: String,
        /// The file or folder as it is.
        new: String,
        /// The one item to compare, if it is not the whole file.
        name: Option<String>,
        /// What the page says of it.
        notes: HunkNotes,
    },
    /// A recording of a heap.
    Heap {
        /// The scenario's name.
        scenario: String,
        /// The code that it is recorded on, if the page says so: the folder of
        /// a stage, or the file of a step.
        source: Option<String>,
    },
    /// A drawing of memory that nobody has recorded.
    Drawing {
        /// Its name.
        name: String,
    },
    /// A plot of results.
    Plot {
        /// Its name.
        name: String,
        /// The number of the stage, if it is a plot for one of them.
        stage: Option<String>,
    },
    /// A stage on one page.
    Poster {
        /// Its name: the number of the stage, or `per-thread`.
        name: String,
    },
    /// The chapters, and what is read before what.
    Map,
    /// A short way through the book.
    Route,
    /// What was asked for of the heaps, and what has come of it.
    Targets,
    /// Columns of the results of a measurement.
    Table {
        /// The name of the results.
        name: String,
        /// The columns.
        columns: Vec<String>,
    },
    /// The output of a real program.
    Captured {
        /// The name of its file in `book/captured`, without `.txt`.
        name: String,
    },
    /// A heap to play with.
    Try,
    /// A script that shows a surprise, and what it is true of.
    Script {
        /// The file, from the root of the repository.
        path: String,
    },
    /// Where to tell what is wrong with the book, if it has an address.
    TellUs,
    /// The questions of the book and their answers, or some of them.
    Answers(Part),
    /// Which properties each heap has.
    SideBySide,
    /// The programs that ask for them.
    Programs,
    /// Faults, and which test sees each first.
    Faults,
    /// Changes that nobody thought of, and which test sees each first.
    Mutants,
    /// Tests that Miri leaves out, and why.
    Miri,
    /// What whole systems do on our heaps.
    WholeSystems,
    /// What the project itself does in them.
    WholeProjects,
    /// Programs in many languages: their calls, or what they do on the heaps.
    Runtimes {
        /// Which of the two.
        which: String,
    },
    /// An exercise, with hints and a solution.
    Exercise {
        /// Its number, such as `3.1`.
        number: String,
    },
    /// The milestones of a stage, with their hints.
    Milestones {
        /// The stage's number.
        stage: String,
    },
}

const ALL: &str = "`{{#item path name}}` (one name or more), \
                   `{{#file path}}`, `{{#diff old new}}`, \
                   `{{#diff old new name}}`, `{{#heap scenario}}`, \
                   `{{#heap scenario stage1-bump}}` (to name its heap), \
                   `{{#drawing name}}`, `{{#captured name}}`, \
                   `{{#plot name}}`, \
                   `{{#plot name 3}}` (for stage 3), `{{#exercise 3.1}}`, \
                   `{{#milestones 3}}`, `{{#poster 3}}`, `{{#map}}`, \
                   `{{#route}}`, `{{#targets}}`, \
                   `{{#table name column}}` (one column or more), \
                   `{{#tell-us}}`, \
                   `{{#script path}}`, \
                   `{{#try}}`, `{{#answers}}`, `{{#answers to stage5}}` \
                   and `{{#answers after stage5}}` (to its last page), \
                   `{{#side-by-side}}`, \
                   `{{#programs}}`, `{{#faults}}`, `{{#mutants}}`, `{{#miri}}`, \
                   `{{#whole-systems}}`, `{{#whole-systems project}}`, \
                   `{{#runtimes calls}}` and `{{#runtimes heaps}}`";

/// The line below the notes of a diff.
pub const END_OF_DIFF: &str = "{{/diff}}";

impl Directive {
    /// Reads a line of a chapter that starts with `{{#`; a diff with its notes,
    /// to the line `{{/diff}}`.
    ///
    /// # Errors
    ///
    /// What to write instead, as a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (line, rest) = text.trim().split_once('\n').unwrap_or((text, ""));
        let inner = line
            .trim()
            .strip_prefix("{{#")
            .and_then(|line| line.strip_suffix("}}"))
            .filter(|inner| !inner.contains("{{"))
            .ok_or("a directive stands alone on its line")?;
        let (kind, arguments) =
            inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
        let words: Vec<_> = arguments.split_whitespace().collect();
        let mut directive = Self::new(kind, &words)?;
        if let Self::Diff { notes, .. } = &mut directive {
            let text = rest.strip_suffix(END_OF_DIFF).unwrap_or(rest);
            *notes = HunkNotes::parse(text)?;
        }
        Ok(directive)
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
                    notes: HunkNotes::default(),
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
            ("drawing", [name]) => Ok(Self::Drawing { name: owned(name) }),
            ("captured", [name]) => Ok(Self::Captured { name: owned(name) }),
            ("poster", [name]) => Ok(Self::Poster { name: owned(name) }),
            ("map", []) => Ok(Self::Map),
            ("route", []) => Ok(Self::Route),
            ("targets", []) => Ok(Self::Targets),
            ("table", [name, columns @ ..]) if !columns.is_empty() => {
                let columns = columns.iter().map(|it| owned(it)).collect();
                Ok(Self::Table { name: owned(name), columns })
            }
            ("script", [path]) => Ok(Self::Script { path: owned(path) }),
            ("tell-us", []) => Ok(Self::TellUs),
            ("try", []) => Ok(Self::Try),
            ("answers", []) => Ok(Self::Answers(Part::All)),
            ("answers", ["to", folder]) => {
                Ok(Self::Answers(Part::To(owned(folder))))
            }
            ("answers", ["after", folder]) => {
                Ok(Self::Answers(Part::After(owned(folder))))
            }
            ("side-by-side", []) => Ok(Self::SideBySide),
            ("programs", []) => Ok(Self::Programs),
            ("faults", []) => Ok(Self::Faults),
            ("mutants", []) => Ok(Self::Mutants),
            ("miri", []) => Ok(Self::Miri),
            ("whole-systems", []) => Ok(Self::WholeSystems),
            ("whole-systems", ["project"]) => Ok(Self::WholeProjects),
            ("runtimes", [which @ ("calls" | "heaps")]) => {
                Ok(Self::Runtimes { which: owned(which) })
            }
            ("exercise", [number]) => {
                Ok(Self::Exercise { number: owned(number) })
            }
            ("milestones", [stage]) => {
                Ok(Self::Milestones { stage: owned(stage) })
            }
            ("item" | "file" | "diff" | "milestones", _)
            | ("heap" | "drawing" | "plot" | "captured" | "exercise", _)
            | ("targets" | "table" | "script", _)
            | ("tell-us" | "try" | "answers", _)
            | ("side-by-side" | "programs" | "faults" | "mutants", _)
            | ("whole-systems" | "runtimes" | "miri", _)
            | ("poster" | "map" | "route", _) => {
                Err(format!("`{kind}` has other arguments. There are: {ALL}"))
            }
            _ => Err(format!("unknown directive `{kind}`. There are: {ALL}")),
        }
    }
}

/// What a script says that it is true of: the line that begins so, and those
/// below that are set further in.
fn versions(script: &str) -> Option<String> {
    let mut lines = script.lines().skip_while(|it| {
        !it.starts_with("# Version: ") && !it.starts_with("# Versions: ")
    });
    let (_, first) = lines.next()?.split_once(": ")?;
    let rest = lines.map_while(|it| it.strip_prefix("#   "));
    let words: Vec<&str> =
        [first].into_iter().chain(rest).map(str::trim).collect();
    Some(words.join(" "))
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
            Directive::Diff { old, new, name, notes } => {
                return self.diff(old, new, name.as_deref(), notes);
            }
            Directive::Heap { scenario, .. } => heap(scenario),
            Directive::Drawing { name } => drawn(name),
            Directive::Plot { name, stage } => {
                plot::render(&self.root, name, stage.as_deref())
            }
            Directive::Poster { name } => poster::render(self, name, page),
            Directive::Map => Ok(map::MAP.to_owned()),
            Directive::Route => Ok(map::ROUTE.to_owned()),
            Directive::Targets => return targets::markdown(&self.root),
            Directive::Table { name, columns } => {
                return tabled::markdown(&self.root, name, columns);
            }
            Directive::Captured { name } => terminal(&self.captured(name)?),
            Directive::Script { path } => self.script(path),
            Directive::TellUs => Ok(self.tell_us()),
            Directive::Try => tryit::render(&self.book),
            Directive::Answers(part) => Ok(part.place()),
            Directive::SideBySide => side_by_side::table(&self.root, page),
            Directive::Programs => side_by_side::programs(self),
            Directive::Faults => faults::table(&self.root),
            Directive::Mutants => mutants::table(&self.root),
            Directive::Miri => miri::table(&self.root),
            Directive::WholeSystems => whole_systems::table(&self.root),
            Directive::WholeProjects => whole_systems::project(&self.root),
            Directive::Runtimes { which } => runtimes::table(&self.root, which),
            Directive::Exercise { number } => {
                return Ok(exercise::load(self, number)?.markdown(page));
            }
            Directive::Milestones { stage } => {
                let milestones = milestone::of_number(self, stage)?;
                let all = milestones.iter().map(|it| it.markdown(page));
                return Ok(all.collect());
            }
        };
        Ok(html::block(&html?))
    }

    /// Items of a file, by name.
    ///
    /// # Errors
    ///
    /// That there is no such file, or no such item.
    pub fn items(
        &self,
        path: &str,
        names: &[String],
    ) -> Result<String, String> {
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

    /// A whole file.
    ///
    /// # Errors
    ///
    /// That there is none.
    pub fn file(&self, path: &str) -> Result<String, String> {
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
        // What is no code may break its lines.
        let is_text = [".csv", ".stderr", ".txt"].iter();
        let class = match is_text.clone().any(|it| path.ends_with(it)) {
            true => "listing is-text",
            false => "listing",
        };
        let code = match class {
            "listing" => html::lines(code),
            _ => html::output(text.lines().zip(code)),
        };
        html::listing(class, &caption, &code)
    }

    /// The name of a file, which links to it.
    fn link(&self, path: &str) -> String {
        let repository = self.repository.as_ref();
        linked(path, repository.map(|repository| repository.file(path)))
    }

    /// The name of a script, the versions that stand at its start, and the script
    /// itself behind a click: who has the book alone can read it.
    fn script(&self, path: &str) -> Result<String, String> {
        let text = self.read(path)?;
        let versions = versions(&text).ok_or_else(|| {
            format!("`{path}` has no line `# Version: ` or `# Versions: `")
        })?;
        let link = self.link(path);
        // No line ends inside of a version.
        let whole = |word: &str| match word.contains('-') {
            true => format!(
                "<span class=\"whole\">{}</span>",
                html::escape_prose(word)
            ),
            false => html::escape_prose(word),
        };
        let versions: Vec<_> = versions.split_whitespace().map(whole).collect();
        let versions = versions.join(" ");
        let whole = self.file(path)?;
        Ok(format!(
            "<p class=\"script\"><code>{link}</code>: {versions}</p>\n\
             <details class=\"whole-script\">\n<summary>The script</summary>\n\
             {whole}\n</details>"
        ))
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
        notes: &HunkNotes,
    ) -> Result<String, String> {
        if name.is_none() && self.root.join(new).is_dir() {
            return self.folders(old, new, notes);
        }
        let what = name.map_or_else(String::new, |name| {
            format!("<code>{}</code>, ", escape(name))
        });
        let caption = format!("{what}{} → {}", self.link(old), self.link(new));
        let of_file = match &notes.files[..] {
            [] => &OfFile::default(),
            [file] if file.name.is_empty() => file,
            _ => return Err("a diff of two files has no other file".into()),
        };
        let (old, new) = (self.text(old, name)?, self.text(new, name)?);
        noted::figure(&caption, &old, &new, of_file)
    }

    /// What changed from the files of a folder to those of another.
    fn folders(
        &self,
        old: &str,
        new: &str,
        notes: &HunkNotes,
    ) -> Result<String, String> {
        let (was, is) =
            (files(&self.root.join(old)), files(&self.root.join(new)));
        let mut markdown = String::new();
        let mut same = Vec::new();
        let mut named = Vec::new();
        for name in was.union(&is) {
            let read = |folder: &str, there: bool| {
                let path = format!("{folder}/{name}");
                if there {
                    self.text(&path, None)
                } else {
                    Ok(Text::empty(path))
                }
            };
            let before = read(old, was.contains(name))?;
            let after = read(new, is.contains(name))?;
            if before.same(&after) {
                same.push(name.as_str());
                continue;
            }
            // What is said of a folder is said of all files in it.
            let is_in = |file: &&OfFile| {
                let rest = name.strip_prefix(file.name.as_str());
                rest.is_some_and(|rest| {
                    rest.is_empty() || rest.starts_with('/')
                })
            };
            let of_file = notes.files.iter().find(is_in);
            if let Some(folder) = of_file.filter(|it| it.name != *name) {
                if !named.contains(&folder.name.as_str()) {
                    named.push(&folder.name);
                    let path = self.link(&format!("{new}/{}", folder.name));
                    markdown += &noted::folder(&path, folder);
                }
                continue;
            }
            named.push(name.as_str());
            let of_file = of_file.ok_or_else(|| {
                format!(
                    "the file `{name}` changes and has no note. Write \
                     `` `{name}`: `` in front of the notes of its hunks"
                )
            })?;
            let path = |folder: &str| self.link(&format!("{folder}/{name}"));
            markdown += &match (was.contains(name), is.contains(name)) {
                (true, true) => {
                    let caption = format!("{} → {}", path(old), path(new));
                    noted::figure(&caption, &before, &after, of_file)?
                }
                (false, _) => {
                    noted::new_file(&path(new), &before, &after, of_file)
                }
                (_, false) => noted::no_file(&path(old), of_file),
            };
        }
        let none =
            notes.files.iter().find(|file| !named.contains(&&*file.name));
        if let Some(file) = none {
            return Err(format!(
                "a note is about the file `{}`, and it does not change. Those \
                 that do: {}",
                file.name,
                list(&named)
            ));
        }
        if !same.is_empty() {
            markdown +=
                &format!("\nNot changed by a byte: {}.\n\n", list(&same));
        }
        Ok(markdown)
    }

    fn text(&self, path: &str, name: Option<&str>) -> Result<Text, String> {
        let file = self.read(path)?;
        let path = path.to_owned();
        Ok(match name {
            None => {
                let text = file.clone();
                Text::new(Side { path, first_line: 1, text }, &file)
            }
            Some(name) => {
                let item = item::find(&path, &file, name)?;
                let first_line = *item.lines.start();
                Text::new(Side { path, first_line, text: item.text }, &file)
            }
        })
    }

    /// A file of captured output, by its name without `.txt`.
    ///
    /// # Errors
    ///
    /// That there is none, or what is wrong with it.
    pub fn captured(&self, name: &str) -> Result<Captured, String> {
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
        captured::parse(&text)
            .map_err(|error| format!("the captured output `{name}` {error}"))
    }

    pub(crate) fn read(&self, path: &str) -> Result<String, String> {
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

/// The files of a folder and of those in it, from the folder on.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for name in names_in(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            let inner = files(&path).into_iter();
            names.extend(inner.map(|inner| format!("{name}/{inner}")));
        } else {
            names.insert(name);
        }
    }
    names
}

fn drawn(name: &str) -> Result<String, String> {
    drawing::render(name).ok_or_else(|| {
        let names = drawing::names();
        format!(
            "there is no drawing `{name}`.{} There is: {}",
            did_you_mean(name, &names),
            list(&names)
        )
    })
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
    let output = captured.output.trim_end().lines();
    let class = match wide_table(output.clone()) {
        Some(columns) => {
            format!("captured is-wide\" style=\"--columns:{columns}")
        }
        None => "captured".to_owned(),
    };
    let output = output.map(|line| (line, escape(line)));
    let lines = html::lines([command]) + &html::output(output);
    let listing = html::listing(&class, &caption, &lines);
    let notes = Notes::parse(&captured.notes)?.html().unwrap_or_default();
    Ok(format!("{notes}\n{listing}"))
}

/// How wide an output is, if many of its lines are a little too long. It is a
/// table then, and its letters had better be smaller than its lines broken.
fn wide_table<'a>(lines: impl Iterator<Item = &'a str>) -> Option<usize> {
    let widths: Vec<_> = lines.map(|line| line.chars().count()).collect();
    let widest = *widths.iter().max()?;
    let too_long = widths.iter().filter(|it| **it > html::COLUMNS).count();
    (widest <= 100 && 3 * too_long > widths.len()).then_some(widest)
}
