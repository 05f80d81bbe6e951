//! A message and a flag, as another thread may find them.

use super::{Drawing, Floor, Kind, Part, Picture, Piece, Row};

/// The two writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    Message,
    Flag,
}

/// What a thread finds in both variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub message: u32,
    pub is_there: bool,
}

/// All that may be found, where another thread may see the writes in the order
/// of the program alone, or in any order.
pub fn found(in_order_alone: bool) -> Vec<Found> {
    let orders = [[Write::Message, Write::Flag], [Write::Flag, Write::Message]];
    let orders = &orders[..if in_order_alone { 1 } else { 2 }];
    let mut all = Vec::new();
    for order in orders {
        let mut now = Found { message: 0, is_there: false };
        all.push(now);
        for write in order {
            match write {
                Write::Message => now.message = 42,
                Write::Flag => now.is_there = true,
            }
            all.push(now);
        }
    }
    all.sort_by_key(|it| (it.is_there, it.message));
    all.dedup();
    all
}

fn row(found: &Found) -> Row {
    let Found { message, is_there } = *found;
    let label = match is_there {
        false => "it waits".to_owned(),
        true => format!("it reads {message}"),
    };
    let kind = match (is_there, message) {
        (false, _) => Kind::Padding,
        (true, 42) => Kind::Payload,
        (true, _) => Kind::Leaked,
    };
    let pieces = [
        Piece::new(kind, format!("message: {message}"), 1),
        Piece::new(kind, format!("is_there: {is_there}"), 1),
    ];
    Row::memory(label, pieces.into())
}

pub fn drawing() -> Drawing {
    let part = |title: &str, in_order_alone| {
        let rows = found(in_order_alone).iter().map(row).collect();
        Part::new(title, rows)
    };
    let floors = vec![Floor::of(vec![
        part("without the two words", false),
        part("with `Release` and `Acquire`", true),
    ])];
    Drawing {
        name: "message-and-flag",
        title: "What the second thread may find",
        told:
            "Drawn, not recorded: what the rules allow, in all orders in which \
               the two writes may be seen. What a processor does of it is its \
               affair."
                .to_owned(),
        pictures: vec![Picture { floors, ..Picture::default() }],
        still: 0,
        keys: vec![
            (Kind::Padding, "the flag is off"),
            (Kind::Payload, "the message has come"),
            (Kind::Leaked, "the flag without its message"),
        ],
    }
}
