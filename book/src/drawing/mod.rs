//! Drawings of memory that nobody has recorded: how other allocators lay it out.
//!
//! A drawing looks like a [figure](crate::figure), and plays like one if it has
//! steps. What it shows comes from a small model that is run while the book is
//! built, or it is laid out here, box by box, and says so.

mod asked;
mod buddies;
mod copying;
pub mod generations;
pub mod glibc;
mod html;
pub mod huge;
mod ideas;
pub mod jemalloc;
pub mod laid_out;
pub mod lock;
pub mod message;
pub mod mimalloc;
pub mod orders;
pub mod slots;
pub mod snmalloc;
pub mod tcmalloc;

use crate::constant::Constants;
pub use buddies::Buddies;
pub use copying::{Copying, Reach};
use play::question::Question;
pub use play::recording::Kind;

/// A picture, or several to step through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    pub name: &'static str,
    pub title: &'static str,
    /// Whose memory it is, in which version, and where the picture comes from.
    pub told: String,
    /// The picture before the first step, and one after each.
    pub pictures: Vec<Picture>,
    /// The picture that stands where nothing moves.
    pub still: usize,
    /// What the kinds of boxes mean here.
    pub keys: Vec<(Kind, &'static str)>,
}

/// What there is after a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// The step, as a line of a program. Nothing before the first.
    pub did: String,
    /// What to see.
    pub said: String,
    /// What is asked before the step.
    pub asks: Option<Question>,
    /// From the top down.
    pub floors: Vec<Floor>,
}

/// Parts that stand side by side where there is room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Floor {
    pub parts: Vec<Part>,
    /// What goes to the floor below and comes back, or goes there alone, beside
    /// an arrow.
    pub way: Option<Way>,
}

/// What goes from one floor to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Both(&'static str),
    Down(&'static str),
}

/// Rows under a title, which may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub title: String,
    pub rows: Vec<Row>,
}

/// Boxes in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub label: String,
    pub shape: Shape,
    pub pieces: Vec<Piece>,
}

/// How the boxes of a row belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// They lie side by side, each as wide as it is long.
    Memory,
    /// Each leads to the next.
    List,
}

/// A box, or a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Nothing where there is a gap.
    pub kind: Option<Kind>,
    pub text: String,
    /// How much of the row it takes, beside the others.
    pub len: usize,
}

impl Piece {
    /// A box with a text.
    pub fn new(kind: Kind, text: impl Into<String>, len: usize) -> Self {
        Self { kind: Some(kind), text: text.into(), len }
    }

    /// A place where nothing is.
    pub fn gap(len: usize) -> Self {
        Self { kind: None, text: String::new(), len }
    }
}

impl Row {
    /// A stretch of memory.
    pub fn memory(label: impl Into<String>, pieces: Vec<Piece>) -> Self {
        Self { label: label.into(), shape: Shape::Memory, pieces }
    }

    /// A list, from its head on.
    pub fn list(label: impl Into<String>, pieces: Vec<Piece>) -> Self {
        Self { label: label.into(), shape: Shape::List, pieces }
    }
}

impl Part {
    pub fn new(title: impl Into<String>, rows: Vec<Row>) -> Self {
        Self { title: title.into(), rows }
    }

    /// A floor with this part alone.
    pub fn alone(self) -> Floor {
        Floor { parts: vec![self], way: None }
    }
}

impl Floor {
    /// Parts side by side.
    pub fn of(parts: Vec<Part>) -> Self {
        Self { parts, way: None }
    }

    /// The same, with an arrow to the floor below and back.
    pub fn then(mut self, what: &'static str) -> Self {
        self.way = Some(Way::Both(what));
        self
    }

    /// The same, with an arrow to the floor below.
    pub fn down(mut self, what: &'static str) -> Self {
        self.way = Some(Way::Down(what));
        self
    }
}

/// The pictures of a model that is run.
#[derive(Default)]
struct Run(Vec<Picture>);

impl Run {
    /// Starts with what there is.
    fn new(said: &str, floors: Vec<Floor>) -> Self {
        let said = said.to_owned();
        Self(vec![Picture { said, floors, ..Picture::default() }])
    }

    /// Takes a step.
    fn step(&mut self, did: &str, said: impl Into<String>, floors: Vec<Floor>) {
        let (did, said) = (did.to_owned(), said.into());
        self.0.push(Picture { did, said, floors, asks: None });
    }

    /// Asks before the step that was taken last.
    fn ask(&mut self, text: &str, choices: &[String], right: &str) {
        let last = self.0.last_mut().expect("a run starts with a picture");
        let at = choices.iter().position(|choice| choice == right);
        last.asks = Some(Question {
            text: format!("`{}`: {text}", last.did),
            choices: choices.to_vec(),
            right: at.expect("the right answer is one of the choices"),
            answer: format!("{right}."),
        });
    }
}

/// A constant of a stage, from the text of its file.
fn constant(source: &str, name: &str) -> usize {
    let found = Constants::of(source).and_then(|it| it.evaluate(name));
    let number = found.unwrap_or_else(|error| panic!("{name}: {error}"));
    usize::try_from(number).expect("a number of bytes, or of things")
}

/// All drawings.
pub fn all() -> Vec<Drawing> {
    let mut all = laid_out::all();
    all.extend([
        glibc::drawing(),
        jemalloc::drawing(),
        tcmalloc::drawing(),
        mimalloc::drawing(),
        snmalloc::drawing(),
        buddies::drawing(),
        copying::drawing(),
        slots::drawing(),
        lock::drawing(),
        message::drawing(),
        huge::tables(),
        huge::drawing(),
        generations::drawing(),
        ideas::four_stacks(),
        orders::drawing(),
        asked::drawing(),
        ideas::preloaded(),
        ideas::used_again(),
        lock::idea(),
    ]);
    all
}

/// The names of all drawings.
pub fn names() -> Vec<&'static str> {
    all().iter().map(|drawing| drawing.name).collect()
}

fn find(name: &str) -> Option<Drawing> {
    all().into_iter().find(|drawing| drawing.name == name)
}

/// A drawing as HTML of one line. `None` if there is none of this name.
pub fn render(name: &str) -> Option<String> {
    find(name).map(|drawing| html::figure(&drawing))
}

/// What a drawing asks, with the answers, as HTML of one line. `None` if there
/// is none of this name, or if it asks nothing.
pub fn answers(name: &str) -> Option<String> {
    let drawing = find(name)?;
    let asks = drawing.pictures.iter().any(|it| it.asks.is_some());
    asks.then(|| html::answers(&drawing))
}
