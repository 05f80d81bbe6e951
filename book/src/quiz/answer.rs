//! What a reader types for an answer.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

/// What is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An address, in bytes from the start of the heap, or null; and the
    /// blocks that lie there or lay there before.
    Place { at: Option<usize>, names: Vec<String> },
    /// How far the break moves: below 0 if it falls.
    Moves(isize),
    /// So many.
    Count(usize),
    /// These blocks, if any.
    Names(BTreeSet<String>),
}

/// What is typed is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Right,
    Wrong,
    /// It is no answer to such a question.
    NoAnswer,
}

impl Answer {
    /// What `typed` is worth.
    pub fn mark(&self, typed: &str) -> Mark {
        let typed = typed.trim().trim_end_matches('.').to_lowercase();
        let is_right = match self {
            Self::Place { at, names } => place(&typed).map(|it| match it {
                Place::Address(typed) => *at == Some(typed),
                Place::Null => at.is_none(),
                Place::Block(name) => names.contains(&name),
            }),
            Self::Moves(by) => moves(&typed).map(|typed| typed == *by),
            Self::Count(count) => {
                let typed = number(typed.trim_end_matches("bytes"));
                typed.map(|typed| typed == *count)
            }
            Self::Names(names) => {
                self::names(&typed).map(|typed| typed == *names)
            }
        };
        match is_right {
            Some(true) => Mark::Right,
            Some(false) => Mark::Wrong,
            None => Mark::NoAnswer,
        }
    }

    /// What may be typed.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Place { .. } => {
                "An address, such as 0x40; or the name of the block that lies \
                 or lay there; or null."
            }
            Self::Moves(_) => {
                "A number of bytes: 64 if it rises, -64 if it falls, 0 if it \
                 stays."
            }
            Self::Count(_) => "A number, such as 2.",
            Self::Names(_) => "Names of blocks, such as a c; or none.",
        }
    }
}

impl Display for Answer {
    /// As it can be typed.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place { at: Some(at), .. } => write!(f, "{at:#x}"),
            Self::Place { at: None, .. } => write!(f, "null"),
            Self::Moves(by) => write!(f, "{by}"),
            Self::Count(count) => write!(f, "{count}"),
            Self::Names(names) if names.is_empty() => write!(f, "none"),
            Self::Names(names) => {
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                write!(f, "{}", names.join(" "))
            }
        }
    }
}

enum Place {
    Address(usize),
    Null,
    Block(String),
}

fn place(typed: &str) -> Option<Place> {
    if typed == "null" {
        return Some(Place::Null);
    }
    match number(typed) {
        Some(at) => Some(Place::Address(at)),
        None => name(typed).map(Place::Block),
    }
}

/// A number, decimal or as an address is written, also as in a figure: `0x…40`.
fn number(typed: &str) -> Option<usize> {
    let digits = typed.trim().replace(['_', ',', '…'], "");
    match digits.strip_prefix("0x") {
        Some(digits) => usize::from_str_radix(digits, 16).ok(),
        None => digits.parse().ok(),
    }
}

fn moves(typed: &str) -> Option<isize> {
    if ["stays", "it stays", "no", "none"].contains(&typed) {
        return Some(0);
    }
    let typed = typed.trim_end_matches("bytes").trim();
    let after =
        |words: &[&str]| words.iter().find_map(|word| typed.strip_prefix(word));
    let fall = after(&["-", "−", "down"]);
    let by = number(fall.or(after(&["+", "up"])).unwrap_or(typed))?;
    let by = isize::try_from(by).ok()?;
    Some(if fall.is_some() { -by } else { by })
}

fn names(typed: &str) -> Option<BTreeSet<String>> {
    if ["none", "nothing", "no", "0"].contains(&typed) {
        return Some(BTreeSet::new());
    }
    let words = typed.split(|letter: char| !letter.is_alphanumeric());
    let words = words.filter(|word| !["", "and"].contains(word));
    let names: Option<BTreeSet<_>> = words.map(name).collect();
    names.filter(|names| !names.is_empty())
}

/// The blocks of a question have one letter each.
fn name(typed: &str) -> Option<String> {
    let is_name = typed.len() == 1 && typed.starts_with(char::is_alphabetic);
    is_name.then(|| typed.to_owned())
}
