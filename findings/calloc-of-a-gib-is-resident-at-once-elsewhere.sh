#!/usr/bin/env bash
# The first calloc of a GiB, untouched, is resident at once in tcmalloc and in
# mimalloc up to 3.0, in a process that has used no memory before.
#
# Versions: Debian's libtcmalloc-minimal4 2.10-1 and libmimalloc2.0 2.0.9+ds-2;
#   libc6 2.36-9+deb12u14 and libjemalloc2 5.3.0-1 for comparison.
# Behaviour: these two clear what they got from the kernel, zero as it is.
#   tcmalloc never asks whether memory is fresh. mimalloc does, but not for a
#   block of this size. A program that counts on calloc's untouched pages (a
#   sparse table, a numpy array of zeros) takes the whole of it.
# One would have guessed: fresh mappings are zero and everybody's calloc knows
#   it; clearing is for memory that was used before.
# Seen, growth in KiB: "glibc: 56", "jemalloc: 260", "tcmalloc: 1048708",
#   "mimalloc: 1048604".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libc6=2.36-9+deb12u14 libjemalloc2=5.3.0-1 \
    libtcmalloc-minimal4=2.10-1 libmimalloc2.0=2.0.9+ds-2 2>apt.log ||
    { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
cat >zeros.c <<'END'
#include <stdio.h>
#include <stdlib.h>
static long resident(void) {
    long all, pages;
    FILE *file = fopen("/proc/self/statm", "r");
    if (fscanf(file, "%ld %ld", &all, &pages) != 2) exit(2);
    fclose(file);
    return pages * 4;
}
int main(void) {
    long before = resident();
    void *volatile zeros = calloc(1, 1 << 30);
    if (!zeros) return 3;
    printf("%ld\n", resident() - before);
}
END
gcc -O1 -fno-builtin zeros.c -o zeros
lib=$(dirname "$(find "$PWD/root" -name libc.so.6)")
more=$(dirname "$(find "$PWD/root" -name libjemalloc.so.2)")
expect() { # name, lowest, highest, further arguments
    local name=$1 low=$2 high=$3 seen
    shift 3
    seen=$("$lib/ld-linux-x86-64.so.2" --library-path \
        "$lib:$more:/usr/lib/x86_64-linux-gnu" "$@" ./zeros)
    echo "$name: $seen"
    ((seen >= low && seen <= high)) || {
        echo "$name: expected $low to $high KiB, seen $seen" >&2
        exit 1
    }
}
expect glibc 0 5000
expect jemalloc 0 5000 --preload "$more/libjemalloc.so.2"
expect tcmalloc 1000000 1100000 --preload "$more/libtcmalloc_minimal.so.4"
expect mimalloc 1000000 1100000 --preload "$more/libmimalloc.so.2.0"
