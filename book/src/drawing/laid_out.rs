//! Drawings that nothing is run for: their boxes are laid out here.

use std::path::Path;

use super::{Drawing, Floor, Kind, Part, Picture, Piece, Row, buddies};

/// All of them.
pub fn all() -> Vec<Drawing> {
    vec![
        header_or_slab(),
        tag_in_the_payload(),
        glibc_parts(),
        mimalloc_segment(),
        buddies(),
        colours(),
        run(),
        three_stacks(),
        two_levels(),
        one_line(),
    ]
}

pub fn still(
    name: &'static str,
    title: &'static str,
    told: &str,
    floors: Vec<Floor>,
    keys: &[(Kind, &'static str)],
) -> Drawing {
    Drawing {
        name,
        title,
        told: told.to_owned(),
        pictures: vec![Picture { floors, ..Picture::default() }],
        still: 0,
        keys: keys.to_vec(),
    }
}

/// Blocks with a header take what glibc takes for them, slabs are jemalloc's.
fn header_or_slab() -> Drawing {
    const HEADER: usize = 8;
    const END: usize = 224;
    let mut headers = Vec::new();
    for asked in [24, 100, 24, 24] {
        let size = super::glibc::Model::size(asked);
        headers.push(Piece::new(Kind::Header, "", HEADER));
        headers.push(Piece::new(
            Kind::Payload,
            asked.to_string(),
            size - HEADER,
        ));
    }
    let used: usize = headers.iter().map(|it| it.len).sum();
    headers.push(Piece::gap(END - used));
    let slab = |size: usize, taken: usize| {
        let kind = |at| if at < taken { Kind::Payload } else { Kind::Free };
        let text = |at| match (at < taken, size) {
            (true, 32) => "24",
            (true, _) => "100",
            _ => "",
        };
        let blocks =
            (0..END / size).map(|at| Piece::new(kind(at), text(at), size));
        Row::memory(format!("a slab of {size}"), blocks.collect())
    };
    let rows = vec![
        Row::memory("a header in front of each", headers),
        slab(32, 3),
        slab(112, 1),
    ];
    still(
        "header-or-slab",
        "Three blocks of 24 bytes, and one of 100",
        "Drawn, not recorded: 224 bytes each, to scale. Above as glibc 2.36 \
         lays them out, below as jemalloc 5.3.0 does.",
        vec![Part::new("", rows).alone()],
        &[
            (Kind::Header, "header"),
            (Kind::Payload, "in use"),
            (Kind::Free, "free"),
        ],
    )
}

fn tag_in_the_payload() -> Drawing {
    let row = |label: &str, below: Vec<Piece>, flag: &str| {
        let mut pieces =
            vec![Piece::new(Kind::Header, "size\u{a0}|\u{a0}1", 12)];
        pieces.extend(below);
        pieces.push(Piece::new(
            Kind::Header,
            format!("size\u{a0}|\u{a0}{flag}"),
            12,
        ));
        pieces.push(Piece::new(Kind::Payload, "ours", 14));
        Row::memory(label, pieces)
    };
    let in_use =
        vec![Piece::new(Kind::Payload, "payload, to its last byte", 44)];
    let free = vec![
        Piece::new(Kind::Free, "two links", 16),
        Piece::new(Kind::Free, "nothing", 16),
        Piece::new(Kind::Header, "size", 12),
    ];
    let rows = vec![
        row("the block below is in use", in_use, "1"),
        row("the block below is free", free, "0"),
    ];
    still(
        "tag-in-the-payload",
        "A size that is written only where nobody is",
        "Drawn, not recorded, and not to scale: two blocks side by side as glibc 2.36 lays them \
         out, a block of 40 bytes and the start of ours.",
        vec![Part::new("", rows).alone()],
        &[
            (Kind::Header, "what the heap writes"),
            (Kind::Payload, "in use"),
            (Kind::Free, "free"),
        ],
    )
}

fn glibc_parts() -> Drawing {
    let cache = |thread: usize| {
        Part::new(
            format!("thread {thread}: tcache"),
            vec![Row::memory(
                "64 lists, of seven each",
                vec![
                    Piece::new(Kind::Foreign, "32", 1),
                    Piece::new(Kind::Foreign, "48", 1),
                    Piece::new(Kind::Foreign, "64", 1),
                    Piece::new(Kind::Foreign, "…", 1),
                    Piece::new(Kind::Foreign, "1,040", 1),
                ],
            )],
        )
    };
    let lists = |label: &str, text: [&str; 4]| {
        let pieces = text.map(|it| Piece::new(Kind::Free, it, 1));
        Row::memory(label, pieces.into())
    };
    let arena = vec![
        lists("fastbins: small, not joined", ["32", "48", "…", "128"]),
        Row::memory(
            "the unsorted list",
            vec![Piece::new(
                Kind::Free,
                "what was freed last, in any order",
                4,
            )],
        ),
        lists("62 small bins, each of one size", ["32", "48", "…", "1,008"]),
        lists(
            "63 large bins, each of a range, sorted",
            ["from 1,024", "from 1,088", "…", "all above"],
        ),
        Row::memory(
            "the heap",
            vec![
                Piece::new(Kind::Payload, "blocks", 10),
                Piece::new(Kind::Padding, "the top", 4),
            ],
        ),
    ];
    still(
        "glibc-parts",
        "Where a free block can be",
        "Drawn, not recorded: glibc 2.36. Sizes are with the header, as its \
         source counts them.",
        vec![
            Floor::of(vec![cache(1), cache(2)])
                .then("when a list is full or empty"),
            Part::new("an arena: one lock", arena).alone(),
        ],
        &[
            (Kind::Foreign, "a thread’s lists"),
            (Kind::Free, "the arena’s lists"),
            (Kind::Payload, "blocks"),
            (Kind::Padding, "the top: in no list"),
        ],
    )
}

fn mimalloc_segment() -> Drawing {
    let slab = |text: &str, len| Piece::new(Kind::Payload, text, len);
    let memory = vec![
        Piece::new(Kind::Header, "head", 3),
        slab("32", 2),
        slab("32", 2),
        slab("64", 2),
        slab("blocks of 16 KiB", 8),
        Piece::new(Kind::Free, "free", 7),
    ];
    let head = [
        ("whose it is", 3),
        ("heads of its slabs: block size, three lists", 8),
    ];
    let head = head.map(|(text, len)| Piece::new(Kind::Header, text, len));
    still(
        "mimalloc-segment",
        "A segment",
        "Drawn, not recorded, and not to scale: mimalloc 2.0.9. A segment has \
         32 MiB and starts at a multiple of that, a slab for small blocks has \
         64 KiB, one for those of 16 KiB has 512.",
        vec![
            Part::new("", vec![Row::memory("32 MiB", memory)]).alone(),
            Part::new("", vec![Row::memory("in its head", head.into())])
                .alone(),
        ],
        &[
            (Kind::Header, "head"),
            (Kind::Payload, "slabs, by the size of their blocks"),
            (Kind::Free, "not a slab yet"),
        ],
    )
}

fn buddies() -> Drawing {
    const ORDERS: usize = 3;
    let row = |order: usize| {
        let pieces = (0..1 << ORDERS).step_by(1 << order);
        let pieces = pieces.map(|page: usize| {
            Piece::new(Kind::Free, page.to_string(), 1 << order)
        });
        Row::memory(buddies::label(order), pieces.collect())
    };
    let rows = (0..=ORDERS).rev().map(row).collect();
    still(
        "buddies",
        "Halves, and halves of halves",
        "Drawn, not recorded: all pieces that eight pages can be cut into, by \
         the number of their first page.",
        vec![Part::new("", rows).alone()],
        &[(Kind::Free, "a piece")],
    )
}

fn colours() -> Drawing {
    const RECORDS: usize = 5;
    let slab = |at: usize| {
        let mut pieces = Vec::new();
        let rest = 3;
        if at > 0 {
            pieces.push(Piece::new(Kind::Padding, "", at));
        }
        pieces.extend((0..RECORDS).map(|it| {
            let kind = if it == 2 { Kind::Free } else { Kind::Payload };
            Piece::new(kind, "record", 6)
        }));
        if at < rest {
            pieces.push(Piece::new(Kind::Padding, "", rest - at));
        }
        Row::memory(format!("slab {}", at + 1), pieces)
    };
    still(
        "colours",
        "Slabs of three colours",
        "Drawn, not recorded, after Bonwick’s paper of 1994.",
        vec![Part::new("", (0..3).map(slab).collect()).alone()],
        &[
            (Kind::Payload, "in use"),
            (Kind::Free, "free, and ready for use"),
            (Kind::Padding, "left over"),
        ],
    )
}

fn run() -> Drawing {
    let pieces = [
        (Kind::Payload, "used"),
        (Kind::Free, "marked"),
        (Kind::Free, "marked"),
        (Kind::Free, "marked"),
        (Kind::Free, "marked"),
        (Kind::Payload, "used"),
        (Kind::Payload, "used"),
    ];
    let pieces = pieces.map(|(kind, text)| Piece::new(kind, text, 1));
    still(
        "run-of-marks",
        "Four in a row",
        "Drawn, not recorded. The top of the stack is on the right.",
        vec![Part::new("", vec![Row::memory("", pieces.into())]).alone()],
        &[(Kind::Payload, "in use"), (Kind::Free, "marked")],
    )
}

fn three_stacks() -> Drawing {
    let stacks = [("f", 3), ("g", 2), ("h", 4)];
    let rows = stacks.iter().zip(1..).map(|((letter, chunks), thread)| {
        let mut pieces: Vec<_> = (1..=*chunks)
            .map(|at| Piece::new(Kind::Payload, format!("{letter}{at}"), 1))
            .collect();
        pieces.push(Piece::new(Kind::Padding, "room", 6 - *chunks));
        Row::memory(format!("thread {thread}"), pieces)
    });
    still(
        "three-stacks",
        "A stack for each thread",
        "Drawn, not recorded. Each grows to the right.",
        vec![Part::new("", rows.collect()).alone()],
        &[
            (Kind::Payload, "chunks of the calls that are going on"),
            (Kind::Padding, "above the top"),
        ],
    )
}

/// How many bits of an address choose what, in the table of segments.
pub const BITS: [(&str, usize); 3] =
    [("which leaf", 14), ("which entry", 15), ("where in the piece", 18)];

fn two_levels() -> Drawing {
    let bits = BITS.map(|(what, bits)| {
        Piece::new(Kind::Header, format!("{bits}: {what}"), bits)
    });
    let entries = |texts: &[&str]| {
        let entry = |text: &&str| match *text {
            "null" => Piece::new(Kind::Padding, "null", 1),
            text => Piece::new(Kind::Free, text, 1),
        };
        texts.iter().map(entry).collect::<Vec<_>>()
    };
    let memory = [
        (Kind::Foreign, "not ours", 1),
        (Kind::Payload, "a segment", 3),
        (Kind::Payload, "a large block", 2),
        (Kind::Foreign, "not ours", 2),
    ];
    let memory = memory.map(|(kind, text, len)| Piece::new(kind, text, len));
    let leaf = ["null", "null", "S", "S", "… S", "L", "null"];
    still(
        "two-levels",
        "From an address to what lies there",
        "Drawn, not recorded, and not to scale: an x86-64 machine. A segment \
         has eight pieces, and so eight entries. `S` leads to the words at its \
         start, `L` to those of the block.",
        vec![
            Part::new(
                "an address, and how many of its bits say what",
                vec![Row::memory("", bits.into())],
            )
            .alone(),
            Part::new(
                "the table",
                vec![Row::memory(
                    "its leaves",
                    entries(&["null", "null", "a leaf", "null", "a leaf"]),
                )],
            )
            .alone()
            .down("the first bits choose a leaf"),
            Part::new("a leaf", vec![Row::memory("entries", entries(&leaf))])
                .alone()
                .down("the next ones choose an entry"),
            Part::new("memory", vec![Row::memory("pieces", memory.into())])
                .alone(),
        ],
        &[
            (Kind::Header, "bits of the address, the highest first"),
            (Kind::Free, "leads somewhere"),
            (Kind::Padding, "nothing was noted"),
            (Kind::Payload, "mapped by a heap"),
            (Kind::Foreign, "somebody else’s"),
        ],
    )
}

/// Two counters, as far apart as heaps lay them.
fn one_line() -> Drawing {
    const LINE: usize = 64;
    const COUNTER: usize = 8;
    let apart = |program: &str| -> usize {
        let run = format!("{program} -> from a to b");
        let told = crate::ran::value(Path::new(""), &run);
        let told = told.unwrap_or_else(|error| panic!("{run}: {error}"));
        told.replace(',', "").parse().expect("a number")
    };
    let counter = |name: &str| Piece::new(Kind::Payload, name, COUNTER);
    let padding = |len| Piece::new(Kind::Padding, "", len);
    let row = |label: &str, program: &str| {
        let apart = apart(program);
        let mut line = vec![counter("a")];
        line.push(padding(apart.min(LINE) - COUNTER));
        if apart < LINE {
            line.push(counter("b"));
            line.push(padding(LINE - apart - COUNTER));
        }
        Row::memory(format!("{label}: {apart} bytes apart"), line)
    };
    let two = "a = malloc(8); b = malloc(8)";
    let rows = vec![
        row("stage 3", &format!("stage3: {two}")),
        row("a stack for each thread", &format!("per-thread: {two}")),
        row(
            "the same, with an alignment of 64",
            "per-thread: a = memalign(64, 8); b = memalign(64, 8)",
        ),
    ];
    still(
        "one-line",
        "One line of a cache, and what lies in it",
        "Drawn, not recorded: 64 bytes, to scale, from the first counter on. \
         One core writes to `a`, another to `b`. How far apart the two lie is \
         asked of the heaps of this book.",
        vec![Part::new("", rows).alone()],
        &[(Kind::Payload, "a counter"), (Kind::Padding, "anything else")],
    )
}
