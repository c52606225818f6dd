"""The gRPC server: one method for each request of the engine."""

# ruff: noqa: N802 - the protocol sets names

import traceback
from collections.abc import Sequence
from typing import Any, ClassVar

import grpc
from google.protobuf import empty_pb2

from tools.offline.cloud import check, diff, lifecycle, machinery, provider_config
from tools.offline.cloud.cloud import Cloud
from tools.offline.cloud.session import Session
from tools.offline.cloud.table import UnknownTypeError
from tools.offline.common.provider import StandIn


class CloudProvider(StandIn[Session]):
    """A simulated cloud. Subclasses set `cloud`, `package`, `announcement` and what goes on meanwhile (`parts`)."""

    cloud: ClassVar[Cloud]
    parts: ClassVar[Sequence[machinery.Part]]

    def configure(self, request: Any) -> Session:
        session = provider_config.configure(self.cloud, dict(request.variables), self._engine, self._cancelled)
        machinery.start(session, self.parts)
        return session

    def status_of(self, error: Exception) -> tuple[grpc.StatusCode, str] | None:
        return (grpc.StatusCode.UNIMPLEMENTED, str(error)) if isinstance(error, UnknownTypeError) else None

    def fault(self, error: Exception) -> str:
        # Only tests see it, which need to know where the simulation is wrong.
        where = traceback.extract_tb(error.__traceback__)[-1]
        return (
            f"the simulated {self.cloud.name} failed: {type(error).__name__}: {error} ({where.filename}:{where.lineno})"
        )

    def CheckConfig(self, request: Any, context: Any) -> Any:
        self._announce()
        return self._answer(context, lambda: provider_config.check_config(self.cloud, request))

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return self._answer(context, lambda: provider_config.diff_config(self.cloud, request))

    def Invoke(self, request: Any, context: Any) -> Any:
        self._refuse(
            context, f"the simulated {self.cloud.name} has no function {request.tok!r}: the library calls none"
        )

    def Call(self, request: Any, context: Any) -> Any:
        self._refuse(context, f"the simulated {self.cloud.name} has no method {request.tok!r}")

    def Construct(self, request: Any, context: Any) -> Any:
        self._refuse(context, f"the simulated {self.cloud.name} has no component {request.type!r}")

    def Check(self, request: Any, context: Any) -> Any:
        return self._answer(context, lambda: check.check(self._configured(), request))

    def Diff(self, request: Any, context: Any) -> Any:
        return self._answer(context, lambda: diff.diff(self.cloud, request))

    def Create(self, request: Any, context: Any) -> Any:
        return self._answer(context, lambda: lifecycle.create(self._configured(), request))

    def Read(self, request: Any, context: Any) -> Any:
        return self._answer(context, lambda: lifecycle.read(self._configured(), request))

    def Update(self, request: Any, context: Any) -> Any:
        return self._answer(context, lambda: lifecycle.update(self._configured(), request))

    def Delete(self, request: Any, context: Any) -> Any:
        def run() -> Any:
            lifecycle.delete(self._configured(), request)
            return empty_pb2.Empty()

        return self._answer(context, run)


def announcement(cloud: Cloud) -> str:
    """What a simulated cloud says of itself in every run."""
    return (
        f"modelyard: the {cloud.package} provider is a simulated account for tests (tools/offline/{cloud.folder}); "
        "nothing is in any cloud"
    )
