#!/usr/bin/env bash
# trybuild finds that a faulty case compiles, until a case that passes is added.
#
# Versions: the crate trybuild =1.0.112, Rust 1.95.0.
# Behaviour: an assertion in a constant of a generic type is met when code is
#   made for it, so `cargo build` refuses the case and `cargo check` does not.
#   A test of compile_fail cases alone is only checked: trybuild reports
#   "Expected test case to fail to compile, but it succeeded". One `pass` case
#   beside it, which has nothing to do with it, and all are built: now the
#   same case fails to compile, as it should.
# One would have guessed: each case is judged for itself; or a compile_fail
#   case is built, as a program would be.
# Seen: "alone: it compiles", "beside a pass: it fails".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

export RUSTUP_TOOLCHAIN=1.95.0 CARGO_TARGET_DIR=$dir/target
version=$(rustc --version)
[[ $version == "rustc 1.95.0 "* ]] || { echo "$version" >&2; exit 1; }
mkdir -p src tests/cases
cat >Cargo.toml <<'END'
[package]
name = "finding"
version = "0.1.0"
edition = "2021"
[dev-dependencies]
trybuild = "=1.0.112"
END
cat >src/lib.rs <<'END'
pub struct Align<const N: usize>;
impl<const N: usize> Align<N> {
    const POWER_OF_TWO: () = assert!(N.is_power_of_two());
}
pub fn aligned<const N: usize>() -> usize {
    let () = Align::<N>::POWER_OF_TWO;
    N
}
END
echo 'fn main() { finding::aligned::<3>(); }' >tests/cases/three.rs
echo 'fn main() {}' >tests/cases/nothing.rs
cat >tests/alone.rs <<'END'
#[test]
fn cases() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/cases/three.rs");
}
END
cat >tests/beside.rs <<'END'
#[test]
fn cases() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/cases/three.rs");
    cases.pass("tests/cases/nothing.rs");
}
END
expect() { # name, test, text in trybuild's report for the faulty case
    local report
    # Both end with an error: the second has no message to compare with yet.
    report=$(cargo test -q --test "$2" -- --nocapture 2>&1 || true)
    if [[ $report == *"$3"* ]]; then
        echo "$1"
    else
        echo "expected: $1 (\"$3\"), seen:" >&2
        echo "$report" >&2
        exit 1
    fi
}
expect "alone: it compiles" alone \
    "Expected test case to fail to compile, but it succeeded."
expect "beside a pass: it fails" beside "assertion failed: N.is_power_of_two()"
