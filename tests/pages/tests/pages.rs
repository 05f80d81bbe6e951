//! A page's directives are put in place, and mistakes stop the build.

use std::fs;
use std::path::Path;

use book::build::{build, lengths};
use book::page::Page;
use book::problem::Mistake;
use book::sources::Sources;
use tempfile::TempDir;

const HEAP: &str = "pub struct Heap;\n\nimpl Heap {\n    pub fn free() {}\n}\n";

/// A repository with one Rust file, one captured output, and a book of one
/// page.
struct Repository(TempDir);

impl Repository {
    fn new() -> Self {
        let this = Self(TempDir::new().unwrap());
        this.write("stage1/src/heap.rs", HEAP);
        this.write(
            "book/captured/ls.txt",
            "# command: ls\n# system: Linux\n# compare: exact\n\na.txt\n",
        );
        this.write("book/captured/bad.txt", "a.txt\n");
        this.write(
            "book/book.toml",
            "[book]\ntitle = \"T\"\nsrc = \"chapters\"\n\
             [build]\ncreate-missing = false\n\
             use-default-preprocessors = false\n",
        );
        this.write("book/chapters/SUMMARY.md", "- [One](one.md)\n");
        this
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn sources(&self) -> Sources {
        let book = self.path().join("book");
        Sources::new(&book, book.join("chapters"))
    }

    fn expand(&self, page: &str) -> Result<String, Vec<Mistake>> {
        Page::new(page).expand(Path::new("one.md"), &self.sources())
    }

    /// What the build says about a page that has `line` as its third.
    fn mistake(&self, line: &str) -> String {
        let mistakes = self.expand(&format!("# T\n\n{line}\n")).unwrap_err();
        let [(Some(3), text)] = &mistakes[..] else {
            panic!("expected one mistake in line 3, not {mistakes:?}");
        };
        text.clone()
    }

    /// Builds the book with `page` as its only page. An error is what the
    /// reader sees.
    fn build(&self, page: &str) -> Result<String, String> {
        self.write("book/chapters/one.md", page);
        build(&self.path().join("book"), &self.path().join("out"))
            .map(|_| fs::read_to_string(self.path().join("out/one.html")))
            .map(Result::unwrap)
            .map_err(|error| format!("{error:#}"))
    }
}

#[test]
fn an_item_becomes_a_listing_with_its_place() {
    let page = Repository::new()
        .expand("# T\n\n{{#item stage1/src/heap.rs Heap::free Heap}}\n")
        .unwrap();
    // The link to it is in the same piece: it has no line of its own.
    let place = "<span>lines 4, 1<a class=\"permalink\"";
    assert!(page.contains(place), "{page}");
    assert!(page.contains("\n<span>\n</span>"), "{page}");
}

#[test]
fn text_right_above_and_below_a_directive_is_no_part_of_it() {
    let page = "# T\n\nabove\n{{#item stage1/src/heap.rs Heap}}\n*below*\n";
    let html = Repository::new().build(page).unwrap();
    assert!(html.contains("<p>above</p>"), "{html}");
    assert!(html.contains("<em>below</em>"), "{html}");
}

#[test]
fn a_directive_in_a_list_stays_in_it() {
    let page = "# T\n\n- one\n\n  {{#item stage1/src/heap.rs Heap}}\n\n- two\n";
    let html = Repository::new().build(page).unwrap();
    let (_, list) = html.split_once("<ul>\n<li>\n<p>one</p>").unwrap();
    let (first, second) = list.split_once("</li>").unwrap();
    assert!(first.contains("class=\"listing\">"), "{first}");
    assert!(second.contains("<p>two</p>"), "{second}");
}

#[test]
fn a_directive_in_a_fence_or_between_backticks_is_text() {
    let page = "# T\n\n```text\n{{#nonsense}}\n```\n\nWrite `{{#heap x}}`.\n";
    let expanded = Repository::new().expand(page).unwrap();
    assert!(expanded.contains("```text\n{{#nonsense}}\n```"), "{expanded}");
    assert!(expanded.contains("Write `{{#heap x}}`."), "{expanded}");
}

#[test]
fn what_a_command_needs_is_shown_above_it() {
    let page = "# T\n\n```sh needs=glibc,redis-server takes=2min fails\nls\n\
                ```\n";
    let html = Repository::new().build(page).unwrap();
    let notes = "<p class=\"notes\">needs Linux with glibc, \
                 <code>redis-server</code> · takes about 2\u{a0}minutes · ends with \
                 an error</p>";
    let (_, below) = html.split_once(notes).expect("the notes");
    assert!(below.contains("<code class=\"language-sh\">ls\n"), "{below}");
}

#[test]
fn a_noted_command_in_a_quotation_stays_in_it() {
    let page = "# T\n\n> one\n>\n> ```sh by-hand=you-look\n> ls\n> ```\n>\n\
                > two\n";
    let html = Repository::new().build(page).unwrap();
    let (_, quoted) = html.split_once("<blockquote>").expect("a quotation");
    let (quoted, _) = quoted.split_once("</blockquote>").expect("its end");
    for part in ["one", ">by hand: you look</p>", "ls\n", "two"] {
        assert!(quoted.contains(part), "{part} is not in {quoted}");
    }
}

#[test]
fn an_unknown_note_on_a_command_stops_the_build() {
    let mistake = Repository::new().mistake("```sh need=glibc\nls\n```");
    assert!(mistake.starts_with("a command has no note `need="), "{mistake}");
    let mistake = Repository::new().mistake("```sh takes=long\nls\n```");
    assert_eq!(mistake, "a command takes `40s` or `2min`, not `long`");
}

#[test]
fn an_unknown_directive_stops_the_build() {
    let mistake = Repository::new().mistake("{{#include a.rs}}");
    assert!(
        mistake.starts_with(
            "unknown directive `include`. There are: `{{#item path name}}`"
        ),
        "{mistake}"
    );
}

#[test]
fn a_directive_with_a_wrong_number_of_arguments_stops_the_build() {
    for line in [
        "{{#item stage1/src/heap.rs}}",
        "{{#file}}",
        "{{#diff stage1/src/heap.rs}}",
        "{{#diff a b c d}}",
        "{{#heap}}",
        "{{#plot}}",
        "{{#plot a b c}}",
        "{{#captured a b}}",
        "{{#exercise}}",
    ] {
        let mistake = Repository::new().mistake(line);
        assert!(mistake.contains("has other arguments"), "{line}: {mistake}");
    }
}

#[test]
fn a_directive_inside_a_line_stops_the_build() {
    for line in ["See {{#heap leak}}", "{{#heap leak}} is it", "{{#heap leak"] {
        let mistake = Repository::new().mistake(line);
        assert_eq!(mistake, "a directive stands alone on its line", "{line}");
    }
}

#[test]
fn a_missing_file_stops_the_build() {
    let mistake = Repository::new().mistake("{{#file stage1/src/hep.rs}}");
    assert_eq!(
        mistake,
        "there is no file `stage1/src/hep.rs` below the root of the \
         repository. Its folder has: `heap.rs`"
    );
}

#[test]
fn a_missing_item_stops_the_build() {
    let line = "{{#item stage1/src/heap.rs Heap::fre}}";
    let mistake = Repository::new().mistake(line);
    assert_eq!(
        mistake,
        "there is no item `Heap::fre` in stage1/src/heap.rs. Did you mean \
         `Heap::free`? It has: `Heap`, `impl Heap`, `Heap::free`"
    );
}

#[test]
fn an_ambiguous_item_stops_the_build() {
    let repository = Repository::new();
    repository.write("two.rs", "impl A {}\nimpl A {}\n");
    let mistake = repository.mistake("{{#item two.rs impl A}}");
    assert!(mistake.contains("is not enough in two.rs"), "{mistake}");
}

#[test]
fn an_item_that_one_side_of_a_diff_lacks_stops_the_build() {
    let repository = Repository::new();
    repository.write("new.rs", "fn free() {}\n");
    let line = "{{#diff stage1/src/heap.rs new.rs Heap::free}}";
    let mistake = repository.mistake(line);
    assert!(mistake.contains("no item `Heap::free` in new.rs"), "{mistake}");
}

#[test]
fn an_unknown_scenario_stops_the_build() {
    let mistake = Repository::new().mistake("{{#heap no-such-scenario}}");
    let expected = "there is no scenario `no-such-scenario`. There is: ";
    assert!(mistake.starts_with(expected), "{mistake}");
}

#[test]
fn an_unknown_captured_output_stops_the_build() {
    let mistake = Repository::new().mistake("{{#captured lss}}");
    assert_eq!(
        mistake,
        "there is no captured output `lss`. Did you mean `ls`? \
         There is: `bad`, `ls`"
    );
}

#[test]
fn captured_output_in_the_wrong_form_stops_the_build() {
    let mistake = Repository::new().mistake("{{#captured bad}}");
    let expected = "the captured output `bad` wants `# key: value`";
    assert!(mistake.starts_with(expected), "{mistake}");
}

/// A page with an output of these lines.
fn with_output(lines: &[&str]) -> String {
    let repository = Repository::new();
    let about = "# command: ls\n# system: Linux\n# compare: exact\n\n";
    let text = format!("{about}{}\n", lines.join("\n"));
    repository.write("book/captured/ls.txt", &text);
    repository.expand("# T\n\n{{#captured ls}}\n").expect("a page")
}

/// As a compiler's: what it says of a place begins far from the edge.
#[test]
fn a_long_line_of_output_goes_on_below_its_words() {
    let long = ["and so on"; 8].join(" ");
    let far = format!("  |         ----- {long}");
    let near = format!("error: {long}");
    let table = format!("  valgrind          {long}");
    let page = with_output(&["short", &far, &near, &table]);
    for (line, hang) in [(&far, 18), (&near, 4), (&table, 20)] {
        let start = format!("<span class=\"hung\" style=\"--hang:{hang}ch\">");
        let expected = format!("{start}{line}\n</span>");
        assert!(page.contains(&expected), "no {expected} in {page}");
    }
    assert_eq!(page.matches("hung").count(), 3, "{page}");
}

/// Its columns would be under each other no more.
#[test]
fn a_table_that_is_a_little_too_wide_says_how_wide() {
    let row = ["name     1.0 ±0.1"; 5].join(" ");
    assert_eq!(row.chars().count(), 89);
    let page = with_output(&["head", &row, &row]);
    assert!(page.contains("is-wide\" style=\"--columns:89\""), "{page}");
    // What has one long line among others is none.
    let page = with_output(&["head", "a", "b", "c", &row]);
    assert!(!page.contains("is-wide"), "{page}");
}

#[test]
fn a_page_without_a_title_stops_the_build() {
    let mistakes = Repository::new().expand("Text.\n").unwrap_err();
    let text = "the page has no title. Start it with `# Title`".into();
    assert_eq!(mistakes, [(Some(1), text)]);
}

#[test]
fn a_page_with_too_many_words_stops_the_build() {
    let repository = Repository::new();
    let page = |words| format!("# T\n\n{}\n", "word ".repeat(words));
    assert_eq!(repository.expand(&page(1499)).err(), None);
    let mistakes = repository.expand(&page(1500)).unwrap_err();
    let text = "the page has 1501 words of prose, and may have 1500. \
                Make two pages of it";
    assert_eq!(mistakes, [(None, text.into())]);
}

#[test]
fn code_and_directives_are_not_prose() {
    let page = "# Two words\n\nThree and `four` - here.\n\n\
                ```rust\nlet not = 1;\n```\n\n{{#heap not-this}}\n\n\
                <p>nor this</p>\n\n| a table | counts |\n|---|---|\n";
    let sources = Repository::new().sources();
    let length = Page::new(page).length(Path::new("one.md"), &sources);
    assert_eq!(length.words, 9);
}

#[test]
fn the_length_stands_under_the_title() {
    let page = "# T\n\nSome words.\n\n# Another\n";
    let expanded = Repository::new().expand(page).unwrap();
    let expected = "# T\n\n<p class=\"length\">1 min to read</p>\n\n\n";
    assert!(expanded.starts_with(expected), "{expanded:?}");
}

#[test]
fn commands_that_say_how_long_they_take_are_something_to_do() {
    let repository = Repository::new();
    repository.write(
        "book/captured/long.txt",
        "# command: ls\n# system: Linux\n# notes: takes=2min\n\
         # compare: exact\n\na.txt\n",
    );
    let page = "# T\n\n```sh takes=40s\nls\n```\n\n{{#captured long}}\n\n\
                {{#captured ls}}\n";
    let expanded = repository.expand(page).unwrap();
    assert!(expanded.contains(">1 min to read · 3 min to do<"), "{expanded}");
}

#[test]
fn all_problems_are_listed_with_their_page_and_line() {
    let repository = Repository::new();
    repository.write("book/chapters/later/lost.md", "# Lost\n");
    let page = "# T\n\n{{#file none}}\n\n{{#heep x}}\n";
    let error = repository.build(page).unwrap_err();
    let lines: Vec<_> = error.lines().collect();
    let [first, file, directive, lost] = lines[..] else {
        panic!("expected four lines, not {lines:#?}");
    };
    assert_eq!(first, "the book has 3 problems:");
    let start = "book/chapters/later/lost.md: the page is not in SUMMARY.md";
    assert!(file.starts_with(start), "{file}");
    let start = "book/chapters/one.md:3: there is no file `none`";
    assert!(directive.starts_with(start), "{directive}");
    let start = "book/chapters/one.md:5: unknown directive `heep`";
    assert!(lost.starts_with(start), "{lost}");
}

#[test]
fn a_page_that_the_summary_names_and_nobody_wrote_stops_the_build() {
    let repository = Repository::new();
    repository.write("book/chapters/SUMMARY.md", "- [Two](two.md)\n");
    let error = repository.build("# T\n").unwrap_err();
    assert!(error.contains("failed to read chapter `two.md`"), "{error}");
}

#[test]
fn the_pages_are_listed_with_their_lengths() {
    let repository = Repository::new();
    repository.write("book/chapters/one.md", &"word ".repeat(201));
    let pages = lengths(&repository.path().join("book")).unwrap();
    let [(path, length)] = &pages[..] else {
        panic!("expected one page, not {pages:?}");
    };
    assert_eq!(path, Path::new("one.md"));
    assert_eq!((length.words, length.to_read, length.to_do), (201, 2, 0));
}

#[test]
fn a_figure_of_another_heap_than_the_listing_stops_the_build() {
    let repository = Repository::new();
    repository.write("stage2-headers/src/heap.rs", HEAP);
    let listing = "{{#item stage2-headers/src/heap.rs Heap::free}}";
    let page = |figure: &str| {
        repository.expand(&format!("# T\n\n{figure}\n\n{listing}\n"))
    };
    assert_eq!(page("{{#heap headers}}").err(), None);
    let mistakes = page("{{#heap bump}}").unwrap_err();
    let [(Some(3), text)] = &mistakes[..] else { panic!("{mistakes:?}") };
    assert_eq!(
        text,
        "the figure `bump` is recorded on `stage1-bump`, and the listings of \
         this page are of `stage2-headers`. Record it there, or name its heap: \
         `{{#heap bump stage1-bump}}`"
    );
    assert_eq!(page("{{#heap bump stage1-bump}}").err(), None);
    let mistakes = page("{{#heap bump stage2-headers}}").unwrap_err();
    assert_eq!(
        mistakes[0].1,
        "the figure `bump` is recorded on `stage1-bump`, not on \
         `stage2-headers`"
    );
}

#[test]
fn a_step_s_listing_wants_a_figure_of_the_step() {
    let repository = Repository::new();
    for path in ["book/steps/3-1-reuse.rs", "stage3-freelist/src/heap.rs"] {
        repository.write(path, HEAP);
    }
    let page = |figure: &str| {
        repository.expand(&format!(
            "# T\n\n{{{{#item stage3-freelist/src/heap.rs Heap}}}}\n\n\
             {{{{#item book/steps/3-1-reuse.rs Heap}}}}\n\n{figure}\n"
        ))
    };
    assert_eq!(page("{{#heap split}}").err(), None);
    let mistakes = page("{{#heap fragmentation}}").unwrap_err();
    assert!(mistakes[0].1.contains("are of `book/steps/3-1-reuse.rs`."));
}
