//! The marks that `cargo run -- score` gives to the heaps of this book, and to
//! heaps with a fault. Heaps without one are marked three times: what is printed is
//! the run in the middle, and how far the three lie apart.
//!
//! ```text
//! cargo run -p pages --example scores
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use book::score::{self, Options, Report};
use book::{practice, stage};
use tests::fault::Fault;
use timing::progress::Progress;
use timing::workspace::workspace;

/// The heaps: their names, where they are, and how many lists they have, if
/// that is not as it is there.
const HEAPS: [(&str, &str, Option<usize>); 8] = [
    ("stage 1", "stage1-bump", None),
    ("headers (a step)", "book/steps/3-0-headers.rs", None),
    ("stage 2", "stage2-headers", None),
    ("reuse (a step)", "book/steps/3-1-reuse.rs", None),
    ("boundary tags (a step)", "book/steps/3-2-boundary-tags.rs", None),
    ("one list (a step)", "book/steps/3-3-one-list.rs", None),
    ("stage 3, Heap<_, 1>", "stage3-freelist", Some(1)),
    ("stage 3", "stage3-freelist", None),
];

/// What is planted in stage 3. The last one shows in no recording.
const FAULTS: [&str; 6] = [
    "3-padding-off-by-16",
    "3-realloc-copies-too-little",
    "3-set-forgets-the-tag-above",
    "3-the-block-above-stays-listed",
    "3-grow-by-a-header-too-little",
    "3-links-are-taken-for-fresh",
];

fn main() {
    let root = workspace();
    let progress = Progress::new(HEAPS.len() + FAULTS.len());
    println!(
        "{:24} {:>6} {:>6} {:>6} {:>6}",
        "", "memory", "speed", "score", "spread"
    );
    for (name, path, lists) in HEAPS {
        progress.step(name);
        let row = three_times(&root.join(path), lists);
        progress.print(format!("{name:24} {row}"));
    }
    progress.print(String::new());
    for name in FAULTS {
        progress.step(name);
        let fault = Fault::named(name);
        let folder = root.join("target/score/faults").join(name);
        plant(&fault, &folder);
        let row = row(&report(folder, None));
        progress.print(format!("{}\n  {row}", fault.what));
    }
}

/// How far three runs may lie apart.
const APART: f64 = 3.0;

/// The marks of a heap in the run in the middle of three, and how far the three
/// lie apart.
fn three_times(heap: &Path, lists: Option<usize>) -> String {
    let mut runs = [(); 3].map(|()| report(heap.to_owned(), lists));
    let all = |run: &Report| run.marks().2;
    runs.sort_by(|one, other| all(one).total_cmp(&all(other)));
    let [least, middle, most] = &runs;
    let spread = all(most) - all(least);
    assert!(spread < APART, "{}: {spread} points apart", heap.display());
    format!("{} {spread:6.1}", row(middle))
}

fn report(heap: PathBuf, lists: Option<usize>) -> Report {
    let options = Options { heap, lists, ..Options::default() };
    let report = score::score(workspace(), &options);
    report.unwrap_or_else(|error| panic!("{error:#}"))
}

/// A heap's marks; or that it has none, and why.
fn row(report: &Report) -> String {
    let (memory, speed, all) = report.marks();
    match &report.wrong {
        None => format!("{memory:6.1} {speed:6.1} {all:6.1}"),
        Some(why) => format!("{all}: {why}"),
    }
}

/// A copy of stage 3 with a fault in it.
fn plant(fault: &Fault, folder: &Path) {
    let root = workspace();
    let stage = stage::find(root, "3").expect("stage 3");
    practice::copy(root, &stage, folder, false).expect("a copy");
    let (_, file) = fault.file.split_once('/').expect("a file of a stage");
    fs::write(folder.join(file), fault.plant()).expect("a file of ours");
}
