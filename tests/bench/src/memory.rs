//! How much memory the recordings of real programs take, on each allocator: in
//! a fresh process, with every byte written to.

use std::fs;

use crate::allocators::{
    ADDITIONS, NOTHING, ONE_STACK, PEERS, PER_THREAD, STAGE_3, STAGE_4, by_name,
};
use crate::measure::Plan;
use crate::results::{self, in_a_fresh_process};
use crate::trace::{self, Trace};
use crate::traces::{Replay, Touch};

pub fn main(plan: Plan) {
    let ours = [ONE_STACK, STAGE_3, STAGE_4, PER_THREAD];
    let contenders = [&PEERS[..], &ours, &ADDITIONS].concat();
    let mut rows = Vec::new();
    for program in trace::names() {
        let live = most_live(&Trace::load(&program));
        let alone = peak(NOTHING.name, &program)[0];
        for contender in &contenders {
            let [memory, heap] = peak(contender.name, &program)[..] else {
                panic!("two numbers")
            };
            rows.push(vec![
                program.clone(),
                contender.name.to_owned(),
                live.to_string(),
                format!("{:.0}", (memory - alone).max(0.0)),
                format!("{heap:.0}"),
            ]);
        }
    }
    let columns = ["program", "allocator", "live", "memory", "heap"];
    results::keep(plan, "trace-memory", &columns, &rows);
}

fn peak(allocator: &str, program: &str) -> Vec<f64> {
    in_a_fresh_process(&["in-memory", allocator, program])
}

/// The most bytes that a program had at one time.
fn most_live(trace: &Trace) -> usize {
    let mut sizes = Vec::new();
    let (mut live, mut most) = (0, 0);
    for event in &trace.events {
        match event.what {
            trace::What::Allocate { size, .. } => {
                live += size;
                sizes.push(size);
            }
            trace::What::Resize { block, size } => {
                let old = &mut sizes[block as usize];
                live = live - *old + size;
                *old = size;
            }
            trace::What::Free { block } => live -= sizes[block as usize],
        }
        most = most.max(live);
    }
    most as usize
}

/// Prints the most memory that a recording takes, and the most that the
/// allocator's break had, 0 if it does not tell.
pub fn child(allocator: &str, program: &str) {
    let contender = by_name(allocator);
    let mut allocator = (contender.new)();
    let trace = Trace::load(program);
    let mut replay = Replay::new(&trace);
    let before = memory();
    forget_most();
    let touch = if contender.name == NOTHING.name {
        Touch::Nothing
    } else {
        Touch::AllBytes
    };
    replay.run(&mut *allocator, touch);
    let most = most_memory().saturating_sub(before);
    println!("{most} {}", allocator.most().unwrap_or(0));
}

/// The bytes of memory that this process has.
pub fn memory() -> usize {
    status("VmRSS:")
}

/// The most bytes of memory that this process had.
pub fn most_memory() -> usize {
    status("VmHWM:")
}

/// Begins anew to look for the most: see proc_pid_clear_refs(5).
pub fn forget_most() {
    fs::write("/proc/self/clear_refs", "5").expect("it may be written");
}

fn status(key: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("it is there");
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let number = number.and_then(|number| number.parse::<usize>().ok());
    number.expect("a number of KiB") * 1024
}
