//! Recordings of what programs ask of malloc: made, kept, read and counted.

use std::collections::BTreeSet;
use std::fs;

use fastrand::Rng;
use timing::trace::depths::{bar_start, depths};
use timing::trace::programs::{RECORDINGS, record};
use timing::trace::rep::{self, Fields};
use timing::trace::{Event, Trace, What, check, file, folder, memory};
use timing::workspace::build_example;

fn allocate(thread: u32, size: u64) -> Event {
    Event { thread, what: What::Allocate { size, align: None } }
}

fn aligned(size: u64, align: u64) -> Event {
    let align = Some(align);
    Event { thread: 0, what: What::Allocate { size, align } }
}

fn resize(thread: u32, block: u32, size: u64) -> Event {
    Event { thread, what: What::Resize { block, size } }
}

fn free(thread: u32, block: u32) -> Event {
    Event { thread, what: What::Free { block } }
}

fn trace(events: Vec<Event>) -> Trace {
    Trace {
        command: "ls -l".into(),
        system: "Debian 12, x86-64".into(),
        date: "2026-01-31".into(),
        events,
    }
}

/// A few thousand events of some threads.
fn random(rng: &mut Rng) -> Vec<Event> {
    let mut events = Vec::new();
    let mut alive = Vec::new();
    let mut blocks = 0;
    let mut threads = 1;
    for _ in 0..3000 {
        let thread = rng.u32(..threads);
        threads += u32::from(thread + 1 == threads && threads < 4);
        let size = 1 << rng.u32(..30) | rng.u64(..100);
        match rng.u32(..8) {
            0 if !alive.is_empty() => {
                let block = alive[rng.usize(..alive.len())];
                events.push(resize(thread, block, size));
            }
            1..4 if !alive.is_empty() => {
                let block = alive.swap_remove(rng.usize(..alive.len()));
                events.push(free(thread, block));
            }
            _ => {
                let align = rng.bool().then(|| 1 << rng.u32(4..20));
                let what = What::Allocate { size, align };
                events.push(Event { thread, what });
                alive.push(blocks);
                blocks += 1;
            }
        }
    }
    events
}

#[test]
fn a_trace_is_read_as_it_is_written() {
    let seed = fastrand::u64(..);
    let before = trace(random(&mut Rng::with_seed(seed)));
    let after = file::read(&file::write(&before))
        .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    assert_eq!(after.command, before.command);
    assert_eq!(after.system, before.system);
    assert_eq!(after.date, before.date);
    let different =
        after.events.iter().zip(&before.events).position(|(a, b)| a != b);
    assert_eq!(different, None, "seed {seed}");
    assert_eq!(after.events.len(), before.events.len(), "seed {seed}");
}

#[test]
fn a_trace_in_text_is_read_as_it_is_written() {
    let seed = fastrand::u64(..);
    let before = random(&mut Rng::with_seed(seed));
    let mut text = Vec::new();
    rep::write(&before, Fields::WithThreads, &mut text).expect("a vector");
    let after = rep::read(&text[..])
        .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let different = after.iter().zip(&before).position(|(a, b)| a != b);
    assert_eq!(different, None, "seed {seed}");
    assert_eq!(after.len(), before.len(), "seed {seed}");
}

#[test]
fn the_text_is_that_of_the_malloc_lab() {
    let events =
        [aligned(100, 64), allocate(1, 20), resize(0, 1, 30), free(1, 0)];
    let text = |fields| {
        let mut text = Vec::new();
        rep::write(&events, fields, &mut text).expect("a vector");
        String::from_utf8(text).expect("text")
    };
    let plain = "0\n2\n4\n1\na 0 100\na 1 20\nr 1 30\nf 0\n";
    assert_eq!(text(Fields::Plain), plain);
    let whole = "0\n2\n4\n1\na 0 100 0 64\na 1 20 1 0\nr 1 30 0\nf 0 1\n";
    assert_eq!(text(Fields::WithThreads), whole);
}

/// What a file of a course is read as.
fn read_text(text: &str) -> Result<Vec<Event>, String> {
    rep::read(text.as_bytes())
}

#[test]
fn a_file_may_begin_with_any_number() {
    let events = read_text("0\n9\n4\n1\na 2 10\na 0 20\nr 2 30\nf 0\n");
    let expected =
        [allocate(0, 10), allocate(0, 20), resize(0, 0, 30), free(0, 1)];
    assert_eq!(events.as_deref(), Ok(&expected[..]));
}

#[test]
fn a_number_may_be_used_again_after_a_free() {
    let events = read_text("0\n1\n4\n1\na 7 1\nf 7\na 7 2\nf 7\n");
    let expected = [allocate(0, 1), free(0, 0), allocate(0, 2), free(0, 1)];
    assert_eq!(events.as_deref(), Ok(&expected[..]));
}

#[test]
fn a_resize_of_no_block_allocates_one() {
    let events = read_text("0\n1\n2\n1\nr 0 5\nr 0 6\n");
    let expected = [allocate(0, 5), resize(0, 0, 6)];
    assert_eq!(events.as_deref(), Ok(&expected[..]));
}

#[test]
fn lines_may_end_as_on_windows_and_need_not_be_as_many_as_counted() {
    let unix = "20000\n1\n2\n1\na 0 5\nf 0\n";
    let expected = Ok(vec![allocate(0, 5), free(0, 0)]);
    for text in [
        unix.replace('\n', "\r\n"),
        unix.trim_end().to_owned(),
        unix.replace("1\n2\n1\n", "77\n9999\n1\n"),
        unix.replace("1\n2\n1\n", "0\n0\n"),
        format!("{unix}\n\n"),
    ] {
        assert_eq!(read_text(&text), expected, "{text:?}");
    }
}

#[test]
fn what_is_wrong_with_a_text_is_said_with_its_line() {
    let first = "0\n1\n2\n1\n";
    for (rest, said) in [
        ("a 0 5\na 0 6\n", "line 6: block 0 is in use already"),
        ("a 0 5\nf 1\n", "line 6: block 1 is not in use"),
        ("a 0 5\nf 0\nf 0\n", "line 7: block 0 is not in use"),
        ("a 0\n", "line 5: `a 0` has too few numbers"),
        ("a 0 5\nf 0 1 2\n", "line 6: `f 0 1 2` has too many numbers"),
        ("a 0 1099511627777\n", "line 5: no block has 1099511627777 bytes"),
        (
            "a 0 5\nr 0 18446744073709551615\n",
            "line 6: no block has 18446744073709551615 bytes",
        ),
        ("\r\na 0 x\r\n", "line 6: `x` is no number"),
        ("a 0 -5\n", "line 5: `-5` is no number"),
        ("b 0 5\n", "line 5: `b 0 5` is no operation"),
        ("a 0 5\n17\n", "line 6: `17` is no operation"),
        ("a 0 5 0 3\n", "line 5: 3 is no power of two"),
        ("a 0 5 2\n", "line 5: a thread is numbered out of order"),
        ("", "there is no operation in it"),
    ] {
        let error = read_text(&format!("{first}{rest}"));
        assert_eq!(error, Err(said.to_owned()), "{rest:?}");
    }
}

#[test]
fn a_file_that_is_not_whole_is_refused() {
    let whole = file::write(&trace(vec![allocate(0, 10), free(0, 0)]));
    for end in [0, 10, whole.len() - 1] {
        let result = file::read(&whole[..end]);
        assert!(result.is_err(), "{end} of {} bytes: {result:?}", whole.len());
    }
}

#[test]
fn a_block_that_is_not_alive_is_refused() {
    let wrong = "which is not alive";
    for events in [
        vec![free(0, 0)],
        vec![allocate(0, 1), free(0, 0), free(0, 0)],
        vec![allocate(0, 1), free(0, 0), resize(0, 0, 2)],
    ] {
        let error = check(&events).expect_err("a wrong trace");
        assert!(error.contains(wrong), "{error}");
        let error = file::read(&file::write(&trace(events)));
        let error = error.expect_err("a wrong trace");
        assert!(error.contains(wrong), "{error}");
    }
}

#[test]
fn every_recording_is_kept_and_every_file_is_a_recording() {
    let names: BTreeSet<String> =
        RECORDINGS.iter().map(|it| format!("{}.trace", it.name)).collect();
    let files = fs::read_dir(folder()).expect("a folder").map(|entry| {
        let name = entry.expect("a file").file_name();
        name.into_string().expect("a plain name")
    });
    assert_eq!(files.collect::<BTreeSet<_>>(), names);
}

/// `load` checks that every block is alive when it is freed or resized.
#[test]
fn every_recording_is_whole_and_says_what_made_it() {
    for recording in &RECORDINGS {
        let trace = Trace::load(recording.name);
        assert_eq!(trace.command, recording.shown(), "{}", recording.name);
        let events = trace.events.len();
        assert!(events > 10_000, "{}: {events} events", recording.name);
    }
}

/// What the systems of other people have to list, compile or format differs, so
/// the number of events does too.
#[test]
#[ignore = "needs bash, gawk, gcc, git, jq, perl, python3, redis, sqlite3: \
            .ci/run runs it"]
fn every_program_can_be_recorded_again() {
    for recording in &RECORDINGS {
        let events = recording.record();
        let events = events.expect("a recording");
        assert_eq!(check(&events), Ok(()), "{}", recording.name);
        let count = events.len();
        assert!(count > 1_000, "{}: {count} events", recording.name);
    }
}

// The recorder.

/// What `known_work` does, one event after the other.
fn known_events() -> Vec<Event> {
    let mut events = vec![
        allocate(0, 1001),
        allocate(0, 1002),
        allocate(0, 3 * 1003),
        aligned(1004, 256),
        aligned(1005, 512),
        resize(0, 1, 100_006),
        allocate(0, 1007),
        allocate(0, 0),
        free(0, 2),
        free(0, 0),
        free(0, 5),
    ];
    // By another thread, in the order in which it happens.
    events.extend([allocate(1, 1008), free(1, 4), free(0, 6)]);
    events
}

/// The events about the known work: from its first size on, with numbers from 0
/// on for blocks and threads. What the Rust runtime asks for in between is left
/// out.
fn only_known(events: &[Event]) -> Vec<Event> {
    let known = known_events();
    let is_known = |size: u64| {
        known.iter().any(|event| match event.what {
            What::Allocate { size: known, .. } => size == known,
            _ => false,
        })
    };
    let first = events.iter().position(|event| match event.what {
        What::Allocate { size, .. } => size == 1001,
        _ => false,
    });
    let first = first.expect("the known work was recorded");
    let mut next = 0;
    let mut numbers: Vec<Option<u32>> = Vec::new();
    let mut only = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let number = |block: u32| numbers[block as usize];
        let what = match event.what {
            What::Allocate { size, align } => {
                let counts = index >= first && is_known(size);
                numbers.push(counts.then_some(next));
                next += u32::from(counts);
                counts.then_some(What::Allocate { size, align })
            }
            What::Resize { block, size } => {
                number(block).map(|block| What::Resize { block, size })
            }
            What::Free { block } => {
                number(block).map(|block| What::Free { block })
            }
        };
        only.extend(what.map(|what| Event { what, ..*event }));
    }
    only
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_recording_has_what_the_program_did() {
    for ending in ["return", "exit", "kill"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = build_example("known_work");
        let mut known = timing::run::command("sh", folder.path());
        // However it ends, the shell ends well.
        known.args(["-c", "\"$0\" \"$1\"; true"]).arg(program).arg(ending);
        let processes = record(known, folder.path());
        let processes = processes.expect("a recording");
        let of = |is_forked| {
            let mut found = processes.iter().filter(|process| {
                process.program == "known_work"
                    && process.is_forked == is_forked
            });
            found.next().unwrap_or_else(|| panic!("{ending}: no process"))
        };
        assert_eq!(of(false).strangers, 0, "{ending}");
        assert_eq!(
            only_known(&of(false).events),
            known_events(),
            "the program ends by {ending}"
        );
        // The child of a fork: it frees a block of its parent, and one of its
        // own.
        let child = [allocate(0, 1009), free(0, 0)];
        assert_eq!(of(true).events, child, "the child, {ending}");
        assert_eq!(of(true).strangers, 1, "the child, {ending}");
    }
}

// What is counted.

#[test]
fn the_depth_of_a_free_is_what_lies_above_of_the_same_thread() {
    let counted = depths(&[
        allocate(0, 10),
        allocate(0, 10),
        allocate(1, 10), // on another pile
        allocate(0, 10),
        free(0, 1), // under one
        free(0, 3), // the newest
        free(1, 0), // by another thread
        free(1, 2), // the newest
    ]);
    assert_eq!(counted.frees, 4);
    assert_eq!(counted.by_others, 1);
    assert_eq!(counted.newest, [2, 3, 3]);
    assert_eq!(counted.histogram, [2, 1]);
    assert_eq!(counted.live_blocks, 4);
    assert_eq!(counted.live_bytes, 40);
}

#[test]
fn a_realloc_counts_where_a_stack_would_move_the_block() {
    let counted = depths(&[
        allocate(0, 10),
        resize(0, 0, 20), // the newest grows
        allocate(0, 10),
        resize(0, 0, 5),  // any other shrinks
        resize(0, 0, 20), // and has its room still
        resize(0, 0, 21), // moves: it was two deep by then
        free(0, 0),       // and is the newest now
    ]);
    assert_eq!((counted.frees, counted.moves), (2, 1));
    assert_eq!(counted.histogram, [1, 0, 1]);
    assert_eq!(counted.live_bytes, 31);
}

#[test]
fn the_bars_of_the_histogram_double() {
    let starts: Vec<u64> = (0..6).map(bar_start).collect();
    assert_eq!(starts, [0, 1, 2, 4, 8, 16]);
    for depth in 0..20 {
        let mut events = vec![allocate(0, 1); depth + 1];
        events.push(free(0, 0));
        let histogram = depths(&events).histogram;
        let start = bar_start(histogram.len() - 1);
        let end = bar_start(histogram.len());
        let depth = depth as u64;
        assert!(start <= depth && depth < end, "{depth}: {histogram:?}");
    }
}

/// The same as `depths`, counted with a plain list.
#[test]
fn depths_are_what_a_plain_list_gives() {
    let seed = fastrand::u64(..);
    let events = random(&mut Rng::with_seed(seed));
    let events: Vec<Event> = events
        .into_iter()
        .filter(|event| !matches!(event.what, What::Resize { .. }))
        .collect();
    let mut piles: Vec<Vec<u32>> = vec![Vec::new(); 4];
    let (mut blocks, mut by_others) = (0, 0);
    let mut found = Vec::new();
    for event in &events {
        match event.what {
            What::Free { block } => {
                let pile = &mut piles[event.thread as usize];
                match pile.iter().position(|it| *it == block) {
                    Some(at) => {
                        found.push(pile.len() - 1 - at);
                        pile.remove(at);
                    }
                    None => {
                        by_others += 1;
                        for pile in &mut piles {
                            pile.retain(|it| *it != block);
                        }
                    }
                }
            }
            _ => {
                piles[event.thread as usize].push(blocks);
                blocks += 1;
            }
        }
    }
    let counted = depths(&events);
    let below = |depth| found.iter().filter(|it| **it < depth).count() as u64;
    let expected = [1, 4, 16].map(below);
    assert_eq!(counted.newest, expected, "seed {seed}");
    assert_eq!(counted.by_others, by_others, "seed {seed}");
    let past = found.iter().filter(|depth| **depth > 1000).count() as u64;
    assert_eq!(counted.past_1000, past, "seed {seed}");
}

#[test]
fn a_walk_looks_at_free_chunks_too() {
    let walks = memory::one_stack(&[
        allocate(0, 10),
        allocate(0, 10),
        allocate(0, 10),
        free(0, 1), // two steps
        free(0, 0), // three, over the free one
        free(0, 2), // one
    ]);
    assert_eq!((walks.walks, walks.steps, walks.p99), (3, 6, 3));
}

#[test]
fn a_live_block_pins_what_lies_under_it_on_its_own_stack_only() {
    // A thread allocates and frees a megabyte again and again, and each time
    // the other one has put something small on top of it.
    let mut events = vec![allocate(0, 1)];
    for round in 0..20 {
        events.extend([allocate(0, 1_000_000), allocate(1, 1)]);
        events.push(free(0, 1 + 2 * round));
    }
    let one = memory::one_stack(&events).heap;
    let each = memory::stack_for_each_thread(&events);
    assert!(one > 20_000_000, "one stack: {one} bytes");
    assert!(each < 2_000_000, "a stack for each: {each} bytes");
}
