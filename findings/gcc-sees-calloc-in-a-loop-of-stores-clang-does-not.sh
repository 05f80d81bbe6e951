#!/usr/bin/env bash
# GCC makes a calloc of malloc and a loop that stores zeros; clang does not.
#
# Version: Debian's gcc-12 12.2.0-14+deb12u1, clang-19 1:19.1.7-3~deb12u1.
# Behaviour: both turn malloc + memset(p, 0, n) into calloc at -O2, with or
#   without a check for null. With the zeros stored by a loop, in long's, GCC
#   makes the loop a memset first and joins that to the malloc. Clang makes
#   the memset as well, and stops there: both calls stay. At -O1 and -Os GCC
#   keeps malloc; a memset of one byte less than the block keeps it in both.
# One would have guessed: clang, with its loop idioms, at least as well as GCC;
#   or that a loop written by hand inside a calloc of one's own is safe from
#   becoming a call of itself.
# Seen, calls in each function:
#   "gcc -O2: memset calloc, loop calloc, less malloc memset"
#   "gcc -Os: memset malloc, loop malloc, less malloc"
#   "clang -O2: memset calloc, loop malloc memset, less malloc memset"
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
cat >zeros.c <<'END'
#include <stdlib.h>
#include <string.h>
void *with_memset(size_t n) {
    char *p = malloc(n);
    if (p) memset(p, 0, n);
    return p;
}
void *with_loop(size_t n) {
    long *p = malloc(n * sizeof *p);
    if (p) for (size_t i = 0; i < n; i++) p[i] = 0;
    return p;
}
void *with_less(size_t n) {
    char *p = malloc(n);
    if (p) memset(p, 0, n - 1);
    return p;
}
END
libs=$PWD/unpacked/usr/lib/x86_64-linux-gnu:$PWD/unpacked/usr/lib/llvm-19/lib
clang() {
    LD_LIBRARY_PATH=$libs unpacked/usr/lib/llvm-19/bin/clang "$@"
}
calls() { # the allocating calls of each function, one line
    awk '/^with_/ { name = substr($1, 6); sub(/:.*/, "", name)
                    line = line (line ? ", " : "") name }
         /^\t(call|jmp)q?\t/ && /malloc|calloc|memset/ {
             sub(/@PLT/, "", $2); line = line " " $2 }
         END { print line }' zeros.s
}
expect() { # name, calls, compiler, options
    local name=$1 expected=$2 seen
    shift 2
    "$@" -fPIC -S zeros.c -o zeros.s
    seen=$(calls)
    echo "$name: $seen"
    [[ $seen == "$expected" ]] || {
        echo "$name: expected $expected" >&2
        exit 1
    }
}
expect "gcc -O2" "memset calloc, loop calloc, less malloc memset" gcc-12 -O2
expect "gcc -Os" "memset malloc, loop malloc, less malloc" gcc-12 -Os
expect "clang -O2" \
    "memset calloc, loop malloc memset, less malloc memset" clang -O2
