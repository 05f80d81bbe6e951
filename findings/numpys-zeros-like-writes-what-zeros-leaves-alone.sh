#!/usr/bin/env bash
# In numpy zeros(n) costs no memory, zeros_like of it costs all; in Python
# bytes(n) none, bytearray(n) all.
#
# Versions: numpy 2.3.4 from PyPI, CPython 3.11, glibc.
# Behaviour: np.zeros and bytes take their zeroes from calloc, whose fresh pages
#   are not there until somebody writes. np.zeros_like makes an empty array and
#   fills it. bytearray takes a block from malloc and clears it. Zeroes of
#   complex numbers, structures and strings come from calloc; those of objects
#   are pointers to the number 0, each one written.
# One would have guessed: zeros_like(a) is zeros(a.shape); what holds for bytes
#   holds for bytearray.
# Seen, growth in KiB for 256 MiB of zeroes: "bytes: 4", "bytearray: 262148",
#   "zeros: 4", "zeros_like: 262148", "zeros of complex: 4",
#   "zeros of object: 262148".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

python3.11 -m venv venv
venv/bin/pip -q --disable-pip-version-check install numpy==2.3.4
cat >zeros.py <<'END'
import sys
import numpy as np

N = 256 << 20
assert sys.version_info[:2] == (3, 11), sys.version
large = np.zeros(N, np.uint8)


def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4


def show(name, lazy, make):
    before = resident()
    kept = make()
    grown = resident() - before
    del kept
    print(f"{name}: {grown}")
    low, high = (0, 2000) if lazy else (262000, 270000)
    if not low <= grown <= high:
        sys.exit(f"{name}: expected {low} to {high} KiB, seen {grown}")


resident()
show("bytes", True, lambda: bytes(N))
show("bytearray", False, lambda: bytearray(N))
show("zeros", True, lambda: np.zeros(N, np.uint8))
show("zeros_like", False, lambda: np.zeros_like(large))
show("zeros of complex", True, lambda: np.zeros(N // 16, np.complex128))
show("zeros of object", False, lambda: np.zeros(N // 8, object))
END
venv/bin/python zeros.py
