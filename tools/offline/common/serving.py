"""Serving the engine: the gRPC server of a provider, and failures as the statuses that the engine understands."""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import grpc
from google.protobuf import struct_pb2
from google.protobuf.internal import api_implementation
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from tools.offline.host.lifeline import hold_on_to_engine

_THREADS = 256
_MAX_MESSAGE_BYTES = 400 * 1024 * 1024
_OPTIONS = [
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
]


class _Status(grpc.Status):
    """A status as `abort_with_status` takes it."""

    def __init__(self, code: grpc.StatusCode, details: str, trailing_metadata: Any) -> None:
        self.code = code
        self.details = details
        self.trailing_metadata = trailing_metadata


def partial_status(
    code: grpc.StatusCode,
    message: str,
    *,
    object_id: str,
    state: struct_pb2.Struct,
    inputs: struct_pb2.Struct | None,
    reasons: Sequence[str],
) -> grpc.Status:
    """The status that makes the engine keep a resource that exists but is not as it should be."""
    detail = provider_pb2.ErrorResourceInitFailed(id=object_id, properties=state, reasons=reasons, inputs=inputs)
    status = status_pb2.Status(code=code.value[0], message=message)
    status.details.add().Pack(detail)
    return _Status(code, message, (("grpc-status-details-bin", status.SerializeToString()),))


def read_deep_messages() -> None:
    """Read objects of any depth, as real providers do. Protobuf's reader of Python stops at 100 levels, and one level
    of an object takes three: the schema of cert-manager's Issuer has more."""
    if api_implementation.Type() == "upb":
        reader: Any = import_module("google._upb._message")
        reader.SetAllowOversizeProtos(True)


def serve(
    plugin: str, make: Callable[[str], provider_pb2_grpc.ResourceProviderServicer], arguments: Sequence[str]
) -> None:
    """Serves the engine at the address in `arguments` until it ends; prints the port for it."""
    if not arguments:
        sys.exit(f"{plugin}: fatal: could not connect to host RPC; missing argument")
    read_deep_messages()
    server: Any = grpc.server(ThreadPoolExecutor(max_workers=_THREADS), options=_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(make(arguments[-1]), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    hold_on_to_engine()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()
