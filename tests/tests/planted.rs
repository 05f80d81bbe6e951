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
use tests::sight::{
    COMMAND, Sight, first_of, in_workshops, recorded, still_sees,
};
use timing::workspace::workspace;

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
fn what_is_recorded_is_of_faults_that_are_there_each_once() {
    let faults: BTreeSet<String> =
        Fault::all().into_iter().map(|it| it.name).collect();
    let seen: Vec<String> = recorded().into_iter().map(|it| it.fault).collect();
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(seen, sorted, "make the file again: {COMMAND}");
    let gone: Vec<_> = seen.iter().filter(|it| !faults.contains(*it)).collect();
    assert!(gone.is_empty(), "make the file again: {COMMAND}: no {gone:?}");
}

/// A test that takes longer than this is no good for trying things out.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn every_fault_is_recorded_and_nine_of_ten_are_seen_by_their_stage_in_ten_seconds()
 {
    let sights = recorded();
    assert_eq!(
        sights.len(),
        Fault::all().len(),
        "make the file again: {COMMAND}"
    );
    let is_own = |sight: &&Sight| {
        sight.is_of_the_stage(&Fault::named(&sight.fault)) && sight.after < SOON
    };
    let own = sights.iter().filter(is_own).count();
    let others: Vec<String> = sights
        .iter()
        .filter(|it| !is_own(it))
        .map(|it| format!("{}: {it}", it.fault))
        .collect();
    assert!(
        own * 10 >= sights.len() * 9,
        "{own} of {} are. These are not: {others:#?}",
        sights.len(),
    );
}

/// `FAULT=5-pt` plants those alone whose name begins so.
#[test]
#[ignore = "compiles a heap for each fault: .ci/run runs it"]
fn every_planted_fault_is_seen_by_the_test_that_is_recorded() {
    let wanted = env::var("FAULT").unwrap_or_default();
    let mut faults = Fault::all();
    faults.retain(|it| it.name.starts_with(&wanted));
    assert!(!faults.is_empty(), "no fault's name begins with {wanted}");
    let sights: BTreeMap<String, Sight> =
        recorded().into_iter().map(|it| (it.fault.clone(), it)).collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("planted");

    let failing = failing_without_a_fault(&folder, &faults, &sights);
    assert!(failing.is_empty(), "without a fault: {failing:#?}");

    let missed = in_workshops(&folder, &faults, |shop, fault| {
        let said = match sights.get(&fault.name) {
            Some(sight) => still_sees(shop, fault, sight)
                .map(|said| format!("{sight}: {said}")),
            // Nobody has looked yet which test is the first.
            None => shop.with(fault, || {
                let (_, test, _) = first_of(shop, &fault.found_by)?;
                Some(format!("{}: {test}", fault.found_by))
            }),
        };
        println!("{}: {}", fault.name, fault.what);
        let Some(said) = said else { return Some(fault.name.clone()) };
        println!("    seen by {said}");
        None
    });
    let missed: Vec<_> = missed.into_iter().flatten().collect();
    assert!(missed.is_empty(), "no longer seen by that test: {missed:?}");
}

/// The tests that are to see faults, and see something where there is none.
fn failing_without_a_fault(
    folder: &Path,
    faults: &[Fault],
    sights: &BTreeMap<String, Sight>,
) -> Vec<String> {
    let mut tests: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    let mut commands = BTreeSet::new();
    for fault in faults {
        match sights.get(&fault.name) {
            Some(Sight { program, test, .. }) => {
                tests.entry(program).or_default().insert(test);
            }
            None => {
                commands.insert(&fault.found_by);
            }
        }
    }
    let tests: Vec<_> = tests.into_iter().collect();
    let recorded = in_workshops(folder, &tests, |shop, (program, tests)| {
        let built = shop.build(program);
        let outcomes = tests.iter().map(|test| (*test, built.run(test).0));
        let fails = outcomes.filter(|(_, outcome)| {
            outcome.as_ref().is_none_or(|it| !it.status.success())
        });
        fails.map(|fails| format!("{program:?} {fails:?}")).collect::<Vec<_>>()
    });
    let commands: Vec<_> = commands.into_iter().collect();
    let named = in_workshops(folder, &commands, |shop, command| {
        first_of(shop, command).map(|it| format!("{command}: {it:?}"))
    });
    recorded.into_iter().flatten().chain(named.into_iter().flatten()).collect()
}
