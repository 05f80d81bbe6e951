#!/usr/bin/env bash
# cargo-mutants finds nothing to change in an unsafe alloc: in a safe
# function, the same lines have fifteen changes.
#
# Versions: the crate cargo-mutants 27.1.0, Rust 1.95.0.
# Behaviour: an `unsafe fn` is passed over whole, with the safe functions that
#   are written inside it. alloc and dealloc have to be unsafe, so a heap's own
#   work counts for nothing, and `--list` names no function that was left out.
#   A crate of such functions alone is reported as "No mutants found", which
#   ends with 0, like a crate whose tests caught all. What counts is the word
#   in front of `fn`: an unsafe block in a safe function keeps nobody away.
# One would have guessed: the tool changes what compiles, and it is all the same
#   to an operator who may call the function that it is in.
# Seen: "unsafe fn: 0", "safe fn with an unsafe block: 15", "nothing to change
#   ends with 0".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

export RUSTUP_TOOLCHAIN=1.95.0 CARGO_TARGET_DIR=$dir/target
version=$(rustc --version)
[[ $version == "rustc 1.95.0 "* ]] || { echo "$version" >&2; exit 1; }
cargo install -q --debug --locked --root tool cargo-mutants@27.1.0
PATH=$dir/tool/bin:$PATH

crate() { # name, what stands in front of `fn`
    mkdir -p "$1/src"
    cat >"$1/Cargo.toml" <<END
[package]
name = "$1"
version = "0.1.0"
edition = "2024"
END
    cat >"$1/src/lib.rs" <<END
pub struct Bump {
    pub next: usize,
    pub end: usize,
}

impl Bump {
    /// # Safety
    ///
    /// The memory up to \`end\` is there.
    pub $2fn alloc(&mut self, size: usize) -> *mut u8 {
        fn rounded(size: usize) -> usize {
            (size + 15) & !15
        }
        let start = self.next;
        if self.end - start < rounded(size) {
            return std::ptr::null_mut();
        }
        self.next = start + rounded(size);
        unsafe { std::ptr::null_mut::<u8>().byte_add(start) }
    }
}
END
}
crate guarded 'unsafe '
crate open ''
changes() { cargo mutants --list --dir "$1" | wc -l; }
guarded=$(changes guarded)
open=$(changes open)
report=$(cargo mutants --dir guarded 2>&1)
echo "unsafe fn: $guarded"
echo "safe fn with an unsafe block: $open"
[[ $report == *"No mutants found"* ]] && echo "nothing to change ends with 0"
[ "$guarded" = 0 ] && [ "$open" = 15 ]
