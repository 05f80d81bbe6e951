#!/usr/bin/env bash
# Freeing every other block of a buddy allocator takes quadratic time.
#
# Version: the crate buddy_system_allocator =0.11.0.
# Behaviour: a block's buddy has a known address, but whether it is free is
#   found by searching the list of free blocks of that size from its start.
#   Freed in reverse, the buddy is always found at once. If each freed block's
#   buddy is still alive, the list only grows and each search goes through all
#   of it: twice the blocks, four times the work, or more beyond the cache.
# One would have guessed: a buddy system's free is one look at the buddy for
#   each doubling, some 20 steps at most; that is what it is chosen for.
# Seen for 2,000 and for 8,000 blocks of 64 bytes, microseconds (one machine;
#   what is tested is the ratio): "reverse: 17 71", "every other: 36255
#   513992".
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
buddy_system_allocator = "=0.11.0"
END
cat >src/main.rs <<'END'
use buddy_system_allocator::Heap;
use std::{alloc::Layout, time::Instant};
fn microseconds(count: usize, every_other: bool) -> u128 {
    const SIZE: usize = 64 << 20;
    let memory = vec![0u8; SIZE].leak();
    let mut heap = Heap::<32>::empty();
    unsafe { heap.init(memory.as_mut_ptr() as usize, SIZE) };
    let layout = Layout::from_size_align(64, 8).unwrap();
    let step = if every_other { 2 } else { 1 };
    let blocks: Vec<_> =
        (0..count * step).map(|_| heap.alloc(layout).unwrap()).collect();
    let start = Instant::now();
    for block in blocks.iter().rev().step_by(step) {
        heap.dealloc(*block, layout);
    }
    start.elapsed().as_micros()
}
fn main() {
    for every_other in [false, true] {
        let [few, many] = [2_000, 8_000].map(|count| {
            (0..3).map(|_| microseconds(count, every_other)).min().unwrap()
        });
        println!("{few} {many}");
    }
}
END
{
    read -r reverse_few reverse_many
    read -r other_few other_many
} < <(CARGO_TARGET_DIR=$dir/target cargo run -q --release)
echo "reverse: $reverse_few $reverse_many microseconds"
echo "every other: $other_few $other_many microseconds"
if ((other_many < 6 * other_few || other_many < 100 * reverse_many)); then
    echo "expected every other to take over 6 times as long for 4 times the" \
        "blocks, and over 100 times as long as in reverse" >&2
    exit 1
fi
