#!/usr/bin/env bash
# MALLOC_PERTURB_ neither fills a small block at free nor when it comes again.
#
# Version: Debian's libc6 2.36-9+deb12u14.
# Behaviour: with MALLOC_PERTURB_=165 every block freed should be filled with
#   0xa5 and every fresh one with 0x5a. The way through the thread cache passes
#   both places by. A block of up to 1,032 bytes is filled when the heap makes
#   it; when it is freed and taken again, it still holds what the program wrote
#   there last, so the use after free that one hunts goes on working. Above
#   1,032 bytes, or with glibc.malloc.tcache_count=0, it does what it says.
# One would have guessed: small blocks are filled like all others, they being
#   the most of them; at most a few bytes of list pointers differ.
# Seen, byte 40 of a block filled with 7: as made, freed, taken again:
#   "100 bytes: 5a 07 07", "2000 bytes: 5a a5 5a",
#   "100 bytes, no thread cache: 5a a5 5a".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libc6=2.36-9+deb12u14 2>apt.log || { cat apt.log; exit 1; }
dpkg-deb -x libc6_*.deb glibc
cat >perturb.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static unsigned char *volatile hidden; /* so that no compiler knows it */
int main(int argc, char **argv) {
    (void)argc;
    size_t size = atol(argv[1]);
    hidden = malloc(size);
    malloc(100); /* keeps the block away from the end of the heap */
    unsigned char *block = hidden;
    int made = block[40];
    memset(block, 7, size);
    free(hidden);
    int freed = ((volatile unsigned char *)block)[40];
    hidden = malloc(size);
    printf("%02x %02x %02x", made, freed, hidden[40]);
    return hidden != block;
}
END
gcc -w -O0 -fno-builtin perturb.c -o perturb
lib=$(dirname "$(find "$PWD/glibc" -name libc.so.6)")
expect() { # what, expected, tunables, size
    local seen
    seen=$(env MALLOC_PERTURB_=165 GLIBC_TUNABLES="$3" \
        "$lib/ld-linux-x86-64.so.2" --library-path "$lib" ./perturb "$4")
    echo "$1: $seen"
    [[ $seen == "$2" ]] || { echo "$1: expected $2, seen $seen" >&2; exit 1; }
}
expect "100 bytes" "5a 07 07" glibc.malloc.tcache_count=7 100
expect "2000 bytes" "5a a5 5a" glibc.malloc.tcache_count=7 2000
expect "100 bytes, no thread cache" "5a a5 5a" glibc.malloc.tcache_count=0 100
