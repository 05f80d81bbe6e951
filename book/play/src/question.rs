//! What a player asks before it takes a step.
//!
//! The author says before which step, and what about: an [`Ask`]. The words,
//! the choices and the answer come from the two pictures around the step.

use std::cmp::Ordering;

use super::amount;
use super::draw::bytes;
use super::recording::{
    Chunk, Field, Frame, Kind, Outcome, Recording, Span, address,
};

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Which way the break moves.
    Break,
    /// Which address comes back.
    Place,
    /// How many free blocks there are then.
    Free,
    /// How many bytes the largest free block has then.
    Largest,
    /// How many bytes lie below the break then.
    Used,
    /// How many chunks are on the stack then.
    Chunks,
    /// How many bytes are mapped then.
    Mapped,
    /// Whether the kernel is called.
    Kernel,
    /// Whether the thread gets the lock.
    Lock,
    /// Which list a free block goes on.
    List,
    /// What the first byte is of the first field with flags.
    Byte,
    /// What the drawing says that can be asked.
    Drawn,
}

/// A question with its answer. Where there is a backtick, code starts or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What is asked.
    pub text: String,
    /// What a reader may choose from.
    pub choices: Vec<String>,
    /// Which of them it is.
    pub right: usize,
    /// The answer as a sentence.
    pub answer: String,
}

/// How many choices there are at most.
const CHOICES: usize = 4;

/// What is asked before the step to the picture at `index`, if anything is.
pub fn question(recording: &Recording, index: usize) -> Option<Question> {
    let ask = recording.ask(index)?;
    let frames = Frames {
        before: recording.before(index)?,
        after: &recording.frames[index],
    };
    let operation = frames.after.operation.as_ref()?;
    if ask == Ask::Drawn {
        return frames.after.drawn.as_ref()?.asked.clone();
    }
    let who = match recording.lanes.get(operation.lane) {
        Some(lane) => format!("{}: ", capital(lane)),
        None => String::new(),
    };
    let (asks, (choices, right), answer) = match ask {
        Ask::Break => ("where does the break go?", frames.ways(), frames.way()),
        Ask::Place => (
            "which address comes back?",
            frames.places(operation.result?),
            frames.place(operation.result?),
        ),
        Ask::Free => (
            "how many free blocks are there then?",
            around(frames.free().len(), frames.before.of(Kind::Free).len()),
            told_free(&frames.free()),
        ),
        Ask::Largest => (
            "how many bytes has the largest free block then?",
            frames.sizes(),
            sentence(bytes(largest(frames.after))),
        ),
        Ask::Used => (
            "how many bytes lie below the break then?",
            frames.heights(),
            sentence(bytes(frames.after.used)),
        ),
        Ask::Chunks => (
            "how many chunks are on the stack then?",
            around(chunks(frames.after).len(), chunks(frames.before).len()),
            told_chunks(chunks(frames.after)),
        ),
        Ask::Mapped => (
            "how many bytes are mapped then?",
            frames.mapped(),
            sentence(bytes(frames.after.mapped?)),
        ),
        Ask::Kernel => (
            "is the kernel called?",
            choose(["Yes", "No"], usize::from(!frames.calls())),
            frames.call(),
        ),
        Ask::Lock => {
            let waits = operation.result == Some(Outcome::Waits);
            let choices = ["It gets it", "It waits"];
            let (choices, right) = choose(choices, usize::from(waits));
            let answer = sentence(choices[right].clone());
            ("what does the thread get of the lock?", (choices, right), answer)
        }
        Ask::List => (
            "which list does the block go on?",
            frames.lists()?,
            sentence(capital(&frames.list()?.label)),
        ),
        Ask::Drawn => return None,
        Ask::Byte => {
            (&frames.asks_for_byte()?[..], frames.bytes()?, frames.byte()?)
        }
    };
    let code = operation.code.trim();
    let text = format!("{who}`{code}`: {asks}");
    Some(Question { text, choices, right, answer })
}

/// The pictures around a step.
struct Frames<'r> {
    before: &'r Frame,
    after: &'r Frame,
}

type Choices = (Vec<String>, usize);

impl Frames<'_> {
    fn moved(&self) -> (Ordering, usize) {
        let (old, new) = (self.before.used, self.after.used);
        (new.cmp(&old), new.abs_diff(old))
    }

    fn ways(&self) -> Choices {
        let right = match self.moved().0 {
            Ordering::Greater => 0,
            Ordering::Equal => 1,
            Ordering::Less => 2,
        };
        choose(["Up", "Nowhere: it stays", "Down"], right)
    }

    fn way(&self) -> String {
        let at = address(self.after.used);
        match self.moved() {
            (Ordering::Equal, _) => format!("It stays at {at}."),
            (Ordering::Greater, by) => {
                format!("It rises by {}, to {at}.", bytes(by))
            }
            (Ordering::Less, by) => {
                format!("It falls by {}, to {at}.", bytes(by))
            }
        }
    }

    /// The break, and the edges of what there is, are where one might look.
    fn places(&self, result: Outcome) -> Choices {
        let Outcome::Address(at) = result else {
            let edges = self.edges();
            let mut choices: Vec<String> =
                edges.into_iter().rev().take(2).map(address).collect();
            choices.reverse();
            choices.push("Null".to_owned());
            let right = choices.len() - 1;
            return (choices, right);
        };
        pick(at, self.edges(), address)
    }

    fn place(&self, result: Outcome) -> String {
        let Outcome::Address(at) = result else {
            return "Null: there is no room.".to_owned();
        };
        let was = self.before.spans.iter().find(|span| {
            span.start <= at && at < span.end && span.kind != Kind::Padding
        });
        let of = match was.map(|was| (was.kind, &was.owners[..])) {
            Some((Kind::Payload, [owner, ..])) if was_at(was, at) => {
                format!(": where `{owner}` is.")
            }
            Some((Kind::Free | Kind::Header, _)) if at < self.before.used => {
                ": that was not in use.".to_owned()
            }
            // There is no break among mappings.
            None if self.before.mapped.is_some() => {
                ": where nothing was mapped.".to_owned()
            }
            None if at == self.before.used => {
                ": where the break was.".to_owned()
            }
            None if at > self.before.used => {
                ": above where the break was.".to_owned()
            }
            _ => ".".to_owned(),
        };
        format!("{}{of}", address(at))
    }

    fn edges(&self) -> Vec<usize> {
        let spans = &self.before.spans;
        let mut edges: Vec<usize> =
            spans.iter().map(|span| span.start).collect();
        edges.extend([0, self.before.used]);
        edges.sort_unstable();
        edges.dedup();
        edges
    }

    fn free(&self) -> Vec<&Span> {
        self.after.of(Kind::Free)
    }

    /// Free blocks as they were, alone and together, with what is freed now.
    fn sizes(&self) -> Choices {
        let mut sizes: Vec<usize> =
            self.before.of(Kind::Free).iter().map(|it| it.len()).collect();
        let payloads = self.before.of(Kind::Payload);
        sizes.extend(payloads.iter().map(|span| span.len()));
        let free = self.before.of(Kind::Free);
        let sum: usize = free.iter().map(|span| span.len()).sum();
        let sums: Vec<usize> = sizes.iter().map(|size| size + sum).collect();
        sizes.extend(sums);
        sizes.retain(|&size| size > 0);
        pick(largest(self.after), sizes, bytes)
    }

    /// The edges of the heap as it was, and what would be if nothing but the
    /// payload were added.
    fn heights(&self) -> Choices {
        let mut heights = self.edges();
        let added = self.after.in_use().saturating_sub(self.before.in_use());
        heights.push(self.before.used + added);
        heights.push(self.after.in_use());
        pick(self.after.used, heights, bytes)
    }

    /// As much as was, and a segment or a mapping more or less.
    fn mapped(&self) -> Choices {
        let now = self.after.mapped.unwrap_or(0);
        let was = self.before.mapped.unwrap_or(0);
        let change = match now.abs_diff(was) {
            0 => was / 2,
            change => change,
        };
        pick(now, vec![was, was + change, was.saturating_sub(change)], bytes)
    }

    fn calls(&self) -> bool {
        self.before.calls != self.after.calls
    }

    fn call(&self) -> String {
        let calls = self.after.calls.unwrap_or(0);
        let so_far = match calls {
            1 => "1 call so far".to_owned(),
            _ => format!("{calls} calls so far"),
        };
        match self.calls() {
            true => format!("Yes: {so_far}."),
            false => format!("No: {so_far}, as before."),
        }
    }

    /// The free block that was not there.
    fn list(&self) -> Option<&Span> {
        self.after.spans.iter().find(|span| {
            span.kind == Kind::Free && !self.before.spans.contains(span)
        })
    }

    fn lists(&self) -> Option<Choices> {
        let number = self.list()?.label.rsplit(' ').next()?;
        let number: usize = number.parse().ok()?;
        let near = vec![number.saturating_sub(1), number + 1, number + 2];
        Some(pick(number, near, |number| format!("List {number}")))
    }

    fn asks_for_byte(&self) -> Option<String> {
        let name = &flagged(self.after)?.0.name;
        Some(format!("what is the first byte of `{name}` then?"))
    }

    /// As it was, and with one bit changed.
    fn bytes(&self) -> Option<Choices> {
        let (now, was) = (flagged(self.after)?.1, flagged(self.before)?.1);
        let near = [was, was ^ 1, was ^ 0x10, was ^ 0x80];
        let near = near.map(usize::from).to_vec();
        Some(pick(now.into(), near, |byte| format!("{byte:02x}")))
    }

    fn byte(&self) -> Option<String> {
        let (field, byte) = flagged(self.after)?;
        Some(format!("{byte:02x}: {}.", field.value))
    }
}

/// The first field with flags, and its first byte.
fn flagged(frame: &Frame) -> Option<(&Field, u8)> {
    let field = frame.fields.iter().find(|field| !field.flags.is_empty())?;
    Some((field, (*field.bytes.first()?)?))
}

impl Frame {
    fn of(&self, kind: Kind) -> Vec<&Span> {
        self.spans.iter().filter(|span| span.kind == kind).collect()
    }
}

fn was_at(was: Option<&Span>, at: usize) -> bool {
    was.is_some_and(|was| was.start == at)
}

fn largest(frame: &Frame) -> usize {
    let sizes = frame.of(Kind::Free).into_iter().map(Span::len);
    sizes.max().unwrap_or(0)
}

/// The chunks above the ground.
fn chunks(frame: &Frame) -> &[Chunk] {
    frame.chunks.as_deref().unwrap_or(&[]).get(1..).unwrap_or(&[])
}

fn told_free(free: &[&Span]) -> String {
    let sizes: Vec<_> = free.iter().map(|span| bytes(span.len())).collect();
    match &sizes[..] {
        [] => "None.".to_owned(),
        [one] => format!("1, of {one}."),
        sizes => format!("{}: {}.", sizes.len(), sizes.join(", ")),
    }
}

fn told_chunks(chunks: &[Chunk]) -> String {
    let runs = chunks.chunk_by(|a, b| a.is_free && b.is_free);
    let names: Vec<_> = runs
        .map(|run| match run {
            [chunk] if chunk.is_free => "one that is free".to_owned(),
            [chunk] => format!("`{}`", chunk.owner),
            run => match amount::word(run.len()) {
                Some(count) => format!("{count} that are free"),
                None => format!("{} that are free", run.len()),
            },
        })
        .collect();
    match chunks.len() {
        0 => "None.".to_owned(),
        count => format!("{count}: {}.", names.join(", ")),
    }
}

/// The choices as they stand.
fn choose<const N: usize>(choices: [&str; N], right: usize) -> Choices {
    (choices.map(str::to_owned).to_vec(), right)
}

/// The numbers around those before and after a step.
fn around(right: usize, was: usize) -> Choices {
    let near = vec![was, was + 1, was.saturating_sub(1), right + 1];
    pick(right, near, |number| number.to_string())
}

/// The right one, and those that are nearest to it, in order.
fn pick(
    right: usize,
    mut candidates: Vec<usize>,
    written: impl Fn(usize) -> String,
) -> Choices {
    candidates.sort_unstable();
    candidates.dedup();
    candidates.retain(|&it| it != right);
    candidates.sort_by_key(|it| it.abs_diff(right));
    candidates.truncate(CHOICES - 1);
    candidates.push(right);
    candidates.sort_unstable();
    let at = candidates.iter().position(|&it| it == right).unwrap_or(0);
    (candidates.into_iter().map(written).collect(), at)
}

fn sentence(text: String) -> String {
    format!("{text}.")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|it| it.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}
