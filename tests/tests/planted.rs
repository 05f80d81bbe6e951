//! Faults planted in copies of the stages: a test finds each of them, or it
//! would be worth little when it finds nothing.
//!
//! [`tests::fault`] says how they are written, and [`tests::sight`] looks which
//! test is the first to see them. That is kept in a file, and here it is held
//! against what is so now.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tests::fault::Fault;
use tests::sight::{COMMAND, Sight, in_workshops, recorded, still_sees};
use timing::workspace::workspace;

/// Who waits longer for a test does something else meanwhile.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn every_fault_can_be_planted() {
    let faults = Fault::all();
    assert!(faults.len() >= 12, "there are {} faults", faults.len());
    for fault in faults {
        let source = fs::read_to_string(workspace().join(&fault.file));
        let source = source.expect("the file that has the fault");
        assert_ne!(fault.plant(), source, "{}", fault.name);
    }
}

#[test]
fn of_every_fault_it_is_recorded_which_test_sees_it_first() {
    let faults = Fault::all();
    let faults: Vec<&str> = faults.iter().map(|it| it.name.as_str()).collect();
    let sights = recorded();
    let seen: Vec<&str> = sights.iter().map(|it| it.fault.as_str()).collect();
    assert_eq!(seen, faults, "make the file again: {COMMAND}");
}

#[test]
fn nine_faults_of_ten_are_seen_by_a_test_of_their_stage_in_ten_seconds() {
    let sights = recorded();
    let is_soon = |sight: &&Sight| {
        let fault = Fault::named(&sight.fault);
        sight.is_of_the_stage(&fault) && sight.after < SOON
    };
    let soon = sights.iter().filter(is_soon).count();
    let late: Vec<String> = sights
        .iter()
        .filter(|it| !is_soon(it))
        .map(|it| format!("{}: {it}", it.fault))
        .collect();
    assert!(
        soon * 10 >= sights.len() * 9,
        "{soon} of {} are. These are not: {late:#?}",
        sights.len(),
    );
}

/// `FAULT=5-pt` plants those alone whose name begins so.
#[test]
#[ignore = "compiles a heap for each fault: .ci/run runs it"]
fn every_planted_fault_is_seen_by_the_test_that_is_recorded() {
    let wanted = env::var("FAULT").unwrap_or_default();
    let mut sights = recorded();
    sights.retain(|it| it.fault.starts_with(&wanted));
    assert!(!sights.is_empty(), "no fault's name begins with {wanted}");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("planted");

    let mut tests: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for Sight { program, test, .. } in &sights {
        tests.entry(program).or_default().insert(test);
    }
    let tests: Vec<_> = tests.into_iter().collect();
    let failing = in_workshops(&folder, &tests, |shop, (program, tests)| {
        let built = shop.build(program);
        let outcomes = tests.iter().map(|test| (*test, built.run(test).0));
        let fails = outcomes.filter(|(_, outcome)| {
            outcome.as_ref().is_none_or(|it| !it.status.success())
        });
        fails.map(|fails| format!("{program:?} {fails:?}")).collect::<Vec<_>>()
    });
    let failing: Vec<_> = failing.into_iter().flatten().collect();
    assert!(failing.is_empty(), "without a fault: {failing:#?}");

    let missed = in_workshops(&folder, &sights, |shop, sight| {
        let fault = Fault::named(&sight.fault);
        let said = still_sees(shop, &fault, sight);
        println!("{}: {}", fault.name, fault.what);
        println!("    {sight}");
        let Some(said) = said else { return Some(fault.name) };
        println!("    seen: {said}");
        None
    });
    let missed: Vec<_> = missed.into_iter().flatten().collect();
    assert!(missed.is_empty(), "no longer seen by that test: {missed:?}");
}
