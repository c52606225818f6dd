"""Talk to a simulated cloud in this process, request by request, as the engine does."""

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pulumi.runtime.proto import provider_pb2

from tools.offline.cloud import check, diff, lifecycle
from tools.offline.cloud.cloud import Cloud
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import World
from tools.offline.common.errors import PartialError
from tools.offline.common.values import marshal, unmarshal

Json = dict[str, Any]


class SilentEngine:
    """An engine that is told things and shows none."""

    def log(self, severity: Any, message: str, *, urn: str = "", ephemeral: bool = False) -> None:
        """Nothing."""


@dataclass(kw_only=True)
class Made:
    """A resource as the engine keeps it."""

    urn: str
    id: str
    inputs: Json
    state: Json

    @property
    def given(self) -> Json:
        """The properties as the program gave them."""
        made = self.inputs.get("__defaults", [])
        return {key: value for key, value in self.inputs.items() if key not in (*made, "__defaults")}

    def __getitem__(self, key: str) -> Any:
        return self.state[key]


class Refused(Exception):  # noqa: N818 - what clouds do
    """Check found something."""


class CloudClient:
    """One provider on one account."""

    def __init__(self, cloud: Cloud, world: World, **settings: Any) -> None:
        """`settings` are those of a Session."""
        self.cloud = cloud
        given: Json = {"grace_seconds": 0.0, "cancelled": threading.Event(), **settings}
        self.session = Session(cloud=cloud, world=world, engine=cast("Any", SilentEngine()), **given)

    def faults(self, token: str, properties: Mapping[str, Any]) -> list[str]:
        """What Check says of properties: `path: why`."""
        answer = self._check(token, "it", properties, None)
        return [f"{failure.property}: {failure.reason}" for failure in answer.failures]

    def create(self, token: str, name: str, properties: Mapping[str, Any]) -> Made:
        """Check, then Create."""
        inputs = self._checked(token, name, properties, None)
        request = provider_pb2.CreateRequest(urn=_urn(token, name), properties=marshal(inputs))
        answer = lifecycle.create(self.session, request)
        return Made(urn=request.urn, id=answer.id, inputs=inputs, state=unmarshal(answer.properties))

    def kept(self, token: str, name: str, failure: PartialError) -> Made:
        """The resource that the engine keeps after a partial failure."""
        assert failure.inputs is not None
        return Made(urn=_urn(token, name), id=failure.object_id, inputs=failure.inputs, state=failure.state)

    def preview(self, token: str, properties: Mapping[str, Any]) -> Json:
        """What a preview shows of a resource that is to be made."""
        inputs = self._checked(token, "it", properties, None)
        request = provider_pb2.CreateRequest(urn=_urn(token, "it"), properties=marshal(inputs), preview=True)
        return unmarshal(lifecycle.create(self.session, request).properties)

    def diff(self, old: Made, properties: Mapping[str, Any]) -> tuple[list[str], list[str], bool]:
        """Changed paths, those that replace, and whether the old one goes first."""
        inputs = self._checked(*_parts(old.urn), properties, old)
        request = provider_pb2.DiffRequest(
            urn=old.urn, id=old.id, olds=marshal(old.state), old_inputs=marshal(old.inputs), news=marshal(inputs)
        )
        found = diff.diff(self.cloud, request)
        return sorted(found.detailedDiff), sorted(found.replaces), found.deleteBeforeReplace

    def update(self, old: Made, properties: Mapping[str, Any]) -> Made:
        """Check, then Update."""
        inputs = self._checked(*_parts(old.urn), properties, old)
        request = provider_pb2.UpdateRequest(
            urn=old.urn, id=old.id, olds=marshal(old.state), old_inputs=marshal(old.inputs), news=marshal(inputs)
        )
        answer = lifecycle.update(self.session, request)
        return Made(urn=old.urn, id=old.id, inputs=inputs, state=unmarshal(answer.properties))

    def read(self, old: Made) -> Made | None:
        """Read as a refresh does; None if it is gone."""
        request = provider_pb2.ReadRequest(
            urn=old.urn, id=old.id, properties=marshal(old.state), inputs=marshal(old.inputs)
        )
        answer = lifecycle.read(self.session, request)
        if not answer.id:
            return None
        return Made(urn=old.urn, id=answer.id, inputs=unmarshal(answer.inputs), state=unmarshal(answer.properties))

    def delete(self, old: Made) -> None:
        """Delete."""
        request = provider_pb2.DeleteRequest(urn=old.urn, id=old.id, properties=marshal(old.state))
        lifecycle.delete(self.session, request)

    def _checked(self, token: str, name: str, properties: Mapping[str, Any], old: Made | None) -> Json:
        answer = self._check(token, name, properties, old)
        if answer.failures:
            raise Refused("; ".join(f"{failure.property}: {failure.reason}" for failure in answer.failures))
        return unmarshal(answer.inputs)

    def _check(self, token: str, name: str, properties: Mapping[str, Any], old: Made | None) -> Any:
        request = provider_pb2.CheckRequest(
            urn=_urn(token, name),
            news=marshal(properties),
            olds=marshal(old.inputs) if old else None,
            randomSeed=secrets.token_bytes(8),
        )
        return check.check(self.session, request)


def _urn(token: str, name: str) -> str:
    return f"urn:pulumi:test::proj::{token}::{name}"


def _parts(urn: str) -> tuple[str, str]:
    _, _, token, name = urn.split("::")
    return token, name
