//! A process's memory, from the addresses that a program has printed.

use super::question::Question;
use super::recorder::{Tape, View};
use super::recording::{Drawn, RecordedHeap, Recording};
use super::rows::{Column, Row};
use crate::amount::{number, size};
use crate::captured;

/// The file of captured output that is drawn.
const SOURCE: &str = "book/captured/memory-map.txt";
const CAPTURED: &str = include_str!("../../captured/memory-map.txt");

/// What the program has printed: addresses, and of what.
struct Printed(Vec<(usize, String)>);

impl Printed {
    fn read() -> Self {
        let captured = captured::parse(CAPTURED);
        let output = captured.unwrap_or_else(|why| panic!("{SOURCE} {why}"));
        let place = |line: &str| {
            let (address, rest) = line.strip_prefix("0x")?.split_once("  ")?;
            let address = usize::from_str_radix(address, 16).ok()?;
            Some((address, rest.split("  ").next()?.trim().to_owned()))
        };
        Self(output.output.lines().filter_map(place).collect())
    }

    /// The address of what is called so.
    fn of(&self, what: &str) -> usize {
        let mut places = self.0.iter();
        let place = places.find(|(_, name)| name.starts_with(what));
        place.unwrap_or_else(|| panic!("{SOURCE} has no {what}")).0
    }
}

/// Which steps have been made, and what has come of each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Start,
    Break,
    Large,
    Thread,
    Calls,
}

/// A region: what is drawn of it.
struct Region {
    at: usize,
    class: &'static str,
    name: &'static str,
    tag: String,
    height: usize,
}

pub fn record() -> Recording {
    let printed = Printed::read();
    let mut tape = Tape::new(View::default());
    tape.draw(Drawn { html: draw(&printed, Step::Start), asked: None });
    tape.note(
        "A program has started. The lowest address is at the bottom. The \
         regions are not to scale: the gaps would leave nothing of them.",
    );
    for (step, code, asked, note) in [
        (Step::Break, "sbrk(4096)", heap_grows(&printed), HEAP),
        (Step::Large, "a block of a megabyte", large_goes(&printed), LARGE),
        (Step::Thread, "a thread starts", thread_has(&printed), THREAD),
        (
            Step::Calls,
            "100 calls, one in another",
            stack_grows(&printed),
            STACK,
        ),
    ] {
        tape.picture(0, code.to_owned(), None, View::default());
        let html = draw(&printed, step);
        tape.draw(Drawn { html, asked: Some(asked) });
        tape.note(note);
    }
    let told = format!(
        "Drawn from the addresses in `{SOURCE}`, which a run has printed."
    );
    let whose = RecordedHeap { source: SOURCE, told, room: None };
    tape.finish(whose, Vec::new())
}

const HEAP: &str = "The heap has one end that moves: the upper one.";
const LARGE: &str = "The `malloc` of glibc 2.36 asks for a region of its own if \
                     a block is large. The book comes back to that.";
const THREAD: &str = "It gets a region of a fixed length, far from the stack \
                      of the first thread.";
const STACK: &str = "Each call lies below the one that made it. The stack and \
                     the heap grow towards each other.";

/// How far it is from one place to another.
fn way(printed: &Printed, from: &str, to: &str) -> (bool, String) {
    let (from, to) = (printed.of(from), printed.of(to));
    (to > from, number(from.abs_diff(to) as u128))
}

fn grows(what: &str, way: (bool, String)) -> Question {
    let (is_up, by) = way;
    let word = if is_up { "Up" } else { "Down" };
    Question {
        text: format!("Which way does {what} grow?"),
        choices: vec!["Up".to_owned(), "Down".to_owned()],
        right: usize::from(!is_up),
        answer: format!("{word}, by {by} bytes."),
    }
}

fn heap_grows(printed: &Printed) -> Question {
    let way = way(printed, "the break at first", "the break after");
    grows("the heap", way)
}

fn stack_grows(printed: &Printed) -> Question {
    grows("the stack", way(printed, "stack: a local", "the same, 100 calls"))
}

/// Where something lies: on the heap, above the stack, or between them.
fn lies(printed: &Printed, what: &str, text: &str) -> Question {
    let at = printed.of(what);
    let choices = ["On the heap", "Between heap and stack", "Above the stack"];
    let right = match at {
        at if at < printed.of("the break after") => 0,
        at if at < printed.of("the same, 100 calls") => 1,
        _ => 2,
    };
    Question {
        text: text.to_owned(),
        choices: choices.map(str::to_owned).to_vec(),
        right,
        answer: format!("{}, at {at:#x}.", choices[right]),
    }
}

fn large_goes(printed: &Printed) -> Question {
    lies(printed, "a block of a megabyte", "Where does a large block lie?")
}

fn thread_has(printed: &Printed) -> Question {
    let text = "Where does the stack of the new thread lie?";
    lies(printed, "another thread's local", text)
}

/// The regions after a step, the lowest first.
fn regions(printed: &Printed, step: Step) -> Vec<Region> {
    let still = |what: &str, class, name, height| Region {
        at: printed.of(what),
        class,
        name,
        tag: String::new(),
        height,
    };
    let new = |is_now: bool, tag: &str| match is_now {
        true => tag.to_owned(),
        false => String::new(),
    };
    let mut regions = vec![
        still("read-only data", "is-padding", "read-only data", 26),
        still("text", "is-padding", "text", 26),
        still("data", "is-padding", "data", 26),
        still("bss", "is-padding", "bss", 26),
        still(
            "heap",
            "is-payload",
            "heap",
            40 + 16 * usize::from(step >= Step::Break),
        ),
        still("a library", "is-foreign", "shared libraries", 40),
    ];
    if step >= Step::Large {
        let tag = new(step == Step::Large, "new");
        let block =
            still("a block of a megabyte", "is-payload", "a large block", 30);
        regions.push(Region { tag, ..block });
    }
    if step >= Step::Thread {
        let tag = new(step == Step::Thread, "new");
        let stack = still(
            "another thread's local",
            "is-header",
            "a thread’s stack",
            30,
        );
        regions.push(Region { tag, ..stack });
    }
    let is_deep = step >= Step::Calls;
    let from = if is_deep { "the same, 100 calls" } else { "stack: a local" };
    let (_, by) = way(printed, "stack: a local", "the same, 100 calls");
    let tag = new(is_deep, &format!("▼ {by} bytes"));
    let stack =
        still(from, "is-header", "stack", 40 + 30 * usize::from(is_deep));
    regions.push(Region { tag, ..stack });
    regions.sort_by_key(|region| region.at);
    regions
}

/// A gap is drawn if it has so many bytes.
const GAP: usize = 1 << 20;

fn draw(printed: &Printed, step: Step) -> String {
    let mut column = Column::default();
    let has_risen = step >= Step::Break;
    let (before, after) =
        (printed.of("the break at first"), printed.of("the break after"));
    let top = if has_risen { after } else { before };
    let mut end = None;
    for region in regions(printed, step) {
        if let Some(gap) = end.and_then(|end| region.at.checked_sub(end))
            && gap >= GAP
        {
            column.gap(&format!("a gap of about {}", about(gap)));
        }
        let at = format!("{:#x}", region.at);
        let Region { class, name, height, .. } = region;
        let tag = &region.tag[..];
        column.row(&Row { at: &at, class, name, size: "", tag, height });
        end = Some(region.at);
        if name == "heap" {
            let rise = after - before;
            let tag = match step {
                Step::Break => format!("▲ {}", size(rise)),
                _ => String::new(),
            };
            column.the_break(&format!("{top:#x}"), &tag);
            end = Some(top);
        }
    }
    column.finish("hf-map", "The memory of a process, from low addresses up")
}

/// Bytes in the largest unit of which there is one.
fn about(bytes: usize) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB")];
    let unit = units.into_iter().find(|(shift, _)| bytes >> shift > 0);
    let (shift, unit) = unit.unwrap_or((0, "bytes"));
    format!("{} {unit}", number((bytes >> shift) as u128))
}
