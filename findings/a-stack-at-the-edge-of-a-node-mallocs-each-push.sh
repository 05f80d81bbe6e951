#!/usr/bin/env bash
# In libstdc++ a std::stack of 127 ints calls malloc and free for each push and
# pop; one of 126 or of 128 never does.
#
# Versions: Debian's g++-12 12.2.0-14+deb12u1 with its libstdc++, and libc++
#   1:14.0.6-12.
# Behaviour: stack and queue stand on std::deque, whose nodes have 512 bytes. A
#   node is made as soon as the one before has no place left, and given back the
#   moment it is empty: a stack that swings by one there allocates 512 bytes
#   each time, at every multiple of 128 ints. A queue that holds its length
#   frees a node in front and makes one behind for each 128 elements. libc++
#   keeps one spare node for either case.
# One would have guessed: a deque keeps a spare node, or moves the empty one
#   from the front to the back; std::stack is the structure that allocates next
#   to nothing.
# Seen, calls to operator new for 1,000 pairs of push and pop at 126, 127 and
#   128 elements, and 100,000 through a queue of 100: "libstdc++: 0 1000 0,
#   782", "libc++: 0 0 0, 2".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

[[ $(dpkg-query -W -f '${Version}' g++-12) == 12.2.0-14+deb12u1 ]] ||
    { echo "expected g++-12 12.2.0-14+deb12u1" >&2; exit 1; }
version=1:14.0.6-12
apt-get -qq download "libc++-14-dev=$version" "libc++1-14=$version" \
    "libc++abi1-14=$version" "libunwind-14=$version" 2>apt.log ||
    { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
cat >stack.cpp <<'END_CPP'
#include <cstdio>
#include <cstdlib>
#include <new>
#include <queue>
#include <stack>
static long calls;
void *operator new(std::size_t size) {
    calls++;
    return std::malloc(size);
}
void operator delete(void *block) noexcept { std::free(block); }
void operator delete(void *block, std::size_t) noexcept { std::free(block); }
int main() {
    for (int depth = 126; depth <= 128; depth++) {
        std::stack<int> stack;
        for (int i = 0; i < depth; i++) stack.push(i);
        long start = calls;
        for (int i = 0; i < 1000; i++) {
            stack.push(i);
            stack.pop();
        }
        std::printf("%ld ", calls - start);
    }
    std::queue<int> queue;
    for (int i = 0; i < 100; i++) queue.push(i);
    long start = calls;
    for (int i = 0; i < 100000; i++) {
        queue.push(i);
        queue.pop();
    }
    std::printf("%ld\n", calls - start);
}
END_CPP
lib=$dir/root/usr/lib/llvm-14
g++-12 -std=c++17 -O1 stack.cpp -o libstdc++
g++-12 -std=c++17 -O1 -nostdinc++ -isystem "$lib/include/c++/v1" stack.cpp \
    -nodefaultlibs "-L$lib/lib" -l:libc++.so.1 -l:libc++abi.so.1 -lc -lgcc_s \
    "-Wl,-rpath-link,$lib/lib" -o libc++
expect() {
    local seen
    seen=$(LD_LIBRARY_PATH=$lib/lib ./"$1")
    echo "$1: $seen"
    [[ $seen == "$2" ]] || { echo "$1: expected $2" >&2; exit 1; }
}
expect libstdc++ "0 1000 0 782"
expect libc++ "0 0 0 2"
