//! What a row of the table is made of.

/// What a heap is believed to do.
#[derive(Clone, Copy, Debug)]
pub enum Cell {
    /// It has the property.
    Holds,
    /// It does not have it.
    Fails {
        /// How it shows.
        how: &'static str,
        /// The page of the book that tells why, and the heading if it is long:
        /// `page.md#heading`.
        page: &'static str,
    },
    /// The question makes no sense, and why.
    DoesNotApply(&'static str),
}

impl Cell {
    /// It shows in another way than the row says.
    pub const fn shows(self, how: &'static str) -> Self {
        match self {
            Self::Fails { page, .. } => Self::Fails { how, page },
            other => other,
        }
    }

    /// The page that tells why it fails, if it does.
    pub fn page(&self) -> &'static str {
        match self {
            Self::Fails { page, .. } => page,
            _ => "",
        }
    }
}

/// Some properties.
pub struct Group {
    /// What they are about.
    pub title: &'static str,
    /// The file of the example `property` that has their programs.
    pub file: &'static str,
    /// How they are asked.
    pub kind: Kind,
    /// One after the other.
    pub rows: &'static [Row],
}

/// How a program asks a heap.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The heap is its `malloc`.
    Malloc,
    /// The same, and it has threads.
    Threads,
    /// The same, and it breaks the rules: whoever notices it ends it.
    Crime,
    /// The heap is in it, over a simulated break.
    Break,
}

/// A property.
pub struct Row {
    /// Its name, and that of the function that asks.
    pub id: &'static str,
    /// What is so if it holds.
    pub fact: &'static str,
    /// The program that asks, if it is another example.
    pub example: Option<Example>,
    /// A cell for each of our heaps.
    pub on: [Cell; 6],
}

/// An example that was there for other reasons.
pub struct Example {
    /// Its name, and its arguments.
    pub command: &'static [&'static str],
    /// What it prints if the property holds.
    pub expects: &'static str,
    /// What it means if it prints something else.
    pub or_else: &'static str,
    /// Whether it can be asked only of a heap that moves the break.
    pub asks_sbrk: bool,
}

/// A property that a program of its own asks for: its name, a cell for each of
/// our heaps, how it shows where it fails, and the fact.
pub const fn row(
    id: &'static str,
    mut on: [Cell; 6],
    how: &'static str,
    fact: &'static str,
) -> Row {
    let mut at = 0;
    while at < on.len() {
        if let Cell::Fails { how: said, .. } = on[at]
            && said.is_empty()
        {
            on[at] = on[at].shows(how);
        }
        at += 1;
    }
    Row { id, fact, example: None, on }
}

impl Row {
    /// The same, asked by another example.
    pub const fn asked_by(self, example: Example) -> Self {
        let Self { id, fact, on, .. } = self;
        Self { id, fact, example: Some(example), on }
    }
}

/// It fails for the reason that a page tells. How it shows is said by the row.
pub const fn because(page: &'static str) -> Cell {
    Cell::Fails { how: "", page }
}
