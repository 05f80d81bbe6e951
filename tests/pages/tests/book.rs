//! The built book holds together: its links, its snippets, its search; and it
//! needs no network.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use book::build;
use book::numbering::named;
use book::page::MAX_WORDS;
use book::search;
use book::words::{self, Word};
use html5ever::buffer_queue::BufferQueue;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use serde_json::Value;

struct Book {
    folder: PathBuf,
    // From the folder on, with slashes.
    files: BTreeSet<String>,
    pages: BTreeMap<String, Page>,
}

/// The book, built once for all tests.
fn book() -> &'static Book {
    static BOOK: LazyLock<Result<Book, String>> = LazyLock::new(build_book);
    BOOK.as_ref().unwrap_or_else(|error| panic!("{error}"))
}

fn build_book() -> Result<Book, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("book");
    build::build(&build::folder(), &folder)
        .map_err(|error| format!("{error:#}"))?;
    let files = files_below(&folder);
    let pages = files
        .iter()
        .filter(|path| path.ends_with(".html"))
        .map(|path| (path.clone(), Page::read(&folder.join(path))))
        .collect();
    Ok(Book { folder, files, pages })
}

/// What there is to know about a page of HTML.
#[derive(Default)]
struct Page {
    ids: BTreeSet<String>,
    // What the reader may click on.
    links: BTreeSet<String>,
    // The classes of its figures and sections.
    classes: BTreeSet<String>,
    // How many of its figures have no anchor.
    figures_without_id: usize,
    // What the browser loads to show the page.
    loads: BTreeSet<String>,
    // All text outside code and scripts.
    text: String,
    // Its title in the window, and those in the page.
    title: String,
    headings: Vec<String>,
}

impl Page {
    fn read(path: &Path) -> Self {
        let input = BufferQueue::default();
        input.push_back(StrTendril::from(fs::read_to_string(path).unwrap()));
        let tokenizer =
            Tokenizer::new(Collector::default(), TokenizerOpts::default());
        let _ = tokenizer.feed(&input);
        tokenizer.end();
        tokenizer.sink.page.into_inner()
    }

    fn add(&mut self, tag: &Tag) {
        if tag.kind == TagKind::StartTag && &*tag.name == "figure" {
            let has_id = tag.attrs.iter().any(|it| &*it.name.local == "id");
            self.figures_without_id += usize::from(!has_id);
        }
        for attribute in &tag.attrs {
            let value = attribute.value.to_string();
            let name: &str = &attribute.name.local;
            match (&*tag.name, name) {
                (_, "id") => self.ids.insert(value),
                (_, "class") => {
                    let classes = value.split_whitespace().map(str::to_owned);
                    self.classes.extend(classes);
                    true
                }
                ("a", "href") => self.links.insert(value),
                (_, "href" | "src" | "srcset" | "poster" | "data") => {
                    self.loads.insert(value)
                }
                _ => false,
            };
        }
    }
}

#[derive(Default)]
struct Collector {
    page: RefCell<Page>,
    // Elements around here whose text is no prose.
    code: Cell<usize>,
    // The element around here, if it is one of those that title the page.
    title: Cell<Option<TitleOf>>,
}

#[derive(Clone, Copy)]
enum TitleOf {
    Window,
    Page,
}

impl TokenSink for Collector {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) => {
                let code = ["pre", "code", "script", "style"];
                if code.contains(&&*tag.name) {
                    let depth = self.code.get();
                    self.code.set(match tag.kind {
                        TagKind::StartTag => depth + 1,
                        TagKind::EndTag => depth.saturating_sub(1),
                    });
                }
                self.page.borrow_mut().add(&tag);
                self.note_title(&tag);
                raw_text(&tag)
            }
            Token::CharacterTokens(text) if self.title.get().is_some() => {
                let mut page = self.page.borrow_mut();
                match self.title.get() {
                    Some(TitleOf::Page) => {
                        page.text.push_str(&text);
                        page.headings.last_mut().unwrap().push_str(&text);
                    }
                    _ => page.title.push_str(&text),
                }
                TokenSinkResult::Continue
            }
            Token::CharacterTokens(text) if self.code.get() == 0 => {
                self.page.borrow_mut().text.push_str(&text);
                TokenSinkResult::Continue
            }
            _ => TokenSinkResult::Continue,
        }
    }
}

impl Collector {
    fn note_title(&self, tag: &Tag) {
        let title = match &*tag.name {
            "title" => TitleOf::Window,
            // The other says which book it is.
            "h1" if !has_class(tag, "menu-title") => TitleOf::Page,
            _ => return,
        };
        if tag.kind == TagKind::EndTag {
            return self.title.set(None);
        }
        self.title.set(Some(title));
        if matches!(title, TitleOf::Page) {
            self.page.borrow_mut().headings.push(String::new());
        }
    }
}

fn has_class(tag: &Tag, class: &str) -> bool {
    tag.attrs.iter().any(|attribute| {
        &*attribute.name.local == "class"
            && attribute.value.split_whitespace().any(|part| part == class)
    })
}

/// Tags stand for nothing inside a script.
fn raw_text(tag: &Tag) -> TokenSinkResult<()> {
    use html5ever::tokenizer::states::{Rawtext, ScriptData};
    match (&*tag.name, tag.kind) {
        ("script", TagKind::StartTag) => TokenSinkResult::RawData(ScriptData),
        ("style", TagKind::StartTag) => TokenSinkResult::RawData(Rawtext),
        _ => TokenSinkResult::Continue,
    }
}

fn files_below(folder: &Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            let inner = files_below(&path);
            files.extend(inner.iter().map(|inner| format!("{name}/{inner}")));
        } else {
            files.insert(name.to_owned());
        }
    }
    files
}

/// Where a link on the page `from` leads: the file, and the place in it.
fn target<'a>(from: &str, link: &'a str) -> (String, &'a str) {
    let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
    if path.is_empty() {
        return (from.to_owned(), fragment);
    }
    let mut parts: Vec<_> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    (parts.join("/"), fragment)
}

fn is_external(link: &str) -> bool {
    link.contains("://") || link.starts_with("//") || link.contains("mailto:")
}

fn chapters() -> BTreeMap<String, String> {
    let folder = build::folder().join("chapters");
    files_below(&folder)
        .into_iter()
        .filter(|path| path.ends_with(".md") && path != "SUMMARY.md")
        .map(|path| {
            let text = fs::read_to_string(folder.join(&path)).unwrap();
            (path, text)
        })
        .collect()
}

#[test]
fn no_directive_is_left_over() {
    for (path, page) in &book().pages {
        let mut lines = page.text.lines();
        let left_over = lines.find(|line| line.contains("{{#"));
        assert_eq!(left_over, None, "on {path}");
    }
}

#[test]
fn every_link_leads_somewhere() {
    let mut dead = Vec::new();
    for (path, page) in &book().pages {
        let local = page.links.iter().filter(|link| !is_external(link));
        for link in local {
            let (file, fragment) = target(path, link);
            let found = match book().pages.get(&file) {
                Some(page) => {
                    fragment.is_empty() || page.ids.contains(fragment)
                }
                None => book().files.contains(&file),
            };
            if !found {
                dead.push(format!("{path}: {link}"));
            }
        }
    }
    assert!(dead.is_empty(), "dead links: {dead:#?}");
}

#[test]
fn links_out_of_the_book_are_https() {
    for (path, page) in &book().pages {
        for link in page.links.iter().filter(|link| is_external(link)) {
            assert!(link.starts_with("https://"), "{path}: {link}");
        }
    }
}

#[test]
fn pages_load_only_files_of_the_book() {
    for (path, page) in &book().pages {
        for load in &page.loads {
            let (file, _) = target(path, load);
            assert!(book().files.contains(&file), "{path} loads {load}");
        }
    }
}

#[test]
fn styles_load_only_files_of_the_book() {
    let styles = book().files.iter().filter(|file| file.ends_with(".css"));
    for style in styles {
        let text = fs::read_to_string(book().folder.join(style)).unwrap();
        for part in text.split("url(").skip(1) {
            let (url, _) = part.split_once(')').unwrap();
            let url = url.trim_matches(['"', '\'']);
            if !url.starts_with("data:") {
                let (file, _) = target(style, url);
                assert!(book().files.contains(&file), "{style} loads {url}");
            }
        }
        assert!(!text.contains("@import"), "{style} imports");
    }
}

#[test]
fn every_page_of_the_summary_is_built_and_found_by_the_search() {
    let index = book().files.iter().find(|file| file.contains("searchindex"));
    let index = index.expect("there is a search index");
    let index = fs::read_to_string(book().folder.join(index)).unwrap();
    for path in build::pages(&build::folder()).unwrap() {
        let page = path.with_extension("html");
        // The index is written with slashes on every system.
        let page = page.to_str().unwrap().replace('\\', "/");
        assert!(book().pages.contains_key(&page), "{page} is not built");
        assert!(index.contains(&page), "the search does not know {page}");
    }
}

/// The whole book on one page, to print, is none that somebody waits for.
#[test]
fn a_page_is_at_most_150_000_bytes_of_html() {
    const MOST: usize = 150_000;
    let pages = book().pages.keys().filter(|it| *it != "print.html");
    let sizes = pages.map(|page| {
        let html = fs::read(book().folder.join(page)).unwrap();
        (html.len(), page)
    });
    let sizes: BTreeSet<_> = sizes.collect();
    let (size, page) = sizes.last().expect("there are pages");
    println!("{page} is the largest: {size} bytes");
    let too_large: Vec<_> =
        sizes.iter().filter(|(size, _)| *size > MOST).collect();
    assert!(too_large.is_empty(), "more than {MOST}: {too_large:?}");
}

/// What the search knows: a title, its prose, where it stands, and its address.
fn searched() -> Vec<[String; 4]> {
    let index = book().files.iter().find(|file| file.contains("searchindex"));
    let index = index.expect("there is a search index");
    let index = fs::read_to_string(book().folder.join(index)).unwrap();
    let json = index.strip_prefix(search::START).expect("its start");
    let json = json.strip_suffix(search::END).expect("its end");
    let index: Value = serde_json::from_str(json).expect("JSON");
    let addresses: Vec<String> =
        serde_json::from_value(index["doc_urls"].clone()).unwrap();
    let docs: Vec<[String; 3]> =
        serde_json::from_value(index["docs"].clone()).unwrap();
    assert_eq!(docs.len(), addresses.len(), "each has its address");
    let all = docs.into_iter().zip(addresses);
    all.map(|([title, body, place], url)| [title, body, place, url]).collect()
}

#[test]
fn the_search_index_is_less_than_a_million_bytes() {
    let index = book().files.iter().find(|file| file.contains("searchindex"));
    let index = book().folder.join(index.expect("there is a search index"));
    let size = fs::metadata(index).unwrap().len();
    println!("the index of the search has {size} bytes");
    assert!(size < 1_000_000, "{size} bytes");
}

#[test]
fn the_search_knows_the_prose_of_a_page_and_neither_its_code_nor_its_figures() {
    let searched = searched();
    let of_page = searched.iter().filter(|[_, _, _, url]| {
        url.starts_with("stage2/what-can-go-back.html")
    });
    let text: String = of_page.map(|[_, body, ..]| body.as_str()).collect();
    // Its first sentence, and the caption of its figure.
    for known in ["Two blocks of 1,000 bytes.", "A free block that cannot go"] {
        assert!(text.contains(known), "no {known} in {text}");
    }
    // A line of its listing, and what stands in each picture.
    for unknown in ["pub unsafe fn free", "not ours", "below the break"] {
        assert!(!text.contains(unknown), "{unknown} in {text}");
    }
}

#[test]
fn what_faults_are_called_is_the_title_of_something_that_is_found() {
    let searched = searched();
    for name in ["use after free", "double free", "false sharing"] {
        let mut titles =
            searched.iter().map(|[title, ..]| title.to_lowercase());
        assert!(titles.any(|title| title == name), "nothing is called {name}");
    }
}

#[test]
fn every_term_has_an_anchor_and_is_linked_somewhere() {
    let folder = build::folder();
    let list = fs::read_to_string(folder.join("chapters").join(words::LIST));
    let listed = words::listed(&list.unwrap());
    let ids = &book().pages["back/words.html"].ids;
    let linked = |id: &str| {
        let end = format!("words.html#{id}");
        let mut pages = book().pages.values();
        pages.any(|page| page.links.iter().any(|it| it.ends_with(&end)))
    };
    assert!(listed.len() > 70, "only {} terms", listed.len());
    let is_used = |word: &Word| !words::EVERYDAY.contains(&&*word.term);
    let mut unlinked = Vec::new();
    for word in &listed {
        assert!(ids.contains(&word.id()), "no anchor for {}", word.term);
        assert!(!word.says.is_empty(), "nothing is said of {}", word.term);
        if is_used(word) && !linked(&word.id()) {
            unlinked.push(&word.term);
        }
    }
    // Some are used on the page alone that explains them, or in a link to it.
    println!("linked nowhere: {unlinked:?}");
    assert!(unlinked.len() < listed.len() / 2, "{unlinked:?}");
}

#[test]
fn an_anchor_of_a_figure_or_a_listing_has_a_link_to_it() {
    let page = &book().pages["stage2/what-can-go-back.html"];
    for id in [
        "figure-free-in-the-middle",
        "plot-heap-over-time-2",
        "code-heap-heap-free",
    ] {
        assert!(page.ids.contains(id), "no {id} in {:?}", page.ids);
        let link = format!("#{id}");
        assert!(page.links.contains(&link), "no {link}");
    }
}

/// Pages that have no picture, and why none is missing there.
const WITHOUT_A_PICTURE: [(&str, &[&str]); 4] = [
    (
        "what is asked there is drawn on the pages before",
        &[
            "back/ten-questions.html",
            "before/ten-questions.html",
            "beyond/holes/exercises.html",
            "beyond/measured/ten-questions.html",
            "beyond/per-thread/exercises.html",
            "stage1/exercises.html",
            "stage2/exercises.html",
            "stage3/exercises.html",
            "stage3/from-nothing.html",
            "stage3/score.html",
            "stage4/exercises.html",
            "stage5/exercises.html",
            "stage5/ten-questions.html",
        ],
    ),
    (
        "all that a stage changes, line by line: each change is drawn where it is \
         told",
        &[
            "stage2/from-stage-1.html",
            "stage3/from-stage-2.html",
            "stage4/from-stage-3.html",
            "stage5/from-stage-4.html",
        ],
    ),
    (
        "to look something up in, or to work by",
        &[
            "back/for-teachers.html",
            "back/how-this-book-is-checked.html",
            "back/how-to-help.html",
            "back/if-something-fails.html",
            "back/machines-that-look-for-faults.html",
            "back/real-allocators/versions.html",
            "back/real-allocators/what-to-read-next.html",
            "back/side-by-side/index.html",
            "back/side-by-side/programs.html",
            "back/what-has-changed.html",
            "back/what-surprised-us.html",
            "back/when-it-goes-wrong.html",
            "back/which-test-sees-it-first.html",
            "back/words.html",
            "before/how-to-work.html",
            "before/the-rust-you-need.html",
        ],
    ),
    (
        "an argument, a method or a table of results: no structure is explained",
        &[
            "back/misuse/index.html",
            "back/misuse/three-repairs.html",
            "back/misuse/what-no-heap-can-see.html",
            "back/misuse/who-tells.html",
            "back/real-allocators/seen-from-outside.html",
            "beyond/claim/index.html",
            "beyond/claim/recording.html",
            "beyond/measured/index.html",
            "beyond/measured/what-is-not-shown.html",
            "beyond/measured/what-was-asked-for.html",
            "beyond/measured/where-it-ends.html",
            "beyond/measured/whole-systems.html",
            "beyond/measured/without-fooling-yourself.html",
            "beyond/per-thread/the-model.html",
            "stage4/on-real-programs.html",
            "stage4/send-and-sync.html",
            "stage4/what-rust-refused.html",
        ],
    ),
];

#[test]
fn a_page_has_a_picture_or_a_reason_to_have_none() {
    let pictures = ["heap-figure", "plot", "has-needs", "hf-box"];
    let has_none: BTreeSet<&str> = chapters_of_html()
        .filter(|(_, page)| {
            pictures.iter().all(|it| !page.classes.contains(*it))
        })
        .map(|(path, _)| path)
        .collect();
    let with_reason: BTreeSet<&str> =
        WITHOUT_A_PICTURE.iter().flat_map(|it| it.1).copied().collect();
    assert_eq!(has_none, with_reason);
}

/// What stands between headings has their anchors.
const BETWEEN_HEADINGS: &str = "back/side-by-side/programs.html";

#[test]
fn each_figure_plot_and_listing_has_a_link_to_itself() {
    for (path, page) in chapters_of_html() {
        if path != BETWEEN_HEADINGS {
            assert_eq!(page.figures_without_id, 0, "{path}");
        }
    }
}

/// The pages that the summary names.
fn chapters_of_html() -> impl Iterator<Item = (&'static str, &'static Page)> {
    let apart = ["print.html", "toc.html", "404.html"];
    let all = book().pages.iter().map(|(path, page)| (&**path, page));
    all.filter(move |(path, _)| !apart.contains(path))
}

#[test]
fn no_page_has_more_words_than_a_reader_takes_in_at_once() {
    for (path, length) in build::lengths(&build::folder()).unwrap() {
        let words = length.words;
        assert!(words <= MAX_WORDS, "{} has {words} words", path.display());
    }
}

#[test]
fn the_snippets_of_every_page_are_compiled() {
    let list = include_str!("../../src/snippets.rs");
    for (path, text) in chapters() {
        if text.lines().any(|line| line.trim_start().starts_with("```rust")) {
            let entry = format!("include_str!(\"../../book/chapters/{path}\")");
            assert!(
                list.contains(&entry),
                "{path} has Rust: add #[doc = {entry}] to \
                 tests/src/snippets.rs"
            );
        }
    }
}

/// A fence without a language is Rust for `cargo test`, and is shown plain.
#[test]
fn every_fence_says_its_language() {
    for (path, text) in chapters() {
        let fences = text.lines().filter_map(|line| {
            line.trim_start().trim_start_matches('>').trim().strip_prefix("```")
        });
        for opening in fences.step_by(2) {
            assert_ne!(opening, "", "a fence in {path} has no language");
        }
    }
}

/// The pages of the summary in the order in which they are read: where they
/// are, as HTML.
fn in_order() -> Vec<String> {
    let pages = build::pages(&build::folder()).unwrap().into_iter();
    pages
        .map(|path| path.with_extension("html"))
        .map(|path| path.to_str().unwrap().replace('\\', "/"))
        .collect()
}

#[test]
fn every_page_has_a_title_of_its_own() {
    let mut titles: BTreeMap<String, String> = BTreeMap::new();
    for path in in_order() {
        let page = &book().pages[&path];
        let [title] = &page.headings[..] else {
            panic!("{path} has the titles {:?}", page.headings);
        };
        let window = format!("{title} - malloc in five stages");
        let expected = match &*path {
            // The contents call it "Start here".
            "index.html" => "Start here - malloc in five stages",
            _ => &window,
        };
        assert_eq!(page.title, expected, "{path}: summary and page differ");
        let other = titles.insert(title.to_lowercase(), path.clone());
        assert_eq!(other, None, "{path} has the title of another page");
    }
}

/// The pages that a page at the back has answers of: where each is, and what it
/// is called.
fn answered(page: &str) -> Vec<[String; 2]> {
    const START: &str = "<p><strong><a href=\"../";
    let html = fs::read_to_string(book().folder.join(page)).unwrap();
    let rest = html.split(START).skip(1).filter_map(|rest| {
        let (path, rest) = rest.split_once("\">")?;
        let (title, _) = rest.split_once("</a></strong></p>")?;
        // A name and its number stand on one line.
        Some([path.to_owned(), title.replace('\u{a0}', " ")])
    });
    rest.collect()
}

#[test]
fn answers_at_the_back_are_in_the_order_of_the_book_under_the_pages_titles() {
    let order = in_order();
    let mut last = 0;
    let mut answered = answered("back/answers.html");
    answered.extend(self::answered("back/answers-beyond.html"));
    assert!(answered.len() > 50, "{answered:?}");
    for [path, title] in answered {
        let at = order.iter().position(|it| *it == path).expect(&path);
        assert!(last <= at, "{path} comes after {}", order[last]);
        last = at;
        if path != "index.html" {
            assert_eq!(title, book().pages[&path].headings[0], "{path}");
        }
    }
}

#[test]
fn chapters_1_to_5_are_the_stages_1_to_5() {
    let mut chapters = Vec::new();
    for path in in_order() {
        let title = &book().pages[&path].headings[0];
        let number = title.split_once(". ").map(|(number, _)| number);
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            chapters.push((number, path));
        }
    }
    let numbers: Vec<usize> =
        chapters.iter().map(|chapter| chapter.0).collect();
    assert_eq!(numbers, (1..=9).collect::<Vec<_>>(), "{chapters:?}");
    for (number, path) in &chapters[..5] {
        assert_eq!(path, &format!("stage{number}/index.html"));
    }
    for (number, path) in &chapters[5..] {
        assert!(path.starts_with("beyond/"), "chapter {number} is {path}");
    }
}

/// The build checks the pages. Nobody checks other files, so they name a
/// chapter by its title.
#[test]
fn a_chapter_is_numbered_in_the_book_alone() {
    let root = build::folder().parent().unwrap().to_owned();
    let mut checked = 0;
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let is_text = name == "README.md" || name.ends_with(".rs");
            if path.is_dir() {
                let hidden = name.starts_with('.');
                if !hidden
                    && !["target", "chapters", "practice"].contains(&name)
                {
                    folders.push(path);
                }
            } else if is_text && name != "numbering.rs" {
                // A comment goes on in the next line.
                let text = fs::read_to_string(&path).unwrap();
                let text = text.replace("\n", " ").replace('*', "");
                let found: Vec<_> = named(&text)
                    .into_iter()
                    .map(|number| text[..number.end].rsplit('.').next())
                    .collect();
                assert!(found.is_empty(), "{}: {found:?}", path.display());
                checked += 1;
            }
        }
    }
    assert!(checked > 200, "only {checked} files in {}", root.display());
}

/// It would have to know at which address the book lies.
#[test]
fn there_is_no_page_for_wrong_addresses() {
    assert!(!book().files.contains("404.html"));
}
