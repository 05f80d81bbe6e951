#!/usr/bin/env bash
# A block that glibc mapped stays a mapping of its own when realloc shrinks it.
#
# Versions: Debian's libc6 2.36-9+deb12u14 and libjemalloc2 5.3.0-1.
# Behaviour: 20,000 blocks of 200,000 bytes, each shrunk to ten bytes before
#   the next is taken (a read buffer, then shrink_to_fit). Glibc never moves
#   them to its heap: each keeps a page and a line in /proc/self/maps. Unless
#   told otherwise, Linux allows a process 65,530 lines, so some 65,000 short
#   strings use up what threads and libraries need as well. The dynamic
#   threshold does not help: it learns from free, and here nothing is freed.
# One would have guessed: ten bytes become a heap block of 24, or the kernel
#   joins the neighbouring mappings. jemalloc, asked for the same, copies.
# Seen: "glibc: 4080 usable, 20024 mappings", "jemalloc: 16 usable, 48
#   mappings".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libc6=2.36-9+deb12u14 libjemalloc2=5.3.0-1 2>apt.log ||
    { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
cat >shrink.c <<'END'
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
int main(void) {
    static char *kept[20000];
    for (int i = 0; i < 20000; i++) {
        kept[i] = realloc(malloc(200000), 10);
        if (!kept[i]) return 2;
        kept[i][0] = 1;
    }
    int lines = 0, c;
    FILE *maps = fopen("/proc/self/maps", "r");
    while ((c = getc(maps)) != EOF) lines += c == '\n';
    printf("%zu %d\n", malloc_usable_size(kept[100]), lines);
}
END
gcc -O1 -fno-builtin shrink.c -o shrink
jemalloc=$(find "$PWD/root" -name libjemalloc.so.2)
lib=$(dirname "$(find root -name libc.so.6)")
ld=$lib/ld-linux-x86-64.so.2
host=/usr/lib/x86_64-linux-gnu
read -r size_g maps_g < <("$ld" --library-path "$lib" ./shrink)
read -r size_j maps_j < <("$ld" --library-path "$lib:$host" \
    --preload "$jemalloc" ./shrink)
echo "glibc: $size_g usable, $maps_g mappings"
echo "jemalloc: $size_j usable, $maps_j mappings"
if ((size_g != 4080 || maps_g < 20000 || size_j != 16 || maps_j > 200)); then
    echo "expected 4080 usable in over 20000 mappings and 16 in under 200" >&2
    exit 1
fi
