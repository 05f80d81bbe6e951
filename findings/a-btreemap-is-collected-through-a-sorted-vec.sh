#!/usr/bin/env bash
# A BTreeMap that is collected stands in a Vec first, and is sorted there.
#
# Version: Rust 1.95.0, x86-64 Linux with glibc.
# Behaviour: collect() puts all pairs into one Vec, sorts that with a merge sort,
#   which takes as much room again, and makes the tree of what is sorted. Inserting
#   the same pairs one by one asks for no block larger than a node. So a map of half
#   a million pairs of 16 bytes, collected, asks for a block of 8,000,000 bytes and
#   for another one beside it before the first node is there. Pairs with equal keys
#   are all in there: where each key comes ten times, the map that is left has a
#   twelfth of what was needed to make it.
# One would have guessed: collect() inserts what comes, as a loop does, and a tree
#   never needs its memory in one piece.
# Seen, the largest request and the most bytes at a time: collected 8000000 and
#   17092160, inserted 288 and 15599232; each key ten times, collected 8000000 and
#   16000000, inserted 288 and 1356192.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

export RUSTUP_TOOLCHAIN=1.95.0
version=$(rustc --version)
[[ $version == "rustc 1.95.0 "* ]] || { echo "$version" >&2; exit 1; }
cat >collect.rs <<'END'
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
struct Counting;
static LIVE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
static LARGEST: AtomicUsize = AtomicUsize::new(0);
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(live, Relaxed);
        LARGEST.fetch_max(layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}
#[global_allocator]
static COUNTING: Counting = Counting;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let keys: u64 = args[2].parse().unwrap();
    let pairs = (0..500_000u64).map(|at| (at * 7_919 % keys, at));
    LARGEST.store(0, Relaxed);
    let before = LIVE.load(Relaxed);
    MOST.store(before, Relaxed);
    let map: BTreeMap<u64, u64> = match args[1].as_str() {
        "collected" => pairs.collect(),
        _ => {
            let mut map = BTreeMap::new();
            for (key, value) in pairs {
                map.insert(key, value);
            }
            map
        }
    };
    let most = MOST.load(Relaxed) - before;
    println!("{} {} {}", map.len(), LARGEST.load(Relaxed), most);
}
END
rustc -O -o collect collect.rs
expect() { # way, keys, pairs left, lowest and highest of the largest, of the most
    local left largest most
    read -r left largest most < <(./collect "$1" "$2")
    echo "$1, $2 keys: $left left, largest $largest, most $most"
    ((left == $3 && largest >= $4 && largest <= $5 &&
        most >= $6 && most <= $7)) || {
        echo "$1, $2 keys: expected another" >&2
        exit 1
    }
}
expect collected 500000 500000 8000000 8000000 12000000 30000000
expect inserted 500000 500000 200 400 12000000 18000000
expect collected 50000 50000 8000000 8000000 12000000 20000000
expect inserted 50000 50000 200 400 1000000 2000000
