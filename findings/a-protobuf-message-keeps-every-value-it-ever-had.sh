#!/usr/bin/env bash
# In Python a protobuf message whose one field is set 200 times holds all 200
# values, and Clear() frees none.
#
# Version: protobuf 7.36.2 from PyPI, with its C implementation, upb.
# Behaviour: a message's values lie in an arena that frees nothing before the
#   last message in it is gone. Each assignment, ParseFromString or
#   CopyFrom into the same object adds to it: a message that is kept and used
#   again, to save allocations, grows for ever. One small element kept
#   from a list holds the arena of the whole list; CopyFrom into a new message
#   gets it out. The implementation in Python, which the same package contains,
#   does neither.
# One would have guessed: an assignment replaces the value, as with any Python
#   object; Clear() at least frees it.
# Seen, MiB, give or take three: "upb: set 200 times 191, then Clear 191, then del
#   1; parsed 200 times 191; one of 100,000 kept 102, copied out 0",
#   "python: set 200 times 2, then Clear 0, then del 0; parsed 200 times 0; one
#   of 100,000 kept 0, copied out 0".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check protobuf==7.36.2
cat >keep.py <<'END_PY'
import ctypes
import sys

from google.protobuf.internal import api_implementation
from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import BytesValue

libc = ctypes.CDLL("libc.so.6")


def resident():
    libc.malloc_trim(0)
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def since(start):
    return (resident() - start) // 2**20


assert api_implementation.Type() == sys.argv[1], api_implementation.Type()
value = b"x" * 1_000_000
stored = BytesValue(value=value).SerializeToString()
start = resident()
message = BytesValue()
for _ in range(200):
    message.value = value
set_often = since(start)
message.Clear()
cleared = since(start)
del message
deleted = since(start)

start = resident()
message = BytesValue()
for _ in range(200):
    message.ParseFromString(stored)
parsed = since(start)
del message

start = resident()
values = ListValue()
for _ in range(100_000):
    values.values.add().string_value = "y" * 1000
one = values.values[0]
del values
kept = since(start)
copy = type(one)()
copy.CopyFrom(one)
del one
print(set_often, cleared, deleted, parsed, kept, since(start))
END_PY
run() {
    read -r often clear gone parsed kept copied < <(
        PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=$1 venv/bin/python keep.py "$1")
    echo "$1: set 200 times $often, then Clear $clear, then del $gone; parsed" \
        "200 times $parsed; one of 100,000 kept $kept, copied out $copied"
}
run upb
if ((often < 150 || clear < 150 || gone > 40 || parsed < 150 ||
    kept < 70 || copied > 40)); then
    echo "expected 150 and more until del; 70 and more for one kept" >&2
    exit 1
fi
run python
if ((often > 40 || clear > 40 || parsed > 40 || kept > 40)); then
    echo "expected under 40 throughout" >&2
    exit 1
fi
