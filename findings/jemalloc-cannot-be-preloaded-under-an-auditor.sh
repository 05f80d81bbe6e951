#!/usr/bin/env bash
# With any LD_AUDIT library, a program under a preloaded jemalloc won't start.
#
# Versions: Debian's libjemalloc2 5.3.0-1, libmimalloc2.0 2.0.9+ds-2,
#   libtcmalloc-minimal4 2.10-1, libc6 2.36-9+deb12u14.
# Behaviour: jemalloc wants 2,632 bytes of thread-local memory at a fixed
#   place. For what is loaded at the start the loader has always room, that is
#   why preloading works where dlopen fails. When there is an auditor, the
#   loader lays out thread-local memory before it loads what is preloaded, and
#   then only its small reserve is left. An auditor that does nothing is enough.
# One would have guessed: the static TLS error is one of dlopen; a library that
#   is preloaded counts as there from the start.
# Seen: "jemalloc alone: starts", "jemalloc audited: cannot allocate memory in
#   static TLS block", "tcmalloc audited: starts", "mimalloc audited: starts".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libjemalloc2=5.3.0-1 libtcmalloc-minimal4=2.10-1 \
    libmimalloc2.0=2.0.9+ds-2 2>apt.log || { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
version=$(dpkg-query -W -f='${Version}' libc6)
[[ $version == 2.36-9+deb12u14 ]] || { echo "libc6 $version" >&2; exit 1; }
echo 'unsigned la_version(unsigned v) { return v; }' >audit.c
gcc -shared -fPIC audit.c -o audit.so
# Prints which allocator answered, for a preload that failed is a warning only.
cat >program.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv) {
    Dl_info info;
    if (argc < 2 || !dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info)) return 2;
    return strstr(info.dli_fname, argv[1]) ? 0 : 3;
}
END
gcc program.c -o program
more=$(dirname "$(find "$PWD/root" -name libjemalloc.so.2)")
expect() { # what, expected, library, auditor
    local seen error
    if error=$(env LD_PRELOAD="$more/lib$3" LD_AUDIT="$4" \
        ./program "$3" 2>&1); then
        seen=starts
    else
        seen=${error##*: }
    fi
    echo "$1: $seen"
    [[ $seen == "$2" ]] || { echo "$1: expected $2, seen $seen" >&2; exit 1; }
}
expect "jemalloc alone" starts jemalloc.so.2 ""
expect "jemalloc audited" "cannot allocate memory in static TLS block" \
    jemalloc.so.2 "$PWD/audit.so"
expect "tcmalloc audited" starts tcmalloc_minimal.so.4 "$PWD/audit.so"
expect "mimalloc audited" starts mimalloc.so.2.0 "$PWD/audit.so"
