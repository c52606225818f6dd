"""The part of the provider protocol that is the same for every stand-in."""

# ruff: noqa: N802, ARG002 - the protocol sets names and arguments

import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, ClassVar, Generic, NoReturn, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, plugin_pb2, provider_pb2, provider_pb2_grpc

from tools.offline.common.engine import Engine
from tools.offline.common.errors import PartialError, ProviderError
from tools.offline.common.serving import partial_status
from tools.offline.common.values import marshal

_Answer = TypeVar("_Answer")
_Session = TypeVar("_Session")


class StandIn(ABC, provider_pb2_grpc.ResourceProviderServicer, Generic[_Session]):
    """A provider that stands in for Pulumi's. Methods run in parallel; the session is made by Configure and then only
    read."""

    package: ClassVar[str]
    """Pulumi's package: `kubernetes`."""
    announcement: ClassVar[str]
    """What it says of itself, once in every run."""

    def __init__(self, engine_address: str) -> None:
        self._engine = Engine(engine_address)
        self._session: _Session | None = None
        self._cancelled = threading.Event()
        self._announced = False

    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, supports_autonaming_configuration=True)

    def Attach(self, request: Any, context: Any) -> Any:
        self._engine = Engine(request.address)
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=version(f"pulumi-{self.package}"))

    def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema=f'{{"name": "{self.package}"}}')

    def Configure(self, request: Any, context: Any) -> Any:
        def run() -> Any:
            self._session = self.configure(request)
            return provider_pb2.ConfigureResponse(
                acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
            )

        return self._answer(context, run)

    def Cancel(self, request: Any, context: Any) -> Any:
        self._cancelled.set()
        return empty_pb2.Empty()

    def GetMapping(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetMappingResponse()

    def GetMappings(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetMappingsResponse()

    @abstractmethod
    def configure(self, request: Any) -> _Session:
        """What the other methods work with."""
        ...

    @abstractmethod
    def status_of(self, error: Exception) -> tuple[grpc.StatusCode, str] | None:
        """The status of a failure of this provider's own kinds; None for a fault of the provider itself."""
        ...

    @abstractmethod
    def fault(self, error: Exception) -> str:
        """What the user is told of a fault of the provider itself."""
        ...

    def _configured(self) -> _Session:
        if self._session is None:
            raise ProviderError("the provider has not been configured")
        return self._session

    def _announce(self) -> None:
        if not self._announced:
            self._announced = True
            self._engine.log(engine_pb2.INFO, self.announcement)

    def _refuse(self, context: Any, message: str) -> NoReturn:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, message)
        raise AssertionError("abort does not return")

    def _answer(self, context: Any, run: Callable[[], _Answer]) -> _Answer:
        """Runs one request and turns its failure into a gRPC status."""
        try:
            return run()
        except PartialError as error:
            context.abort_with_status(_partial_status(error))
        except ProviderError as error:
            context.abort(error.code, error.message)
        except Exception as error:  # noqa: BLE001  (a fault of ours must not show the user a stack trace)
            known = self.status_of(error)
            if known:
                context.abort(*known)
            self._engine.log(engine_pb2.DEBUG, traceback.format_exc())
            context.abort(grpc.StatusCode.INTERNAL, self.fault(error))
        raise AssertionError("abort does not return")


def _partial_status(error: PartialError) -> grpc.Status:
    return partial_status(
        error.code,
        error.message,
        object_id=error.object_id,
        state=marshal(error.state),
        inputs=None if error.inputs is None else marshal(error.inputs),
        reasons=error.reasons,
    )
