//! The book's figures: what a real heap does, recorded and drawn.
//!
//! A scenario is a short program. It runs on one of the stages' heaps over a
//! simulated break, and after each operation a recorder notes what the memory
//! looks like. The [drawing](draw) of the whole [recording] is HTML that the reader can play.
//! So no address, size or count in a figure is written by hand.

pub mod draw;
mod fork;
mod recorder;
pub mod recording;
mod region;
mod scenarios;
mod segments;
mod stage1;
mod stage2;
mod stage3;
mod stage5;
mod steps3;
mod ten_lines;
mod threads;
mod two_threads;

pub use recording::Recording;

/// The names of all scenarios.
pub fn names() -> Vec<&'static str> {
    scenarios::all().map(|scenario| scenario.name).collect()
}

/// Runs a scenario. `None` if there is none of this name.
pub fn record(name: &str) -> Option<Recording> {
    scenarios::find(name).map(|scenario| (scenario.record)())
}

/// The code that a scenario runs on: the folder of a stage, or the file of a
/// step. `None` if there is none of this name.
pub fn source(name: &str) -> Option<&'static str> {
    record(name).map(|recording| recording.heap.source)
}

/// Runs a scenario and draws it, as HTML of one line. `None` if there is none
/// of this name.
pub fn render(name: &str) -> Option<String> {
    scenarios::find(name).map(|scenario| {
        let recording = (scenario.record)();
        draw::figure(scenario.name, scenario.title, &recording)
    })
}
