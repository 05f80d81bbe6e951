//! Chapters have numbers, and no page names a wrong one.

use std::fs;
use std::path::Path;

use book::build::build;
use book::numbering::{named, relative};
use tempfile::TempDir;

const SUMMARY: &str = "\
# Summary

# Before

- [Front](front.md)

# Numbered

- [First](a/index.md)
    - [Inside](a/inside.md)
- [Second](b.md)

# Behind

- [Back](back.md)
";

/// A book with two numbered chapters.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let this = Self(TempDir::new().unwrap());
        this.write(
            "book.toml",
            "[book]\ntitle = \"T\"\nsrc = \"chapters\"\n\
             [build]\nuse-default-preprocessors = false\n\
             [preprocessor.malloc]\nnumbered = [\"Numbered\"]\n\
             [output.html]\nno-section-label = true\n",
        );
        this.write("chapters/SUMMARY.md", SUMMARY);
        for (page, title) in [
            ("front.md", "Front"),
            ("a/index.md", "First"),
            ("a/inside.md", "Inside"),
            ("b.md", "Second"),
            ("back.md", "Back"),
        ] {
            this.write(&format!("chapters/{page}"), &format!("# {title}\n"));
        }
        this
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join("book").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Builds the book and returns one page of it.
    fn page(&self, name: &str) -> Result<String, String> {
        let out = self.0.path().join("out");
        build(&self.0.path().join("book"), &out)
            .map_err(|error| format!("{error:#}"))?;
        Ok(fs::read_to_string(out.join(name)).unwrap())
    }
}

#[test]
fn a_chapter_has_its_number_in_its_title_and_in_the_contents() {
    let folder = Folder::new();
    let contents = folder.page("toc.html").unwrap();
    for name in [">Front<", ">1. First<", ">Inside<", ">2. Second<", ">Back<"] {
        assert!(contents.contains(name), "{name} is not in {contents}");
    }
    let page = folder.page("b.html").unwrap();
    assert!(page.contains("<title>2. Second - T</title>"), "{page}");
    assert!(page.contains(">2. Second</a></h1>"), "{page}");
}

#[test]
fn a_page_links_to_the_chapter_that_it_is_a_part_of() {
    let page = Folder::new().page("a/inside.html").unwrap();
    let link = "<p class=\"length\"><a href=\"index.html\">1. First</a>";
    assert!(page.contains(link), "{page}");
}

/// What the build says of a page inside the first chapter.
fn error(text: &str) -> String {
    let folder = Folder::new();
    folder.write("chapters/a/inside.md", &format!("# Inside\n\n{text}\n"));
    folder.page("a/inside.html").expect_err(text)
}

#[test]
fn a_chapter_that_is_named_is_linked() {
    let error = error("As in chapter 2, it is.");
    let expected = "book/chapters/a/inside.md:3: chapter 2 is named without a \
                    link. Write `[chapter 2](../b.md)`";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_link_leads_to_the_chapter_that_it_names() {
    let error = error("See chapters [1](index.md) and [2](index.md#x).");
    let expected = "`index.md#x` is no page of chapter 2. Write \
                    `[chapter 2](../b.md)`";
    assert!(error.contains(expected), "{error}");
    assert!(!error.contains("chapter 1"), "{error}");
}

#[test]
fn a_renumbering_cannot_leave_a_wrong_number() {
    let folder = Folder::new();
    folder.write("chapters/back.md", "# Back\n\n[Chapter 2](b.md) has it.\n");
    folder.page("back.html").expect("the number is right");
    let moved = SUMMARY
        .replace("- [Second](b.md)\n", "")
        .replace("# Numbered\n", "# Numbered\n\n- [Second](b.md)");
    folder.write("chapters/SUMMARY.md", &moved);
    let error = folder.page("back.html").unwrap_err();
    let expected = "`b.md` is no page of chapter 2. Write \
                    `[chapter 2](a/index.md)`";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn there_is_no_chapter_beyond_the_last() {
    let error = error("In [chapter 3](../b.md) there is more.");
    assert!(error.contains("there is no chapter 3"), "{error}");
}

#[test]
fn all_forms_of_a_number_are_found() {
    let found = |text: &str| -> Vec<String> {
        named(text).into_iter().map(|at| text[at].to_owned()).collect()
    };
    assert_eq!(found("Chapter 7 goes, and chapter 8."), ["7", "8"]);
    assert_eq!(found("from chapters 7 and 8 on"), ["7", "8"]);
    assert_eq!(found("chapters 1, 2 or 3"), ["1", "2", "3"]);
    assert_eq!(found("chapters 6–9"), ["6", "9"]);
    assert_eq!(found("chapter 12's"), ["12"]);
    assert_eq!(found("Each chapter has 7 pages"), [""; 0]);
    let other = "Chapters 1–15 of The Rust Programming Language";
    assert_eq!(found(other), [""; 0]);
}

#[test]
fn a_link_goes_up_no_further_than_it_must() {
    let link = |from, to| relative(Path::new(from), Path::new(to));
    assert_eq!(link("a/b/c.md", "a/b/d.md"), "d.md");
    assert_eq!(link("a/b/c.md", "a/d/e.md"), "../d/e.md");
    assert_eq!(link("a/b/c.md", "d.md"), "../../d.md");
    assert_eq!(link("a.md", "b/c.md"), "b/c.md");
}
