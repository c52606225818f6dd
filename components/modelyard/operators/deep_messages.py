"""Objects that are nested deeply, as schemas of some kinds are. Imports no Pulumi package."""

from importlib import import_module
from typing import Any


def allow_deep_messages() -> None:
    """Let this program read what the engine answers of objects of any depth, from now on.

    Protobuf's reader of Python stops at 100 levels, and one level of an object takes three: the schema of
    cert-manager's Issuer has more. Other readers than the usual one (`upb`) are left as they are.
    https://github.com/protocolbuffers/protobuf/blob/main/python/message.c, `SetAllowOversizeProtos`
    """
    from google.protobuf.internal import api_implementation

    if api_implementation.Type() != "upb":
        return
    reader: Any = import_module("google._upb._message")
    reader.SetAllowOversizeProtos(True)
