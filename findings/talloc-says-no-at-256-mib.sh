#!/usr/bin/env bash
# talloc gives no block of 256 MiB, whatever memory there is.
#
# Version: Debian's libtalloc2 and libtalloc-dev 2.4.0-f2.
# Behaviour: Samba's talloc refuses each request of 2^28 bytes or more with a
#   null pointer, before it asks malloc at all: errno stays what it was. One
#   byte less is served. There is no switch; talloc_set_memlimit is something
#   else. On a 64-bit machine a file of 256 MiB fits no talloc buffer.
# One would have guessed: a layer over malloc takes what malloc takes; its
#   96-byte header is its only cost.
# Seen: "268435455 bytes: block", "268435456 bytes: null, errno 0",
#   "malloc of the same: block".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libtalloc2=2.4.0-f2 libtalloc-dev=2.4.0-f2 2>apt.log ||
    { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
cat >large.c <<'END'
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <talloc.h>
int main(void) {
    void *context = talloc_new(NULL);
    for (size_t size = (1 << 28) - 1; size <= 1 << 28; size++) {
        errno = 0;
        void *block = talloc_size(context, size);
        int error = errno;
        if (block) printf("%zu bytes: block\n", size);
        else printf("%zu bytes: null, errno %d\n", size, error);
    }
    void *plain = malloc(1 << 28);
    printf("malloc of the same: %s\n", plain ? "block" : "null");
    free(plain);
    talloc_free(context);
}
END
talloc=$(find "$PWD/root" -name libtalloc.so.2)
gcc -O1 -fno-builtin -I root/usr/include large.c "$talloc" -o large
seen=$(LD_LIBRARY_PATH=$(dirname "$talloc") ./large)
echo "$seen"
expected="268435455 bytes: block
268435456 bytes: null, errno 0
malloc of the same: block"
[[ $seen == "$expected" ]] || { echo "expected: $expected" >&2; exit 1; }
