//! The stages side by side: which properties each heap has.
//!
//! [`declared`] says what we believe, in a table of [`rows`]. Here each property is asked of
//! each heap, in a process of its own, and what is seen is compared with what is
//! declared, both ways: a heap that passes where it should fail is a mistake,
//! too. `cargo run -p tests --example side_by_side` shows all of it.

pub mod declared;
pub mod rows;

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{env, thread};

use timing::preload::preload;
use timing::results;
use timing::run::{Outcome, command, run_or_kill};
use timing::workspace::{build_example, workspace};

use declared::{DAMAGE, GROUPS, PEERS_FAIL};
use rows::{Cell, Example, Group, Kind, Row};

/// How long a property may take. What takes longer hangs.
const LIMIT: Duration = Duration::from_secs(30);

/// How often threads get to meet that do damage if they do. They need not.
const TRIES: usize = 20;

/// A heap to ask.
pub struct Column {
    /// What the table calls it.
    pub name: &'static str,
    library: Library,
}

/// Where the functions of C come from.
enum Library {
    /// One of our examples.
    Ours(&'static str),
    /// The C library itself.
    C,
    /// A library that may be installed, as Debian calls it.
    Installed(&'static str),
}

/// The heaps for which it is declared what they do.
pub const OURS: [Column; 6] = [
    ours("stage 1", "malloc1"),
    ours("stage 2", "malloc2"),
    ours("stage 3", "malloc3"),
    ours("stage 4", "malloc4"),
    ours("one stack", "malloc5_one_stack"),
    ours("per thread", "malloc5"),
];

/// Other people's: they are asked, and nothing is declared.
pub const PEERS: [Column; 4] = [
    Column { name: "glibc", library: Library::C },
    Column {
        name: "mimalloc",
        library: Library::Installed("libmimalloc.so.2"),
    },
    Column {
        name: "jemalloc",
        library: Library::Installed("libjemalloc.so.2"),
    },
    Column {
        name: "tcmalloc",
        library: Library::Installed("libtcmalloc_minimal.so.4"),
    },
];

const fn ours(name: &'static str, example: &'static str) -> Column {
    Column { name, library: Library::Ours(example) }
}

impl Column {
    /// The library to preload: `Ok(None)` if it needs none.
    ///
    /// # Errors
    ///
    /// That it is not installed.
    fn library(&self) -> Result<Option<PathBuf>, String> {
        match self.library {
            Library::Ours(example) => Ok(Some(build_example(example))),
            Library::C => Ok(None),
            Library::Installed(file) => {
                let folder =
                    format!("/usr/lib/{}-linux-gnu", env::consts::ARCH);
                let path = Path::new(&folder).join(file);
                match path.exists() {
                    true => Ok(Some(path)),
                    false => Err(format!("{} is not installed", self.name)),
                }
            }
        }
    }

    /// Whether the property can be asked of it at all.
    fn can_be_asked(&self, property: Property) -> Result<(), &'static str> {
        let asks_sbrk =
            property.row.example.as_ref().is_some_and(|it| it.asks_sbrk);
        match self.library {
            Library::Ours(_) => Ok(()),
            _ if property.group.kind == Kind::Break => {
                Err("its break is not ours to move")
            }
            _ if asks_sbrk => Err("it asks the system by names of its own"),
            _ => Ok(()),
        }
    }
}

/// A row, and where it stands.
#[derive(Clone, Copy)]
pub struct Property {
    /// Among which others.
    pub group: &'static Group,
    /// The row itself.
    pub row: &'static Row,
}

impl Property {
    /// Whether threads have to meet for it to fail.
    pub fn is_race(self) -> bool {
        self.group.kind == Kind::Threads
    }

    /// For each of other people's heaps the page that tells why it fails, or
    /// nothing.
    pub fn pages_of_peers(self) -> [&'static str; PEERS.len()] {
        let row = PEERS_FAIL.iter().find(|(id, _)| *id == self.row.id);
        row.map_or([""; PEERS.len()], |(_, pages)| *pages)
    }

    /// The file that has the program, from the root of the repository.
    pub fn source(self) -> String {
        match &self.row.example {
            Some(example) => {
                format!("tests/examples/{}.rs", example.command[0])
            }
            None => format!("tests/examples/property/{}", self.group.file),
        }
    }
}

/// All properties, in the order of the table.
pub fn properties() -> impl Iterator<Item = Property> {
    let of = |group| move |row| Property { group, row };
    GROUPS.iter().flat_map(move |group| group.rows.iter().map(of(group)))
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It has the property.
    Holds,
    /// It does not, and how it shows.
    Fails(String),
    /// There was nothing to see, and why.
    NotAsked(String),
    /// This machine cannot ask, and why. No declaration is wrong then.
    PassedOver(String),
}

impl Display for Seen {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds => f.write_str("holds"),
            Self::Fails(how) => write!(f, "fails({how})"),
            Self::NotAsked(why) => write!(f, "does not apply({why})"),
            Self::PassedOver(why) => write!(f, "passed over({why})"),
        }
    }
}

impl From<&Cell> for Seen {
    fn from(cell: &Cell) -> Self {
        match *cell {
            Cell::Holds => Self::Holds,
            Cell::Fails { how, .. } => Self::Fails(how.to_owned()),
            Cell::DoesNotApply(why) => Self::NotAsked(why.to_owned()),
        }
    }
}

/// What was seen of the properties, row by row, in the order of the table.
pub struct Run {
    /// The heaps that were asked.
    pub columns: &'static [Column],
    /// A row for each property.
    pub seen: Vec<Vec<Seen>>,
}

/// Asks all properties of these heaps, some at a time, and tells `done` after
/// each which it was.
pub fn ask_all(columns: &'static [Column], done: impl Fn(&str) + Sync) -> Run {
    let properties: Vec<Property> = properties().collect();
    let questions = properties.len() * columns.len();
    let next = AtomicUsize::new(0);
    let seen = Mutex::new(vec![None; questions]);
    let asker = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= questions {
                return;
            }
            let property = properties[at / columns.len()];
            let answer = ask(property, &columns[at % columns.len()]);
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen[at] = Some(answer);
            done(property.row.id);
        }
    };
    let askers = thread::available_parallelism().map_or(1, usize::from).min(8);
    thread::scope(|scope| {
        for _ in 0..askers {
            scope.spawn(asker);
        }
    });
    let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    let seen: Vec<Seen> = seen.into_iter().flatten().collect();
    let seen = seen.chunks(columns.len()).map(<[Seen]>::to_vec).collect();
    Run { columns, seen }
}

/// Asks one property of one heap. Where it is declared that there is damage,
/// any that is seen will do.
fn ask(property: Property, column: &Column) -> Seen {
    let declared = declared(property, column);
    if let Some(Cell::DoesNotApply(why)) = declared {
        return Seen::NotAsked((*why).to_owned());
    }
    if let Err(why) = column.can_be_asked(property) {
        return Seen::NotAsked(why.to_owned());
    }
    let library = match column.library() {
        Ok(library) => library,
        Err(why) => return Seen::PassedOver(why),
    };
    let library = library.as_deref();
    let is_damage =
        |it: &Cell| matches!(it, Cell::Fails { how, .. } if *how == DAMAGE);
    let tries = match declared {
        Some(cell) if is_damage(cell) => TRIES,
        None if property.is_race() => TRIES,
        _ => 1,
    };
    let mut seen = (0..tries).map(|_| once(property, column, library));
    match seen.find(|seen| *seen != Seen::Holds) {
        Some(Seen::Fails(_)) if declared.is_some_and(is_damage) => {
            Seen::Fails(DAMAGE.to_owned())
        }
        other => other.unwrap_or(Seen::Holds),
    }
}

/// What is declared for a heap of ours.
fn declared(property: Property, column: &Column) -> Option<&'static Cell> {
    let at = OURS.iter().position(|it| it.name == column.name)?;
    property.row.on.get(at)
}

/// What is seen of one of our heaps if the program says the opposite of what it
/// has found. (Nothing can turn the end of a program around that was ended.)
///
/// # Panics
///
/// If it is not one of ours.
pub fn turned_around(property: Property, column: &Column) -> Seen {
    let library = column.library().expect("it is built");
    let turn = [("TURN_AROUND", "1")];
    started(property, column, library.as_deref(), &turn)
}

/// Starts the program of a property once.
fn once(property: Property, column: &Column, library: Option<&Path>) -> Seen {
    started(property, column, library, &[])
}

/// The same, with something in its environment.
fn started(
    property: Property,
    column: &Column,
    library: Option<&Path>,
    environment: &[(&str, &str)],
) -> Seen {
    let Property { group, row } = property;
    let mut program = match &row.example {
        Some(Example { command: [name, args @ ..], .. }) => {
            let mut program = command(build_example(name), Path::new("/"));
            program.args(args);
            program
        }
        _ => {
            let file = library.and_then(Path::file_name);
            let file = file.and_then(|it| it.to_str()).unwrap_or("libc.so");
            let who = match group.kind {
                Kind::Break => column.name.replace(' ', "-"),
                _ => file.to_owned(),
            };
            let example = build_example("property");
            let mut program = command(example, Path::new("/"));
            program.args([&who, row.id]);
            program
        }
    };
    program.envs(environment.iter().copied());
    if let Some(library) = library.filter(|_| group.kind != Kind::Break) {
        preload(&mut program, &[library]);
    }
    let Some(outcome) = run_or_kill(LIMIT, program) else {
        return Seen::Fails("it hangs".to_owned());
    };
    let Outcome { stderr, .. } = &outcome;
    assert!(!stderr.contains("cannot be preloaded"), "{}: {stderr}", row.id);
    let seen = match &row.example {
        Some(example) => of_example(example, &outcome),
        None if group.kind == Kind::Crime => of_crime(&outcome),
        None => of_program(&outcome),
    };
    seen.unwrap_or_else(|| panic!("{} on {}: {outcome:?}", row.id, column.name))
}

/// What the end of an example says.
fn of_example(example: &Example, outcome: &Outcome) -> Option<Seen> {
    if outcome.stdout.contains(example.expects) {
        return Some(Seen::Holds);
    }
    if outcome.stderr.contains("needs root") {
        return Some(Seen::PassedOver("only root may do it".to_owned()));
    }
    Some(ended(outcome).unwrap_or(Seen::Fails(example.or_else.to_owned())))
}

/// What the end of a program says that breaks the rules: a heap that notices it
/// ends it and says why.
fn of_crime(outcome: &Outcome) -> Option<Seen> {
    let is_noticed =
        signal(outcome) == Some("SIGABRT") && !outcome.stderr.is_empty();
    if is_noticed { Some(Seen::Holds) } else { of_program(outcome) }
}

/// What the end of any other program says, if it has not failed for reasons of
/// its own.
fn of_program(outcome: &Outcome) -> Option<Seen> {
    if let Some(seen) = ended(outcome) {
        return Some(seen);
    }
    let last = outcome.stdout.lines().last();
    let last = last.filter(|_| outcome.status.success())?;
    Some(match last.strip_prefix("passed over: ") {
        Some(why) => Seen::PassedOver(why.to_owned()),
        None if last == "holds" => Seen::Holds,
        None => Seen::Fails(last.to_owned()),
    })
}

/// What it is to be ended by a signal.
fn ended(outcome: &Outcome) -> Option<Seen> {
    let line = outcome.stderr.lines().next().unwrap_or_default();
    let how = match signal(outcome)? {
        "SIGALRM" => "it hangs".to_owned(),
        "SIGABRT" if line.starts_with("malloc: ") => {
            "the heap ends it".to_owned()
        }
        signal => format!("{signal} ends it"),
    };
    Some(Seen::Fails(how))
}

/// The name of the signal that has ended a program.
fn signal(outcome: &Outcome) -> Option<&'static str> {
    let status = outcome.status.to_string();
    ["SIGABRT", "SIGSEGV", "SIGBUS", "SIGILL", "SIGALRM", "SIGKILL"]
        .into_iter()
        .find(|signal| status.contains(signal))
}

// What is compared. ----------------------------------------------------------

/// Where our heaps do something else than is declared: a sentence each.
pub fn disagreements(seen: &[Vec<Seen>]) -> Vec<String> {
    let mut found = Vec::new();
    for (Property { row, .. }, seen) in properties().zip(seen) {
        for ((column, declared), seen) in OURS.iter().zip(&row.on).zip(seen) {
            let declared = Seen::from(declared);
            if declared != *seen && !matches!(seen, Seen::PassedOver(_)) {
                let cell = format!("{}, {}", column.name, row.id);
                found.push(format!("{cell}: declared {declared}, seen {seen}"));
            }
        }
    }
    found
}

// What is kept. --------------------------------------------------------------

/// The file that the book's table is drawn from.
pub fn kept() -> PathBuf {
    workspace().join("tests/results/side-by-side.csv")
}

/// What was seen of all heaps, as that file has it.
pub fn table(ours: &Run, peers: &Run) -> String {
    let about = [
        ("command", "cargo run -p tests --example side_by_side -- keep".into()),
        ("system", results::system()),
    ];
    let names = ours.columns.iter().chain(peers.columns).map(|it| it.name);
    let columns: Vec<&str> = ["group", "property", "source", "fact"]
        .into_iter()
        .chain(names)
        .collect();
    let seen = ours.seen.iter().zip(&peers.seen);
    let line = |(property, (ours, peers)): (Property, (&Vec<_>, &Vec<_>))| {
        let Property { group, row } = property;
        let source = property.source();
        let first = [group.title, row.id, &source, row.fact];
        let ours = ours.iter().zip(row.on.iter().map(Cell::page));
        let peers = peers.iter().zip(property.pages_of_peers());
        let cells = ours.chain(peers).map(|(it, page)| cell_text(it, page));
        first.into_iter().map(str::to_owned).chain(cells).collect()
    };
    let lines: Vec<Vec<String>> = properties().zip(seen).map(line).collect();
    results::table(&about, &columns, &lines)
}

/// Threads need not meet in a run. What a file that was kept says of other
/// people's heaps, from one in which they did, is still so.
pub fn remembered(mut peers: Run, kept: &str) -> Run {
    let races = properties().zip(&mut peers.seen);
    for (property, seen) in races.filter(|(it, _)| it.is_race()) {
        let is_its = |it: &&str| it.split(',').nth(1) == Some(property.row.id);
        let line = kept.lines().find(is_its).unwrap_or_default();
        let cells = line.split(',').skip(FIRST + OURS.len());
        for (seen, cell) in seen.iter_mut().zip(cells) {
            let failed = cell.strip_prefix("fails: ");
            let how = failed.and_then(|it| it.split(" -> ").next());
            if let (Seen::Holds, Some(how)) = (&*seen, how) {
                *seen = Seen::Fails(how.to_owned());
            }
        }
    }
    peers
}

/// The columns of the file in front of those of the heaps.
const FIRST: usize = 4;

/// A cell of the file. Behind a failure stands the page that tells why.
fn cell_text(seen: &Seen, page: &str) -> String {
    match seen {
        Seen::Holds => "holds".to_owned(),
        Seen::Fails(how) => format!("fails: {how} -> {page}"),
        Seen::NotAsked(why) => format!("does not apply: {why}"),
        Seen::PassedOver(why) => format!("passed over: {why}"),
    }
}
