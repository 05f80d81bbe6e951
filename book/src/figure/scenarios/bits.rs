//! What stands in front of a block, bit by bit, from stage to stage.

use super::Scenario;
use crate::figure::bits;
use crate::figure::question::Ask;

pub const SCENARIOS: [Scenario; 5] = [
    Scenario {
        name: "header-bits",
        title: "A header of stage 2, bit by bit",
        asks: &[(2, Ask::Place), (3, Ask::Byte)],
        record: bits::stage2,
    },
    Scenario {
        name: "tag-bits",
        title: "Boundary tags, bit by bit",
        asks: &[(4, Ask::Byte), (5, Ask::Byte)],
        record: bits::tags,
    },
    Scenario {
        name: "free-block-bits",
        title: "A free block, and what it keeps where",
        asks: &[(5, Ask::Byte), (6, Ask::Place)],
        record: bits::links,
    },
    Scenario {
        name: "array-bits",
        title: "Two records in the array, bit by bit",
        asks: &[(3, Ask::Byte), (4, Ask::Chunks)],
        record: bits::stage5,
    },
    Scenario {
        name: "record-bits",
        title: "Records in front of their chunks, bit by bit",
        asks: &[(2, Ask::Place), (3, Ask::Byte)],
        record: bits::per_thread,
    },
];
