//! All orders of two threads, each with two steps: a model of what a model
//! checker goes through.

use super::{Drawing, Floor, Kind, Part, Piece, Row, Run};
use crate::amount::word;

/// How many steps each thread has: it reads the counter, and writes one more.
pub const STEPS: usize = 2;

/// Whose turn it is, at each step.
pub type Order = [usize; 2 * STEPS];

/// All orders, as they are tried: wherever there is a choice, thread 0 goes
/// first, and later thread 1.
pub fn orders() -> Vec<Order> {
    fn go(at: usize, left: [usize; 2], order: Order, all: &mut Vec<Order>) {
        if at == order.len() {
            all.push(order);
        }
        for thread in [0, 1] {
            if left[thread] > 0 {
                let (mut left, mut order) = (left, order);
                left[thread] -= 1;
                order[at] = thread;
                go(at + 1, left, order, all);
            }
        }
    }
    let mut all = Vec::new();
    go(0, [STEPS; 2], Order::default(), &mut all);
    all
}

/// What the counter is after the steps in this order.
pub fn counter(order: &Order) -> usize {
    let mut counter = 0;
    let mut read = [None; 2];
    for thread in *order {
        match read[thread] {
            None => read[thread] = Some(counter),
            Some(seen) => counter = seen + 1,
        }
    }
    counter
}

/// After how many steps two orders part.
pub fn part(one: &Order, two: &Order) -> usize {
    let same = one.iter().zip(two).take_while(|(one, two)| one == two);
    same.count()
}

fn floors(tried: &[Order], all: usize) -> Vec<Floor> {
    let gap = |mut pieces: Vec<Piece>| {
        if tried.len() < all {
            pieces.push(Piece::gap(all - tried.len()));
        }
        pieces
    };
    let step = |at: usize| {
        // Orders that have been the same so far are one box.
        let runs = tried.chunk_by(|one, two| part(one, two) > at);
        let pieces = runs.map(|run| {
            let thread = run[0][at];
            let before = run[0][..at].iter().filter(|it| **it == thread);
            let does = ["reads", "writes"][before.count()];
            let kind = [Kind::Payload, Kind::Foreign][thread];
            Piece::new(kind, format!("{} {does}", thread + 1), run.len())
        });
        Row::memory(format!("step {}", at + 1), gap(pieces.collect()))
    };
    let mut rows: Vec<_> = (0..2 * STEPS).map(step).collect();
    let ends = tried.iter().map(|order| {
        let counter = counter(order);
        let kind = if counter == 2 { Kind::Free } else { Kind::Leaked };
        Piece::new(kind, counter.to_string(), 1)
    });
    rows.push(Row::memory("the counter in the end", gap(ends.collect())));
    vec![Part::new("", rows).alone()]
}

pub fn drawing() -> Drawing {
    let orders = orders();
    let all = orders.len();
    let said = "Two threads, and a counter that is 0. Each reads it, and writes \
                what it has read and one. Which thread goes on is decided anew \
                at each step.";
    let mut run = Run::new(said, floors(&[], all));
    let ordinals = ["first", "second", "third", "fourth", "fifth", "sixth"];
    assert_eq!(ordinals.len(), all, "as many orders as there are words");
    for at in 0..all {
        let counter = counter(&orders[at]);
        let end = match counter {
            2 => "Both have counted.".to_owned(),
            _ => "One has counted for nothing: it wrote what the other had \
                  written already."
                .to_owned(),
        };
        let said = match at {
            0 => format!("One thread after the other. {end}"),
            _ => match part(&orders[at - 1], &orders[at]) {
                0 => format!("From the start on it is another one. {end}"),
                1 => format!("One step is the same as before. {end}"),
                same => {
                    let same = word(same).expect("few steps");
                    let mut same = same.to_owned();
                    same[..1].make_ascii_uppercase();
                    format!("{same} steps are the same as before. {end}")
                }
            },
        };
        let did = format!("the {} order", ordinals[at]);
        run.step(&did, said, floors(&orders[..=at], all));
        if at == 1 {
            let choices = [1, 2].map(|it: usize| it.to_string());
            let question = "both read before one writes. What is the counter in \
                            the end?";
            assert_eq!(orders[at][..2], [0, 1], "both read first");
            run.ask(question, &choices, &counter.to_string());
        }
        if at == 2 {
            let choices = [4, all, 8, 24].map(|it| it.to_string());
            let question = "how many orders will there be in all?";
            run.ask(question, &choices, &all.to_string());
        }
    }
    let wrong = orders.iter().filter(|it| counter(it) != 2).count();
    let last = run.0.last_mut().expect("there are steps");
    last.said += &format!(
        " That was the last order. {} of {} go wrong.",
        {
            let mut wrong = word(wrong).expect("few orders").to_owned();
            wrong[..1].make_ascii_uppercase();
            wrong
        },
        word(all).expect("few orders")
    );
    Drawing {
        name: "orders",
        title: "Every order of two threads with two steps each",
        told: "Computed by a model of two threads, in which loom has no part. An \
               order is a column, read from the top down. Where orders begin alike, \
               their steps are one box."
            .to_owned(),
        still: run.0.len() - 1,
        pictures: run.0,
        keys: vec![
            (Kind::Payload, "a step of thread 1"),
            (Kind::Foreign, "a step of thread 2"),
            (Kind::Free, "right"),
            (Kind::Leaked, "wrong"),
        ],
    }
}
