//! How the heap grows and shrinks while the recording of a real program is asked
//! again: each allocator in a fresh process, with every byte written to.

use crate::allocators::{
    ONE_STACK, PEERS, PER_THREAD, STAGE_1, STAGE_2, STAGE_3, by_name,
};
use crate::measure::Plan;
use crate::memory::lives;
use crate::results::{self, in_fresh_processes};
use crate::trace::Trace;
use crate::traces::{Replay, Touch};

/// A compiler, an interpreter, a server, and one with so many small blocks that
/// headers count.
const PROGRAMS: [&str; 4] = ["cc1", "python3", "redis", "perl"];

/// How often to look.
const POINTS: usize = 200;

pub fn main(plan: Plan) {
    let ours = [STAGE_1, STAGE_2, STAGE_3, ONE_STACK, PER_THREAD];
    let contenders = [&ours[..], &PEERS[..1]].concat();
    // Stage 2 takes half a minute for the interpreter.
    let programs = if plan.is_kept { &PROGRAMS[..] } else { &PROGRAMS[3..] };
    let jobs: Vec<_> = programs
        .iter()
        .flat_map(|program| {
            contenders.iter().map(|it| ["in-over-time", it.name, program])
        })
        .collect();
    let results = in_fresh_processes(&jobs);
    let mut rows = Vec::new();
    for (&[_, name, program], heaps) in jobs.iter().zip(results) {
        let lives = lives(&Trace::load(program));
        let mut events = 0;
        for (lives, heap) in lives.chunks(step(lives.len())).zip(heaps) {
            events += lives.len();
            rows.push(vec![
                program.to_owned(),
                name.to_owned(),
                events.to_string(),
                lives[lives.len() - 1].to_string(),
                format!("{heap:.0}"),
            ]);
        }
    }
    let columns = ["program", "allocator", "event", "live", "heap"];
    results::keep(plan, "heap-over-time", &columns, &rows);
}

/// After how many events to look, of so many in all.
fn step(events: usize) -> usize {
    events.div_ceil(POINTS)
}

/// Prints how many bytes the allocator's heap had, each time.
pub fn child(allocator: &str, program: &str) {
    let contender = by_name(allocator);
    let mut allocator = (contender.new)();
    let trace = Trace::load(program);
    let step = step(trace.events.len());
    let mut heaps = Vec::with_capacity(POINTS);
    let mut replay = Replay::new(&trace);
    replay.run_and_look(&mut *allocator, Touch::AllBytes, step, |allocator| {
        heaps.push(allocator.heap().expect("it tells"))
    });
    for heap in heaps {
        println!("{heap}");
    }
}
