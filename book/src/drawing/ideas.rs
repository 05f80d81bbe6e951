//! Small drawings of one idea each, laid out here.

use super::laid_out::still;
use super::{Drawing, Floor, Kind, Part, Piece, Row};

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
    let needs = needs.map(|it| Piece::new(Kind::Header, format!("`{it}`"), 1));
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
