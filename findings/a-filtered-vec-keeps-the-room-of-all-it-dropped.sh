#!/usr/bin/env bash
# In Rust, filter and collect to one number of a million pairs keep 16 MB.
#
# Version: Rust 1.95.0.
# Behaviour: collecting from a Vec's own iterator writes the result into the
#   old buffer and keeps all of it: filter, skip or take leave one element with
#   room for a million, and no call of the allocator at all. It does so for a
#   smaller type of the same alignment too: the pairs' first halves get room
#   for two million. A map to u8, whose alignment differs, makes a buffer of
#   the right size; so does an iterator of which more than half was taken by
#   hand before.
# One would have guessed: collect makes a vector about as large as its content
#   (from four elements up by doubling); in place, it cuts the rest off.
# Seen, elements and capacity: "filter: 1 1000000", "skip: 1 1000000",
#   "take: 1 1000000", "filter, half of a pair: 1 2000000",
#   "filter, map to u8: 1 8", "nth, then collect: 9 9".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

export RUSTUP_TOOLCHAIN=1.95.0
version=$(rustc --version)
[[ $version == "rustc 1.95.0 "* ]] || { echo "$version" >&2; exit 1; }
cat >collect.rs <<'END'
fn million() -> std::vec::IntoIter<u64> {
    (0..1_000_000).collect::<Vec<u64>>().into_iter()
}
fn show<T>(name: &str, result: Vec<T>) {
    println!("{name}: {} {}", result.len(), result.capacity());
}
fn main() {
    show("filter", million().filter(|n| *n == 5).collect::<Vec<_>>());
    show("skip", million().skip(999_999).collect::<Vec<_>>());
    show("take", million().take(1).collect::<Vec<_>>());
    let pairs: Vec<(u64, u64)> = million().map(|n| (n, n)).collect();
    let one = pairs.into_iter().filter(|p| p.0 == 5).map(|p| p.0);
    show("filter, half of a pair", one.collect::<Vec<_>>());
    let one = million().filter(|n| *n == 5).map(|n| n as u8);
    show("filter, map to u8", one.collect::<Vec<_>>());
    let mut rest = million();
    rest.nth(999_990);
    show("nth, then collect", rest.collect::<Vec<_>>());
}
END
rustc -O collect.rs
seen=$(./collect)
echo "$seen"
expected="filter: 1 1000000
skip: 1 1000000
take: 1 1000000
filter, half of a pair: 1 2000000
filter, map to u8: 1 8
nth, then collect: 9 9"
[[ $seen == "$expected" ]] || { echo "expected: $expected" >&2; exit 1; }
