#!/usr/bin/env bash
# Under memcheck every realloc moves, even to the same size; under valgrind's
# other tools none of these does.
#
# Version: Debian's valgrind 1:3.19.0-1.
# Behaviour: memcheck makes a new block for each realloc and puts the old one
#   in quarantine, so that a pointer kept from before is found out. massif,
#   dhat, helgrind and drd keep the block where it is as long as it fits. A
#   loop that grows a buffer by a byte, cheap outside, copies it each time.
#   And a program that forgets to take realloc's answer is found out under
#   memcheck only.
# One would have guessed: one core replaces malloc for all tools, hence one
#   behaviour; and shrinking, or the same size again, has no reason to move.
# Seen, moves of 100 to the same size and of 100 to one byte less:
#   "none: 0 0", "memcheck: 100 100", "massif: 0 0", "dhat: 0 0",
#   "helgrind: 0 0", "drd: 0 0".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download valgrind=1:3.19.0-1 2>apt.log || { cat apt.log; exit 1; }
dpkg-deb -x valgrind_*.deb root
valgrind=$dir/root/usr/bin/valgrind
export VALGRIND_LIB=$dir/root/usr/libexec/valgrind
cat >moves.c <<'END'
#include <stdio.h>
#include <stdlib.h>
static char *block;
static int moves(size_t size) {
    char *before = block;
    block = realloc(block, size);
    return block != before;
}
int main(void) {
    int same = 0, less = 0;
    block = malloc(200);
    for (int i = 0; i < 100; i++) same += moves(200);
    for (int i = 1; i <= 100; i++) less += moves(200 - i);
    printf("%d %d\n", same, less);
}
END
gcc -O1 -fno-builtin -w moves.c -o moves
expect() { # name, expected, command
    local name=$1 expected=$2 seen
    shift 2
    seen=$("$@" 2>/dev/null)
    echo "$name: $seen"
    [[ $seen == "$expected" ]] || {
        echo "$name: expected $expected, seen $seen" >&2
        exit 1
    }
}
expect none "0 0" ./moves
expect memcheck "100 100" "$valgrind" -q --tool=memcheck ./moves
expect massif "0 0" "$valgrind" -q --tool=massif --massif-out-file=m ./moves
expect dhat "0 0" "$valgrind" -q --tool=dhat --dhat-out-file=d ./moves
expect helgrind "0 0" "$valgrind" -q --tool=helgrind ./moves
expect drd "0 0" "$valgrind" -q --tool=drd ./moves
