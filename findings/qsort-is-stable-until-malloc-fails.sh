#!/usr/bin/env bash
# Glibc's qsort keeps equal elements in order, until malloc says no.
#
# Versions: Debian's libc6 2.36-9+deb12u14.
# Behaviour: above 1,024 bytes qsort asks malloc for a second array and sorts
#   by merging, which leaves equal elements in the order they came in. When
#   that malloc fails it sorts in place instead, and says nothing. The sorted
#   order of one and the same array depends on a memory limit.
# One would have guessed: qsort promises no order among equals, so it never
#   keeps one; or it is a merge sort and always does. Nobody would tie the
#   result of a sort to `ulimit -v`.
# Seen, 200,000 pairs with 100 different keys, equal neighbours that changed
#   places: "free memory: 0" and "no memory: 99901".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libc6=2.36-9+deb12u14 2>apt.log || { cat apt.log; exit 1; }
dpkg-deb -x libc6_*.deb glibc
cat >sort.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
struct pair { int key, place; };
static int by_key(const void *a, const void *b) {
    return ((const struct pair *)a)->key - ((const struct pair *)b)->key;
}
int main(int argc, char **argv) {
    enum { COUNT = 200000 };
    static struct pair pairs[COUNT];
    (void)argv;
    srand(1);
    for (int i = 0; i < COUNT; i++) pairs[i] = (struct pair){rand() % 100, i};
    if (argc > 1) {
        struct rlimit none = {1, 1};
        if (setrlimit(RLIMIT_AS, &none)) return 2;
    }
    qsort(pairs, COUNT, sizeof pairs[0], by_key);
    int changed = 0;
    for (int i = 1; i < COUNT; i++) {
        if (pairs[i].key < pairs[i - 1].key) return 3;
        changed += pairs[i].key == pairs[i - 1].key
                   && pairs[i].place < pairs[i - 1].place;
    }
    fprintf(stderr, "%d\n", changed);
}
END
gcc -O1 sort.c -o sort
lib=$(dirname "$(find glibc -name libc.so.6)")
run() { "$lib/ld-linux-x86-64.so.2" --library-path "$lib" "$@" 2>&1; }
free=$(run ./sort)
short=$(run ./sort limited)
echo "free memory: $free"
echo "no memory: $short"
if ((free != 0 || short < 10000)); then
    echo "expected 0 with memory and over 10000 without," \
        "seen $free and $short" >&2
    exit 1
fi
