#!/usr/bin/env bash
# In jemalloc a loop over a block of 7 MiB never meets a page fault; over one of
# 8 MiB it meets one for every page, in every round.
#
# Versions: Debian's libjemalloc2 5.3.0-1; libc6 2.36-9+deb12u14,
#   libtcmalloc-minimal4 2.10-1 and libtbbmalloc2 2021.8.0-2+deb12u1 for
#   comparison.
# Behaviour: malloc, fill, free, again and again (an image, a frame of a film).
#   Freed pages are to stay for ten seconds, and do up to 7 MiB. Blocks of 8 MiB
#   and more come from an arena of their own, where they stay no time at all:
#   2,048 faults a round, each with a page to clear. glibc learns from the
#   first free and keeps blocks of up to 32 MiB, TBB those of under 64 MiB.
# One would have guessed: glibc goes to the kernel for each large block, and
#   jemalloc, which caches pages, is the cure.
# Seen, page faults for each page of a block, in later rounds, for 7, 8, 31, 33
#   and 64 MiB: "glibc: 0 0 0 1 1", "jemalloc: 0 1 1 1 1", "tcmalloc:
#   0 0 0 0 0", "tbbmalloc: 0 0 0 0 1".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libjemalloc2=5.3.0-1 libtcmalloc-minimal4=2.10-1 \
    libtbbmalloc2=2021.8.0-2+deb12u1 2>apt.log || { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
[[ $(dpkg-query -W -f '${Version}' libc6) == 2.36-9+deb12u14 ]] ||
    { echo "expected libc6 2.36-9+deb12u14" >&2; exit 1; }
cat >rounds.c <<'END_C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
static void rounds(int count, size_t size) {
    for (int i = 0; i < count; i++) {
        char *block = malloc(size);
        memset(block, 1, size);
        __asm__ volatile("" : : "r"(block) : "memory");
        free(block);
    }
}
static long faults(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}
int main(int count, char **sizes) {
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    for (int i = 1; i < count; i++) {
        size_t size = strtoul(sizes[i], NULL, 10) << 20;
        rounds(3, size);
        long start = faults();
        rounds(20, size);
        double pages = 20 * (size / 4096.);
        printf("%s%.0f", i > 1 ? " " : "", (faults() - start) / pages);
    }
    puts("");
}
END_C
gcc -O1 -fno-builtin rounds.c -o rounds
lib=$dir/root/usr/lib/x86_64-linux-gnu
expect() {
    local seen
    seen=$(LD_LIBRARY_PATH=$lib LD_PRELOAD=${3:+$lib/$3} \
        ./rounds 7 8 31 33 64 2>&1)
    echo "$1: $seen"
    [[ $seen == "$2" ]] || { echo "$1: expected $2" >&2; exit 1; }
}
expect glibc "0 0 0 1 1"
expect jemalloc "0 1 1 1 1" libjemalloc.so.2
expect tcmalloc "0 0 0 0 0" libtcmalloc_minimal.so.4
expect tbbmalloc "0 0 0 0 1" libtbbmalloc_proxy.so.2
