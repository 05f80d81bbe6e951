#!/usr/bin/env bash
# A vec! of uninitialized bytes is written byte by byte, unless it is optimized.
#
# Version: Rust 1.95.0, x86-64 Linux with glibc.
# Behaviour: vec![MaybeUninit::uninit(); n] clones its element n times. There is
#   nothing to copy, and it is copied: in a build without optimization 256 MiB are
#   resident before the vector is used, after a loop of 256 million rounds.
#   resize does the same. Box::new_uninit_slice asks for the memory and leaves
#   it alone in every build. From opt-level 1 on all three are the same.
# One would have guessed: MaybeUninit::uninit() says that no byte matters, so
#   none is written; or vec! has a way of its own for it, as it has for zeroes.
# Seen, the most that was resident in KiB, at opt-level 0 and 1: vec 263948 and
#   1988, resize 263908 and 1984, box 1952 and 2080.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

export RUSTUP_TOOLCHAIN=1.95.0
version=$(rustc --version)
[[ $version == "rustc 1.95.0 "* ]] || { echo "$version" >&2; exit 1; }
cat >uninit.rs <<'END'
use std::hint::black_box;
use std::mem::MaybeUninit;
fn main() {
    let len = 256 << 20;
    match std::env::args().nth(1).unwrap().as_str() {
        "vec" => drop(black_box(vec![MaybeUninit::<u8>::uninit(); len])),
        "resize" => {
            let mut bytes = Vec::new();
            bytes.resize(len, MaybeUninit::<u8>::uninit());
            drop(black_box(bytes));
        }
        _ => drop(black_box(Box::<[u8]>::new_uninit_slice(len))),
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let most = status.lines().find(|it| it.starts_with("VmHWM:")).unwrap();
    println!("{}", most.split_whitespace().nth(1).unwrap());
}
END
expect() { # opt-level, way, lowest, highest
    local seen
    seen=$("./uninit$1" "$2")
    echo "opt-level $1, $2: $seen"
    ((seen >= $3 && seen <= $4)) || {
        echo "opt-level $1, $2: expected $3 to $4 KiB, seen $seen" >&2
        exit 1
    }
}
for level in 0 1; do
    rustc -C opt-level="$level" -o "uninit$level" uninit.rs
done
expect 0 vec 262144 280000
expect 0 resize 262144 280000
expect 0 box 0 20000
for way in vec resize box; do
    expect 1 "$way" 0 20000
done
