//! Every exercise can be done: its test fails before and passes after, and the
//! stage is as good as it was. And who gets it wrong is told.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Instant;

use book::build;
use book::diff;
use book::exercise::{self, Exercise};
use book::page::Page;
use book::patch::Change;
use book::sources::Sources;
use book::stage;
use timing::run::Outcome;
use timing::workspace::workspace;

mod copies;

use copies::{Built, Copy};

fn sources() -> Sources {
    build::sources(&build::folder()).expect("book.toml can be read")
}

/// All exercises, with all their parts.
fn exercises() -> &'static [Exercise] {
    static EXERCISES: LazyLock<Result<Vec<Exercise>, String>> =
        LazyLock::new(|| {
            let sources = sources();
            let numbers = exercise::numbers(&sources).into_iter();
            numbers.map(|number| exercise::load(&sources, &number)).collect()
        });
    EXERCISES.as_ref().unwrap_or_else(|error| panic!("{error}"))
}

/// The names of the files in a folder of the book.
fn names_in(folder: &str) -> BTreeSet<String> {
    let folder = build::folder().join(folder);
    let entries = fs::read_dir(folder).expect("a folder of the book");
    entries
        .map(|entry| entry.expect("a file").file_name())
        .map(|name| name.into_string().expect("a plain name"))
        .collect()
}

#[test]
fn every_part_belongs_to_an_exercise() {
    let numbers: BTreeSet<_> =
        exercises().iter().map(|exercise| exercise.number.clone()).collect();
    let patches = |number: &String| {
        [format!("{number}.patch"), format!("{number}.wrong.patch")]
    };
    let expected: BTreeSet<_> = numbers.iter().flat_map(patches).collect();
    assert_eq!(names_in("solutions"), expected, "in book/solutions");
    let mut tested = BTreeSet::new();
    for stage in stage::all(workspace()) {
        let Ok(source) =
            fs::read_to_string(stage.folder.join("tests/exercises.rs"))
        else {
            continue;
        };
        for test in exercise::tests(&stage.name, &source).expect("Rust") {
            let number = test.exercise.unwrap_or_else(|| {
                panic!("{} {} has no number", stage.name, test.name)
            });
            let own = number.starts_with(&format!("{}.", stage.number));
            assert!(own, "{} has exercise {number}", stage.name);
            tested.insert(number);
        }
    }
    assert_eq!(tested, numbers, "the exercises that have a test");
}

#[test]
fn a_stage_has_four_exercises_and_the_first_is_short() {
    for stage in stage::all(workspace()).iter().take(5) {
        let own: Vec<_> = exercises()
            .iter()
            .filter(|exercise| exercise.stage == *stage)
            .collect();
        let numbers: Vec<_> =
            own.iter().map(|exercise| exercise.number.as_str()).collect();
        let expected: Vec<_> = (1..=own.len())
            .map(|index| format!("{}.{index}", stage.number))
            .collect();
        assert_eq!(numbers, expected, "the exercises of {}", stage.name);
        assert!(own.len() >= 4, "{} has {} exercises", stage.name, own.len());
        let first = own[0];
        let minutes = first.text.minutes;
        assert!(minutes <= 10, "{} takes {minutes} minutes", first.number);
        let added: usize = first
            .solution
            .iter()
            .filter(|change| change.path.starts_with("src/"))
            .map(|change| diff::changes_in(&change.hunks).added)
            .sum();
        assert!(added <= 10, "{} takes {added} lines", first.number);
    }
}

#[test]
fn every_exercise_stands_in_the_book_once_and_in_order() {
    let sources = sources();
    let mut found = Vec::new();
    for path in build::pages(&build::folder()).expect("a book") {
        let page = fs::read_to_string(sources.chapters.join(path));
        found.extend(Page::new(&page.expect("a page")).exercises());
    }
    let expected: Vec<_> =
        exercises().iter().map(|exercise| exercise.number.as_str()).collect();
    assert_eq!(found, expected);
}

/// Or the test that it has to pass would not be the reader's.
#[test]
fn no_patch_touches_the_tests_of_exercises() {
    for Exercise { number, solution, wrong, .. } in exercises() {
        for change in solution.iter().chain(wrong) {
            assert_ne!(change.path, "tests/exercises.rs", "exercise {number}");
        }
    }
}

/// `EXERCISE=3.` tries those alone whose number begins so.
#[test]
#[ignore = "compiles a stage three times for each exercise: .ci/run runs it"]
fn every_exercise_fails_without_its_solution_and_passes_with_it() {
    let start = Instant::now();
    let mut faults = Vec::new();
    let wanted = env::var("EXERCISE").unwrap_or_default();
    let is_wanted = |it: &&Exercise| it.number.starts_with(&wanted);
    assert!(exercises().iter().any(|it| is_wanted(&it)), "no {wanted}");
    for exercise in exercises().iter().filter(is_wanted) {
        println!(
            "\n{}  {}  ({})",
            exercise.number, exercise.text.title, exercise.test
        );
        let checks: [(&str, Check); 3] =
            [("unsolved", unsolved), ("solved", solved), ("wrong", wrong)];
        for (name, check) in checks {
            let start = Instant::now();
            let (what, text) = match check(exercise) {
                Ok(text) => ("as it should", text),
                Err(text) => {
                    faults.push(format!("{} {name}: {text}", exercise.number));
                    ("A FAULT", text)
                }
            };
            let seconds = start.elapsed().as_secs_f32();
            println!("{name}: {what} ({seconds:.1} s)");
            text.lines().for_each(|line| println!("    {line}"));
        }
    }
    println!("\n{:.0} s in all", start.elapsed().as_secs_f32());
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// What is done to an exercise. It returns what there is to see, or what is
/// wrong.
type Check = fn(&Exercise) -> Result<String, String>;

/// The stage as the reader finds it.
fn unsolved(exercise: &Exercise) -> Result<String, String> {
    let built = build(exercise, &[], &["--test", "exercises"])?.1;
    let own = run_own(&built, exercise);
    if own.status.success() {
        return Err("the test passes before anything is done".into());
    }
    helpful(&message(&own))
}

/// The stage with the exercise done.
fn solved(exercise: &Exercise) -> Result<String, String> {
    let (copy, built) = build(exercise, &exercise.solution, &[])?;
    if built.complaints.contains("warning") {
        return Err(built.complaints);
    }
    for outcome in [run_own(&built, exercise)]
        .into_iter()
        .chain(run_others(&built, exercise))
    {
        if !outcome.status.success() {
            return Err(message(&outcome));
        }
    }
    let workspace = workspace().to_str().expect("a plain path");
    let style = ["--color", "never", "--config-path", workspace];
    for arguments in [
        [&["fmt", "--check", "--"][..], &style].concat(),
        vec!["clippy", "--quiet", "--", "-D", "warnings"],
    ] {
        let outcome = copy.cargo(&arguments);
        if !outcome.status.success() {
            return Err(outcome.stdout + &outcome.stderr);
        }
    }
    Ok(String::new())
}

/// The stage with the exercise done as it should not be.
fn wrong(exercise: &Exercise) -> Result<String, String> {
    let files = ["exercises"].into_iter().chain(others(exercise));
    let files: Vec<&str> = files.flat_map(|file| ["--test", file]).collect();
    let built = build(exercise, &exercise.wrong, &files)?.1;
    let mut outcomes = [run_own(&built, exercise)]
        .into_iter()
        .chain(run_others(&built, exercise));
    match outcomes.find(|outcome| !outcome.status.success()) {
        Some(outcome) => helpful(&message(&outcome)),
        None => Err("no test notices".into()),
    }
}

/// A copy of the stage with changes, and of its programs those that `what`
/// says, or all.
fn build(
    exercise: &Exercise,
    changes: &[Change],
    what: &[&str],
) -> Result<(Copy, Built), String> {
    let copy = Copy::new("exercises", &exercise.stage, false);
    for change in changes {
        copy.write(&change.path, &change.text);
    }
    let built = copy.build(what)?;
    Ok((copy, built))
}

fn run_own(built: &Built, exercise: &Exercise) -> Outcome {
    built.run("exercises", &["--exact", &exercise.test])
}

/// What holds of the stage, solved or not: its contract, its checkpoints and,
/// if it has threads, its model.
fn others(exercise: &Exercise) -> impl Iterator<Item = &'static str> + use<> {
    let tests = exercise.stage.folder.join("tests");
    ["contract", "checkpoints", "model"]
        .into_iter()
        .filter(move |file| tests.join(format!("{file}.rs")).is_file())
}

fn run_others(
    built: &Built,
    exercise: &Exercise,
) -> impl Iterator<Item = Outcome> {
    others(exercise).map(|file| built.run(file, &[]))
}

/// What the first test that failed said: its panic's message, or the last
/// words of a process that was ended.
fn message(outcome: &Outcome) -> String {
    let report = match outcome.stdout.split_once(" stdout ----\n") {
        Some((_, report)) => report,
        None => &outcome.stderr,
    };
    let lines: Vec<_> = report
        .lines()
        .take_while(|line| !line.starts_with("----") && *line != "failures:")
        .filter(|line| !line.is_empty())
        .filter(|line| !line.starts_with("thread '"))
        .filter(|line| !line.starts_with("note: run with"))
        .collect();
    lines.join("\n")
}

/// The message, if it says more than that something is not so.
fn helpful(message: &str) -> Result<String, String> {
    let first = message.lines().next().unwrap_or_default();
    let says_nothing = first.is_empty()
        || first.contains("not yet implemented")
        || first.starts_with("assertion failed")
        || first.starts_with("assertion `") && !first.contains("failed: ")
        || first.starts_with("called `")
        || first.starts_with("attempt to ")
        || first == "explicit panic";
    if says_nothing {
        return Err(format!("the test fails and says too little: {message:?}"));
    }
    Ok(message.to_owned())
}

#[test]
fn a_message_is_what_the_reader_has_to_know() {
    let outcome = |stdout: &str, stderr: &str| Outcome {
        stdout: stdout.into(),
        stderr: stderr.into(),
        ..timing::run::run(timing::run::command(
            env!("CARGO"),
            Path::new(env!("CARGO_MANIFEST_DIR")),
        ))
    };
    let panicked = "\nrunning 1 test\ntest one ... FAILED\n\nfailures:\n\n\
        ---- one stdout ----\n\nthread 'one' (7) panicked at a.rs:1:2:\n\
        two are too many\nnote: run with `RUST_BACKTRACE=1`\n\n\nfailures:\n    \
        one\n";
    assert_eq!(message(&outcome(panicked, "")), "two are too many");
    let ended = "malloc: this block is free already: 0x10\n";
    assert_eq!(message(&outcome("\nrunning 1 test\n", ended)), ended.trim());
}

#[test]
fn a_message_without_words_is_not_helpful() {
    for message in [
        "",
        "not yet implemented",
        "assertion failed: a",
        "assertion `left == right` failed\n  left: 1\n right: 2",
        "called `Option::unwrap()` on a `None` value",
    ] {
        assert!(helpful(message).is_err(), "{message:?} is taken for help");
    }
    let message = "assertion `left == right` failed: the break";
    assert_eq!(helpful(message), Ok(message.to_owned()));
}
