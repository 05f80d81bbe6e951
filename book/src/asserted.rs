//! A number that a test expects: `{{#asserted …}}`.
//!
//! ```text
//! It needs {{#asserted stage5-lifo-stack/tests/per_thread.rs one_by_one}}.
//! It is {{#asserted book/chapters/before/a-page.md MALLOCS as word}} call.
//! ```
//!
//! Of Rust the second word is a function with one `assert_eq!` that ends with a
//! number. Of a page it is a word of such a line. So a fact of threads, or of a
//! whole program, which no build could run, stands on a page as the test has it
//! that runs it.

use std::fs;
use std::path::Path;

use crate::constant::written;
use crate::item;

/// How the line starts in a test.
const START: &str = "assert_eq!(";

/// What `stage5-lifo-stack/tests/per_thread.rs one_by_one as word` stands for.
///
/// # Errors
///
/// What is wrong with it.
pub fn value(root: &Path, arguments: &str) -> Result<String, String> {
    let (what, how) = match arguments.split_once(" as ") {
        Some((what, how)) => (what.trim(), how.trim()),
        None => (arguments.trim(), "number"),
    };
    let (path, name) = what
        .split_once(' ')
        .ok_or("`asserted` needs a file, and a test or a word in it")?;
    let source = fs::read_to_string(root.join(path))
        .map_err(|_| format!("there is no file {path}"))?;
    let text = if path.ends_with(".rs") {
        item::find(path, &source, name)?.text
    } else {
        let lines = source.lines().filter(|line| line.contains(name));
        lines.collect::<Vec<_>>().join("\n")
    };
    let numbers: Vec<_> = text.split(START).skip(1).filter_map(last).collect();
    match numbers[..] {
        [number] => written(number, how),
        _ => Err(format!(
            "`{arguments}`: there are {} of `{START}…, a number)`, not one",
            numbers.len()
        )),
    }
}

/// The number behind the first comma of what an assertion compares, if that is
/// one: `heaps.len(), 1, "stacks")`.
fn last(compared: &str) -> Option<u128> {
    let (_, rest) = compared.split(';').next()?.split_once(", ")?;
    let end = rest.find([',', ')'])?;
    rest[..end].trim().replace('_', "").parse().ok()
}
