//! snmalloc's parcels: a model of its cache of remote frees, as in the crate
//! snmalloc-sys 0.7.6. Its rings, in which blocks of one slab are put together
//! first, are left out.

use std::collections::BTreeMap;

use super::{Drawing, Floor, Kind, Part, Piece, Row, Run};

/// How many blocks are collected before they are sent.
pub const BUDGET: usize = 6;

/// One thread that frees, and those that its blocks belong to.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// What is collected, for each thread.
    parcels: BTreeMap<usize, Vec<&'static str>>,
    /// What was sent to each thread: one parcel after the other.
    pub queues: BTreeMap<usize, Vec<Vec<&'static str>>>,
    /// What each thread has on the list of its slab.
    pub lists: BTreeMap<usize, Vec<&'static str>>,
    /// Atomic exchanges so far.
    pub exchanges: usize,
}

impl Model {
    /// Frees a block of another thread. Whether that sent all.
    pub fn free(&mut self, block: &'static str, owner: usize) -> bool {
        self.parcels.entry(owner).or_default().push(block);
        let collected: usize = self.parcels.values().map(Vec::len).sum();
        let is_full = collected == BUDGET;
        if is_full {
            for (owner, parcel) in std::mem::take(&mut self.parcels) {
                self.queues.entry(owner).or_default().push(parcel);
                self.exchanges += 1;
            }
        }
        is_full
    }

    /// A thread opens what has been sent to it: how many blocks.
    pub fn open(&mut self, owner: usize) -> usize {
        let parcels = self.queues.remove(&owner).unwrap_or_default();
        let blocks: Vec<_> = parcels.into_iter().flatten().collect();
        let count = blocks.len();
        self.lists.entry(owner).or_default().extend(blocks);
        count
    }

    fn floors(&self) -> Vec<Floor> {
        let pieces = |blocks: &[&'static str], kind| -> Vec<Piece> {
            blocks.iter().map(|it| Piece::new(kind, *it, 1)).collect()
        };
        let owners = [1, 3];
        let of = |all: &BTreeMap<usize, Vec<&'static str>>, owner| {
            all.get(&owner).cloned().unwrap_or_default()
        };
        let parcels = owners.map(|owner| {
            let parcel = pieces(&of(&self.parcels, owner), Kind::Header);
            Row::list(format!("for thread {owner}"), parcel)
        });
        let homes = owners.map(|owner| {
            let queue = self.queues.get(&owner).cloned().unwrap_or_default();
            let queue = pieces(&queue.concat(), Kind::Foreign);
            let list = pieces(&of(&self.lists, owner), Kind::Free);
            Part::new(
                format!("thread {owner}"),
                vec![
                    Row::list("its queue", queue),
                    Row::list("what its slab has free", list),
                ],
            )
        });
        let collected: usize = self.parcels.values().map(Vec::len).sum();
        let title =
            format!("thread 2 collects: {collected}, and sends at {BUDGET}");
        vec![
            Part::new(title, parcels.into())
                .alone()
                .down("a parcel, by one atomic exchange"),
            Floor::of(homes.into()),
        ]
    }
}

pub fn drawing() -> Drawing {
    let mut threads = Model::default();
    let mut run = Run::new(
        "Thread 2 is about to free four blocks of thread 1 and two of thread 3.",
        threads.floors(),
    );
    threads.free("b1", 1);
    let said = "The page map says that it is thread 1’s. It is put aside.";
    run.step("free(b1)", said, threads.floors());
    threads.free("c1", 3);
    let said = "Another owner, another parcel.";
    run.step("free(c1)", said, threads.floors());
    for (block, owner) in [("b2", 1), ("b3", 1), ("c2", 3)] {
        threads.free(block, owner);
    }
    let said = "The links lie in the blocks themselves, which are free.";
    run.step("free(b2), free(b3), free(c2)", said, threads.floors());
    threads.free("b4", 1);
    let sent = threads.exchanges;
    let said = format!(
        "That is enough. Each parcel goes to the end of its owner’s queue: \
         {sent} exchanges for {BUDGET} blocks."
    );
    run.step("free(b4)", said, threads.floors());
    let choices = [1, 2, 4, BUDGET].map(|it| it.to_string());
    let right = sent.to_string();
    run.ask("how many atomic exchanges is it in all?", &choices, &right);
    let count = threads.open(1);
    let said = format!(
        "Its list has run out, so it looks into its queue, and has {count} \
         blocks. Thread 3 has not needed any yet."
    );
    run.step("thread 1: malloc", said, threads.floors());
    Drawing {
        name: "parcels",
        title: "Blocks go home in parcels",
        told: format!(
            "Computed by a model of snmalloc (snmalloc-sys 0.7.6), without its \
             rings for blocks of one slab. There a number of bytes says when to \
             send, here it is {BUDGET} blocks."
        ),
        pictures: run.0,
        still: 4,
        keys: vec![
            (Kind::Header, "collected"),
            (Kind::Foreign, "sent"),
            (Kind::Free, "home, and free"),
        ],
    }
}
