#!/usr/bin/env bash
# A library that counts malloc, preloaded before an allocator, sees no `new`.
#
# Versions: Debian's libjemalloc2 5.3.0-1, libtcmalloc-minimal4 2.10-1,
#   libmimalloc2.0 2.0.9+ds-2, libstdc++6 12.2.0-14+deb12u1.
# Behaviour: libstdc++'s operator new calls malloc, so a counter, tracer or
#   fault injector on malloc counts C++ as well. jemalloc, tcmalloc and mimalloc
#   bring their own operator new, which goes straight to their inside. The
#   counter stands in front of them and is asked for one of 10,001 blocks, the
#   one that libstdc++ takes at its start.
# One would have guessed: who comes first in LD_PRELOAD sees every allocation,
#   for everything in the end is malloc.
# Seen: "none: 10001", "jemalloc: 1", "tcmalloc: 1", "mimalloc: 1".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libjemalloc2=5.3.0-1 libtcmalloc-minimal4=2.10-1 \
    libmimalloc2.0=2.0.9+ds-2 2>apt.log || { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
version=$(dpkg-query -W -f='${Version}' libstdc++6)
[[ $version == 12.2.0-14+deb12u1 ]] ||
    { echo "libstdc++6 $version" >&2; exit 1; }
cat >count.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>
void *__libc_malloc(size_t);
static void *(*next)(size_t);
static int looking;
static long calls;
void *malloc(size_t size) {
    if (looking) return __libc_malloc(size); /* dlsym may allocate */
    if (!next) {
        looking = 1;
        next = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
        looking = 0;
    }
    calls++;
    return next(size);
}
__attribute__((destructor)) static void report(void) {
    char line[32];
    int length = snprintf(line, sizeof line, "%ld\n", calls);
    if (write(1, line, length) != length) _exit(2);
}
END
gcc -O1 -fno-builtin -shared -fPIC count.c -o count.so
cat >list.cc <<'END'
#include <list>
int main() {
    std::list<int> list;
    for (int i = 0; i < 10000; i++) list.push_back(i);
    return list.size() != 10000;
}
END
g++ -O0 list.cc -o list
more=$(dirname "$(find "$PWD/root" -name libjemalloc.so.2)")
expect() { # name, expected, allocator
    local seen
    seen=$(LD_PRELOAD="$PWD/count.so $3" ./list)
    echo "$1: $seen"
    [[ $seen == "$2" ]] || { echo "$1: expected $2, seen $seen" >&2; exit 1; }
}
expect none 10001 ""
expect jemalloc 1 "$more/libjemalloc.so.2"
expect tcmalloc 1 "$more/libtcmalloc_minimal.so.4"
expect mimalloc 1 "$more/libmimalloc.so.2.0"
