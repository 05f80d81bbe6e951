#!/usr/bin/env bash
# A program that links tcmalloc gets sbrk, mmap and __libc_malloc from it too.
#
# Versions: Debian's libtcmalloc-minimal4 2.10-1, libmimalloc2.0 2.0.9+ds-2,
#   libjemalloc2 5.3.0-1.
# Behaviour: besides malloc and its relatives gperftools exports sbrk, mmap,
#   munmap and mremap, to call its hooks. Whoever else moves the break or maps
#   pages in that process goes through it. And a wrapper that forwards to
#   __libc_malloc, to reach glibc's malloc for certain, lands in tcmalloc or in
#   mimalloc; of the three only jemalloc leaves the name alone.
# One would have guessed: an allocator replaces the functions of malloc(3); a
#   name that begins with __libc_ is glibc's.
# Seen, who answers for malloc, sbrk, mmap, __libc_malloc, brk:
#   "tcmalloc: libtcmalloc libtcmalloc libtcmalloc libtcmalloc libc",
#   "jemalloc: libjemalloc libc libc libc libc",
#   "mimalloc: libmimalloc libc libc libmimalloc libc".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libjemalloc2=5.3.0-1 libtcmalloc-minimal4=2.10-1 \
    libmimalloc2.0=2.0.9+ds-2 2>apt.log || { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
cat >whose.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
int main(void) {
    const char *names[] = {"malloc", "sbrk", "mmap", "__libc_malloc", "brk"};
    for (int i = 0; i < 5; i++) {
        Dl_info info;
        if (!dladdr(dlsym(RTLD_DEFAULT, names[i]), &info)) return 2;
        const char *file = strrchr(info.dli_fname, '/') + 1;
        printf("%s%.*s", i ? " " : "", (int)strcspn(file, "._"), file);
    }
}
END
gcc whose.c -o whose
more=$(dirname "$(find "$PWD/root" -name libjemalloc.so.2)")
expect() { # name, expected, library
    local seen
    seen=$(LD_PRELOAD="$more/$3" ./whose)
    echo "$1: $seen"
    [[ $seen == "$2" ]] || { echo "$1: expected $2, seen $seen" >&2; exit 1; }
}
expect tcmalloc "libtcmalloc libtcmalloc libtcmalloc libtcmalloc libc" \
    libtcmalloc_minimal.so.4
expect jemalloc "libjemalloc libc libc libc libc" libjemalloc.so.2
expect mimalloc "libmimalloc libc libc libmimalloc libc" libmimalloc.so.2.0
