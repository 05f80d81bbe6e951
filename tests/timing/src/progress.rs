//! Shows that a program is at work, and how much of it is left: on a terminal.
//! Where standard error is none, nothing is shown.

use std::fmt::Display;

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// A line on standard error. It changes between measurements alone: nothing
/// runs beside them, and no thread is started.
pub struct Progress(ProgressBar);

impl Progress {
    /// Of work that has so many steps.
    pub fn new(steps: usize) -> Self {
        let style = "{bar:20} {pos} of {len}, {elapsed}  {msg}";
        let style = ProgressStyle::with_template(style);
        let bar = ProgressBar::new(steps as u64)
            .with_style(style.expect("it is well formed"))
            .with_finish(ProgressFinish::AndClear);
        bar.tick();
        Self(bar)
    }

    /// A step begins, and what came before it is done.
    pub fn step(&self, what: impl Display) {
        if !self.0.message().is_empty() {
            self.0.inc(1);
        }
        self.0.set_message(what.to_string());
    }

    /// Prints a line on standard output. The progress makes room for it.
    pub fn print(&self, line: impl Display) {
        self.0.suspend(|| println!("{line}"));
    }
}
