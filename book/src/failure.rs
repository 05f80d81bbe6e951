//! What a reader is told of a test that fails.

use std::fs;
use std::path::Path;

use play::amount;

use crate::check::{Failure, LIMIT, Step};
use crate::{empty, item};

/// How wide boxes may be. More of them stand as the heap prints them.
const WIDTH: usize = 66;

/// The file that a reader writes.
const HEAP: &str = "src/heap.rs";

/// What `todo!` says.
const TO_WRITE: &str = "not yet implemented";

/// Where a panic was, and what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Panic<'a> {
    path: &'a str,
    line: usize,
    message: &'a str,
}

/// What there is to know about a test of the copy in `folder` that did not
/// pass: what it asks, what should be and what is.
pub fn told(folder: &Path, step: &Step, failure: &Failure) -> String {
    match failure {
        Failure::Missing => format!(
            "There is no such test in tests/{}.rs any more, so nobody knows.\n",
            step.file
        ),
        Failure::Forever => {
            let code = code(folder, step, None);
            format!(
                "{code}It has not come to an end after {} seconds. Is there a \
                 loop, or a list, that has none?\n",
                LIMIT.as_secs()
            )
        }
        Failure::Failed(status, errors) => {
            if let Some(blank) = blank(errors) {
                return to_write(folder, &blank);
            }
            match panic(errors) {
                Some(panic) => panicked(folder, step, &panic),
                None => {
                    let code = code(folder, step, None);
                    let told = told_of_address(errors);
                    format!(
                        "{code}Its process ended ({status}):\n{errors}{told}"
                    )
                }
            }
        }
    }
}

/// A hint for a test of the copy in `folder` that did not pass, if nobody has
/// written one: what the body must do that is still to be written; or what the
/// last of the heap's functions must do that the test has called by then.
pub fn hint(folder: &Path, step: &Step, failure: &Failure) -> Option<String> {
    let mut failed = None;
    if let Failure::Failed(_, errors) = failure {
        if let Some(blank) = blank(errors) {
            return Some(to_write(folder, &blank));
        }
        failed = panic(errors);
    }
    let read = |path: &str| fs::read_to_string(folder.join(path)).ok();
    let comments = empty::comments(HEAP, &read(HEAP)?).ok()?;
    let path = format!("tests/{}.rs", step.file);
    let source = read(&path)?;
    let item = item::find(&path, &source, &step.test).ok()?;
    // It may also have stopped in a function that it calls.
    let failed = failed.filter(|it| it.path == path).map(|it| it.line);
    let failed = failed.filter(|line| item.lines.contains(line));
    let told = failed.map_or(String::new(), |it| format!(" up to line {it}"));
    let line = failed.unwrap_or(usize::MAX);
    let lines = (*item.lines.start()..).zip(item.text.lines());
    let done: Vec<_> = lines.filter(|it| it.0 <= line).map(|it| it.1).collect();
    let done = done.join("\n");
    let called = comments.iter().filter_map(|(name, comment)| {
        let method = name.strip_prefix("Heap::")?;
        Some((done.rfind(&format!(".{method}("))?, name, comment))
    });
    let (_, name, comment) = called.max()?;
    Some(format!(
        "The last of the heap that {path} calls there{told} is `{name}`. It \
         must do this ({HEAP}):\n{}",
        indented(&wrapped(comment, 76), "  ")
    ))
}

/// How to read the address in a fault's line, if there is one.
fn told_of_address(errors: &str) -> String {
    let fault = errors.lines().find(|line| line.starts_with("malloc: "));
    let address = fault.and_then(|line| line.rsplit_once(": 0x"));
    let digits = address.map(|(_, digits)| digits);
    let is_one = |it: &&str| it.bytes().all(|it| it.is_ascii_hexdigit());
    match digits.filter(is_one) {
        None => String::new(),
        Some("0") => "The address 0x0 is null.\n".to_owned(),
        Some(digits) => format!(
            "That is the whole address. The book's drawings would show its \
             last digits: 0x…{}\n",
            &digits[digits.len().saturating_sub(3)..]
        ),
    }
}

/// A body that is still to be written.
fn to_write(folder: &Path, blank: &Panic) -> String {
    let Panic { path, line, message } = blank;
    let source = fs::read_to_string(folder.join(path)).unwrap_or_default();
    let owner = item::owners(&source).into_iter().nth(line.saturating_sub(1));
    let what = match owner.flatten() {
        Some(name) => format!("`{name}`"),
        None => "A body".to_owned(),
    };
    let told = message.strip_prefix(TO_WRITE).unwrap_or(message);
    let told = told.trim_start_matches(':').trim();
    let told = match told.is_empty() {
        true => String::new(),
        false => indented(&wrapped(told, 76), "  "),
    };
    format!("{what} is still to be written ({path}, line {line}):\n{told}")
}

fn panicked(folder: &Path, step: &Step, panic: &Panic) -> String {
    let Panic { path, line, message } = panic;
    if message.starts_with("a promise is broken") {
        return format!("{message}\n");
    }
    let test = format!("tests/{}.rs", step.file);
    let is_here = *path == test;
    let mut told = code(folder, step, is_here.then_some(*line));
    if !is_here {
        told += &format!("It stopped in {path}, line {line}.\n");
    }
    told + &values(message)
}

/// The lines of a test, up to the one that failed if that is known.
fn code(folder: &Path, step: &Step, failed: Option<usize>) -> String {
    let path = format!("tests/{}.rs", step.file);
    let Ok(source) = fs::read_to_string(folder.join(&path)) else {
        return String::new();
    };
    let Ok(item) = item::find(&path, &source, &step.test) else {
        return String::new();
    };
    let (first, last) = item.lines.into_inner();
    let failed = failed.filter(|line| (first..=last).contains(line));
    let mut code = format!("What is done ({path}):\n");
    let mut is_over = false;
    for (number, line) in (first..).zip(item.text.lines()) {
        // A panic that is wanted belongs to what is done.
        if line.starts_with("#[") && !line.starts_with("#[should_panic") {
            continue;
        }
        let mark = if Some(number) == failed { "->" } else { "  " };
        code += format!("{mark} {number:>4}  {line}\n").as_str();
        // The statement that failed may have more lines.
        is_over |= failed.is_some_and(|failed| number >= failed);
        if is_over && line.ends_with(';') {
            break;
        }
    }
    code + "\n"
}

/// What should be and what is, if that is what a message compares; or the
/// message.
fn values(message: &str) -> String {
    let Some((what, rest)) = message.split_once("\n  left: ") else {
        return match heap_of(message) {
            Some((what, heap)) => {
                format!("{what}\n{}", value("the heap", heap))
            }
            None => format!("{message}\n"),
        };
    };
    let Some((is, should_be)) = rest.split_once("\n right: ") else {
        return format!("{message}\n");
    };
    let what = what.strip_prefix("assertion `left == right` failed");
    let Some(what) = what else { return format!("{message}\n") };
    let what = what.trim_start_matches(':').trim();
    let (what, heap) = match heap_of(what) {
        Some((what, heap)) => (what, value("the heap", heap)),
        None => (what, String::new()),
    };
    let what = match what.is_empty() {
        true => String::new(),
        false => format!("{what}:\n"),
    };
    let [should_be, is] = short(should_be, is)
        .unwrap_or_else(|| [should_be.to_owned(), is.to_owned()]);
    let (should_be, is) =
        (value("should be", &should_be), value("but is", &is));
    format!("{what}{should_be}{is}{heap}")
}

/// Two addresses as the book's figures write them, by their last digits, and
/// how far the second is from the first; `None` if they are none, or null.
fn short(should_be: &str, is: &str) -> Option<[String; 2]> {
    let address = |text: &str| {
        let digits = text.strip_prefix("0x")?;
        let address = u64::from_str_radix(digits, 16).ok()?;
        (address != 0).then_some(address)
    };
    let (wanted, got) = (address(should_be)?, address(is)?);
    // As many digits as tell them apart. What is further away is no neighbour.
    let is_apart = |digits: &usize| {
        wanted >> (4 * digits) == got >> (4 * digits) && wanted != got
    };
    let digits = (3..=7).find(is_apart)?;
    let last = |address: u64| {
        let last = address & ((1 << (4 * digits)) - 1);
        format!("0x…{last:0digits$x}")
    };
    let far = got.abs_diff(wanted);
    let unit = if far == 1 { "byte" } else { "bytes" };
    let way = if got > wanted { "above" } else { "below" };
    let far = format!("{} {unit} {way}", amount::number(far.into()));
    Some([last(wanted), format!("{}, which is {far} that", last(got))])
}

/// A message in two: what it says, and the heap that it ends with.
fn heap_of(message: &str) -> Option<(&str, &str)> {
    let (what, heap) = message.rsplit_once(": ")?;
    boxes(heap)?;
    Some((what, heap))
}

fn value(label: &str, value: &str) -> String {
    match boxes(value).filter(|[edge, _]| edge.len() <= WIDTH) {
        Some([edge, inside]) => format!(
            "{:>10}  {edge}\n{label:>10}: {inside}\n{:>10}  {edge}\n",
            "", ""
        ),
        None => format!("{label:>10}: {value}\n"),
    }
}

/// A heap as it prints itself, `[112 used][16 free]`, as boxes: an edge, and
/// what stands between two of them.
fn boxes(value: &str) -> Option<[String; 2]> {
    let blocks = value.trim_matches('"');
    let blocks = blocks.strip_prefix('[')?.strip_suffix(']')?;
    let (mut edge, mut inside) = (String::from("+"), String::from("|"));
    for block in blocks.split("][") {
        let (size, state) = block.split_once(' ')?;
        size.parse::<usize>().ok()?;
        ["used", "free"].contains(&state).then_some(())?;
        edge += &format!("{}+", "-".repeat(block.len() + 2));
        inside += &format!(" {block} |");
    }
    Some([edge, inside])
}

/// The first panic of what a process wrote.
fn panic(errors: &str) -> Option<Panic<'_>> {
    let (_, rest) = errors.split_once(" panicked at ")?;
    let (place, rest) = rest.split_once(":\n")?;
    let message = match rest.find("\nnote: run with ") {
        Some(end) => &rest[..end],
        None => rest,
    };
    let (path, line) = of_place(place)?;
    Some(Panic { path, line, message: message.trim_end() })
}

/// The first body to write that something came to. It may have been in a
/// process that a test has started, whose words are quoted then.
fn blank(errors: &str) -> Option<Panic<'_>> {
    let mut rest = errors;
    while let Some((_, after)) = rest.split_once(" panicked at ") {
        rest = after;
        let Some(at) = after.find(TO_WRITE) else { break };
        let place = after[..at].strip_suffix(":\n");
        let quoted = after[..at].strip_suffix(":\\n");
        let end = if place.is_some() { "\n" } else { "\\n" };
        let Some(place) = place.or(quoted) else { continue };
        let message = after[at..].split(end).next().unwrap_or_default();
        if let Some((path, line)) = of_place(place) {
            return Some(Panic { path, line, message });
        }
    }
    None
}

/// The file and the line of `src/heap.rs:66:9`.
fn of_place(place: &str) -> Option<(&str, usize)> {
    let mut parts = place.rsplitn(3, ':');
    let (_, line, path) = (parts.next()?, parts.next()?, parts.next()?);
    Some((path, line.parse().ok()?))
}

/// A text in lines of so many characters at most, where its words allow it.
pub fn wrapped(text: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line)
                if line.is_empty()
                    || line.chars().count() + 1 + word.chars().count()
                        <= width =>
            {
                if !line.is_empty() {
                    line.push(' ');
                }
                *line += word;
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// A text with `indent` in front of each of its lines that is not empty.
pub fn indented(text: &str, indent: &str) -> String {
    let line = |line: &str| match line.is_empty() {
        true => "\n".to_owned(),
        false => format!("{indent}{line}\n"),
    };
    text.lines().map(line).collect()
}
