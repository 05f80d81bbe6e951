#!/usr/bin/env bash
# A release of snmalloc's crate, built without CMake, fills each block that is
# freed, and brings in memory that the program never touched.
#
# Version: snmalloc-sys 0.7.6 with the feature build_cc, Rust 1.95.0, g++ of
#   Debian 12.
# Behaviour: the build script asks for -O3 in a release and never defines NDEBUG,
#   so snmalloc's assertions stay, and with them what it does for debugging: a
#   freed block is filled, page by page. A program that asks for 256 MiB and gives
#   them back untouched has had 256 MiB resident. With -DNDEBUG in CXXFLAGS it has
#   had next to nothing, and each call is quicker.
# One would have guessed: --release turns off what is for debugging, as it does
#   with Rust's own assertions; or a free only ever lowers what is resident.
# Seen, the most that was resident in KiB: as-it-comes 265616, ndebug 3448
#   (a little more or less); the text of an assertion is in the first program
#   alone.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

export RUSTUP_TOOLCHAIN=1.95.0
mkdir src
cat >Cargo.toml <<'END'
[package]
name = "untouched"
version = "0.1.0"
edition = "2024"
[dependencies]
snmalloc-sys = { version = "=0.7.6", default-features = false, features = [
    "build_cc",
    "usewait-on-address",
] }
END
cat >src/main.rs <<'END'
fn main() {
    unsafe {
        let block = snmalloc_sys::sn_rust_alloc(16, 256 << 20);
        assert!(!block.is_null());
        snmalloc_sys::sn_rust_dealloc(block, 16, 256 << 20);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let most = status.lines().find(|it| it.starts_with("VmHWM:")).unwrap();
    println!("{}", most.split_whitespace().nth(1).unwrap());
}
END
expect() { # name, lowest, highest, whether assertions are there, CXXFLAGS
    local seen there=no
    CXXFLAGS=$5 cargo build --quiet --release --target-dir "$1"
    seen=$("$1/release/untouched")
    ! grep -q 'assert fail: {} in {}' "$1/release/untouched" || there=yes
    echo "$1: $seen KiB, assertions: $there"
    ((seen >= $2 && seen <= $3)) && [ "$there" = "$4" ] || {
        echo "$1: expected $2 to $3 KiB, and $4" >&2
        exit 1
    }
}
expect as-it-comes 262144 300000 yes ''
expect ndebug 0 30000 no -DNDEBUG
