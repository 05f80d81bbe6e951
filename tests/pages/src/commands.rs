//! The commands that the README and the book print for their readers: what
//! they are, and what can be said against them without running them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use book::build;
use book::captured::{self, Captured};
use book::console::{self, Notes};
use book::directive::Directive;
use book::exercise;
use book::page::Page;
use serde_json::Value;

/// The page that comes first, and that no page of the book builds on.
pub const README: &str = "README.md";

/// Programs that every reader on Linux and macOS has, who has cloned the
/// repository.
const EVERYWHERE: [&str; 11] = [
    "bash", "cargo", "cat", "git", "grep", "head", "ls", "rm", "sed", "seq",
    "sort",
];

/// A command that a page prints.
#[derive(Clone, Debug)]
pub struct Printed {
    /// The page, from the top of the repository on.
    pub page: String,
    /// The line on which it stands, or its block begins.
    pub line: usize,
    /// What a reader types.
    pub command: String,
    /// What the page says of it.
    pub notes: Notes,
    /// What the page says that it prints.
    pub captured: Option<Captured>,
}

/// All commands of the repository in `root`, page by page in the order in which
/// they are read.
///
/// # Panics
///
/// If a page cannot be read, or a note is none.
pub fn printed(root: &Path) -> Vec<Printed> {
    let folder = root.join("book");
    let sources = build::sources(&folder).expect("book.toml can be read");
    let mut pages = vec![README.to_owned()];
    for path in build::pages(&folder).expect("a book") {
        let path = sources.chapters.join(path);
        let path = path.strip_prefix(root).expect("a page lies in the book");
        pages.push(path.to_str().expect("a plain name").replace('\\', "/"));
    }
    let mut printed = Vec::new();
    for page in pages {
        let text = fs::read_to_string(root.join(&page)).expect("a page");
        let mut found = of_blocks(&page, &text);
        for (line, directive) in Page::new(&text).directives() {
            match Directive::parse(directive) {
                Ok(Directive::Captured { name }) => {
                    let file = folder.join("captured").join(name + ".txt");
                    let text = fs::read_to_string(&file).expect("an output");
                    let captured = captured::parse(&text).expect("an output");
                    found.push(Printed {
                        page: page.clone(),
                        line,
                        command: captured.command.clone(),
                        notes: notes(&captured.notes),
                        captured: Some(captured),
                    });
                }
                Ok(Directive::Exercise { number }) => {
                    let text = exercise::text(&sources, &number);
                    let text = text.expect("an exercise");
                    let [first, second] = text.hints;
                    for part in [text.task, first, second, text.why] {
                        let page = format!("book/exercises/{number}.md");
                        found.extend(of_blocks(&page, &part));
                    }
                }
                _ => {}
            }
        }
        found.sort_by_key(|printed| printed.line);
        printed.extend(found);
    }
    printed
}

fn of_blocks(page: &str, text: &str) -> Vec<Printed> {
    let mut found = Vec::new();
    for block in console::blocks(text) {
        for command in block.commands {
            found.push(Printed {
                page: page.to_owned(),
                line: block.line,
                command,
                notes: notes(&block.notes),
                captured: None,
            });
        }
    }
    found
}

fn notes(text: &str) -> Notes {
    Notes::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

impl Printed {
    /// Where it stands, and what it is.
    pub fn place(&self) -> String {
        format!("{}:{}: `{}`", self.page, self.line, self.command)
    }
}

/// A part of a command that is one program with its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// What is put into its environment.
    pub environment: Vec<(String, String)>,
    /// Its name, or where it lies.
    pub program: String,
    /// Its arguments, without what is read and written.
    pub arguments: Vec<String>,
    /// The files that it reads by `<`.
    pub reads: Vec<String>,
    /// The files that it writes by `>`.
    pub writes: Vec<String>,
}

/// Takes a command apart: programs behind each other, with `|`, `&&`, `;` and
/// `for NAME in VALUES; do …; done`.
///
/// # Errors
///
/// What is not understood of it.
pub fn steps(command: &str) -> Result<Vec<Step>, String> {
    let words = shlex::split(command).ok_or("a quotation has no end")?;
    let mut tokens = Vec::new();
    for word in words {
        match word.strip_suffix(';') {
            Some(word) => {
                tokens.extend([word.to_owned(), ";".to_owned()]);
            }
            None => tokens.push(word),
        }
    }
    let mut steps = Vec::new();
    for part in unrolled(&tokens)?.split(|token| is_between(token)) {
        if !part.is_empty() {
            steps.push(step(part)?);
        }
    }
    Ok(steps)
}

fn is_between(token: &str) -> bool {
    ["|", "&&", ";"].contains(&token)
}

/// Each loop as what it does in all its turns.
fn unrolled(tokens: &[String]) -> Result<Vec<String>, String> {
    let Some(start) = tokens.iter().position(|token| token == "for") else {
        return Ok(tokens.to_vec());
    };
    let find = |what: &str| {
        let found = tokens.iter().position(|token| token == what);
        found.ok_or(format!("`for` without `{what}`"))
    };
    let (first, last) = (find("do")?, find("done")?);
    let [name, _in, values @ .., _semicolon] = &tokens[start + 1..first] else {
        return Err("`for` wants `NAME in VALUES;`".into());
    };
    let mut all = tokens[..start].to_vec();
    for value in values {
        for token in &tokens[first + 1..last] {
            all.push(token.replace(&format!("${name}"), value));
        }
    }
    all.extend(unrolled(&tokens[last + 1..])?);
    Ok(all)
}

fn step(tokens: &[String]) -> Result<Step, String> {
    let mut step = Step::default();
    let mut tokens = tokens.iter();
    while let Some(token) = tokens.next() {
        match (token.as_str(), token.split_once('=')) {
            ("<" | ">", _) => {
                let file = tokens.next().ok_or("no file behind `<` or `>`")?;
                let files = if token == "<" {
                    &mut step.reads
                } else {
                    &mut step.writes
                };
                files.push(file.clone());
            }
            // The shell's own, in front of a program.
            ("time", _) if step.program.is_empty() => {}
            (_, Some((name, value)))
                if step.program.is_empty()
                    && name.chars().all(|c| c == '_' || c.is_uppercase()) =>
            {
                step.environment.push((name.to_owned(), value.to_owned()));
            }
            _ if step.program.is_empty() => step.program = token.clone(),
            _ => step.arguments.push(token.clone()),
        }
    }
    if step.program.is_empty() {
        return Err("a part of it names no program".into());
    }
    Ok(step)
}

/// What cargo knows of the workspace.
pub struct Known {
    // By name; each with its targets: their kind, their name, their file.
    packages: BTreeMap<String, Vec<(String, String, String)>>,
    // Those that cargo means if no package is named.
    defaults: BTreeSet<String>,
}

impl Known {
    /// Asks cargo about the workspace in `root`.
    ///
    /// # Panics
    ///
    /// If cargo does not answer.
    pub fn of(root: &Path) -> Self {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .current_dir(root)
            .output()
            .expect("cargo starts");
        let known: Value = serde_json::from_slice(&output.stdout)
            .expect("cargo tells what it knows");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let list = |value: &Value| value.as_array().cloned().expect("a list");
        let target = |target: &Value| {
            let kind = match text(&target["kind"][0]).as_str() {
                kind @ ("bin" | "test" | "example") => kind.to_owned(),
                // An example is a library too.
                _ if text(&target["src_path"]).contains("/examples/") => {
                    "example".to_owned()
                }
                kind => kind.to_owned(),
            };
            (kind, text(&target["name"]), text(&target["src_path"]))
        };
        let package = |package: &Value| {
            let targets = list(&package["targets"]);
            (text(&package["name"]), targets.iter().map(target).collect())
        };
        let packages = list(&known["packages"]);
        let defaults = list(&known["workspace_default_members"]);
        let defaults = packages
            .iter()
            .filter(|package| defaults.contains(&package["id"]))
            .map(|package| text(&package["name"]))
            .collect();
        Self { packages: packages.iter().map(package).collect(), defaults }
    }

    /// The file of a target, of one package or of all that cargo means.
    fn file(
        &self,
        package: Option<&str>,
        kind: &str,
        name: &str,
    ) -> Option<&str> {
        let mut targets = self.packages.iter().filter(|(its_name, _)| {
            package.map_or(self.defaults.contains(*its_name), |package| {
                package == *its_name
            })
        });
        targets.find_map(|(_, targets)| {
            let mut targets = targets.iter();
            targets
                .find(|target| target.0 == kind && target.1 == name)
                .map(|target| target.2.as_str())
        })
    }
}

/// What is wrong with commands of the repository in `root`, as far as one can
/// tell without running them: a line for each fault.
///
/// A page builds on what the pages before it have made, but for the README's
/// part in it: whoever reads the book need not have read that to its end.
pub fn faults(root: &Path, known: &Known, printed: &[Printed]) -> Vec<String> {
    let mut faults = Vec::new();
    let (readme, book): (Vec<_>, Vec<_>) =
        printed.iter().partition(|printed| printed.page == README);
    for part in [readme, book] {
        let mut made = BTreeSet::new();
        for printed in part {
            let looked = look(root, known, printed, &mut made);
            faults.extend(
                looked
                    .into_iter()
                    .map(|fault| format!("{} {fault}", printed.place())),
            );
        }
    }
    faults
}

fn look(
    root: &Path,
    known: &Known,
    printed: &Printed,
    made: &mut BTreeSet<String>,
) -> Vec<String> {
    let notes = &printed.notes;
    let steps = match steps(&printed.command) {
        Ok(steps) => steps,
        Err(error) => return vec![format!("is not understood: {error}")],
    };
    let mut faults = BTreeSet::new();
    for step in steps {
        let program = step.program.as_str();
        if program == "cargo" {
            faults.extend(cargo(known, &step.arguments, made));
        } else if !EVERYWHERE.contains(&program)
            && !program.contains('/')
            && !notes.needs.iter().any(|need| need == program)
            && notes.by_hand.is_none()
        {
            faults.insert(format!("does not say `needs={program}`"));
        }
        if step.environment.iter().any(|(name, _)| name == "LD_PRELOAD")
            && !notes.needs.iter().any(|need| need == "glibc")
        {
            faults.insert("preloads, and does not say `needs=glibc`".into());
        }
        makes(&step, made);
        for path in paths(&step) {
            let is_there = match path.split('/').next() {
                Some("target" | "practice") => made.contains(path),
                _ => root.join(path).exists(),
            };
            if !is_there && program != "rm" {
                faults.insert(format!("uses `{path}`, which nothing has made"));
            }
        }
    }
    Vec::from_iter(faults)
}

/// What is wrong with a command of cargo's, and what it makes.
fn cargo(
    known: &Known,
    arguments: &[String],
    made: &mut BTreeSet<String>,
) -> Vec<String> {
    let mut faults = Vec::new();
    let ends = arguments.iter().position(|argument| argument == "--");
    let (own, rest) = arguments.split_at(ends.unwrap_or(arguments.len()));
    let rest = rest.get(1..).unwrap_or_default();
    let values = |option: &str| -> Vec<&str> {
        let named = own.windows(2).filter(|pair| pair[0] == option);
        named.map(|pair| pair[1].as_str()).collect()
    };
    let package = values("-p").first().copied();
    if let Some(package) = package
        && !known.packages.contains_key(package)
    {
        faults.push(format!("names a package `{package}`, which is none"));
    }
    let is_release = own.iter().any(|argument| argument == "--release");
    let folder = if is_release { "target/release" } else { "target/debug" };
    for example in values("--example") {
        if known.file(package, "example", example).is_none() {
            faults.push(format!("names an example `{example}`, which is none"));
        }
        made.insert(format!("{folder}/examples/{example}"));
        made.insert(format!("{folder}/examples/lib{example}.so"));
    }
    for test in values("--test") {
        let Some(file) = known.file(package, "test", test) else {
            faults.push(format!("names a test `{test}`, which is none"));
            continue;
        };
        let text = fs::read_to_string(file).unwrap_or_default();
        let after = own.iter().position(|argument| argument == test);
        for filter in own.iter().skip(after.unwrap_or(0) + 1) {
            if !filter.starts_with('-') && !text.contains(filter.as_str()) {
                faults.push(format!("picks `{filter}`, which no test has"));
            }
        }
    }
    if let [practice, stage, ..] = rest
        && practice == "practice"
    {
        made.insert(format!("practice/stage{stage}"));
        made.insert(format!("practice/stage{stage}/Cargo.toml"));
    }
    if let [vary, seed] = rest
        && vary == "vary"
    {
        made.insert(format!("practice/vary-{seed}/Cargo.toml"));
    }
    faults
}

/// Notes the files that a step says that it writes.
fn makes(step: &Step, made: &mut BTreeSet<String>) {
    made.extend(step.writes.iter().cloned());
    let outputs = step.arguments.windows(2).filter(|pair| pair[0] == "-o");
    made.extend(outputs.map(|pair| pair[1].clone()));
    let files = step.environment.iter().filter(|it| it.0.ends_with("_FILE"));
    made.extend(files.map(|(_, file)| file.clone()));
}

/// The files below the top of the repository that a step names.
fn paths(step: &Step) -> impl Iterator<Item = &str> {
    let environment = step.environment.iter().map(|(_, value)| value);
    let words = step.arguments.iter().chain(&step.reads).chain(environment);
    let words = words.map(String::as_str).chain([step.program.as_str()]);
    let parts = words.flat_map(|word| word.split([' ', ':']));
    parts.filter(|part| {
        let top = part.split('/').next().unwrap_or_default();
        part.contains('/')
            && (["target", "practice", "book", "tests"].contains(&top)
                || top.starts_with("stage"))
    })
}
