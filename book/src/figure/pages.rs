//! The break over the pages below it.
//!
//! The program is `tests/examples/the_break.rs`, and what it did is in a file of
//! captured output. What pages do is a model here: below the break the kernel
//! has whole pages, and what it takes back and gives again is zero. The model
//! comes to the numbers that the program has printed, or there is no book.

use super::question::Question;
use super::recorder::{Tape, View};
use super::recording::{Drawn, RecordedHeap, Recording};
use super::rows::{Column, Row};
use crate::amount::number;
use crate::captured;

const SOURCE: &str = "book/captured/the-break.txt";
const CAPTURED: &str = include_str!("../../captured/the-break.txt");

/// Bytes of a page on the machine that made the file.
const PAGE: usize = 4096;

/// How many pages are drawn.
const PAGES: usize = 3;

/// What the program fills its memory with.
const SEVEN: u8 = 7;

/// A break, and what the pages hold.
struct Model {
    brk: usize,
    bytes: [u8; PAGES * PAGE],
}

impl Model {
    /// Where the last page ends that is there.
    fn end(&self) -> usize {
        self.brk.next_multiple_of(PAGE)
    }

    fn sbrk(&mut self, increment: isize) {
        let brk = self.brk.checked_add_signed(increment);
        self.brk = brk.expect("the break stays above its start");
        let gone = self.end();
        self.bytes[gone..].fill(0);
    }
}

/// What the program has printed, as numbers: where the break was after each of
/// its first calls, and how many bytes were zero and seven at last.
fn printed() -> (Vec<usize>, [usize; 2]) {
    let captured = captured::parse(CAPTURED);
    let output = captured.unwrap_or_else(|why| panic!("{SOURCE} {why}")).output;
    let gives = output.lines().filter(|line| line.starts_with("sbrk("));
    let gives =
        gives.filter_map(|line| line.split_once("gives ")?.1.parse().ok());
    let last = output.lines().find(|line| line.contains("are zero"));
    let numbers: Vec<usize> = last
        .into_iter()
        .flat_map(str::split_whitespace)
        .filter_map(|word| word.parse().ok())
        .collect();
    let [zero, seven] = numbers[..] else {
        panic!("{SOURCE} has no line of bytes: {numbers:?}")
    };
    (gives.collect(), [zero, seven])
}

/// A run, step by step.
struct Run {
    model: Model,
    tape: Tape,
    /// What each call returned: where the break was.
    olds: Vec<usize>,
}

impl Run {
    fn sbrk(&mut self, increment: isize, note: &str) {
        let (old, pages) = (self.model.brk, self.model.end() / PAGE);
        self.olds.push(old);
        self.model.sbrk(increment);
        let asked = ask(pages, self.model.end() / PAGE);
        self.picture(format!("sbrk({increment})"), old, Some(asked));
        let returned = number(old as u128);
        self.tape.note(format!("It returns {returned}. {note}"));
    }

    fn picture(&mut self, code: String, old: usize, asked: Option<Question>) {
        self.tape.picture(0, code, None, View::default());
        let html = draw(&self.model, old);
        self.tape.draw(Drawn { html, asked });
    }
}

pub fn record() -> Recording {
    let model = Model { brk: 0, bytes: [0; PAGES * PAGE] };
    let tape = Tape::new(View::default());
    let mut run = Run { model, tape, olds: Vec::new() };
    let html = draw(&run.model, 0);
    run.tape.draw(Drawn { html, asked: None });
    run.tape.note("The break stands at the start of a page.");
    run.sbrk(100, "The kernel gives whole pages, and one is there.");
    let left = "The page stays. The last 40 bytes are there, and not ours.";
    run.sbrk(-40, left);
    let start = run.model.brk;
    run.sbrk(10_000, "Two pages more.");
    let end = run.model.brk;
    run.model.bytes[start..end].fill(SEVEN);
    run.picture("fill them with sevens".to_owned(), end, None);
    run.sbrk(
        -5000,
        "One page lies above the break with all of its bytes, and goes back. \
         The one in which the break stands stays, with what is in it.",
    );
    let low = run.model.brk;
    run.sbrk(5000, "The page that had gone is zero. The other is not.");

    let (gives, left) = printed();
    let again = &run.model.bytes[low..run.model.brk];
    let count = |byte| again.iter().filter(|&&it| it == byte).count();
    assert_eq!([count(0), count(SEVEN)], left, "{SOURCE} has other bytes");
    assert_eq!(
        run.olds[..gives.len() - 1],
        gives[..gives.len() - 1],
        "{SOURCE}"
    );
    assert_eq!(gives.last(), Some(&start), "{SOURCE} has another break");
    let told = format!(
        "Drawn: the calls are those of `{SOURCE}`, and so are the numbers that \
         come out. Pages of {} bytes, not to scale.",
        number(PAGE as u128)
    );
    let whose = RecordedHeap { source: SOURCE, told, room: None };
    run.tape.finish(whose, Vec::new())
}

fn ask(before: usize, pages: usize) -> Question {
    let choices: Vec<usize> = (0..=PAGES).collect();
    let right = choices.iter().position(|&it| it == pages).unwrap_or(0);
    let word = |pages: usize| match pages {
        1 => "1 page".to_owned(),
        _ => format!("{pages} pages"),
    };
    let answer = match before == pages {
        true => format!("{}, as before.", word(pages)),
        false => format!("{}.", word(pages)),
    };
    Question {
        text: "How many pages are there then?".to_owned(),
        choices: choices.into_iter().map(word).collect(),
        right,
        answer,
    }
}

/// The pages, cut where the break is and where their bytes change.
fn draw(model: &Model, old: usize) -> String {
    let mut edges: Vec<usize> = (0..=PAGES).map(|page| page * PAGE).collect();
    edges.push(model.brk);
    let changes = model.bytes.windows(2).enumerate();
    edges
        .extend(changes.filter(|(_, two)| two[0] != two[1]).map(|it| it.0 + 1));
    edges.sort_unstable();
    edges.dedup();
    let moved = model.brk.abs_diff(old);
    let happened = match model.brk.cmp(&old) {
        std::cmp::Ordering::Equal => String::new(),
        std::cmp::Ordering::Greater => format!("▲ {}", number(moved as u128)),
        std::cmp::Ordering::Less => format!("▼ {}", number(moved as u128)),
    };
    let mut column = Column::default();
    for ends in edges.windows(2) {
        let (start, end) = (ends[0], ends[1]);
        if start == model.brk {
            column.the_break(&number(start as u128), &happened);
        }
        let (class, name) = match model.bytes[start] {
            _ if start >= model.end() => ("is-no-page", "no page"),
            _ if start >= model.brk => ("is-padding", "there, and not ours"),
            SEVEN => ("is-payload", "ours: sevens"),
            _ => ("is-payload", "ours: zeroes"),
        };
        let class = match start % PAGE {
            0 => format!("{class} is-page"),
            _ => class.to_owned(),
        };
        let (at, size) = (number(start as u128), number((end - start) as u128));
        column.row(&Row {
            at: &at,
            class: &class,
            name,
            size: &format!("{size} bytes"),
            tag: "",
            height: 20 + (end - start) / 90,
        });
    }
    column.finish("hf-map", "Three pages, from low addresses up")
}
