//! What marks a heap gets, and for what.

use std::fmt::Write;

use serde_json::{Value, json};

use super::runner::{Memory, Times};

/// What came of all traces.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The heap.
    pub heap: String,
    /// What it does wrong, if it does.
    pub wrong: Option<String>,
    pub traces: Vec<Traced>,
}

/// What came of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Traced {
    pub name: String,
    pub memory: Memory,
    /// Nothing if it took far too long.
    pub times: Option<Times>,
}

/// How many marks there are for memory, and for time.
const MEMORY: f64 = 60.0;
const TIME: f64 = 40.0;

impl Traced {
    /// How large a share of the heap was in use, both at their most.
    fn utilisation(&self) -> f64 {
        self.memory.live as f64 / self.memory.yours.max(1) as f64
    }

    /// The same beside stage 3's.
    fn memory(&self) -> f64 {
        self.memory.ours as f64 / self.memory.yours.max(1) as f64
    }

    /// How fast it was, beside stage 3.
    fn speed(&self) -> f64 {
        self.times.map_or(0.0, |times| times.speed)
    }
}

impl Report {
    /// The marks for memory, for time, and together. To be better than stage 3
    /// in one trace does not make up for another.
    pub fn marks(&self) -> (f64, f64, f64) {
        if self.wrong.is_some() || self.traces.is_empty() {
            return (0.0, 0.0, 0.0);
        }
        let mean = |of: fn(&Traced) -> f64| {
            let sum: f64 = self.traces.iter().map(|it| of(it).min(1.0)).sum();
            sum / self.traces.len() as f64
        };
        let memory = MEMORY * mean(Traced::memory);
        let time = TIME * mean(Traced::speed);
        (memory, time, memory + time)
    }

    /// As it is printed.
    pub fn shown(&self, is_json: bool) -> String {
        match is_json {
            true => format!("{:#}\n", self.json()),
            false => self.text(),
        }
    }

    fn text(&self) -> String {
        let (memory, time, all) = self.marks();
        let mut text = String::new();
        let mut line = |line: String| {
            writeln!(text, "{}", line.trim_end()).expect("a string grows");
        };
        if let Some(wrong) = &self.wrong {
            line(format!("{} is not correct.", self.heap));
            line(wrong.clone());
            line("score 0 of 100".to_owned());
            return text;
        }
        line(format!(
            "{:18} {:>8} {:>9} {:>9}",
            "", "memory", "memory", "speed"
        ));
        line(format!(
            "{:18} {:>8} {:>9} {:>9}",
            "", "in use", "/ stage 3", "/ stage 3"
        ));
        for it in &self.traces {
            let (used, beside) = (100.0 * it.utilisation(), it.memory());
            let name = &it.name;
            line(match it.times {
                Some(Times { speed, .. }) => {
                    format!("{name:18} {used:6.1} % {beside:9.2} {speed:9.2}")
                }
                None => {
                    format!("{name:18} {used:6.1} % {beside:9.2}  too slow")
                }
            });
        }
        line(String::new());
        line(format!("memory {memory:6.1} of {MEMORY}"));
        line(format!("speed  {time:6.1} of {TIME}"));
        line(format!("score  {all:6.1} of {}", MEMORY + TIME));
        text
    }

    fn json(&self) -> Value {
        let (memory, time, all) = self.marks();
        let traces: Vec<Value> = self
            .traces
            .iter()
            .map(|it| {
                json!({
                    "name": it.name,
                    "live": it.memory.live,
                    "heap": it.memory.yours,
                    "heap_of_stage_3": it.memory.ours,
                    "ns": it.times.map(|times| times.yours),
                    "ns_of_stage_3": it.times.map(|times| times.ours),
                    "speed": it.times.map(|times| times.speed),
                })
            })
            .collect();
        json!({
            "heap": self.heap,
            "correct": self.wrong.is_none(),
            "wrong": self.wrong,
            "memory": memory,
            "speed": time,
            "score": all,
            "traces": traces,
        })
    }
}
