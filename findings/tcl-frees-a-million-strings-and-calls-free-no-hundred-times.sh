#!/usr/bin/env bash
# Tcl lets go of a million strings, and a malloc in front of it hears next to
# nothing: not a hundred calls of free, and 9 of 10 pages stay.
#
# Versions: Debian's tcl8.6 8.6.13+dfsg-2, libc6 2.36-9+deb12u14.
# Behaviour: Tcl with threads brings an allocator of its own, with a cache for
#   each thread. It asks malloc for pieces of 16 KiB and more, cuts blocks of up
#   to 16 KiB from them, and has no way back: a list of 1,000,000 strings that is
#   unset goes to the thread's cache and no further. Strings of another length
#   that come next cannot use what lies there in blocks of other sizes, so the
#   process grows. Whichever malloc is preloaded, the figures stay: it sees
#   7 calls for each 1,000 strings, and almost no free.
# One would have guessed: Tcl counts references and frees at once, so what is
#   unset is the malloc's again.
# Seen: "frees: fewer than 100", "after unset: more than 85 of 100 pages stay",
#   "other lengths: more than a third on top".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download tcl8.6=8.6.13+dfsg-2 libtcl8.6=8.6.13+dfsg-2 \
    libc6=2.36-9+deb12u14 2>apt.log || { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
lib=$(dirname "$(find "$PWD/root" -name libc.so.6)")
more=$dir/root/usr/lib/x86_64-linux-gnu
export TCL_LIBRARY=$dir/root/usr/share/tcltk/tcl8.6
cat >count.c <<'END'
#include <stdio.h>
#include <stdlib.h>
extern void *__libc_malloc(size_t);
extern void __libc_free(void *);
static long mallocs, frees;
void *malloc(size_t size) { mallocs++; return __libc_malloc(size); }
void free(void *block) { frees += block != NULL; __libc_free(block); }
__attribute__((destructor)) static void end(void) {
    fprintf(stderr, "%ld %ld\n", mallocs, frees);
}
END
gcc -O1 -fno-builtin -shared -fPIC count.c -o count.so
cat >strings.tcl <<'END'
proc kib {} {
    set file [open /proc/self/status]
    regexp {VmRSS:\s+(\d+)} [read $file] -> kib
    close $file
    return $kib
}
proc fill {count times} {
    for {set i 0} {$i < $count} {incr i} {
        lappend list [string repeat "number $i " $times]
    }
    return $list
}
set list [fill 1000000 2]
set filled [kib]
unset list
set after [kib]
set list [fill 200000 12]
puts "$filled $after [kib]"
END
"$lib/ld-linux-x86-64.so.2" \
    --library-path "$lib:$more:/usr/lib/x86_64-linux-gnu" --preload ./count.so \
    root/usr/bin/tclsh8.6 strings.tcl >kib 2>calls
read -r filled after again <kib
read -r mallocs frees <calls
echo "mallocs $mallocs, frees $frees; KiB $filled, $after, $again"
[ "$mallocs" -gt 4000 ] && [ "$mallocs" -lt 40000 ]
[ "$frees" -lt 100 ] && echo "frees: fewer than 100"
[ $((after * 100)) -gt $((filled * 85)) ] &&
    echo "after unset: more than 85 of 100 pages stay"
[ $((again * 3)) -gt $((after * 4)) ] &&
    echo "other lengths: more than a third on top"
