//! What the search of the book finds: its prose.
//!
//! mdBook's index has the text of every figure and listing, and for each word a
//! list of the places where it stands: several megabytes. Here it gives way to
//! the prose alone, of which the browser makes those lists when somebody
//! searches. (A book that mdBook builds by itself keeps the index that it has.)

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use html5ever::buffer_queue::BufferQueue;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::Rawtext;
use html5ever::tokenizer::{
    Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use serde_json::{Value, json};

use crate::html::{EMPTY, attribute, has_class};

/// What comes before the JSON in the script that is the index.
pub const START: &str = "window.search = Object.assign(window.search, (() => {
    const search = ";

/// What comes behind it.
pub const END: &str = ";
    // mdBook loads an index that is made. This one is made here.
    search.index = elasticlunr(function () {
        this.setRef(\"id\");
        [\"title\", \"body\", \"breadcrumbs\"].forEach((it) => this.addField(it));
        for (const [id, [title, body, breadcrumbs]] of search.docs.entries()) {
            this.addDoc({ id: String(id), title, body, breadcrumbs });
        }
    }).toJSON();
    return search;
})());
";

/// Writes the index of the built book in `folder` anew.
///
/// # Errors
///
/// A file that cannot be read, or an index of another form.
pub fn shorten(folder: &Path) -> Result<()> {
    let Some(path) = index_in(folder)? else { return Ok(()) };
    let shorten = || {
        let script = fs::read_to_string(&path)?;
        let index = parse(&script).context("it has another form")?;
        let index = with_prose(index, folder)?;
        Ok(fs::write(&path, format!("{START}{index}{END}"))?)
    };
    shorten().map_err(|error: anyhow::Error| {
        error.context(format!("cannot shorten {}", path.display()))
    })
}

/// The index of the built book in `folder`. The name of the file has a hash in
/// it.
fn index_in(folder: &Path) -> Result<Option<PathBuf>> {
    let files = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let mut names = files.into_iter().map(|file| file.path());
    Ok(names.find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("searchindex") && name.ends_with(".js")
    }))
}

/// The JSON in a script of mdBook, where it stands in single quotes.
fn parse(script: &str) -> Option<Value> {
    let (_, json) = script.split_once("JSON.parse('")?;
    let (json, _) = json.rsplit_once("')")?;
    let json = json.replace("\\'", "'").replace("\\\\", "\\");
    serde_json::from_str(&json).ok()
}

/// The index with the prose of each section, and with each word of the list of
/// words.
fn with_prose(mut index: Value, folder: &Path) -> Result<Value> {
    let texts = index["index"].take()["documentStore"]["docs"].take();
    let urls = index["doc_urls"].take();
    let urls: Vec<String> = serde_json::from_value(urls)?;
    let mut pages = BTreeMap::new();
    let (mut all_urls, mut docs) = (Vec::new(), Vec::new());
    for (number, url) in urls.into_iter().enumerate() {
        let doc = &texts[number.to_string()];
        let [title, breadcrumbs] =
            ["title", "breadcrumbs"].map(|name| doc[name].as_str());
        let (Some(title), Some(breadcrumbs)) = (title, breadcrumbs) else {
            return Err(anyhow!("it has no text for {url}"));
        };
        let (page, id) = url.split_once('#').unwrap_or((&url, ""));
        if !pages.contains_key(page) {
            let html = fs::read_to_string(folder.join(page))?;
            pages.insert(page.to_owned(), sections(&html));
        }
        let sections = &pages[page];
        let of_id = sections.iter().position(|it| it.id == id && !it.is_word);
        let Some(at) = of_id else {
            return Err(anyhow!("there is no section {url}"));
        };
        docs.push(json!([title, sections[at].text(), breadcrumbs]));
        let words = sections[at + 1..].iter().take_while(|it| it.is_word);
        let words: Vec<_> = words.collect();
        all_urls.push(url.clone());
        for word in words {
            let breadcrumbs = format!("{breadcrumbs} » {}", word.title);
            docs.push(json!([word.title, word.text(), breadcrumbs]));
            all_urls.push(format!("{page}#{}", word.id));
        }
    }
    index["doc_urls"] = json!(all_urls);
    index["docs"] = json!(docs);
    Ok(index)
}

/// A part of a page: from a heading to the next, or a word with what is said of
/// it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Section {
    id: String,
    is_word: bool,
    /// Of a word: what it is.
    title: String,
    prose: String,
}

impl Section {
    fn text(&self) -> String {
        let words: Vec<_> = self.prose.split_whitespace().collect();
        let text = words.join(" ");
        // What is said of a word stands behind a colon.
        text.strip_prefix(": ").map(str::to_owned).unwrap_or(text)
    }
}

/// The sections of a page of HTML, with what stands before the first heading.
fn sections(html: &str) -> Vec<Section> {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let reader = Reader::default();
    let tokenizer = Tokenizer::new(reader, TokenizerOpts::default());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner().sections
}

/// What an element means for the text in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Prose,
    Heading,
    Word,
    /// Code, figures, scripts, and what is not of the page itself.
    Nothing,
}

struct State {
    sections: Vec<Section>,
    // The elements around here, with what they mean.
    open: Vec<(String, Inside)>,
}

struct Reader(RefCell<State>);

impl Default for Reader {
    fn default() -> Self {
        let sections = vec![Section::default()];
        Self(RefCell::new(State { sections, open: Vec::new() }))
    }
}

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let mut state = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => state.text(&text),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                state.start(&tag);
                if ["style", "script"].contains(&&*tag.name) {
                    return TokenSinkResult::RawData(Rawtext);
                }
            }
            Token::TagToken(tag) => state.end(&tag.name),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// Elements that are no prose.
const UNREAD: [&str; 6] = ["pre", "figure", "script", "style", "svg", "button"];

/// Classes of such elements.
const UNREAD_CLASSES: [&str; 3] = ["heap-figure", "length", "notes"];

/// How deep headings go that start a section, for mdBook.
const HEADINGS: [&str; 3] = ["h1", "h2", "h3"];

impl State {
    fn inside(&self) -> Inside {
        self.open.last().map_or(Inside::Nothing, |(_, inside)| *inside)
    }

    fn start(&mut self, tag: &Tag) {
        let name = &*tag.name;
        let id = attribute(tag, "id");
        let is_unread = UNREAD.contains(&name)
            || UNREAD_CLASSES.iter().any(|class| has_class(tag, class));
        let inside = match (self.inside(), id) {
            _ if name == "main" => Inside::Prose,
            (Inside::Nothing, _)
                if name == "figcaption" && self.is_in_main() =>
            {
                Inside::Prose
            }
            (Inside::Nothing, _) => Inside::Nothing,
            _ if is_unread => Inside::Nothing,
            (Inside::Prose, Some(id)) if HEADINGS.contains(&name) => {
                self.section(id, false);
                Inside::Heading
            }
            (Inside::Prose, Some(id)) if has_class(tag, "word") => {
                self.section(id, true);
                Inside::Word
            }
            (inside, _) => inside,
        };
        self.text(" ");
        if !tag.self_closing && !EMPTY.contains(&name) {
            self.open.push((name.to_owned(), inside));
        }
    }

    fn is_in_main(&self) -> bool {
        self.open.iter().any(|(name, _)| name == "main")
    }

    fn section(&mut self, id: &str, is_word: bool) {
        let id = id.to_owned();
        let section = Section { id, is_word, ..Section::default() };
        self.sections.push(section);
    }

    fn end(&mut self, name: &str) {
        if let Some(at) = self.open.iter().rposition(|(open, _)| open == name) {
            self.open.truncate(at);
        }
    }

    fn text(&mut self, text: &str) {
        let inside = self.inside();
        let Some(section) = self.sections.last_mut() else { return };
        match inside {
            Inside::Prose => section.prose += text,
            Inside::Word => section.title += text,
            Inside::Heading | Inside::Nothing => {}
        }
    }
}
