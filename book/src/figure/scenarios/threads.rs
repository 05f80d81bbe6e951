//! Stage 4: one heap for two threads, and a break of its own.

use super::Scenario;
use crate::figure::question::Ask;
use crate::figure::{reserved, threads};

pub const SCENARIOS: [Scenario; 4] = [
    Scenario {
        name: "two-threads-in-the-heap",
        title: "Two threads in one heap, and a block that it does not know",
        asks: &[(4, Ask::Place), (6, Ask::Place), (7, Ask::Place)],
        record: threads::without_lock,
    },
    Scenario {
        name: "two-threads-and-a-lock",
        title: "Two threads and a lock: one waits for the other",
        asks: &[(2, Ask::Lock), (4, Ask::Lock), (9, Ask::Place)],
        record: threads::with_lock,
    },
    Scenario {
        name: "two-forks",
        title: "A fork in the middle of a malloc, and one beside it",
        asks: &[(5, Ask::Lock), (8, Ask::Lock), (11, Ask::Place)],
        record: threads::forks,
    },
    Scenario {
        name: "reserved",
        title: "A break in addresses of its own",
        asks: &[(3, Ask::Drawn), (4, Ask::Drawn)],
        record: reserved::record,
    },
];
