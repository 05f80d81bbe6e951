//! tcmalloc's three floors: a model of `FetchFromCentralCache` and
//! `ListTooLong`, as in gperftools 2.10, with a smaller handful.

use super::{Drawing, Floor, Kind, Part, Piece, Row, Run};

/// How many blocks are carried at a time.
pub const HANDFUL: usize = 4;

/// How many blocks the span has.
pub const BLOCKS: usize = 16;

/// What a thread has of one class.
#[derive(Clone, Debug)]
pub struct List {
    /// The last one is the first to come out.
    blocks: Vec<usize>,
    /// How long it may get.
    pub most: usize,
}

/// One class, and two threads.
#[derive(Clone, Debug)]
pub struct Model {
    pub threads: [List; 2],
    /// Handfuls that wait as they are.
    pub transfer: Vec<Vec<usize>>,
    /// What is left in the span, the first to come out last.
    span: Vec<usize>,
    /// The blocks that the program holds.
    held: Vec<usize>,
}

impl Default for Model {
    fn default() -> Self {
        let list = List { blocks: Vec::new(), most: 1 };
        Self {
            threads: [list.clone(), list],
            transfer: Vec::new(),
            span: (1..=BLOCKS).rev().collect(),
            held: Vec::new(),
        }
    }
}

impl Model {
    /// A block, and how many were fetched for it.
    pub fn malloc(&mut self, thread: usize) -> (usize, usize) {
        let mut fetched = 0;
        if self.threads[thread].blocks.is_empty() {
            let list = &mut self.threads[thread];
            fetched = list.most.min(HANDFUL);
            // It gets longer, by one at first, then by handfuls.
            list.most += if list.most < HANDFUL { 1 } else { HANDFUL };
            let mut blocks = match fetched {
                HANDFUL => self.transfer.pop(),
                _ => None,
            }
            .unwrap_or_else(|| self.take(fetched));
            self.threads[thread].blocks.append(&mut blocks);
        }
        let block = self.threads[thread].blocks.pop();
        let block = block.expect("the span has enough");
        self.held.push(block);
        (block, fetched)
    }

    fn take(&mut self, count: usize) -> Vec<usize> {
        self.span.split_off(self.span.len() - count)
    }

    /// Gives a block back: how many were carried down for it.
    pub fn free(&mut self, thread: usize, block: usize) -> usize {
        self.held.retain(|it| *it != block);
        let list = &mut self.threads[thread];
        list.blocks.push(block);
        if list.blocks.len() <= list.most {
            return 0;
        }
        let count = list.blocks.len().min(HANDFUL);
        let carried = list.blocks.split_off(list.blocks.len() - count);
        if list.most < HANDFUL {
            list.most += 1;
        }
        match count {
            HANDFUL => self.transfer.push(carried),
            _ => self.span.extend(carried),
        }
        count
    }

    fn floors(&self) -> Vec<Floor> {
        let names = |blocks: &[usize]| -> Vec<Piece> {
            let last_first = blocks.iter().rev();
            last_first
                .map(|it| Piece::new(Kind::Foreign, it.to_string(), 1))
                .collect()
        };
        let lists = self.threads.iter().enumerate().map(|(at, list)| {
            let label = format!("at most {}", list.most);
            Part::new(
                format!("thread {}: its list", at + 1),
                vec![Row::list(label, names(&list.blocks))],
            )
        });
        let blocks = (1..=BLOCKS).map(|block| {
            let kind = match block {
                _ if self.held.contains(&block) => Kind::Payload,
                _ if self.span.contains(&block) => Kind::Free,
                _ => Kind::Foreign,
            };
            Piece::new(kind, block.to_string(), 1)
        });
        let mut rows: Vec<_> = self
            .transfer
            .iter()
            .map(|it| Row::list("the transfer cache", names(it)))
            .collect();
        if rows.is_empty() {
            rows.push(Row::list("the transfer cache", Vec::new()));
        }
        rows.push(Row::memory("the span", blocks.collect()));
        let pages = vec![
            Piece::new(Kind::Header, "this span", 2),
            Piece::new(Kind::Free, "3 pages", 3),
            Piece::new(Kind::Header, "a span of another class", 4),
            Piece::new(Kind::Free, "7 pages", 7),
        ];
        vec![
            Floor::of(lists.collect()).then("handfuls"),
            Part::new("the central list of this class: one lock", rows)
                .alone()
                .then("spans"),
            Part::new("the page heap: one lock", vec![Row::memory("", pages)])
                .alone(),
        ]
    }
}

pub fn drawing() -> Drawing {
    const FIRST: usize = 10;
    let mut heap = Model::default();
    let mut run = Run::new(
        "Thread 1 makes blocks and thread 2 frees them. Both lists are empty, \
         and may have one block.",
        heap.floors(),
    );
    let (_, fetched) = heap.malloc(0);
    let said = format!(
        "The list is empty, so {fetched} block is fetched from below. That was \
         too few: next time it may be one more."
    );
    run.step("thread 1: malloc", said, heap.floors());
    let fetched = (1..FIRST).map(|_| heap.malloc(0).1);
    let fetched = fetched.filter(|it| *it > 0).map(|it| it.to_string());
    let said = format!(
        "{} more are fetched. From a whole handful on the limit grows by a \
         handful at a time.",
        fetched.collect::<Vec<_>>().join(", then ")
    );
    let did = format!("thread 1: malloc, {} times", FIRST - 1);
    run.step(&did, said, heap.floors());
    let mut next = 1;
    for to in [2, 5] {
        let mut carried = 0;
        let from = next;
        while next <= to {
            carried = heap.free(1, next);
            next += 1;
        }
        let said = format!(
            "One more than the list may have. {carried} go down. It is no whole \
             handful, so each goes back to its span."
        );
        let dots = if to - from > 1 { " …" } else { "," };
        let did = format!("thread 2: free({from}){dots} free({to})");
        run.step(&did, said, heap.floors());
    }
    let from = next;
    while heap.free(1, next) == 0 {
        next += 1;
    }
    let said = "A whole handful goes down. It stays together, in the transfer \
                cache.";
    let did = format!("thread 2: free({from}) … free({next})");
    run.step(&did, said, heap.floors());
    let (block, fetched) = heap.malloc(0);
    let said = format!(
        "The list was empty. The handful of {fetched} comes up as it is: the \
         span is not touched, and nothing is taken apart. Block {block} is \
         given out."
    );
    run.step("thread 1: malloc", said, heap.floors());
    let choices = [1, 2, fetched].map(|it| it.to_string());
    let right = fetched.to_string();
    run.ask("how many blocks are fetched?", &choices, &right);
    Drawing {
        name: "tcmalloc-floors",
        title: "What goes up and down between them",
        told: format!(
            "Computed by a model of gperftools 2.10. A handful is {HANDFUL} \
             here, and 32 blocks of 32 bytes there. The page heap is drawn."
        ),
        pictures: run.0,
        still: 5,
        keys: vec![
            (Kind::Payload, "in use"),
            (Kind::Foreign, "in a list above the span"),
            (Kind::Free, "in the span; pages that are free"),
            (Kind::Header, "spans"),
        ],
    }
}
