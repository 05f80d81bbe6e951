//! The book's figures: what a real heap does, recorded and drawn.
//!
//! A scenario is a short program. The crate [`play`] runs it on one of the
//! stages' heaps, records it and draws it.

mod bits;
mod breath;
mod fork;
mod halving;
mod last_one;
mod ls;
mod map;
mod misuse;
mod pages;
mod reserved;
mod rows;
mod scenarios;
mod segments;
mod stacks;
mod steps3;
mod ten_lines;
mod threads;
mod trace;
mod two_threads;

use play::heap::{MOST_ROOM, ROOM, Setup};
pub use play::recording::{self, Recording};
pub use play::{draw, question};
use play::{recorder, region, stage1, stage2, stage3, stage5};
use recorder::Recorded;
use region::Region;
use scenarios::Scenario;
use stage5_lifo_stack::{Heap, SimBrk};

/// The names of all scenarios.
pub fn names() -> Vec<&'static str> {
    scenarios::all().map(|scenario| scenario.name).collect()
}

/// Runs a scenario. `None` if there is none of this name.
pub fn record(name: &str) -> Option<Recording> {
    scenarios::find(name).map(Scenario::recording)
}

/// The code that a scenario runs on: the folder of a stage, or the file of a
/// step. `None` if there is none of this name.
pub fn source(name: &str) -> Option<&'static str> {
    record(name).map(|recording| recording.heap.source)
}

/// What stands over the figure of a scenario. `None` if there is none of this
/// name.
pub fn title(name: &str) -> Option<&'static str> {
    scenarios::find(name).map(|scenario| scenario.title)
}

/// Runs a scenario and draws it, as HTML of one line. `None` if there is none
/// of this name.
pub fn render(name: &str) -> Option<String> {
    scenarios::find(name).map(|scenario| {
        let recording = scenario.recording();
        draw::figure(scenario.name, scenario.title, &recording)
    })
}

/// Does something with an empty heap, by the name that pages give it: see
/// [`ran`](crate::ran). `None` if there is none of this name.
pub fn with_heap<R>(
    name: &str,
    act: impl FnOnce(&mut dyn Recorded) -> R,
) -> Option<R> {
    /// How many places for chunks there are in a small array.
    const FEW: usize = 16;
    /// How large a hole is.
    const HOLE: usize = 16;
    const NEVER: usize = 1 << 60;
    const SMALL: usize = segments::SEGMENT;
    /// How many bytes a segment of a process has.
    const LARGE: usize = 1 << 21;
    let (stage, room) = match name {
        "stage1" => (1, ROOM),
        "stage2" => (2, ROOM),
        // A step of the break is refused, and what is needed is not.
        "stage3" => (3, stage3_freelist::heap::STEP - 1),
        "stage3 steps" => (3, MOST_ROOM),
        "stage5" => (5, ROOM),
        "stage5 small" => {
            let mut region = Region::new(ROOM);
            let brk = SimBrk::new(region.bytes());
            return Some(act(&mut Heap::<_, FEW>::new(brk)));
        }
        "per-thread" => {
            return Some(segments::with::<true, HOLE, SMALL, R>(act));
        }
        "per-thread segments" => {
            return Some(segments::with::<true, HOLE, LARGE, R>(act));
        }
        "per-thread no lists" => {
            return Some(segments::with::<false, HOLE, SMALL, R>(act));
        }
        "per-thread no holes" => {
            return Some(segments::with::<true, NEVER, SMALL, R>(act));
        }
        _ => return None,
    };
    let setup = Setup::new(stage, room).ok()?;
    Some(setup.with(|heap| act(heap)))
}

/// What the figure of a scenario asks, with the answers, as HTML of one line.
/// Nothing if there is none of this name, or if it asks nothing.
pub fn answers(name: &str) -> Option<String> {
    let recording = record(name).filter(|it| !it.asks.is_empty())?;
    Some(draw::answers(&recording))
}
