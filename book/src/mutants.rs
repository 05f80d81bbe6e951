//! `{{#mutants}}`: changes that nobody thought of, each with the test that sees
//! it first, as a table that is drawn from what a run has seen.

use std::fs;
use std::path::Path;

use crate::amount;
use crate::html::escape;

/// What was seen, from the root of the repository. The tests' crate writes it.
pub const SEEN: &str = "tests/results/mutants.csv";

/// The columns. What comes last may have commas in it.
const COLUMNS: [&str; 7] =
    ["file", "line", "package", "program", "test", "seconds", "change"];

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The compiler sees it.
    DoesNotCompile,
    /// This test of a program of a package sees it, after so many seconds.
    Seen {
        /// The package.
        package: String,
        /// The program.
        program: String,
        /// The test.
        test: String,
        /// The seconds.
        seconds: String,
    },
    /// Nobody sees it.
    Survives,
}

/// A change, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// The file, from the root of the repository.
    pub file: String,
    /// What cargo-mutants calls the change.
    pub change: String,
    /// What came of it.
    pub fate: Fate,
}

/// All that were tried, and how many there were to pick from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// They.
    pub mutants: Vec<Mutant>,
    /// How many there were to pick from.
    pub listed: usize,
    /// Where they were tried.
    pub system: String,
}

impl Mutant {
    fn read(line: &str) -> Result<Self, String> {
        let cells: Vec<_> = line.splitn(COLUMNS.len(), ',').collect();
        let [file, _, package, program, test, seconds, change] = cells[..]
        else {
            return Err(format!("{SEEN}: `{line}` has too few cells"));
        };
        let owned = str::to_owned;
        let fate = match package {
            "rustc" => Fate::DoesNotCompile,
            "nobody" => Fate::Survives,
            _ => Fate::Seen {
                package: owned(package),
                program: owned(program),
                test: owned(test),
                seconds: owned(seconds),
            },
        };
        Ok(Self { file: owned(file), change: owned(change), fate })
    }

    /// The row of a table, if the change is one that compiles.
    fn row(&self) -> Option<String> {
        // So that a line may end within a long name.
        let broken = |text: &str| escape(text).replace('_', "_<wbr>");
        let (who, seconds) = match &self.fate {
            Fate::DoesNotCompile => return None,
            Fate::Survives => ("nobody".to_owned(), String::new()),
            Fate::Seen { program, test, seconds, .. } => {
                let program = broken(program);
                let who = format!("{program}: <code>{}</code>", broken(test));
                (who, format!("{seconds} s"))
            }
        };
        let (file, change) = (broken(&self.file), broken(&self.change));
        Some(format!(
            "<tr><th scope=\"row\">{file}: {change}<small>{who}</small></th>\
             <td>{seconds}</td></tr>\n"
        ))
    }
}

impl Tried {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// That it is not there, or what is wrong with it.
    pub fn read(root: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(root.join(SEEN))
            .map_err(|_| format!("{SEEN} is not there"))?;
        let mut tried = Self::default();
        let columns = COLUMNS.join(",");
        for line in text.lines().filter(|&line| line != columns) {
            match line.strip_prefix("# ") {
                None => tried.mutants.push(Mutant::read(line)?),
                Some(about) => tried.about(about)?,
            }
        }
        Ok(tried)
    }

    fn about(&mut self, line: &str) -> Result<(), String> {
        match line.split_once(": ") {
            Some(("system", system)) => system.clone_into(&mut self.system),
            Some(("listed", listed)) => {
                self.listed = listed
                    .parse()
                    .map_err(|_| format!("{SEEN}: `{line}` has no number"))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Those of which this is so.
    pub fn count(&self, is_so: impl Fn(&Fate) -> bool) -> usize {
        self.mutants.iter().filter(|it| is_so(&it.fate)).count()
    }
}

/// The table, and what it says as a whole.
///
/// # Errors
///
/// That nothing was seen yet, or what is wrong with the file.
pub fn table(root: &Path) -> Result<String, String> {
    let tried = Tried::read(root)?;
    let rows: String = tried.mutants.iter().filter_map(Mutant::row).collect();
    Ok(format!(
        "<p>{}</p>\n<details class=\"faults\">\n\
         <summary>All that compile, and who sees them first</summary>\n\
         <table>\n<thead><tr><th scope=\"col\">What is changed, and which test \
         sees it first</th><th scope=\"col\">after</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n<p>{}</p>\n</details>",
        summary(&tried),
        escape(&tried.system),
    ))
}

fn summary(tried: &Tried) -> String {
    let all = tried.mutants.len();
    let dead = tried.count(|it| *it == Fate::DoesNotCompile);
    let lives = tried.count(|it| *it == Fate::Survives);
    let own = tried.count(|it| {
        matches!(it, Fate::Seen { package, .. } if package.starts_with("stage"))
    });
    let listed = amount::number(tried.listed as u128);
    let seen = all - dead - lives;
    format!(
        "It listed {listed} changes, and a seed picked {all} of them. {dead} {} \
         not compile. Of the other {}, {seen} are seen by a test, {own} of them \
         by one of the stage itself. {}",
        if dead == 1 { "does" } else { "do" },
        all - dead,
        match lives {
            0 => "None survives.".to_owned(),
            1 => "One survives.".to_owned(),
            lives => format!("{lives} survive."),
        }
    )
}
