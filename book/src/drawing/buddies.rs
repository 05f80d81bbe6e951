//! The buddy system, as Linux has it: a model that splits and joins.

use std::collections::{BTreeMap, BTreeSet};

use super::{Drawing, Floor, Kind, Part, Piece, Row, Run};

/// Memory of 2ⁿ pages.
#[derive(Clone, Debug, Default)]
pub struct Buddies {
    /// For each order, the first pages of the pieces that are free.
    free: Vec<BTreeSet<usize>>,
    /// What is taken: the order, and who has it.
    taken: BTreeMap<usize, (usize, &'static str)>,
}

impl Buddies {
    /// One free piece of the largest order.
    pub fn new(order: usize) -> Self {
        let mut free = vec![BTreeSet::new(); order + 1];
        free[order].insert(0);
        Self { free, taken: BTreeMap::new() }
    }

    /// Takes a piece for `who`: its first page, and how often something was
    /// split for it. `None` if there is none that is large enough.
    pub fn take(
        &mut self,
        order: usize,
        who: &'static str,
    ) -> Option<(usize, usize)> {
        let has_one = |it: &usize| !self.free[*it].is_empty();
        let found = (order..self.free.len()).find(has_one)?;
        let page = self.free[found].pop_first()?;
        // The upper half stays free, at each split.
        for half in order..found {
            self.free[half].insert(page + (1 << half));
        }
        self.taken.insert(page, (order, who));
        Some((page, found - order))
    }

    /// Gives back the piece at `page`: how often it was joined.
    pub fn give(&mut self, mut page: usize) -> usize {
        let (first, _) = self.taken.remove(&page).expect("it is taken");
        let mut order = first;
        // The largest piece has no buddy.
        while order + 1 < self.free.len()
            && self.free[order].remove(&(page ^ (1 << order)))
        {
            page &= !(1 << order);
            order += 1;
        }
        self.free[order].insert(page);
        order - first
    }

    /// The first pages of the free pieces of an order.
    pub fn free(&self, order: usize) -> Vec<usize> {
        self.free[order].iter().copied().collect()
    }

    fn floors(&self) -> Vec<Floor> {
        let orders = (0..self.free.len()).rev();
        let rows = orders.map(|order| self.row(order)).collect();
        vec![Part::new("", rows).alone()]
    }

    /// The pieces of an order where they lie, and gaps between them.
    fn row(&self, order: usize) -> Row {
        let pages = 1 << (self.free.len() - 1);
        let pieces = (0..pages).step_by(1 << order).map(|page| {
            let len = 1 << order;
            match self.taken.get(&page) {
                Some((its, who)) if *its == order => {
                    Piece::new(Kind::Payload, format!("{who}: {page}"), len)
                }
                _ if self.free[order].contains(&page) => {
                    Piece::new(Kind::Free, page.to_string(), len)
                }
                _ => Piece::gap(len),
            }
        });
        Row::memory(label(order), pieces.collect())
    }
}

/// An order, and how many pages that is.
pub fn label(order: usize) -> String {
    match order {
        0 => "order 0, a page".to_owned(),
        _ => format!("order {order}, {} pages", 1 << order),
    }
}

pub fn drawing() -> Drawing {
    let mut memory = Buddies::new(3);
    let mut run = Run::new("Eight pages, in one free piece.", memory.floors());
    let mut held = Vec::new();
    for (who, order) in [("a", 0), ("b", 1), ("c", 0)] {
        let (page, splits) = memory.take(order, who).expect("there is room");
        held.push(page);
        let pages = match order {
            0 => "1 page".to_owned(),
            _ => format!("{} pages", 1 << order),
        };
        let said = match splits {
            0 => "A piece of that order is free.".to_owned(),
            1 => "The smallest that is large enough is split once.".to_owned(),
            _ => format!(
                "The smallest that is large enough is split {splits} times. \
                 The upper halves stay free."
            ),
        };
        let said = format!("Page {page}. {said}");
        run.step(&format!("{who} = take({pages})"), said, memory.floors());
    }
    for (who, page) in [("c", held[2]), ("b", held[1]), ("a", held[0])] {
        let joins = memory.give(page);
        let said = match joins {
            0 => "Its buddy is not free. Nothing is joined.".to_owned(),
            1 => "It is joined once.".to_owned(),
            _ => format!("It is joined {joins} times, each time with a buddy."),
        };
        run.step(&format!("give({who})"), said, memory.floors());
        if who == "a" {
            let choices = ["None", "1", "2", "3"].map(str::to_owned);
            let right = &choices[joins].clone();
            run.ask("how many joins are there?", &choices, right);
        }
    }
    Drawing {
        name: "buddies-played",
        title: "Split and joined",
        told: "Computed by a model of the rule, as Linux keeps it (2025). A \
               machine has more pages, and orders up to 10."
            .to_owned(),
        pictures: run.0,
        still: 5,
        keys: vec![
            (Kind::Free, "free, by its first page"),
            (Kind::Payload, "taken"),
        ],
    }
}
