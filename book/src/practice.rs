//! A copy of a stage to practise on, outside the workspace: whatever a reader
//! does to it, the book still opens.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use toml_edit::{DocumentMut, InlineTable, Item, TableLike, value};

use crate::empty::empty;
use crate::exercise;
use crate::sources::Sources;
use crate::stage::{Stage, test_command};

/// The files of a stage that a reader may write from nothing.
pub const TO_WRITE: [&str; 3] =
    ["src/block.rs", "src/heap.rs", "src/free_lists.rs"];

/// What a copy goes without: what was built.
const LEFT_OUT: &str = "target";

/// What a reader wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `todo!()` in place of each body in the files of [`TO_WRITE`].
    pub empty: bool,
    /// A new copy, although there is one.
    pub force: bool,
}

/// A copy that was made, or is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Where it lies.
    pub folder: PathBuf,
    /// Whether it is the one from before.
    pub stays: bool,
    /// Where the one lies now that was there before.
    pub old: Option<PathBuf>,
}

/// Makes `practice/stageN` in `root`. One that is there already is never
/// changed: with `force` it is moved aside.
///
/// # Errors
///
/// That there is one, if an empty one is wanted, or what could not be read or written.
pub fn make(root: &Path, stage: &Stage, options: Options) -> Result<Made> {
    let practice = root.join("practice");
    let folder = practice.join(format!("stage{}", stage.number));
    let old = folder.exists().then(|| aside(&folder));
    if old.is_some() && !options.force {
        if options.empty {
            bail!("{}", told_of_the_old(stage, &folder, options));
        }
        return Ok(Made { folder, stays: true, old: None });
    }
    // It gets its name when it is whole.
    let new = practice.join(format!("stage{}.new", stage.number));
    if new.exists() {
        fs::remove_dir_all(&new).with_context(|| shown(&new))?;
    }
    copy(root, stage, &new, options.empty)?;
    if let Some(old) = &old {
        fs::rename(&folder, old).with_context(|| shown(&folder))?;
    }
    fs::rename(&new, &folder).with_context(|| shown(&new))?;
    if let Some(old) = &old {
        // What cargo built of the dependencies is good for the new copy too.
        // If it cannot be had, cargo builds it again.
        let _ = fs::rename(old.join("target"), folder.join("target"));
    }
    Ok(Made { folder, stays: false, old })
}

/// What the reader is told about a copy.
///
/// # Errors
///
/// A test that cannot be read.
pub fn told(
    sources: &Sources,
    stage: &Stage,
    made: &Made,
    options: Options,
) -> Result<String> {
    let name = &stage.name;
    let mut told = format!("{} is your copy of {name}.", shown(&made.folder));
    if made.stays {
        told = told_of_the_old(stage, &made.folder, options);
    }
    if options.empty {
        told += " Each body in it is still to be written.";
    }
    if let Some(old) = &made.old {
        told += &format!("\nThe one from before is {} now.", shown(old));
    }
    told += "\n\n";
    told += &if options.empty {
        told_of_the_contract(stage)?
    } else {
        told_of_exercises(sources, stage)
    };
    Ok(told)
}

/// That there is a copy already, and how to get a new one.
fn told_of_the_old(stage: &Stage, folder: &Path, options: Options) -> String {
    let number = &stage.number;
    let flag = if options.empty { "--empty " } else { "" };
    let mut told = format!(
        "{} is there already, and stays as you left it.\n\
         What there is to do in it: cargo run -- practice {number} list\n\
         To begin anew: cargo run -- practice {number} {flag}--force\n",
        shown(folder),
    );
    if !options.empty {
        told += &format!(
            "... from nothing: cargo run -- practice {number} --empty --force\n"
        );
    }
    told + &format!(
        "That moves yours to {} and throws nothing away.",
        shown(&aside(folder)),
    )
}

fn told_of_the_contract(stage: &Stage) -> Result<String> {
    let tests = read(&stage.folder.join("tests/contract.rs"))?;
    let tests = exercise::tests("tests/contract.rs", &tests);
    let tests = tests.map_err(|error| anyhow!(error))?;
    let first = tests.first().map_or("", |test| &test.name);
    let contract = format!("{} --test contract", test_command(stage.number));
    Ok(format!(
        "All promises:\n  {contract}\n\
         The first one:\n  {contract} {first}\n\n\
         Write bodies until it is kept. Then take the next one. This says \
         which, and what to read:\n  cargo run -- practice {} check\n",
        stage.number
    ))
}

fn told_of_exercises(sources: &Sources, stage: &Stage) -> String {
    let tests = test_command(stage.number);
    let mut told = format!("All its tests:\n  {tests}\n");
    let numbers = exercise::numbers(sources).into_iter();
    let exercises = numbers
        .filter_map(|number| exercise::load(sources, &number).ok())
        .filter(|exercise| exercise.stage == *stage);
    for (index, exercise) in exercises.enumerate() {
        if index == 0 {
            told +=
                &format!("One exercise:\n  {tests} --test exercises NAME\n\n");
        }
        told += &format!(
            "{:>5}  {:>3} minutes  {}\n       NAME: {}\n",
            exercise.number,
            exercise.text.minutes,
            exercise.text.title,
            exercise.test,
        );
    }
    let number = stage.number;
    told + &format!(
        "\nHow far you are:    cargo run -- practice {number} check\n\
         If you are stuck:   cargo run -- practice {number} hint NUMBER\n"
    )
}

/// A name beside `folder` that is not taken.
fn aside(folder: &Path) -> PathBuf {
    let mut number = 1;
    loop {
        let aside = folder.with_extension(format!("old-{number}"));
        if !aside.exists() {
            return aside;
        }
        number += 1;
    }
}

/// Copies a stage to `folder`, as a crate that needs nothing around it.
///
/// # Errors
///
/// What could not be read or written.
pub fn copy(
    root: &Path,
    stage: &Stage,
    folder: &Path,
    empty: bool,
) -> Result<()> {
    copy_files(&stage.folder, folder)?;
    let workspace = read(&root.join("Cargo.toml"))?;
    change(&folder.join("Cargo.toml"), |text| {
        standalone(&workspace, text, empty)
    })?;
    let lock = root.join("Cargo.lock");
    fs::copy(&lock, folder.join("Cargo.lock")).with_context(|| shown(&lock))?;
    let exercises = folder.join("tests/exercises.rs");
    if exercises.is_file() {
        change(&exercises, |text| Ok(exercise::switched_on(text)))?;
    }
    let to_write = TO_WRITE.map(|path| folder.join(path));
    for file in to_write.iter().filter(|file| empty && file.is_file()) {
        change(file, |text| {
            self::empty(&shown(file), text, |_| false).map_err(|e| anyhow!(e))
        })?;
    }
    Ok(())
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| shown(to))?;
    for entry in fs::read_dir(from).with_context(|| shown(from))? {
        let entry = entry?;
        let name = entry.file_name();
        if name == LEFT_OUT {
            continue;
        }
        let (from, to) = (entry.path(), to.join(name));
        if from.is_dir() {
            copy_files(&from, &to)?;
        } else {
            fs::copy(&from, &to).with_context(|| shown(&from))?;
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| shown(file))
}

fn change(file: &Path, by: impl FnOnce(&str) -> Result<String>) -> Result<()> {
    let text = by(&read(file)?).with_context(|| shown(file))?;
    fs::write(file, text).with_context(|| shown(file))
}

/// A path as the reader can type it.
fn shown(path: &Path) -> String {
    let here = env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}

/// The tables of a package that inherit, and from which of the workspace.
const INHERIT: [(&str, &str); 5] = [
    ("package", "package"),
    ("dependencies", "dependencies"),
    ("dev-dependencies", "dependencies"),
    ("build-dependencies", "dependencies"),
    ("lints", "lints"),
];

/// The manifest of a package that inherits nothing from its workspace, and is
/// one of its own.
///
/// # Errors
///
/// What cannot be read of the two manifests.
pub fn standalone(
    workspace: &str,
    package: &str,
    empty: bool,
) -> Result<String> {
    let workspace: DocumentMut = workspace.parse()?;
    let mut manifest: DocumentMut = package.parse()?;
    for (name, from) in INHERIT {
        let from = &workspace["workspace"][from];
        match manifest.get_mut(name).and_then(Item::as_table_like_mut) {
            Some(table) if inherits(table) => replace(table, from),
            Some(table) => write_out(table, from)?,
            None => {}
        }
    }
    if let Some(lints) = manifest.get_mut("lints").and_then(Item::as_table_mut)
    {
        // It holds tables alone: no line for itself.
        lints.set_implicit(true);
    }
    if empty {
        // What is still to be written uses nothing.
        let mut allow = InlineTable::new();
        allow.insert("level", "allow".into());
        allow.insert("priority", (-1).into());
        manifest["lints"]["rust"]["unused"] = value(allow);
    }
    Ok(format!(
        "{manifest}\n# No part of the workspace around it.\n[workspace]\n"
    ))
}

/// Whether `workspace = true` stands in a table.
fn inherits(table: &dyn TableLike) -> bool {
    table.get("workspace").and_then(Item::as_bool) == Some(true)
}

/// Puts what `from` holds in place of what `table` does.
fn replace(table: &mut dyn TableLike, from: &Item) {
    table.clear();
    for (key, item) in from.as_table_like().into_iter().flat_map(|t| t.iter()) {
        let mut item = item.clone();
        if let Some(table) = item.as_table_mut() {
            // It stands where it is put, not where it stood.
            table.set_position(None);
        }
        table.insert(key, item);
    }
}

/// Writes out each value of `table` that is inherited.
fn write_out(table: &mut dyn TableLike, from: &Item) -> Result<()> {
    for (key, item) in table.iter_mut() {
        let Some(inner) = item.as_table_like().filter(|inner| inherits(*inner))
        else {
            continue;
        };
        let known = from.get(key.get()).filter(|_| inner.len() == 1);
        let known = known.with_context(|| {
            format!("`{key}` has to be as it is in the workspace")
        })?;
        *item = known.clone();
    }
    Ok(())
}
