#!/usr/bin/env bash
# mallinfo2 counts all threads' heaps; its manual page says that it leaves out
# all but the first. And what was freed into a thread's cache is "in use".
#
# Versions: Debian's libc6 2.36-9+deb12u14 (2.41 does the same), manpages-dev
#   6.03-2.
# Behaviour: "Information is returned for only the main memory allocation area.
#   Allocations in other arenas are excluded", says mallinfo(3) under "Bugs". A
#   thread's 10 MB in a second arena are in arena and uordblks, with the 16
#   bytes or so that each block has more. Of forty blocks, all freed, the seven
#   in the cache remain in uordblks, and no field tells them from living ones.
# One would have guessed: what the manual says; and that uordblks returns to
#   what it was when all is freed.
# Seen, growth by 1,000 blocks of 10,000 bytes in another thread: "arena
#   10158080, uordblks 10019200"; by 40 blocks of 500 bytes, freed: "uordblks
#   3584".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

[[ $(dpkg-query -W -f '${Version}' libc6) == 2.36-9+deb12u14 ]] ||
    { echo "expected libc6 2.36-9+deb12u14" >&2; exit 1; }
apt-get -qq download manpages-dev=6.03-2 2>apt.log || { cat apt.log; exit 1; }
dpkg-deb -x manpages-dev_*.deb root
page=$(zcat root/usr/share/man/man3/mallinfo.3.gz)
for sentence in "returned for only the main memory allocation area." \
    "Allocations in other arenas are excluded."; do
    [[ $page == *"$sentence"* ]] ||
        { echo "the manual page no longer says: $sentence" >&2; exit 1; }
done
cat >info.c <<'END_C'
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
static void *blocks[1000];
static void *work(void *unused) {
    for (int i = 0; i < 1000; i++) blocks[i] = malloc(10000);
    return unused;
}
int main(void) {
    pthread_t thread;
    struct mallinfo2 before = mallinfo2();
    if (pthread_create(&thread, NULL, work, NULL)) return 2;
    pthread_join(thread, NULL);
    struct mallinfo2 after = mallinfo2();
    printf("arena %zu, uordblks %zu\n", after.arena - before.arena,
           after.uordblks - before.uordblks);
    before = mallinfo2();
    for (int i = 0; i < 40; i++) blocks[i] = malloc(500);
    for (int i = 0; i < 40; i++) free(blocks[i]);
    printf("uordblks %zu\n", mallinfo2().uordblks - before.uordblks);
}
END_C
gcc -O1 -fno-builtin -pthread info.c -o info
seen=$(./info)
echo "$seen"
expected="arena 10158080, uordblks 10019200
uordblks 3584"
[[ $seen == "$expected" ]] || { echo "expected: $expected" >&2; exit 1; }
