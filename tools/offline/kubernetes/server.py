"""The gRPC server: one method for each request of the engine."""

# ruff: noqa: N802, ARG002 - the protocol sets names and arguments

import threading
import traceback
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, plugin_pb2, provider_pb2, provider_pb2_grpc

from tools.offline.common import serving
from tools.offline.common.serving import partial_status
from tools.offline.kubernetes import check, create, delete, diff, helm, provider_config, read, update
from tools.offline.kubernetes.engine import Engine
from tools.offline.kubernetes.errors import ApiError, NoMatchError, PartialError, ProviderError, UnreachableError
from tools.offline.kubernetes.session import Session
from tools.offline.kubernetes.tokens import HELM_RELEASE, parse_urn
from tools.offline.kubernetes.values import marshal

_ANNOUNCEMENT = (
    "modelyard: the kubernetes provider is a stand-in (tools/offline/kubernetes); it manages real objects on the API "
    "server, but installs no Helm charts"
)

_Answer = TypeVar("_Answer")


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """The provider protocol. Methods run in parallel; the session is made by Configure and then only read."""

    def __init__(self, engine_address: str) -> None:
        self._engine = Engine(engine_address)
        self._session: Session | None = None
        self._cancelled = threading.Event()
        self._announced = False

    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, supports_autonaming_configuration=True)

    def Attach(self, request: Any, context: Any) -> Any:
        self._engine = Engine(request.address)
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=version("pulumi-kubernetes"))

    def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema='{"name": "kubernetes"}')

    def CheckConfig(self, request: Any, context: Any) -> Any:
        self._announce()
        return self._answer(context, lambda: provider_config.check_config(request))

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return self._answer(context, lambda: provider_config.diff_config(request))

    def Configure(self, request: Any, context: Any) -> Any:
        self._announce()

        def run() -> Any:
            self._session = provider_config.configure(
                dict(request.variables), self._engine, request.urn, self._cancelled
            )
            return provider_pb2.ConfigureResponse(
                acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
            )

        return self._answer(context, run)

    def Invoke(self, request: Any, context: Any) -> Any:
        self._refuse(
            context, f"the stand-in provider has no function {request.tok!r}; use the real kubernetes provider"
        )

    def Call(self, request: Any, context: Any) -> Any:
        self._refuse(context, f"the stand-in provider has no method {request.tok!r}")

    def Construct(self, request: Any, context: Any) -> Any:
        self._refuse(
            context,
            f"the stand-in provider cannot make {request.type!r}, which renders charts or YAML; write its objects as "
            "resources, or use the real kubernetes provider",
        )

    def Check(self, request: Any, context: Any) -> Any:
        if _is_release(request):
            return self._answer(context, lambda: helm.check(self._configured(), request))
        return self._answer(context, lambda: check.check(self._configured(), request))

    def Diff(self, request: Any, context: Any) -> Any:
        if _is_release(request):
            return self._answer(context, lambda: helm.diff(request))
        return self._answer(context, lambda: diff.diff(self._configured(), request))

    def Create(self, request: Any, context: Any) -> Any:
        if _is_release(request):
            return self._answer(context, lambda: helm.create(self._configured(), request))
        return self._answer(context, lambda: create.create(self._configured(), request))

    def Read(self, request: Any, context: Any) -> Any:
        if _is_release(request) and self._configured().client is not None:
            return self._answer(context, lambda: helm.read(request))
        return self._answer(context, lambda: read.read(self._configured(), request))

    def Update(self, request: Any, context: Any) -> Any:
        if _is_release(request):
            return self._answer(context, lambda: helm.update(self._configured(), request))
        return self._answer(context, lambda: update.update(self._configured(), request))

    def Delete(self, request: Any, context: Any) -> Any:
        def run() -> Any:
            if _is_release(request):
                helm.delete(self._configured())
            else:
                delete.delete(self._configured(), request)
            return empty_pb2.Empty()

        return self._answer(context, run)

    def Cancel(self, request: Any, context: Any) -> Any:
        self._cancelled.set()
        return empty_pb2.Empty()

    def GetMapping(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetMappingResponse()

    def GetMappings(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetMappingsResponse()

    def _configured(self) -> Session:
        if self._session is None:
            raise ProviderError("the provider has not been configured")
        return self._session

    def _announce(self) -> None:
        if not self._announced:
            self._announced = True
            self._engine.log(engine_pb2.INFO, _ANNOUNCEMENT)

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
        except ApiError as error:
            context.abort(error.code, error.message)
        except (NoMatchError, UnreachableError) as error:
            context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        except Exception as error:  # noqa: BLE001  (a fault of ours must not show the user a stack trace)
            self._engine.log(engine_pb2.DEBUG, traceback.format_exc())
            what = f"{type(error).__name__}: {error}"
            context.abort(grpc.StatusCode.INTERNAL, f"the stand-in kubernetes provider failed: {what}")
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


def _is_release(request: Any) -> bool:
    return parse_urn(request.urn).type == HELM_RELEASE


def serve(arguments: list[str]) -> None:
    """Serves the engine at the address in `arguments` until it ends; prints the port for it."""
    serving.serve("pulumi-resource-kubernetes", Provider, arguments)
