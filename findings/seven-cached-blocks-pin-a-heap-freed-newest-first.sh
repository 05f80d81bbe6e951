#!/usr/bin/env bash
# Freed newest first, a glibc heap gives nothing back; oldest first, all of it.
#
# Versions: Debian 13's libc6 2.41-12+deb13u5 (2.36 does the same).
# Behaviour: the first seven blocks of a size that a thread frees stay in its
#   cache, marked as in use. Freed in the order of a stack, those are the seven
#   at the end of the heap, and the break cannot pass them: 290 MB of blocks
#   of 200 bytes stay, all free. Requests of other sizes change nothing, for
#   the seven wait for their own. Freed oldest first, the seven lie at the
#   heap's start and all goes back. malloc_trim(0) lets the pages go.
# One would have guessed: for a heap that ends in a break the order of a stack
#   is the best there is; each free then ends at the end.
# Seen, resident KiB with the blocks, after freeing them, after malloc_trim:
#   "newest first, 7 in the cache: 292632 292632 140",
#   "oldest first, 7 in the cache: 292532 160 32",
#   "newest first, 0 in the cache: 292632 260 132".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# Debian 13's packages on a Debian 12, without touching its own lists.
mkdir -p lists/partial cache/archives/partial
sed 's/bookworm/trixie/g' /etc/apt/sources.list.d/debian.sources >t.sources
apt_trixie() {
    apt-get -qq -o Dir::Etc::SourceList="$dir/t.sources" \
        -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$dir/lists" \
        -o Dir::Cache="$dir/cache" "$@"
}
{ apt_trixie update && apt_trixie download libc6=2.41-12+deb13u5; } \
    >apt.log 2>&1 || { cat apt.log; exit 1; }
dpkg-deb -x libc6_*.deb glibc
cat >small.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <malloc.h>
#include <string.h>
#include <unistd.h>
static long resident(void) { /* without a malloc of its own */
    static char text[200];
    int file = open("/proc/self/statm", O_RDONLY);
    if (read(file, text, sizeof text - 1) < 1) _exit(2);
    close(file);
    return atol(strchr(text, ' ')) * 4;
}
int main(int argc, char **argv) {
    (void)argc;
    int newest_first = argv[1][0] == 'n';
    long start = resident();
    /* The blocks form a list, so that nothing but blocks is counted. */
    void *first = NULL, **end = &first;
    for (int i = 0; i < 1440000; i++) {
        if (newest_first) {
            void **block = malloc(200);
            *block = first;
            first = block;
        } else {
            end = *end = malloc(200);
            *end = NULL;
        }
    }
    long with = resident() - start;
    while (first) {
        void *next = *(void **)first;
        free(first);
        first = next;
    }
    void *volatile other = malloc(2000);
    free(other);
    long left = resident() - start;
    malloc_trim(0);
    printf("%ld %ld %ld\n", with, left, resident() - start);
}
END
gcc -O1 -fno-builtin small.c -o small
lib=$(dirname "$(find "$PWD/glibc" -name libc.so.6)")
expect() { # order, blocks in the cache, lowest and highest KiB left
    local with left trimmed
    read -r with left trimmed < <(GLIBC_TUNABLES=glibc.malloc.tcache_count=$2 \
        "$lib/ld-linux-x86-64.so.2" --library-path "$lib" ./small "$1")
    echo "$1 first, $2 in the cache: $with $left $trimmed"
    ((with > 280000 && trimmed < 20000 && left >= $3 && left <= $4)) || {
        echo "$1 first: expected $3 to $4 KiB left and" \
            "under 20000 after malloc_trim, seen $left and $trimmed" >&2
        exit 1
    }
}
expect newest 7 280000 400000
expect oldest 7 0 5000
expect newest 0 0 5000
