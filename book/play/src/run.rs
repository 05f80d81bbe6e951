//! Runs a program on a heap.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::draw;
use super::heap::{MOST_ROOM, Played, Setup};
use super::lists::Lists;
use super::program::Line;
use super::recorder::{Tape, View};
use super::recording::{Frame, Kind, Outcome, address};

/// The number of the line that runs, from 1 on. Whoever comes after a fault
/// reads it: the heap has ended whatever there was.
pub static AT: AtomicUsize = AtomicUsize::new(0);

/// The address at which the heap of that program starts.
pub static START: AtomicUsize = AtomicUsize::new(0);

/// What came of a program.
#[derive(Clone, Debug)]
pub struct Run {
    /// What each line has returned, if it returns anything.
    pub outcomes: Vec<Option<Outcome>>,
    /// The picture after a line, and in front of it the one before.
    pub frames: Vec<Frame>,
    /// The free lists after that line, if the heap has some.
    pub lists: Option<Lists>,
    /// The names of the blocks that the program holds at its end.
    pub names: Vec<String>,
}

/// Runs a program, and takes the picture after `step` of its lines.
///
/// A fault ends the process, as it ends any program. [`AT`] is its line.
///
/// # Errors
///
/// Which line cannot be run, and why.
pub fn run(setup: Setup, lines: &[Line], step: usize) -> Result<Run, String> {
    setup.with(|heap| on(heap, lines, step))
}

/// [`run`], on a heap that is there already.
///
/// # Errors
///
/// As those of [`run`].
pub fn on(
    heap: &mut dyn Played,
    lines: &[Line],
    step: usize,
) -> Result<Run, String> {
    let mut program = Program::new(heap);
    let mut outcomes = Vec::new();
    let mut lists = program.heap.lists();
    for (index, line) in lines.iter().enumerate() {
        let number = index + 1;
        outcomes.push(program.does(number, line)?);
        if number == step || number + 1 == step {
            program.picture(line, outcomes[index]);
            lists = program.heap.lists();
        }
    }
    let names = program.tape.names().map(str::to_owned).collect();
    let frames = program.tape.frames().to_vec();
    Ok(Run { outcomes, frames, lists, names })
}

/// Runs a program, and takes the picture after each line: the first is that of
/// the empty heap. With it comes what each line has returned.
///
/// # Errors
///
/// As those of [`run`].
pub fn whole(
    setup: Setup,
    lines: &[Line],
) -> Result<(Vec<Frame>, Vec<Option<Outcome>>), String> {
    setup.with(|heap| {
        let mut program = Program::new(heap);
        let mut outcomes = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let outcome = program.does(index + 1, line)?;
            program.picture(line, outcome);
            outcomes.push(outcome);
        }
        Ok((program.tape.frames().to_vec(), outcomes))
    })
}

/// The line that a fault leaves behind, with its address as the drawings write
/// one: counted from the start of the heap.
pub fn as_drawn(fault: &str, start: usize) -> String {
    let Some((what, whole)) = fault.rsplit_once(": 0x") else {
        return fault.to_owned();
    };
    let whole = usize::from_str_radix(whole, 16).ok();
    match whole.and_then(|whole| whole.checked_sub(start)) {
        Some(offset) => format!("{what}: {}", address(offset)),
        None => fault.to_owned(),
    }
}

/// Runs a program, and tells of each line, in a line with tabs in it: what it
/// returned; where the break is then; how often the kernel was called; how many
/// headers there are below what it returned, and in all; a number that is the
/// same where all that can be seen of the heap is the same; and one that is the
/// same where it is, however long a header is.
///
/// # Errors
///
/// Which line cannot be run, and why.
pub fn log(setup: Setup, lines: &[Line]) -> Result<String, String> {
    setup.with(|heap| {
        let mut program = Program::new(heap);
        let mut log = String::new();
        for (index, line) in lines.iter().enumerate() {
            let outcome = program.does(index + 1, line)?;
            let view = program.heap.view();
            let sum = sum(&view, program.heap.lists().as_ref());
            let between = between_headers(&view);
            let headers = || {
                let spans = view.spans.iter();
                spans.filter(|span| span.kind == Kind::Header)
            };
            let below = match outcome {
                Some(Outcome::Address(at)) => {
                    headers().filter(|span| span.start < at).count()
                }
                _ => 0,
            };
            let (outcome, all) = (outcome.map(draw::text), headers().count());
            let outcome = outcome.unwrap_or_default();
            let (used, calls) = (view.used, view.calls.unwrap_or_default());
            writeln!(
                log,
                "{line}\t{outcome}\t{used}\t{calls}\t{below}\t{all}\t{sum:x}\t\
                 {between:x}"
            )
            .expect("a string grows");
        }
        Ok(log)
    })
}

/// The sum of nothing.
const SUM: u64 = 0xcbf2_9ce4_8422_2325;

fn added(sum: u64, number: usize) -> u64 {
    (sum ^ number as u64).wrapping_mul(0x100_0000_01b3)
}

/// The same number for the same pieces in the same order: which of them are
/// free, and how long each is. Of a header it counts only that there is one, and
/// how far it is to the next thing that the heap knows.
fn between_headers(view: &View) -> u64 {
    let mut spans: Vec<_> = view.spans.iter().collect();
    spans.sort_by_key(|span| span.start);
    let next = spans.iter().skip(1).map(|span| span.start).chain([view.used]);
    let mut sum = SUM;
    for (span, next) in spans.iter().zip(next) {
        let length = match span.kind {
            Kind::Header => 0,
            _ => span.len(),
        };
        sum = added(sum, span.kind as usize);
        sum = added(sum, length);
        sum = added(sum, next.saturating_sub(span.end));
    }
    sum
}

/// The same number for the same view (FNV-1a), on every machine.
fn sum(view: &View, lists: Option<&Lists>) -> u64 {
    let mut sum = SUM;
    let mut add = |number: usize| sum = added(sum, number);
    for span in &view.spans {
        add(span.start);
        add(span.end);
        add(span.kind as usize);
        span.label.bytes().for_each(|byte| add(byte.into()));
    }
    for chunk in view.chunks.iter().flatten() {
        add(chunk.start.map_or(0, |start| start + 1));
        add(chunk.end);
        add(chunk.is_free.into());
    }
    if let Some(Lists { bitmap, lists, .. }) = lists {
        for byte in bitmap.to_le_bytes() {
            add(byte.into());
        }
        for list in lists {
            add(list.class);
            for &(at, size) in &list.blocks {
                add(at);
                add(size);
            }
        }
    }
    sum
}

/// A program that runs.
struct Program<'h> {
    heap: &'h mut dyn Played,
    tape: Tape,
    /// What is in its variables, used no more or not.
    variables: BTreeMap<String, *mut u8>,
    /// The address at which the heap starts.
    start: usize,
}

impl<'h> Program<'h> {
    fn new(heap: &'h mut dyn Played) -> Self {
        let view = heap.view();
        START.store(view.start, Ordering::Relaxed);
        let (start, variables) = (view.start, BTreeMap::new());
        let mut tape = Tape::new(view);
        tape.tell_fragmentation();
        Self { heap, tape, variables, start }
    }

    /// Does what a line says, and returns what it returns.
    fn does(
        &mut self,
        number: usize,
        line: &Line,
    ) -> Result<Option<Outcome>, String> {
        AT.store(number, Ordering::Relaxed);
        let wrong = |why: String| format!("line {number}, `{line}`: {why}");
        if !self.heap.is_whole() {
            self.may(line).map_err(wrong)?;
        }
        match line {
            Line::Malloc { name, size } => {
                let payload = self.heap.malloc(*size);
                Ok(self.given(name, payload, *size))
            }
            Line::Calloc { name, count, size } => {
                let payload = self.heap.calloc(*count, *size);
                Ok(self.given(name, payload, count.saturating_mul(*size)))
            }
            Line::Memalign { name, align, size } => {
                let payload = self.heap.memalign(*align, *size);
                Ok(self.given(name, payload, *size))
            }
            Line::Realloc { name, old, size } => {
                let old = self.variable(old).map_err(wrong)?;
                // SAFETY: what the heap cannot see to be wrong, a program may
                // do to it. Its memory is a region that nobody else uses.
                let payload = unsafe { self.heap.realloc(old, *size) };
                if !payload.is_null() && !old.is_null() {
                    self.tape.moved(old, name, payload, *size);
                    self.variables.insert(name.clone(), payload);
                    return Ok(self.outcome(payload));
                }
                Ok(self.given(name, payload, *size))
            }
            Line::Free { name, offset } => {
                let payload = self.variable(name).map_err(wrong)?;
                let payload = payload.wrapping_add(*offset);
                // SAFETY: as above.
                unsafe { self.heap.free(payload) };
                self.tape.take_back_at(payload);
                Ok(None)
            }
            Line::Fill { name } => {
                let payload = self.variable(name).map_err(wrong)?;
                let filled = self.tape.fill_at(payload);
                let gone = || wrong(format!("`{name}` is no block in use"));
                filled.ok_or_else(gone).map(|()| None)
            }
            Line::Sbrk { bytes } => {
                let full = || wrong("the break cannot rise so far".to_owned());
                let risen = self.heap.foreign_sbrk(*bytes);
                risen.ok_or_else(full).map(|()| None)
            }
            Line::Refuse { calls } => {
                self.heap.refuse(*calls);
                Ok(None)
            }
        }
    }

    /// Whether a heap that believes all that it is given can be given this.
    fn may(&self, line: &Line) -> Result<(), String> {
        match line {
            Line::Malloc { size, .. } if *size > MOST_ROOM => {
                Err("this step is asked for less".to_owned())
            }
            Line::Malloc { .. } | Line::Fill { .. } | Line::Refuse { .. } => {
                Ok(())
            }
            Line::Free { name, offset } => {
                let payload = self.variable(name)?.wrapping_add(*offset);
                let is_block = self.tape.is_live(payload);
                is_block.then_some(()).ok_or_else(|| {
                    "this step believes that what it frees is a block in use, \
                     and this is none"
                        .to_owned()
                })
            }
            _ => Err("this step has `malloc` and `free` alone".to_owned()),
        }
    }

    /// Notes that a line has put something into a variable.
    fn given(
        &mut self,
        name: &str,
        payload: *mut u8,
        size: usize,
    ) -> Option<Outcome> {
        self.variables.insert(name.to_owned(), payload);
        self.tape.give(name, payload, size);
        self.outcome(payload)
    }

    fn outcome(&self, payload: *mut u8) -> Option<Outcome> {
        Some(match payload.addr() {
            0 => Outcome::Null,
            address => Outcome::Address(address - self.start),
        })
    }

    fn variable(&self, name: &str) -> Result<*mut u8, String> {
        if name == "null" {
            return Ok(ptr::null_mut());
        }
        let known = self.variables.get(name).copied();
        known.ok_or_else(|| format!("nothing was ever put into `{name}`"))
    }

    fn picture(&mut self, line: &Line, outcome: Option<Outcome>) {
        let view = self.heap.view();
        let start = ptr::without_provenance_mut::<u8>(self.start);
        let result = outcome.map(|outcome| match outcome {
            Outcome::Address(offset) => start.wrapping_add(offset),
            _ => ptr::null_mut(),
        });
        self.tape.picture(0, line.to_string(), result, view);
    }
}
