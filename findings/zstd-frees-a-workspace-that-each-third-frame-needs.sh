#!/usr/bin/env bash
# After one large frame a zstd context holds 85 MB while it makes 128 small
# ones. Where each third frame is large, it frees its memory as often.
#
# Version: Debian's libzstd1 and libzstd-dev 1.5.4+dfsg2-5.
# Behaviour: a workspace that is over three times too large is kept for 128 uses
#   and freed with the next; ZSTD_CCtx_reset, with the parameters too, frees
#   nothing. But what is counted is every use, also one that fills it, and
#   "too large" is measured by what the frame before left over. So a context
#   that takes a large frame and two small ones in turn, and needs its memory
#   all the time, gives it back with a small frame after each 130 or so and
#   takes it again with the next large one. Large and small in turn never do.
# One would have guessed: a context keeps its largest workspace until it is
#   freed or reset; or loses it after a long run of small frames only.
# Seen: "small 41582, large 85196758, reset 85196758, freed with small frame
#   129"; frames with which a workspace is freed: "large, small, small: 132
#   264 396 528", "large, small: none".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libzstd1=1.5.4+dfsg2-5 libzstd-dev=1.5.4+dfsg2-5 \
    2>apt.log || { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
cat >frames.c <<'END_C'
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>
enum { LARGE = 16 << 20, SMALL = 1000 };
static char *source, *target;
static size_t compress(ZSTD_CCtx *context, size_t size, int level) {
    size_t answer = ZSTD_compressCCtx(
        context, target, ZSTD_compressBound(LARGE), source, size, level);
    if (ZSTD_isError(answer)) exit(2);
    return ZSTD_sizeof_CCtx(context);
}
static void in_turn(int turn) {
    ZSTD_CCtx *context = ZSTD_createCCtx();
    size_t before = 0;
    for (int frame = 1; frame <= 600; frame++) {
        size_t now = frame % turn == 1 ? compress(context, LARGE / 4, 6)
                                       : compress(context, SMALL, 3);
        if (now < before) printf(" %d", frame);
        before = now;
    }
    puts("");
}
int main(void) {
    source = malloc(LARGE);
    target = malloc(ZSTD_compressBound(LARGE));
    for (unsigned i = 0; i < LARGE; i++) source[i] = i * 2654435761u >> 20;
    ZSTD_CCtx *context = ZSTD_createCCtx();
    size_t small = compress(context, SMALL, 3);
    size_t large = compress(context, LARGE, 19);
    ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
    printf("small %zu, large %zu, reset %zu", small, large,
           ZSTD_sizeof_CCtx(context));
    int frame = 1;
    while (compress(context, SMALL, 3) == large) frame++;
    printf(", freed with small frame %d\n", frame);
    printf("large, small, small:");
    in_turn(3);
    printf("large, small:");
    in_turn(2);
}
END_C
gcc -O1 frames.c -Iroot/usr/include \
    root/usr/lib/x86_64-linux-gnu/libzstd.a -o frames
seen=$(./frames)
echo "$seen"
expected="small 41582, large 85196758, reset 85196758, freed with small frame 129
large, small, small: 132 264 396 528
large, small:"
[[ $seen == "$expected" ]] || { echo "expected: $expected" >&2; exit 1; }
