#!/usr/bin/env bash
# Vec::sort on a vector that is sorted already allocates all of it once more.
#
# Version: Rust 1.95.0.
# Behaviour: the buffer is taken before a single element is looked at. Up to
#   8,000,000 bytes it has room for every element, above for half of them. For
#   a million u64 in order it asks for 8,000,000 bytes, and writes to none of
#   them; for two million, in order, for 8,000,000 too. Up to 4 KiB it
#   sorts on the stack, and sort_unstable never allocates.
# One would have guessed: a merge sort needs a buffer for half, and one that
#   finds runs by itself needs none for a single run.
# Seen, bytes asked for by sort: "512 in order: 0", "600 in order: 4800",
#   "1000000 in order: 8000000", "2000000 in order: 8000000",
#   "10000000 in order: 40000000".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

export RUSTUP_TOOLCHAIN=1.95.0
version=$(rustc --version)
[[ $version == "rustc 1.95.0 "* ]] || { echo "$version" >&2; exit 1; }
cat >sorting.rs <<'END'
use std::alloc::{GlobalAlloc, Layout, System};
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
fn main() {
    for count in [512, 600, 1_000_000, 2_000_000, 10_000_000] {
        let mut numbers: Vec<u64> = (0..count).collect();
        let before = BYTES.load(Relaxed);
        numbers.sort();
        let asked = BYTES.load(Relaxed) - before;
        println!("{count} in order: {asked}");
    }
}
END
rustc -O sorting.rs
seen=$(./sorting)
echo "$seen"
expected="512 in order: 0
600 in order: 4800
1000000 in order: 8000000
2000000 in order: 8000000
10000000 in order: 40000000"
[[ $seen == "$expected" ]] || { echo "expected: $expected" >&2; exit 1; }
