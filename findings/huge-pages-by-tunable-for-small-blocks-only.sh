#!/usr/bin/env bash
# glibc.malloc.hugetlb=1 brings huge pages to blocks of 64 KiB, and none to
# blocks of 1 or 2 MiB.
#
# Version: Debian's libc6 2.36-9+deb12u14, on a kernel with transparent huge
#   pages at "madvise" (the one setting the tunable is for).
# Behaviour: 64 MiB of 64 KiB blocks lie on the break, in one long range, and
#   get huge pages nearly throughout. Blocks of 1 and 2 MiB are mapped one by
#   one as they come, and a huge page needs 2 MiB, well aligned, mapped when
#   the first byte is touched: they get none at all. The other threads' arenas
#   get none for any size, for nobody gives them the advice.
# One would have guessed: large blocks profit, small ones hardly.
# Seen, MiB of huge pages for 64 MiB written: "first thread, 64 KiB: 62",
#   "first thread, 1 MiB: 0", "first thread, 2 MiB: 0",
#   "first thread, 16 MiB: 56", "second thread, 64 KiB: 0".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

setting=$(cat /sys/kernel/mm/transparent_hugepage/enabled)
[[ $setting == *"[madvise]"* ]] || { echo "kernel: $setting" >&2; exit 1; }
apt-get -qq download libc6=2.36-9+deb12u14 2>apt.log || { cat apt.log; exit 1; }
dpkg-deb -x libc6_*.deb glibc
cat >huge.c <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static size_t size;
static void *fill(void *unused) {
    for (size_t sum = 0; sum < 64 << 20; sum += size)
        memset(malloc(size), 1, size);
    return unused;
}
int main(int argc, char **argv) {
    size = (size_t)atol(argv[1]) << 10;
    if (argc == 2) {
        fill(NULL);
    } else {
        pthread_t thread;
        if (pthread_create(&thread, NULL, fill, NULL)) return 2;
        pthread_join(thread, NULL);
    }
    char line[500];
    long kib, sum = 0;
    FILE *file = fopen("/proc/self/smaps", "r");
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "AnonHugePages: %ld", &kib) == 1) sum += kib;
    printf("%ld\n", sum >> 10);
}
END
gcc -O1 -fno-builtin -w huge.c -o huge
lib=$(dirname "$(find "$PWD/glibc" -name libc.so.6)")
expect() { # name, lowest, highest MiB, arguments
    local name=$1 low=$2 high=$3 seen
    shift 3
    seen=$(GLIBC_TUNABLES=glibc.malloc.hugetlb=1 \
        "$lib/ld-linux-x86-64.so.2" --library-path "$lib" ./huge "$@")
    echo "$name: $seen"
    ((seen >= low && seen <= high)) || {
        echo "$name: expected $low to $high MiB, seen $seen" >&2
        exit 1
    }
}
expect "first thread, 64 KiB" 40 64 64
expect "first thread, 1 MiB" 0 4 1024
expect "first thread, 2 MiB" 0 4 2048
expect "first thread, 16 MiB" 40 64 16384
expect "second thread, 64 KiB" 0 4 64 second
