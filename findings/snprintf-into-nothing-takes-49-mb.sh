#!/usr/bin/env bash
# snprintf(NULL, 0, "%.*f", 10000000, 1.0) writes nothing, and takes 49 MB for
# it: five bytes for each digit that it counts.
#
# Version: Debian's libc6 2.36-9+deb12u14 (2.41 takes one byte for each), and
#   musl 1.2.3-1 beside it.
# Behaviour: glibc makes the whole number before it passes any of it on, in
#   memory from malloc where its stack would not do: first as wide characters,
#   of four bytes, then once more as bytes. Padding is not made, so a width of
#   ten million costs nothing, nor do ten million digits of an integer. musl
#   has a fixed array for the digits that a double can have, and passes zeroes
#   on as it goes.
# One would have guessed: printf works its way into the stream's buffer and asks
#   malloc for nothing; above all when there is no buffer, to learn how long the
#   result will be, which is what one does before asking malloc for room.
# Seen, peak of resident bytes more, for each of ten million characters:
#   "glibc: %*s 0, %.*d 0, %*f 0, %.*f 5", "musl: %*s 0, %.*d 0, %*f 0, %.*f 0".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

[[ $(dpkg-query -W -f '${Version}' libc6) == 2.36-9+deb12u14 ]] ||
    { echo "expected libc6 2.36-9+deb12u14" >&2; exit 1; }
apt-get -qq download musl=1.2.3-1 musl-dev=1.2.3-1 2>apt.log ||
    { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
cat >count.c <<'END_C'
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
enum { CHARACTERS = 10000000 };
static int count(const char *format, int count) {
    switch (format[strlen(format) - 1]) {
    case 'f': return snprintf(NULL, 0, format, count, 1.0);
    case 's': return snprintf(NULL, 0, format, count, "x");
    default: return snprintf(NULL, 0, format, count, 1);
    }
}
static long peak(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}
int main(int args, char **formats) {
    for (int i = 1; i < args; i++) {
        count(formats[i], 3);
        long before = peak();
        int length = count(formats[i], CHARACTERS);
        long bytes = (peak() - before) * 1024;
        if (length < CHARACTERS) return 1;
        printf("%s %.0f%s", formats[i], (double)bytes / length,
               i + 1 < args ? ", " : "\n");
    }
}
END_C
cc -w -O1 -o glibc count.c
# musl without its gcc wrapper, whose paths are absolute.
lib=root/usr/lib/x86_64-linux-musl
cc -w -O1 -nostdinc -isystem root/usr/include/x86_64-linux-musl -nostdlib \
    -static -no-pie -o musl "$lib/crt1.o" "$lib/crti.o" count.c \
    "$lib/libc.a" "$lib/crtn.o"
# The peak is one for the whole process: what takes most comes last.
seen=$(
    for libc in glibc musl; do
        printf '%s: ' "$libc"
        "./$libc" '%*s' '%.*d' '%*f' '%.*f'
    done
)
echo "$seen"
expected="glibc: %*s 0, %.*d 0, %*f 0, %.*f 5
musl: %*s 0, %.*d 0, %*f 0, %.*f 0"
[[ $seen == "$expected" ]] || { echo "expected: $expected" >&2; exit 1; }
