#!/usr/bin/env bash
# Redis 8 and valkey 8 end at their start under a preloaded tcmalloc: each mixes
# its blocks with those of the jemalloc that it is linked with.
#
# Versions: Debian 13's redis-tools 5:8.0.2-3+deb13u3,
#   valkey-tools 8.1.1+dfsg1-3+deb13u3, libjemalloc2 5.3.0-3,
#   libtcmalloc-minimal4t64 2.16-1, libmimalloc3 3.0.1+ds-2.1,
#   libc6 2.41-12+deb13u5.
# Behaviour: redis takes blocks by mallocx, which jemalloc alone has, and asks
#   the malloc_usable_size of whoever was preloaded how long they are. valkey
#   takes its blocks from the preloaded malloc, and gives them to sdallocx, which
#   is jemalloc's. tcmalloc ends both with signal 11. mimalloc says 0 of a block
#   that it does not know, so redis works on it, and valkey does not. 7.0.15,
#   Debian 12's redis, uses the plain names alone.
# One would have guessed: a server that is linked with a malloc as a shared
#   library can be given another one by LD_PRELOAD, like any program; or if not
#   one of the two, then neither, since one began as a copy of the other.
# Seen, of 500 keys written: "redis, nothing: 500", "redis, jemalloc: 500",
#   "redis, tcmalloc: 0", "redis, mimalloc: 500", and for valkey 500, 500, 0, 0.
set -euo pipefail
dir=$(mktemp -d)
server=
trap 'if [[ $server ]]; then kill "$server" || true; fi; rm -rf "$dir"' EXIT
cd "$dir"

# Debian 13's packages on a Debian 12, without touching its own lists.
mkdir -p lists/partial cache/archives/partial
sed 's/bookworm/trixie/g' /etc/apt/sources.list.d/debian.sources >t.sources
apt_trixie() {
    apt-get -qq -o Dir::Etc::SourceList="$dir/t.sources" \
        -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$dir/lists" \
        -o Dir::Cache="$dir/cache" "$@"
}
{
    apt_trixie update
    apt_trixie download redis-tools=5:8.0.2-3+deb13u3 \
        valkey-tools=8.1.1+dfsg1-3+deb13u3 libjemalloc2=5.3.0-3 \
        libtcmalloc-minimal4t64=2.16-1 libmimalloc3=3.0.1+ds-2.1 \
        libc6=2.41-12+deb13u5 libatomic1 libcap2 libgcc-s1 liblzf1 \
        libssl3t64 libstdc++6 libsystemd0 libzstd1 zlib1g
} >apt.log 2>&1 || { cat apt.log; exit 1; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
lib=$dir/root/usr/lib/x86_64-linux-gnu
run() { "$lib/ld-linux-x86-64.so.2" --library-path "$lib" "$@"; }
seq -f 'SET key%g value' 500 >keys
expect() { # program, name, least and most keys, library
    local of=$1 name=$2 low=$3 high=$4 library=${5-} keys
    # What the program is it sees by its name.
    cp "root/usr/bin/$of-check-rdb" "$of-server"
    rm -f socket
    run ${library:+--preload "$lib/$library"} --argv0 "$of-server" \
        "./$of-server" --port 0 --save "" --unixsocket "$dir/socket" \
        >server.log 2>&1 &
    server=$!
    for _ in {1..100}; do
        [[ -S socket ]] && break
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    keys=$(run "root/usr/bin/$of-cli" -s "$dir/socket" <keys 2>/dev/null |
        grep -c OK || true)
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
    echo "$of, $name: $keys"
    ((keys >= low && keys <= high)) || {
        echo "$of, $name: expected $low to $high keys, seen $keys" >&2
        exit 1
    }
}
for of in redis valkey; do
    expect $of nothing 500 500
    expect $of jemalloc 500 500 libjemalloc.so.2
    expect $of tcmalloc 0 0 libtcmalloc_minimal.so.4
done
expect redis mimalloc 500 500 libmimalloc.so.3
expect valkey mimalloc 0 0 libmimalloc.so.3
