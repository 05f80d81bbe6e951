#!/usr/bin/env bash
# In jemalloc a block of 16 KiB takes 20 KiB of memory, one of 14 KiB takes 14.
#
# Version: Debian's libjemalloc2 5.3.0-1 (5.3.1 does the same); libc6's malloc
#   of 2.36-9+deb12u14 for comparison.
# Behaviour: from 16 KiB on a block has pages of its own, and jemalloc moves
#   its start by a random multiple of 64 within the first page, so that large
#   blocks do not all fall into the same lines of the cache. For that it maps
#   a page more. The block crosses into it, and a program that writes all of it
#   pays a quarter more. malloc_usable_size says 16,384.
# One would have guessed: 16 KiB is a size class that fits pages exactly, so
#   the block is page-aligned and has no waste at all; if any, glibc with its
#   header has.
# Seen, page-aligned blocks of 4,096 and bytes resident for each:
#   "16384: 64 aligned, 20588 bytes", "14336: 2048 aligned, 14448 bytes",
#   "16384 in glibc: 16 aligned, 16400 bytes".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libc6=2.36-9+deb12u14 libjemalloc2=5.3.0-1 2>apt.log ||
    { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
cat >pages.c <<'END'
#include <stdint.h>
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
int main(int argc, char **argv) {
    enum { COUNT = 4096 };
    (void)argc;
    size_t size = atol(argv[1]);
    int aligned = 0;
    long before = resident();
    for (int i = 0; i < COUNT; i++) {
        void *block = malloc(size);
        memset(block, 1, size);
        aligned += (uintptr_t)block % 4096 == 0;
    }
    printf("%d %ld\n", aligned, (resident() - before) / COUNT);
}
END
gcc -O1 -fno-builtin pages.c -o pages
lib=$(dirname "$(find "$PWD/root" -name libc.so.6)")
jemalloc=$(find "$PWD/root" -name libjemalloc.so.2)
run() {
    "$lib/ld-linux-x86-64.so.2" --library-path \
        "$lib:/usr/lib/x86_64-linux-gnu" "$@"
}
read -r aligned16 bytes16 < <(run --preload "$jemalloc" ./pages 16384)
read -r aligned14 bytes14 < <(run --preload "$jemalloc" ./pages 14336)
read -r aligned_g bytes_g < <(run ./pages 16384)
echo "16384: $aligned16 aligned, $bytes16 bytes"
echo "14336: $aligned14 aligned, $bytes14 bytes"
echo "16384 in glibc: $aligned_g aligned, $bytes_g bytes"
if ((aligned16 > 400 || bytes16 < 20000 || aligned14 != 2048 ||
    bytes14 > 15000 || bytes_g > 17000)); then
    echo "expected few aligned and over 20000 bytes for 16384; 2048 aligned" \
        "and under 15000 for 14336; under 17000 in glibc" >&2
    exit 1
fi
