//! A reader can write a stage from nothing, and its contract shows the way. In
//! stage 3 the way has milestones.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use book::build;
use book::empty::{Fill, empty, filled, functions, texts};
use book::exercise;
use book::milestone::{self, Milestone};
use book::practice::TO_WRITE;
use book::stage::{self, Stage};
use timing::workspace::workspace;

mod copies;

use copies::Copy;

/// The bodies of stage 3, by the pages of the book that they are explained on,
/// in the order of the book. What the pages do not show stands where it is
/// needed first.
const BODIES: [(&str, &[&str]); 6] = [
    (
        "boundary tags",
        &[
            "Heap::brk",
            "Header::size",
            "Header::is_free",
            "payload_of",
            "above",
            "below",
            "set",
        ],
    ),
    (
        "one list",
        &["links", "FreeLists::insert", "FreeLists::remove", "FreeLists::list"],
    ),
    (
        "size classes",
        &[
            "FreeLists::class",
            "FreeLists::take",
            "FreeLists::look",
            "rounded",
            "Heap::allocate",
            "Heap::split",
            "Heap::release",
            "Heap::coalesce",
            "Heap::unlist",
        ],
    ),
    (
        "the end of the heap",
        &[
            "Heap::raise",
            "Heap::keep_more",
            "Heap::grow",
            "Heap::free_at_end",
            "Heap::trim",
            "Heap::split_front",
        ],
    ),
    (
        "what a program calls",
        &[
            "Heap::memalign",
            "Heap::malloc",
            "Heap::is_header",
            "Heap::block",
            "Heap::free",
            "Heap::calloc",
            "Heap::is_last",
            "Heap::resize",
            "Heap::is_in_the_way",
            "Heap::realloc",
            "Heap::usable_size",
        ],
    ),
    (
        "what a reader looks at",
        &[
            "Block::of",
            "Heap::blocks",
            "Debug for Heap::fmt",
            "Heap::free_list",
            "FreeLists::bitmap",
            "Heap::bitmap",
        ],
    ),
];

/// With which body the contract is kept further down, and which promise is
/// then the first that is not kept yet.
const TURNS: [(&str, Option<&str>); 5] = [
    ("Heap::malloc", Some("a_block_of_no_bytes_is_a_block_of_its_own")),
    ("Heap::free", Some("calloc_gives_zeroes")),
    ("Heap::calloc", Some("realloc_of_null_is_malloc")),
    ("Heap::realloc", Some("usable_size_is_enough_or_unknown")),
    ("Heap::usable_size", None),
];

fn stages() -> Vec<Stage> {
    stage::all(workspace())
}

fn read(stage: &Stage, path: &str) -> Option<String> {
    fs::read_to_string(stage.folder.join(path)).ok()
}

/// All functions of a stage whose bodies are to be written.
fn all_functions(stage: &Stage) -> BTreeSet<String> {
    let sources = TO_WRITE.into_iter().map(|path| (path, read(stage, path)));
    sources
        .flat_map(|(path, source)| {
            functions(path, &source.unwrap_or_default()).expect("Rust")
        })
        .collect()
}

/// The names of the tests of the contract, from the top.
fn promises(stage: &Stage) -> Vec<String> {
    let source = read(stage, "tests/contract.rs").expect("a contract");
    let tests = exercise::tests("tests/contract.rs", &source).expect("Rust");
    tests.into_iter().map(|test| test.name).collect()
}

/// The tests of the contract that a heap passes of which only `written` is
/// there.
fn kept(copy: &Copy, stage: &Stage, written: &[&str]) -> BTreeSet<String> {
    for path in TO_WRITE {
        if let Some(source) = read(stage, path) {
            let stays = |name: &str| written.contains(&name);
            let emptied = empty(path, &source, stays).expect("Rust");
            copy.write(path, &emptied);
        }
    }
    let built = copy.build(&["--test", "contract"]);
    let built = built.unwrap_or_else(|error| panic!("{written:?}: {error}"));
    assert_eq!(built.complaints, "", "with {written:?}");
    let outcome = built.run("contract", &[]);
    let passed = outcome.stdout.lines().filter_map(|line| {
        line.strip_prefix("test ")?.strip_suffix(" ... ok").map(str::to_owned)
    });
    passed.collect()
}

#[test]
fn the_order_of_the_bodies_names_them_all() {
    let in_order = BODIES.iter().flat_map(|(_, names)| *names);
    let named: BTreeSet<_> = in_order.map(|name| name.to_string()).collect();
    assert_eq!(named, all_functions(&stages()[2]));
}

#[test]
#[ignore = "compiles stage 3 once for each of its bodies: .ci/run runs it"]
fn the_contract_turns_green_from_the_top_as_the_bodies_are_written() {
    let stage = &stages()[2];
    let promises = promises(stage);
    let copy = Copy::new("written", stage, true);
    let mut written = Vec::new();
    let mut before = kept(&copy, stage, &written);
    assert_eq!(before, BTreeSet::new(), "with no body");
    let mut top_before = 0;
    let mut turns = TURNS.into_iter();
    println!("from the top  in all  with");
    for (page, bodies) in BODIES {
        println!("                      {page}");
        for &body in bodies {
            written.push(body);
            let now = kept(&copy, stage, &written);
            let is_kept = |promise: &&String| now.contains(*promise);
            let top = promises.iter().take_while(is_kept).count();
            println!("{top:>12}  {:>6}  - {body}", now.len());
            for promise in now.difference(&before) {
                println!("                          {promise}");
            }
            let lost: Vec<_> = before.difference(&now).collect();
            assert!(lost.is_empty(), "{body} breaks {lost:?}");
            if top > top_before {
                let next = promises.get(top).map(String::as_str);
                assert_eq!(turns.next(), Some((body, next)), "the next turn");
            }
            (before, top_before) = (now, top);
        }
    }
    assert_eq!(turns.next(), None, "a turn that did not come");
}

#[test]
#[ignore = "compiles each stage: .ci/run runs it"]
fn an_empty_copy_of_any_stage_compiles_and_keeps_no_promise() {
    for stage in stages() {
        let copy = Copy::new("empty", &stage, true);
        assert_eq!(
            kept(&copy, &stage, &[]),
            BTreeSet::new(),
            "what an empty {} keeps",
            stage.name
        );
        let built = copy.build(&[]);
        let built = built.unwrap_or_else(|e| panic!("{}: {e}", stage.name));
        assert_eq!(built.complaints, "", "of an empty {}", stage.name);
    }
}

/// The bodies that a milestone writes in a first form: they stand in a file
/// beside this one until another milestone writes them anew.
fn first_forms(milestone: &Milestone) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/milestones");
    let file = folder.join(format!("{}.rs", milestone.name));
    let source = fs::read_to_string(&file).unwrap_or_default();
    texts(file.to_str().expect("a plain path"), &source).expect("Rust")
}

fn milestones() -> Vec<Milestone> {
    let sources = build::sources(&build::folder()).expect("book.toml");
    milestone::of_stage(&sources, &stages()[2]).expect("milestones")
}

/// What stands in the place of each body of stage 3 after the first `count`
/// milestones. What is not there is still to be written.
fn bodies_after(milestones: &[Milestone]) -> BTreeMap<String, Fill> {
    let mut bodies = BTreeMap::new();
    for milestone in milestones {
        let first_forms = first_forms(milestone);
        for name in first_forms.keys() {
            let is_named = milestone.bodies.contains(name);
            assert!(is_named, "{} does not name {name}", milestone.name);
        }
        for name in &milestone.bodies {
            let fill = match first_forms.get(name) {
                Some(text) => Fill::Text(text.clone()),
                None => Fill::Stays,
            };
            bodies.insert(name.clone(), fill);
        }
    }
    bodies
}

/// The tests of the contract and of the checkpoints, with the names of their
/// files in front.
fn contract_and_checkpoints(stage: &Stage) -> BTreeSet<(String, String)> {
    let in_file = |file: &'static str| {
        let path = format!("tests/{file}.rs");
        let source = read(stage, &path).expect("a file of tests");
        let tests = exercise::tests(&path, &source).expect("Rust").into_iter();
        tests.map(move |test| (file.to_owned(), test.name))
    };
    ["contract", "checkpoints"].into_iter().flat_map(in_file).collect()
}

#[test]
fn the_milestones_name_each_test_once_and_write_each_body() {
    let (stage, milestones) = (&stages()[2], milestones());
    let names: Vec<_> = milestones.iter().map(|it| it.name.as_str()).collect();
    let expected = ["walk", "tags", "join", "list", "classes", "give-back"];
    assert_eq!(names, expected);
    let tests = milestones.iter().flat_map(|it| it.tests.clone());
    let tests: Vec<_> = tests.collect();
    let different: BTreeSet<_> = tests.iter().cloned().collect();
    assert_eq!(tests.len(), different.len(), "a test is named twice");
    assert_eq!(different, contract_and_checkpoints(stage), "those named");
    // At the end all is as it is in the stage.
    let bodies = bodies_after(&milestones);
    let written: BTreeSet<_> = bodies.keys().cloned().collect();
    assert_eq!(written, all_functions(stage), "the bodies that are written");
    for (name, fill) in bodies {
        assert_eq!(fill, Fill::Stays, "the last form of {name}");
    }
}

/// The tests that a copy of stage 3 passes in which these bodies are written.
fn passed(
    copy: &Copy,
    stage: &Stage,
    bodies: &BTreeMap<String, Fill>,
) -> BTreeSet<(String, String)> {
    for path in TO_WRITE {
        let source = read(stage, path).expect("a file of stage 3");
        let fill =
            |name: &str| bodies.get(name).cloned().unwrap_or(Fill::Blank);
        copy.write(path, &filled(path, &source, fill).expect("Rust"));
    }
    let files = ["contract", "checkpoints"];
    let built = copy.build(&["--test", files[0], "--test", files[1]]);
    let built = built.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(built.complaints, "", "what the compiler complains about");
    // Each in a process of its own: some end it.
    let tests = contract_and_checkpoints(stage).into_iter();
    tests
        .filter(|(file, name)| {
            built.run(file, &["--exact", name]).status.success()
        })
        .collect()
}

#[test]
#[ignore = "compiles stage 3 once for each milestone: .ci/run runs it"]
fn the_tests_of_a_milestone_turn_green_with_it_and_not_before() {
    let (stage, milestones) = (&stages()[2], milestones());
    let copy = Copy::new("milestones", stage, true);
    let mut expected = BTreeSet::new();
    let mut wrong = Vec::new();
    for count in 0..=milestones.len() {
        let reached = &milestones[..count];
        let name = reached.last().map_or("nothing", |it| &it.name);
        expected.extend(reached.last().into_iter().flat_map(|it| {
            println!("{name}: {} tests", it.tests.len());
            it.tests.iter().cloned()
        }));
        let green = passed(&copy, stage, &bodies_after(reached));
        println!("    {} of {} are green", green.len(), expected.len());
        for (file, test) in expected.difference(&green) {
            wrong.push(format!("after {name}: {file} {test} is red"));
        }
        for (file, test) in green.difference(&expected) {
            wrong.push(format!("after {name}: {file} {test} is green"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for path in TO_WRITE {
        let source = read(stage, path);
        assert_eq!(copy.read(path), source.expect("a file"), "{path}");
    }
}
