#!/usr/bin/env bash
# Replace malloc in a musl program, and aligned_alloc answers ENOMEM.
#
# Version: Debian's musl and musl-dev 1.2.3-1.
# Behaviour: a program brings malloc, free, calloc and realloc, the four that
#   glibc's manual asks for. In a dynamic program musl notices that malloc is
#   not its own, does not know how to align somebody else's blocks, and fails:
#   null and ENOMEM from aligned_alloc and posix_memalign, with all memory
#   free. In a static program it does not notice; the aligned block comes from
#   musl's own heap, and goes to a free that has never seen it.
# One would have guessed: musl's aligned_alloc takes a larger block from malloc
#   and rounds up; or that it is the same for static and dynamic.
# Seen: "dynamic: null, error 12, posix_memalign 12",
#   "static: block outside the new heap, error 0, posix_memalign 0".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download musl=1.2.3-1 musl-dev=1.2.3-1 2>apt.log ||
    { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
cat >replaced.c <<'END'
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static _Alignas(16) char heap[1 << 22];
static size_t top;
void *malloc(size_t size) {
    void *block = heap + top;
    top += (size + 15) & ~(size_t)15;
    return block;
}
void free(void *block) { (void)block; }
void *calloc(size_t count, size_t size) { return malloc(count * size); }
void *realloc(void *old, size_t size) {
    char *block = malloc(size);
    if (old) memcpy(block, old, size);
    return block;
}
int main(void) {
    errno = 0;
    char *block = aligned_alloc(64, 640);
    int error = errno;
    void *other = NULL;
    int answer = posix_memalign(&other, 64, 640);
    printf("%s, error %d, posix_memalign %d\n",
           !block ? "null"
           : block >= heap && block < heap + sizeof heap
               ? "block of the new heap"
               : "block outside the new heap",
           error, answer);
}
END
# musl without its gcc wrapper, whose paths are absolute.
lib=root/usr/lib/x86_64-linux-musl
loader=$(find root/lib -name 'ld-musl-x86_64.so.1')
include=root/usr/include/x86_64-linux-musl
gcc -w -fno-builtin -fno-stack-protector -nostdinc -isystem "$include" \
    -fno-pie -c replaced.c -o replaced.o
link=(gcc -no-pie -nostdlib replaced.o "$lib/crt1.o" "$lib/crti.o"
    "$lib/crtn.o")
"${link[@]}" "$loader" -o dynamic
"${link[@]}" -static "$lib/libc.a" -lgcc -o static
expect() {
    echo "$1: $3"
    [[ $3 == "$2" ]] || { echo "$1: expected $2, seen $3" >&2; exit 1; }
}
expect dynamic "null, error 12, posix_memalign 12" "$("$loader" ./dynamic)"
expect static "block outside the new heap, error 0, posix_memalign 0" \
    "$(./static)"
