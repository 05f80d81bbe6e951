//! Threads whose calls nest, each by itself: what a pair of malloc and free
//! costs each of them.

use std::sync::Barrier;
use std::thread;

use crate::allocators::{
    BUMP, BUMPALO, Contender, NOTHING, ONE_STACK, PEERS, PER_THREAD, STAGE_4,
    more_peers,
};
use crate::measure::{self, Plan, in_turns, own_time};
use crate::nested::{Calls, Order};
use crate::results;

const THREADS: [usize; 3] = [1, 2, 4];

const DEPTH: usize = 100;

pub fn main(plan: Plan) {
    let ours = [NOTHING, BUMP, BUMPALO, PER_THREAD, ONE_STACK, STAGE_4];
    let mut contenders = [&ours[..], &PEERS, &more_peers()].concat();
    let names: Vec<_> = contenders.iter().map(|it| it.name).collect();
    let rounds = if plan.is_kept { 3000 } else { 10 };
    let mut rows = Vec::new();
    for threads in THREADS {
        let spreads = in_turns(plan.turns, &mut contenders, |contender| {
            measure(*contender, threads, rounds)
        });
        let results: Vec<_> = names.iter().copied().zip(spreads).collect();
        rows.extend(measure::rows(&[&threads.to_string()], &results));
    }
    let columns = [&["threads"][..], &measure::COLUMNS].concat();
    results::keep(plan, "threads", &columns, &rows);
}

/// Nanoseconds of a thread for a pair, on average.
fn measure(contender: Contender, threads: usize, rounds: usize) -> f64 {
    let start = Barrier::new(threads);
    let work = |seed: usize| {
        let mut allocator = (contender.new)();
        let mut calls = Calls::new(Order::LastFirst, seed as u64);
        start.wait();
        calls.call(&mut *allocator, DEPTH);
        let before = own_time();
        let pairs: usize =
            (0..rounds).map(|_| calls.call(&mut *allocator, DEPTH)).sum();
        (own_time() - before) / pairs as f64
    };
    let times: Vec<f64> = thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> =
            (0..threads).map(|it| scope.spawn(move || work(it))).collect();
        let join = |it: thread::ScopedJoinHandle<_>| it.join();
        threads.into_iter().map(|it| join(it).expect("no panic")).collect()
    });
    times.iter().sum::<f64>() / threads as f64
}
