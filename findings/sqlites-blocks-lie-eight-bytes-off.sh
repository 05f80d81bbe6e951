#!/usr/bin/env bash
# No block from sqlite3_malloc64 is aligned for a 16-byte type, ever, and 2 GiB
# are refused.
#
# Version: Debian's libsqlite3-0 3.40.1-2+deb12u2, libc6 2.36.
# Behaviour: sqlite writes the size into 8 bytes in front of each block. glibc's
#   blocks begin on a multiple of 16, so sqlite's never do: all of 1,000 blocks
#   of 16 to 16,000 bytes lie at 8 modulo 16. A long double or a vector of SSE
#   in one is misplaced. The size has 64 bits, but from 2^31 - 256 on the answer
#   is null before malloc is asked.
# One would have guessed: what a layer over malloc returns is fit for any type,
#   at least often; and the function with 64 in its name goes beyond 31 bits.
# Seen: "blocks on a multiple of 16: 0 of 1000", "2147483391 bytes: block",
#   "2147483392 bytes: null".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libsqlite3-0=3.40.1-2+deb12u2 2>apt.log ||
    { cat apt.log; exit 1; }
dpkg-deb -x libsqlite3-0_*.deb root
cat >blocks.c <<'END'
#include <stdint.h>
#include <stdio.h>
void *sqlite3_malloc64(uint64_t);
void sqlite3_free(void *);
int sqlite3_initialize(void);
int main(void) {
    int aligned = 0;
    if (sqlite3_initialize()) return 2;
    for (int i = 1; i <= 1000; i++) {
        void *block = sqlite3_malloc64(16 * i);
        if (!block) return 3;
        aligned += (uintptr_t)block % 16 == 0;
    }
    printf("blocks on a multiple of 16: %d of 1000\n", aligned);
    for (uint64_t size = 2147483391; size <= 2147483392; size++) {
        void *block = sqlite3_malloc64(size);
        printf("%ju bytes: %s\n", (uintmax_t)size, block ? "block" : "null");
        sqlite3_free(block);
    }
}
END
sqlite=$(find "$PWD/root" -name libsqlite3.so.0)
gcc -O1 blocks.c "$sqlite" -o blocks
seen=$(LD_LIBRARY_PATH=$(dirname "$sqlite") ./blocks)
echo "$seen"
expected="blocks on a multiple of 16: 0 of 1000
2147483391 bytes: block
2147483392 bytes: null"
[[ $seen == "$expected" ]] || { echo "expected: $expected" >&2; exit 1; }
