//! The program, as a reader and as mdBook call it.

mod readers;

use readers::typed as book;

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn help_tells_what_there_is() {
    let output = book(&["--help"], "");
    assert_eq!(output.status.code(), Some(0));
    for option in [
        "--no-open",
        "--words",
        "practice N",
        "play N",
        "check",
        "hint [NAME]",
        "quiz [SEED]",
        "score FOLDER",
        "--up-to N",
        "--help",
        "preprocessor",
    ] {
        let help = text(&output.stdout);
        assert!(help.contains(option), "no {option} in {help}");
    }
}

#[test]
fn whoever_asks_a_command_for_help_gets_it() {
    let all = book(&["--help"], "").stdout;
    for words in [
        &["help"][..],
        &["-h"],
        &["play", "--help"],
        &["quiz", "-h"],
        &["score", "--help"],
        &["practice", "3", "--help"],
    ] {
        let output = book(words, "");
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        assert_eq!(text(&output.stdout), text(&all), "{words:?}");
    }
}

#[test]
fn an_unknown_argument_ends_with_status_2() {
    for (word, known) in [
        ("--opne", ". Did you mean `--no-open`?"),
        ("quizz", ". Did you mean `quiz`?"),
        ("chekc", ". Did you mean `check`?"),
        ("xyz", ""),
    ] {
        let output = book(&[word], "");
        assert_eq!(output.status.code(), Some(2), "{word}");
        let message = text(&output.stderr);
        let first = format!("unknown: {word}{known}\n");
        assert!(message.starts_with(&first), "{first:?}: {message}");
    }
}

#[test]
fn what_a_command_lacks_is_said_with_what_it_takes_and_an_example() {
    let about = |word: &str| {
        format!("`{word}` is about the copy of a stage: which one?")
    };
    for (arguments, said) in [
        (&["practice"][..], "which stage?".to_owned()),
        (&["practice", "check"], about("check")),
        (&["practice", "hint", "3"], about("hint")),
        (&["check"], about("check")),
        (&["list", "3"], about("list")),
        (&["hint"], about("hint")),
        (
            &["practice", "3", "chekc"],
            "`chekc` is unknown. Did you mean `check`?".into(),
        ),
        (&["practice", "3", "list", "tags"], "`tags` is too much".into()),
        (
            &["practice", "3", "hint", "a", "b"],
            "`b` is no number of a hint".into(),
        ),
        (&["practice", "3", "hint", "a", "1", "b"], "`b` is too much".into()),
        (&["play"], "which stage?".into()),
        (&["play", "three"], "`three` is no number".into()),
        (&["quiz", "easy"], "`easy` is no number".into()),
        (&["score"], "whose heap?".into()),
        (&["vary"], "which seed?".into()),
        (&["vary", "our class"], "`our class` is no number".into()),
        (&["vary", "1", "2"], "`2` is too much".into()),
    ] {
        let output = book(arguments, "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let lines: Vec<_> = text(&output.stderr).lines().collect();
        let [first, taken] = lines[..] else {
            panic!("{arguments:?}: {lines:?}")
        };
        assert_eq!(first, said, "{arguments:?}");
        let command = match arguments[0] {
            "check" | "list" | "hint" => "practice",
            command => command,
        };
        let takes = format!("{command} takes ");
        let example = format!(" For example: cargo run -- {command} ");
        let is_told = taken.starts_with(&takes) && taken.contains(&example);
        assert!(is_told, "{arguments:?}: {taken}");
    }
}

#[test]
fn mdbook_hears_that_html_is_supported() {
    let output = book(&["preprocessor", "supports", "html"], "");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn another_renderer_is_refused_with_the_reason() {
    let output = book(&["preprocessor", "supports", "epub"], "");
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(message.contains("there is no version for `epub`"), "{message}");
}

#[test]
fn mdbook_gets_the_book_back_with_its_directives_in_place() {
    let page = protocol("{{#heap leak stage1-bump}}");
    let output = book(&["preprocessor"], &page);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{message}");
    let answer: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap();
    let page = &answer["items"][0]["Chapter"]["content"];
    let has = |part| page.as_str().is_some_and(|page| page.contains(part));
    assert!(has("<figure ") && !has("{{#"), "{page}");
}

#[test]
fn mdbook_stops_when_a_directive_is_wrong() {
    let output = book(&["preprocessor"], &protocol("{{#heep leak}}"));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    let message = text(&output.stderr);
    let expected = "book/chapters/one.md:3: unknown directive `heep`";
    assert!(message.contains(expected), "{message}");
}

/// What mdBook 0.5 writes to a preprocessor, for a book of one page.
fn protocol(line: &str) -> String {
    serde_json::json!([
        {
            "root": "nowhere/book",
            "config": { "book": { "src": "chapters" } },
            "renderer": "html",
            "mdbook_version": "0.5.4",
        },
        {
            "items": [{ "Chapter": {
                "name": "One",
                "content": format!("# One\n\n{line}\n"),
                "number": [1],
                "sub_items": [],
                "path": "one.md",
                "source_path": "one.md",
                "parent_names": [],
            } }],
        },
    ])
    .to_string()
}
