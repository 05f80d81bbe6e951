#!/usr/bin/env bash
# realloc(p, 300) of a block of 100,000 bytes returns null and ENOMEM.
#
# Versions: Debian's libjemalloc2 5.3.0-1, libtcmalloc-minimal4 2.10-1,
#   libmimalloc2.0 2.0.9+ds-2, libc6 2.36-9+deb12u14.
# Behaviour: these three keep blocks of one size together, so a block that
#   shrinks by much must move, and to move it needs a new block first. With
#   the address space used up there is none, although the answer lies in the
#   old block. glibc cuts the end off in place and succeeds.
# One would have guessed: a realloc to a smaller size cannot fail (Rust's
#   Vec::shrink_to_fit, for one, ends the program if it does).
# Seen: "glibc: block", "jemalloc: null, errno 12", "tcmalloc: null, errno 12",
#   "mimalloc: null, errno 12".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libc6=2.36-9+deb12u14 libjemalloc2=5.3.0-1 \
    libtcmalloc-minimal4=2.10-1 libmimalloc2.0=2.0.9+ds-2 2>apt.log ||
    { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
cat >shrink.c <<'END'
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
int main(void) {
    struct rlimit limit = {256 << 20, 256 << 20};
    if (setrlimit(RLIMIT_AS, &limit)) return 2;
    char *block = malloc(100000);
    if (!block) return 3;
    void *volatile last;
    while ((last = malloc(1 << 16))) {}
    while ((last = malloc(4096))) {}
    while ((last = malloc(200))) {}
    errno = 0;
    char *smaller = realloc(block, 300);
    int error = errno;
    if (smaller) puts("block");
    else printf("null, errno %d\n", error);
}
END
gcc -O1 -fno-builtin shrink.c -o shrink
lib=$(dirname "$(find "$PWD/root" -name libc.so.6)")
more=$(dirname "$(find "$PWD/root" -name libjemalloc.so.2)")
run() {
    "$lib/ld-linux-x86-64.so.2" --library-path \
        "$lib:$more:/usr/lib/x86_64-linux-gnu" "$@" 2>/dev/null
}
expect() {
    echo "$1: $3"
    [[ $2 == "$3" ]] || { echo "$1: expected $2, seen $3" >&2; exit 1; }
}
expect glibc block "$(run ./shrink)"
for name in jemalloc.so.2 tcmalloc_minimal.so.4 mimalloc.so.2.0; do
    expect "${name%%[._]*}" "null, errno 12" \
        "$(run --preload "$more/lib$name" ./shrink)"
done
