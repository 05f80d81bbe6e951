#!/usr/bin/env bash
# Clang compiles `calloc(1 << 40, 1 << 40) != NULL` to true.
#
# Version: Debian's clang-19 1:19.1.7-3~deb12u1 and gcc-12 12.2.0-14+deb12u1.
# Behaviour: a block that is only compared with null and freed is taken out
#   from -O1 on, and the comparison becomes "there was one". Clang does it
#   even if the product of calloc's two constants has 80 bits, which no calloc
#   in the world may answer with a block, and for strdup and realloc too. For
#   aligned_alloc and posix_memalign it does not. GCC takes none out as long
#   as the result is compared. A test of one's own malloc for overflow passes
#   without ever calling it, hence -fno-builtin.
# One would have guessed: known for malloc; but two constants whose product
#   overflows are seen at compile time, and calloc is there for that check.
# Seen, answers and calls to calloc in the program: "clang -O0: 0, 1 calls",
#   "clang -O1: 1, 0 calls", "gcc -O2: 0, 1 calls".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download clang-19=1:19.1.7-3~deb12u1 \
    libllvm19=1:19.1.7-3~deb12u1 libclang-cpp19=1:19.1.7-3~deb12u1 \
    libclang-common-19-dev=1:19.1.7-3~deb12u1 2>apt.log ||
    { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" unpacked; done
version=$(dpkg-query -W -f='${Version}' gcc-12)
[[ $version == 12.2.0-14+deb12u1 ]] || { echo "gcc-12 $version" >&2; exit 1; }
cat >overflow.c <<'END'
#include <stdio.h>
#include <stdlib.h>
int main(void) {
    void *block = calloc((size_t)1 << 40, (size_t)1 << 40);
    int given = block != NULL;
    free(block);
    printf("%d", given);
}
END
libs=$PWD/unpacked/usr/lib/x86_64-linux-gnu:$PWD/unpacked/usr/lib/llvm-19/lib
clang() {
    LD_LIBRARY_PATH=$libs unpacked/usr/lib/llvm-19/bin/clang "$@"
}
gcc_12() { gcc-12 "$@"; }
expect() { # name, answer, calls, compiler, its options
    local name=$1 answer=$2 calls=$3 compiler=$4 seen_answer seen_calls
    shift 4
    "$compiler" -w "$@" -S overflow.c -o overflow.s
    gcc-12 overflow.s -o overflow
    seen_answer=$(./overflow)
    seen_calls=$(grep -c 'call.*calloc' overflow.s || true)
    echo "$name: $seen_answer, $seen_calls calls"
    [[ $seen_answer == "$answer" && $seen_calls == "$calls" ]] || {
        echo "$name: expected $answer and $calls calls" >&2
        exit 1
    }
}
expect "clang -O0" 0 1 clang -O0 -fPIC -fno-addrsig
expect "clang -O1" 1 0 clang -O1 -fPIC -fno-addrsig
expect "gcc -O2" 0 1 gcc_12 -O2 -fPIC
