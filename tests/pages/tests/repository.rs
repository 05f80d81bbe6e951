//! What links to the repository, and that nothing does while it has no
//! address; and where our page differs from mdBook's.

use std::fs;
use std::path::{Path, PathBuf};

use book::build::{build, folder};
use mdbook_driver::MDBook;
use mdbook_driver::config::Config;
use tempfile::TempDir;

const ADDRESS: &str = "https://example.org/someone/malloc";

/// A book of two pages with our theme.
struct Repository(TempDir);

impl Repository {
    fn new(address: Option<&str>) -> Self {
        let this = Self(TempDir::new().unwrap());
        let setting = address.map_or_else(String::new, |address| {
            format!("git-repository-url = \"{address}\"\n")
        });
        let config = format!(
            "[book]\ntitle = \"T\"\nsrc = \"chapters\"\n\
             [build]\nuse-default-preprocessors = false\n\
             [output.html]\n{setting}"
        );
        this.write("book/book.toml", &config);
        let theme = fs::read_to_string(page_of_theme()).unwrap();
        this.write("book/theme/index.hbs", &theme);
        this.write(
            "stage1/heap.rs",
            "struct A;\n\nstruct Heap {\n    a: A,\n}\n",
        );
        this.write(
            "book/chapters/SUMMARY.md",
            "- [One](one.md)\n- [Two](two.md)\n- [Three](three.md)\n",
        );
        this.write("book/chapters/one.md", "# One\n");
        this.write(
            "book/chapters/two.md",
            "# Two\n\n{{#item stage1/heap.rs Heap A}}\n\n\
             {{#file stage1/heap.rs}}\n\nIt may be wrong.\n\n{{#tell-us}}\n",
        );
        this.write("book/chapters/three.md", "# Three\n");
        this
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The same, as it is published from a commit.
    fn published(self, commit: &str) -> Self {
        let toml = fs::read_to_string(self.path("book/book.toml")).unwrap();
        let setting = format!("[preprocessor.malloc]\ncommit = \"{commit}\"\n");
        self.write("book/book.toml", &(toml + &setting));
        self
    }

    fn page(&self, name: &str) -> String {
        build(&self.path("book"), &self.path("out")).unwrap();
        fs::read_to_string(self.path("out").join(name)).unwrap()
    }
}

fn page_of_theme() -> PathBuf {
    folder().join("theme/index.hbs")
}

#[test]
fn with_an_address_listings_edits_and_mistakes_have_their_links() {
    let page = Repository::new(Some(ADDRESS)).page("two.html");
    for link in [
        "/blob/main/stage1/heap.rs\">stage1/heap.rs</a>",
        "/blob/main/stage1/heap.rs#L3-L5\">3–5</a>",
        "/blob/main/stage1/heap.rs#L1\">1</a>",
        "/edit/main/book/chapters/two.md\">Edit this page</a>",
        "/issues\">https://example.org/someone/malloc/issues</a>",
        "\" title=\"Git repository\"",
    ] {
        let link = format!("{ADDRESS}{link}");
        assert!(page.contains(&link), "no {link} in {page}");
    }
    assert!(page.contains("Please tell us: <a"), "{page}");
}

#[test]
fn without_an_address_there_is_no_link_and_no_wish() {
    let page = Repository::new(None).page("two.html");
    for never in ["example.org", "tell us", "Edit this page", "Git repo"] {
        assert!(!page.contains(never), "{never} in {page}");
    }
    let (_, caption) = page.split_once("<figcaption>").unwrap();
    let (caption, _) = caption.split_once("</figcaption>").unwrap();
    let plain = "<span>stage1/heap.rs</span> <span>lines 3–5, 1";
    let (caption, to_itself) = caption.split_once("<a").unwrap();
    assert_eq!(caption, plain);
    assert!(to_itself.contains("href=\"#code-heap-heap-a\""), "{to_itself}");
}

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

#[test]
fn each_page_that_is_published_says_its_version_and_commit() {
    for name in ["one.html", "two.html", "three.html"] {
        let book = Repository::new(Some(ADDRESS)).published(COMMIT);
        let page = book.page(name);
        let edition = format!(
            "<p class=\"edition\">Version {}, commit \
             <a href=\"{ADDRESS}/commit/{COMMIT}\">0123456789</a></p>",
            env!("CARGO_PKG_VERSION"),
        );
        assert!(page.contains(&edition), "no {edition} in {page}");
    }
    let page = Repository::new(None).published(COMMIT).page("one.html");
    assert!(page.contains(", commit 0123456789</p>"), "{page}");
}

#[test]
fn a_page_of_a_readers_copy_is_of_no_edition() {
    let page = Repository::new(Some(ADDRESS)).page("one.html");
    assert!(!page.contains("class=\"edition\""), "{page}");
}

/// The book itself has no address: a reader's copy is not ours.
#[test]
fn the_setting_is_empty_in_the_repository() {
    let config = Config::from_disk(folder().join("book.toml")).unwrap();
    let html = config.html_config().unwrap();
    assert_eq!((html.git_repository_url, html.edit_url_template), (None, None));
}

#[test]
fn the_pages_before_and_after_are_called_by_their_names() {
    let page = Repository::new(None).page("two.html");
    let words: Vec<_> = page.split_whitespace().collect();
    let text = words.join(" ");
    for link in [
        "<small>Previous</small> One </a>",
        "<small>Next</small> Three </a>",
        "title=\"One\" aria-label=\"Previous: One\"",
        "title=\"Three\" aria-label=\"Next: Three\"",
    ] {
        assert!(text.contains(link), "no {link} in {text}");
    }
    assert!(!page.contains("Next chapter"), "{page}");
}

/// Without the links to the pages before and after.
fn without_links(page: &str) -> String {
    let (before, links) = page.split_once("</main>").unwrap();
    let (_, after) = links.split_once("<template id=fa-eye>").unwrap();
    before.to_owned() + after
}

/// In ours the label that opens the contents is a button, as its state is one of
/// a button: readers of screens are told so.
const BUTTON: &str = " role=\"button\"";

/// What ours says of the keys of figures, where mdBook says what keys do.
const KEYS: &str = "<p>In a figure that plays, ";

/// When mdBook changes its page, ours has to follow.
#[test]
fn our_page_is_mdbooks_but_for_a_button_keys_and_the_links_to_other_pages() {
    let folder = TempDir::new().unwrap();
    let mut init = MDBook::init(folder.path());
    init.copy_theme(true).build().unwrap();
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let theirs = read(&folder.path().join("theme/index.hbs"));
    let ours = read(&page_of_theme());
    assert_eq!(ours.matches(BUTTON).count(), 1, "{BUTTON}");
    assert_eq!(ours.matches(KEYS).count(), 1, "{KEYS}");
    let ours = ours.replace(BUTTON, "");
    let lines = ours.lines().filter(|line| !line.contains(KEYS));
    let ours: String = lines.map(|line| format!("{line}\n")).collect();
    let (theirs, ours) = (without_links(&theirs), without_links(&ours));
    for (line, (theirs, ours)) in (1..).zip(theirs.lines().zip(ours.lines())) {
        assert_eq!(theirs, ours, "line {line} of theme/index.hbs");
    }
    assert_eq!(theirs.lines().count(), ours.lines().count());
}
