#!/usr/bin/env bash
# Six tools are asked how much one program allocates: memusage says 15 MiB,
# heaptrack 63, massif, mtrace and gperftools 127, memray 255.
#
# Versions: Debian's libc6 2.36-9+deb12u14 (memusage, mtrace), libheaptrack
#   1.4.0-2, valgrind 1:3.19.0-1, libgoogle-perftools4 2.10-1; memray 1.19.1
#   from PyPI.
# Behaviour: the program makes eight calls, of 1, 2, 4 ... 128 MiB, so that each
#   sum tells which were seen. glibc's memusage knows malloc, calloc, realloc
#   and nothing that takes an alignment; so it misses C++'s new for types with
#   more than 16. heaptrack knows those, but not memalign. memray counts mmap
#   as well, the others what malloc's family gave.
# One would have guessed: every tool of this kind hooks all of malloc's family;
#   if there's a gap, it is in mmap.
# Seen, MiB and what is missing: "memusage: 15, without posix_memalign
#   aligned_alloc memalign mmap", "heaptrack: 63, without memalign mmap",
#   "massif: 127, without mmap", "mtrace: 127, without mmap", "gperftools: 127,
#   without mmap", "memray: 255, without nothing".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

for package in libc6=2.36-9+deb12u14 valgrind=1:3.19.0-1; do
    [[ $(dpkg-query -W -f '${Version}' "${package%%=*}") == "${package#*=}" ]] ||
        { echo "expected $package" >&2; exit 1; }
done
apt-get -qq download libheaptrack=1.4.0-2 libgoogle-perftools4=2.10-1 \
    libunwind8=1.6.2-3 2>apt.log || { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check memray==1.19.1
cat >calls.c <<'END_C'
#include <malloc.h>
#include <mcheck.h>
#include <stdlib.h>
#include <sys/mman.h>
void *blocks[8];
int calls(void) {
    blocks[0] = malloc(1 << 20);
    blocks[1] = calloc(1, 2 << 20);
    blocks[2] = realloc(malloc(16), 4 << 20);
    blocks[3] = reallocarray(NULL, 1, 8 << 20);
    int answer = posix_memalign(&blocks[4], 64, 16 << 20);
    blocks[5] = aligned_alloc(64, 32 << 20);
    blocks[6] = memalign(64, 64 << 20);
    blocks[7] = mmap(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
                     -1, 0);
    return answer;
}
#ifdef TRACED
int main(void) {
    mtrace();
    return calls();
}
#elif !defined LIBRARY
int main(void) { return calls(); }
#endif
END_C
gcc -fno-builtin -w calls.c -o calls
gcc -fno-builtin -w -DTRACED calls.c -o traced
gcc -fno-builtin -w -DLIBRARY -shared -fPIC calls.c -o calls.so
cat >under_memray.py <<'END_PY'
import ctypes
import memray
library = ctypes.CDLL("./calls.so")
with memray.Tracker("memray.out"):
    library.calls()
records = memray.FileReader("memray.out").get_high_watermark_allocation_records()
print(sum(record.size for record in records))
END_PY
sum() { # of the sizes on standard input, of which any base is read
    local total=0 size
    while read -r size; do ((total += size)); done
    echo "$total"
}
expect() { # name, MiB, bytes counted, which may be some KiB more
    local mib=$(($3 / 1048576)) missing="" names i
    names=(malloc calloc realloc reallocarray posix_memalign aligned_alloc
        memalign mmap)
    for i in {0..7}; do
        ((mib >> i & 1)) || missing+=" ${names[i]}"
    done
    echo "$1: $mib, without${missing:- nothing}"
    ((mib == $2)) || { echo "$1: expected $2" >&2; exit 1; }
}
lib=$dir/root/usr/lib/x86_64-linux-gnu
LD_PRELOAD=libmemusage.so ./calls 2>memusage.out
expect memusage 15 "$(sed -n 's/.*heap total: \([0-9]*\).*/\1/p' memusage.out)"
LD_LIBRARY_PATH=$lib DUMP_HEAPTRACK_OUTPUT=$dir/heaptrack.out \
    LD_PRELOAD=$dir/root/usr/lib/heaptrack/libheaptrack_preload.so ./calls
expect heaptrack 63 "$(awk '$1 == "+" { print "0x" $2 }' heaptrack.out | sum)"
valgrind -q --tool=massif --massif-out-file=massif.out ./calls
expect massif 127 "$(sed -n 's/^mem_heap_B=//p' massif.out | sort -n | tail -n 1)"
MALLOC_TRACE=mtrace.out LD_PRELOAD=libc_malloc_debug.so.0 ./traced
expect mtrace 127 "$(awk '$3 == "+" || $3 == ">" { print $NF }' mtrace.out | sum)"
LD_LIBRARY_PATH=$lib LD_PRELOAD=libtcmalloc.so.4 HEAPPROFILE=$dir/perftools \
    ./calls 2>perftools.log
last=$(find . -name 'perftools.*.heap' | sort | tail -n 1)
expect gperftools 127 "$(awk 'NR == 1 { print $4 }' "$last")"
expect memray 255 "$(venv/bin/python under_memray.py)"
