#!/usr/bin/env bash
# Glibc gives back nothing of 290 MB when every one of its blocks is freed, if
# they are small; of blocks of 200 bytes it gives back all.
#
# Versions: Debian 13's libc6 2.41-12+deb13u5 (2.36 does the same).
# Behaviour: freed chunks of up to 128 bytes go on "fast" lists and stay marked
#   as in use. They are joined when a request or a free of a large block comes
#   by. Here none comes, so the heap has no free end to give back although
#   nothing in it is alive. One malloc(2000) with its free ends it.
# One would have guessed: when all is free, and freed in order, the end of the
#   heap is free, and what is above 128 KiB goes back.
# Seen, resident KiB with the blocks, without them, after one malloc(2000)
#   and free: "24 bytes: 292972 292972 132", "200 bytes: 292972 132 132".
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
    size_t size = atol(argv[1]);
    long start = resident();
    /* The blocks form a list, so that nothing but blocks is counted. */
    void *first = NULL, **end = &first;
    for (size_t sum = 0; sum < 300000000; sum += size + 8)
        end = *end = malloc(size);
    *end = NULL;
    long with = resident() - start;
    while (first) {
        void *next = *(void **)first;
        free(first);
        first = next;
    }
    long without = resident() - start;
    void *volatile large = malloc(2000);
    free(large);
    printf("%ld %ld %ld\n", with, without, resident() - start);
}
END
gcc -O1 -fno-builtin small.c -o small
lib=$(dirname "$(find "$PWD/glibc" -name libc.so.6)")
run() { "$lib/ld-linux-x86-64.so.2" --library-path "$lib" ./small "$1"; }
read -r with24 without24 after24 < <(run 24)
read -r with200 without200 after200 < <(run 200)
echo "24 bytes: $with24 $without24 $after24"
echo "200 bytes: $with200 $without200 $after200"
if ((with24 < 280000 || without24 < 280000 || after24 > 5000 ||
    with200 < 280000 || without200 > 5000 || after200 > 5000)); then
    echo "expected all kept after freeing 24 bytes, until the malloc(2000)," \
        "and nothing kept of 200 bytes" >&2
    exit 1
fi
