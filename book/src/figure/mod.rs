//! The book's figures: what a real heap does, recorded and drawn.
//!
//! A scenario is a short program. The crate [`play`] runs it on one of the
//! stages' heaps, records it and draws it.

mod fork;
mod scenarios;
mod segments;
mod steps3;
mod ten_lines;
mod threads;
mod two_threads;

pub use play::recording::{self, Recording};
pub use play::{draw, question};
use play::{recorder, region, stage1, stage2, stage3, stage5};
use scenarios::Scenario;

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

/// What the figure of a scenario asks, with the answers, as HTML of one line.
/// Nothing if there is none of this name, or if it asks nothing.
pub fn answers(name: &str) -> Option<String> {
    let recording = record(name).filter(|it| !it.asks.is_empty())?;
    Some(draw::answers(&recording))
}
