//! Small drawings of one idea each, laid out here.

use super::laid_out::still;
use super::{Drawing, Floor, Kind, Part, Piece, Row};
use crate::figure;
use play::recorder::Recorded;

/// Whoever keeps memory as a stack: what goes next, and how much of it at once.
pub fn four_stacks() -> Drawing {
    let stays = |text: &str| Piece::new(Kind::Payload, text, 3);
    let goes = |text: &str| Piece::new(Kind::Free, text, 3);
    let room = |len| Piece::new(Kind::Padding, "room", len);
    let rows = vec![
        Row::memory(
            "the call stack",
            vec![stays("main"), stays("f"), goes("g, called last"), room(6)],
        ),
        Row::memory(
            "mark and release",
            vec![
                stays("before it"),
                Piece::new(Kind::Header, "mark", 2),
                goes("after it"),
                goes("after it"),
                room(4),
            ],
        ),
        Row::memory(
            "two stacks in one piece",
            vec![stays("the game"), goes("a level"), room(6), goes("a moment")],
        ),
        Row::memory(
            "arenas",
            vec![
                stays("the server"),
                Piece::gap(1),
                stays("connection"),
                Piece::gap(1),
                goes("a request"),
                room(4),
            ],
        ),
    ];
    still(
        "four-stacks",
        "Four ways to keep memory as a stack",
        "Drawn, not recorded, and not to scale. Each grows to the right, and \
         the one for a moment to the left. An arena has a place of its own.",
        vec![Part::new("", rows).alone()],
        &[
            (Kind::Payload, "stays"),
            (Kind::Free, "goes next, all in one step"),
            (Kind::Header, "a place that the program has kept"),
            (Kind::Padding, "not in use"),
        ],
    )
}

/// Where a program finds a function: with a library in front, and without.
pub fn preloaded() -> Drawing {
    let found = |text: &str| Piece::new(Kind::Payload, text, 1);
    let not = |text: &str| Piece::new(Kind::Padding, text, 1);
    let late = |text: &str| Piece::new(Kind::Foreign, text, 1);
    let (ls, ours, libc) = ("ls", "ours", "the C library");
    let usual = vec![
        Row::list("who has `malloc`?", vec![not(ls), found(libc)]),
        Row::list("who has `opendir`?", vec![not(ls), found(libc)]),
    ];
    let with = vec![
        Row::list("who has `malloc`?", vec![not(ls), found(ours), late(libc)]),
        Row::list("who has `opendir`?", vec![not(ls), not(ours), found(libc)]),
        Row::list(
            "who has `sbrk`, for ours?",
            vec![not(ls), not(ours), found(libc)],
        ),
    ];
    let needs = ["malloc", "free", "opendir", "…"];
    let needs = needs.map(|it| Piece::new(Kind::Header, it, 1));
    still(
        "preloaded",
        "Who is found first",
        "Drawn, not recorded. The dynamic linker asks from the left to the right, \
         and takes the first that has it.",
        vec![
            Part::new(
                "`ls` says what it needs",
                vec![Row::memory("", needs.into())],
            )
            .alone()
            .down("the dynamic linker looks for each"),
            Floor::of(vec![
                Part::new("as usual", usual),
                Part::new("with `LD_PRELOAD`", with),
            ]),
        ],
        &[
            (Kind::Header, "a function that it calls and does not have"),
            (Kind::Padding, "does not have it"),
            (Kind::Payload, "has it, and is taken"),
            (Kind::Foreign, "has it too, and is not asked"),
        ],
    )
}

/// A block freed under another, and the same size wanted again: on two heaps.
pub fn used_again() -> Drawing {
    const ASKED: usize = 100;
    // The end of both, and a little more.
    const ROOM: usize = 480;
    const FREED: &str = "a, free";
    fn blocks(heap: &mut dyn Recorded) -> Vec<Piece> {
        let start = heap.view().start;
        // SAFETY: each is asked about a block of this heap that is in use.
        let size =
            |heap: &mut dyn Recorded, block| unsafe { heap.usable_size(block) };
        let [a, guard] = [ASKED, 1].map(|it| {
            let block = heap.malloc(it);
            (block, size(heap, block))
        });
        // SAFETY: it is a block of this heap, which nobody uses.
        unsafe { heap.free(a.0) };
        let again = heap.malloc(ASKED);
        let again = (again, size(heap, again));
        let mut named = vec![(guard, ""), (again, "again")];
        if a.0 != again.0 {
            named.push((a, FREED));
        }
        named.sort_by_key(|it| it.0.0.addr());
        let mut pieces = Vec::new();
        let mut at = 0;
        for ((payload, size), name) in named {
            let offset = payload.addr() - start;
            pieces.push(Piece::new(Kind::Header, "", offset - at));
            let kind = match name {
                FREED => Kind::Leaked,
                _ => Kind::Payload,
            };
            pieces.push(Piece::new(kind, name, size));
            at = offset + size;
        }
        pieces.push(Piece::gap(ROOM - at));
        pieces
    }
    let rows =
        [("stage 2", "stage2"), ("stage 3", "stage3")].map(|(label, name)| {
            let pieces =
                figure::with_heap(name, blocks).expect("a heap of this name");
            Row::memory(label, pieces)
        });
    still(
        "used-again",
        "The same place once more",
        "Drawn, not recorded, and to scale: after the program above. The narrow \
         box is its guard. Where the blocks lie is asked of the heaps of this \
         book.",
        vec![Part::new("", rows.into()).alone()],
        &[
            (Kind::Payload, "in use"),
            (Kind::Leaked, "free, and of no use"),
            (Kind::Header, "headers"),
        ],
    )
}
