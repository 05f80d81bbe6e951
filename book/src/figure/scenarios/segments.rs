//! Stage 5, a heap for each thread: memory in segments, and large blocks.

use super::Scenario;
use crate::figure::fork;
use crate::figure::question::Ask;
use crate::figure::recorder::Recorder;
use crate::figure::segments::{SEGMENT, record};

/// Room for four segments.
const ROOM: usize = 4 * SEGMENT;

pub const SCENARIOS: [Scenario; 4] = [
    Scenario {
        name: "segments",
        title: "The life of a segment",
        asks: &[
            (2, Ask::Mapped),
            (3, Ask::Mapped),
            (6, Ask::Mapped),
            (8, Ask::Mapped),
        ],
        record: || record(ROOM, segments),
    },
    Scenario {
        name: "what-goes-back",
        title: "Empty segments deep in the stack",
        asks: &[(5, Ask::Mapped), (6, Ask::Mapped), (7, Ask::Mapped)],
        record: || record(2 * ROOM, what_goes_back),
    },
    Scenario {
        name: "fork-in-a-push",
        title: "A fork in the middle of a push",
        asks: &[(5, Ask::Place)],
        record: fork::record,
    },
    Scenario {
        name: "a-large-block-grows",
        title: "A large block grows, and a chunk beside it does not mind",
        asks: &[
            (2, Ask::Mapped),
            (4, Ask::Place),
            (5, Ask::Place),
            (7, Ask::Mapped),
        ],
        record: || record(ROOM, a_large_block_grows),
    },
];

/// The largest chunk.
const LARGEST: usize = SEGMENT / 8 - 8;

fn segments(r: &mut Recorder<'_>) {
    r.malloc_each(&["a", "b", "c", "d", "e", "f", "g"], LARGEST);
    r.note(format!(
        "The first `malloc` maps a segment, {} bytes. Seven chunks fit.",
        r.mapped()
    ));
    r.malloc("h", LARGEST);
    r.note(
        "There is no room. What is left becomes a chunk that is marked at \
         once. A second segment is mapped, and `h` is the first chunk in it.",
    );
    r.still();
    r.free("h");
    r.note(
        "The second segment is empty. The top falls to the end of the first, \
         and past what was left over there. The empty segment is kept.",
    );
    r.malloc("h", LARGEST);
    r.note("Nobody had to be asked for it.");
    r.malloc_each(&["i", "j", "k", "l", "m", "n"], LARGEST);
    r.malloc("o", LARGEST);
    r.note(format!("A third segment: {} bytes are mapped.", r.mapped()));
    r.free("o");
    r.note("The third is empty, and is kept.");
    r.free_each(&["h", "i", "j", "k", "l", "m", "n"]);
    r.note(format!(
        "The second is empty, too. It is kept in place of the third, which \
         goes back: {} bytes are mapped.",
        r.mapped()
    ));
}

fn what_goes_back(r: &mut Recorder<'_>) {
    const SEGMENTS: [[&str; 7]; 4] = [
        ["a1", "a2", "a3", "a4", "a5", "a6", "a7"],
        ["b1", "b2", "b3", "b4", "b5", "b6", "b7"],
        ["c1", "c2", "c3", "c4", "c5", "c6", "c7"],
        ["d1", "d2", "d3", "d4", "d5", "d6", "d7"],
    ];
    for names in &SEGMENTS {
        r.malloc_each(names, LARGEST);
    }
    r.note(format!("Four segments are full: {} bytes.", r.mapped()));
    let [first, second, third, top] = &SEGMENTS;
    for names in [&second[..], third, &first[1..], &top[..6]] {
        let before = r.mapped();
        r.free_each(names);
        r.note(match before - r.mapped() {
            0 => "Nothing goes back yet. So much was not freed that a sweep \
                  would be worth it."
                .to_owned(),
            back => format!(
                "Enough was freed, and a sweep has looked. Of the segments in \
                 which nothing is in use one is kept, and {back} bytes go back."
            ),
        });
    }
    r.free("d7");
    r.note("The top falls past all that is free, down to `a1`.");
}

fn a_large_block_grows(r: &mut Recorder<'_>) {
    r.malloc("a", 100);
    r.note("A chunk, in the first segment.");
    r.malloc("b", 200);
    r.note(
        "Too large for a chunk of such a segment. It gets a mapping of its \
         own, which begins with a few words.",
    );
    r.realloc("b", "b", 220);
    r.note("A mapping has whole pages (of 64 bytes here). There was room.");
    r.realloc("b", "b", 300);
    r.note(format!(
        "There was no room. The system makes the mapping longer, and moves it. \
         It has room for {} bytes now, an eighth more than was asked for.",
        r.usable_size("b")
    ));
    r.still();
    r.realloc("b", "b", 350);
    r.note("So the next step costs nothing.");
    r.realloc("a", "a", 110);
    r.note("`a` is a chunk, and the top of its stack: it grows in place.");
    r.realloc("b", "b", 160);
    r.note(format!(
        "Less than half of it is wanted. The rest goes back: {} bytes are \
         mapped.",
        r.mapped()
    ));
}
