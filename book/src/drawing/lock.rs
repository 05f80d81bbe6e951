//! Threads at a spin lock, and how the heap behind it looks meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Drawing, Floor, Kind, Part, Piece, Row, Run};

/// Where a thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// It does not want the heap.
    Outside,
    /// It has looked so often, and the lock was taken.
    Waiting(usize),
    Inside,
}

/// The flag, the threads, and the heap: the two things that `grow` changes.
#[derive(Debug)]
pub struct Model {
    is_locked: AtomicBool,
    pub threads: Vec<At>,
    /// Where the break is, and where the heap believes that it ends: in blocks.
    pub brk: usize,
    pub end: usize,
}

impl Model {
    pub fn new(threads: usize) -> Self {
        Self {
            is_locked: AtomicBool::new(false),
            threads: vec![At::Outside; threads],
            brk: 1,
            end: 1,
        }
    }

    /// A thread looks at the flag once. Whether it is inside now.
    pub fn look(&mut self, thread: usize) -> bool {
        let (taken, seen) = (Ordering::Acquire, Ordering::Relaxed);
        let came =
            self.is_locked.compare_exchange(false, true, taken, seen).is_ok();
        self.threads[thread] = match (came, self.threads[thread]) {
            (true, _) => At::Inside,
            (false, At::Waiting(looks)) => At::Waiting(looks + 1),
            (false, _) => At::Waiting(1),
        };
        came
    }

    /// The thread inside raises the break by a block.
    pub fn raise(&mut self) {
        self.brk += 1;
    }

    /// It notes where the heap ends.
    pub fn note(&mut self) {
        self.end = self.brk;
    }

    /// It lets go of the lock.
    pub fn leave(&mut self, thread: usize) {
        assert_eq!(self.threads[thread], At::Inside);
        assert!(self.is_in_order(), "nobody leaves a heap half changed");
        self.threads[thread] = At::Outside;
        self.is_locked.store(false, Ordering::Release);
    }

    /// Whether the heap knows all that lies below the break.
    pub fn is_in_order(&self) -> bool {
        self.end == self.brk
    }

    fn floors(&self) -> Vec<Floor> {
        let is_locked = self.is_locked.load(Ordering::Relaxed);
        let threads = (1..).zip(&self.threads).map(|(number, at)| {
            let (kind, does) = match at {
                At::Outside => (Kind::Padding, "is elsewhere".to_owned()),
                At::Waiting(1) => (Kind::Header, "has looked once".to_owned()),
                At::Waiting(looks) => {
                    (Kind::Header, format!("has looked {looks} times"))
                }
                At::Inside => (Kind::Payload, "is inside".to_owned()),
            };
            Piece::new(kind, format!("thread {number} {does}"), 1)
        });
        let flag = match is_locked {
            true => Piece::new(Kind::Payload, "true", 1),
            false => Piece::new(Kind::Free, "false", 1),
        };
        let block = |at| match at < self.end {
            true => Piece::new(Kind::Foreign, "a block", 1),
            false => Piece::new(Kind::Leaked, "not noted yet", 1),
        };
        let mut blocks: Vec<_> = (0..self.brk).map(block).collect();
        blocks.push(Piece::gap(4 - self.brk));
        let order = match self.is_in_order() {
            true => "the heap: in order",
            false => "the heap: half changed",
        };
        vec![
            Part::new("the threads", vec![Row::memory("", threads.collect())])
                .alone(),
            Part::new("`is_locked`", vec![Row::memory("", vec![flag])])
                .alone()
                .then("one at a time"),
            Part::new(order, vec![Row::memory("", blocks)]).alone(),
        ]
    }
}

/// The idea alone: one is inside, the others wait.
pub fn idea() -> Drawing {
    let mut model = Model::new(3);
    for thread in [1, 0, 2] {
        model.look(thread);
    }
    super::laid_out::still(
        "one-at-a-time",
        "One at a time",
        "Drawn, not recorded: three threads, of which the second came first.",
        model.floors(),
        &[
            (Kind::Payload, "inside, and the flag on"),
            (Kind::Header, "waits"),
            (Kind::Foreign, "a block of the heap"),
        ],
    )
}

pub fn drawing() -> Drawing {
    let mut model = Model::new(3);
    let said = "Nobody is in the heap, and the flag is off.";
    let mut run = Run::new(said, model.floors());

    model.look(0);
    let said = "`Ok(false)`: the flag was off, and in the same step it is on.";
    run.step("thread 1: lock()", said, model.floors());
    model.raise();
    let said = "`grow` has raised the break. Where the heap ends is not noted \
                yet. If somebody came in now, it would find a heap that is \
                neither the old one nor the new one.";
    run.step("thread 1: sbrk(size)", said, model.floors());
    model.look(1);
    let said = "`Err(true)`: the lock is taken. It gives its turn away, and \
                looks again later.";
    run.step("thread 2: lock()", said, model.floors());
    let choices = ["It is inside", "It waits"].map(str::to_owned);
    run.ask(
        "the heap is half changed. What becomes of it?",
        &choices,
        "It waits",
    );
    model.look(2);
    model.look(1);
    let said = "Two wait for the one that is inside, and for nobody else. There \
                is no queue: each looks by itself.";
    run.step("thread 3: lock(), and thread 2 again", said, model.floors());
    model.note();
    let said = "All writes are done, and the heap is in order. The flag is still \
                on.";
    run.step("thread 1 notes the end", said, model.floors());
    model.leave(0);
    let said = "A store with `Release`: whoever sees it sees the writes before \
                it. The lock is nobody’s now.";
    run.step("thread 1: the guard is dropped", said, model.floors());
    let choices = ["Thread 2, which came first", "Thread 3", "Who looks next"]
        .map(str::to_owned);
    model.look(2);
    let said = "Here it was thread 3. Thread 2 came first, and waits on.";
    run.step("thread 3: lock()", said, model.floors());
    let question = "two threads wait. Who gets in?";
    run.ask(question, &choices, "Who looks next");
    Drawing {
        name: "who-waits",
        title: "Who waits, and what is in the heap meanwhile",
        told: "Computed by a model of stage 4’s lock: a flag that is taken by \
               `compare_exchange`, and two of the things that `grow` changes. \
               Nothing is to scale."
            .to_owned(),
        pictures: run.0,
        still: 4,
        keys: vec![
            (Kind::Payload, "inside, and the flag on"),
            (Kind::Header, "waits"),
            (Kind::Padding, "does not want the heap"),
            (Kind::Free, "the flag off"),
            (Kind::Foreign, "a block that the heap knows"),
            (Kind::Leaked, "above the end that it knows"),
        ],
    }
}
