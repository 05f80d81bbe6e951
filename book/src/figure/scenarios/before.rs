//! Before the first stage: where memory is, and what a block is.

use super::Scenario;
use crate::figure::question::Ask;
use crate::figure::recorder::Recorder;
use crate::figure::recording::Kind;
use crate::figure::stage3::record;
use crate::figure::{map, pages};

pub const SCENARIOS: [Scenario; 3] = [
    Scenario {
        name: "a-block",
        title: "Two blocks, from malloc to free",
        asks: &[(2, Ask::Place), (4, Ask::Free)],
        record: || record(1024, a_block),
    },
    Scenario {
        name: "memory-map",
        title: "The memory of a process, and what grows which way",
        asks: &[
            (1, Ask::Drawn),
            (2, Ask::Drawn),
            (3, Ask::Drawn),
            (4, Ask::Drawn),
        ],
        record: map::record,
    },
    Scenario {
        name: "break-and-pages",
        title: "The break moves by bytes, memory comes in pages",
        asks: &[(2, Ask::Drawn), (5, Ask::Drawn), (6, Ask::Drawn)],
        record: pages::record,
    },
];

fn a_block(r: &mut Recorder<'_>) {
    r.malloc("a", 24);
    let in_front = r.spans(Kind::Header)[0].len();
    r.note(format!(
        "The block begins with {in_front} bytes that the allocator keeps for \
         itself. The program gets the address behind them: that of the \
         payload."
    ));
    r.malloc("b", 100);
    r.fill("a");
    r.note("The program writes to its payload.");
    r.free("a");
    r.note("The block of `a` belongs to the allocator again.");
}
