"""Messages to the engine: lines in the update's log, and the status beside a resource."""

import contextlib
import threading
from typing import Any, Protocol

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

_TIMEOUT_SECONDS = 10.0
_CHANNEL_OPTIONS = [("grpc.max_receive_message_length", 400 * 1024 * 1024)]


class Reporter(Protocol):
    """What an operation on one resource tells the user."""

    def status(self, message: str) -> None: ...
    def info(self, message: str) -> None: ...
    def warning(self, message: str) -> None: ...


class Engine:
    """The engine's log service; a lost connection never fails an operation."""

    def __init__(self, address: str) -> None:
        channel: Any = grpc.insecure_channel(address, options=_CHANNEL_OPTIONS)
        self._stub: Any = engine_pb2_grpc.EngineStub(channel)

    def log(self, severity: Any, message: str, *, urn: str = "", ephemeral: bool = False) -> None:
        request = engine_pb2.LogRequest(severity=severity, message=message, urn=urn, ephemeral=ephemeral)
        with contextlib.suppress(grpc.RpcError):
            self._stub.Log(request, timeout=_TIMEOUT_SECONDS)


class ResourceReporter:
    """Reports for one resource; a status or warning that did not change is sent once."""

    def __init__(self, engine: Engine, urn: str) -> None:
        self._engine = engine
        self._urn = urn
        self._status = ""
        self._sent: set[str] = set()
        self._lock = threading.Lock()

    def status(self, message: str) -> None:
        """Replaces the line beside the resource; an empty message clears it."""
        with self._lock:
            if message == self._status:
                return
            self._status = message
        self._engine.log(engine_pb2.INFO, message, urn=self._urn, ephemeral=True)

    def info(self, message: str) -> None:
        self._once(engine_pb2.INFO, message)

    def warning(self, message: str) -> None:
        self._once(engine_pb2.WARNING, message)

    def _once(self, severity: Any, message: str) -> None:
        with self._lock:
            if message in self._sent:
                return
            self._sent.add(message)
        self._engine.log(severity, message, urn=self._urn)
