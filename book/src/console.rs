//! The commands that a page prints for its reader, and what it says of them.
//!
//! They stand in blocks of the language `sh`. What is to be known about a block
//! stands behind that word, and is shown above the block:
//!
//! ````text
//! ```sh needs=glibc,redis-server takes=2min
//! cargo run --release -p timing --example real_programs
//! ```
//! ````
//!
//! - `needs=glibc,cc`: programs that not everybody has. `glibc` is Linux with
//!   that library.
//! - `takes=40s`, `takes=2min`: about how long it takes, the first time.
//! - `fails`: it ends with an error, and has to.
//! - `by-hand=it-opens-a-browser`: no machine can do it, and why.
//!
//! A file of captured output says the same in a line of its own, `# notes: `.

use mdbook_markdown::pulldown_cmark::{CodeBlockKind, Event, Tag};
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};

use crate::html::{self, escape};

/// What a page says of its commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// The programs that it needs, `glibc` for a system that has it.
    pub needs: Vec<String>,
    /// About how many seconds it takes.
    pub takes: Option<u64>,
    /// Whether it ends with an error.
    pub fails: bool,
    /// Why only a reader can do it.
    pub by_hand: Option<String>,
}

/// A block of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Console {
    /// The line of the page on which it begins.
    pub line: usize,
    /// What stands behind the language, as it is written.
    pub notes: String,
    /// Its commands, each on one line.
    pub commands: Vec<String>,
}

impl Notes {
    /// Reads notes.
    ///
    /// # Errors
    ///
    /// What to write instead, as a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut notes = Self::default();
        for word in text.split_whitespace() {
            match word.split_once('=').unwrap_or((word, "")) {
                ("fails", "") => notes.fails = true,
                ("needs", programs) if !programs.is_empty() => {
                    notes.needs.extend(programs.split(',').map(str::to_owned));
                }
                ("takes", time) => notes.takes = Some(seconds(time)?),
                ("by-hand", why) if !why.is_empty() => {
                    notes.by_hand = Some(why.replace('-', " "));
                }
                _ => {
                    return Err(format!(
                        "a command has no note `{word}`. There are: \
                         `needs=glibc,cc`, `takes=40s`, `takes=2min`, `fails`, \
                         `by-hand=why-it-is`"
                    ));
                }
            }
        }
        Ok(notes)
    }

    /// The line above the command, if there is something to say.
    pub fn html(&self) -> Option<String> {
        let mut said = Vec::new();
        if !self.needs.is_empty() {
            let needs: Vec<_> = self.needs.iter().map(|it| need(it)).collect();
            said.push(format!("needs {}", needs.join(", ")));
        }
        if let Some(seconds) = self.takes {
            said.push(format!("takes about {}", time(seconds)));
        }
        if self.fails {
            said.push("ends with an error".to_owned());
        }
        if let Some(why) = &self.by_hand {
            said.push(format!("by hand: {}", escape(why)));
        }
        let said = said.join(" · ");
        (!said.is_empty()).then(|| format!("<p class=\"notes\">{said}</p>"))
    }
}

fn need(program: &str) -> String {
    match program {
        "glibc" => "Linux with glibc".to_owned(),
        _ => format!("<code>{}</code>", escape(program)),
    }
}

fn seconds(time: &str) -> Result<u64, String> {
    let (number, unit) = match time.strip_suffix("min") {
        Some(number) => (number, 60),
        None => (time.strip_suffix('s').unwrap_or_default(), 1),
    };
    let number: Result<u64, _> = number.parse();
    number
        .map(|number| number * unit)
        .map_err(|_| format!("a command takes `40s` or `2min`, not `{time}`"))
}

fn time(seconds: u64) -> String {
    match usize::try_from(seconds).unwrap_or(usize::MAX) {
        seconds if seconds % 60 == 0 => html::count(seconds / 60, "minute"),
        seconds => html::count(seconds, "second"),
    }
}

/// The blocks of commands on a page.
pub fn blocks(markdown: &str) -> Vec<Console> {
    let mut blocks: Vec<Console> = Vec::new();
    let mut inside = None;
    let options = MarkdownOptions::default();
    for (event, range) in
        new_cmark_parser(markdown, &options).into_offset_iter()
    {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                let (language, notes) =
                    info.split_once(char::is_whitespace).unwrap_or((&info, ""));
                let line = markdown[..range.start].matches('\n').count() + 1;
                inside = (language == "sh")
                    .then(|| (line, notes.trim().to_owned(), String::new()));
            }
            Event::Text(text) => {
                if let Some((_, _, block)) = &mut inside {
                    *block += &text;
                }
            }
            Event::End(_) => {
                if let Some((line, notes, text)) = inside.take() {
                    let commands = commands(&text);
                    blocks.push(Console { line, notes, commands });
                }
            }
            _ => {}
        }
    }
    blocks
}

/// The commands of a block. One that goes on behind a backslash is put together
/// as a shell does it.
fn commands(block: &str) -> Vec<String> {
    let whole = block.replace("\\\n", "");
    let lines = whole.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}
