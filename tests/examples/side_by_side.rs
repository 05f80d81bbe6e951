//! Asks all heaps for all properties, and prints what does not hold. With `keep`
//! it also writes the file that the book's table is drawn from.
//!
//! ```text
//! cargo run -p tests --example side_by_side
//! cargo run -p tests --example side_by_side -- keep
//! ```

use std::{env, fs};

use tests::matrix::{
    OURS, PEERS, Run, Seen, ask_all, kept, properties, remembered, table,
};
use timing::progress::Progress;

fn main() {
    let keep = env::args().nth(1).is_some_and(|it| it == "keep");
    let cells = properties().count() * (OURS.len() + PEERS.len());
    let progress = Progress::new(cells);
    let done = |id: &str| progress.step(id);
    let (ours, peers) = (ask_all(&OURS, done), ask_all(&PEERS, done));
    drop(progress);
    print(&ours, &peers);
    if keep {
        let before = fs::read_to_string(kept()).unwrap_or_default();
        let peers = remembered(peers, &before);
        fs::write(kept(), table(&ours, &peers)).expect("a file to write to");
        println!("\n{} is written", kept().display());
    }
}

/// A line for each property that is not true of all heaps.
fn print(ours: &Run, peers: &Run) {
    let seen = ours.seen.iter().zip(&peers.seen);
    for (property, (ours, peers)) in properties().zip(seen) {
        let all: Vec<&Seen> = ours.iter().chain(peers).collect();
        if all.iter().any(|it| !matches!(it, Seen::Holds)) {
            println!("{}", property.row.fact);
        }
        let columns = OURS.iter().chain(&PEERS);
        for (column, seen) in columns.zip(all) {
            if *seen != Seen::Holds {
                println!("    {:<10}  {seen}", column.name);
            }
        }
    }
}
