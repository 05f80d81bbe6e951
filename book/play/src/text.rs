//! Draws a heap in a terminal.

use std::fmt::Write;

use super::amount;
use super::draw;
use super::lists::Lists;
use super::recording::{Chunk, Frame, Kind, Run, Span, address};

/// How wide a box is, between its edges.
const WIDTH: usize = 56;

/// How wide an address is.
const ADDRESS: usize = 10;

/// The last of some pictures: the heap from its start, which is below, to the
/// break, and what is said of it.
pub fn picture(frames: &[Frame], lists: Option<&Lists>) -> String {
    let Some((frame, before)) = frames.split_last() else {
        return String::new();
    };
    let before = before.last();
    let mut text = String::new();
    line(&mut text, &address(frame.used), &edge('='), "the break");
    for (index, span) in frame.spans.iter().enumerate().rev() {
        line(&mut text, "", &inside(span, before), "");
        let under = if index == 0 { '=' } else { '-' };
        line(&mut text, &address(span.start), &edge(under), "");
    }
    if let Some(chunks) = &frame.chunks {
        text += &array(chunks);
    }
    if let Some(lists) = lists {
        text += &lists.text();
    }
    text += &counters(frame);
    text + &said(frame, before) + "\n"
}

fn line(text: &mut String, at: &str, middle: &str, right: &str) {
    let line = format!("{at:>ADDRESS$} {middle} {right}");
    writeln!(text, "{}", line.trim_end()).expect("a string grows");
}

fn edge(of: char) -> String {
    format!("+{}+", of.to_string().repeat(WIDTH))
}

/// What is in a box: what it is, what has become of it, how long it is.
fn inside(span: &Span, before: Option<&Frame>) -> String {
    let what = what(span);
    let change = before.and_then(|before| draw::change(span, before));
    let change = change.map_or(String::new(), |change| format!(" <- {change}"));
    let size = draw::bytes(span.len());
    let left = format!(" {what}{change}{}", runs(&span.holds));
    let room = WIDTH - 1;
    let used = left.chars().count() + size.len();
    if used < room {
        return format!("|{left}{}{size} |", " ".repeat(room - used));
    }
    format!("|{left} {size} |")
}

fn what(span: &Span) -> String {
    let owners = span.owners.join(" = ");
    let label = &span.label;
    match span.kind {
        Kind::Payload => owners,
        Kind::Leaked => format!("({owners}: lost)"),
        Kind::Foreign => "somebody else's".to_owned(),
        Kind::Header if label.is_empty() => "header".to_owned(),
        Kind::Free if label.is_empty() => "free".to_owned(),
        Kind::Free => format!("free: {label}"),
        Kind::Padding if label.is_empty() => "padding".to_owned(),
        Kind::Header | Kind::Padding => label.clone(),
    }
}

/// What a block holds.
fn runs(holds: &[Run]) -> String {
    let run = |Run { byte, count }: &Run| match byte {
        0 => format!(" {count} x 0"),
        byte => format!(" {count} x {}", byte.escape_ascii()),
    };
    holds.iter().map(run).collect()
}

/// The stack of chunks, its top above.
fn array(chunks: &[Chunk]) -> String {
    let mut text = String::from("the stack of chunks: start, end\n");
    for (index, chunk) in chunks.iter().enumerate().rev() {
        let top = if index + 1 == chunks.len() { "top" } else { "" };
        let start = chunk.start.map_or("null".to_owned(), address);
        let (end, owner) = (address(chunk.end), &chunk.owner);
        let free = if chunk.is_free { " free" } else { "" };
        let row =
            format!("{top:>4} {index:>4}  {start:>9} {end:>9}  {owner}{free}");
        writeln!(text, "{}", row.trim_end()).expect("a string grows");
    }
    text
}

fn counters(frame: &Frame) -> String {
    let used = draw::bytes(frame.used);
    let in_use = amount::number(frame.in_use() as u128);
    let calls = match frame.calls {
        Some(1) => ", 1 kernel call".to_owned(),
        Some(calls) => format!(", {calls} kernel calls"),
        None => String::new(),
    };
    format!("{used} below the break, {in_use} in use{calls}\n")
}

/// What has happened.
fn said(frame: &Frame, before: Option<&Frame>) -> String {
    let code = frame.operation.as_ref().map_or("", |line| &line.code);
    let told = draw::told(frame, before);
    format!("{code}{told}").replace('`', "").trim_end().to_owned()
}
