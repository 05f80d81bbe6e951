//! A copying collector, as Cheney wrote it down: a model.

use std::collections::BTreeMap;

use super::{Drawing, Floor, Kind, Part, Piece, Row, Run};
use crate::amount;

/// A block: its name, how long it is, and whose addresses it holds.
pub type Reach = (char, usize, &'static str);

/// Two halves, and how far the copying has come.
#[derive(Clone, Debug)]
pub struct Copying {
    blocks: Vec<Reach>,
    roots: &'static str,
    /// What has been copied, in the order of the other half.
    pub copied: Vec<char>,
    /// How many of those have been looked through.
    pub scanned: usize,
}

impl Copying {
    /// A full half.
    pub fn new(blocks: &[Reach], roots: &'static str) -> Self {
        let (copied, scanned) = (Vec::new(), 0);
        Self { blocks: blocks.to_vec(), roots, copied, scanned }
    }

    /// Copies what is not copied yet: those that were.
    fn copy(&mut self, names: &str) -> String {
        let is_new = |name: &char| !self.copied.contains(name);
        let new: String = names.chars().filter(is_new).collect();
        self.copied.extend(new.chars());
        new
    }

    /// Copies what the variables lead to.
    pub fn roots(&mut self) -> String {
        self.copy(self.roots)
    }

    /// Looks through the next block that was copied: its name, and what it has
    /// led to. `None` if there is none.
    pub fn scan(&mut self) -> Option<(char, String)> {
        let name = *self.copied.get(self.scanned)?;
        self.scanned += 1;
        let of_name = |it: &&Reach| it.0 == name;
        let holds = self.blocks.iter().find(of_name).map_or("", |it| it.2);
        Some((name, self.copy(holds)))
    }

    fn floors(&self) -> Vec<Floor> {
        let lens: BTreeMap<_, _> =
            self.blocks.iter().map(|it| (it.0, it.1)).collect();
        let all: usize = lens.values().sum();
        let from = self.blocks.iter().map(|(name, len, holds)| {
            let is_copied = self.copied.contains(name);
            match (is_copied, holds.is_empty()) {
                (true, _) => Piece::new(Kind::Foreign, name.to_string(), *len),
                (_, true) => Piece::new(Kind::Payload, name.to_string(), *len),
                _ => Piece::new(
                    Kind::Payload,
                    format!("{name}: to {holds}"),
                    *len,
                ),
            }
        });
        let mut to = Vec::new();
        for (at, name) in self.copied.iter().enumerate() {
            let kind = match at < self.scanned {
                true => Kind::Payload,
                false => Kind::Header,
            };
            to.push(Piece::new(kind, name.to_string(), lens[name]));
        }
        let used: usize = to.iter().map(|it| it.len).sum();
        to.push(Piece::new(Kind::Free, "free", all - used));
        let roots = self.roots.chars();
        let roots = roots.map(|it| Piece::new(Kind::Payload, it, 1));
        vec![
            Part::new("", vec![Row::list("the variables", roots.collect())])
                .alone(),
            Part::new(
                "",
                vec![
                    Row::memory("the half in use", from.collect()),
                    Row::memory("the other half", to),
                ],
            )
            .alone(),
        ]
    }
}

pub fn drawing() -> Drawing {
    let blocks = [
        ('a', 3, "d"),
        ('b', 4, "c"),
        ('c', 3, ""),
        ('d', 6, "f"),
        ('e', 3, "b"),
        ('f', 4, ""),
    ];
    let mut heap = Copying::new(&blocks, "a");
    let hold = blocks.iter().filter(|it| !it.2.is_empty()).count();
    let said = format!(
        "The half is full. One variable holds the address of `a`, and {} \
         blocks hold the address of another.",
        amount::word(hold).expect("few blocks")
    );
    let mut run = Run::new(&said, heap.floors());
    heap.roots();
    let said = "What a variable leads to is copied. Where it lay stands where \
                it is now.";
    run.step("copy what the variables hold", said, heap.floors());
    let mut ahead = heap.clone();
    while ahead.scan().is_some() {}
    let (copied, all) = (ahead.copied.len(), blocks.len());
    let choices = [1, copied, copied + 1, all].map(|it| it.to_string());
    let right = copied.to_string();
    run.ask("how many of the six are copied in the end?", &choices, &right);
    while let Some((name, new)) = heap.scan() {
        let said = match &*new {
            "" => "There is no address in it.".to_owned(),
            new => format!("It leads to `{new}`, which is copied."),
        };
        run.step(&format!("look through {name}"), said, heap.floors());
    }
    let last = run.0.last_mut().expect("there are steps");
    last.said += " All that was copied has been looked through: what lies in \
                  the first half is garbage, and it is empty from now on.";
    let still = run.0.len() - 1;
    Drawing {
        name: "copying",
        title: "From one half to the other",
        told: "Computed by a model of Cheney’s algorithm (1970).".to_owned(),
        pictures: run.0,
        still,
        keys: vec![
            (Kind::Payload, "in use, or not known yet"),
            (Kind::Foreign, "copied: here stands where to"),
            (Kind::Header, "copied, and not looked through yet"),
            (Kind::Free, "free"),
        ],
    }
}
