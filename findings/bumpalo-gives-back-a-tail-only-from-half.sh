#!/usr/bin/env bash
# In bumpalo, shrinking the newest block gives back nothing below one half.
#
# Version: the crate bumpalo =3.19.0.
# Behaviour: bumpalo goes downwards, so to free the end of its newest block it
#   has to move the block up. It does that only when the two places don't
#   overlap: from 10,000 bytes to 5,000 gives back 5,000, to 5,001 nothing.
#   The vector says that its capacity is 5,001 all the same.
# One would have guessed: the newest block of a bump allocator shrinks for
#   free, to the byte: the pointer moves back.
# Seen: "10000 to 9000: capacity 9000, back 0", "10000 to 5001: capacity 5001,
#   back 0", "10000 to 5000: capacity 5000, back 5000".
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
bumpalo = { version = "=3.19.0", features = ["collections"] }
END
cat >src/main.rs <<'END'
use bumpalo::{collections::Vec, Bump};
fn main() {
    for length in [9000, 5001, 5000] {
        let bump = Bump::with_capacity(1 << 16);
        let mut bytes: Vec<u8> = Vec::with_capacity_in(10000, &bump);
        bytes.resize(length, 1);
        let room = bump.chunk_capacity();
        bytes.shrink_to_fit();
        let back = bump.chunk_capacity() - room;
        let capacity = bytes.capacity();
        println!("10000 to {length}: capacity {capacity}, back {back}");
    }
}
END
seen=$(CARGO_TARGET_DIR=$dir/target cargo run -q --release)
echo "$seen"
expected="10000 to 9000: capacity 9000, back 0
10000 to 5001: capacity 5001, back 0
10000 to 5000: capacity 5000, back 5000"
[[ $seen == "$expected" ]] || { echo "expected: $expected" >&2; exit 1; }
