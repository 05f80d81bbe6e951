#!/usr/bin/env bash
# A shell goes ten thousand times round a loop that sets two variables. It takes
# half a million pieces of memory meanwhile, and calls malloc nineteen times.
#
# Versions: Debian's mksh 59c-28+deb12u1, libc6 2.36-9+deb12u14.
# Behaviour: all memory of mksh goes through one function that calls realloc,
#   with NULL for a block that is new. So 400,000 calls are realloc(NULL, size),
#   100,000 change a block, and none of them is a malloc: 50 calls for each turn
#   of the loop. What is left are the C library's own. Whoever counts malloc and
#   calloc to learn what a program takes sees nearly nothing of this one, and a
#   realloc that takes a longer way for NULL is the speed of the whole shell.
# One would have guessed: a new block comes from malloc, and realloc is for what
#   grows; an assignment is a call or two.
# Seen: "mallocs: fewer than 50", "reallocs: more than 40 a turn",
#   "of NULL: more than three in four".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download mksh=59c-28+deb12u1 libc6=2.36-9+deb12u14 2>apt.log ||
    { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
lib=$(dirname "$(find "$PWD/root" -name libc.so.6)")
cat >count.c <<'END'
#include <stdio.h>
#include <stdlib.h>
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
static long mallocs, reallocs, fresh;
void *malloc(size_t size) { mallocs++; return __libc_malloc(size); }
void *calloc(size_t count, size_t size) {
    mallocs++;
    return __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) {
    reallocs++;
    fresh += old == NULL;
    return __libc_realloc(old, size);
}
__attribute__((destructor)) static void end(void) {
    fprintf(stderr, "%ld %ld %ld\n", mallocs, reallocs, fresh);
}
END
gcc -O1 -fno-builtin -shared -fPIC count.c -o count.so
turns=10000
cat >loop.sh <<END
i=0
while [ \$i -lt $turns ]; do
    i=\$((i + 1))
    word=number\$i
done
echo "\$word"
END
"$lib/ld-linux-x86-64.so.2" --library-path "$lib" --preload ./count.so \
    root/bin/mksh loop.sh >out 2>calls
grep -qx "number$turns" out
read -r mallocs reallocs fresh <calls
echo "mallocs $mallocs, reallocs $reallocs, of NULL $fresh"
[ "$mallocs" -lt 50 ] && echo "mallocs: fewer than 50"
[ "$reallocs" -gt $((turns * 40)) ] && echo "reallocs: more than 40 a turn"
[ $((fresh * 4)) -gt $((reallocs * 3)) ] &&
    echo "of NULL: more than three in four"
