//! loom keeps the last seven stores of an atomic, and shows no older one. So the
//! models count theirs: see `scenarios/counted.rs` in stage 4.

use std::fs;

use timing::workspace::workspace;

/// Models whose stores nobody counts, and why.
const UNCOUNTED: [(&str, &str); 4] = [
    (
        "stage1-bump/tests/checkpoints.rs",
        "two threads call malloc once, which moves the break at most twice; the \
         model that is to pass waits for one before the other begins",
    ),
    (
        "stage2-headers/tests/checkpoints.rs",
        "two threads call malloc once, which moves the break at most twice; it \
         is to fail, and does",
    ),
    (
        "stage3-freelist/tests/checkpoints.rs",
        "two threads call malloc once, which moves the break at most twice; it \
         is to fail, and does",
    ),
    (
        "stage4-threadsafe/tests/what_loom_keeps.rs",
        "it asks how many stores loom keeps, and so it stores more",
    ),
];

/// The files of the stages' tests, from the root of the repository, and what is
/// in them.
fn files() -> Vec<(String, String)> {
    let names = |folder: &str| -> Vec<String> {
        let entries = fs::read_dir(workspace().join(folder));
        let entries = entries.expect("a folder of the workspace");
        let names = entries.map(|it| it.expect("a file").file_name());
        names.map(|it| it.into_string().expect("a name in UTF-8")).collect()
    };
    let mut files = Vec::new();
    let stages = names("").into_iter().filter(|it| it.starts_with("stage"));
    for stage in stages {
        for folder in ["tests", "tests/scenarios"] {
            let folder = format!("{stage}/{folder}");
            if !workspace().join(&folder).is_dir() {
                continue;
            }
            for name in names(&folder) {
                let path = format!("{folder}/{name}");
                if path.ends_with(".rs") {
                    let text = fs::read_to_string(workspace().join(&path));
                    files.push((path, text.expect("a file of tests")));
                }
            }
        }
    }
    files.sort();
    files
}

#[test]
fn a_model_with_an_atomic_counts_its_stores_or_it_is_said_why_not() {
    let mut with_atomics = 0;
    let mut uncounted = Vec::new();
    for (path, text) in files() {
        let has_atomics = text.contains("loom::sync::atomic");
        let counts = text.contains("stored(");
        // What another thread stores is counted while it runs.
        let spawns = text.contains("loom::thread::spawn");
        with_atomics += usize::from(has_atomics);
        if has_atomics && !counts || spawns {
            uncounted.push(path);
        }
    }
    let known: Vec<&str> = UNCOUNTED.iter().map(|(path, _)| *path).collect();
    assert_eq!(uncounted, known, "models whose stores nobody counts");
    assert!(with_atomics > known.len(), "{with_atomics} files have atomics");
}
