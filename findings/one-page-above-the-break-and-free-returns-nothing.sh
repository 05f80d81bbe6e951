#!/usr/bin/env bash
# Once glibc has met an obstacle above its break, free gives back nothing more
# of 300 MB; only malloc_trim does.
#
# Version: Debian's libc6 2.36-9+deb12u14 (2.41 does the same).
# Behaviour: one page is mapped 1 MiB above the break (a compiler at run time or
#   an emulator that likes low addresses does so). When the break gets there,
#   malloc goes on with mappings of 1 MiB. Such a piece is never unmapped, and
#   free cuts the heap's end off only where that end is the break.
#   Without the page the same program is back at its start as soon as the last
#   block is freed.
# One would have guessed: that malloc goes on with mmap is known; what is mapped
#   can be unmapped, even in the middle, so it gives back more, not less.
# Seen, resident MiB with the blocks, without, after malloc_trim(0):
#   "free way: 288 0 0", "one page: 288 288 17".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libc6=2.36-9+deb12u14 2>apt.log || { cat apt.log; exit 1; }
dpkg-deb -x libc6_*.deb glibc
lib=$(dirname "$(find "$PWD/glibc" -name libc.so.6)")
run() { "$lib/ld-linux-x86-64.so.2" --library-path "$lib" "$@"; }
cat >obstacle.c <<'END_C'
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
enum { COUNT = 150000, SIZE = 2000 };
static void *blocks[COUNT];
static long resident(void) {
    char text[100] = "";
    int file = open("/proc/self/statm", O_RDONLY);
    if (read(file, text, sizeof text - 1) < 0) exit(2);
    close(file);
    return atol(strchr(text, ' ')) / 256;
}
int main(int count, char **arguments) {
    (void)arguments;
    free(malloc(1));
    if (count > 1) {
        uintptr_t page = ((uintptr_t)sbrk(0) + (1 << 20)) & ~(uintptr_t)4095;
        void *at = mmap((void *)page, 4096, PROT_READ,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
                        0);
        if (at != (void *)page) return 2;
    }
    memset(blocks, 1, sizeof blocks);
    long start = resident();
    for (int i = 0; i < COUNT; i++)
        blocks[i] = memset(malloc(SIZE), 1, SIZE);
    long with = resident() - start;
    for (int i = 0; i < COUNT; i++) free(blocks[i]);
    long without = resident() - start;
    malloc_trim(0);
    printf("%ld %ld %ld\n", with, without, resident() - start);
}
END_C
gcc -O1 -fno-builtin obstacle.c -o obstacle
read -r with without trimmed < <(run ./obstacle)
echo "free way: $with $without $trimmed"
read -r with2 without2 trimmed2 < <(run ./obstacle page)
echo "one page: $with2 $without2 $trimmed2"
if ((with < 250 || without > 20 || without2 < 250 || trimmed2 > 80)); then
    echo "expected under 20 MiB after the frees, with the page 250 and more," \
        "and under 80 after malloc_trim" >&2
    exit 1
fi
