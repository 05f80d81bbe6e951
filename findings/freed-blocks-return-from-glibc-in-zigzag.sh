#!/usr/bin/env bash
# Twenty-four small blocks, freed in order, come back from glibc in zigzag.
#
# Version: Debian's libc6 2.36-9+deb12u14.
# Behaviour: the first seven freed, 0 to 6, stay in the thread cache, the rest
#   goes on a "fast" list; both are stacks. When the cache has run empty, malloc
#   takes the newest, 23, from the fast list, and moves the next seven into the
#   cache: 22 first, so 16 lies on top. Moving them turns them over. Blocks of
#   200 bytes, too large for a fast list, are joined when freed and are cut off
#   again from the lowest on; those of 2,000 never see a cache.
# One would have guessed: last in, first out: 6 to 0, then 23 down to 7.
# Seen, the numbers of the blocks that 24 mallocs return:
#   24 bytes: 6 5 4 3 2 1 0 23 16 17 18 19 20 21 22 15 8 9 10 11 12 13 14 7
#   200 bytes: 6 5 4 3 2 1 0 7 8 9 10 11 ... 23
#   2000 bytes: 0 1 2 3 4 5 6 7 8 9 10 11 ... 23
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libc6=2.36-9+deb12u14 2>apt.log || { cat apt.log; exit 1; }
dpkg-deb -x libc6_*.deb glibc
cat >order.c <<'END'
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
    enum { COUNT = 24 };
    (void)argc;
    size_t size = atol(argv[1]);
    uintptr_t place[COUNT];
    void *blocks[COUNT];
    int number[COUNT];
    for (int i = 0; i < COUNT; i++)
        place[i] = (uintptr_t)(blocks[i] = malloc(size));
    malloc(size); /* keeps them away from the end of the heap */
    for (int i = 0; i < COUNT; i++) free(blocks[i]);
    for (int i = 0; i < COUNT; i++) {
        uintptr_t block = (uintptr_t)malloc(size);
        number[i] = -1;
        for (int j = 0; j < COUNT; j++)
            if (place[j] == block) number[i] = j;
    }
    for (int i = 0; i < COUNT; i++) printf("%s%d", i ? " " : "", number[i]);
}
END
gcc -O1 -fno-builtin -w order.c -o order
lib=$(dirname "$(find "$PWD/glibc" -name libc.so.6)")
expect() {
    local seen
    seen=$("$lib/ld-linux-x86-64.so.2" --library-path "$lib" ./order "$1")
    echo "$1 bytes: $seen"
    [[ $seen == "$2" ]] || { echo "$1 bytes: expected $2" >&2; exit 1; }
}
down="6 5 4 3 2 1 0"
up="7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23"
expect 24 "$down 23 16 17 18 19 20 21 22 15 8 9 10 11 12 13 14 7"
expect 200 "$down $up"
expect 2000 "0 1 2 3 4 5 6 $up"
