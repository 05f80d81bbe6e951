//! A Rust program whose memory all comes from the stacks of its threads: the
//! standard collections, in several threads. (The test harness is part of it.)

// Where there is no address space to reserve, there are no such stacks.
#![cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]

use std::alloc::{GlobalAlloc, Layout};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::slice;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use stage5_lifo_stack::per_thread::global::PerThread;
use stage5_lifo_stack::per_thread::threads;

#[global_allocator]
static HEAP: PerThread = PerThread;

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

/// The sum of all numbers, through collections of two more kinds.
fn sum(rests: HashMap<String, Vec<u64>>) -> u64 {
    let sorted: BTreeMap<String, VecDeque<u64>> =
        rests.into_iter().map(|(rest, of)| (rest, of.into())).collect();
    sorted.into_values().flatten().sum()
}

#[test]
fn what_a_program_allocates_lies_on_our_stacks() {
    let boxed = Box::new([7_u8; 100]);
    let payload = Box::into_raw(boxed).cast::<u8>();
    // SAFETY: it is a block, or this would end the process.
    let usable = unsafe { threads::usable_size(payload) };
    assert_eq!(usable, 104, "100 bytes and a record, in multiples of 16");
    // SAFETY: it was a box, and has no other owner.
    drop(unsafe { Box::from_raw(payload.cast::<[u8; 100]>()) });
}

#[test]
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

#[test]
fn zeroed_memory_is_zero_whatever_its_alignment_and_size() {
    for align in [1, 16, 64, 4096] {
        for size in [1, 100, 1000, 5000, 60_000, 300_000] {
            let layout =
                Layout::from_size_align(size, align).expect("a layout");
            // The second time it was used before.
            for _ in 0..2 {
                // SAFETY: the layout is that of some bytes; they are freed once.
                unsafe {
                    let block = HEAP.alloc_zeroed(layout);
                    assert_eq!(block.addr() % align, 0, "modulo {align}");
                    let bytes = slice::from_raw_parts(block, size);
                    let zeroes = bytes.iter().filter(|&&it| it == 0).count();
                    assert_eq!(zeroes, size, "zeroes, aligned to {align}");
                    block.write_bytes(255, size);
                    HEAP.dealloc(block, layout);
                }
            }
        }
    }
}

#[test]
fn realloc_keeps_the_contents_and_the_alignment() {
    for align in [1, 16, 64, 4096] {
        let mut layout = Layout::from_size_align(1, align).expect("a layout");
        // SAFETY: the layout is that of some bytes, and what is written is live.
        unsafe {
            let mut block = HEAP.alloc(layout);
            block.write(1);
            for size in [10, 1000, 1001, 70_000, 400_000, 900, 5] {
                block = HEAP.realloc(block, layout, size);
                let kept =
                    slice::from_raw_parts(block, size.min(layout.size()));
                let same = kept.iter().filter(|&&it| it == 1).count();
                assert_eq!(same, kept.len(), "kept, aligned to {align}");
                assert_eq!(block.addr() % align, 0, "modulo {align}");
                block.write_bytes(1, size);
                layout = Layout::from_size_align(size, align).expect("one");
            }
            HEAP.dealloc(block, layout);
        }
    }
}
