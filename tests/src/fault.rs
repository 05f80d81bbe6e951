//! Faults that can be planted in a stage.
//!
//! A file in `tests/faults` is one fault: what goes wrong, in a line; the file
//! of a stage; a test that finds it, if none of the stage's own is known to, and
//! it is not the shadow; where somebody else made it, if that is known; and lines
//! of the file, marked as in a diff: `-` for what is taken out, `+` for what is
//! put in, a space for what stays.

use std::fs;
use std::path::{Path, PathBuf};

use timing::workspace::workspace;

/// One of them.
pub struct Fault {
    /// The name of its file.
    pub name: String,
    /// What goes wrong, as a sentence.
    pub what: String,
    /// The file of a stage, from the root of the workspace.
    pub file: String,
    /// A test that finds it, where none of the stage's own is known to: what
    /// comes after `cargo test`.
    pub found_by: String,
    /// Where somebody else made it, if that is known.
    pub seen_in: Option<String>,
    /// Whole lines, as they are and as they should not be.
    right: String,
    wrong: String,
}

/// The folder that holds them.
fn folder() -> PathBuf {
    workspace().join("tests/faults")
}

impl Fault {
    /// All of them, in the order of their names.
    ///
    /// # Panics
    ///
    /// If a file is no fault.
    pub fn all() -> Vec<Self> {
        let mut paths: Vec<PathBuf> = fs::read_dir(folder())
            .expect("a folder of faults")
            .map(|entry| entry.expect("a file").path())
            .collect();
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// The one with this name.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn named(name: &str) -> Self {
        Self::read(&folder().join(name).with_extension("fault"))
    }

    /// One that is in no file: `wrong` stands in place of the whole of `file`.
    ///
    /// # Panics
    ///
    /// If there is no such file.
    pub fn in_place_of(file: &str, what: &str, wrong: String) -> Self {
        let right = fs::read_to_string(workspace().join(file))
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        Self {
            name: format!("{file}: {what}"),
            what: what.to_owned(),
            file: file.to_owned(),
            found_by: shadow_of(file),
            seen_in: None,
            right,
            wrong,
        }
    }

    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.file_stem().and_then(|name| name.to_str());
        let name = name.expect("a name in UTF-8").to_owned();
        let mut lines = text.lines().peekable();
        let mut line = || lines.next().expect("a fault has two lines first");
        let (what, file) = (line().to_owned(), line().to_owned());
        let mut told = |about: &str| {
            let line = lines.next_if(|line| line.starts_with(about))?;
            Some(line[about.len()..].to_owned())
        };
        let found_by = told(FOUND_BY).unwrap_or_else(|| shadow_of(&file));
        let seen_in = told(SEEN_IN);
        let (mut right, mut wrong) = (String::new(), String::new());
        for line in lines {
            let (mark, code) = line.split_at_checked(1).unwrap_or((" ", ""));
            match mark {
                "-" => right += &format!("{code}\n"),
                "+" => wrong += &format!("{code}\n"),
                " " => {
                    right += &format!("{code}\n");
                    wrong += &format!("{code}\n");
                }
                _ => panic!("{name}: no mark in front of {line:?}"),
            }
        }
        Self { name, what, file, found_by, seen_in, right, wrong }
    }

    /// The folder of the stage that it is planted in, which is its package.
    pub fn stage(&self) -> &str {
        self.file.split('/').next().expect("a folder")
    }

    /// The source with the fault in it.
    ///
    /// # Panics
    ///
    /// If the lines are not in the source, or more than once.
    pub fn plant(&self) -> String {
        let path = workspace().join(&self.file);
        let source = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", self.file));
        // Whole lines only.
        let (source, right) =
            (format!("\n{source}"), format!("\n{}", self.right));
        let places = source.matches(&right).count();
        assert_eq!(
            places, 1,
            "tests/faults/{}.fault: these lines should be in {} once, \
             change them with the source:\n{}",
            self.name, self.file, self.right,
        );
        source.replacen(&right, &format!("\n{}", self.wrong), 1)[1..].to_owned()
    }
}

/// In front of the test that finds a fault.
const FOUND_BY: &str = "found by: cargo test ";

/// In front of the address of a page that tells of it.
const SEEN_IN: &str = "seen in: ";

/// The tests that play with the stage that a file is of.
fn shadow_of(file: &str) -> String {
    let stage = file.split('-').next().expect("a folder");
    format!("-p tests --test shadow {}", stage.replace("stage", "stage_"))
}
