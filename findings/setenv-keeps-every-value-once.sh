#!/usr/bin/env bash
# A hundred thousand different values of one environment variable stay in memory
# for good under glibc; the same values once more cost nothing.
#
# Version: Debian's libc6 2.36-9+deb12u14 (2.39 and 2.41 do the same), and musl
#   1.2.3-1 beside it.
# Behaviour: getenv gave out pointers to the old value, so setenv never frees
#   one. But glibc keeps a binary tree of all "NAME=value" that it ever made,
#   and looks there before it allocates: two values in turns take two blocks,
#   however often. Each value that was never there before takes a block and a
#   node, and unsetenv gives nothing back. musl remembers which strings it has
#   made itself, and frees the old one.
# One would have guessed: setenv leaks with every call, as is often told; or
#   that it frees what it allocated, as musl does.
# Seen, resident bytes more for each call, to the next 50: "glibc, two values in
#   turns 0, all different 150, the same again 0, unset 0", "musl, two values in
#   turns 0, all different 0, the same again 0, unset 0".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

[[ $(dpkg-query -W -f '${Version}' libc6) == 2.36-9+deb12u14 ]] ||
    { echo "expected libc6 2.36-9+deb12u14" >&2; exit 1; }
apt-get -qq download musl=1.2.3-1 musl-dev=1.2.3-1 2>apt.log ||
    { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
cat >values.c <<'END_C'
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
enum { ROUNDS = 100000 };
static long before;
static long resident(void) {
    char text[100] = "";
    int file = open("/proc/self/statm", O_RDONLY);
    if (read(file, text, sizeof text - 1) < 0) exit(2);
    close(file);
    return atol(strchr(text, ' ')) * 4;
}
static void tell(const char *what) {
    long now = resident();
    long bytes = (now - before) * 1024 / ROUNDS;
    printf("%s %ld", what, (bytes + 25) / 50 * 50);
    before = now;
}
static void all_different(void) {
    char value[101];
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(value, sizeof value, "%0100d", i);
        setenv("VALUE", value, 1);
    }
}
int main(void) {
    printf(" ");
    setenv("VALUE", "", 1);
    before = resident();
    for (int i = 0; i < ROUNDS; i++)
        setenv("VALUE", i % 2 ? "one of the two" : "the other one", 1);
    tell("two values in turns");
    all_different();
    tell(", all different");
    all_different();
    tell(", the same again");
    unsetenv("VALUE");
    tell(", unset");
    puts("");
}
END_C
cc -O1 -o glibc values.c
# musl without its gcc wrapper, whose paths are absolute.
lib=root/usr/lib/x86_64-linux-musl
loader=$(find root/lib -name 'ld-musl-x86_64.so.1')
cc -O1 -nostdinc -isystem root/usr/include/x86_64-linux-musl -nostdlib \
    -static -no-pie -o musl "$lib/crt1.o" "$lib/crti.o" values.c \
    "$lib/libc.a" "$lib/crtn.o"
seen=$(
    for libc in glibc musl; do printf '%s,' "$libc"; "./$libc"; done
)
echo "$seen"
expected="glibc, two values in turns 0, all different 150, the same again 0, unset 0
musl, two values in turns 0, all different 0, the same again 0, unset 0"
[[ $seen == "$expected" ]] || { echo "expected: $expected" >&2; exit 1; }
