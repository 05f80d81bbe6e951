//! What stands in the slots of threads: a model of `threads.rs`.

use super::{Drawing, Floor, Kind, Part, Piece, Row, Run};

/// What a thread has in its slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slot {
    /// It has not asked for memory yet.
    #[default]
    Null,
    /// It has a stack.
    Stack(usize),
    /// It has none, and borrows one for each call.
    Borrows,
    /// The thread has ended.
    Gone,
}

/// Threads, and stacks by number.
#[derive(Clone, Debug)]
pub struct Model {
    pub slots: Vec<Slot>,
    /// How many stacks there are.
    pub stacks: usize,
    /// Those that are nobody's. The last that was parked is taken first.
    pub parked: Vec<usize>,
    /// Whether the end of a thread can be heard of.
    pub has_key: bool,
}

/// The names of the stacks.
const NAMES: [&str; 3] = ["A", "B", "C"];

impl Model {
    pub fn new(threads: usize) -> Self {
        let slots = vec![Slot::Null; threads];
        Self { slots, stacks: 0, parked: Vec::new(), has_key: true }
    }

    /// A thread asks for memory: the stack on which it is pushed.
    pub fn malloc(&mut self, thread: usize) -> usize {
        match self.slots[thread] {
            Slot::Stack(stack) => stack,
            Slot::Null => {
                let stack = self.unpark_or_new();
                self.slots[thread] = Slot::Stack(stack);
                if !self.has_key {
                    self.slots[thread] = Slot::Borrows;
                    self.parked.push(stack);
                }
                self.malloc(thread)
            }
            Slot::Borrows => {
                let stack = self.unpark_or_new();
                self.parked.push(stack);
                stack
            }
            Slot::Gone => panic!("thread {thread} has ended"),
        }
    }

    fn unpark_or_new(&mut self) -> usize {
        self.parked.pop().unwrap_or_else(|| {
            self.stacks += 1;
            self.stacks - 1
        })
    }

    /// A thread ends.
    pub fn end(&mut self, thread: usize) {
        if let Slot::Stack(stack) = self.slots[thread] {
            self.parked.push(stack);
        }
        self.slots[thread] = Slot::Gone;
    }

    fn floors(&self) -> Vec<Floor> {
        let slots = (1..).zip(&self.slots).map(|(thread, slot)| {
            let (kind, text) = match slot {
                Slot::Null => (Kind::Padding, "null"),
                Slot::Stack(stack) => (Kind::Payload, NAMES[*stack]),
                Slot::Borrows => (Kind::Header, "1"),
                Slot::Gone => (Kind::Padding, "ended"),
            };
            Piece::new(kind, format!("thread {thread}: {text}"), 1)
        });
        let stacks = (0..self.stacks).map(|stack| {
            let kind = match self.parked.contains(&stack) {
                true => Kind::Free,
                false => Kind::Payload,
            };
            Piece::new(kind, NAMES[stack], 1)
        });
        vec![
            Part::new("the slots", vec![Row::memory("", slots.collect())])
                .alone(),
            Part::new("the stacks", vec![Row::memory("", stacks.collect())])
                .alone(),
        ]
    }
}

pub fn drawing() -> Drawing {
    let mut model = Model::new(4);
    let said = "Nobody has asked for memory. There is no stack.";
    let mut run = Run::new(said, model.floors());
    let choices = ["A new one", "Stack A", "Stack B"].map(str::to_owned);
    let which = |stack: usize, before: usize| match stack {
        stack if stack >= before => "A new one".to_owned(),
        stack => format!("Stack {}", NAMES[stack]),
    };

    model.malloc(0);
    let said = "Null: the long way. It gets a new stack, and its address goes \
                into the slot.";
    run.step("thread 1: malloc", said, model.floors());
    let before = model.stacks;
    let right = which(model.malloc(1), before);
    let said = "A stack is one thread’s alone, so the second one gets its own.";
    run.step("thread 2: malloc", said, model.floors());
    run.ask("which stack does it get?", &choices, &right);
    model.malloc(0);
    let said = "Two instructions read the slot. Nobody else is asked.";
    run.step("thread 1: malloc", said, model.floors());
    model.end(0);
    let said = "The system tells of its end. Its stack is parked as it is, with \
                all that is still in use.";
    run.step("thread 1 ends", said, model.floors());
    let before = model.stacks;
    let right = which(model.malloc(2), before);
    let said = "A stack was left behind, and goes to whoever comes.";
    run.step("thread 3: malloc", said, model.floors());
    run.ask("which stack does it get?", &choices, &right);
    model.end(1);
    run.step("thread 2 ends", "Stack B is parked.", model.floors());
    model.has_key = false;
    model.malloc(3);
    let said = "Its end could not be heard of. So it gives the stack back, and \
                has a 1 in its slot: it borrows B for this call, and will for \
                the next.";
    let code = "thread 4, and no key is left: malloc";
    run.step(code, said, model.floors());
    let choices = ["Null", "Stack B", "1"].map(str::to_owned);
    run.ask("what is in its slot then?", &choices, "1");
    Drawing {
        name: "slots",
        title: "A slot for each thread",
        told:
            "Computed by a model of stage 5’s `threads.rs`: what it does with \
               slots and stacks, and nothing else."
                .to_owned(),
        pictures: run.0,
        still: 4,
        keys: vec![
            (Kind::Padding, "no stack"),
            (Kind::Payload, "a thread’s stack"),
            (Kind::Free, "parked: nobody’s"),
            (Kind::Header, "borrows"),
        ],
    }
}
