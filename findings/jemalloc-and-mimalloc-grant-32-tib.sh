#!/usr/bin/env bash
# malloc of 32 TiB, on a machine with far less: glibc and tcmalloc say no,
# jemalloc and mimalloc give the block.
#
# Versions: Debian's libc6 2.36-9+deb12u14, libjemalloc2 5.3.0-1,
#   libtcmalloc-minimal4 2.10-1, libmimalloc2.0 2.0.9+ds-2; Linux with
#   vm.overcommit_memory at 0, as it usually is.
# Behaviour: at 0 the kernel refuses what is more than all memory and swap
#   together. jemalloc and mimalloc map with MAP_NORESERVE, for which it does
#   not count. A program that tries large and goes on with less when it gets
#   null (a buffer, a table of hashes) works with two of the four; with the
#   others it is ended at a touch, much later.
# One would have guessed: the kernel decides, so that all four get the same
#   answer.
# Seen: "glibc: null", "tcmalloc: null", "jemalloc: block", "mimalloc: block".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

overcommit=$(cat /proc/sys/vm/overcommit_memory)
[[ $overcommit == 0 ]] || { echo "overcommit: $overcommit" >&2; exit 1; }
apt-get -qq download libc6=2.36-9+deb12u14 libjemalloc2=5.3.0-1 \
    libtcmalloc-minimal4=2.10-1 libmimalloc2.0=2.0.9+ds-2 2>apt.log ||
    { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
cat >large.c <<'END'
#include <stdio.h>
#include <stdlib.h>
int main(void) {
    void *volatile block = malloc((size_t)1 << 45);
    puts(block ? "block" : "null");
}
END
gcc -O1 -fno-builtin large.c -o large
lib=$(dirname "$(find "$PWD/root" -name libc.so.6)")
more=$(dirname "$(find "$PWD/root" -name libjemalloc.so.2)")
expect() { # name, expected, arguments
    local name=$1 expected=$2 seen
    shift 2
    seen=$("$lib/ld-linux-x86-64.so.2" --library-path \
        "$lib:$more:/usr/lib/x86_64-linux-gnu" "$@" ./large 2>/dev/null)
    echo "$name: $seen"
    [[ $seen == "$expected" ]] || {
        echo "$name: expected $expected, seen $seen" >&2
        exit 1
    }
}
expect glibc null
expect tcmalloc null --preload "$more/libtcmalloc_minimal.so.4"
expect jemalloc block --preload "$more/libjemalloc.so.2"
expect mimalloc block --preload "$more/libmimalloc.so.2.0"
