//! A Rust program whose memory all comes from our heap: the standard
//! collections in several threads. (The test harness is part of it.)

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

#[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
mod ours {
    use stage5_lifo_stack::{Heap, LockedHeap, Mutex, ReservedBrk};

    /// Room for all that the tests ever allocate.
    const CHUNKS: usize = 1 << 20;

    #[global_allocator]
    static HEAP: LockedHeap<ReservedBrk, CHUNKS> =
        LockedHeap::new(Mutex::new(Heap::new(ReservedBrk::new())));

    /// Whether something at `address` lies in a block of the heap.
    pub fn has(address: usize) -> bool {
        HEAP.heap.lock().chunks().iter().any(|chunk| {
            (chunk.start.addr()..chunk.end.addr()).contains(&address)
                && !chunk.start.is_null()
        })
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu", not(miri))))]
mod ours {
    pub fn has(_address: usize) -> bool {
        false
    }
}

const THREADS: u64 = 4;
const ROUNDS: u64 = 50;

/// Of the numbers from 1 to 300, those that leave each rest modulo `modulus`.
fn rests(modulus: u64) -> HashMap<String, Vec<u64>> {
    let mut rests: HashMap<String, Vec<u64>> = HashMap::new();
    for number in 1..=300 {
        let rest = format!("rest {}", number % modulus);
        rests.entry(rest).or_default().push(number);
    }
    rests
}

/// The sum of all numbers, through collections of three more kinds.
fn sum(rests: HashMap<String, Vec<u64>>) -> u64 {
    let sorted: BTreeMap<String, VecDeque<u64>> =
        rests.into_iter().map(|(rest, of)| (rest, of.into())).collect();
    let mut sums: Vec<Box<u64>> = Vec::new();
    for (_, mut numbers) in sorted {
        let mut sum = 0;
        while let Some(number) = numbers.pop_front() {
            sum += number;
        }
        sums.push(Box::new(sum));
    }
    sums.into_iter().map(|sum| *sum).sum()
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
#[cfg_attr(miri, ignore = "Miri reserves no address space")]
fn what_a_program_allocates_lies_in_our_heap() {
    let boxed = Box::new(7);
    let local = 7;
    assert!(ours::has((&raw const *boxed).addr()), "a box");
    assert!(!ours::has((&raw const local).addr()), "a local variable");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
#[cfg_attr(miri, ignore = "Miri reserves no address space")]
fn the_collections_work_in_many_threads() {
    let (sender, receiver) = mpsc::channel();
    for thread in 1..=THREADS {
        let sender = sender.clone();
        thread::spawn(move || {
            for round in 1..=ROUNDS {
                sender.send(rests(thread * round)).expect("a receiver");
            }
        });
    }
    drop(sender);

    // What one thread has allocated, another takes apart and frees.
    let mut maps = 0;
    for rests in receiver {
        maps += 1;
        let sum = thread::spawn(|| sum(rests)).join().expect("no panic");
        assert_eq!(sum, 300 * 301 / 2, "the sum of 1 to 300, map {maps}");
    }
    assert_eq!(maps, THREADS * ROUNDS, "maps");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
#[cfg_attr(miri, ignore = "Miri reserves no address space")]
fn a_vector_that_grows_keeps_what_it_holds() {
    /// More than malloc promises.
    #[derive(Clone, Copy, PartialEq, Debug)]
    #[repr(align(64))]
    struct Line(u64);

    let shared = Arc::new(());
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let shared = shared.clone();
            thread::spawn(move || {
                let mut lines = Vec::new();
                for number in 0..3000 {
                    lines.push((Line(number), shared.clone()));
                    let last = &raw const lines[lines.len() - 1];
                    assert_eq!(last.addr() % 64, 0, "the address modulo 64");
                }
                let right = lines
                    .iter()
                    .zip(0..)
                    .all(|((line, _), number)| *line == Line(number));
                assert!(right, "a line is not what it was");
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    assert_eq!(Arc::strong_count(&shared), 1, "all are dropped");
}
