#!/usr/bin/env bash
# The clone of a hash map that was emptied is as large as the map once was.
#
# Version: Rust 1.95.0; libstdc++ of g++ 12.2.0; Python 3.11.2; x86-64 Linux.
# Behaviour: clone() of a HashMap or a HashSet asks for as many buckets as the
#   original has, also if a million entries were removed before and one is left, or
#   none. So does the copy of a std::unordered_map. A Vec's clone has the capacity of
#   its length, and Python's dict.copy() makes a table for what is there. Collecting
#   what is in the map, in place of cloning it, gives a small one.
# One would have guessed: a copy is made for what is in it, as that of a Vec is; who
#   wants to be rid of a map's old room clones it.
# Seen, bytes that the copy asked for, of a million pairs of 16 bytes: all of them
#   35651600; one left 35651600; none left 35651600; the one collected 84; a Vec with
#   one left 16. In C++: one left 11577248, made anew from the range 128; in Python
#   41943128 before and 352 after.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

export RUSTUP_TOOLCHAIN=1.95.0
version=$(rustc --version)
[[ $version == "rustc 1.95.0 "* ]] || { echo "$version" >&2; exit 1; }
[[ $(g++ -dumpfullversion) == 12.2.0 ]] || { g++ --version >&2; exit 1; }
[[ $(/usr/bin/python3 --version) == "Python 3.11.2" ]] || { /usr/bin/python3 --version >&2; exit 1; }

cat >clone.rs <<'END'
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
struct Counting;
static ASKED: AtomicUsize = AtomicUsize::new(0);
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.fetch_add(layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}
#[global_allocator]
static COUNTING: Counting = Counting;
fn asked<T>(what: &str, copy: impl FnOnce() -> T) {
    let before = ASKED.load(Relaxed);
    let copy = copy();
    println!("{what} {}", ASKED.load(Relaxed) - before);
    drop(copy);
}
fn main() {
    let mut map: HashMap<u64, u64> = (0..1_000_000).map(|at| (at, at)).collect();
    asked("all", || map.clone());
    map.retain(|key, _| *key == 7);
    asked("one", || map.clone());
    asked("collected", || {
        map.iter().map(|(key, at)| (*key, *at)).collect::<HashMap<u64, u64>>()
    });
    map.clear();
    asked("none", || map.clone());
    let mut vec: Vec<(u64, u64)> = (0..1_000_000).map(|at| (at, at)).collect();
    vec.truncate(1);
    asked("vec", || vec.clone());
}
END
rustc -O -o clone clone.rs

cat >copy.cpp <<'END'
#include <cstdio>
#include <cstdlib>
#include <new>
#include <unordered_map>
static std::size_t asked;
void *operator new(std::size_t size) {
    asked += size;
    return std::malloc(size);
}
void operator delete(void *at) noexcept { std::free(at); }
void operator delete(void *at, std::size_t) noexcept { std::free(at); }
int main() {
    using Map = std::unordered_map<long, long>;
    Map map;
    for (long at = 0; at < 1000000; at++) map[at] = at;
    map.clear();
    map[7] = 7;
    std::size_t before = asked;
    Map copy = map;
    std::printf("copied %zu\n", asked - before);
    before = asked;
    Map again(map.begin(), map.end());
    std::printf("anew %zu\n", asked - before);
    return copy.size() == again.size() ? 0 : 1;
}
END
g++ -O2 -o copy copy.cpp

cat >copy.py <<'END'
import sys
all = {at: at for at in range(1000000)}
for at in range(1, 1000000):
    del all[at]
print("before", sys.getsizeof(all))
print("after", sys.getsizeof(all.copy()))
END

declare -A seen
while read -r what bytes; do
    echo "$what: $bytes"
    seen[$what]=$bytes
done < <(./clone && ./copy && /usr/bin/python3 copy.py)
within() { # what, lowest, highest
    local bytes=${seen[$1]:-none}
    [[ $bytes != none ]] && ((bytes >= $2 && bytes <= $3)) || {
        echo "$1: $bytes is not from $2 to $3" >&2
        exit 1
    }
}
within all 30000000 40000000
within one "${seen[all]}" "${seen[all]}"
within none "${seen[all]}" "${seen[all]}"
within collected 20 500
within vec 16 16
within copied 8000000 20000000
within anew 20 500
within before 20000000 60000000
within after 50 1000
