//! Directives in the middle of a line, each of which stands for a number, or for
//! what a heap says:
//! [`{{#const …}}`](crate::constant) for one that a stage's source gives,
//! [`{{#result …}}`](crate::result) for one that was measured,
//! [`{{#count …}}`](crate::count) for how many there are of something,
//! [`{{#ran …}}`](crate::ran) for what a heap does,
//! [`{{#asserted …}}`](crate::asserted) for what a test expects, and
//! [`{{#said …}}`](crate::said) for the line that ends a program.

use std::path::Path;

use crate::{asserted, constant, count, ran, result, said};

/// What a directive stands for, given its arguments.
type Value = fn(&Path, &str) -> Result<String, String>;

const KINDS: [(&str, Value); 6] = [
    ("{{#const ", constant::value),
    ("{{#result ", result::value),
    ("{{#count ", count::value),
    ("{{#ran ", ran::value),
    ("{{#asserted ", asserted::value),
    ("{{#said ", said::value),
];
const END: &str = "}}";

/// The text with each of them replaced by its number. `is_code` says of a
/// place in the text whether it is code, in which a directive is text.
///
/// # Errors
///
/// What is wrong with the first that is wrong.
pub fn replaced(
    root: &Path,
    text: &str,
    is_code: impl Fn(usize) -> bool,
) -> Result<String, String> {
    let mut replaced = String::new();
    let mut done = 0;
    while let Some((start, (name, value))) = first(text, done) {
        let arguments = start + name.len();
        if is_code(start) {
            replaced += &text[done..arguments];
            done = arguments;
            continue;
        }
        let length = text[arguments..].find(END).ok_or_else(|| {
            format!("`{}` has no `}}}}` on its line", name.trim_end())
        })?;
        let end = arguments + length;
        replaced += &text[done..start];
        replaced += &value(root, &text[arguments..end])?;
        done = end + END.len();
    }
    Ok(replaced + &text[done..])
}

/// The text with a 0 in place of each, for who reads the words and not the
/// numbers.
pub fn blanked(text: &str) -> String {
    let mut blanked = String::new();
    let mut done = 0;
    while let Some((start, (name, _))) = first(text, done) {
        let arguments = start + name.len();
        match text[arguments..].find(END) {
            Some(length) => {
                blanked = blanked + &text[done..start] + "0";
                done = arguments + length + END.len();
            }
            None => {
                blanked += &text[done..arguments];
                done = arguments;
            }
        }
    }
    blanked + &text[done..]
}

/// Whether there is one in the text.
pub fn is_in(text: &str) -> bool {
    first(text, 0).is_some()
}

/// Whether the text starts with one.
pub fn starts(text: &str) -> bool {
    KINDS.iter().any(|(name, _)| text.starts_with(name))
}

/// The first of them from a place in the text on.
fn first(text: &str, from: usize) -> Option<(usize, (&'static str, Value))> {
    let found = KINDS
        .into_iter()
        .filter_map(|kind| Some((from + text[from..].find(kind.0)?, kind)));
    found.min_by_key(|(start, _)| *start)
}
