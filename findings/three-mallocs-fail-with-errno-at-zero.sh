#!/usr/bin/env bash
# A request that no machine can meet: null, and errno is still 0, so perror(3)
# says "Success". Each of three mallocs has a call in which that happens.
#
# Versions: Debian 13's libmimalloc3 3.0.1+ds-2.1, libjemalloc2 5.3.0-3 and
#   libtcmalloc-minimal4t64 2.16-1, on libc6 2.41-12+deb13u5. (Debian 12's
#   2.0.9+ds-2, 5.3.0-1 and 2.10-1 do the same on 2.36.)
# Behaviour: each sets ENOMEM where the system has refused it memory. What
#   is missing is the short way for sizes past the largest: in mimalloc that of
#   malloc, calloc, realloc and aligned_alloc (but not of reallocarray), in
#   jemalloc that of realloc alone, in tcmalloc that of a calloc whose product
#   overflows. All three set it in most other calls, and glibc in all.
# One would have guessed: errno is ENOMEM whenever null comes back for a size
#   above 0, as POSIX and malloc(3) say; above all in a library that is made to
#   be preloaded; and if one forgets it, it forgets it everywhere.
# Seen, the calls that failed and left errno at 0: "glibc:",
#   "mimalloc: malloc calloc realloc aligned_alloc", "jemalloc: realloc",
#   "tcmalloc: calloc".
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
{ apt_trixie update && apt_trixie download libc6=2.41-12+deb13u5 \
    libmimalloc3=3.0.1+ds-2.1 libjemalloc2=5.3.0-3 \
    libtcmalloc-minimal4t64=2.16-1 libstdc++6=14.2.0-19 \
    libgcc-s1=14.2.0-19; } >apt.log 2>&1 || { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done

cat >refused.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#define ASK(name, call)                      \
    do {                                     \
        errno = 0;                           \
        void *volatile given = call;         \
        if (given) return 1;                 \
        if (errno != ENOMEM) puts(" " name); \
    } while (0)
int main(void) {
    Dl_info info;
    volatile size_t half = SIZE_MAX / 2 + 1;
    void *block = malloc(10);
    if (!dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info)) return 1;
    fprintf(stderr, "%s\n", info.dli_fname);
    ASK("malloc", malloc(half));
    ASK("calloc", calloc(half, 2));
    ASK("realloc", realloc(block, half));
    ASK("reallocarray", reallocarray(block, half, 4));
    ASK("aligned_alloc", aligned_alloc(64, half));
}
END
cc -w -O1 -fno-builtin -o refused refused.c
lib=root/usr/lib/x86_64-linux-gnu
asked() {
    printf '%s:' "$1"
    "$lib/ld-linux-x86-64.so.2" --library-path "$lib" ${2:+--preload "$2"} \
        ./refused 2>whose | tr -d '\n'
    echo
    # What answered is what was meant.
    grep -q "lib${3:-c}" whose
}
{
    asked glibc
    asked mimalloc "$dir/$lib/libmimalloc.so.3.0" mimalloc
    asked jemalloc "$dir/$lib/libjemalloc.so.2" jemalloc
    asked tcmalloc "$dir/$lib/libtcmalloc_minimal.so.4" tcmalloc
} >seen
cat seen
[[ $(<seen) == 'glibc:
mimalloc: malloc calloc realloc aligned_alloc
jemalloc: realloc
tcmalloc: calloc' ]] || { echo "it is not what it was" >&2; exit 1; }
