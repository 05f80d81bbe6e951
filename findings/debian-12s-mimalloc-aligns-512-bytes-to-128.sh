#!/usr/bin/env bash
# posix_memalign(&p, 512, 512) says 0, and p is a multiple of 128 alone.
#
# Version: Debian 12's libmimalloc2.0 2.0.9+ds-2; Debian 13's libmimalloc3
#   3.0.1+ds-2.1 beside it (on Debian 13's libc6 2.41-12+deb13u5).
# Behaviour: 2.0.9 takes a short way where the size is a power of two and no
#   less than the alignment: blocks of such sizes, it supposes, lie at
#   multiples of themselves. That is so up to 128 bytes and from 2,048 on;
#   between, pages of blocks begin too early. All blocks of these sizes are
#   off, not one now and then, and one byte more or less asked for is right.
#   It was reported in February 2023 (microsoft/mimalloc, issue 700) and is
#   mended in later versions; the stable Debian of that year keeps it.
# One would have guessed: an alignment that is refused is refused by EINVAL, and
#   one that is granted holds. Nobody looks at the address afterwards, and a
#   fault that depends on the size alone would be found before a release.
# Seen, which of the alignments from 16 to 8192 were not kept, for as many bytes:
#   "209: 256 512 1024", "301:"; for one byte more: "209:", "301:".
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
    libmimalloc3=3.0.1+ds-2.1 &&
    apt-get -qq download libmimalloc2.0=2.0.9+ds-2; } >apt.log 2>&1 ||
    { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done

cat >align.c <<'END'
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
int mi_version(void) __attribute__((weak));
int main(int args, char **more) {
    printf("%d:", mi_version ? mi_version() : 0);
    for (size_t align = 16; align <= 8192; align *= 2) {
        int wrong = 0;
        for (int i = 0; i < 64; i++) {
            void *block;
            if (posix_memalign(&block, align, align + atoi(more[1]))) return 1;
            wrong += (uintptr_t)block % align != 0;
        }
        if (wrong == 64) printf(" %zu", align);
        else if (wrong) printf(" %zu(%d)", align, wrong);
    }
    puts("");
}
END
cc -O1 -fno-builtin -o align align.c
old=$(find root -name 'libmimalloc.so.2.0')
new=$(find root -name 'libmimalloc.so.3*' -type f)
lib=root/usr/lib/x86_64-linux-gnu
run() {
    LD_PRELOAD="$dir/$old" ./align "$1"
    "$lib/ld-linux-x86-64.so.2" --library-path "$lib" \
        --preload "$dir/$new" ./align "$1"
}
{ run 0; run 1; } >seen
cat seen
[[ $(<seen) == $'209: 256 512 1024\n301:\n209:\n301:' ]] ||
    { echo "it is not what it was" >&2; exit 1; }
