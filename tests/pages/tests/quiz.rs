//! `cargo run -- quiz [SEED]`: ten questions about the stages' heaps.

use std::collections::BTreeSet;
use std::fs;
use std::process::Output;

use book::quiz::answer::{Answer, Mark};
use book::quiz::asked::{Ask, Asked};
use book::quiz::{Options, questions};
use play::heap::{ROOM, Setup};
use play::program;
use timing::workspace::workspace;

mod readers;

/// What comes of typing `typed` into `quiz` with these words behind it.
fn quiz(words: &[&str], typed: &str) -> Output {
    readers::typed(&[&["quiz"], words].concat(), typed)
}

/// What it prints.
fn printed(words: &[&str], typed: &str) -> String {
    let output = quiz(words, typed);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The answers that it tells to somebody who asks for all of them.
fn told(seed: &str) -> Vec<String> {
    let printed = printed(&[seed], &"show\n".repeat(10));
    let lines = printed.lines().map(|line| line.trim_start_matches("> "));
    let told = lines.filter_map(|line| line.strip_prefix("It is "));
    let told = told.filter_map(|line| Some(line.split_once(['.', ':'])?.0));
    told.map(str::to_owned).collect()
}

/// The questions of a seed, about all stages.
fn of(seed: u64) -> Vec<Asked> {
    questions(Options { seed, up_to: 5 }).expect("programs that run")
}

/// What is asked after a program, on a heap with room for all steps.
fn about(stage: u32, program: &str, ask: Ask) -> Asked {
    let setup = Setup::new(stage, ROOM).expect("a stage");
    let lines = program::parse(program).expect("a program");
    Asked::about(setup, lines, ask).expect("a program that runs")
}

fn names(names: &[&str]) -> Answer {
    Answer::Names(names.iter().map(|&name| name.to_owned()).collect())
}

#[test]
fn the_same_seed_asks_the_same() {
    for seed in ["0", "7", "18446744073709551615"] {
        let [first, second] = [(); 2].map(|()| printed(&[seed], ""));
        assert_eq!(first, second, "seed {seed}");
        assert!(first.contains(&format!("seed {seed}:")), "{first}");
    }
    assert_ne!(of(7), of(8));
}

#[test]
fn a_seed_that_nobody_chose_is_printed_and_asks_the_same_again() {
    let printed = printed(&[], "");
    let (_, rest) = printed.split_once("of seed ").expect("a seed");
    let (seed, _) = rest.split_once(':').expect("a seed");
    assert_eq!(self::printed(&[seed], ""), printed, "seed {seed}");
}

#[test]
fn the_answers_that_are_told_are_right() {
    for seed in ["1", "2", "3"] {
        let told = told(seed);
        assert_eq!(told.len(), 10, "seed {seed}: {told:?}");
        let printed = printed(&[seed], &(told.join("\n") + "\n"));
        let right = printed.matches("> Right").count();
        assert_eq!(right, 10, "seed {seed}: {printed}");
        assert!(printed.ends_with("\n10 of 10 right.\n"), "{printed}");
    }
}

#[test]
fn after_a_wrong_answer_the_heap_is_drawn() {
    let (typed, right) = match &of(1)[0].answer {
        Answer::Names(names) if names.is_empty() => ("z", "none".to_owned()),
        Answer::Names(names) => ("none", names.len().to_string()),
        answer => ("987654", answer.to_string()),
    };
    let printed = printed(&["1"], &format!("{typed}\n"));
    assert!(printed.contains("> No. It is "), "not {right}: {printed}");
    assert!(printed.contains("+ the break\n"), "{printed}");
    assert!(printed.contains("cargo run -- play "), "{printed}");
    assert!(printed.ends_with("\n0 of 1 right.\n"), "{printed}");
}

/// `a`, a name, must not become `A`, and what is behind it is no sentence.
#[test]
fn what_is_told_behind_an_answer_follows_a_colon_or_is_a_sentence() {
    let told = |stage, program, ask| about(stage, program, ask).told;
    let two = "a = malloc(32); b = malloc(32); c = malloc(64); free(b)";
    assert_eq!(told(5, two, Ask::Chunks), ": a, one that is free, c.");
    assert_eq!(told(5, two, Ask::Gone), ".");
    let rises = told(1, "a = malloc(1); b = malloc(16)", Ask::Break);
    assert!(rises.starts_with(". It rises by "), "{rises}");
}

/// What `c` left of the place of `a` is `a`'s, and also not `a`.
#[test]
fn which_blocks_are_joined_is_asked_where_all_that_is_free_has_a_name() {
    for (program, is_clear) in [
        ("a = malloc(64); b = malloc(64); free(a); free(b)", true),
        ("a = malloc(1); b = malloc(1); free(a); free(b)", true),
        ("a = malloc(64); free(a); b = malloc(64); free(b)", true),
        (
            "a = malloc(64); b = malloc(8); free(a); c = malloc(8); free(c)",
            false,
        ),
        (
            "a = malloc(64); b = malloc(16); free(b); free(a); \
             c = malloc(32); free(c)",
            false,
        ),
        ("a = malloc(64); b = memalign(256, 16); free(a)", false),
    ] {
        let setup = Setup::new(3, 4096).expect("a stage");
        let lines = program::parse(program).expect("a program");
        let asked = Asked::about(setup, lines, Ask::Joined);
        let asked = asked.expect("a program that runs");
        assert_eq!(asked.is_clear, is_clear, "{program}");
    }
    for seed in 0..50 {
        for asked in of(seed) {
            assert!(asked.is_clear, "seed {seed}: {asked}");
        }
    }
}

#[test]
fn what_is_no_answer_is_not_counted() {
    let right = &told("4")[0];
    let printed = printed(&["4"], &format!("\nwhat?\nhelp\ndraw\n{right}\n"));
    assert!(printed.contains("+ the break\n"), "{printed}");
    assert!(printed.ends_with("\n1 of 1 right.\n"), "{printed}");
    assert_eq!(printed.matches(" of 10. ").count(), 2, "{printed}");
}

#[test]
fn the_quiz_ends_with_its_input_and_with_quit() {
    for typed in ["", "quit\n", "draw\nquit\n1\n"] {
        let printed = printed(&["5"], typed);
        assert!(
            printed.ends_with("\nNo question was answered.\n"),
            "{typed}: {printed}"
        );
    }
}

#[test]
fn what_cannot_be_asked_is_said() {
    for (words, said) in [
        (vec!["x"], "`x` is no number"),
        (vec!["1", "2"], "`2` is too much"),
        (vec!["--up-to"], "--up-to needs a stage"),
        (vec!["--up-to", "6"], "there is no stage 6 to ask about"),
        (vec!["--up-to", "0"], "there is no stage 0 to ask about"),
    ] {
        let output = quiz(&words, "");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(stderr.lines().next(), Some(said), "{words:?}");
        let taken = stderr.lines().nth(1).unwrap_or_default();
        assert!(taken.starts_with("quiz takes "), "{stderr}");
        assert_eq!(output.status.code(), Some(2), "{words:?}");
    }
}

/// Each kind of question comes, of each stage that has it, with nothing
/// happening and with something.
#[test]
fn all_that_can_be_asked_is_asked() {
    let mut asked = BTreeSet::new();
    for seed in 0..200 {
        let questions = of(seed);
        assert_eq!(questions.len(), 10, "seed {seed}");
        for it in questions {
            let kind = format!("{:?} of stage {}", it.ask, it.setup.stage);
            asked.insert((kind, it.is_telling));
        }
    }
    for stage in Setup::STAGES {
        for ask in Ask::of(stage) {
            let kind = format!("{ask:?} of stage {stage}");
            for is_telling in [true, false] {
                let it = (kind.clone(), is_telling);
                assert!(asked.contains(&it), "{it:?} is not in {asked:#?}");
            }
        }
    }
}

#[test]
fn no_stage_above_the_last_is_asked_about() {
    for up_to in Setup::STAGES {
        let questions = questions(Options { seed: 3, up_to });
        let questions = questions.expect("programs that run");
        let stages: BTreeSet<u32> =
            questions.iter().map(|it| it.setup.stage).collect();
        assert_eq!(stages, (1..=up_to).collect(), "up to {up_to}");
    }
}

#[test]
fn answers_are_what_the_chapters_say() {
    let blocks = "a = malloc(64); b = malloc(64); c = malloc(64); ";
    let program = |rest: &str| format!("{blocks}{rest}");
    for (stage, rest, ask, answer) in [
        (1, "free(c); d = malloc(64)", Ask::Break, Answer::Moves(79)),
        (2, "free(b)", Ask::Gone, names(&[])),
        (2, "free(b); free(c)", Ask::Gone, names(&["b", "c"])),
        (2, "free(b); free(c)", Ask::Free, Answer::Count(0)),
        (3, "free(a); free(b)", Ask::Joined, names(&["a"])),
        (3, "free(a); free(c)", Ask::Joined, names(&[])),
        (4, "free(a); free(c); free(b)", Ask::Joined, names(&["a", "c"])),
        (3, "d = malloc(8)", Ask::Break, Answer::Moves(0)),
        (5, "free(b)", Ask::Gone, names(&[])),
        (5, "free(b); free(c)", Ask::Gone, names(&["b", "c"])),
        (5, "free(b)", Ask::Chunks, Answer::Count(3)),
        (5, "free(b); free(c)", Ask::Chunks, Answer::Count(1)),
    ] {
        let asked = about(stage, &program(rest), ask);
        assert_eq!(asked.answer, answer, "stage {stage}, {rest}, {ask:?}");
    }
    let asked = about(3, &program("free(b); d = malloc(40)"), Ask::Place);
    assert_eq!(asked.answer.mark("b"), Mark::Right, "{:?}", asked.answer);
    let asked = about(2, &program("free(b); d = malloc(40)"), Ask::Place);
    assert_eq!(asked.answer.mark("b"), Mark::Wrong, "{:?}", asked.answer);
}

#[test]
fn an_answer_may_be_written_in_several_ways() {
    let place = Answer::Place { at: Some(0x40), names: vec!["b".into()] };
    let null = Answer::Place { at: None, names: Vec::new() };
    let amount = Answer::Moves(-1_024);
    let (still, count) = (Answer::Moves(0), Answer::Count(2));
    let blocks = names(&["a", "c"]);
    for (mark, typed) in [
        (
            Mark::Right,
            [
                (&place, &["0x40", "0x…040", "64", "B"][..]),
                (&null, &["null"]),
                (&amount, &["-1024", "-1,024", "down 1024 bytes", "-0x400"]),
                (&still, &["0", "stays", "none"]),
                (&count, &["2", "2 bytes", "2."]),
                (&blocks, &["a c", "c, a", "A and C", "a, c."]),
            ],
        ),
        (
            Mark::Wrong,
            [
                (&place, &["null", "a", "0x4"][..]),
                (&null, &["0", "0x40", "b"]),
                (&amount, &["1024", "0", "stays"]),
                (&still, &["-16"]),
                (&count, &["3", "20"]),
                (&blocks, &["a", "none", "a b c"]),
            ],
        ),
        (
            Mark::NoAnswer,
            [
                (&place, &["?", "up", ""][..]),
                (&null, &["none"]),
                (&amount, &["some", "", "-"]),
                (&still, &["x"]),
                (&count, &["-2", "two"]),
                (&blocks, &["ac", "a and some", ""]),
            ],
        ),
    ] {
        for (answer, typed) in typed {
            for typed in typed {
                assert_eq!(answer.mark(typed), mark, "{typed} for {answer:?}");
            }
        }
    }
}

#[test]
fn the_page_of_each_question_is_in_the_book() {
    let summary = workspace().join("book/chapters/SUMMARY.md");
    let summary = fs::read_to_string(summary).expect("the list of pages");
    for stage in Setup::STAGES {
        for ask in Ask::of(stage) {
            let title = format!("[{}](stage{stage}", ask.page(stage));
            let title = match stage {
                4 => title.replace("stage4", "stage3"),
                _ => title,
            };
            assert!(summary.contains(&title), "{ask:?}: {title}");
        }
    }
}
