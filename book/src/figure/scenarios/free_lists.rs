//! Stage 3: free blocks are used again.

use stage3_freelist::heap::STEP;

use super::Scenario;
use crate::amount::size;
use crate::figure::question::Ask;
use crate::figure::recorder::Recorder;
use crate::figure::recording::{Kind, Span};
use crate::figure::stage3::{record, record_classes, record_in_steps};
use play::steps::{record_boundary_tags, record_one_list, record_reuse};

pub const SCENARIOS: [Scenario; 8] = [
    Scenario {
        name: "first-fit",
        title: "The first block on the list that fits",
        asks: &[(6, Ask::Free), (7, Ask::Place), (8, Ask::Place)],
        record: || record_one_list(4096, first_fit),
    },
    Scenario {
        name: "split",
        title: "A block that is too large is cut in two",
        asks: &[(3, Ask::Break), (4, Ask::Place), (5, Ask::Free)],
        record: || record_reuse(4096, split),
    },
    Scenario {
        name: "join",
        title: "Three free blocks become one",
        asks: &[(6, Ask::Free), (7, Ask::Largest)],
        record: || record_boundary_tags(4096, join),
    },
    Scenario {
        name: "fragmentation",
        title: "Enough bytes are free, and no block is large enough",
        asks: &[(9, Ask::Free), (10, Ask::Place)],
        record: || record(4096, fragmentation),
    },
    Scenario {
        name: "size-classes",
        title: "Two free blocks, each on the list of its class",
        asks: &[
            (5, Ask::List),
            (6, Ask::List),
            (7, Ask::Place),
            (8, Ask::Place),
        ],
        record: || record_classes(4096, size_classes),
    },
    Scenario {
        name: "a-foreign-move-3",
        title: "Two free blocks, and somebody else’s memory between them",
        asks: &[(3, Ask::Place), (5, Ask::Free), (6, Ask::Break)],
        record: || record_in_steps(8, a_foreign_move),
    },
    Scenario {
        name: "a-note-above",
        title: "A large block, and a small one above it",
        asks: &[(3, Ask::Break), (4, Ask::Place), (6, Ask::Break)],
        record: || record_in_steps(88, a_note_above),
    },
    Scenario {
        name: "realloc-3",
        title: "realloc where there is room above",
        asks: &[(5, Ask::Place), (6, Ask::Free), (8, Ask::Place)],
        record: || record_in_steps(8, realloc),
    },
];

/// The free block at the lowest address.
fn free<'r>(r: &'r Recorder<'_>) -> &'r Span {
    r.spans(Kind::Free)[0]
}

fn first_fit(r: &mut Recorder<'_>) {
    r.malloc("a", 96);
    r.malloc("b", 32);
    r.malloc("c", 160);
    r.malloc("d", 32);
    r.free("a");
    r.free("c");
    r.note("The block that was freed last comes first.");
    r.malloc("e", 80);
    r.note(format!(
        "The first block fits. That `a`’s old place would fit better is not \
         looked at. `e` takes the front, and the {} bytes that are left come \
         first on the list.",
        r.spans(Kind::Free)[1].len()
    ));
    r.malloc("f", 96);
    r.note(format!(
        "The first block has {} bytes: too small. The second one fits.",
        free(r).len()
    ));
}

const THE_END: &str = "At the top of the heap there is a header without a \
                       payload: the end.";

fn split(r: &mut Recorder<'_>) {
    r.malloc("a", 400);
    r.malloc("b", 32);
    r.free("a");
    r.note(format!("{} bytes are free below `b`.", free(r).len()));
    r.malloc("c", 96);
    r.note(format!(
        "`c` takes the front. What is left is a block with a header of its \
         own, {} bytes, and free.",
        free(r).len()
    ));
    r.still();
    let rest = free(r).len();
    r.malloc("d", rest - 16);
    r.note(format!(
        "{} bytes would be left: too few for a header and a payload. They \
         stay with `d`.",
        r.usable_size("d") - (rest - 16)
    ));
}

fn join(r: &mut Recorder<'_>) {
    r.malloc("a", 64);
    r.note(THE_END);
    r.malloc("b", 64);
    r.malloc("c", 64);
    r.malloc("d", 32);
    r.free("a");
    r.free("c");
    r.note("Two free blocks, and `b` between them.");
    let before: usize = r.spans(Kind::Free).iter().map(|s| s.len()).sum();
    let freed = r.usable_size("b");
    r.free("b");
    let whole = free(r).len();
    r.note(format!(
        "Both neighbours of `b` are free, and the three become one. It has \
         {whole} bytes: {} of payload, and {} that were headers.",
        before + freed,
        whole - before - freed
    ));
}

fn fragmentation(r: &mut Recorder<'_>) {
    r.tell_fragmentation();
    for name in ["a", "b", "c", "d", "e", "f"] {
        r.malloc(name, 64);
    }
    r.free("a");
    r.free("c");
    r.free("e");
    let sizes: Vec<usize> =
        r.spans(Kind::Free).iter().map(|span| span.len()).collect();
    let sum: usize = sizes.iter().sum();
    let largest = sizes.iter().max().expect("a free block");
    r.note(format!(
        "{sum} bytes are free, in {} pieces. All but the largest: 1 − \
         {largest} / {sum}, or {}.",
        sizes.len(),
        r.fragmentation().expect("something is free")
    ));
    r.malloc("g", 128);
    r.note(format!(
        "{sum} bytes are free, but {largest} is the most that any free block \
         has."
    ));
}

fn size_classes(r: &mut Recorder<'_>) {
    r.malloc("a", 48);
    r.malloc("b", 16);
    r.malloc("c", 96);
    r.malloc("d", 16);
    r.free("a");
    r.note(format!("{} bytes go on {}.", free(r).len(), free(r).label));
    r.free("c");
    let above = r.spans(Kind::Free)[1];
    r.note(format!("{} bytes go on {}.", above.len(), above.label));
    let list = free(r).label.clone();
    r.still();
    r.malloc("e", 48);
    r.note(format!("On {list} there is a block of the right size."));
    let list = free(r).label.clone();
    r.malloc("f", 32);
    r.note(format!(
        "The list for 32 bytes is empty. The next one that is not is {list}. \
         The {} bytes that are left go on {}.",
        free(r).len(),
        free(r).label
    ));
}

fn a_foreign_move(r: &mut Recorder<'_>) {
    r.malloc("a", 64);
    r.note(format!(
        "A step: {}. What `a` leaves of it is free.",
        size(r.moved())
    ));
    r.somebody_else_takes(4096);
    r.malloc("b", STEP);
    r.note(
        "The free block is too small, and the break is not where the heap \
         ends. What somebody else took has a header in front now, like a block \
         that is never freed.",
    );
    r.free("a");
    r.free("b");
    let free = r.spans(Kind::Free).len();
    r.note(format!("{free} free blocks: what lies between is not joined."));
    r.still();
    r.malloc("c", 2 * STEP);
    r.note(format!(
        "Neither was large enough. The upper one is at the end of the heap, so \
         the break rises by what it lacked, in whole steps: {}.",
        size(r.moved())
    ));
}

fn a_note_above(r: &mut Recorder<'_>) {
    const PICTURE: usize = 10 << 20;
    r.malloc("picture", PICTURE);
    r.note(format!("The break rises in whole steps: {}.", size(r.moved())));
    r.malloc("note", 20);
    r.free("picture");
    r.note(format!(
        "{} bytes are in use, and {} lie below the break.",
        r.in_use(),
        r.used()
    ));
    r.still();
    r.malloc("next", PICTURE);
    r.note("The heap has not lost it. But nobody else can have it.");
    r.free("next");
    r.free("note");
    r.note(format!(
        "Now all of it is free, and reaches to the break: {} goes back. One \
         stretch is kept.",
        size(r.moved())
    ));
}

fn realloc(r: &mut Recorder<'_>) {
    r.malloc("a", 64);
    r.malloc("b", 96);
    r.malloc("c", 32);
    r.free("b");
    r.realloc("a", "a", 128);
    r.note(format!(
        "`a` grows into the free block above it. {} bytes of that are left.",
        free(r).len()
    ));
    r.still();
    r.realloc("a", "a", 32);
    r.note(format!(
        "`a` shrinks. What it gives back is joined with what is free above: \
         {} bytes.",
        free(r).len()
    ));
    r.realloc("c", "c", 80);
    r.note("Above `c` lies what is left of the step. It grows into that.");
    r.realloc("c", "c", STEP);
    r.note(format!(
        "So much is not left, and nothing in use lies above `c`: it stays \
         where it is, and the heap grows by another step, {}.",
        size(r.moved())
    ));
}
