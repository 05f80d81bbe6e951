#!/usr/bin/env bash
# mallopt(M_MMAP_MAX, 0) stops mmap in the first thread only.
#
# Version: Debian's libc6 2.36-9+deb12u14.
# Behaviour: the manual says that 0 disables mmap for large requests. In the
#   first thread it does: 256 MiB come from the break. Other threads' arenas
#   are made of heaps of at most 64 MiB. What does not fit into one is taken
#   from mmap after all, without a look at the limit, and counted by mallinfo2
#   as mapped.
# One would have guessed: null for a block that fits no heap; or the break; or
#   that a limit of 0 means none.
# Seen, mapped blocks: "first thread, 256 MiB: 0", "second, 32 MiB: 0",
#   "second, 64 MiB: 1", "second, 256 MiB: 2".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libc6=2.36-9+deb12u14 2>apt.log || { cat apt.log; exit 1; }
dpkg-deb -x libc6_*.deb glibc
cat >mapped.c <<'END'
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
static void take(const char *where, size_t mib) {
    void *volatile block = malloc(mib << 20);
    if (!block) exit(2);
    printf("%s, %zu MiB: %zu\n", where, mib, mallinfo2().hblks);
}
static void *second(void *unused) {
    take("second", 32);
    take("second", 64);
    take("second", 256);
    return unused;
}
int main(void) {
    if (!mallopt(M_MMAP_MAX, 0)) return 3;
    take("first thread", 256);
    pthread_t thread;
    if (pthread_create(&thread, NULL, second, NULL)) return 4;
    pthread_join(thread, NULL);
}
END
gcc -O1 -fno-builtin mapped.c -o mapped
lib=$(dirname "$(find "$PWD/glibc" -name libc.so.6)")
seen=$("$lib/ld-linux-x86-64.so.2" --library-path "$lib" ./mapped)
echo "$seen"
expected="first thread, 256 MiB: 0
second, 32 MiB: 0
second, 64 MiB: 1
second, 256 MiB: 2"
[[ $seen == "$expected" ]] || { echo "expected: $expected" >&2; exit 1; }
