//! Questions and their answers: what a page may say, and where it comes from.

use std::fs;
use std::path::Path;

use book::answers::{at_the_back, folded};
use book::figure::with_heap;
use book::page::Page;
use book::ran::{value, value_on};
use book::sources::Sources;
use play::recorder::{Recorded, View};
use timing::workspace::workspace;

const QUESTION: &str = "# T\n\n> **Before you go on.** How many?\n";

/// What is wrong with a page that asks, and says this below.
fn mistakes(answer: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let sources = Sources::new(folder.path(), folder.path().to_owned());
    let text = format!("{QUESTION}{answer}");
    match Page::new(&text).expand(Path::new("one.md"), &sources) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.into_iter().map(|it| it.1).collect(),
    }
}

fn only(mistakes: &[String], part: &str) {
    let [mistake] = mistakes else { panic!("not one: {mistakes:?}") };
    assert!(mistake.contains(part), "no {part} in {mistake}");
}

#[test]
fn a_question_has_an_answer() {
    only(&mistakes(""), "the question has no answer");
    only(&mistakes(">\n> Three.\n"), "the question has no answer");
}

#[test]
fn an_answer_is_computed_or_says_that_it_is_reasoned() {
    let typed = ">\n> **Answer.** Three: [One](one.md).\n";
    only(&mistakes(typed), "the answer is typed");
    let reasoned = typed.replace("Answer.", "Answer, by reasoning.");
    assert_eq!(mistakes(&reasoned), [] as [&str; 0]);
    let ran = "{{#ran stage5: a = malloc(1) -> chunks}}";
    assert_eq!(mistakes(&typed.replace("Three", ran)), [] as [&str; 0]);
}

#[test]
fn an_answer_names_what_shows_it() {
    let answer = ">\n> **Answer, by reasoning.** Three.\n";
    only(&mistakes(answer), "names no page and no test");
}

#[test]
fn an_answer_is_folded_on_its_page_and_open_at_the_back() {
    let page = format!(
        "{QUESTION}>\n> **Answer.** Three, says [b](../b.md#c)\n> and [d](#e).\n\n\
         Next.\n"
    );
    let folded = folded(&page);
    let start = folded.find("<details").expect("a fold");
    let end = folded.find("</details>").expect("its end");
    let places = ["How many?", "Three", "Next."].map(|it| folded.find(it));
    let [Some(question), Some(answer), Some(next)] = places else {
        panic!("{folded}")
    };
    assert!(question < start && start < answer, "{folded}");
    assert!(answer < end && end < next, "{folded}");

    let back = at_the_back(&folded, Path::new("x/a.md"), Path::new("y/z.md"));
    let answer = "Three, says [b](../b.md#c)\nand [d](../x/a.md#e).";
    assert_eq!(back, [["How many?".to_owned(), answer.to_owned()]]);
}

#[test]
fn the_words_of_an_answer_are_not_those_of_its_page() {
    let sources = Sources::new(Path::new("."), ".".into());
    let words = |text: &str| {
        Page::new(text).length(Path::new("one.md"), &sources).words
    };
    let answer = ">\n> **Answer.** One, two, three `four`.\n";
    let text = format!("{QUESTION}{answer}");
    assert_eq!(words(&text), words(QUESTION));
    // "T", "Before you go on", "How many".
    assert_eq!(words(QUESTION), 7);
}

/// The words round each number that is typed in an answer.
fn typed_in(question: &str, answer: &str) -> Vec<String> {
    let page =
        format!("# T\n\n> **1.** {question}\n>\n> **Answer.** {answer}\n");
    let typed = book::answers::typed(&page);
    let [answer] = &typed[..] else { panic!("not one answer: {page}") };
    answer.typed.iter().map(|at| answer.words[*at].clone()).collect()
}

#[test]
fn a_number_that_is_typed_in_an_answer_is_seen_beside_one_that_is_not() {
    let ran = "{{#ran stage5: 300[a = malloc(24)] -> chunks}}";
    for (question, answer, typed) in [
        ("How many?", format!("{ran} chunks of 48 bytes."), vec!["48"]),
        ("How many?", format!("{ran}, eight of them free."), vec!["eight"]),
        ("How many?", format!("One stack, and {ran} chunks."), vec!["One"]),
        ("How many?", format!("{ran}: one byte more."), vec!["one"]),
        ("How many?", format!("{ran}: twice 4,095."), vec!["twice", "4,095"]),
        // What is no amount, is the question's, or is what the heap was given.
        ("How many?", format!("{ran}: the one below, `8`."), vec![]),
        ("How many?", format!("{ran} in stage 3, [as](in-8.md)."), vec![]),
        ("How many of 1,000?", format!("{ran} of a thousand."), vec![]),
        ("How many?", format!("{ran} of 300 blocks of 24."), vec![]),
        // A small number may be there by chance.
        ("How many of 8?", format!("{ran} of 8."), vec!["8"]),
    ] {
        assert_eq!(typed_in(question, &answer), typed, "{question} {answer}");
    }
}

/// A heap that gives each block 16 bytes more than was asked for.
struct Larger<'h>(&'h mut dyn Recorded);

impl Recorded for Larger<'_> {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.0.malloc(size + 16)
    }

    unsafe fn free(&mut self, payload: *mut u8) {
        // SAFETY: the caller says what this method asks for.
        unsafe { self.0.free(payload) }
    }

    unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the caller says what this method asks for.
        unsafe { self.0.realloc(payload, size + 16) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.0.memalign(align, size + 16)
    }

    unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        // SAFETY: the caller says what this method asks for.
        unsafe { self.0.usable_size(payload) }
    }

    fn somebody_else_takes(&mut self, bytes: usize) {
        self.0.somebody_else_takes(bytes);
    }

    fn view(&mut self) -> View {
        self.0.view()
    }
}

/// What a program finds on a heap, and on the same heap with larger blocks.
fn both(heap: &str, program: &str) -> [String; 2] {
    let ran = with_heap(heap, |heap| value_on(heap, program));
    let larger = with_heap(heap, |heap| value_on(&mut Larger(heap), program));
    [ran, larger].map(|it| it.expect(heap).expect(program))
}

#[test]
fn another_heap_has_other_answers() {
    for (heap, program, answers) in [
        ("stage1", "10[a = malloc(64)] -> used", ["790", "950"]),
        (
            "stage2",
            "a = malloc(64); b = malloc(1) -> at b",
            ["0x…080", "0x…090"],
        ),
        ("stage2", "a = malloc(64) -> usable a", ["64", "80"]),
        (
            "stage3",
            "a = malloc(64); b = malloc(1); free(a) -> largest",
            ["64", "80"],
        ),
        (
            "stage5",
            "a = malloc(64); b = malloc(1) -> from a to b",
            ["64", "80"],
        ),
    ] {
        assert_eq!(both(heap, program), answers, "{heap}: {program}");
    }
}

#[test]
fn a_program_is_run_and_its_end_is_told() {
    for (program, told) in [
        ("stage1: a = malloc(1) -> used as bytes", "16 bytes"),
        ("stage2: 3[a = malloc(1)]; free(oldest a) -> free as word", "one"),
        ("stage2: 3[a = malloc(1)]; 3[free(a)] -> moves as word", "six"),
        ("stage2: a = malloc(1); sbrk(100) -> used", "148"),
        ("stage2: 2[a = malloc(1000)]; 2[free(a)] -> peak", "2,080"),
        ("stage3: a = malloc(200000) -> at a", "null"),
        (
            "stage3: 4[a = malloc(64)]; free(oldest a); a = malloc(1) -> moved",
            "0",
        ),
        ("stage5: 3[a = malloc(1)]; free(oldest a) -> chunks", "3"),
        (
            "stage3: a = malloc(64); b = malloc(16); c = malloc(64); \
             d = malloc(16); free(a); free(c) -> fragmentation",
            "50 %",
        ),
    ] {
        let ran = value(Path::new("."), program);
        assert_eq!(ran, Ok(told.to_owned()), "{program}");
    }
}

#[test]
fn a_program_that_cannot_be_run_is_a_mistake() {
    for (program, part) in [
        ("stage9: a = malloc(1) -> used", "there is no heap `stage9`"),
        ("stage1: a = malloc(1)", "` -> `"),
        ("stage1: a = melloc(1) -> used", "is no line of a program"),
        ("stage1: free(a) -> used", "there is no block `a`"),
        ("stage1: 2[a = malloc(1) -> used", "a `[` without a `]`"),
        ("stage1: a = malloc(1) -> colour", "cannot tell `colour`"),
        ("stage1: a = malloc(1) -> chunks", "it has no chunks"),
        (
            "stage3: a = malloc(200000); free(a) -> moves",
            "there was no room for `a`",
        ),
    ] {
        let error = value(Path::new("."), program).expect_err(program);
        assert!(error.contains(part), "{program}: no {part} in {error}");
    }
}

/// What a page says of an answer's test holds as long as there is that test.
#[test]
fn the_tests_that_answers_name_are_there() {
    let mut sources = String::new();
    let mut folders = vec![workspace().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_left_out = name.starts_with('.')
                || ["target", "practice", "chapters"].contains(&&*name);
            if path.is_dir() && !is_left_out {
                folders.push(path);
            } else if name.ends_with(".rs") {
                sources += &fs::read_to_string(path).expect("Rust");
            }
        }
    }
    let mut checked = 0;
    let chapters = book::build::folder().join("chapters");
    for page in book::build::pages(&book::build::folder()).expect("a book") {
        let text = fs::read_to_string(chapters.join(&page)).expect("a page");
        for place in book::answers::places(&text) {
            for name in text[place].split('`').skip(1).step_by(2) {
                // Names of tests are sentences.
                if name.matches('_').count() >= 3 && !name.contains(' ') {
                    let function = format!("fn {name}(");
                    assert!(sources.contains(&function), "{page:?}: {name}");
                    checked += 1;
                }
            }
        }
    }
    assert!(checked >= 10, "{checked}");
}

/// A line for each number that is typed in an answer: the page, the words in
/// which it stands, and why it may.
const TYPED: &str = include_str!("answers/typed.txt");

/// Of the numbers in answers those are typed that are no facts of a heap.
#[test]
fn a_number_is_typed_in_an_answer_only_if_it_is_listed_with_its_reason() {
    let listed: Vec<[&str; 3]> = TYPED
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let parts: Vec<_> = line.split(" | ").collect();
            parts
                .try_into()
                .unwrap_or_else(|_| panic!("not three parts: {line}"))
        })
        .collect();
    let mut is_used = vec![false; listed.len()];
    let mut unknown = Vec::new();
    let mut checked = 0;
    let folder = book::build::folder();
    for page in book::build::pages(&folder).expect("a book") {
        let text = fs::read_to_string(folder.join("chapters").join(&page));
        let name = page.to_string_lossy().replace('\\', "/");
        for answer in book::answers::typed(&text.expect("a page")) {
            let mut left = answer.typed;
            checked += left.len();
            for (place, [page, words, _]) in listed.iter().enumerate() {
                if *page != name {
                    continue;
                }
                let words: Vec<_> = words.split(' ').collect();
                for start in 0..answer.words.len() {
                    let inside = start..start + words.len();
                    let there = answer.words.get(inside.clone());
                    if there.is_some_and(|there| there == words) {
                        is_used[place] = true;
                        left.retain(|at| !inside.contains(at));
                    }
                }
            }
            unknown.extend(left.into_iter().map(|at| {
                let end = answer.words.len().min(at + 3);
                let around = answer.words[at.saturating_sub(2)..end].join(" ");
                format!("{name}:{}: {around}", answer.line)
            }));
        }
    }
    let stale: Vec<_> = listed.iter().zip(is_used).filter(|it| !it.1).collect();
    assert!(unknown.is_empty(), "typed:\n{}", unknown.join("\n"));
    assert!(stale.is_empty(), "listed, and in no answer: {stale:#?}");
    assert!(checked >= 100, "{checked} numbers");
}

/// The pages that end a part of the book.
#[test]
fn every_part_ends_with_ten_questions_and_each_names_its_page() {
    let folder = book::build::folder();
    let pages = book::build::pages(&folder).expect("a book").into_iter();
    let mut parts = 0;
    for page in pages.filter(|it| it.ends_with("ten-questions.md")) {
        let text = fs::read_to_string(folder.join("chapters").join(&page));
        let text = text.expect("a page");
        let answers = book::answers::places(&text);
        assert_eq!(answers.len(), 10, "{page:?}");
        for place in answers {
            let answer = &text[place];
            assert!(answer.contains(".md"), "{page:?}: {answer}");
        }
        parts += 1;
    }
    assert_eq!(parts, 4, "parts of the book");
}
