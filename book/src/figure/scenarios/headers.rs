//! Stage 2: a header in front of each block.

use super::Scenario;
use crate::figure::question::Ask;
use crate::figure::recorder::Recorder;
use crate::figure::recording::Kind;
use crate::figure::stage2::record;

pub const SCENARIOS: [Scenario; 5] = [
    Scenario {
        name: "headers",
        title: "A header in front of each block",
        asks: &[(1, Ask::Place), (2, Ask::Place), (3, Ask::Used)],
        record: || record(4096, headers),
    },
    Scenario {
        name: "free-at-the-end",
        title: "Two blocks at the end, back in one move",
        asks: &[(4, Ask::Break), (5, Ask::Used)],
        record: || record(4096, free_at_the_end),
    },
    Scenario {
        name: "free-in-the-middle",
        title: "A free block that cannot go back",
        asks: &[(3, Ask::Break), (4, Ask::Used)],
        record: || record(4096, free_in_the_middle),
    },
    Scenario {
        name: "never-used-again",
        title: "A free block, and a request of its size",
        asks: &[(3, Ask::Break), (4, Ask::Place)],
        record: || record(4096, never_used_again),
    },
    Scenario {
        name: "padding-joins",
        title: "Padding that belongs to the block below",
        asks: &[(2, Ask::Place), (3, Ask::Largest), (4, Ask::Used)],
        record: || record(4096, padding_joins),
    },
];

/// How many bytes the newest header has.
fn header(r: &Recorder<'_>) -> usize {
    r.spans(Kind::Header).last().expect("a header").len()
}

fn headers(r: &mut Recorder<'_>) {
    r.malloc("a", 24);
    r.note(format!(
        "The block begins with a header of {} bytes. What the program gets is \
         the address behind it. The payload has {} bytes: 24 is no multiple \
         of 16.",
        header(r),
        r.usable_size("a")
    ));
    r.malloc("b", 100);
    r.malloc("c", 1);
    r.note(format!(
        "{} bytes for one: a header of {}, and a payload of {}.",
        r.moved(),
        header(r),
        r.usable_size("c")
    ));
}

fn free_at_the_end(r: &mut Recorder<'_>) {
    r.malloc("a", 64);
    r.malloc("b", 144);
    r.malloc("c", 64);
    r.free("b");
    r.note("`b` is not the last block. Its header says that it is free.");
    r.free("c");
    r.note(
        "Now the last two blocks are free. Both go back in this one move, \
         headers and all.",
    );
}

fn free_in_the_middle(r: &mut Recorder<'_>) {
    r.malloc("a", 1000);
    r.malloc("b", 1000);
    r.free("a");
    r.note(format!(
        "The heap has {} bytes, as before: `b` lies between `a` and the break.",
        r.used()
    ));
    r.still();
    r.free("b");
    r.note("Both are free, and all of it goes back.");
}

fn never_used_again(r: &mut Recorder<'_>) {
    r.malloc("a", 192);
    r.malloc("b", 48);
    r.free("a");
    let free = r.spans(Kind::Free)[0].len();
    r.note(format!("{free} bytes are free below `b`."));
    r.malloc("c", 192);
    r.note(
        "`c` would fit into the free block to the byte. This heap does not \
         look there.",
    );
}

fn padding_joins(r: &mut Recorder<'_>) {
    r.malloc("a", 24);
    let before = r.usable_size("a");
    r.note(format!("The header of `a` says {before}."));
    r.memalign("b", 256, 24);
    r.note(format!(
        "`b` starts at {}, a multiple of 256. What is left out below its \
         header belongs to `a`, whose header says {} now.",
        r.address("b"),
        r.usable_size("a")
    ));
    r.still();
    r.free("a");
    r.note("The padding is free with `a`.");
    r.free("b");
    r.note(
        "All of it goes back. Left to nobody, the padding would have looked \
         like memory that somebody else took.",
    );
}
