#!/usr/bin/env bash
# In APR a pool that needs 100 KiB takes the free node of 50 MiB, whole.
#
# Version: Debian's libapr1 and libapr1-dev 1.7.2-3+deb12u1.
# Behaviour: a destroyed pool's memory stays with its allocator, sorted by
#   size up to 80 KiB; all nodes above that lie on one list and the first that
#   is large enough goes out, uncut. After one large request, which is over,
#   the next pool of 100 KiB holds 50 MiB as long as it lives, and the
#   next large request gets 50 MiB more from the system.
# One would have guessed: a pool asks malloc, which cuts blocks to size; or
#   best fit; or that destroying the pool gives back what it took.
# Seen, growth of the address space: "50 MiB twice: 51212 KiB",
#   "with 100 KiB between: 102424 KiB".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libapr1=1.7.2-3+deb12u1 libapr1-dev=1.7.2-3+deb12u1 \
    libuuid1 2>apt.log || { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
cat >pools.c <<'END'
#include <apr_general.h>
#include <apr_pools.h>
#include <stdio.h>
static long address_space(void) {
    static char buffer[4096];
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    setbuf(file, buffer);
    if (fscanf(file, "%ld", &pages) != 1) return -1;
    fclose(file);
    return pages * 4;
}
int main(int argc, char **argv) {
    apr_pool_t *parent, *request, *small;
    (void)argv;
    if (apr_initialize() || apr_pool_create(&parent, NULL)) return 2;
    long before = address_space();
    apr_pool_create(&request, parent);
    apr_palloc(request, 50 << 20);
    apr_pool_destroy(request);
    apr_pool_create(&small, parent);
    if (argc > 1) apr_palloc(small, 100 << 10);
    apr_pool_create(&request, parent);
    apr_palloc(request, 50 << 20);
    printf("%ld\n", address_space() - before);
}
END
lib=$(dirname "$(find "$PWD/root" -name libapr-1.so.0)")
gcc -O1 -D_GNU_SOURCE -I root/usr/include/apr-1.0 pools.c \
    "$lib/libapr-1.so.0" -Wl,-rpath-link,"$lib" -o pools
twice=$(LD_LIBRARY_PATH=$lib ./pools)
between=$(LD_LIBRARY_PATH=$lib ./pools between)
echo "50 MiB twice: $twice KiB"
echo "with 100 KiB between: $between KiB"
if ((twice > 60000 || between < 100000)); then
    echo "expected under 60000 and over 100000 KiB" >&2
    exit 1
fi
