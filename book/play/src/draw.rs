//! Draws a recording as HTML.
//!
//! All pictures are in the page, and the style sheet shows one of them. The
//! script `theme/figure.js` makes it a player, which asks before some of its
//! steps. Without it, and on paper, there is the picture before each of these
//! steps, and under it what is asked, with the answer behind a click; and the
//! list of operations with their notes.

use std::cmp::Ordering;

use super::amount;
use super::fields;
use super::question::{Question, question};
use super::recording::{
    Chunk, Frame, Kind, Outcome, Recording, Run, Span, address, fragmentation,
    free_bytes,
};
use super::web;

/// The whole figure, on one line: a blank line would end the HTML in Markdown.
pub fn figure(name: &str, title: &str, recording: &Recording) -> String {
    let (name, title) = (escape(name), prose(title));
    let pictures = pictures(recording);
    let words = words(recording);
    let asks = !recording.asks.is_empty();
    let controls = controls(recording.frames.len() - 1, asks);
    let operations = operations(recording);
    let legend = legend(&recording.frames);
    let heap = prose(&recording.heap.told);
    let try_it = web::fragment(recording).map_or(String::new(), |fragment| {
        format!(" data-try='{}'", escape(&fragment))
    });
    format!(
        "<figure class='heap-figure' data-scenario='{name}'{try_it}>\
         <figcaption>{title} <span class='hf-heap'>{heap}</span>\
         </figcaption>\
         <div class='hf-body'>\
         {pictures}{words}{controls}{operations}{legend}\
         <p class='hf-aloud' role='status' aria-live='polite'></p>\
         </div></figure>"
    )
}

/// The pictures, for the script to show one at a time.
fn pictures(recording: &Recording) -> String {
    let mut html = String::new();
    for (index, frame) in recording.frames.iter().enumerate() {
        let mut class = "hf-picture".to_owned();
        if index == recording.paper() {
            class += " is-still";
        }
        let next = index + 1;
        let asked = (next < recording.frames.len())
            .then(|| question(recording, next))
            .flatten();
        let asked = asked.map_or(String::new(), |asked| {
            class += " is-before";
            folded(next, &asked, recording)
        });
        let picture = picture(frame, recording.before(index));
        html += &format!(
            "<div class='{class}' data-step='{index}'>{picture}{asked}</div>"
        );
    }
    format!("<div class='hf-pictures'>{html}</div>")
}

/// The heap from its start up, with the break on top.
pub fn picture(frame: &Frame, before: Option<&Frame>) -> String {
    if let Some(drawn) = &frame.drawn {
        return drawn.html.clone();
    }
    let spans: String =
        frame.spans.iter().map(|span| row(span, before)).collect();
    let end = match frame.mapped {
        Some(_) => String::new(),
        None => the_break(frame, before),
    };
    let chunks = frame.chunks.as_ref().map_or(String::new(), |chunks| {
        let before = before.and_then(|before| before.chunks.as_deref());
        array(chunks, before.unwrap_or(&[]))
    });
    let was = before.map_or(&[][..], |before| &before.fields);
    let fields = fields::html(&frame.fields, was);
    let counters = counters(frame);
    format!(
        "<ol class='hf-memory' aria-label='The heap, from its start up'>\
         {spans}{end}\
         <li class='hf-beyond'><span>not ours</span></li>\
         </ol>{chunks}{fields}{counters}"
    )
}

/// The end of the heap.
fn the_break(frame: &Frame, before: Option<&Frame>) -> String {
    let at = address(frame.used);
    let moved = match moved(frame, before) {
        (Ordering::Equal, _) => String::new(),
        (Ordering::Greater, by) => tag(&format!("▲ {by}")),
        (Ordering::Less, by) => tag(&format!("▼ {by}")),
    };
    format!(
        "<li class='hf-break'><span class='hf-at'>{at}</span> \
         <span class='hf-line'>the break{moved}</span></li>"
    )
}

/// The heap's array of chunks, as high as it is used, its top above.
fn array(chunks: &[Chunk], before: &[Chunk]) -> String {
    let rows: String = (0..chunks.len())
        .rev()
        .map(|index| {
            let is_new = before.get(index) != Some(&chunks[index]);
            let is_top = index + 1 == chunks.len();
            entry(index, &chunks[index], is_new, is_top)
        })
        .collect();
    let empty = "<tr><td colspan='5'>no chunk yet</td></tr>";
    let rows = if chunks.is_empty() { empty } else { &rows };
    let heads = ["place", "chunk", "start", "end", "free"]
        .map(|head| format!("<th scope='col'>{head}</th>"))
        .concat();
    format!(
        "<table class='hf-chunks'><caption>the stack of chunks</caption>\
         <thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )
}

fn entry(index: usize, chunk: &Chunk, is_new: bool, is_top: bool) -> String {
    let mut class = String::from(if chunk.is_free { "is-free" } else { "" });
    class += if is_new { " is-new" } else { "" };
    class += if is_top { " is-top" } else { "" };
    let top = if is_top { "top" } else { "" };
    let owner = escape(&chunk.owner);
    let start = chunk.start.map_or("null".to_owned(), address);
    let (end, is_free) = (address(chunk.end), chunk.is_free);
    format!(
        "<tr class='{class}'><th scope='row'>{top} {index}</th><td><b>{owner}</b></td>\
         <td>{start}</td><td>{end}</td><td>{is_free}</td></tr>"
    )
}

/// One span: its address, and a box that says what it is.
fn row(span: &Span, before: Option<&Frame>) -> String {
    let mut class = class(span);
    let mut change = String::new();
    if let Some(before) = before
        && !was_there(span, before)
    {
        class += " is-new";
        change = what_happened(span, before).map_or(String::new(), tag);
    }
    let height = height(span);
    let at = address(span.start);
    let name = name(span);
    let size = bytes(span.len());
    let runs = runs(&span.holds);
    format!(
        "<li class='hf-span {class}' style='--height:{height}'>\
         <span class='hf-at'>{at}</span> \
         <span class='hf-box'>{name}{change} \
         <span class='hf-size'>{size}</span>{runs}</span></li>"
    )
}

/// How high a box is, in pixels. Bytes count, but a hundred times as many may
/// not take a hundred times the room; and headers are many.
fn height(span: &Span) -> u32 {
    let root = (span.len() as f64).sqrt();
    let height = match span.kind {
        Kind::Header => 10.0 + 2.0 * root,
        _ => 20.0 + 2.6 * root,
    };
    height.min(96.0).round() as u32
}

fn class(span: &Span) -> String {
    let kind = class_of(span.kind);
    let shared = if span.owners.len() > 1 { " is-shared" } else { "" };
    format!("{kind}{shared}")
}

pub(crate) fn class_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Payload => "is-payload",
        Kind::Foreign => "is-foreign",
        Kind::Header => "is-header",
        Kind::Free => "is-free",
        Kind::Leaked => "is-leaked",
        Kind::Padding => "is-padding",
    }
}

fn name(span: &Span) -> String {
    let owners = escape(&span.owners.join(" = "));
    let label = escape(&span.label);
    match span.kind {
        Kind::Payload => format!("<b>{owners}</b>"),
        Kind::Leaked => format!("<span><s>{owners}</s> lost</span>"),
        Kind::Foreign => "<span>somebody else’s</span>".to_owned(),
        Kind::Header if label.is_empty() => "<span>header</span>".to_owned(),
        Kind::Header => format!("<span>{label}</span>"),
        Kind::Free if label.is_empty() => "<span>free</span>".to_owned(),
        Kind::Free => format!("<span>free: {label}</span>"),
        Kind::Padding if label.is_empty() => "<span>padding</span>".to_owned(),
        Kind::Padding => format!("<span>{label}</span>"),
    }
}

/// Whether a span was as it is. What is said of it may have changed.
fn was_there(span: &Span, before: &Frame) -> bool {
    let label = &span.label;
    before.spans.iter().any(|was| {
        let was = Span { label: label.clone(), ..was.clone() };
        was == *span
    })
}

/// How a span has come about, in a word, if it was not there before.
pub(crate) fn change(span: &Span, before: &Frame) -> Option<&'static str> {
    let is_new = !was_there(span, before);
    is_new.then(|| what_happened(span, before)).flatten()
}

/// How a span has come about, in a word.
fn what_happened(span: &Span, before: &Frame) -> Option<&'static str> {
    let same = || before.spans.iter().filter(|was| was.kind == span.kind);
    let was = same().find(|was| was.start == span.start);
    match span.kind {
        Kind::Payload => Some(match was {
            None => "new",
            Some(was) if was.owners.len() < span.owners.len() => "two owners",
            Some(was) => match span.len().cmp(&was.len()) {
                Ordering::Less => "shrunk",
                Ordering::Equal => "written",
                Ordering::Greater => "grown",
            },
        }),
        Kind::Foreign => Some("new"),
        Kind::Leaked => Some("freed"),
        Kind::Free => Some(match same().find(|was| was.overlaps(span)) {
            // What came with the break, and nobody has had.
            None if span.start >= before.used => "the rest",
            None => "freed",
            Some(was) if was.len() < span.len() => "joined",
            Some(_) => "the rest",
        }),
        // There are many. A mark on the edge is enough.
        Kind::Header | Kind::Padding => None,
    }
}

/// What a block holds, each run as wide as it is long.
fn runs(holds: &[Run]) -> String {
    if holds.is_empty() {
        return String::new();
    }
    let run = |run: &Run| {
        let Run { byte, count } = run;
        let letter = match byte {
            0 => "0".to_owned(),
            byte if byte.is_ascii() => char::from(*byte).to_string(),
            byte => format!("0x{byte:X}"),
        };
        let letter = escape(&letter);
        format!(
            "<span class='hf-run' style='flex-grow:{count}'>\
             {} × {letter}</span>",
            amount::number(*count as u128)
        )
    };
    let runs: String = holds.iter().map(run).collect();
    format!("<span class='hf-runs'>{runs}</span>")
}

fn counters(frame: &Frame) -> String {
    let (below, used) = match frame.mapped {
        Some(mapped) => ("mapped", bytes(mapped)),
        None => ("below the break", bytes(frame.used)),
    };
    let in_use = amount::number(frame.in_use() as u128);
    let calls = match frame.calls {
        Some(1) => " <span><b>1</b> kernel call</span>".to_owned(),
        Some(calls) => format!(" <span><b>{calls}</b> kernel calls</span>"),
        None => String::new(),
    };
    let fragmentation = share(frame).unwrap_or_default();
    format!(
        "<p class='hf-counters'>\
         <span><b>{used}</b> {below}</span> \
         <span><b>{in_use}</b> in use</span>{calls}{fragmentation}</p>"
    )
}

/// The share of what is free that is not in the largest piece, and how it is
/// worked out. Nothing if nothing is free, or if the figure is not about that.
fn share(frame: &Frame) -> Option<String> {
    let spans = frame.tells_fragmentation.then_some(&frame.spans)?;
    let share = fragmentation(spans)?;
    let [largest, all] =
        free_bytes(spans)?.map(|bytes| amount::number(bytes as u128));
    Some(format!(
        " <span>fragmentation <b>{share}</b>: 1 − {largest} / {all}</span>"
    ))
}

/// What is said about each picture.
fn words(recording: &Recording) -> String {
    let mut html = String::new();
    for (index, frame) in recording.frames.iter().enumerate() {
        let said = said(frame, recording.before(index));
        html += &format!(
            "<p class='hf-said' data-step='{index}'>\
             <span class='hf-verdict'></span>{said}</p>"
        );
        html += &question(recording, index)
            .map_or(String::new(), |question| asked(index, &question));
    }
    format!("<div class='hf-words' hidden>{html}</div>")
}

/// A question, and a button for each choice.
pub fn asked(index: usize, question: &Question) -> String {
    let choices: String = (0..)
        .zip(&question.choices)
        .map(|(choice, text)| {
            let text = prose(text);
            format!(
                "<li><button type='button' data-choice='{choice}'>{text}\
                 </button></li>"
            )
        })
        .collect();
    let (text, answer) = (prose(&question.text), prose(&question.answer));
    let right = question.right;
    format!(
        "<div class='hf-ask' data-ask='{index}' data-right='{right}'>\
         <p>{text}</p><ol class='hf-choices'>{choices}</ol>\
         <p class='hf-answer' hidden>{answer}</p></div>"
    )
}

/// What is asked before a step, where nothing moves: the answer behind a click,
/// and with it the picture that the figure is about.
fn folded(index: usize, question: &Question, recording: &Recording) -> String {
    let frame = &recording.frames[index];
    let (text, answer) = (prose(&question.text), prose(&question.answer));
    let note = prose(&frame.note);
    let picture = match index == recording.main_step() {
        true => after(recording),
        false => String::new(),
    };
    format!(
        "<details class='hf-asked'><summary>{index}. {text}</summary>\
         <p>{answer} {note}</p>{picture}</details>"
    )
}

/// The picture after the step that the figure is about.
fn after(recording: &Recording) -> String {
    let index = recording.main_step();
    let frame = &recording.frames[index];
    let picture = picture(frame, recording.before(index));
    format!("<div class='hf-after'>{picture}</div>")
}

/// The questions of a figure with their answers, for the back of the book: a
/// list, and the picture after the step that matters.
pub fn answers(recording: &Recording) -> String {
    let answers: String = (1..recording.frames.len())
        .filter_map(|index| question(recording, index))
        .map(|question| {
            let (text, answer) =
                (prose(&question.text), prose(&question.answer));
            format!("<li>{text} <b>{answer}</b></li>")
        })
        .collect();
    let operation = recording.frames[recording.main_step()].operation.as_ref();
    let when = operation.map_or(String::new(), |operation| {
        let code = escape(operation.code.trim());
        format!(
            "<p class='hf-when'>After line {}, <code>{code}</code>:</p>",
            recording.main_step()
        )
    });
    let after = after(recording);
    format!(
        "<div class='heap-figure hf-answers'><ol>{answers}</ol>{when}{after}\
         </div>"
    )
}

/// What happened, as the run itself tells it, then the note.
pub fn said(frame: &Frame, before: Option<&Frame>) -> String {
    let told = prose(&told(frame, before));
    let Some(operation) = &frame.operation else { return told };
    let code = escape(&operation.code);
    format!("<b class='hf-code'>{code}</b>{told}")
}

/// What happened, behind the line that did it.
pub(crate) fn told(frame: &Frame, before: Option<&Frame>) -> String {
    let Some(operation) = &frame.operation else {
        if frame.drawn.is_some() {
            return frame.note.clone();
        }
        if frame.mapped.is_some() {
            return "Nothing is mapped.".to_owned();
        }
        let at = address(frame.used);
        return format!("The empty heap. The break stands at its start, {at}.");
    };
    let result = match operation.result {
        Some(Outcome::Waits) => " waits.".to_owned(),
        Some(outcome) => format!(" gives {}.", text(outcome)),
        None => ".".to_owned(),
    };
    let brk = match moved(frame, before) {
        _ if frame.mapped.is_some() || frame.drawn.is_some() => String::new(),
        (Ordering::Equal, _) => "The break stays.".to_owned(),
        (Ordering::Greater, by) => format!("The break rises by {by}."),
        (Ordering::Less, by) => format!("The break falls by {by}."),
    };
    format!("{result} {brk} {}", frame.note)
}

/// The buttons, hidden until the script makes them work.
pub fn controls(last: usize, asks: bool) -> String {
    let buttons = [
        button("first", "First", "M3.5 3v10M12.5 3l-5 5 5 5"),
        button("back", "Back", "M10.5 3l-5 5 5 5"),
        button("play", "Play", "M4.5 2.5v11l8.5-5.5z"),
        button("step", "Step", "M5.5 3l5 5-5 5"),
        button("last", "Last", "M3.5 3l5 5-5 5M12.5 3v10"),
    ]
    .concat();
    let asks = match asks {
        false => "",
        true => {
            "<label class='hf-asks'><input type='checkbox' checked> Ask me\
             </label>"
        }
    };
    format!(
        "<div class='hf-controls' hidden>\
         <span class='hf-buttons'>{buttons}</span>\
         <input type='range' min='0' max='{last}' value='0' \
         aria-label='Step'>\
         <output class='hf-count'>0 / {last}</output>\
         <label class='hf-speed'>Speed <select>\
         <option value='0.5'>½ ×</option>\
         <option value='1' selected>1 ×</option>\
         <option value='2'>2 ×</option>\
         </select></label>{asks}</div>"
    )
}

/// A button with a drawing on it, whose strokes are `path`.
fn button(action: &str, label: &str, path: &str) -> String {
    format!(
        "<button type='button' data-do='{action}' title='{label}' \
         aria-label='{label}'>\
         <svg viewBox='0 0 16 16' aria-hidden='true'><path d='{path}'/></svg>\
         </button>"
    )
}

/// The program: its lines, in columns if more than one thread runs it.
fn operations(recording: &Recording) -> String {
    let lanes = &recording.lanes;
    let lines: String =
        (1..recording.frames.len()).map(|at| line(at, recording)).collect();
    if lanes.is_empty() {
        return format!("<ol class='hf-operations'>{lines}</ol>");
    }
    let heads: String = lanes
        .iter()
        .map(|lane| format!("<li class='hf-lane'>{}</li>", escape(lane)))
        .collect();
    let columns = lanes.len();
    format!(
        "<ol class='hf-operations has-lanes' style='--columns:{columns}'>\
         {heads}{lines}</ol>"
    )
}

/// The operation before the picture at `index`.
fn line(index: usize, recording: &Recording) -> String {
    let frame = &recording.frames[index];
    let Some(operation) = &frame.operation else {
        return String::new();
    };
    let code = escape(&operation.code);
    let lane = recording.lanes.get(operation.lane);
    let who = lane.map_or(String::new(), |name| {
        format!("<span class='hf-who'>{}</span> ", escape(name))
    });
    // In columns, the first row is for the names of the threads.
    let (row, lane) = (index + 1, operation.lane + 1);
    let result = operation.result.map_or(String::new(), |outcome| {
        format!(" <span class='hf-result'>{}</span>", text(outcome))
    });
    let question = question(recording, index);
    let mut note = match &question {
        Some(_) => String::new(),
        None => prose(&frame.note),
    };
    if recording.is_pictured(index) {
        note = format!("<span class='hf-pictured'>pictured</span> {note}");
    }
    if !note.is_empty() {
        note = format!(" <span class='hf-note'>{note}</span>");
    }
    let class = if question.is_some() { " class='is-asked'" } else { "" };
    format!(
        "<li{class} data-step='{index}' style='--row:{row};--lane:{lane}'>\
         <span class='hf-step'><span class='hf-number'>{index}</span> \
         {who}<span class='hf-code'>{code}</span>{result}</span>{note}</li>"
    )
}

/// What the boxes mean: those that there are.
pub fn legend(frames: &[Frame]) -> String {
    if frames.iter().all(|frame| frame.drawn.is_some()) {
        return String::new();
    }
    let spans = || frames.iter().flat_map(|frame| &frame.spans);
    let is_there = |kind, label: &str| {
        spans().any(|span| span.kind == kind && span.label == label)
    };
    // A box may have a name of its own, and is not what it is called elsewhere.
    let header = match is_there(Kind::Header, "record") {
        true => "record, or a segment’s own words",
        false => "header",
    };
    let is_padding = |span: &&Span| span.kind == Kind::Padding;
    let padding =
        match spans().filter(is_padding).all(|span| span.label.is_empty()) {
            true => "padding, asked for by nobody",
            false => "asked for by nobody",
        };
    let mut keys = String::new();
    for (its, meaning) in [
        ("is-payload", "in use"),
        ("is-payload is-shared", "two owners"),
        ("is-header", header),
        ("is-padding", padding),
        ("is-free", "free"),
        ("is-leaked", "lost: freed, and not used again"),
        ("is-foreign", "somebody else’s"),
    ] {
        if spans().any(|span| class(span) == its) {
            keys += &key(its, meaning);
        }
    }
    let is_mapped = frames.iter().any(|it| it.mapped.is_some());
    let beyond =
        if is_mapped { "not ours" } else { "above the break, not ours" };
    keys += &key("is-beyond", beyond);
    format!("<ul class='hf-legend'>{keys}</ul>")
}

/// A kind of box, and what it means.
pub fn key(class: &str, meaning: &str) -> String {
    format!("<li class='{class}'><span class='hf-box'></span>{meaning}</li>")
}

fn tag(text: &str) -> String {
    format!(" <span class='hf-tag'>{text}</span>")
}

/// Which way the break has moved, and how far.
fn moved(frame: &Frame, before: Option<&Frame>) -> (Ordering, String) {
    let old = before.map_or(frame.used, |before| before.used);
    (frame.used.cmp(&old), bytes(frame.used.abs_diff(old)))
}

pub fn text(outcome: Outcome) -> String {
    match outcome {
        Outcome::Address(offset) => address(offset),
        Outcome::Null => "null".to_owned(),
        Outcome::Waits => "waits".to_owned(),
    }
}

pub(crate) fn bytes(count: usize) -> String {
    match count {
        1 => "1 byte".to_owned(),
        _ => format!("{} bytes", amount::number(count as u128)),
    }
}

/// A note as HTML. What stands in backticks is code.
pub fn prose(note: &str) -> String {
    let mut html = String::new();
    for (index, part) in note.split('`').enumerate() {
        html += &match index % 2 {
            0 => escape(&part.replace('\'', "’")),
            _ => format!("<code>{}</code>", escape(part)),
        };
    }
    // A line may end after an ellipsis, but not in an address.
    html.replace("0x…", "0x…\u{2060}")
}

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\'', "&#39;")
}
