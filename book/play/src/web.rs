//! What a page asks, and what it is answered.

use super::draw;
use super::heap::Setup;
use super::program::{self, Line};
use super::recording::{Frame, Kind, Operation, Recording};
use super::run;

/// Reads a request: the name of a heap, the room for its break and a step, and in the
/// lines below them a program.
///
/// # Errors
///
/// A sentence that says what is wrong with it.
pub fn read(request: &str) -> Result<(Setup, usize, Vec<Line>), String> {
    let (first, program) = request.split_once('\n').unwrap_or((request, ""));
    let number = |word: &str| {
        let number = word.parse::<usize>();
        number.map_err(|_| format!("`{word}` is no number"))
    };
    let words: Vec<&str> = first.split(' ').collect();
    let [name, room, step] = words[..] else {
        return Err(format!("`{first}` is not a heap, a room and a step"));
    };
    let setup = Setup::named(name, number(room)?)?;
    Ok((setup, number(step)?, program::parse(program)?))
}

/// Runs a program, and answers in parts with a zero between them: what is wrong
/// with it, if anything is; the picture after the step; what is said of that;
/// what the boxes mean; the lines, as the figures write them; what each of them
/// has returned; the names of the blocks in use; how many bytes its header has.
pub fn answer(setup: Setup, step: usize, lines: &[Line]) -> String {
    let came = match run::run(setup, lines, step) {
        Ok(came) => came,
        Err(why) => return why,
    };
    let Some((frame, before)) = came.frames.split_last() else {
        return String::new();
    };
    let before = before.last();
    let lists = came.lists.map_or(String::new(), |lists| lists.html());
    let written: Vec<String> = lines.iter().map(Line::to_string).collect();
    let outcome = |outcome: Option<_>| outcome.map(draw::text);
    let outcomes: Vec<String> = came
        .outcomes
        .into_iter()
        .map(|it| outcome(it).unwrap_or_default())
        .collect();
    [
        String::new(),
        draw::picture(frame, before) + &lists,
        draw::said(frame, before),
        draw::legend(&came.frames),
        written.join("\n"),
        outcomes.join("\n"),
        came.names.join("\n"),
        setup.header().to_string(),
    ]
    .join("\0")
}

/// What stands behind the address of the page to open a recording there: its
/// heap, the room for its break, and its program. Nothing if the program does
/// not do the same there: it may be a program of threads, or on a heap that is
/// no stage's.
pub fn fragment(recording: &Recording) -> Option<String> {
    let name = name(recording.heap.source)?;
    let room = recording.heap.room?;
    let setup = Setup::named(name, room).ok()?;
    let operations =
        recording.frames.iter().filter_map(|frame| frame.operation.as_ref());
    let mut lines = Vec::new();
    let mut outcomes = Vec::new();
    for Operation { code, result, .. } in operations {
        lines.push(program::parse_line(code).ok()?);
        outcomes.push(*result);
    }
    let (frames, came) = run::whole(setup, &lines).ok()?;
    let is_same = frames.len() == recording.frames.len()
        && frames.iter().zip(&recording.frames).all(|(ours, theirs)| {
            ours.used == theirs.used && pieces(ours) == pieces(theirs)
        });
    if came != outcomes || !is_same {
        return None;
    }
    let program: Vec<String> = lines.iter().map(Line::short).collect();
    Some(format!("{name}/{room}/{}", program.join(";")))
}

/// What of a picture has to be the same. What is said of a free block, and what
/// a block holds, may differ.
fn pieces(frame: &Frame) -> Vec<(usize, usize, Kind, &[String])> {
    let spans = frame.spans.iter();
    spans.map(|it| (it.start, it.end, it.kind, &it.owners[..])).collect()
}

/// What the heap with this code is called.
fn name(source: &str) -> Option<&str> {
    match source.strip_prefix("stage") {
        Some(stage) => Some(stage.split_once('-')?.0),
        None => source.strip_prefix("book/steps/")?.strip_suffix(".rs"),
    }
}
