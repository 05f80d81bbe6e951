#!/usr/bin/env bash
# malloc(16), free, malloc(16), free ...: mimalloc walks through 511 addresses
# before the first comes back.
#
# Versions: Debian's libmimalloc2.0 2.0.9+ds-2, libjemalloc2 5.3.0-1,
#   libtcmalloc-minimal4 2.10-1, libc6 2.36-9+deb12u14.
# Behaviour: a page of mimalloc has one list that malloc takes from and another
#   that free adds to; the second becomes the first when that has run empty. So
#   with one block alive at a time the loop touches the page from end to end.
#   The others give the block that was freed last, warm in the cache, at once.
# One would have guessed: the block freed last comes first, in every allocator
#   with lists for each thread; that is half of why they are fast.
# Seen, pairs of malloc and free until the first address returns, for 16, 100,
#   1,000 bytes: "glibc: 1 1 1", "jemalloc: 1 1 1", "tcmalloc: 1 1 1",
#   "mimalloc: 511 71 7".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libc6=2.36-9+deb12u14 libjemalloc2=5.3.0-1 \
    libtcmalloc-minimal4=2.10-1 libmimalloc2.0=2.0.9+ds-2 2>apt.log ||
    { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
cat >pairs.c <<'END'
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
static int pairs(size_t size) {
    void *block = malloc(size);
    uintptr_t first = (uintptr_t)block, next;
    free(block);
    int count = 0;
    do {
        block = malloc(size);
        next = (uintptr_t)block;
        free(block);
        count++;
    } while (next != first && count < 10000);
    return count;
}
int main(void) {
    int small = pairs(16), middle = pairs(100), large = pairs(1000);
    printf("%d %d %d\n", small, middle, large);
}
END
gcc -O1 -fno-builtin -w pairs.c -o pairs
lib=$(dirname "$(find "$PWD/root" -name libc.so.6)")
more=$(dirname "$(find "$PWD/root" -name libjemalloc.so.2)")
expect() { # name, expected, further arguments
    local name=$1 expected=$2 seen
    shift 2
    seen=$("$lib/ld-linux-x86-64.so.2" --library-path \
        "$lib:$more:/usr/lib/x86_64-linux-gnu" "$@" ./pairs)
    echo "$name: $seen"
    [[ $seen == "$expected" ]] || {
        echo "$name: expected $expected, seen $seen" >&2
        exit 1
    }
}
expect glibc "1 1 1"
expect jemalloc "1 1 1" --preload "$more/libjemalloc.so.2"
expect tcmalloc "1 1 1" --preload "$more/libtcmalloc_minimal.so.4"
expect mimalloc "511 71 7" --preload "$more/libmimalloc.so.2.0"
