//! What a page asks, and what it is answered.

use super::draw;
use super::heap::Setup;
use super::program::{self, Line};
use super::recording::{Operation, Recording};
use super::run;

/// Reads a request: a stage, the room for its break and a step, and in the
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
    let numbers = first.split(' ').map(number);
    let numbers = numbers.collect::<Result<Vec<usize>, String>>()?;
    let [stage, room, step] = numbers[..] else {
        return Err(format!("`{first}` is not a stage, a room and a step"));
    };
    let stage = u32::try_from(stage).unwrap_or(u32::MAX);
    Ok((Setup::new(stage, room)?, step, program::parse(program)?))
}

/// Runs a program, and answers in parts with a zero between them: what is wrong
/// with it, if anything is; the picture after the step; what is said of that;
/// what the boxes mean; the lines, as the figures write them; what each of them
/// has returned; the names of the blocks in use.
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
    ]
    .join("\0")
}

/// What stands behind the address of the page to open a recording there: its
/// stage, the room for its break, and its program. Nothing if the program does
/// not do the same there: it may be a program of threads, or on a heap that is
/// no stage's.
pub fn fragment(recording: &Recording) -> Option<String> {
    let stage = recording.heap.source.strip_prefix("stage")?;
    let (stage, _) = stage.split_once('-')?;
    let room = recording.heap.room?;
    let setup = Setup::new(stage.parse().ok()?, room).ok()?;
    let operations =
        recording.frames.iter().filter_map(|frame| frame.operation.as_ref());
    let mut lines = Vec::new();
    let mut outcomes = Vec::new();
    for Operation { code, result, .. } in operations {
        lines.push(program::parse_line(code).ok()?);
        outcomes.push(*result);
    }
    let came = run::run(setup, &lines, lines.len()).ok()?;
    let ends = [came.frames.last()?, recording.frames.last()?];
    let [ours, theirs] = ends.map(|frame| (frame.used, frame.in_use()));
    if came.outcomes != outcomes || ours != theirs {
        return None;
    }
    let program: Vec<String> = lines.iter().map(Line::short).collect();
    Some(format!("{stage}/{room}/{}", program.join(";")))
}
