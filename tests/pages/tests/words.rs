//! Every term of art is explained before it is used.
//!
//! The terms are those of the page "Words": one paragraph each, which starts
//! with the term in bold and ends with a link to the page that explains it. On
//! that page the term is bold where it is explained. No page before it may use
//! the term in its prose, unless it links it to that page.

use std::fs;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use book::build;
use book::exercise;
use book::homes;
use book::page;
use book::prose::{Passage, passages};
use book::sources::Sources;
use book::words::{self, find, split};

/// Where the terms are listed.
const WORDS: &str = words::LIST;

/// The page that says what there will be. Whoever reads on is told.
const LANDING: &str = "index.md";

/// Pages that use a term in its everyday meaning, or on which it cannot do
/// harm before it is explained: the term, the page, and why.
const EXCEPTIONS: [(&str, &str, &str); 0] = [];

/// A page of the book.
struct Page {
    path: String,
    passages: Vec<Passage>,
}

/// A term of the page "Words".
struct Entry {
    term: String,
    page: String,
}

fn sources() -> Sources {
    build::sources(&build::folder()).expect("book.toml can be read")
}

/// The pages in the order in which they are read, with the exercises on them.
fn pages() -> Vec<Page> {
    let sources = sources();
    let paths = build::pages(&build::folder()).expect("a book").into_iter();
    let page = |path: PathBuf| {
        let text = fs::read_to_string(sources.chapters.join(&path));
        let text = text.expect("a page");
        let mut passages = passages(&text);
        for number in page::Page::new(&text).exercises() {
            let text = exercise::text(&sources, &number).expect("an exercise");
            let [first, second] = text.hints;
            for part in [text.title, text.task, first, second, text.why] {
                passages.extend(book::prose::passages(&part));
            }
        }
        for milestone in page::Page::new(&text).milestones(&sources) {
            let [first, second, third] = milestone.hints;
            let title = milestone.title;
            for part in [title, milestone.task, first, second, third] {
                passages.extend(book::prose::passages(&part));
            }
        }
        Page { path: path.to_str().expect("a plain name").into(), passages }
    };
    paths.map(page).collect()
}

fn entries(words: &[Passage]) -> Vec<Entry> {
    let entry = |passage: &Passage| {
        let term = passage.bold.first().filter(|bold| bold.start == 0)?;
        let link = passage.links.last().map(|(_, link)| link.as_str());
        Some(Entry {
            term: passage.text[term.clone()].to_owned(),
            page: link.map_or_else(String::new, |link| target(WORDS, link)),
        })
    };
    words.iter().filter_map(entry).collect()
}

/// Where a link on the page `from` leads.
fn target(from: &str, link: &str) -> String {
    let link = link.split('#').next().unwrap_or_default();
    let mut parts: Vec<_> = from.split('/').collect();
    parts.pop();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => _ = parts.pop(),
            Component::Normal(part) => parts.extend(part.to_str()),
            _ => {}
        }
    }
    parts.join("/")
}

/// Whether a text in bold is a term, in any form, with an article or a number
/// in front of it: `1. A raw pointer`.
fn is_marked(bold: &str, term: &str) -> bool {
    let words = split(bold);
    let is_left_out = |(_, word): &&(Range<usize>, String)| {
        ["a", "an", "the"].contains(&word.as_str())
            || word.chars().all(|c| c.is_ascii_digit())
    };
    let start = words.iter().find(|word| !is_left_out(word));
    let (Some((start, _)), Some((end, _))) = (start, words.last()) else {
        return false;
    };
    find(bold, term).contains(&(start.start..end.end))
}

/// Where a page uses a term, but for the links to the page that explains it.
/// A part of a longer term is not counted.
fn uses(page: &Page, entry: &Entry, terms: &[&str]) -> Vec<String> {
    let longer = terms.iter().filter(|term| {
        term.len() > entry.term.len() && !find(term, &entry.term).is_empty()
    });
    let longer: Vec<_> = longer.collect();
    let mut uses = Vec::new();
    for passage in &page.passages {
        let mut allowed: Vec<_> =
            longer.iter().flat_map(|term| find(&passage.text, term)).collect();
        let mut links = passage.links.clone();
        links.retain(|(_, link)| target(&page.path, link) == entry.page);
        allowed.extend(links.into_iter().map(|(range, _)| range));
        for found in find(&passage.text, &entry.term) {
            let is_inside = |range: &Range<usize>| {
                range.start <= found.start && found.end <= range.end
            };
            if !allowed.iter().any(is_inside) {
                let line = passage.line(found.start);
                let around = around(&passage.text, found);
                uses.push(format!("{}:{line}: … {around} …", page.path));
            }
        }
    }
    uses
}

/// What stands around a part of a text.
fn around(text: &str, part: Range<usize>) -> &str {
    let start = text[..part.start].char_indices().rev().nth(25);
    let end = text[part.end..].char_indices().nth(25);
    let start = start.map_or(0, |(at, _)| at);
    &text[start..end.map_or(text.len(), |(at, _)| part.end + at)]
}

/// What is wrong with the terms: used too early, or not explained where they
/// are said to be.
fn faults(
    pages: &[Page],
    exceptions: &[(&str, &str, &str)],
) -> Result<(), Vec<String>> {
    let mut faults = Vec::new();
    let list = pages.iter().find(|page| page.path == WORDS);
    let entries = list.map_or_else(Vec::new, |page| entries(&page.passages));
    let terms: Vec<_> = entries.iter().map(|entry| &*entry.term).collect();
    for entry in &entries {
        let Entry { term, page } = entry;
        let Some(at) = pages.iter().position(|known| known.path == *page)
        else {
            faults.push(format!("{term}: no page of the book is `{page}`"));
            continue;
        };
        let is_bold = |passage: &Passage| {
            let mut bold = passage.bold.iter();
            bold.any(|range| is_marked(&passage.text[range.clone()], term))
        };
        if !pages[at].passages.iter().any(is_bold) {
            faults.push(format!("{term}: is not bold on {page}"));
        }
        for earlier in pages[..at].iter().filter(|page| page.path != LANDING) {
            let is_excepted = exceptions
                .iter()
                .any(|(of, on, _)| of == term && *on == earlier.path);
            if !is_excepted {
                let uses = uses(earlier, entry, &terms);
                let fault = |place| format!("{term}, before {page}: {place}");
                faults.extend(uses.into_iter().map(fault));
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

#[test]
fn every_term_is_explained_before_it_is_used() {
    if let Err(faults) = faults(&pages(), &EXCEPTIONS) {
        panic!("{} faults:\n{}", faults.len(), faults.join("\n"));
    }
}

/// One that is needed no more would hide the next mistake.
#[test]
fn every_exception_is_needed() {
    let faults = faults(&pages(), &[]).err().unwrap_or_default();
    for (term, page, _) in EXCEPTIONS {
        let start = format!("{term}, before ");
        let place = format!(": {page}:");
        let is_needed = faults
            .iter()
            .any(|fault| fault.starts_with(&start) && fault.contains(&place));
        assert!(is_needed, "{page} does not use {term} too early");
    }
}

#[test]
fn the_terms_are_in_the_order_of_the_alphabet() {
    let pages = pages();
    let list = pages.iter().find(|page| page.path == WORDS);
    let entries = entries(&list.expect("the page of words").passages);
    let terms: Vec<_> =
        entries.iter().map(|entry| entry.term.to_lowercase()).collect();
    assert!(!terms.is_empty(), "there are no terms on {WORDS}");
    for pair in terms.windows(2) {
        assert!(pair[0] < pair[1], "`{}` stands before `{}`", pair[0], pair[1]);
    }
}

#[test]
fn every_paragraph_of_the_list_is_a_term_with_its_page() {
    let sources = sources();
    let text = fs::read_to_string(sources.chapters.join(WORDS));
    for paragraph in text.expect("the page of words").split("\n\n").skip(2) {
        let line = paragraph.replace('\n', " ");
        let line = line.trim();
        let is_entry = line.starts_with("**")
            && line.contains("**: ")
            && line.ends_with(".md)");
        assert!(is_entry, "`{line}` is no `**term**: text [page](page.md)`");
    }
}

// How the search works.

fn page(path: &str, text: &str) -> Page {
    Page { path: path.into(), passages: passages(text) }
}

/// What is wrong with a book of three pages and a list of words.
fn faults_with(first: &str) -> Vec<String> {
    let pages = [
        page("index.md", "Free lists, boundary tags.\n"),
        page("a/first.md", first),
        page("a/second.md", "# B\n\nA **free list** and **boundary tags**.\n"),
        page(
            WORDS,
            "**boundary tags**: sizes. [Second](../a/second.md)\n\n\
             **free list**: blocks. [Second](../a/second.md)\n",
        ),
    ];
    faults(&pages, &[]).err().unwrap_or_default()
}

#[test]
fn a_term_before_its_page_is_found_with_its_place() {
    let fault = "free list, before a/second.md: a/first.md:3: … We have free \
                 lists now. …";
    assert_eq!(faults_with("# A\n\nWe have free\nlists now.\n"), [fault]);
}

#[test]
fn a_term_in_code_or_in_a_link_to_its_page_is_none() {
    for text in [
        "`free list`\n",
        "```text\nfree list\n```\n",
        "{{#item a.rs free list}}\n",
        "More of [free lists](second.md) later.\n",
        "Be free. List them.\n",
        "free `x` list\n",
    ] {
        assert_eq!(faults_with(text), [""; 0], "in {text}");
    }
}

#[test]
fn a_term_is_found_in_any_form() {
    for text in ["Free-lists", "FREE LIST", "*free* lists", "> a free list"] {
        assert_eq!(faults_with(text).len(), 1, "in {text}");
    }
    for (text, term, times) in [
        ("entry, entries", "entry", 2),
        ("a class, two classes", "class", 2),
        ("headers and headed", "header", 1),
    ] {
        assert_eq!(find(text, term).len(), times, "{term} in {text}");
    }
}

#[test]
fn a_term_that_its_page_does_not_explain_is_found() {
    let pages = [
        page("a.md", "A list.\n"),
        page(WORDS, "**list**: many. [A](../a.md)\n\n**map**: [B](../b.md)\n"),
    ];
    assert_eq!(
        faults(&pages, &[]).err().unwrap_or_default(),
        ["list: is not bold on a.md", "map: no page of the book is `b.md`"]
    );
}

// What the book makes of the words.

/// A page of which each term is on the list.
fn linked(markdown: &str) -> String {
    let list = "**free list**: the *free* `blocks`. [A](../a/list.md)\n\n\
                **list**: one | many ([B](../b.md)). [C](../c.md)\n\n\
                **page**: memory. [A](../a/list.md)\n";
    let listed = words::listed(list);
    words::linked(markdown, Path::new("d/e.md"), &listed)
}

#[test]
fn a_word_says_what_it_means_where_a_page_uses_it_first() {
    assert_eq!(
        linked("# Free lists\n\n`list` and\n> free\n> lists, a free list\n"),
        "# Free lists\n\n`list` and\n> <a class=\"word\" \
         href=\"../back/words.html#free-list\" \
         data-says=\"the free blocks.\">free\n> lists</a>, a free list\n"
    );
}

#[test]
fn a_word_in_a_heading_a_link_code_or_a_longer_word_is_not_linked() {
    for text in [
        "# A list\n",
        "[a list](x.md)\n",
        "`list`\n",
        "```text\nlist\n```\n",
        "<p>list</p>\n",
        "this page\n",
        "listless\n",
    ] {
        assert_eq!(linked(text), text);
    }
    let both = linked("A free list, and a list.\n");
    assert_eq!(both.matches("<a class").count(), 2, "{both}");
    assert!(both.contains("data-says=\"one &#124; many.\">list<"), "{both}");
}

#[test]
fn a_page_that_explains_a_word_does_not_link_it() {
    let listed = words::listed("**list**: many. [A](../a/list.md)\n");
    let text = "A **list**, of course.\n";
    assert_eq!(words::linked(text, Path::new("a/list.md"), &listed), text);
}

#[test]
fn the_list_has_an_anchor_for_each_word() {
    let anchored = words::anchored("# W\n\n**A list**: many. [A](../a.md)\n");
    let expected = "# W\n\n<b class=\"word\" id=\"a-list\">A list</b>: many. \
                    [A](../a.md)\n";
    assert_eq!(anchored, expected);
}

#[test]
fn every_word_with_everyday_meanings_is_on_the_list() {
    let sources = sources();
    let list = fs::read_to_string(sources.chapters.join(WORDS));
    let listed = words::listed(&list.expect("the page of words"));
    for term in words::EVERYDAY {
        assert!(listed.iter().any(|it| it.term == term), "{term}");
    }
}

/// Terms that pages use in more than one sense: what the list has to say of each
/// sense, and pages that mean it.
const SENSES: [(&str, &str, &[&str]); 7] = [
    ("arena", "goes back as a whole", &["beyond/claim/what-it-costs.md"]),
    ("arena", "one of several heaps", &["back/real-allocators/index.md"]),
    ("bitmap", "a list has a block", &["stage5/index.md"]),
    (
        "bitmap",
        "a block of a slab",
        &[
            "back/real-allocators/garbage-collection.md",
            "back/real-allocators/jemalloc.md",
        ],
    ),
    (
        "cache",
        "processor",
        &["beyond/measured/growth.md", "stage3/size-classes.md"],
    ),
    (
        "cache",
        "free blocks",
        &[
            "back/misuse/freed-twice.md",
            "back/misuse/what-no-heap-can-see.md",
            "back/real-allocators/in-the-kernel.md",
            "back/real-allocators/jemalloc.md",
            "back/real-allocators/tcmalloc.md",
            "back/what-surprised-us.md",
            "stage4/what-is-true-now.md",
        ],
    ),
    (
        "cache",
        "results",
        &["beyond/claim/recording.md", "stage5/what-pins-memory.md"],
    ),
];

#[test]
fn a_word_in_several_senses_says_what_each_page_means() {
    let chapters = sources().chapters;
    let list = fs::read_to_string(chapters.join(WORDS)).expect("the words");
    let listed = words::listed(&list);
    for (term, sense, on) in SENSES {
        for page in on {
            let text = fs::read_to_string(chapters.join(page)).expect("a page");
            let linked = words::linked(&text, Path::new(page), &listed);
            let (_, link) = linked
                .split_once(&format!("words.html#{term}\" data-says=\""))
                .unwrap_or_else(|| panic!("{page} does not link `{term}`"));
            let (says, _) = link.split_once('"').expect("its end");
            assert!(
                says.contains(sense),
                "{page}: {term}: {says}, not {sense}"
            );
        }
    }
}

// Who is named.

#[test]
fn what_a_page_names_first_links_to_its_home() {
    let home = "https://github.com/microsoft/mimalloc";
    let title = "Reconsidering Custom\n  Memory Allocation";
    let page =
        format!("# mimalloc\n\n- `mimalloc`, mimalloc; mimalloc \"{title}\"\n");
    let linked = homes::linked(&page);
    let expected =
        format!("`mimalloc`, <a href=\"{home}\">mimalloc</a>; mimalloc ");
    assert!(linked.contains(&expected), "{linked}");
    let expected = format!(">{title}</a>");
    assert!(linked.contains(&expected), "{linked}");
}

#[test]
fn what_is_named_in_a_link_first_stays_as_it_is() {
    for page in [
        "[mimalloc](mimalloc.md) and mimalloc\n",
        "<a href=\"x\">loom</a>, loom\n",
        "mimallocate\n",
    ] {
        assert_eq!(homes::linked(page), page);
    }
}

/// And an address that is no page of anybody's is of no use.
#[test]
fn all_that_has_a_home_is_named_somewhere() {
    let pages = pages();
    let passages = || pages.iter().flat_map(|page| &page.passages);
    for (name, home) in homes::HOMES {
        assert!(home.starts_with("https://"), "{name}: {home}");
        let is_named = |text: &str| match name.contains(' ') {
            true => text.contains(name),
            false => !find(text, name).is_empty(),
        };
        assert!(passages().any(|it| is_named(&it.text)), "{name}");
    }
}

// How code stands in a sentence.

/// The pieces of code in the sentences of a text, as they are written.
fn codes(text: &str) -> Vec<&str> {
    let mut codes = Vec::new();
    let mut is_listing = false;
    for paragraph in text.split("\n\n") {
        let fences =
            paragraph.lines().filter(|it| it.trim_start().starts_with("```"));
        let fences = fences.count();
        // A code with a backtick in it has two around it.
        let is_prose = !is_listing && fences == 0 && !paragraph.contains("``");
        is_listing ^= fences % 2 == 1;
        if is_prose {
            codes.extend(paragraph.split('`').skip(1).step_by(2));
        }
    }
    codes
}

/// Its ground would end behind nothing.
#[test]
fn code_in_a_sentence_neither_begins_nor_ends_with_a_blank() {
    let root = sources().chapters.join("..");
    let mut folders = ["chapters", "exercises", "milestones"]
        .map(|it| root.join(it))
        .to_vec();
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("a file").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).expect("a text");
            for code in codes(&text) {
                found += 1;
                let place = path.display();
                assert_eq!(code, code.trim(), "{place}: `{code}`");
            }
        }
    }
    assert!(found > 1000, "{found} pieces of code");
    assert_eq!(codes("a `b ` c\n\n```\n`d `\n\n` e`\n```\n\n`f`"), ["b ", "f"]);
}
