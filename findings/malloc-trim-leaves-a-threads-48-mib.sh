#!/usr/bin/env bash
# malloc_trim(0) gives back the first thread's free heap, and of a second
# thread's 48 MiB nothing, although it says that it did.
#
# Version: Debian's libc6 2.36-9+deb12u14 (2.41 does the same).
# Behaviour: it goes through every arena and drops the pages inside of free
#   chunks. The last chunk of a heap, its top, is no such chunk; the first
#   thread's is cut off with the break, nobody cuts the other threads'. As a
#   rule a thread's top is small, for free cuts it above 128 KiB. But the first
#   large block that anybody frees raises that limit to twice its size, and
#   then all that a thread has freed can lie in its top.
# One would have guessed: since glibc 2.8 malloc_trim serves all arenas, as its
#   manual page says; a server that calls it each minute holds nothing free.
# Seen, resident MiB with the blocks, without, after malloc_trim:
#   "first thread: 48 0 0", "second: 48 0 0", "first, after free of 32 MiB:
#   48 48 0", "second, after free of 32 MiB: 48 48 48".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libc6=2.36-9+deb12u14 2>apt.log || { cat apt.log; exit 1; }
dpkg-deb -x libc6_*.deb glibc
lib=$(dirname "$(find "$PWD/glibc" -name libc.so.6)")
run() { "$lib/ld-linux-x86-64.so.2" --library-path "$lib" "$@"; }
cat >trim.c <<'END_C'
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
enum { COUNT = 25000, SIZE = 2000 };
static void *blocks[COUNT];
static long resident(void) {
    char text[100] = "";
    int file = open("/proc/self/statm", O_RDONLY);
    if (read(file, text, sizeof text - 1) < 0) exit(2);
    close(file);
    return atol(strchr(text, ' ')) * 4;
}
static void *work(void *unused) {
    free(malloc(1));
    long start = resident();
    for (int i = 0; i < COUNT; i++)
        blocks[i] = memset(malloc(SIZE), 1, SIZE);
    long with = resident() - start;
    for (int i = 0; i < COUNT; i++) free(blocks[i]);
    long without = resident() - start;
    int answer = malloc_trim(0);
    printf("%ld %ld %ld %d\n", with, without, resident() - start, answer);
    return unused;
}
int main(int count, char **arguments) {
    pthread_t thread;
    if (count > 2) free(memset(malloc((32 << 20) - 8192), 1, 1));
    if (strcmp(arguments[1], "first") == 0) return work(NULL) != NULL;
    if (pthread_create(&thread, NULL, work, NULL)) return 2;
    return pthread_join(thread, NULL);
}
END_C
gcc -O1 -fno-builtin -pthread trim.c -o trim
expect() {
    local with without trimmed answer
    read -r with without trimmed answer < <(run ./trim "${@:4}")
    echo "$1: $((with / 1024)) $((without / 1024)) $((trimmed / 1024))," \
        "answer $answer"
    if ((with < 45000 || (without > 40000) != $2 || (trimmed > 40000) != $3)) ||
        { ((without > 40000)) && ((answer != 1)); }; then
        echo "$1: expected without: $2, trimmed: $3 (1 for over 40 MB)," \
            "and answer 1 if there was something to give" >&2
        exit 1
    fi
}
expect "first thread" 0 0 first
expect "second" 0 0 second
expect "first, after free of 32 MiB" 1 0 first large
expect "second, after free of 32 MiB" 1 1 second large
