#!/usr/bin/env bash
# clear() of a std::list on boost::pool_allocator takes quadratic time.
#
# Version: Debian's libboost1.74-dev 1.74.0+ds1-21, g++-12 12.2.0-14+deb12u1.
# Behaviour: pool_allocator keeps its free blocks in the order of their
#   addresses, so that arrays find neighbours, and looks for a freed block's
#   place from the list's start. A list gives its nodes back one by one: each
#   walks past those that went before. object_pool::destroy does the same.
#   Four times the nodes take some sixteen times as long or more; with
#   fast_pool_allocator or plain malloc, four times.
# One would have guessed: a pool of blocks of one size frees in a few
#   instructions, faster than malloc; that is the reason to take one.
# Seen, clear of 5,000 and 20,000 nodes in microseconds (one machine; the
#   ratios are what is tested): "pool_allocator: 96307 2246671",
#   "fast_pool_allocator: 129 490", "std::allocator: 147 613".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

apt-get -qq download libboost1.74-dev=1.74.0+ds1-21 2>apt.log ||
    { cat apt.log; exit 1; }
dpkg-deb -x libboost1.74-dev_*.deb root
version=$(dpkg-query -W -f='${Version}' g++-12)
[[ $version == 12.2.0-14+deb12u1 ]] || { echo "g++-12 $version" >&2; exit 1; }
cat >clear.cc <<'END'
#include <boost/pool/pool_alloc.hpp>
#include <chrono>
#include <cstdio>
#include <list>
template <class Allocator> long microseconds(int nodes) {
    using clock = std::chrono::steady_clock;
    std::list<int, Allocator> list;
    for (int i = 0; i < nodes; i++) list.push_back(i);
    auto start = clock::now();
    list.clear();
    auto spent = clock::now() - start;
    return std::chrono::duration_cast<std::chrono::microseconds>(spent).count();
}
template <class Allocator> void show() {
    long few = microseconds<Allocator>(5000);
    std::printf("%ld %ld\n", few, microseconds<Allocator>(20000));
}
int main() {
    show<boost::pool_allocator<int>>();
    show<boost::fast_pool_allocator<int>>();
    show<std::allocator<int>>();
}
END
g++-12 -O2 -w -I root/usr/include clear.cc -o clear
{
    read -r ordered_few ordered_many
    read -r fast_few fast_many
    read -r std_few std_many
} < <(./clear)
echo "pool_allocator: $ordered_few $ordered_many"
echo "fast_pool_allocator: $fast_few $fast_many"
echo "std::allocator: $std_few $std_many"
if ((ordered_many < 6 * ordered_few || ordered_many < 50 * fast_many ||
    ordered_many < 50 * std_many)); then
    echo "expected pool_allocator's clear to take over 6 times as long for 4" \
        "times the nodes, and over 50 times as long as the others'" >&2
    exit 1
fi
