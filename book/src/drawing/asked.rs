//! What each heap looks at before it takes a pointer that it is to free.

use super::laid_out::still;
use super::{Drawing, Kind, Part, Piece, Row, constant};

/// Bytes of the size in front of a block of glibc's.
const GLIBC: usize = 8;

/// What a heap does with something that it could look at.
#[derive(Clone, Copy)]
enum Look<'t> {
    /// It must be right, or the program is told.
    Asks(&'t str),
    /// It is read, and believed.
    Believes(&'t str),
    Nothing,
}

use Look::{Asks, Believes, Nothing};

impl Look<'_> {
    fn piece(self, len: usize) -> Piece {
        match self {
            Asks(text) => Piece::new(Kind::Header, text, len),
            Believes(text) => Piece::new(Kind::Leaked, text, len),
            Nothing => Piece::new(Kind::Padding, "", len),
        }
    }
}

/// What is elsewhere; at the start of the slab or segment; in the header of the
/// block below; in front of the block; the address itself; above the block.
fn row(label: &str, looks: [Look<'_>; 6]) -> Row {
    let [elsewhere, start, below, front, address, above] = looks;
    let address = match address {
        Nothing => Piece::new(Kind::Payload, "the block", 4),
        asked => asked.piece(4),
    };
    let pieces = vec![
        elsewhere.piece(4),
        Piece::gap(1),
        start.piece(3),
        below.piece(3),
        front.piece(4),
        address,
        above.piece(3),
    ];
    Row::memory(label, pieces)
}

pub fn drawing() -> Drawing {
    let bytes =
        |bytes: usize, what: &str| format!("{bytes}\u{a0}bytes: {what}");
    let stage_2 = include_str!("../../../stage2-headers/src/block.rs");
    let stage_3 = include_str!("../../../stage3-freelist/src/block.rs");
    let per_thread =
        include_str!("../../../stage5-lifo-stack/src/per_thread/record.rs");
    let of_2 = bytes(constant(stage_2, "HEADER"), "size, link");
    let of_3 = bytes(constant(stage_3, "HEADER"), "two sizes");
    let record = bytes(constant(per_thread, "RECORD"), "its size");
    let glibc = bytes(GLIBC, "its size");
    let aligned = Asks("aligned?");
    let rows = vec![
        row(
            "stage 2",
            [
                Asks("first, last"),
                Nothing,
                Nothing,
                Asks(&of_2),
                aligned,
                Nothing,
            ],
        ),
        row(
            "stages 3 and 4",
            [
                Asks("first, end"),
                Nothing,
                Asks("its size"),
                Asks(&of_3),
                aligned,
                Asks("size below"),
            ],
        ),
        row(
            "one stack",
            [Asks("all starts"), Nothing, Nothing, Nothing, Nothing, Nothing],
        ),
        row(
            "per thread",
            [
                Asks("table"),
                Asks("its end"),
                Nothing,
                Asks(&record),
                aligned,
                Asks("size below"),
            ],
        ),
        row(
            "glibc",
            [Nothing, Nothing, Nothing, Asks(&glibc), aligned, Asks("a size")],
        ),
        row(
            "tcmalloc",
            [Asks("map"), Nothing, Nothing, Nothing, Nothing, Nothing],
        ),
        row(
            "jemalloc",
            [Believes("map"), Nothing, Nothing, Nothing, Nothing, Nothing],
        ),
        row(
            "mimalloc",
            [Nothing, Believes("head"), Nothing, Nothing, Nothing, Nothing],
        ),
    ];
    still(
        "asked-about",
        "What is looked at before a block is taken back",
        "Drawn, not recorded, and not to scale. In each row, from the left: what \
         the heap keeps elsewhere; the start of the slab or segment; the block \
         below; what stands in front of ours; ours; what stands above. The last \
         four are those of Debian 12. glibc 2.36 looks above a block that its \
         cache does not take.",
        vec![Part::new("", rows).alone()],
        &[
            (Kind::Header, "must be right, or the program ends"),
            (Kind::Leaked, "is read, and believed"),
            (Kind::Payload, "the block, if it is one"),
            (Kind::Padding, "is not looked at"),
        ],
    )
}
