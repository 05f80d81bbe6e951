#!/usr/bin/env bash
# gdb's gcore writes 256 MiB of reserved, unreadable memory to disk as zeroes,
# and gives the target page tables for it.
#
# Version: Debian's gdb 13.1-3.
# Behaviour: an allocator that reserves address space with PROT_NONE has it all
#   in the file that gcore writes, in blocks on the disk, not as a hole. To
#   read it gdb reaches past the protection, and the kernel maps its page of
#   zeroes at every place: the process that was looked at keeps half a MiB
#   of page tables more. A kernel's own core leaves such pages out. With
#   MADV_DONTDUMP gcore does too.
# One would have guessed: what cannot be read, and was never written, is not in
#   a core; looking at a process from outside changes nothing inside.
# Seen, KiB on disk and growth of page tables for 256 MiB of PROT_NONE:
#   "reserved: 262592, 512", "reserved with MADV_DONTDUMP: 448, 0".
# It needs the right to trace (root, or one's own child).
set -euo pipefail
dir=$(mktemp -d)
target=
trap 'if [[ $target ]]; then kill "$target" || true; fi; rm -rf "$dir"' EXIT
cd "$dir"

# Its libraries are the machine's, which must therefore have a gdb.
apt-get -qq download gdb=13.1-3 2>apt.log || { cat apt.log; exit 1; }
dpkg-deb -x gdb_*.deb root
# gcore is a script, which looks for gdb beside itself.
gcore=$dir/root/usr/bin/gcore
cat >reserve.c <<'END'
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv) {
    (void)argv;
    void *range = mmap(NULL, 256 << 20, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (range == MAP_FAILED) return 2;
    if (argc > 1 && madvise(range, 256 << 20, MADV_DONTDUMP)) return 3;
    if (write(1, "ready\n", 6) != 6) return 4;
    sleep(100);
}
END
gcc -O1 reserve.c -o reserve
mkfifo ready
tables() { awk '/^VmPTE/ { print $2 }' "/proc/$target/status"; }
expect() { # name, lowest and highest KiB on disk, page tables, argument
    local name=$1 before grown disk
    ./reserve "${@:6}" >ready &
    target=$!
    read -r <ready
    before=$(tables)
    "$gcore" -o core "$target" >gdb.log 2>&1 || { cat gdb.log >&2; exit 1; }
    grown=$(($(tables) - before))
    disk=$(du -k "core.$target" | cut -f1)
    kill "$target"
    wait "$target" 2>/dev/null || true
    rm "core.$target"
    target=
    echo "$name: $disk, $grown"
    ((disk >= $2 && disk <= $3 && grown >= $4 && grown <= $5)) || {
        echo "$name: expected $2 to $3 KiB and $4 to $5 of page tables" >&2
        exit 1
    }
}
expect reserved 262144 300000 400 700
expect "reserved with MADV_DONTDUMP" 0 10000 0 50 dontdump
