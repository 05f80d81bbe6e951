#!/usr/bin/env bash
# When the size of the blocks drifts, the modern allocators hold over 20 times
# what is alive, glibc four times.
#
# Versions: Debian's libc6 2.36-9+deb12u14, libjemalloc2 5.3.0-1,
#   libtcmalloc-minimal4 2.10-1, libmimalloc2.0 2.0.9+ds-2.
# Behaviour: 20 MB in blocks of 32 bytes, then all freed but every 50th, then
#   20 MB of 64, and so on to 1,024: 12 MB are alive at the end. Pages that
#   belong to a size and hold one living block serve no other size, so each
#   round needs new ones. glibc joins what is free between the living and cuts
#   it for the next size.
# One would have guessed: glibc fragments, and that is why one changes to
#   jemalloc or mimalloc; they keep to some 20 % over what is alive.
# Seen, resident MiB for 11 MiB alive: "glibc: 44", "jemalloc: 259",
#   "tcmalloc: 257", "mimalloc: 305".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libc6=2.36-9+deb12u14 libjemalloc2=5.3.0-1 \
    libtcmalloc-minimal4=2.10-1 libmimalloc2.0=2.0.9+ds-2 2>apt.log ||
    { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
cat >drift.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static long resident(void) {
    long all, pages;
    FILE *file = fopen("/proc/self/statm", "r");
    if (fscanf(file, "%ld %ld", &all, &pages) != 2) exit(2);
    fclose(file);
    return pages * 4096;
}
int main(void) {
    enum { COUNT = 200000, BYTES = 20000000 };
    static void *blocks[COUNT];
    memset(blocks, 1, sizeof blocks);
    long start = resident(), alive = 0;
    for (int size = 32; size <= 1024; size += 32) {
        int count = BYTES / size < COUNT ? BYTES / size : COUNT;
        for (int i = 0; i < count; i++)
            memset(blocks[i] = malloc(size), 1, size);
        for (int i = 0; i < count; i++)
            if (i % 50) free(blocks[i]);
            else alive += size;
    }
    printf("%ld %ld\n", alive >> 20, (resident() - start) >> 20);
}
END
gcc -O1 -fno-builtin drift.c -o drift
lib=$(dirname "$(find "$PWD/root" -name libc.so.6)")
more=$(dirname "$(find "$PWD/root" -name libjemalloc.so.2)")
expect() { # name, lowest, highest MiB, arguments
    local name=$1 low=$2 high=$3 alive seen
    shift 3
    read -r alive seen < <("$lib/ld-linux-x86-64.so.2" --library-path \
        "$lib:$more:/usr/lib/x86_64-linux-gnu" "$@" ./drift)
    echo "$name: $seen of $alive alive"
    ((alive == 11 && seen >= low && seen <= high)) || {
        echo "$name: expected $low to $high MiB, seen $seen" >&2
        exit 1
    }
}
expect glibc 11 80
expect jemalloc 200 400 --preload "$more/libjemalloc.so.2"
expect tcmalloc 200 400 --preload "$more/libtcmalloc_minimal.so.4"
expect mimalloc 200 400 --preload "$more/libmimalloc.so.2.0"
