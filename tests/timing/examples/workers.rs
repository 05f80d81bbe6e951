//! A Rust program with threads and collections, for recordings. Four threads
//! count words: either in texts that the first thread sends them through a
//! queue, and it adds up what they count; or each in texts of its own.
//!
//! ```text
//! cargo run -p timing --example workers -- queue
//! cargo run -p timing --example workers -- apart
//! ```

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::{env, thread};

const THREADS: usize = 4;
const TEXTS: usize = 600;

/// How often each word occurs in a text.
type Counts = HashMap<String, usize>;

/// How often each word occurs in many texts.
type Sum = BTreeMap<String, usize>;

fn main() {
    let all = match env::args().nth(1).as_deref() {
        Some("queue") => with_a_queue(),
        Some("apart") => apart(),
        _ => panic!("queue or apart?"),
    };
    let most = all.iter().max_by_key(|(_, count)| **count);
    let (word, count) = most.expect("there are words");
    println!("{} words; most often, {count} times: {word}", all.len());
}

/// Adds up what was counted in many texts.
fn together(results: impl IntoIterator<Item = Counts>) -> Sum {
    let mut sum = Sum::new();
    for counts in results {
        add(&mut sum, counts);
    }
    sum
}

fn add(sum: &mut Sum, counts: impl IntoIterator<Item = (String, usize)>) {
    for (word, count) in counts {
        *sum.entry(word).or_default() += count;
    }
}

/// The first thread writes the texts, the others count and send their counts.
fn with_a_queue() -> Sum {
    let (texts, receiver) = channel();
    let receiver = Mutex::new(receiver);
    let (sender, results) = channel();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| count_what_comes(&receiver, sender.clone()));
        }
        for number in 0..TEXTS {
            texts.send(text(number)).expect("a thread listens");
        }
        drop(texts);
    });
    drop(sender);
    together(results)
}

fn count_what_comes(texts: &Mutex<Receiver<String>>, results: Sender<Counts>) {
    loop {
        let text = texts.lock().expect("nobody panics").recv();
        let Ok(text) = text else { return };
        results.send(count(&text)).expect("somebody receives");
    }
}

/// Each thread writes texts of its own, counts, and adds up.
fn apart() -> Sum {
    let work = |first: usize| {
        let numbers = (first..TEXTS).step_by(THREADS);
        together(numbers.map(|number| count(&text(number))))
    };
    let mut sum = Sum::new();
    thread::scope(|scope| {
        let spawn = |first| scope.spawn(move || work(first));
        let threads: Vec<_> = (0..THREADS).map(spawn).collect();
        for thread in threads {
            add(&mut sum, thread.join().expect("nobody panics"));
        }
    });
    sum
}

fn count(text: &str) -> Counts {
    let mut counts = Counts::new();
    for word in text.split_whitespace() {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    counts
}

/// A few lines of a little over a hundred words, each text another one.
fn text(number: usize) -> String {
    let word = |i: usize| format!("Word{}", (i * i + number * 31) % 997);
    let line = |at: usize| {
        (0..12).map(|i| word(at * 12 + i)).collect::<Vec<_>>().join(" ")
    };
    (0..10).map(line).collect::<Vec<_>>().join("\n")
}
