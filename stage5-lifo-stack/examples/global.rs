//! A Rust program with threads, all of whose memory comes from our heap.
//!
//! ```text
//! cargo run -p stage5-lifo-stack --example global
//! ```

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod program {
    use std::collections::HashMap;
    use std::sync::mpsc;
    use std::thread;

    use stage5_lifo_stack::{Heap, LockedHeap, Mutex, ReservedBrk};

    /// More than the program has at one time, and what waits under that.
    const CHUNKS: usize = 1 << 16;

    #[global_allocator]
    static HEAP: LockedHeap<ReservedBrk, CHUNKS> =
        LockedHeap::new(Mutex::new(Heap::new(ReservedBrk::new())));

    const THREADS: usize = 4;

    /// Four threads count words, and send what they counted to the first.
    pub fn main() {
        let (sender, receiver) = mpsc::channel();
        for number in 0..THREADS {
            let sender = sender.clone();
            thread::spawn(move || {
                for round in 0..100 {
                    let text = text(number, round);
                    sender.send(count(&text)).expect("somebody receives");
                }
            });
        }
        drop(sender);

        let mut counts: HashMap<String, usize> = HashMap::new();
        for part in receiver {
            for (word, count) in part {
                *counts.entry(word).or_default() += count;
            }
        }
        let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
        counts.sort();
        for (word, count) in counts {
            println!("{count:6} {word}");
        }
        report();
    }

    fn text(number: usize, round: usize) -> String {
        let words = ["block", "break", "free", "header", "heap", "lock"];
        let word = |i: usize| words[(i * i + number + round) % words.len()];
        (0..1000).map(word).collect::<Vec<_>>().join(" ")
    }

    fn count(text: &str) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for word in text.split(' ') {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
        counts
    }

    /// Nothing may be allocated while the lock is held: first the numbers, then
    /// the line.
    fn report() {
        let (mut chunks, mut used, mut free) = (0, 0, 0);
        {
            let heap = HEAP.heap.lock();
            for chunk in heap.chunks().iter().skip(1) {
                let bytes = chunk.end.addr() - chunk.start.addr();
                chunks += 1;
                *if chunk.free { &mut free } else { &mut used } += bytes;
            }
        }
        println!("{chunks} chunks: {used} bytes in use, {free} wait");
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    program::main();
}
