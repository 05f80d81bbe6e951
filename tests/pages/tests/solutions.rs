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
    let asked: Vec<_> = thread::scope(|scope| {
        let models = MODELS.map(|model| {
            let exercises = &exercises;
            scope.spawn(move || {
                exercises.iter().map(|it| ask(it, model)).collect::<Vec<_>>()
            })
        });
        let asked = models.map(|model| model.join().expect("no panic"));
        asked.into_iter().flatten().collect()
    });
    let well = asked.iter().filter(|it| **it == Ok(true)).count();
    println!("{well} of {} ran to their end", asked.len());
    let faults: Vec<_> =
        asked.iter().filter_map(|it| it.as_ref().err()).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(2 * well > asked.len(), "{well} of {} ran", asked.len());
}

/// Whether the test of an exercise that is done runs to its end under Miri. It
/// does not if it is none for Miri.
fn ask(
    exercise: &Exercise,
    (model, flags): (&str, &str),
) -> Result<bool, String> {
    let Exercise { number, stage, test, .. } = exercise;
    let copy = Copy::new(&model.replace(' ', "-"), stage, false);
    for change in &exercise.solution {
        copy.write(&change.path, &change.text);
    }
    let start = Instant::now();
    let outcome = copy.miri(flags, "exercises", test);
    let seconds = start.elapsed().as_secs_f32();
    if !outcome.status.success() {
        println!("{number}, {model}: FAULT ({seconds:.1} s)");
        let said = outcome.stdout + &outcome.stderr;
        return Err(format!("{number}, {model}: {said}"));
    }
    let is_for_it = outcome.stdout.contains("1 passed");
    let what = if is_for_it { "well" } else { "not for Miri" };
    println!("{number}, {model}: {what} ({seconds:.1} s)");
    Ok(is_for_it)
}
