//! Every page of the book in a browser: by the keyboard alone, and on paper.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use book::build;
use pages::chromium::{self, Browser, Key};
use serde_json::Value;

/// A narrow screen, on which most scrolls.
const NARROW: u32 = 390;

/// A wide one.
const WIDE: u32 = 1_200;

/// As wide as the text is on A4.
const PAPER: u32 = 718;

/// The folder of the book, built once for all tests.
fn book() -> &'static Path {
    static BOOK: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("whole-book");
        build::build(&build::folder(), &folder).expect("the book is built");
        folder
    });
    &BOOK
}

/// The pages of the book, as files below its folder.
fn pages() -> Vec<PathBuf> {
    let pages = build::pages(&build::folder()).expect("the book has pages");
    let html = pages.iter().map(|page| match page.ends_with("README.md") {
        true => page.with_file_name("index.html"),
        false => page.with_extension("html"),
    });
    html.collect()
}

/// Opens a page, and waits for what its scripts do.
fn open(browser: &mut Browser, page: &Path) {
    browser.open(&chromium::address(&book().join(page)));
    browser.evaluate(
        "localStorage.setItem('mdbook-sidebar', 'hidden');
         new Promise((resolve) => {
             const isThere = () =>
                 !document.querySelector('.try') ||
                 document.querySelector('.try-quick button');
             const wait = () =>
                 isThere() ? setTimeout(resolve) : setTimeout(wait, 10);
             wait();
         })",
    );
}

/// What is wrong, and with which pages.
type Wrong = BTreeMap<String, Vec<String>>;

/// Notes what a script complains of.
fn note(wrong: &mut Wrong, complaints: Value, place: &str) {
    let complaints: Vec<String> =
        serde_json::from_value(complaints).expect("a list of complaints");
    for complaint in complaints {
        wrong.entry(complaint).or_default().push(place.to_owned());
    }
}

#[track_caller]
fn expect_none(wrong: &Wrong) {
    let told = wrong.iter().map(|(what, pages)| {
        format!("{what}: {} and {} more", pages[0], pages.len() - 1)
    });
    let told: Vec<String> = told.collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// What is wrong with the pages by the keyboard, on paper, and with the commands
/// on a narrow screen. Each page is opened once, since that takes longest.
fn looked_at() -> &'static [Wrong; 3] {
    static LOOKED_AT: LazyLock<[Wrong; 3]> = LazyLock::new(look_at);
    &LOOKED_AT
}

fn look_at() -> [Wrong; 3] {
    let mut browser = Browser::start();
    let [mut by_keyboard, mut on_paper, mut commands] =
        [const { Wrong::new() }; 3];
    let mut stops = 0;
    // The contents are to be shut. The first page is opened twice for that.
    browser.resize(NARROW, 900);
    open(&mut browser, &pages()[0]);
    for page in pages() {
        open(&mut browser, &page);
        let page = page.display().to_string();
        browser.evaluate(include_str!("whole_book/walk.js"));
        // Letters that come late, folds that open and a scroll bar tell the page's
        // scripts of it a little later.
        browser.evaluate(
            "document.fonts.ready.then(() => new Promise((resolve) => {
                 setTimeout(resolve, 200);
                 const frame = requestAnimationFrame;
                 frame(() => frame(() => setTimeout(resolve)));
             }))",
        );
        let count = browser.evaluate("walk.start()").as_u64();
        let count = count.expect("a number of stops");
        browser.press(Key::TAB, count);
        note(&mut by_keyboard, browser.evaluate("walk.end()"), &page);
        stops += count;
        let script = include_str!("whole_book/commands.js");
        note(&mut commands, browser.evaluate(script), &page);
        browser.resize(PAPER, 1_000);
        // As who has touched nothing yet prints it.
        open(&mut browser, Path::new(&page));
        browser.on_paper(true);
        let script = include_str!("whole_book/paper.js");
        note(&mut on_paper, browser.evaluate(script), &page);
        browser.on_paper(false);
        browser.resize(NARROW, 900);
    }
    println!("{stops} stops on {} pages", pages().len());
    [by_keyboard, on_paper, commands]
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn the_tab_key_reaches_every_control_in_its_order_and_shows_where_it_is() {
    expect_none(&looked_at()[0]);
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn nothing_scrolls_on_paper_and_nothing_is_cut_off() {
    expect_none(&looked_at()[1]);
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn a_command_is_read_to_its_end_on_a_narrow_screen() {
    expect_none(&looked_at()[2]);
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn the_search_finds_what_faults_are_called() {
    let mut browser = Browser::start();
    browser.resize(WIDE, 900);
    let browser = &mut browser;
    for name in ["use after free", "double free", "false sharing"] {
        open(browser, Path::new("index.html"));
        browser.evaluate(
            "document.getElementById('mdbook-search-toggle').click()",
        );
        browser.expect("document.activeElement.id === 'mdbook-searchbar'");
        // It comes when it is asked for.
        browser.expect("'doc_urls' in window.search");
        browser.write(name);
        // mdBook looks for it when a key comes up.
        browser.press(Key::RIGHT, 1);
        let first = format!(
            "[...document.querySelectorAll('#mdbook-searchresults li')]
                 .slice(0, 2)
                 .some((it) => it.textContent.toLowerCase().includes('{name}'))"
        );
        browser.expect(&first);
    }
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn what_has_a_key_is_lit_and_the_others_fade() {
    let mut browser = Browser::start();
    browser.resize(WIDE, 900);
    open(&mut browser, Path::new("beyond/measured/growth.html"));
    let opacity = |key: u32| {
        format!(
            "getComputedStyle(document.querySelector('[data-of=\"{key}\"]')).opacity"
        )
    };
    browser.expect(&format!("{} === '1'", opacity(1)));
    browser.tab_to("[data-key=\"0\"]");
    browser.expect(&format!("{} === '1'", opacity(0)));
    browser.expect(&format!("{} === '0.15'", opacity(1)));
    browser.press(Key::SPACE, 1);
    browser.evaluate("document.activeElement.blur()");
    browser.expect(&format!("{} === '0.15'", opacity(1)));
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn a_word_says_what_it_means_to_whoever_comes_by_the_keyboard() {
    let mut browser = Browser::start();
    browser.resize(NARROW, 900);
    open(&mut browser, Path::new("beyond/per-thread/false-sharing.html"));
    browser.tab_to("a.word");
    let says = "getComputedStyle(document.activeElement, '::after')";
    browser.expect(&format!("{says}.content.includes('bytes in a row')"));
    browser.expect(&format!(
        "parseFloat({says}.width) <= document.documentElement.clientWidth"
    ));
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn what_a_click_does_enter_and_space_do_too() {
    let mut browser = Browser::start();
    browser.resize(WIDE, 900);
    let browser = &mut browser;

    // A player, and its question.
    open(browser, Path::new("stage2/what-can-go-back.html"));
    let now = "document.querySelector('.hf-count').textContent";
    browser.tab_to("[data-do=step]");
    browser.press(Key::ENTER, 1);
    browser.expect(&format!("{now}.startsWith('1 /')"));
    browser.press(Key::SPACE, 1);
    browser.expect(&format!("{now}.startsWith('2 /')"));
    browser.press(Key::SPACE, 1);
    let asks = "!!document.querySelector('.is-asking .hf-ask.is-now')";
    browser.expect(asks);
    browser.evaluate("document.querySelector('.heap-figure').focus()");
    browser.tab_to(".hf-ask.is-now button");
    browser.press(Key::ENTER, 1);
    browser.expect(&format!("!{asks}"));
    browser.expect("document.activeElement.dataset.do === 'step'");
    browser.expect(
        "/^(Right|Not)/.test(
             document.querySelector('.is-now .hf-verdict').textContent)",
    );

    // The answer to a question on the page.
    browser.tab_to(".answer > summary");
    let is_open = "document.activeElement.parentElement.open";
    browser.press(Key::ENTER, 1);
    browser.expect(is_open);
    browser.press(Key::SPACE, 1);
    browser.expect(&format!("!{is_open}"));

    // Code that is wider than a narrow page: the key for the next page scrolls.
    browser.resize(NARROW, 900);
    open(browser, Path::new("stage2/what-can-go-back.html"));
    browser.tab_to("pre > code");
    browser.press(Key::RIGHT, 1);
    browser.expect("document.activeElement.scrollLeft > 0");

    // A heap to play with.
    open(browser, Path::new("try.html"));
    let lines = "document.querySelectorAll('.try button.hf-step').length";
    let before = browser.evaluate(lines);
    browser.tab_to(".try form input");
    browser.write("z = malloc(8)");
    browser.press(Key::ENTER, 1);
    browser.expect(&format!("{lines} === {before} + 1"));
    browser.tab_to("[data-try=undo]");
    browser.press(Key::SPACE, 1);
    browser.expect(&format!("{lines} === {before}"));
    browser.tab_to(".try-quick button");
    browser.press(Key::ENTER, 2);
    browser.expect(&format!("{lines} === {before} + 2"));
    browser.expect("document.activeElement.matches('.try-quick button')");

    // What is kept can be forgotten.
    open(browser, Path::new("before/how-to-work.html"));
    browser.tab_to(".progress-forget");
    browser.press(Key::ENTER, 1);
    browser.expect(
        "document.querySelector('.progress-place').textContent
             .endsWith('Forgotten.')",
    );
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn the_buttons_of_a_figure_that_is_higher_than_the_screen_are_on_it() {
    let mut browser = Browser::start();
    for width in [NARROW, WIDE] {
        browser.resize(width, 800);
        open(&mut browser, Path::new("beyond/holes/what-goes-back.html"));
        let pictures = "document.querySelector('.is-live .hf-pictures')";
        let buttons = "document.querySelector('.is-live .hf-controls')";
        browser.evaluate(&format!("{pictures}.scrollIntoView()"));
        let is_higher = "getBoundingClientRect().bottom > innerHeight";
        browser.expect(&format!("{pictures}.{is_higher}"));
        browser.expect(&format!("!({buttons}.{is_higher})"));
        // As its upper edge comes into sight they do not lie on it.
        let top = "getBoundingClientRect().top";
        browser.evaluate(&format!(
            "scrollBy(0, {pictures}.{top} - innerHeight + 100)"
        ));
        browser.expect(&format!("{pictures}.{top} < innerHeight"));
        browser.expect(&format!("{buttons}.{top} >= innerHeight"));
    }
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn an_empty_heap_fills_the_place_of_the_highest_picture() {
    let mut browser = Browser::start();
    browser.resize(WIDE, 900);
    for page in ["stage2/what-can-go-back.html", "stage5/the-design.html"] {
        open(&mut browser, Path::new(page));
        let height = |of: &str| {
            format!(
                "document.querySelector('.is-live {of}')
                     .getBoundingClientRect().height"
            )
        };
        let (heap, place) =
            (height(".is-now .hf-memory"), height(".hf-pictures"));
        browser.expect(&format!("{heap} > 0.8 * {place}"));
    }
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn all_pages_on_one_are_as_wide_as_each() {
    let mut browser = Browser::start();
    browser.resize(WIDE, 900);
    // The contents are to be shut. The first page is opened twice for that.
    open(&mut browser, &pages()[0]);
    let mut width_of = |page: &str| {
        open(&mut browser, Path::new(page));
        browser.evaluate("document.querySelector('main').clientWidth")
    };
    // It asks for a printer, and would wait for an answer.
    let all = fs::read_to_string(book().join("print.html")).expect("a page");
    let quiet = all.replace("window.print", "() => {}");
    assert_ne!(all, quiet);
    fs::write(book().join("quiet.html"), quiet).expect("it can be written");
    let [one, all] =
        ["stage2/what-can-go-back.html", "quiet.html"].map(&mut width_of);
    assert_eq!(one, all);
    // A poster by itself is wider.
    assert!(width_of("stage1/poster.html").as_u64() > one.as_u64());
}

/// The pages with a poster.
fn posters() -> Vec<PathBuf> {
    let is_one = |page: &PathBuf| page.ends_with("poster.html");
    let posters: Vec<_> = pages().into_iter().filter(is_one).collect();
    assert!(!posters.is_empty(), "no page has a poster");
    posters
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn a_poster_is_on_one_screen() {
    const HEIGHT: u32 = 800;
    let mut browser = Browser::start();
    browser.resize(WIDE, HEIGHT);
    let end = "Math.ceil(document.querySelector('.poster')
                   .getBoundingClientRect().bottom)";
    // The contents are to be shut. The first page is opened twice for that.
    open(&mut browser, &posters()[0]);
    let mut ends = BTreeMap::new();
    for page in posters() {
        open(&mut browser, &page);
        ends.insert(page, browser.evaluate(end).as_u64());
    }
    let is_seen =
        |end: &Option<u64>| end.is_some_and(|it| it <= u64::from(HEIGHT));
    assert!(ends.values().all(is_seen), "of {HEIGHT} pixels: {ends:?}");
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn a_poster_is_on_one_sheet_of_paper() {
    let mut browser = Browser::start();
    let mut sheets_of = |page: PathBuf| {
        open(&mut browser, &page);
        let sheets = browser.sheets();
        (page, sheets)
    };
    let sheets: BTreeMap<_, _> =
        posters().into_iter().map(&mut sheets_of).collect();
    assert!(sheets.values().all(|it| *it == 1), "{sheets:?}");
    // What does not fit is seen.
    let (_, sheets) = sheets_of(PathBuf::from("stage2/what-can-go-back.html"));
    assert!(sheets > 1, "a whole page is said to be on one sheet");
}
