"""The gRPC server: one method for each request of the engine."""

# ruff: noqa: N802 - the protocol sets names

from typing import Any

import grpc
from google.protobuf import empty_pb2

from tools.offline.common import serving
from tools.offline.common.provider import StandIn
from tools.offline.kubernetes import check, create, delete, diff, helm, provider_config, read, update
from tools.offline.kubernetes.errors import ApiError, NoMatchError, UnreachableError
from tools.offline.kubernetes.session import Session
from tools.offline.kubernetes.tokens import HELM_RELEASE, parse_urn


class Provider(StandIn[Session]):
    """The stand-in for Pulumi's kubernetes provider."""

    package = "kubernetes"
    announcement = (
        "modelyard: the kubernetes provider is a stand-in (tools/offline/kubernetes); it manages real objects on the "
        "API server, but installs no Helm charts"
    )

    def configure(self, request: Any) -> Session:
        self._announce()
        return provider_config.configure(dict(request.variables), self._engine, request.urn, self._cancelled)

    def status_of(self, error: Exception) -> tuple[grpc.StatusCode, str] | None:
        match error:
            case ApiError():
                return error.code, error.message
            case NoMatchError() | UnreachableError():
                return grpc.StatusCode.UNAVAILABLE, str(error)
            case _:
                return None

    def fault(self, error: Exception) -> str:
        return f"the stand-in kubernetes provider failed: {type(error).__name__}: {error}"

    def CheckConfig(self, request: Any, context: Any) -> Any:
        self._announce()
        return self._answer(context, lambda: provider_config.check_config(request))

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return self._answer(context, lambda: provider_config.diff_config(request))

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


def _is_release(request: Any) -> bool:
    return parse_urn(request.urn).type == HELM_RELEASE


def serve(arguments: list[str]) -> None:
    """Serves the engine at the address in `arguments` until it ends; prints the port for it."""
    serving.serve("pulumi-resource-kubernetes", Provider, arguments)
