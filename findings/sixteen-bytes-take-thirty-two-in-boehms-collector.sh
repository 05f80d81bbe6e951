#!/usr/bin/env bash
# GC_malloc(16) takes 32 bytes: every size that fills its class moves up one.
#
# Version: Debian's libgc1 and libgc-dev 1:8.2.2-3.
# Behaviour: in C a pointer to just behind an object is valid, and a program
#   may keep no other. So that such a pointer finds its own object and not the
#   neighbour, the collector adds one byte to each request before it rounds up.
#   The usual sizes of structures, multiples of 16, are the worst case.
#   GC_malloc(4096) takes 4,112. What holds no pointers pays as well.
# One would have guessed: a collector knows sizes from its page's header and
#   needs none per object, so 16 bytes take 16 (malloc's header makes them 32).
# Seen: "1:16 15:16 16:32 24:32 32:48 48:64 64:80 4095:4096 4096:4112",
#   "atomic 16:32".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libgc1=1:8.2.2-3 libgc-dev=1:8.2.2-3 2>apt.log ||
    { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
cat >sizes.c <<'END'
#include <gc.h>
#include <stdio.h>
int main(void) {
    static const size_t sizes[] = {1, 15, 16, 24, 32, 48, 64, 4095, 4096};
    GC_INIT();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        printf("%zu:%zu ", sizes[i], GC_size(GC_malloc(sizes[i])));
    printf("atomic 16:%zu\n", GC_size(GC_malloc_atomic(16)));
}
END
gc=$(find "$PWD/root" -name libgc.so.1)
gcc -O1 -I root/usr/include sizes.c "$gc" -o sizes
seen=$(LD_LIBRARY_PATH=$(dirname "$gc") ./sizes)
echo "$seen"
expected="1:16 15:16 16:32 24:32 32:48 48:64 64:80 4095:4096 4096:4112 \
atomic 16:32"
[[ $seen == "$expected" ]] || { echo "expected: $expected" >&2; exit 1; }
