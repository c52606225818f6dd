"""Talk to the stand-in as the engine does: start the plugin, answer its log calls, send it requests."""

import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

from tests.support.toolchain import clean_environment, require_tool
from tools.offline.common.values import marshal, unmarshal

Json = dict[str, Any]


class FakeEngine(engine_pb2_grpc.EngineServicer):
    """Keeps what the plugin tells the engine."""

    def __init__(self) -> None:
        self.lines: list[engine_pb2.LogRequest] = []

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        self.lines.append(request)
        return empty_pb2.Empty()

    def statuses(self) -> list[str]:
        return [line.message for line in self.lines if line.ephemeral and line.message]

    def warnings(self) -> list[str]:
        return [line.message for line in self.lines if line.severity == engine_pb2.WARNING]

    def infos(self) -> list[str]:
        return [line.message for line in self.lines if line.severity == engine_pb2.INFO and not line.ephemeral]


class PluginError(Exception):
    """The plugin answered with an error."""

    def __init__(self, error: Any) -> None:
        super().__init__(error.details())
        self.code: grpc.StatusCode = error.code()
        self.message: str = error.details()
        self.partial: provider_pb2.ErrorResourceInitFailed | None = _partial(error)


def _partial(error: Any) -> provider_pb2.ErrorResourceInitFailed | None:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(value)
            detail = provider_pb2.ErrorResourceInitFailed()
            assert status.details[0].Unpack(detail)
            return detail
    return None


@dataclass(kw_only=True)
class Object:
    """A resource as the engine keeps it."""

    urn: str
    id: str
    inputs: Json
    state: Json


@dataclass(kw_only=True)
class Change:
    """What Diff said."""

    response: provider_pb2.DiffResponse
    kinds: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def changed(self) -> bool:
        return self.response.changes == provider_pb2.DiffResponse.DIFF_SOME

    @property
    def replaces(self) -> list[str]:
        return sorted(self.response.replaces)


def urn_of(token: str, name: str) -> str:
    return f"urn:pulumi:test::proj::{token}::{name}"


class Plugin:
    """A running plugin. Methods take and give plain values; they raise PluginError where the plugin does."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self._server: Any = grpc.server(ThreadPoolExecutor(max_workers=8))
        engine_pb2_grpc.add_EngineServicer_to_server(self.engine, self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        self.process = subprocess.Popen(
            [require_tool("pulumi-resource-kubernetes"), f"127.0.0.1:{port}"],
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        address = f"127.0.0.1:{self.process.stdout.readline().strip()}"
        self._channel: Any = grpc.insecure_channel(address)
        self._stub: Any = provider_pb2_grpc.ResourceProviderStub(self._channel)

    def close(self) -> None:
        """End the plugin as the end of an engine does: by closing its standard input."""
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self._channel.close()
            self._server.stop(None)

    def call(self, method: str, request: Any) -> Any:
        try:
            return getattr(self._stub, method)(request, timeout=120)
        except grpc.RpcError as error:
            raise PluginError(error) from None

    def configure(self, **settings: str) -> None:
        variables = {f"kubernetes:config:{key}": value for key, value in settings.items()}
        self.call("Configure", provider_pb2.ConfigureRequest(variables=variables, acceptSecrets=True))

    def check_config(self, arguments: Mapping[str, Any], name: str = "kube") -> list[tuple[str, str]]:
        urn = urn_of("pulumi:providers:kubernetes", name)
        answer = self.call("CheckConfig", provider_pb2.CheckRequest(urn=urn, news=marshal(arguments)))
        return [(failure.property, failure.reason) for failure in answer.failures]

    def diff_config(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Change:
        urn = urn_of("pulumi:providers:kubernetes", "kube")
        request = provider_pb2.DiffRequest(urn=urn, olds=marshal(old), news=marshal(new))
        return Change(response=self.call("DiffConfig", request))

    def check(self, token: str, name: str, properties: Mapping[str, Any], old: Object | None = None) -> Json:
        """The completed inputs."""
        request = provider_pb2.CheckRequest(
            urn=urn_of(token, name),
            news=marshal(properties),
            olds=marshal(old.inputs) if old else None,
            randomSeed=name.encode(),
        )
        return unmarshal(self.call("Check", request).inputs)

    def create(
        self, token: str, name: str, properties: Mapping[str, Any], *, timeout: float = 0, preview: bool = False
    ) -> Object:
        """Check, then Create."""
        inputs = self.check(token, name, properties)
        urn = urn_of(token, name)
        request = provider_pb2.CreateRequest(urn=urn, properties=marshal(inputs), timeout=timeout, preview=preview)
        answer = self.call("Create", request)
        return Object(urn=urn, id=answer.id, inputs=inputs, state=unmarshal(answer.properties))

    def diff(self, old: Object, properties: Mapping[str, Any], ignore: list[str] | None = None) -> Change:
        """Check, then Diff."""
        inputs = self.check(*_token_and_name(old.urn), properties, old)
        request = provider_pb2.DiffRequest(
            urn=old.urn,
            id=old.id,
            olds=marshal(old.state),
            old_inputs=marshal(old.inputs),
            news=marshal(inputs),
            ignoreChanges=ignore,
        )
        response: provider_pb2.DiffResponse = self.call("Diff", request)
        names = provider_pb2.PropertyDiff.Kind
        kinds = {path: names.Name(item.kind) for path, item in response.detailedDiff.items()}
        return Change(response=response, kinds=kinds)

    def update(
        self,
        old: Object,
        properties: Mapping[str, Any],
        *,
        timeout: float = 0,
        preview: bool = False,
        ignore: list[str] | None = None,
    ) -> Object:
        """Check, then Update."""
        inputs = self.check(*_token_and_name(old.urn), properties, old)
        request = provider_pb2.UpdateRequest(
            urn=old.urn,
            id=old.id,
            olds=marshal(old.state),
            news=marshal(inputs),
            timeout=timeout,
            preview=preview,
            ignoreChanges=ignore,
        )
        answer = self.call("Update", request)
        return Object(urn=old.urn, id=old.id, inputs=inputs, state=unmarshal(answer.properties))

    def read(self, old: Object) -> Object | None:
        """Read as a refresh does; None if the object is gone."""
        request = provider_pb2.ReadRequest(
            urn=old.urn, id=old.id, properties=marshal(old.state), inputs=marshal(old.inputs)
        )
        answer = self.call("Read", request)
        if not answer.id:
            return None
        return Object(urn=old.urn, id=answer.id, inputs=unmarshal(answer.inputs), state=unmarshal(answer.properties))

    def import_(self, token: str, name: str, object_id: str) -> Object | None:
        """Read as an import does: nothing but the id is known."""
        empty = struct_pb2.Struct()
        request = provider_pb2.ReadRequest(urn=urn_of(token, name), id=object_id, properties=empty, inputs=empty)
        answer = self.call("Read", request)
        if not answer.id:
            return None
        return Object(
            urn=request.urn, id=answer.id, inputs=unmarshal(answer.inputs), state=unmarshal(answer.properties)
        )

    def delete(self, old: Object, *, timeout: float = 0) -> None:
        request = provider_pb2.DeleteRequest(urn=old.urn, id=old.id, properties=marshal(old.state), timeout=timeout)
        self.call("Delete", request)

    def cancel(self) -> None:
        self.call("Cancel", empty_pb2.Empty())


def _token_and_name(urn: str) -> tuple[str, str]:
    return urn.split("::")[2], urn.split("::")[3]


def recovered(failure: PluginError, token: str, name: str) -> Object:
    """The object that the engine keeps after a partial failure."""
    assert failure.partial is not None, f"{failure.message} is no partial failure"
    state = unmarshal(failure.partial.properties)
    return Object(urn=urn_of(token, name), id=failure.partial.id, inputs=state["__inputs"], state=state)
