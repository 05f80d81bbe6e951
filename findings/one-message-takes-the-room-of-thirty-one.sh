#!/usr/bin/env bash
# The first message sent through a channel, and the first entry of a BTreeMap,
# take room for 31 and for 11.
#
# Version: Rust 1.95.0.
# Behaviour: std's unbounded channel is a list of blocks of 31 messages, all
#   in place; a B-tree's leaf has 11 keys and values, all in place. Small
#   messages make it cheap. A message of 4 KiB costs 127,232 bytes, a map with
#   one value of 1 KiB 11,368. A thousand such maps of one entry are 11 MB.
# One would have guessed: a channel has a node for each message or grows like a
#   vector from four; a map with one entry has about the size of the entry.
# Seen, bytes asked for: "new channel: 512, first message of 4096: 127232,
#   second: 0", "new map: 0, first value of 1024: 11368, second: 0",
#   "new VecDeque: 0, first value of 1024: 4096, second: 0".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

export RUSTUP_TOOLCHAIN=1.95.0
version=$(rustc --version)
[[ $version == "rustc 1.95.0 "* ]] || { echo "$version" >&2; exit 1; }
cat >first.rs <<'END'
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
struct Counting;
static BYTES: AtomicUsize = AtomicUsize::new(0);
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}
#[global_allocator]
static COUNTING: Counting = Counting;
fn asked<R>(work: impl FnOnce() -> R) -> (usize, R) {
    let before = BYTES.load(Relaxed);
    let result = work();
    (BYTES.load(Relaxed) - before, result)
}
fn main() {
    let (new, (sender, _receiver)) =
        asked(|| std::sync::mpsc::channel::<[u8; 4096]>());
    let first = asked(|| sender.send([1; 4096]).unwrap()).0;
    let second = asked(|| sender.send([2; 4096]).unwrap()).0;
    println!(
        "new channel: {new}, first message of 4096: {first}, second: {second}"
    );
    let (new, mut map) = asked(BTreeMap::new);
    let first = asked(|| map.insert(1u64, [1u8; 1024])).0;
    let second = asked(|| map.insert(2u64, [2u8; 1024])).0;
    println!("new map: {new}, first value of 1024: {first}, second: {second}");
    let (new, mut queue) = asked(VecDeque::new);
    let first = asked(|| queue.push_back([1u8; 1024])).0;
    let second = asked(|| queue.push_back([2u8; 1024])).0;
    println!(
        "new VecDeque: {new}, first value of 1024: {first}, second: {second}"
    );
}
END
rustc -O first.rs
seen=$(./first)
echo "$seen"
expected="new channel: 512, first message of 4096: 127232, second: 0
new map: 0, first value of 1024: 11368, second: 0
new VecDeque: 0, first value of 1024: 4096, second: 0"
[[ $seen == "$expected" ]] || { echo "expected: $expected" >&2; exit 1; }
