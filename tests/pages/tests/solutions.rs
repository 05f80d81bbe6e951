//! Pointers keep their provenance in the solutions of the exercises as well.

use std::time::Instant;
use std::{env, thread};

use book::build;
use book::exercise::{self, Exercise};

#[allow(dead_code, reason = "Miri builds the copies itself")]
mod copies;

use copies::Copy;

/// Both models of which pointer may reach what, and Miri's flags for each. (Some
/// tests leave a heap behind, and a thread that waits for it for ever if an
/// exercise is not done.)
const MODELS: [(&str, &str); 2] = [
    ("stacked borrows", "-Zmiri-ignore-leaks"),
    ("tree borrows", "-Zmiri-ignore-leaks -Zmiri-tree-borrows"),
];

/// The exercises whose own test starts processes, which Miri does not. Their
/// solutions have to keep the contract of their stage there.
const BY_THE_CONTRACT: [&str; 8] =
    ["2.2", "2.3", "3.1", "3.3", "3.6", "3.7", "4.3", "4.4"];

/// `EXERCISE=3.` asks about those alone whose number begins so.
#[test]
#[ignore = "needs a nightly compiler with Miri: .ci/miri runs it"]
fn miri_finds_nothing_in_a_solution() {
    let sources = build::sources(&build::folder()).expect("book.toml");
    let wanted = env::var("EXERCISE").unwrap_or_default();
    let numbers = exercise::numbers(&sources).into_iter();
    let numbers = numbers.filter(|number| number.starts_with(&wanted));
    let exercises: Vec<Exercise> = numbers
        .map(|number| exercise::load(&sources, &number).expect("an exercise"))
        .collect();
    // Miri uses one core.
    let asked: Vec<Result<Asked, String>> = thread::scope(|scope| {
        let models = MODELS.map(|model| {
            let exercises = &exercises;
            scope.spawn(move || {
                exercises.iter().map(|it| ask(it, model)).collect::<Vec<_>>()
            })
        });
        let asked = models.map(|model| model.join().expect("no panic"));
        asked.into_iter().flatten().collect()
    });
    let faults: Vec<_> =
        asked.iter().filter_map(|it| it.as_ref().err()).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    println!("{} ran to their end", asked.len());
    for (number, by) in asked.into_iter().flatten() {
        let expected = if BY_THE_CONTRACT.contains(&number.as_str()) {
            By::TheContract
        } else {
            By::ItsTest
        };
        assert_eq!(by, expected, "what Miri has run of {number}");
    }
}

/// What Miri has run of a solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    ItsTest,
    TheContract,
}

/// The number of an exercise, and what Miri has run.
type Asked = (String, By);

/// Whether the test of an exercise that is done runs to its end under Miri, or
/// the contract of its stage, if that test is none for Miri.
fn ask(
    exercise: &Exercise,
    (model, flags): (&str, &str),
) -> Result<Asked, String> {
    let Exercise { number, stage, test, .. } = exercise;
    let copy = Copy::new(&model.replace(' ', "-"), stage, false);
    for change in &exercise.solution {
        copy.write(&change.path, &change.text);
    }
    let start = Instant::now();
    let mut outcome = copy.miri(flags, "exercises", Some(test));
    let mut is_done = outcome.stdout.contains("1 passed");
    let mut by = By::ItsTest;
    if outcome.status.success() && !is_done {
        by = By::TheContract;
        outcome = copy.miri(flags, "contract", None);
        is_done = outcome.stdout.contains("; 0 failed; 0 ignored;");
    }
    let seconds = start.elapsed().as_secs_f32();
    if !outcome.status.success() || !is_done {
        println!("{number}, {model}: FAULT in {by:?} ({seconds:.1} s)");
        let said = outcome.stdout + &outcome.stderr;
        return Err(format!("{number}, {model}, {by:?}: {said}"));
    }
    println!("{number}, {model}: well, {by:?} ({seconds:.1} s)");
    Ok((number.clone(), by))
}
