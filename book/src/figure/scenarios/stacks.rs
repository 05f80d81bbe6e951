//! Beyond stage 5: stacks of several threads, and what a heap does with what is
//! freed deep in one.

use super::Scenario;
use crate::figure::question::Ask;
use crate::figure::recorder::Recorder;
use crate::figure::recording::Kind;
use crate::figure::segments::{SEGMENT, record, record_without};
use crate::figure::{last_one, stacks};

pub const SCENARIOS: [Scenario; 7] = [
    Scenario {
        name: "three-stacks",
        title: "Three threads, and a stack for each",
        asks: &[(3, Ask::Place), (6, Ask::Free)],
        record: stacks::three_stacks,
    },
    Scenario {
        name: "mark-and-pop",
        title: "Another thread marks, the owner pops",
        asks: &[(5, Ask::Free), (7, Ask::Free)],
        record: stacks::mark,
    },
    Scenario {
        name: "adoption",
        title: "A thread ends, and another takes up its stack",
        asks: &[(5, Ask::Free), (7, Ask::Place), (8, Ask::Free)],
        record: stacks::adoption,
    },
    Scenario {
        name: "a-queue",
        title: "A queue of two climbs",
        asks: &[(4, Ask::Place), (6, Ask::Place), (14, Ask::Mapped)],
        record: || record_without(2 * SEGMENT, a_queue),
    },
    Scenario {
        name: "the-last-one",
        title: "Another thread frees the last chunk of a segment",
        asks: &[(3, Ask::Free), (5, Ask::Free)],
        record: last_one::record,
    },
    Scenario {
        name: "on-a-list",
        title: "A chunk that waits on a list",
        asks: &[(4, Ask::Free), (5, Ask::Place), (6, Ask::Place)],
        record: || record(SEGMENT, on_a_list),
    },
    Scenario {
        name: "a-hole",
        title: "A hole is found, and cut",
        asks: &[(3, Ask::Free), (4, Ask::Place), (5, Ask::Place)],
        record: || record(2 * SEGMENT, a_hole),
    },
];

fn on_a_list(r: &mut Recorder<'_>) {
    for name in ["a", "b", "c"] {
        r.malloc(name, 100);
    }
    r.free("a");
    r.note("`a` is not the top. It goes on the list of its size.");
    r.malloc("d", 60);
    r.note("Another size: its list is empty, so `d` is pushed.");
    r.malloc("e", 100);
    r.note("The list of this size has one. The top stays where it is.");
    r.free("d");
    r.note("`d` is the top, and is popped.");
}

fn a_queue(r: &mut Recorder<'_>) {
    const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    r.malloc(NAMES[0], 120);
    for at in 1..NAMES.len() {
        r.malloc(NAMES[at], 120);
        match at {
            2 => r.note("What was freed lies below the top, and waits."),
            7 => r.note(format!(
                "Two chunks are in use, and {} bytes are mapped.",
                r.mapped()
            )),
            _ => {}
        }
        if at + 1 < NAMES.len() {
            r.free(NAMES[at - 1]);
        }
    }
}

fn a_hole(r: &mut Recorder<'_>) {
    r.malloc_each(&["a", "b", "c", "d", "e", "f", "g", "h"], 100);
    r.note("The segment is full.");
    r.free_each(&["c", "d", "e"]);
    r.note("Three chunks side by side are free, each on a list.");
    r.free("b");
    let pieces = r.spans(Kind::Free).len();
    r.note(format!("A fourth: {pieces} chunks, and none of them is large."));
    r.malloc("i", 60);
    let free = r.spans(Kind::Free);
    let rest = free.last().map_or(0, |rest| rest.len());
    r.note(format!(
        "No list has this size, and there is no room at the top. A sweep joins \
         the four. `i` is cut from the front, and {} more of its size with it, \
         which go on their list. {rest} bytes are in hand.",
        free.len() - 1
    ));
    r.malloc("j", 60);
    r.note("The first on the list, right behind.");
    r.malloc("k", 60);
    r.free("j");
    r.note("Freed again, it is on the list of its own size.");
}
