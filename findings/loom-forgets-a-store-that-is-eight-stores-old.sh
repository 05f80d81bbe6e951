#!/usr/bin/env bash
# Of more than seven stores to one atomic, loom shows the last seven only.
#
# Version: the crate loom =0.7.2.
# Behaviour: loom runs a test under all orders that the memory model allows. A
#   thread stores 1 to N, Relaxed, and then sets a flag, Relaxed; who sees the
#   flag may still read any value from 0 on. Up to six stores loom tries them
#   all. From seven on only the last seven stores are kept, 0 counting as one,
#   and the rest of the model is skipped without a word: the test passes. A
#   lock, list or counter whose fault needs a value that is eight stores old
#   is reported as proved.
# One would have guessed: within its limits (threads, branches, which end in an
#   error when they are reached) the search is complete.
# Seen, the values read after the flag: "5 stores: 0 to 5", "6 stores: 0 to 6",
#   "7 stores: 1 to 7", "9 stores: 3 to 9", "12 stores: 6 to 12".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

mkdir -p src
cat >Cargo.toml <<'END'
[package]
name = "finding"
version = "0.1.0"
edition = "2021"
[dependencies]
loom = "=0.7.2"
END
cat >src/main.rs <<'END'
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
fn main() {
    for stores in [5, 6, 7, 9, 12usize] {
        let read = Arc::new(Mutex::new(BTreeSet::new()));
        let reads = read.clone();
        loom::model(move || {
            let value = loom::sync::Arc::new(AtomicUsize::new(0));
            let flag = loom::sync::Arc::new(AtomicUsize::new(0));
            let (value2, flag2) = (value.clone(), flag.clone());
            let writer = loom::thread::spawn(move || {
                for number in 1..=stores {
                    value2.store(number, Relaxed);
                }
                flag2.store(1, Relaxed);
            });
            if flag.load(Relaxed) == 1 {
                reads.lock().unwrap().insert(value.load(Relaxed));
            }
            writer.join().unwrap();
        });
        let read = read.lock().unwrap();
        let (low, high) = (read.first().unwrap(), read.last().unwrap());
        assert_eq!(read.len(), high - low + 1);
        println!("{stores} stores: {low} to {high}");
    }
}
END
seen=$(CARGO_TARGET_DIR=$dir/target cargo run -q)
echo "$seen"
expected="5 stores: 0 to 5
6 stores: 0 to 6
7 stores: 1 to 7
9 stores: 3 to 9
12 stores: 6 to 12"
[[ $seen == "$expected" ]] || { echo "expected: $expected" >&2; exit 1; }
