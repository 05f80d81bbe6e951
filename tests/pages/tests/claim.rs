//! The tables on whether what was allocated last is freed first are what the
//! recordings say.

use std::collections::BTreeSet;

use book::inline;
use book::plot::table::Table;
use timing::trace::claim::{COLUMNS, DEPTHS, GLIBC, file, rows};
use timing::trace::programs::RECORDINGS;
use timing::trace::rep::{self, Fields};
use timing::trace::{Trace, path};
use timing::workspace::workspace;

/// A table of results, as it is kept.
fn load(name: &str) -> Table {
    let file = file(name);
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    Table::parse(&text)
        .unwrap_or_else(|error| panic!("{} {error}", file.display()))
}

/// All columns but the one that a C library has measured.
#[test]
#[cfg_attr(
    not(target_pointer_width = "64"),
    ignore = "the results are for pointers of 64 bits"
)]
fn the_results_are_those_of_the_recordings() {
    let (kept, kept_depths) = (load("claim"), load("claim-depths"));
    let columns: Vec<&str> = COLUMNS.into_iter().chain([GLIBC]).collect();
    assert_eq!(kept.columns, columns);
    assert_eq!(kept_depths.columns, DEPTHS);
    let mut depths = Vec::new();
    let mut wrong = String::new();
    for (index, recording) in RECORDINGS.iter().enumerate() {
        let (row, bars) = rows(recording.name, &Trace::load(recording.name));
        depths.extend(bars);
        let kept = kept.rows.get(index).expect("a row for each recording");
        for ((column, now), kept) in COLUMNS.iter().zip(&row).zip(kept) {
            if now != kept {
                wrong += &format!(
                    "{}, {column}: kept {kept}, now {now}\n",
                    recording.name
                );
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "the results differ:\n{wrong}\
         If that is right, make them again:\n\
         cargo run --release -p timing --example claim"
    );
    assert_eq!(kept.rows.len(), RECORDINGS.len(), "rows");
    assert_eq!(kept_depths.rows, depths, "the depths");
}

#[test]
fn the_results_say_what_made_them() {
    for name in ["claim", "claim-depths"] {
        let table = load(name);
        let keys: BTreeSet<&str> =
            table.about.iter().map(|(key, _)| &**key).collect();
        let wanted = ["command", "commit", "date", "machine", "system"];
        assert_eq!(keys, BTreeSet::from(wanted), "{name}");
        assert!(file(name).is_file(), "{name}");
    }
}

#[test]
fn no_heap_is_smaller_than_what_is_alive_in_it() {
    let table = load("claim");
    let numbers = |column| table.numbers(column).expect("numbers");
    for heap in ["stage3_heap", "one_stack_heap", "thread_stacks_heap", GLIBC] {
        let both = numbers(heap).into_iter().zip(numbers("live_bytes"));
        for (recording, (heap_bytes, live)) in RECORDINGS.iter().zip(both) {
            assert!(
                heap_bytes >= live,
                "{}: {live} bytes are alive in {heap} of {heap_bytes}",
                recording.name
            );
        }
    }
}

// The numbers in the pages.

/// A page of the chapter, in one line, quotes and all, with its numbers in
/// place. They come from the results by `{{#result …}}`. Here they are worked
/// out once more.
fn page(name: &str) -> String {
    let folder = book::build::folder().join("chapters/beyond/claim");
    let text = std::fs::read_to_string(folder.join(name)).expect("a page");
    let text = inline::replaced(workspace(), &text, |_| false);
    let text = text.expect("numbers");
    let lines = text.lines().map(|line| line.trim_start_matches("> "));
    let words: Vec<_> = lines.flat_map(str::split_whitespace).collect();
    words.join(" ")
}

struct Claim(Table);

impl Claim {
    fn numbers(&self, column: &str) -> Vec<f64> {
        self.0.numbers(column).expect("a column of numbers")
    }

    fn of(&self, program: &str, column: &str) -> f64 {
        let programs = self.0.column("program").expect("names");
        let at = programs.iter().position(|name| *name == program);
        self.numbers(column)[at.expect("a program")]
    }

    /// One column divided by another, program by program, the least first.
    fn ratios(&self, column: &str, by: &str) -> Vec<f64> {
        let all = self.numbers(column).into_iter().zip(self.numbers(by));
        let mut ratios: Vec<f64> = all.map(|(a, b)| a / b).collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    }

    fn ratio(&self, program: &str, column: &str, by: &str) -> f64 {
        self.of(program, column) / self.of(program, by)
    }
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

/// With the digits that a page has room for.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 9.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

fn whole(number: f64) -> String {
    let thousands = (number.round() / 1000.0).floor();
    let rest = number.round() - thousands * 1000.0;
    if thousands > 0.0 {
        format!("{thousands},{rest:03}")
    } else {
        format!("{rest}")
    }
}

fn say(page_name: &str, sentences: &[String]) {
    let page = page(page_name);
    for sentence in sentences {
        assert!(
            page.contains(sentence),
            "{page_name} does not say: {sentence}"
        );
    }
}

#[test]
fn the_first_page_says_what_the_results_say() {
    let claim = Claim(load("claim"));
    let newest = claim.ratio("ls", "newest", "frees");
    let better = claim.ratios("newest", "frees");
    let better = better.iter().filter(|share| **share > newest).count();
    assert_eq!(better, 1, "programs that hit the newest more often than ls");
    assert_eq!(RECORDINGS.len(), 15);
    let heap = claim.of("ls", "one_stack_heap");
    let live = claim.of("ls", "live_bytes");
    say(
        "index.md",
        &[
            format!("more than {:.2} MB of its blocks", live / 1e6),
            format!("grows to {:.1} MB, {:.0} times", heap / 1e6, heap / live),
            format!("{} of its frees", percent(newest)),
        ],
    );
}

#[test]
fn the_page_on_recording_says_how_long_traces_are() {
    let mut text = Vec::new();
    let redis = Trace::load("redis");
    rep::write(&redis.events, Fields::Plain, &mut text).expect("a vector");
    let megabytes = text.len() as f64 / 1e6;
    assert_eq!(megabytes.round(), 6.0, "{megabytes}");
    let files = RECORDINGS
        .iter()
        .map(|it| std::fs::metadata(path(it.name)).expect("a file").len());
    let megabytes = files.sum::<u64>() as f64 / 1e6;
    assert_eq!(megabytes.round(), 1.0, "{megabytes}");
    say(
        "recording.md",
        &[
            "redis would be six megabytes".into(),
            "fifteen together are one".into(),
        ],
    );
}

#[test]
fn the_page_on_frees_says_what_the_results_say() {
    let claim = Claim(load("claim"));
    let newest = claim.ratios("newest", "frees");
    let four = claim.ratios("newest_4", "frees");
    let sixteen = claim.ratios("newest_16", "frees");
    let most = *newest.last().expect("a program");
    assert_eq!(claim.ratio("cc1", "newest", "frees"), most);
    assert!(most < 0.5, "{most}");
    let half = sixteen.iter().filter(|share| **share > 0.5).count();
    assert_eq!(half, 13);
    say(
        "which-block.md",
        &[
            format!("cc1 comes nearest with {}", percent(most)),
            format!("is {}: half", percent(median(&newest))),
            format!(
                "For perl it is {} frees out of {}.",
                whole(claim.of("perl", "newest")),
                whole(claim.of("perl", "frees")),
            ),
            format!(
                "newest four is hit by {} in the median, one of the newest \
                 sixteen by {}",
                percent(median(&four)),
                percent(median(&sixteen)),
            ),
            "In thirteen of the fifteen".into(),
        ],
    );
}

#[test]
fn the_page_on_orders_says_what_the_results_say() {
    let claim = Claim(load("claim"));
    say(
        "in-what-order.md",
        &[
            format!(
                "{} of sqlite3's frees hit one of the newest four blocks, and \
                 {} the newest",
                percent(claim.ratio("sqlite3", "newest_4", "frees")),
                percent(claim.ratio("sqlite3", "newest", "frees")),
            ),
            format!(
                "Then {} of all frees have more than a thousand",
                percent(claim.ratio("jq", "past_1000", "frees")),
            ),
            format!(
                "own texts, {} of the frees",
                percent(claim.ratio("workers-apart", "by_others", "frees")),
            ),
            format!(
                "a queue, it is {}.",
                percent(claim.ratio("workers-queue", "by_others", "frees")),
            ),
            format!(
                "python3 has {} at the top as it comes, but {} when",
                percent(claim.ratio("python3", "newest", "frees")),
                percent(claim.ratio("python3-malloc", "newest", "frees")),
            ),
        ],
    );
}

#[test]
fn the_page_on_costs_says_what_the_results_say() {
    let claim = Claim(load("claim"));
    let mean = |program| whole(claim.ratio(program, "walk_steps", "walks"));
    let far = claim.numbers("walk_p99");
    let far = far.into_iter().filter(|steps| *steps >= 100_000.0).count();
    assert_eq!(far, 3);
    let stage3 = claim.ratios("stage3_heap", "live_bytes");
    let glibc = claim.ratios(GLIBC, "live_bytes");
    let stack = claim.ratios("one_stack_heap", "live_bytes");
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < 0.05;
    assert!(near(median(&stage3), median(&glibc)), "{stage3:?} {glibc:?}");
    let most = |sorted: &[f64]| *sorted.last().expect("a program");
    let megabytes = |program, column| claim.of(program, column) / 1e6;
    say(
        "what-it-costs.md",
        &[
            format!("short: {} chunks in the mean", mean("git")),
            format!("bash passes {} chunks", mean("bash")),
            format!("with every object in it {},", mean("python3-malloc")),
            format!("with their queue {}.", mean("workers-queue")),
            "chunks and more in three of the programs".into(),
            format!(
                "Stage 3 needs {:.1} times what is alive, in the median, and \
                 {:.1} times at most.",
                median(&stage3),
                most(&stage3),
            ),
            format!(
                "The chunk stack needs {:.1} times as much in the median, and \
                 {:.0} times at most.",
                median(&stack),
                most(&stack),
            ),
            format!(
                "It asks for {:.1} MB altogether, one block after the other, \
                 and its heap grows to {:.1} MB.",
                megabytes("ls", "bytes_allocated"),
                megabytes("ls", "one_stack_heap"),
            ),
            format!(
                "no more than {:.1} times what is alive",
                claim.ratio("jq", "one_stack_heap", "live_bytes"),
            ),
            format!(
                "It is smaller: {:.2} MB instead of {:.2} MB, and {:.2} MB \
                 instead of {:.2} MB.",
                megabytes("workers-apart", "thread_stacks_heap"),
                megabytes("workers-apart", "one_stack_heap"),
                megabytes("workers-queue", "thread_stacks_heap"),
                megabytes("workers-queue", "one_stack_heap"),
            ),
        ],
    );
}
