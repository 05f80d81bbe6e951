//! What axe, which looks for what some readers cannot use, finds in the book's
//! own part of each page. It takes minutes, so whoever changes what all pages
//! share runs it:
//!
//! ```text
//! npm pack --pack-destination target axe-core@4.10.2
//! mkdir -p target/axe && tar -xzf target/axe-core-4.10.2.tgz -C target/axe
//! cargo test -p pages --test axe -- --ignored
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use book::build;
use pages::chromium::{self, Browser};
use timing::workspace::workspace;

/// The program, from the root of the repository.
const AXE: &str = "target/axe/package/axe.min.js";

/// The themes of mdBook.
const THEMES: [&str; 5] = ["light", "rust", "coal", "navy", "ayu"];

/// Pages that have all kinds of parts between them, for each theme: players, diffs
/// with notes, plots of each kind, exercises, answers, tables, a heap to
/// play with.
const OF_EACH_KIND: [&str; 9] = [
    "stage2/what-can-go-back.html",
    "stage3/from-stage-2.html",
    "stage3/what-is-true-now.html",
    "beyond/claim/in-what-order.html",
    "stage5/exercises.html",
    "back/answers.html",
    "back/side-by-side/index.html",
    "back/words.html",
    "try.html",
];

/// Opens all folds, and says what is wrong, rule by rule.
const LOOK: &str = "
    for (const fold of document.querySelectorAll('details')) fold.open = true;
    // What is just fading in has not its own colour yet.
    const still = document.createElement('style');
    still.textContent = '* { animation: none !important; ' +
        'transition: none !important; }';
    document.head.append(still);
    axe.run('main', { resultTypes: ['violations'] }).then((found) =>
        found.violations.flatMap(({ id, nodes }) => nodes.map(
            (node) => `${id}: ${node.html.slice(0, 120)} ` +
                `${node.any[0]?.message ?? ''}`,
        )),
    )";

/// The folder of the book, built once for all tests.
fn book() -> &'static Path {
    static BOOK: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("axe-book");
        build::build(&build::folder(), &folder).expect("the book is built");
        folder
    });
    &BOOK
}

fn axe() -> String {
    let path = workspace().join(AXE);
    fs::read_to_string(path).expect("axe-core is in target/axe")
}

/// What is wrong with pages in a theme, each with where it is seen first.
fn wrong(theme: &str, pages: &[String]) -> BTreeMap<String, String> {
    let axe = axe();
    let mut browser = Browser::start();
    browser.resize(1_200, 900);
    let mut wrong = BTreeMap::new();
    let mut open = |page: &str| {
        browser.open(&chromium::address(&book().join(page)));
        browser.evaluate(&format!(
            "localStorage.setItem('mdbook-theme', '{theme}');
             localStorage.setItem('mdbook-sidebar', 'hidden')"
        ));
        browser.evaluate(&format!("{axe}; 0"));
        browser.evaluate(LOOK)
    };
    // A page has the theme that was set before it was opened.
    open(&pages[0]);
    for page in pages {
        let found: Vec<String> =
            serde_json::from_value(open(page)).expect("a list");
        for complaint in found {
            wrong.entry(complaint).or_insert_with(|| page.clone());
        }
    }
    wrong
}

/// The same, for whoever reads it.
fn told(theme: &str, pages: &[String]) -> Vec<String> {
    let wrong = wrong(theme, pages);
    println!("{theme}: {} pages, {} complaints", pages.len(), wrong.len());
    let told = wrong.iter().take(20);
    told.map(|(what, page)| format!("{theme}, {page}: {what}")).collect()
}

#[test]
#[ignore = "needs Chromium and axe-core, and some minutes: run it after a change \
            of what all pages share"]
fn axe_finds_nothing_on_any_page() {
    let pages = build::pages(&build::folder()).expect("the book has pages");
    let html = pages.iter().map(|page| page.with_extension("html"));
    let pages: Vec<_> = html.map(|page| page.display().to_string()).collect();
    let told = told(THEMES[0], &pages);
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
#[ignore = "needs Chromium and axe-core, and some minutes: run it after a change \
            of what all pages share"]
fn axe_finds_nothing_in_any_theme() {
    let pages = OF_EACH_KIND.map(str::to_owned);
    let told: Vec<_> =
        THEMES.iter().flat_map(|theme| told(theme, &pages)).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}
