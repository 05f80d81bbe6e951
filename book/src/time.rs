//! How long a page takes: to read, and to do what it asks for.

use std::cell::RefCell;

use html5ever::buffer_queue::BufferQueue;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::Rawtext;
use html5ever::tokenizer::{
    Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use mdbook_markdown::pulldown_cmark::html::push_html;
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};

use crate::html::{EMPTY, has_class};
use crate::prose;

/// What is read on a page in which everything stands in its place. What is
/// folded is not: unchanged code, hints, solutions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Words of prose, in tables too.
    pub words: usize,
    /// Lines of code and of output that are not blank.
    pub lines: usize,
    /// Cells of tables.
    pub cells: usize,
    /// Steps of figures that play.
    pub steps: usize,
    /// Plots.
    pub plots: usize,
}

/// Seconds for each of them.
const SECONDS: Reading =
    Reading { words: 0, lines: 3, cells: 1, steps: 3, plots: 30 };

const WORDS_PER_MINUTE: usize = 200;

impl Reading {
    /// Counts what is to be read on a page in Markdown and HTML.
    pub fn of(markdown: &str) -> Self {
        let options = MarkdownOptions::default();
        let mut html = String::new();
        push_html(&mut html, new_cmark_parser(markdown, &options));
        let input = BufferQueue::default();
        input.push_back(StrTendril::from(html));
        let counter = Counter::default();
        let tokenizer = Tokenizer::new(counter, TokenizerOpts::default());
        let _ = tokenizer.feed(&input);
        tokenizer.end();
        tokenizer.sink.0.into_inner().reading
    }

    /// The minutes that it takes, one at least.
    pub fn minutes(self) -> usize {
        let seconds = (self.words * 60).div_ceil(WORDS_PER_MINUTE)
            + self.lines * SECONDS.lines
            + self.cells * SECONDS.cells
            + self.steps * SECONDS.steps
            + self.plots * SECONDS.plots;
        seconds.div_ceil(60).max(1)
    }
}

/// The minutes of the tasks on a page: `> **To do.** Ten minutes: …`
///
/// # Errors
///
/// The line of a task that does not say how long it takes.
pub fn of_tasks(markdown: &str) -> Result<usize, usize> {
    let passages = prose::passages(markdown);
    let tasks = passages.iter().filter_map(|passage| {
        let start = passage.bold.first().filter(|bold| bold.start == 0)?;
        (passage.text[start.clone()] == *"To do.").then(|| {
            let rest = passage.text[start.end..].trim_start();
            let spelled = rest.split_once(" minutes: ").map(|parts| parts.0);
            NUMBERS
                .iter()
                .find(|(name, _)| Some(*name) == spelled)
                .map(|(_, minutes)| minutes)
                .ok_or(passage.line(0))
        })
    });
    tasks.sum()
}

/// What a task may take.
const NUMBERS: [(&str, usize); 8] = [
    ("Five", 5),
    ("Ten", 10),
    ("Fifteen", 15),
    ("Twenty", 20),
    ("Thirty", 30),
    ("Forty", 40),
    ("Fifty", 50),
    ("Sixty", 60),
];

/// Minutes as a reader is told them: "8 min", "3 h 45 min".
pub fn told(minutes: usize) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// What an element means for the text in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Prose,
    Code,
    /// It is read in another way than word by word, or not at all.
    Nothing,
}

#[derive(Debug, Default)]
struct State {
    reading: Reading,
    // The elements around here, with what they mean.
    open: Vec<(String, Inside)>,
    // Text that is still to be counted.
    text: String,
}

#[derive(Debug, Default)]
struct Counter(RefCell<State>);

impl TokenSink for Counter {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let mut state = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => state.text.push_str(&text),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                state.start(&tag);
                if ["style", "script"].contains(&&*tag.name) {
                    return TokenSinkResult::RawData(Rawtext);
                }
            }
            Token::TagToken(tag) => state.end(&tag.name),
            Token::EOFToken => state.count_text(),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// What is looked at: figures, plots, and the line that this makes.
const UNREAD: [&str; 5] =
    ["heap-figure", "plot", "side-by-side", "faults", "length"];

/// Those that take a while all the same.
const PLOTS: [&str; 3] = ["plot", "side-by-side", "faults"];

/// Elements that part no word from the next.
const IN_LINE: [&str; 6] = ["span", "ins", "del", "b", "em", "code"];

impl State {
    fn inside(&self) -> Inside {
        self.open.last().map_or(Inside::Prose, |(_, inside)| *inside)
    }

    fn start(&mut self, tag: &Tag) {
        let name = &*tag.name;
        if !IN_LINE.contains(&name) {
            self.count_text();
        }
        let inside = match (self.inside(), name) {
            (Inside::Nothing, _) => Inside::Nothing,
            (_, "details" | "script" | "style" | "svg") => Inside::Nothing,
            (_, "pre") => Inside::Code,
            _ if UNREAD.iter().any(|class| has_class(tag, class)) => {
                Inside::Nothing
            }
            (inside, _) => inside,
        };
        let is_plot = PLOTS.iter().any(|class| has_class(tag, class));
        if self.inside() != Inside::Nothing && is_plot {
            self.reading.plots += 1;
        }
        if self.inside() == Inside::Prose && (name == "td" || name == "th") {
            self.reading.cells += 1;
        }
        if !self.open.iter().any(|(open, _)| open == "details") {
            let is_step = has_class(tag, "hf-picture");
            self.reading.steps += usize::from(is_step);
        }
        if !tag.self_closing && !EMPTY.contains(&name) {
            self.open.push((name.to_owned(), inside));
        }
    }

    fn end(&mut self, name: &str) {
        if !IN_LINE.contains(&name) {
            self.count_text();
        }
        if let Some(at) = self.open.iter().rposition(|(open, _)| open == name) {
            self.open.truncate(at);
        }
    }

    fn count_text(&mut self) {
        match self.inside() {
            Inside::Prose => self.reading.words += prose::words(&self.text),
            Inside::Code => {
                let lines = self.text.lines();
                let filled = lines.filter(|line| !line.trim().is_empty());
                self.reading.lines += filled.count();
            }
            Inside::Nothing => {}
        }
        self.text.clear();
    }
}
