//! The page *Try it*: a heap that the reader plays with.
//!
//! In the page lies the program `book/play/examples/page.rs`, compiled for a
//! browser and compressed: a committed file, so that nobody needs a compiler for
//! one. The
//! script `theme/try.js` runs it. Without the script there is a still picture.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use miniz_oxide::deflate::compress_to_vec;
use play::heap::{ROOM, Setup};
use play::{amount, draw, program, run, web};

use crate::figure;
use crate::html::escape;

/// The compiled program, from the folder of the book.
pub const PROGRAM: &str = "play/page.wasm";

/// How much trouble is taken to make it small.
const BEST: u8 = 10;

/// How recorded programs begin, from the folder of the book: a line each, with a
/// title, a tab, and what stands in the address of the page.
pub const RECORDED: &str = "play/recorded.txt";

/// What stands on the page at first.
const FIRST: &str = "a = malloc(100)\nb = malloc(200)\nfree(a)\nc = malloc(40)";

/// The stage whose heap that is.
const STAGE: u32 = 3;

/// What is shown besides the figures of the book.
const EXAMPLES: [(&str, &str); 3] = [
    (
        "A block that is freed twice",
        "3/8388608/a=malloc(64);b=malloc(64);free(a);free(a)",
    ),
    ("A pointer that is no block’s", "2/8388608/a=malloc(64);free(a+16)"),
    (
        "The break is refused",
        "5/8388608/a=malloc(100);refuse(2);b=malloc(100000);c=malloc(100)",
    ),
];

/// The page's HTML, for the book in `folder`.
///
/// # Errors
///
/// There is no compiled program, or the heap does not run.
pub fn render(folder: &Path) -> Result<String, String> {
    let program = fs::read(folder.join(PROGRAM))
        .map_err(|error| format!("cannot read {PROGRAM}: {error}"))?;
    let program = BASE64_STANDARD.encode(compress_to_vec(&program, BEST));
    let recorded = fs::read_to_string(folder.join(RECORDED))
        .map_err(|error| format!("cannot read {RECORDED}: {error}"))?;
    let first = escape(FIRST);
    let still = still()?;
    let (setup, quick) = (controls_of_setup(&recorded), QUICK);
    Ok(format!(
        "<div class='heap-figure try' data-program='{first}' \
         data-stage='{STAGE}' data-room='{ROOM}'>\
         {setup}{quick}\
         <p class='try-complaint' role='alert' hidden></p>\
         {still}\
         <script type='text/plain' class='try-heaps'>{program}</script>\
         </div>"
    ))
}

/// The picture that stands there until the script runs, and on paper.
fn still() -> Result<String, String> {
    let lines = program::parse(FIRST)?;
    let came = run::run(Setup::new(STAGE, ROOM)?, &lines, lines.len())?;
    let (frame, before) =
        came.frames.split_last().ok_or("a run has no picture")?;
    let picture = draw::picture(frame, before.last());
    let lists = came.lists.map_or(String::new(), |lists| lists.html());
    let said = draw::said(frame, before.last());
    let legend = draw::legend(&came.frames);
    let operations: String = lines
        .iter()
        .zip(&came.outcomes)
        .enumerate()
        .map(|(index, (line, outcome))| {
            let (number, line) = (index + 1, escape(&line.to_string()));
            let outcome = outcome.map_or(String::new(), draw::text);
            format!(
                "<li><span class='hf-step'>\
                 <span class='hf-number'>{number}</span> \
                 <span class='hf-code'>{line}</span> \
                 <span class='hf-result'>{outcome}</span></span></li>"
            )
        })
        .collect();
    Ok(format!(
        "<div class='try-body'>\
         <div class='try-program'>\
         <ol class='hf-operations'>{operations}</ol></div>\
         <div class='try-panes'><section class='try-pane'>\
         <h2>Stage {STAGE}</h2>\
         <div class='hf-picture is-still'>{picture}{lists}</div>\
         <p class='hf-said'>{said}</p></section></div>\
         <div class='try-steps' hidden>\
         <button type='button' data-try='back'>Back</button>\
         <button type='button' data-try='step'>Step</button>\
         <input type='range' min='0' max='0' value='0' aria-label='Step'>\
         <output></output></div>\
         <div class='try-meaning'>{legend}</div></div>"
    ))
}

/// Which heap, and what to open on it.
fn controls_of_setup(recorded: &str) -> String {
    let heaps: String = Setup::names()
        .iter()
        .map(|(name, told)| {
            let header = header(name);
            format!("<option value='{name}'{header}>{}</option>", escape(told))
        })
        .collect();
    let first = heaps.clone();
    let second = format!("<option value=''>nothing</option>{heaps}");
    let rooms: String = [4096, 10 * 4096, ROOM]
        .map(|room| {
            let told = amount::size(room);
            format!("<option value='{room}'>{told}</option>")
        })
        .concat();
    let figures = figure::names().into_iter().filter_map(|name| {
        let fragment = web::fragment(&figure::record(name)?)?;
        Some((figure::title(name)?, fragment))
    });
    let examples =
        EXAMPLES.map(|(title, fragment)| (title, fragment.to_owned()));
    let recorded = recorded.lines().filter_map(|line| {
        let (title, fragment) = line.split_once('\t')?;
        Some((title, fragment.to_owned()))
    });
    let options = [
        group("Examples", examples.into_iter()),
        group("Figures", figures),
        group("A real program begins", recorded),
    ]
    .concat();
    format!(
        "<p class='try-setup' hidden>\
         <label>The heap of <select data-try='first'>{first}</select></label> \
         <label>beside it <select data-try='second'>{second}</select></label> \
         <label>the break may rise by \
         <select data-try='room'>{rooms}</select></label> \
         <label>open <select data-try='open'>\
         <option value=''>a figure, an example, a program</option>{options}\
         </select></label> \
         <label>or a recording of yours, <code>.rep</code> or \
         <code>.trace</code> \
         <input type='file' accept='.rep,.trace' data-try='file'></label></p>"
    )
}

/// How many bytes the header of a heap has on a machine of 64 bits: of this one,
/// if it is such a machine. In a browser it may have less.
fn header(name: &str) -> String {
    let setup = Setup::named(name, ROOM).ok();
    let header = setup.filter(|_| size_of::<usize>() == 8).map(Setup::header);
    header.map_or(String::new(), |it| format!(" data-header='{it}'"))
}

/// What can be opened, under a heading.
fn group<'t>(
    heading: &str,
    programs: impl Iterator<Item = (&'t str, String)>,
) -> String {
    let options: String = programs
        .map(|(title, fragment)| {
            let (title, fragment) = (escape(title), escape(&fragment));
            format!("<option value='{fragment}'>{title}</option>")
        })
        .collect();
    format!("<optgroup label='{heading}'>{options}</optgroup>")
}

/// What can be typed and clicked.
const QUICK: &str = "\
<form class='try-line' hidden>\
<label>A line of the program \
<input type='text' autocomplete='off' autocapitalize='off' spellcheck='false' \
placeholder='a = malloc(100)'></label> \
<button type='submit'>Run</button> \
<button type='button' data-try='undo'>Undo</button> \
<button type='button' data-try='reset'>Start again</button>\
</form>\
<p class='try-quick' hidden></p>\
<details class='try-whole' hidden><summary>The whole program</summary>\
<label>A line for each operation \
<textarea rows='8' spellcheck='false'></textarea></label> \
<button type='button' data-try='whole'>Run all</button> \
<a data-try='link' href='#'>A link to this heap</a></details>";
