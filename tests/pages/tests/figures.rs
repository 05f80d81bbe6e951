//! The book's figures: recordings that tell the truth, and players that work.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::mem::MaybeUninit;
use std::sync::LazyLock;

use book::figure::question::{Ask, Question, question};
use book::figure::recording::{
    Field, Frame, Kind, Operation, Outcome, RecordedHeap, Span,
};
use book::figure::{self, Recording, draw};
use pages::chromium;
use stage1_bump::{Heap, SimBrk};
use stage3_freelist::heap::STEP;
use timing::workspace::workspace;

/// Where a scenario's operations put their blocks, in the order of the run.
fn results(recording: &Recording) -> Vec<Outcome> {
    let operations =
        recording.frames.iter().filter_map(|frame| frame.operation.as_ref());
    operations.filter_map(|operation| operation.result).collect()
}

/// A scenario's recording, which is made once for all tests.
fn record(name: &str) -> Recording {
    static ALL: LazyLock<BTreeMap<&str, Recording>> = LazyLock::new(|| {
        let recordings = figure::names().into_iter();
        recordings
            .filter_map(|name| Some((name, figure::record(name)?)))
            .collect()
    });
    let known = ALL.get(name).cloned();
    known.unwrap_or_else(|| panic!("no scenario {name}"))
}

fn last(recording: &Recording) -> &Frame {
    recording.frames.last().expect("a recording has a first frame")
}

fn spans_of(frame: &Frame, kind: Kind) -> Vec<&Span> {
    frame.spans.iter().filter(|span| span.kind == kind).collect()
}

#[test]
fn every_scenario_is_drawn_with_a_picture_for_each_frame() {
    assert!(!figure::names().is_empty(), "there are no scenarios");
    for name in figure::names() {
        let html = figure::render(name).expect("its name is in the list");
        let pictures = html.matches("<div class='hf-picture").count()
            - html.matches("<div class='hf-pictures").count();
        assert_eq!(pictures, record(name).frames.len(), "{name}");
        assert_eq!(html.matches("is-still").count(), 1, "{name}");
    }
}

#[test]
fn there_is_no_figure_of_an_unknown_scenario() {
    assert_eq!(figure::render("no-such-scenario"), None);
    assert_eq!(figure::record("no-such-scenario"), None);
}

#[test]
fn a_figure_is_one_line() {
    for name in figure::names() {
        let html = figure::render(name).expect("its name is in the list");
        assert_eq!(html.lines().count(), 1, "{name}");
    }
}

#[test]
fn a_figure_has_no_id_so_a_page_may_show_it_twice() {
    for name in figure::names() {
        let html = figure::render(name).expect("its name is in the list");
        assert!(!html.contains(" id="), "{html}");
    }
}

#[test]
fn spans_fill_the_heap_from_its_start_to_the_break() {
    for name in figure::names() {
        for (index, frame) in record(name).frames.iter().enumerate() {
            let mut end = 0;
            for span in &frame.spans {
                assert_eq!(span.start, end, "{name}, frame {index}: {span:?}");
                assert!(!span.is_empty(), "{name}, frame {index}: {span:?}");
                end = span.end;
            }
            assert_eq!(end, frame.used, "{name}, frame {index}");
        }
    }
}

#[test]
fn two_runs_of_a_scenario_are_equal() {
    for name in figure::names() {
        assert_eq!(figure::record(name), Some(record(name)), "{name}");
    }
}

#[test]
fn the_figure_shows_the_addresses_that_the_heap_gives() {
    let mut memory = [MaybeUninit::uninit(); 1024];
    let start = memory.as_ptr().align_offset(256);
    let mut heap = Heap::new(SimBrk::new(&mut memory[start..]));
    let start = heap.brk().start().addr().get();
    let given: Vec<Outcome> = [24, 100, 1, 24]
        .map(|size| Outcome::Address(heap.malloc(size).addr() - start))
        .to_vec();

    let recording = record("bump");
    assert_eq!(results(&recording), given);
    assert_eq!(last(&recording).used, heap.brk().used());
    assert_eq!(last(&recording).calls, Some(heap.brk().calls()));
}

#[test]
fn the_third_block_of_the_ten_lines_has_an_odd_address() {
    let Outcome::Address(third) = results(&record("ten-lines"))[2] else {
        panic!("the third malloc failed");
    };
    assert_eq!(third % 2, 1, "{third}");
}

#[test]
fn the_leaking_loop_ends_with_nothing_in_use() {
    let recording = record("leak");
    let end = last(&recording);
    let lost: usize =
        spans_of(end, Kind::Leaked).iter().map(|span| span.len()).sum();
    assert_eq!((end.in_use(), lost), (0, 5 * 64), "{end:?}");
    assert!(end.note.contains(&end.used.to_string()), "{:?}", end.note);
}

#[test]
fn both_threads_get_one_block() {
    let recording = record("two-threads");
    let blocks: Vec<&Operation> = recording
        .frames
        .iter()
        .filter_map(|frame| frame.operation.as_ref())
        .filter(|operation| operation.code.contains("malloc"))
        .collect();
    let [second, first] = blocks[..] else {
        panic!("there are not two blocks: {blocks:?}");
    };
    assert_eq!(first.result, second.result);
    assert_eq!((first.lane, second.lane), (0, 1));

    let payloads = spans_of(last(&recording), Kind::Payload);
    let [both] = payloads[..] else { panic!("not one block: {payloads:?}") };
    assert_eq!(both.owners, ["a", "b"]);
    let runs: Vec<u8> = both.holds.iter().map(|run| run.byte).collect();
    assert_eq!(runs, [b'b'], "what a wrote is still there");
}

/// The lines of a recording, with who came to them: `1 sbrk(0)`.
fn lines(recording: &Recording) -> Vec<String> {
    let operations =
        recording.frames.iter().filter_map(|frame| frame.operation.as_ref());
    operations
        .map(|operation| format!("{} {}", operation.lane + 1, operation.code))
        .collect()
}

#[test]
fn no_other_scenario_gives_a_byte_to_two() {
    for name in figure::names() {
        let recording = record(name);
        let is_shared = recording
            .frames
            .iter()
            .flat_map(|frame| &frame.spans)
            .any(|span| span.owners.len() > 1);
        let may_be = name == "two-threads" || HARM.contains(&name);
        assert_eq!(is_shared, may_be, "{name}");
    }
}

#[test]
fn a_block_after_a_foreign_move_lies_above_it() {
    let recording = record("a-foreign-move");
    let end = last(&recording);
    let foreign = spans_of(end, Kind::Foreign)[0];
    let payloads = spans_of(end, Kind::Payload);
    assert_eq!(foreign.len(), 100, "{foreign:?}");
    assert!(payloads[0].end <= foreign.start, "{payloads:?}");
    assert!(payloads[1].start >= foreign.end, "{payloads:?}");
}

/// Where two blocks are one, at the end of a recording.
fn shared_at_the_end(name: &str) -> (Vec<String>, usize) {
    let recording = record(name);
    let end = last(&recording);
    let shared: Vec<_> =
        end.spans.iter().filter(|span| span.owners.len() > 1).collect();
    let [span] = shared[..] else { panic!("{name}: {shared:?}") };
    (span.owners.clone(), span.len())
}

#[test]
fn what_a_number_too_far_does_to_a_header_gives_one_block_two_owners() {
    let (owners, bytes) = shared_at_the_end("eaten-header");
    assert_eq!((owners, bytes), (vec!["c".into(), "e".into()], 32));
}

#[test]
fn a_block_freed_twice_has_two_owners() {
    let (owners, bytes) = shared_at_the_end("two-owners");
    assert_eq!((owners, bytes), (vec!["c".into(), "d".into()], 32));
}

#[test]
fn a_block_freed_twice_in_stage_2_has_two_owners_if_it_was_given_out_again() {
    let (owners, bytes) = shared_at_the_end("a-new-owner");
    assert_eq!((owners, bytes), (vec!["b".into(), "c".into()], 64));
}

#[test]
fn what_the_ten_lines_read_as_minus_one_takes_a_byte_away() {
    let recording = record("broken-promises");
    let [.., before, after, _] = &recording.frames[..] else {
        panic!("{recording:?}");
    };
    assert_eq!(after.used + 1, before.used);
    let (owners, bytes) = shared_at_the_end("broken-promises");
    assert_eq!((owners, bytes), (vec!["d".into(), "f".into()], 1));
}

#[test]
fn a_small_block_above_keeps_a_large_one_from_going_back() {
    let used: Vec<usize> =
        record("a-note-above").frames.iter().map(|it| it.used).collect();
    assert!(used[3] == used[2] && used[6] < used[5] / 4, "{used:?}");
}

#[test]
fn a_child_waits_for_a_lock_that_was_taken_and_not_for_its_own() {
    let recording = record("two-forks");
    let waits: Vec<usize> = (0..)
        .zip(&results_or_none(&recording))
        .filter(|(_, result)| **result == Some(Outcome::Waits))
        .map(|(step, _)| step)
        .collect();
    assert_eq!(waits, [5, 8], "{:?}", lines(&recording));
    let end = last(&recording);
    assert_eq!(names_in_use(end), ["x", "b", "c"]);
}

/// What each step returned, the first picture with them.
fn results_or_none(recording: &Recording) -> Vec<Option<Outcome>> {
    let operations =
        recording.frames.iter().map(|frame| frame.operation.as_ref());
    operations.map(|operation| operation?.result).collect()
}

#[test]
fn a_search_by_halves_ends_at_one_chunk_after_few_looks() {
    let recording = record("halving");
    let looks = recording.frames.len() - 2;
    assert!((4..=5).contains(&looks), "{looks} looks at 20 chunks");
    let end = &last(&recording).note;
    assert!(end.contains("One is left, 4"), "{end}");
}

#[test]
fn the_ground_is_never_popped() {
    let chunks: Vec<usize> = record("the-ground")
        .frames
        .iter()
        .map(|frame| frame.chunks.as_ref().map_or(0, Vec::len))
        .collect();
    assert_eq!(chunks, [0, 2, 3, 3, 1]);
}

#[test]
fn a_queue_of_two_needs_a_second_segment() {
    let all = mapped("a-queue");
    assert_eq!(all[all.len() - 2..], [Some(1024), Some(2048)]);
    let end = record("a-queue");
    assert_eq!(names_in_use(last(&end)).len(), 2);
}

#[test]
fn a_segment_deep_in_the_stack_goes_back_when_a_sweep_finds_it_empty() {
    let all = mapped("what-goes-back");
    let most = all.iter().max().expect("pictures");
    assert_eq!(all[4], *most, "{all:?}");
    assert!(all[8] < *most && all[9] <= all[8], "{all:?}");
}

#[test]
fn the_last_one_makes_one_free_chunk_of_a_segment() {
    let free: Vec<usize> = record("the-last-one")
        .frames
        .iter()
        .map(|frame| free_sizes(frame).len())
        .collect();
    // What was left over at the end of the segment is free, too.
    assert_eq!(free, [0, 0, 1, 4, 7, 1, 0]);
}

#[test]
fn a_list_that_is_bent_leads_into_a_block_in_use() {
    let (owners, bytes) = shared_at_the_end("bent-list");
    assert_eq!((owners, bytes), (vec!["b".into(), "f".into()], 16));
}

#[test]
fn a_record_that_is_eaten_gives_one_chunk_two_owners() {
    let (owners, bytes) = shared_at_the_end("eaten-record");
    assert_eq!((owners, bytes), (vec!["b".into(), "d".into()], 24));
}

#[test]
fn a_write_past_a_chunk_changes_no_record_of_an_array() {
    let recording = record("nothing-to-eat");
    let is_write = |frame: &&Frame| {
        let operation = frame.operation.as_ref();
        operation.is_some_and(|it| it.code.starts_with("a[4]"))
    };
    let at = recording.frames.iter().position(|it| is_write(&it));
    let at = at.expect("a write");
    let [before, after] = [at - 1, at].map(|at| &recording.frames[at]);
    assert_eq!(before.chunks, after.chunks);
    assert_ne!(before.spans, after.spans, "it changes what b holds");
    let left = last(&recording).chunks.as_ref().expect("an array");
    assert!(left.iter().all(|chunk| chunk.owner.is_empty()), "{left:?}");
}

#[test]
fn realloc_copies_the_neighbour_too() {
    let recording = record("realloc");
    let end = last(&recording);
    let new = spans_of(end, Kind::Payload)
        .into_iter()
        .find(|span| span.owners == ["c"])
        .expect("realloc gave a block");
    let letters: Vec<u8> = new.holds.iter().map(|run| run.byte).collect();
    let poison = SimBrk::POISON;
    assert_eq!(letters, [b'a', 0, poison, b'b'], "{new:?}");
}

#[test]
fn a_block_that_does_not_fit_leaves_the_break() {
    let recording = record("out-of-memory");
    let results = results(&recording);
    assert_eq!(results[1], Outcome::Null, "{results:?}");
    assert_eq!(recording.frames[2].used, recording.frames[1].used);
    assert_eq!(recording.frames[2].spans, recording.frames[1].spans);
    assert_ne!(results[2], Outcome::Null, "{results:?}");
}

// Stages 2 and 3.

/// Where the operation before a frame put its block.
fn place(recording: &Recording, frame: usize) -> usize {
    let operation = recording.frames[frame].operation.as_ref();
    match operation.and_then(|operation| operation.result) {
        Some(Outcome::Address(place)) => place,
        other => panic!("frame {frame} has no block: {other:?}"),
    }
}

/// How many bytes each free block of a frame has, the lowest first.
fn free_sizes(frame: &Frame) -> Vec<usize> {
    spans_of(frame, Kind::Free).iter().map(|span| span.len()).collect()
}

/// The figures of a program that breaks the rules, and harms its heap.
const HARM: [&str; 6] = [
    "broken-promises",
    "eaten-header",
    "two-owners",
    "bent-list",
    "a-new-owner",
    "eaten-record",
];

/// The figures of a stage, by the size of its headers. (The words at the start of a
/// large block's mapping are drawn as one, and belong to no block.)
fn with_headers_of(size: usize) -> Vec<&'static str> {
    let is_it = |name: &&str| {
        let frames = record(name).frames;
        let mut spans = frames.iter().flat_map(|frame| &frame.spans);
        spans.any(|span| {
            let is_header = span.kind == Kind::Header;
            is_header && span.label != "its words" && span.len() == size
        })
    };
    figure::names().into_iter().filter(is_it).collect()
}

/// The heaps whose figures have headers of a size.
fn heaps_with_headers_of(size: usize) -> BTreeSet<&'static str> {
    let names = with_headers_of(size).into_iter();
    names.map(|name| record(name).heap.source).collect()
}

#[test]
fn a_header_has_32_bytes_in_stage_2_and_16_from_the_boundary_tags_on() {
    assert_eq!(
        heaps_with_headers_of(32),
        BTreeSet::from(["stage2-headers", "book/steps/3-1-reuse.rs"])
    );
    assert_eq!(
        heaps_with_headers_of(16),
        BTreeSet::from([
            "book/steps/3-2-boundary-tags.rs",
            "book/steps/3-3-one-list.rs",
            "stage3-freelist",
            "stage4-threadsafe",
        ])
    );
}

#[test]
fn a_figure_says_whose_heap_it_shows() {
    for name in figure::names() {
        let heap = record(name).heap;
        let html = figure::render(name).expect("its name is in the list");
        let caption = html.split("</figcaption>").next().expect("a caption");
        let whose = match heap.source.strip_prefix("stage") {
            Some(stage) => format!("stage {}’s heap", &stage[..1]),
            None => format!("<code>{}</code>", heap.source),
        };
        assert!(caption.contains(&whose), "{name}: no {whose} in {caption}");
        let path = workspace().join(heap.source);
        assert!(path.exists(), "{name}: {}", path.display());
    }
}

#[test]
fn a_legend_calls_a_box_what_the_box_says() {
    for name in figure::names() {
        let html = figure::render(name).expect("its name is in the list");
        let Some((figure, legend)) = html.split_once("hf-legend") else {
            continue;
        };
        for word in ["header", "record", "padding"] {
            let is_meant = legend.contains(&format!("</span>{word}"));
            let is_said = figure.contains(&format!("<span>{word}</span>"));
            assert!(!is_meant || is_said, "{name}: no {word}: {legend}");
        }
    }
    // Figures with notes in front of blocks, and those that say so.
    let says = |name: &str, what: &str| {
        let html = figure::render(name).expect(name);
        html.contains(&format!("</span>{what}"))
    };
    assert!(says("join", "header"), "stage 3 has headers");
    assert!(says("eaten-record", "record"), "a stack of a thread has records");
}

/// The recordings of heaps whose break moves in steps.
fn in_steps() -> Vec<(&'static str, Recording)> {
    let recordings =
        figure::names().into_iter().map(|name| (name, record(name)));
    let sources = ["stage3-freelist", "stage4-threadsafe"];
    recordings
        .filter(|(_, recording)| sources.contains(&recording.heap.source))
        .collect()
}

/// Where a step of the break does not fit, the figure says how large one is.
#[test]
fn a_figure_says_what_it_shrinks() {
    let recordings = in_steps();
    assert!(!recordings.is_empty(), "there are figures of stage 3");
    for (name, Recording { heap, frames, .. }) in recordings {
        let is_ours = |frame: &Frame| {
            let operation = frame.operation.as_ref();
            operation.is_some_and(|it| !it.code.starts_with("somebody"))
        };
        let whole = frames.windows(2).all(|pair| {
            let rise = pair[1].used.saturating_sub(pair[0].used);
            rise % STEP == 0 || !is_ours(&pair[1])
        });
        let says = heap.told.contains("a step of 128 KiB is refused");
        assert_ne!(whole, says, "{name}: {}", heap.told);
    }
}

#[test]
fn a_header_stands_in_front_of_each_block() {
    for name in [with_headers_of(32), with_headers_of(16)].concat() {
        if name == "two-threads-in-the-heap" || HARM.contains(&name) {
            // There a block is lost, header and all.
            continue;
        }
        for (index, frame) in record(name).frames.iter().enumerate() {
            let header_ends: Vec<usize> = spans_of(frame, Kind::Header)
                .iter()
                .map(|span| span.end)
                .collect();
            for kind in [Kind::Payload, Kind::Free] {
                for block in spans_of(frame, kind) {
                    assert!(
                        header_ends.contains(&block.start),
                        "{name}, frame {index}: {block:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_heap_that_knows_its_free_blocks_loses_none() {
    for name in [with_headers_of(32), with_headers_of(16)].concat() {
        for (index, frame) in record(name).frames.iter().enumerate() {
            let lost = spans_of(frame, Kind::Leaked);
            assert!(lost.is_empty(), "{name}, frame {index}: {lost:?}");
        }
    }
}

#[test]
fn one_byte_costs_48_in_stage_2() {
    let recording = record("headers");
    let [.., before, after] = &recording.frames[..] else {
        panic!("{recording:?}");
    };
    assert_eq!(after.used - before.used, 48);
    assert!(after.note.starts_with("48 bytes"), "{}", after.note);
}

#[test]
fn what_is_free_at_the_end_goes_back_in_one_move() {
    let recording = record("free-at-the-end");
    let used: Vec<usize> =
        recording.frames.iter().map(|frame| frame.used).collect();
    let [0, one, _, three, unmoved, end] = used[..] else {
        panic!("{used:?}");
    };
    assert_eq!((unmoved, end), (three, one));
    let calls = recording.frames[4..].iter().map(|frame| frame.calls);
    assert_eq!(calls.collect::<Vec<_>>(), [Some(3), Some(4)]);
}

#[test]
fn what_is_free_in_the_middle_stays_until_the_end_is_free() {
    let recording = record("free-in-the-middle");
    let frames = &recording.frames;
    assert_eq!((frames[3].used, frames[4].used), (2080, 0));
    assert_eq!(free_sizes(&frames[3]), [1008]);
    assert_eq!(recording.still, 3);
}

#[test]
fn stage_2_never_uses_a_free_block_again() {
    let recording = record("never-used-again");
    let end = last(&recording);
    assert_eq!(free_sizes(end), [192], "{end:?}");
    let free = spans_of(end, Kind::Free)[0];
    assert!(place(&recording, 4) > free.end, "{end:?}");
}

#[test]
fn padding_is_part_of_the_block_below() {
    let recording = record("padding-joins");
    assert_eq!(place(&recording, 2) % 256, 0);
    let freed = &recording.frames[3];
    let free = spans_of(freed, Kind::Free)[0];
    let above = spans_of(freed, Kind::Header)[1];
    assert_eq!(free.end, above.start, "{freed:?}");
    assert_eq!(last(&recording).used, 0);
}

#[test]
fn the_list_is_searched_from_the_block_freed_last() {
    let recording = record("first-fit");
    let labels: Vec<&str> = spans_of(&recording.frames[6], Kind::Free)
        .iter()
        .map(|span| span.label.as_str())
        .collect();
    assert_eq!(labels, ["second", "first on the list"]);
    // `e` has the place of `c`, and `f` that of `a`.
    assert_eq!(place(&recording, 7), place(&recording, 3));
    assert_eq!(place(&recording, 8), place(&recording, 1));
}

#[test]
fn the_front_of_a_large_block_is_given_out() {
    let recording = record("split");
    let frames = &recording.frames;
    assert_eq!(free_sizes(&frames[3]), [400]);
    // A header went into the new block.
    assert_eq!(free_sizes(&frames[4]), [400 - 96 - 32]);
    assert_eq!(free_sizes(&frames[5]), [0; 0], "what was left is too small");
    assert_eq!(place(&recording, 4), place(&recording, 1));
    assert_eq!(frames[5].used, frames[2].used);
}

#[test]
fn three_free_blocks_become_one() {
    let recording = record("join");
    assert_eq!(free_sizes(&recording.frames[6]), [64, 64]);
    assert_eq!(free_sizes(&recording.frames[7]), [3 * 64 + 2 * 16]);
}

#[test]
fn enough_bytes_are_free_and_no_block_is_large_enough() {
    let recording = record("fragmentation");
    let [.., before, after] = &recording.frames[..] else {
        panic!("{recording:?}");
    };
    let sizes = free_sizes(before);
    assert!(sizes.iter().sum::<usize>() >= 128, "{sizes:?}");
    assert!(sizes.iter().all(|&size| size < 128), "{sizes:?}");
    assert!(after.used > before.used, "{after:?}");
}

#[test]
fn a_request_takes_from_its_class_or_from_the_next_above() {
    let recording = record("size-classes");
    let lists = |frame: usize| -> Vec<String> {
        spans_of(&recording.frames[frame], Kind::Free)
            .iter()
            .map(|span| span.label.clone())
            .collect()
    };
    assert_eq!(lists(6), ["list 2", "list 5"]);
    assert_eq!(lists(7), ["list 5"]);
    assert_eq!(lists(8), ["list 2"]);
    assert_eq!(place(&recording, 7), place(&recording, 1));
    assert_eq!(place(&recording, 8), place(&recording, 3));
}

#[test]
fn nothing_is_joined_over_what_somebody_else_took() {
    let recording = record("a-foreign-move-3");
    let freed = &recording.frames[5];
    let [low, high] = spans_of(freed, Kind::Free)[..] else {
        panic!("{freed:?}");
    };
    let foreign = spans_of(freed, Kind::Foreign)[0];
    assert!(low.end < foreign.start, "{freed:?}");
    assert!(foreign.end < high.start, "{freed:?}");
    assert_eq!(place(&recording, 6), high.start);
}

#[test]
fn realloc_leaves_a_block_where_it_has_room() {
    let recording = record("realloc-3");
    let places = [1, 5, 6].map(|frame| place(&recording, frame));
    assert_eq!(places, [places[0]; 3]);
    assert_eq!(place(&recording, 7), place(&recording, 3));
    let html = figure::render("realloc-3").expect("it is a scenario");
    for word in ["grown", "shrunk", "the rest", "joined"] {
        let tag = format!("<span class='hf-tag'>{word}</span>");
        assert!(html.contains(&tag), "no {word}: {html}");
    }
}

/// Their break is refused a step for each of them, and that is the figure's
/// doing.
#[test]
fn figures_in_which_a_step_is_refused_count_no_calls() {
    for (name, Recording { heap, frames, .. }) in in_steps() {
        let is_refused = heap.told.contains("is refused");
        let counts = frames[1].calls.is_some();
        assert_eq!(counts, !is_refused, "{name}: {}", heap.told);
    }
}

// Stage 4.

#[test]
fn the_heap_loses_a_block_of_two_threads_though_every_sbrk_is_whole() {
    let recording = record("two-threads-in-the-heap");
    assert_eq!(
        lines(&recording),
        [
            "1 x = malloc(64)",
            "1 sbrk(0)",
            "1 sbrk(increment)",
            "2 sbrk(0)",
            "2 sbrk(increment)",
            "2 b = malloc(64)",
            "1 a = malloc(64)",
            "1 fill(a, 'a')",
            "2 fill(b, 'b')",
        ]
    );
    // Each call of `sbrk` returned where the break was.
    let frames = &recording.frames;
    for step in 2..=5 {
        assert_eq!(place(&recording, step), frames[step - 1].used, "{step}");
    }
    // What the heap knows of ends below the block of thread 2.
    let end = last(&recording);
    let known = spans_of(end, Kind::Header).iter().map(|span| span.end).max();
    let known = known.expect("the end is a header");
    let theirs = place(&recording, 6);
    assert!(known <= theirs, "known to {known}, their block at {theirs}");
    // A header, a payload, and the end behind it.
    let lost = end.used - known;
    assert_eq!(lost, 16 + 64 + 16, "what the heap does not know of");
}

#[test]
fn two_threads_and_a_lock_get_a_block_each() {
    let recording = record("two-threads-and-a-lock");
    assert_eq!(
        lines(&recording),
        [
            "1 x = malloc(64)",
            "1 lock()",
            "1 sbrk(0)",
            "2 lock()",
            "1 sbrk(increment)",
            "1 a = malloc(64)",
            "2 sbrk(0)",
            "2 sbrk(increment)",
            "2 b = malloc(64)",
            "1 fill(a, 'a')",
            "2 fill(b, 'b')",
        ]
    );
    let waits = |frame: &Frame| match &frame.operation {
        Some(operation) => operation.result == Some(Outcome::Waits),
        None => false,
    };
    let waiting: Vec<usize> = (0..recording.frames.len())
        .filter(|&step| waits(&recording.frames[step]))
        .collect();
    assert_eq!(waiting, [4], "the steps at which a thread waits");
    let end = last(&recording);
    let holds: Vec<(&str, u8)> = spans_of(end, Kind::Payload)[1..]
        .iter()
        .map(|span| (span.owners[0].as_str(), span.holds[0].byte))
        .collect();
    assert_eq!(holds, [("a", b'a'), ("b", b'b')]);
    assert_eq!(spans_of(end, Kind::Padding), [] as [&Span; 0]);
}

#[test]
fn pages_stay_open_when_the_break_falls() {
    let recording = record("reserved");
    let html = |step: usize| {
        let drawn = recording.frames[step].drawn.as_ref();
        drawn.expect("a drawing").html.clone()
    };
    let left = "open, without memory";
    let open: Vec<bool> =
        (0..5).map(|step| html(step).contains(left)).collect();
    assert_eq!(open, [false, false, false, true, true]);
    let asked: Vec<usize> =
        questions(&recording).iter().map(|(_, asked)| asked.right).collect();
    assert_eq!(asked, [2, 1], "it falls, and rises without being opened");
}

// Stage 5.

/// The stack of chunks in a frame, from the ground up: whose they are, and `-`
/// for one that is free.
fn stack(frame: &Frame) -> Vec<&str> {
    let chunks = frame.chunks.as_deref().expect("a stack of chunks");
    let [ground, chunks @ ..] = chunks else { return Vec::new() };
    assert_eq!((ground.start, ground.end), (None, 0), "the ground");
    chunks
        .iter()
        .map(|chunk| if chunk.is_free { "-" } else { &chunk.owner })
        .collect()
}

/// The stack after each step.
fn stacks(recording: &Recording) -> Vec<String> {
    let frames = recording.frames.iter().skip(1);
    frames.map(|frame| stack(frame).join(" ")).collect()
}

#[test]
fn the_chunks_are_the_memory() {
    for name in figure::names() {
        for (index, frame) in record(name).frames.iter().enumerate() {
            let chunks = frame.chunks.iter().flatten();
            // The ground, and what is somebody else's, start nowhere.
            for chunk in chunks.filter(|chunk| chunk.start.is_some()) {
                let kind =
                    if chunk.is_free { Kind::Free } else { Kind::Payload };
                let is_it = |span: &Span| {
                    (span.kind, Some(span.start), span.end)
                        == (kind, chunk.start, chunk.end)
                };
                assert!(
                    frame.spans.iter().any(is_it),
                    "{name}, frame {index}: {chunk:?} in {frame:?}"
                );
            }
        }
    }
}

#[test]
fn nested_calls_leave_the_stack_as_it_was() {
    let recording = record("nested-calls");
    assert_eq!(
        stacks(&recording),
        [
            "a",
            "a b",
            "a b c",
            "a b c d",
            "a b c d e",
            "a b c d",
            "a b c",
            "a b",
            "a",
            "",
        ]
    );
    assert_eq!(last(&recording).calls, Some(1), "it asks the kernel once");
    assert_eq!(last(&recording).used, 5 * 4096);
}

#[test]
fn a_chunk_that_is_freed_too_early_goes_with_the_one_above_it() {
    assert_eq!(
        stacks(&record("out-of-order"))[3..],
        ["a b c d", "a b - d", "a b", "a", ""]
    );
}

#[test]
fn a_small_chunk_pins_all_below_it() {
    let recording = record("a-chunk-that-stays");
    assert_eq!(
        stacks(&recording)[2..],
        [
            "file work name",
            "file - name",
            "- - name",
            "- - name next",
            "- - name",
            "",
        ]
    );
    let pinned = &recording.frames[5];
    let free: usize = free_sizes(pinned).iter().sum();
    assert_eq!((free, pinned.in_use()), (4096 + 1024, 24));
}

#[test]
fn each_thread_keeps_to_the_order_and_still_one_waits_for_the_other() {
    let recording = record("two-threads-on-one-stack");
    let frees: Vec<String> = lines(&recording)
        .into_iter()
        .filter(|line| line.contains("free"))
        .collect();
    assert_eq!(frees, ["2 free(d)", "2 free(b)", "1 free(c)", "1 free(a)"]);
    assert_eq!(stacks(&recording)[3..], ["a b c d", "a b c", "a - c", "a", ""]);
}

/// The figures of heaps in segments.
const SEGMENTS: [&str; 4] =
    ["segments", "a-large-block-grows", "eaten-record", "record-bits"];

#[test]
fn a_record_has_eight_bytes_wherever_it_is_drawn() {
    for name in SEGMENTS {
        let frames = record(name).frames;
        let spans = frames.iter().flat_map(|frame| &frame.spans);
        let records = spans.filter(|span| span.label == "record");
        let sizes: BTreeSet<usize> = records.map(Span::len).collect();
        assert!(sizes.is_subset(&BTreeSet::from([8])), "{name}: {sizes:?}");
    }
}

#[test]
fn what_somebody_else_took_is_a_chunk_that_pins_for_ever() {
    let recording = record("a-foreign-chunk");
    let theirs = ["a", "a", "a  b", "-  b", "- "];
    assert_eq!(stacks(&recording), theirs);
    let foreign = spans_of(last(&recording), Kind::Foreign);
    assert_eq!(foreign.len(), 1, "{foreign:?}");
}

/// How many bytes are mapped in each frame.
fn mapped(name: &str) -> Vec<Option<usize>> {
    record(name).frames.iter().map(|frame| frame.mapped).collect()
}

#[test]
fn one_empty_segment_is_kept_and_the_one_above_it_goes_back() {
    let segments = mapped("segments").into_iter();
    let segments: Vec<_> = segments.map(|it| it.unwrap() / 1024).collect();
    assert_eq!(segments, [0, 1, 2, 2, 2, 2, 3, 3, 2]);
}

#[test]
fn a_large_block_that_has_moved_has_room_for_the_next_step() {
    let recording = record("a-large-block-grows");
    let results = results(&recording);
    let [_, new, with_room, moved, next, ..] = results[..] else {
        panic!("more steps: {results:?}")
    };
    assert_eq!(new, with_room, "there was room");
    assert_ne!(with_room, moved, "there was none");
    assert_eq!(moved, next, "there was an eighth more");
    // Its heap has no break that it could lie above.
    let asked = question(&recording, 4).expect("a question");
    let answer = asked.answer;
    assert!(answer.ends_with(": where nothing was mapped."), "{answer}");
}

#[test]
fn a_fork_in_a_push_finds_the_stack_as_it_was() {
    let recording = record("fork-in-a-push");
    let live = |frame: &Frame| frame.in_use();
    let in_use: Vec<usize> = recording.frames.iter().map(live).collect();
    assert_eq!(in_use, [0, 24, 24, 24, 24, 48, 24], "bytes in use");
    let [a, .., c] = results(&recording)[..] else { panic!("two blocks") };
    let (Outcome::Address(a), Outcome::Address(c)) = (a, c) else {
        panic!("{a:?}, {c:?}")
    };
    assert_eq!(c, a + 32, "the child pushes where the other was about to");
    let lost = &last(&recording).spans;
    let lost: Vec<_> = lost.iter().filter(|it| it.start == c).collect();
    assert_eq!(lost[0].label, "in use, and nobody’s", "{lost:?}");
}

// Bits and bytes.

/// The figures that show what stands in memory byte by byte.
const BITS: [&str; 5] =
    ["header-bits", "tag-bits", "free-block-bits", "array-bits", "record-bits"];

/// A number as it lies in memory, if all of its bytes are shown.
fn number(field: &Field) -> Option<u64> {
    let bytes = field.bytes.iter().rev();
    bytes
        .copied()
        .try_fold(0, |number, byte| Some(number << 8 | u64::from(byte?)))
}

fn field<'f>(frame: &'f Frame, of: &str, name: &str) -> &'f Field {
    let is_it = |field: &&Field| field.of == of && field.name == name;
    let found = frame.fields.iter().find(is_it);
    found.unwrap_or_else(|| panic!("no {name} in {of}: {:?}", frame.fields))
}

#[test]
fn what_a_field_says_is_what_its_bytes_say() {
    for name in BITS {
        let mut numbers = 0;
        for (index, frame) in record(name).frames.iter().enumerate().skip(1) {
            for field in &frame.fields {
                let Ok(said) = field.value.split(' ').next().unwrap().parse()
                else {
                    continue;
                };
                if field.kind == Kind::Payload {
                    continue;
                }
                let flags: u64 =
                    field.flags.iter().map(|(bit, _)| 1 << bit).sum();
                let is = number(field).map(|number| number & !flags);
                assert_eq!(is, Some(said), "{name}, {index}: {field:?}");
                numbers += 1;
            }
            assert!(!frame.fields.is_empty(), "{name}, frame {index}");
        }
        let is_of_numbers = name != "array-bits";
        assert_eq!(numbers > 0, is_of_numbers, "{name}: {numbers}");
    }
}

#[test]
fn the_bytes_of_a_header_lie_where_the_figure_has_the_header() {
    for name in BITS.iter().filter(|name| **name != "array-bits") {
        for (index, frame) in record(name).frames.iter().enumerate() {
            for field in &frame.fields {
                let at = field.at.expect("they lie in the heap");
                let mut spans = frame.spans.iter();
                let span = spans.find(|it| it.start <= at && at < it.end);
                let kind = span.map(|span| span.kind);
                // What was one, or will be, is marked as free or as room.
                let may_be = match field.kind {
                    Kind::Header => [Kind::Header, Kind::Free, Kind::Padding],
                    _ => [field.kind; 3],
                };
                let is_it = kind.is_none_or(|kind| may_be.contains(&kind));
                assert!(is_it, "{name}, {index}: {field:?} in {span:?}");
            }
        }
    }
}

#[test]
fn a_size_in_a_header_is_that_of_the_block() {
    for (name, size) in [
        ("header-bits", "size"),
        ("tag-bits", "size_and_flag"),
        ("free-block-bits", "size_and_flag"),
    ] {
        for (index, frame) in record(name).frames.iter().enumerate().skip(1) {
            let says = field(frame, "the header of `a`", size);
            let is = number(says).expect("a number") & !1;
            // In memory it reaches from its header to the next one.
            let mut headers = spans_of(frame, Kind::Header).into_iter();
            let own = headers.next().expect("a header");
            let end = headers.next().map_or(frame.used, |next| next.start);
            assert_eq!(is, (end - own.end) as u64, "{name}, {index}: {says:?}");
        }
    }
}

#[test]
fn one_bit_turns_when_a_block_is_freed() {
    for (name, of, what, step) in [
        ("header-bits", "the header of `a`", "is_free", 3),
        ("tag-bits", "the header of `a`", "size_and_flag", 4),
        ("free-block-bits", "the header of `a`", "size_and_flag", 5),
        ("array-bits", "the record of `a`", "free", 3),
        ("record-bits", "the record of `a`", "state", 3),
    ] {
        let frames = record(name).frames;
        let [was, is] = [step - 1, step]
            .map(|step| number(field(&frames[step], of, what)).unwrap());
        assert_eq!(was ^ is, 1, "{name}: {was:#x} and {is:#x}");
        let operation = frames[step].operation.as_ref().expect("a step");
        assert_eq!(operation.code, "free(a)", "{name}");
    }
}

#[test]
fn the_links_of_a_free_block_lead_to_the_headers_of_others() {
    let recording = record("free-block-bits");
    let freed = &recording.frames[5];
    let next = field(freed, "its payload: the links", "next");
    let headers = spans_of(freed, Kind::Header);
    let is_there = headers
        .iter()
        .any(|span| book::figure::recording::address(span.start) == next.value);
    assert!(is_there, "{next:?} and {headers:?}");
    let prev = field(freed, "its payload: the links", "prev");
    assert_eq!(prev.value, "null", "it is the first on its list");
}

/// The fields of a picture are drawn from the lowest address up.
#[test]
fn the_bytes_of_a_figure_are_in_its_html() {
    for name in BITS {
        let recording = record(name);
        let html = figure::render(name).expect("its name is in the list");
        let frames = recording.frames.iter().enumerate();
        let shown = |field: &&Field| !field.name.is_empty();
        for (index, frame) in frames {
            for field in frame.fields.iter().filter(shown) {
                let text = format!("<code>{}</code>", field.name);
                assert!(html.contains(&text), "{name}, {index}: no {text}");
            }
            let lowest_first: Vec<_> =
                frame.fields.iter().filter_map(|field| field.at).collect();
            assert!(lowest_first.is_sorted(), "{name}, {index}");
        }
        assert!(html.contains("hf-bit-row"), "{name} shows no bits");
    }
}

// Before the first stage.

#[test]
fn the_heap_grows_up_and_the_stack_grows_down_in_what_a_run_has_printed() {
    let recording = record("memory-map");
    let asked: Vec<String> = questions(&recording)
        .into_iter()
        .map(|(_, asked)| asked.choices[asked.right].clone())
        .collect();
    assert_eq!(
        asked,
        ["Up", "Between heap and stack", "Between heap and stack", "Down"]
    );
}

/// Low addresses are at the bottom in every figure: the rows come from the
/// lowest up, and the style sheet turns them around.
#[test]
fn low_addresses_are_at_the_bottom_of_every_figure() {
    let style = workspace().join("book/theme/figure.css");
    let style = fs::read_to_string(style).expect("a style sheet");
    for list in [".hf-memory {", ".heap-figure .hf-fields ol {"] {
        let rule = style.split(list).nth(1).expect(list);
        let rule = rule.split('}').next().expect("a rule ends");
        assert!(rule.contains("column-reverse"), "{list} {rule}");
    }
    let names = [
        "memory-map",
        "break-and-pages",
        "ls-pins",
        "git-breathes",
        "reserved",
    ];
    for name in names {
        for (index, frame) in record(name).frames.iter().enumerate() {
            let html = &frame.drawn.as_ref().expect("a drawing").html;
            let rows = html.split("<span class='hf-at'>").skip(1);
            let addresses: Vec<u64> = rows
                .filter_map(|row| {
                    let at = row.split('<').next()?.replace([',', '…'], "");
                    match at.strip_prefix("0x") {
                        Some(at) => u64::from_str_radix(at, 16).ok(),
                        None => at.parse().ok(),
                    }
                })
                .collect();
            assert!(!addresses.is_empty(), "{name}, {index}: {html}");
            assert!(addresses.is_sorted(), "{name}, {index}: {addresses:x?}");
        }
    }
}

/// As many bytes as the program has printed: the figure is not made otherwise.
#[test]
fn what_is_zero_after_the_break_has_moved_is_what_a_run_has_printed() {
    let recording = record("break-and-pages");
    let html = &last(&recording).drawn.as_ref().expect("a drawing").html;
    let file = workspace().join("book/captured/the-break.txt");
    let printed = fs::read_to_string(file).expect("it is kept");
    let zero = printed.lines().find_map(|line| {
        line.split_once(" of the 5,000 bytes are zero").map(|it| it.0)
    });
    let zero: usize = zero.expect("a line").parse().expect("a number");
    let drawn = format!("{},{:03} bytes", zero / 1000, zero % 1000);
    assert!(html.contains(&drawn), "no {drawn} in {html}");
    let zeroes = html.matches("ours: zeroes").count();
    assert_eq!(zeroes, 2, "the first 60, and what has come again: {html}");
}

// Real programs on a stack of chunks.

#[test]
fn sqlite_never_frees_the_newest_and_perl_never_the_top() {
    for name in ["sqlite-one-late", "perl-under-a-copy"] {
        let frames = record(name).frames;
        let is_free = |frame: &&Frame| {
            let operation = frame.operation.as_ref();
            operation.is_some_and(|it| it.code.starts_with("free"))
        };
        let frees: Vec<&Frame> = frames.iter().filter(is_free).collect();
        assert!(frees.len() >= 4, "{name}: {}", frees.len());
        for frame in frees {
            assert!(frame.note.contains("above it"), "{name}: {}", frame.note);
            let top = stack(frame).pop().expect("something is in use");
            assert_ne!(top, "-", "{name}: the top is in use");
        }
    }
}

#[test]
fn each_buffer_of_ls_goes_on_top_and_none_comes_back() {
    let recording = record("ls-pins");
    let said: Vec<String> = questions(&recording)
        .into_iter()
        .map(|(_, asked)| asked.choices[asked.right].clone())
        .collect();
    assert_eq!(said, ["No", "On top of all", "On top of all"]);
    let pinned = |frame: &Frame| {
        let html = &frame.drawn.as_ref().expect("a drawing").html;
        html.matches("a buffer: free, and pinned").count()
    };
    let pinned: Vec<usize> = recording.frames.iter().map(pinned).collect();
    assert!(pinned.is_sorted(), "it falls: {pinned:?}");
    assert_eq!(pinned.last(), Some(&3), "{pinned:?}");
}

/// What is said of each free stands in the recording itself: see
/// `tests/traces/git.trace`.
#[test]
fn gits_stack_rises_twice_and_falls_to_where_it_was() {
    let recording = record("git-breathes");
    let drawn =
        |frame: &Frame| frame.drawn.as_ref().expect("a drawing").clone();
    let height = |frame: &Frame| {
        drawn(frame).html.matches("<span>b").count()
            - drawn(frame).html.matches("gone</span>").count()
    };
    let heights: Vec<usize> = recording.frames.iter().map(height).collect();
    let expected = [0, 9, 9, 9, 6, 5, 9, 9, 9, 6, 5, 5, 4, 3, 3, 0];
    assert_eq!(heights, expected);
    let frees = recording.frames.iter().filter_map(|frame| drawn(frame).asked);
    let depths: Vec<String> =
        frees.map(|it| it.choices[it.right].clone()).collect();
    let expected =
        ["2", "1", "0", "0", "2", "1", "0", "0", "4", "0", "0", "1", "0"];
    assert_eq!(depths, expected);
}

// Stacks of several threads.

/// Where the free chunks and those in use are, by what is said of them.
fn free_labels(frame: &Frame) -> Vec<&str> {
    let free = spans_of(frame, Kind::Free).into_iter();
    free.map(|span| span.label.as_str()).collect()
}

fn names_in_use(frame: &Frame) -> Vec<String> {
    let payloads = spans_of(frame, Kind::Payload).into_iter();
    payloads.flat_map(|span| span.owners.clone()).collect()
}

#[test]
fn another_thread_marks_and_the_owner_pops() {
    let recording = record("mark-and-pop");
    let frames = &recording.frames;
    assert_eq!(free_labels(&frames[5]), ["marked"]);
    assert_eq!(names_in_use(&frames[5]), ["a", "c", "x"]);
    let lane = |step: usize| frames[step].operation.as_ref().unwrap().lane;
    assert_eq!((lane(5), lane(7)), (1, 0), "who marks, and who pops");
    assert_eq!(free_labels(&frames[7]), [""; 0]);
    assert_eq!(names_in_use(&frames[7]), ["a"]);
}

/// Whose segments there are, from the lowest up.
fn owners(frame: &Frame) -> Vec<&str> {
    let headers = spans_of(frame, Kind::Header).into_iter();
    headers
        .filter_map(|span| span.label.split_once(": a segment"))
        .map(|(owner, _)| owner)
        .collect()
}

#[test]
fn a_stack_that_a_thread_leaves_behind_goes_to_the_next() {
    let recording = record("adoption");
    let frames = &recording.frames;
    assert_eq!(owners(&frames[3]), ["thread 1", "thread 2"]);
    assert_eq!(owners(&frames[4]), ["parked", "thread 2"]);
    assert_eq!(owners(&frames[6]), ["thread 3", "thread 2"]);
    assert_eq!(free_labels(&frames[5]), ["marked"]);
    assert_eq!(names_in_use(last(&recording)), ["a", "x"]);
    assert_eq!(free_labels(last(&recording)), [""; 0]);
}

#[test]
fn three_threads_have_a_segment_each_and_leave_none_in_use() {
    let recording = record("three-stacks");
    let all = &recording.frames[5];
    assert_eq!(owners(all), ["thread 1", "thread 2", "thread 3"]);
    assert_eq!(last(&recording).in_use(), 0);
    for (index, frame) in recording.frames.iter().enumerate() {
        let waiting = free_labels(frame);
        assert_eq!(waiting, [""; 0], "nobody waits: {index}");
    }
}

#[test]
fn a_chunk_on_a_list_is_given_out_again_to_its_size_alone() {
    let recording = record("on-a-list");
    let frames = &recording.frames;
    assert_eq!(free_labels(&frames[4]), ["on a list"]);
    assert_ne!(place(&recording, 5), place(&recording, 1));
    assert_eq!(place(&recording, 6), place(&recording, 1));
}

#[test]
fn a_sweep_joins_four_chunks_and_the_next_ones_are_cut_from_them() {
    let recording = record("a-hole");
    let frames = &recording.frames;
    assert_eq!(spans_of(&frames[3], Kind::Free).len(), 4);
    let lowest = spans_of(&frames[3], Kind::Free)[0].start;
    assert_eq!(place(&recording, 4), lowest, "at the front of the hole");
    let labels = ["on a list"; 4].into_iter().chain(["in hand"]);
    assert!(labels.eq(free_labels(&frames[4])), "{:?}", frames[4]);
    assert_eq!(place(&recording, 5), spans_of(&frames[4], Kind::Free)[0].start);
    assert_eq!(frames[4].mapped, frames[3].mapped, "nothing was mapped");
}

// What the players ask.

/// The questions of a recording, with their steps.
fn questions(recording: &Recording) -> Vec<(usize, Question)> {
    let steps = 0..recording.frames.len();
    steps.filter_map(|at| Some((at, question(recording, at)?))).collect()
}

#[test]
fn every_player_asks_and_none_of_the_questions_is_lost() {
    let mut count = 0;
    for name in figure::names() {
        let recording = record(name);
        let asked = questions(&recording).len();
        assert_eq!(asked, recording.asks.len(), "{name}: {:?}", recording.asks);
        assert!(asked > 0, "{name} asks nothing");
        count += asked;
    }
    // So many there are. Whoever adds some raises it.
    assert!(count >= 156, "{count} questions");
}

#[test]
fn a_question_has_choices_that_differ_and_one_is_right() {
    for name in figure::names() {
        for (step, question) in questions(&record(name)) {
            let choices: BTreeSet<&String> = question.choices.iter().collect();
            let all = question.choices.len();
            assert_eq!(choices.len(), all, "{name}, {step}: {question:?}");
            assert!((2..=4).contains(&all), "{name}, {step}: {question:?}");
            assert!(question.right < all, "{name}, {step}: {question:?}");
        }
    }
}

/// What a heap would have done that does the opposite.
fn disturb(ask: Ask, recording: &mut Recording, step: usize) {
    let before = recording.frames[step - 1].clone();
    let after = &mut recording.frames[step];
    let operation = after.operation.as_mut().expect("a step");
    match ask {
        Ask::Break if after.used != before.used => after.used = before.used,
        Ask::Break | Ask::Used => after.used += 16,
        Ask::Place => {
            operation.result = match operation.result {
                Some(Outcome::Address(at)) => Some(Outcome::Address(at + 16)),
                _ => Some(Outcome::Address(before.used)),
            }
        }
        Ask::Free => {
            after.spans.push(Span::new(Kind::Free, after.used, after.used + 16))
        }
        Ask::Largest => {
            let is_free = |span: &&mut Span| span.kind == Kind::Free;
            let spans = after.spans.iter_mut().filter(is_free);
            spans.for_each(|span| span.end += 16);
        }
        Ask::Chunks => {
            let chunks = after.chunks.as_mut().expect("a stack");
            chunks.push(chunks[0].clone());
        }
        Ask::Mapped => after.mapped = after.mapped.map(|mapped| mapped + 64),
        Ask::Kernel => after.calls = after.calls.map(|calls| calls + 1),
        Ask::Lock => {
            operation.result = match operation.result {
                Some(Outcome::Waits) => None,
                _ => Some(Outcome::Waits),
            }
        }
        Ask::Byte => {
            let is_flag = |field: &&mut Field| !field.flags.is_empty();
            let field = after.fields.iter_mut().find(is_flag);
            let field = field.expect("a field with flags");
            field.bytes[0] = field.bytes[0].map(|byte| byte ^ 0x20);
        }
        Ask::Drawn => {
            let drawn = after.drawn.as_mut().expect("a drawing");
            let asked = drawn.asked.as_mut().expect("it can be asked");
            asked.right = (asked.right + 1) % asked.choices.len();
            asked.answer = asked.choices[asked.right].clone();
        }
        Ask::List => {
            let is_new = |span: &&mut Span| {
                span.kind == Kind::Free && !before.spans.contains(span)
            };
            let new = after.spans.iter_mut().find(is_new);
            new.expect("a free block").label = "list 99".to_owned();
        }
    }
}

#[test]
fn the_answers_are_those_of_the_recording() {
    for name in figure::names() {
        let recording = record(name);
        for (step, asked) in questions(&recording) {
            let ask = recording.ask(step).expect("it is asked");
            let mut other = recording.clone();
            disturb(ask, &mut other, step);
            let other = question(&other, step).expect("it is asked there too");
            assert_ne!(asked.answer, other.answer, "{name}, {step}: {asked:?}");
            assert_ne!(
                asked.choices[asked.right], other.choices[other.right],
                "{name}, {step}: {asked:?} {other:?}"
            );
        }
    }
}

/// What is asked about is in none of them.
#[test]
fn where_nothing_moves_there_is_the_picture_before_each_question() {
    for name in figure::names() {
        let recording = record(name);
        let html = figure::render(name).expect("its name is in the list");
        let asked = questions(&recording);
        let steps: Vec<usize> = asked.iter().map(|(step, _)| *step).collect();
        let before = html.split("is-before' data-step='").skip(1);
        let before: Vec<usize> = before
            .map(|rest| rest.split('\'').next().unwrap().parse().unwrap())
            .collect();
        let wanted: Vec<usize> = steps.iter().map(|step| step - 1).collect();
        assert_eq!(before, wanted, "{name}: the pictures before its questions");
    }
}

#[test]
fn the_answers_of_a_figure_stand_at_the_back() {
    for name in figure::names() {
        let html = figure::answers(name).expect("it asks");
        let answers = html.matches("<li>").count();
        assert!(answers >= record(name).asks.len(), "{name}: {html}");
        assert_eq!(html.lines().count(), 1, "{name}");
    }
}

#[test]
fn text_in_a_figure_is_escaped() {
    let operation =
        Operation { lane: 0, code: "<i> & 'i'".to_owned(), result: None };
    let frame = Frame {
        operation: None,
        note: String::new(),
        used: 0,
        calls: None,
        mapped: None,
        spans: Vec::new(),
        chunks: None,
        fields: Vec::new(),
        drawn: None,
        tells_fragmentation: false,
    };
    let second = Frame {
        operation: Some(operation),
        note: "1 < 2 in `<u>`".to_owned(),
        ..frame.clone()
    };
    let recording = Recording {
        heap: RecordedHeap::new("stage1-bump", 64),
        frames: vec![frame, second],
        still: 1,
        asks: Vec::new(),
        lanes: vec!["<s>"],
    };
    let html = draw::figure("name", "<b>", &recording);
    for raw in ["<i>", "< 2", "<u>", "<s>", "<b></"] {
        assert!(!html.contains(raw), "{raw} in {html}");
    }
    for escaped in [
        "&lt;b&gt; <span",
        "&lt;i&gt; &amp; &#39;i&#39;",
        "1 &lt; 2 in <code>&lt;u&gt;</code>",
        "&lt;s&gt;</li>",
    ] {
        assert!(html.contains(escaped), "no {escaped} in {html}");
    }
}

/// The page that the browser opens: the figures in frames of two widths, and
/// once without scripts. `figures/drive.js` works on them and writes down what
/// it sees.
fn page() -> String {
    let theme = workspace().join("book/theme");
    let read = |name| fs::read_to_string(theme.join(name)).expect(name);
    let (style, script) = (read("figure.css"), read("figure.js"));
    let figures: String =
        figure::names().into_iter().filter_map(figure::render).collect();
    // What the figures take from mdBook: the size of a rem, and its margins.
    let inner = format!(
        "<!DOCTYPE html><html class='light js'><style>\
         html {{ font-size: 62.5%; --mono-font: monospace }}\
         body {{ margin: 0; padding: 0 20px; font-size: 1.6rem }}\
         {style}</style>{figures}<script>{script}</script>"
    );
    let inner = inner.replace('&', "&amp;").replace('"', "&quot;");
    let drive = include_str!("figures/drive.js");
    format!(
        "<!DOCTYPE html><meta charset='utf-8'>\
         <iframe id='wide' width='800' height='900' srcdoc=\"{inner}\">\
         </iframe>\
         <iframe id='narrow' width='390' height='900' srcdoc=\"{inner}\">\
         </iframe>\
         <iframe id='no-script' sandbox='allow-same-origin' width='800' \
         height='900' srcdoc=\"{inner}\"></iframe>\
         <pre id='seen'></pre><script>{drive}</script>"
    )
}

/// What `drive.js` saw: a line for each check, `ok` or `FAILED` in front.
fn drive() -> String {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let file = folder.path().join("figures.html");
    fs::write(&file, page()).expect("the folder can be written to");
    let page = chromium::open(&chromium::address(&file), &[]);
    chromium::seen(&page).to_owned()
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn the_player_works_in_a_browser() {
    let seen = drive();
    let failed: Vec<&str> =
        seen.lines().filter(|line| !line.starts_with("ok ")).collect();
    assert!(failed.is_empty(), "{}\nof\n{seen}", failed.join("\n"));
    assert!(seen.ends_with("ok everything was looked at\n"), "{seen}");
}
