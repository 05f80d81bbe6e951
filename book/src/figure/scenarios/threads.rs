//! Stage 4: one heap for two threads.

use super::Scenario;
use crate::figure::threads;

pub const SCENARIOS: [Scenario; 2] = [
    Scenario {
        name: "two-threads-in-the-heap",
        title: "Two threads in one heap, and a block that it does not know",
        record: threads::without_lock,
    },
    Scenario {
        name: "two-threads-and-a-lock",
        title: "Two threads and a lock: one waits for the other",
        record: threads::with_lock,
    },
];
