//! Huge pages: what the kernel's tables hold for one, and from which segment on
//! a stack asks for them.

use super::{Drawing, Floor, Kind, Part, Picture, Piece, Row, Run, constant};
use crate::amount::{number, size, word};

/// Bytes of a small page.
pub const PAGE: usize = 4096;

/// Bytes of a segment, and of a huge page.
fn segment() -> usize {
    constant(
        include_str!("../../../stage5-lifo-stack/src/per_thread/maps.rs"),
        "SEGMENT",
    )
}

/// So many segments of a stack are in small pages.
fn small() -> usize {
    constant(
        include_str!("../../../stage5-lifo-stack/src/per_thread/row.rs"),
        "SMALL",
    )
}

/// The segments of one stack.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// For each, whether huge pages were asked for.
    pub asked: Vec<bool>,
}

impl Model {
    /// Maps one more. Whether huge pages are asked for.
    pub fn map(&mut self) -> bool {
        let asks = self.asked.len() >= small();
        self.asked.push(asks);
        asks
    }

    /// How often the kernel is visited until a segment is full.
    pub fn visits(asks: bool) -> usize {
        if asks { 1 } else { segment() / PAGE }
    }

    /// The same for all segments.
    pub fn all_visits(&self) -> usize {
        self.asked.iter().map(|asks| Self::visits(*asks)).sum()
    }

    fn floors(&self, room: usize) -> Vec<Floor> {
        let kind = |asks| if asks { Kind::Free } else { Kind::Payload };
        let row = |label: String, text: &dyn Fn(bool) -> String| {
            let pieces = self.asked.iter();
            let mut pieces: Vec<_> = pieces
                .map(|asks| Piece::new(kind(*asks), text(*asks), 1))
                .collect();
            if pieces.len() < room {
                pieces.push(Piece::gap(room - pieces.len()));
            }
            Row::memory(label, pieces)
        };
        let pages = |asks| if asks { "asks" } else { "small" }.to_owned();
        let visits = |asks| number(Self::visits(asks) as u128);
        let rows = vec![
            row(format!("its segments, {} each", size(segment())), &pages),
            row("page faults until each is full".to_owned(), &visits),
        ];
        vec![Part::new("a stack, from its bottom on", rows).alone()]
    }
}

/// What the tables hold for as much memory, in small pages and in a huge one.
pub fn tables() -> Drawing {
    let entries = segment() / PAGE;
    let (all, each) = (size(segment()), size(PAGE));
    let of_all = |kind, text: &dyn Fn(&str) -> String| {
        let last = number(entries as u128);
        let names = ["1", "2", "3", "…", &last];
        names.map(|it| Piece::new(kind, text(it), 1)).to_vec()
    };
    let one = |kind, text: &str| vec![Piece::new(kind, text, 1)];
    let small = vec![
        Row::memory(
            "an entry of the table above",
            one(Kind::Header, "leads to a table"),
        ),
        Row::memory(
            format!("a table of {entries} entries"),
            of_all(Kind::Header, &str::to_owned),
        ),
        Row::memory(
            format!("{entries} pages of {each}"),
            of_all(Kind::Payload, &str::to_owned),
        ),
        Row::memory(
            "what the processor remembers",
            of_all(Kind::Foreign, &|it| it.to_owned()),
        ),
    ];
    let huge = vec![
        Row::memory(
            "an entry of the table above",
            one(Kind::Header, "leads to the page"),
        ),
        Row::memory("no table", vec![Piece::gap(1)]),
        Row::memory(format!("one page of {all}"), one(Kind::Payload, "1")),
        Row::memory("what the processor remembers", one(Kind::Foreign, "1")),
    ];
    Drawing {
        name: "page-tables",
        title: "The same memory, in small pages and in a huge one",
        told: format!(
            "Drawn, not recorded: {all} on an x86-64 machine, and the two lowest \
             of the tables that lead there."
        ),
        pictures: vec![Picture {
            floors: vec![Floor::of(vec![
                Part::new("small pages", small),
                Part::new("a huge page", huge),
            ])],
            ..Picture::default()
        }],
        still: 0,
        keys: vec![
            (Kind::Header, "entries of the kernel’s tables"),
            (Kind::Payload, "pages"),
            (Kind::Foreign, "what a walk has found, to be remembered"),
        ],
    }
}

pub fn drawing() -> Drawing {
    let small = small();
    let room = small + 2;
    let nth = |at: usize| {
        let words = ["first", "second", "third", "fourth", "fifth", "sixth"];
        *words.get(at - 1).expect("few segments")
    };
    let mut stack = Model::default();
    let said =
        "A thread has not asked for memory yet. Its stack has no segment.";
    let mut run = Run::new(said, stack.floors(room));

    stack.map();
    let visits = number(Model::visits(false) as u128);
    let said = format!(
        "It is in small pages. The kernel is visited for each of them when it is \
         touched first: {visits} times, if the segment gets full."
    );
    run.step("the first segment is mapped", said, stack.floors(room));
    for count in 2..=small {
        stack.map();
        let did = format!("the {} segment is mapped", nth(count));
        let said = format!(
            "Small pages again. The {} have {}.",
            word(count).expect("few segments"),
            size(count * segment())
        );
        run.step(&did, said, stack.floors(room));
    }
    let asks = stack.map();
    let visits = Model::visits(asks);
    let said = format!(
        "Who has filled {} will hardly stop there. If the kernel has a huge page \
         to spare, the whole segment comes in {} visit.",
        word(small).expect("few segments"),
        word(visits).expect("few visits"),
    );
    let did = format!("the {} segment is mapped", nth(small + 1));
    run.step(&did, said, stack.floors(room));
    let choices =
        ["Small ones", "A huge one", "A huge one, and the others too"];
    let choices = choices.map(str::to_owned);
    let right = choices[usize::from(asks)].clone();
    run.ask("which pages does the stack want?", &choices, &right);
    stack.map();
    let said = format!(
        "And so for all that come after it. The {} together cost {} page faults, \
         and the first {} of them {}.",
        word(room).expect("few segments"),
        number(stack.all_visits() as u128),
        word(small).expect("few segments"),
        number((small * Model::visits(false)) as u128),
    );
    let did = format!("the {} segment is mapped", nth(room));
    run.step(&did, said, stack.floors(room));
    Drawing {
        name: "segments-that-ask",
        title: "Which segments are to be huge pages",
        told: "Computed by a model of stage 5’s `row.rs`, with its constants. The \
               system is taken to give a huge page to whoever asks."
            .to_owned(),
        still: run.0.len() - 1,
        pictures: run.0,
        keys: vec![
            (Kind::Payload, "in small pages"),
            (Kind::Free, "a huge page is asked for"),
        ],
    }
}
