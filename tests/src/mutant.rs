//! Changes that nobody thought of: cargo-mutants lists what it could change in
//! the sources of the stages, and a seed picks some of them.
//!
//! Each is planted as a fault is, and the stage's own tests are asked first,
//! then those from outside.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fastrand::Rng;
use serde_json::Value;
use timing::results;
use timing::workspace::workspace;

use crate::fault::Fault;
use crate::sight::{Sight, first, first_of};
use crate::workshop::{Program, Workshop};

/// The version whose list it is: another one may think of other changes.
pub const VERSION: &str = "27.1.0";

/// What makes the file of results again.
pub const COMMAND: &str = "cargo run -p tests --example mutants -- keep";

/// Which sources are changed.
const SOURCES: &str = "stage*/src/**/*.rs";

/// A test for which a processor works so long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Programs from outside that are asked where the shadow sees nothing.
const OUTSIDE: [&str; 6] =
    ["sim_brk", "process_brk", "leaping_brk", "c_library", "no_memory", "fork"];

/// A change of a line, or of a whole function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// The file of a stage, from the root of the workspace.
    pub file: String,
    /// Where it begins.
    pub line: usize,
    /// As cargo-mutants says it: `replace < with <= in Heap::free`.
    pub change: String,
    /// What is taken out: from where to where.
    span: [(usize, usize); 2],
    replacement: String,
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The compiler sees it.
    DoesNotCompile,
    /// A test sees it.
    Seen(Sight),
    /// Nobody sees it.
    Survives,
}

impl Mutant {
    /// All that cargo-mutants can think of. It passes over functions that are
    /// unsafe: so it looks at a copy in `folder`, in which none is. That is
    /// never compiled.
    ///
    /// # Errors
    ///
    /// That it is not there, or is of another version.
    ///
    /// # Panics
    ///
    /// If the copy cannot be written.
    pub fn all(folder: &Path) -> Result<Vec<Self>, String> {
        Workshop::new(folder).rewrite_sources(as_if_safe);
        let mutants = |args: &[&str]| {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.current_dir(folder).arg("mutants").args(args);
            let output = cargo.output().map_err(|it| it.to_string())?;
            String::from_utf8(output.stdout).map_err(|it| it.to_string())
        };
        let version = mutants(&["--version"])?;
        if version.split_whitespace().last() != Some(VERSION) {
            return Err(format!(
                "needs cargo-mutants {VERSION}: \
                 cargo install cargo-mutants --version {VERSION} --locked"
            ));
        }
        let listed = mutants(&["--list", "--json", "--file", SOURCES]);
        Ok(Self::listed(&listed?))
    }

    /// What a list has.
    ///
    /// # Panics
    ///
    /// If it is no list.
    pub fn listed(list: &str) -> Vec<Self> {
        let list: Vec<Value> = serde_json::from_str(list).expect("a list");
        list.iter().map(Self::read).collect()
    }

    fn read(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().expect(key).to_owned();
        let number = |end: &str, key: &str| {
            let number = value["span"][end][key].as_u64().expect(key);
            usize::try_from(number).expect("the place of a character")
        };
        let place = |end| (number(end, "line"), number(end, "column"));
        let (file, name) = (text("file"), text("name"));
        let span = [place("start"), place("end")];
        let (line, column) = span[0];
        let change = name
            .strip_prefix(&format!("{file}:{line}:{column}: "))
            .expect("a name begins with the place")
            .to_owned();
        let replacement = text("replacement");
        Self { file, line, change, span, replacement }
    }

    /// So many of `all`, as the seed has it.
    pub fn pick(mut all: Vec<Self>, seed: u64, count: usize) -> Vec<Self> {
        Rng::with_seed(seed).shuffle(&mut all);
        all.truncate(count);
        all
    }

    fn key(&self) -> (&str, [(usize, usize); 2], &str) {
        (&self.file, self.span, &self.change)
    }

    /// The file with the change in it.
    pub fn changed(&self, source: &str) -> String {
        let [start, end] = self.span.map(|place| offset(source, place));
        format!("{}{}{}", &source[..start], self.replacement, &source[end..])
    }

    /// As a fault that can be planted.
    ///
    /// # Panics
    ///
    /// If there is no such file.
    pub fn fault(&self) -> Fault {
        let source = fs::read_to_string(workspace().join(&self.file));
        let wrong = self.changed(&source.expect("the source of a stage"));
        Fault::in_place_of(&self.file, &self.change, wrong)
    }

    /// Plants it, and looks who sees it.
    ///
    /// # Panics
    ///
    /// If a program of tests does not build.
    pub fn fate(&self, shop: &Workshop) -> Fate {
        let (shop, fault) = (shop.within(PATIENCE), self.fault());
        if !shop.with(&fault, || shop.builds(fault.stage())) {
            return Fate::DoesNotCompile;
        }
        let sight = first(&shop, &fault).or_else(|| outside(&shop, &fault));
        sight.map_or(Fate::Survives, Fate::Seen)
    }
}

/// A source in which no function is unsafe, and all stands where it stood.
pub fn as_if_safe(source: &str) -> String {
    source.replace("unsafe fn", "       fn")
}

/// The byte at which a line and a column, both from 1 on, begin.
fn offset(source: &str, (line, column): (usize, usize)) -> usize {
    let before: usize =
        source.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = &source[before..];
    let within = rest.char_indices().nth(column - 1);
    before + within.map_or(rest.len(), |(at, _)| at)
}

/// The first test from outside that sees a fault.
fn outside(shop: &Workshop, fault: &Fault) -> Option<Sight> {
    shop.with(fault, || {
        let mut commands =
            OUTSIDE.iter().map(|it| format!("-p tests --test {it}"));
        let (program, test, after) =
            commands.find_map(|command| first_of(shop, &command))?;
        Some(Sight { fault: fault.name.clone(), program, test, after })
    })
}

impl Display for Mutant {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.change)
    }
}

impl Display for Fate {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Self::DoesNotCompile => f.write_str("it does not compile"),
            Self::Seen(sight) => write!(f, "{sight}"),
            Self::Survives => f.write_str("NOBODY SEES IT"),
        }
    }
}

/// The file that keeps what was seen.
pub fn kept() -> PathBuf {
    workspace().join("tests/results/mutants.csv")
}

/// What comes last may have commas in it.
const COLUMNS: [&str; 7] =
    ["file", "line", "package", "program", "test", "seconds", "change"];

/// In place of a package, if nobody sees the change.
const NOBODY: &str = "nobody";

/// In place of a package, if it is the compiler who sees it.
const COMPILER: &str = "rustc";

/// What became of the changes that a seed has picked, as that file has it.
pub fn table(seed: u64, all: usize, fates: &mut [(&Mutant, Fate)]) -> String {
    fates.sort_by(|(a, _), (b, _)| a.key().cmp(&b.key()));
    let about = [
        ("command", COMMAND.to_owned()),
        ("system", results::system()),
        ("list", format!("cargo-mutants {VERSION}")),
        ("listed", all.to_string()),
        ("seed", seed.to_string()),
    ];
    let rows = fates.iter().map(|(mutant, fate)| {
        let none = String::new;
        let [package, program, test, seconds] = match fate {
            Fate::DoesNotCompile => [COMPILER.into(), none(), none(), none()],
            Fate::Survives => [NOBODY.into(), none(), none(), none()],
            Fate::Seen(Sight { program, test, after, .. }) => {
                let Program { package, name } = program.clone();
                let seconds = format!("{:.2}", after.as_secs_f64());
                [package, name, test.clone(), seconds]
            }
        };
        let Mutant { file, line, change, .. } = mutant;
        let (file, change) = (file.clone(), change.clone());
        vec![file, line.to_string(), package, program, test, seconds, change]
    });
    results::table(&about, &COLUMNS, &rows.collect::<Vec<_>>())
}
