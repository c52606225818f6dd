"""Objects that are nested deeply: in an interpreter of their own, as the limit is one of the process."""

import subprocess
import sys

PROGRAM = """
from google.protobuf import struct_pb2
from google.protobuf.message import DecodeError
from modelyard.operators.deep_messages import allow_deep_messages

outermost = inner = struct_pb2.Struct()
for _ in range({levels}):
    inner = inner.get_or_create_struct("inner")
text = outermost.SerializeToString()


def is_read():
    try:
        return struct_pb2.Struct.FromString(text) == outermost
    except DecodeError:
        return False


before = is_read()
allow_deep_messages()
print(before, is_read())
"""


def said(levels: int) -> str:
    program = PROGRAM.format(levels=levels)
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def test_they_are_read_once_it_is_allowed() -> None:
    """That the first fails is why there is such a switch."""
    assert said(60) == "False True"
    assert said(30) == "True True"
