//! The programs that the figures show.

use stage1_bump::heap::ALIGN;

use super::question::Ask;
use super::recorder::Recorder;
use super::recording::Recording;
use super::{stage1, ten_lines, two_threads};
use play::ten_lines::record as record_ten_lines;

mod before;
mod bits;
mod chunks;
mod claim;
mod free_lists;
mod headers;
mod misuse;
mod segments;
mod stacks;
mod threads;

/// A program to record.
pub struct Scenario {
    /// What the book's pages call it.
    pub name: &'static str,
    /// What stands over the figure.
    pub title: &'static str,
    /// What the player asks, each before a step.
    pub asks: &'static [(usize, Ask)],
    pub record: fn() -> Recording,
}

impl Scenario {
    /// Runs it.
    pub fn recording(&self) -> Recording {
        Recording { asks: self.asks.to_vec(), ..(self.record)() }
    }
}

/// All of them, in the order in which the book shows them.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    before::SCENARIOS
        .iter()
        .chain(&STAGE_1)
        .chain(&headers::SCENARIOS)
        .chain(&free_lists::SCENARIOS)
        .chain(&threads::SCENARIOS)
        .chain(&chunks::SCENARIOS)
        .chain(&claim::SCENARIOS)
        .chain(&stacks::SCENARIOS)
        .chain(&segments::SCENARIOS)
        .chain(&bits::SCENARIOS)
        .chain(&misuse::SCENARIOS)
}

const STAGE_1: [Scenario; 8] = [
    Scenario {
        name: "ten-lines",
        title: "Three blocks from ten lines",
        asks: &[(2, Ask::Place), (3, Ask::Place), (4, Ask::Break)],
        record: || record_ten_lines(4096, ten_lines),
    },
    Scenario {
        name: "broken-promises",
        title: "Three of the promises that the ten lines break",
        asks: &[
            (2, Ask::Place),
            (4, Ask::Place),
            (5, Ask::Break),
            (6, Ask::Place),
        ],
        record: ten_lines::broken_promises,
    },
    Scenario {
        name: "bump",
        title: "Three blocks, and two that come back for nothing",
        asks: &[
            (2, Ask::Place),
            (3, Ask::Used),
            (5, Ask::Break),
            (6, Ask::Place),
        ],
        record: || stage1::record(4096, bump),
    },
    Scenario {
        name: "leak",
        title: "A loop that holds one block at a time",
        asks: &[(2, Ask::Break), (3, Ask::Place), (9, Ask::Used)],
        record: || stage1::record(4096, leak),
    },
    Scenario {
        name: "two-threads",
        title: "Two threads in sbrk, and one block for both",
        asks: &[(4, Ask::Place), (5, Ask::Break), (6, Ask::Place)],
        record: two_threads::record,
    },
    Scenario {
        name: "a-foreign-move",
        title: "Somebody else moves the break",
        asks: &[(2, Ask::Break), (3, Ask::Place)],
        record: || stage1::record(4096, a_foreign_move),
    },
    Scenario {
        name: "realloc",
        title: "realloc copies more than the block",
        asks: &[(3, Ask::Place), (5, Ask::Place)],
        record: || stage1::record(4096, realloc),
    },
    Scenario {
        name: "out-of-memory",
        title: "A block that does not fit, and one that does",
        asks: &[(2, Ask::Place), (3, Ask::Place)],
        record: || stage1::record(SMALL, out_of_memory),
    },
];

pub fn find(name: &str) -> Option<&'static Scenario> {
    all().find(|scenario| scenario.name == name)
}

fn ten_lines(r: &mut Recorder<'_>) {
    r.malloc("a", 24);
    r.note("The block starts where the break stood.");
    r.malloc("b", 1);
    r.malloc("c", 8);
    r.note("An odd address. A number of 8 bytes may not start there.");
    r.still();
    r.free("c");
    r.note("`free` does nothing.");
    r.free("a");
    r.note(format!("The program holds {} of {} bytes.", r.in_use(), r.used()));
}

fn bump(r: &mut Recorder<'_>) {
    r.malloc("a", 24);
    let spare = ALIGN - 1;
    r.note(format!(
        "{spare} more than asked: wherever the break stood, a multiple \
         of {ALIGN} is not further away."
    ));
    r.malloc("b", 100);
    r.note(format!(
        "The break stood at {}. The next multiple of {ALIGN} is {}.",
        r.old_break(),
        r.address("b")
    ));
    r.malloc("c", 1);
    r.note(format!("One byte, and {spare} with it."));
    r.free("b");
    r.note("`free` does nothing. `b` lies in the middle.");
    r.free("c");
    r.note("`c` is the last block. It does not come back either.");
    r.malloc("d", 24);
    r.note(
        "`b`'s memory would do for `d`. The heap has forgotten it, and asks \
         for more.",
    );
}

fn leak(r: &mut Recorder<'_>) {
    for round in 1..=5 {
        r.malloc("a", 64);
        r.free("a");
        r.note(format!(
            "Round {round}: {} bytes below the break, {} of them in use.",
            r.used(),
            r.in_use()
        ));
    }
}

fn a_foreign_move(r: &mut Recorder<'_>) {
    r.malloc("a", 40);
    r.somebody_else_takes(100);
    r.note("It may be another library. The heap is not told.");
    r.malloc("b", 40);
    r.note(format!(
        "The break was at {} by then. So `b` lies above what is not ours.",
        r.old_break()
    ));
}

fn realloc(r: &mut Recorder<'_>) {
    r.malloc("a", 24);
    r.fill("a");
    r.malloc("b", 24);
    r.fill("b");
    r.note("What lies between them is nobody's.");
    r.realloc("c", "a", 64);
    let copied = r.holds("c");
    let total: usize = copied.iter().map(|run| run.count).sum();
    let of = |letter| {
        let its = copied.iter().filter(|run| run.byte == letter);
        its.map(|run| run.count).sum::<usize>()
    };
    let (a, b) = (of(b'a'), of(b'b'));
    let parts = [
        format!("{a} of `a`"),
        format!("{} that are nobody's", total - a - b),
        format!("{b} of `b`"),
    ];
    r.note(format!(
        "The heap does not know where `a` ends, so it copies {total} bytes \
         from its start: {}.",
        parts.join(", ")
    ));
}

/// The room that `out_of_memory` has.
const SMALL: usize = 256;

fn out_of_memory(r: &mut Recorder<'_>) {
    r.malloc("a", 100);
    let left = SMALL - r.used();
    r.note(format!("The kernel has {left} more bytes for this program."));
    r.malloc("b", 200);
    r.note("The kernel was asked, and refused. Nothing has changed.");
    r.malloc("c", 100);
    r.note("A smaller block still fits.");
}
