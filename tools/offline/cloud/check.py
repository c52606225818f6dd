"""Check: the program's properties made complete with name and tags, and held against the SDK and the API model."""

import hashlib
import secrets
from collections.abc import Iterator

from pulumi.runtime.proto import provider_pb2

from tools.offline.cloud import registry, schema
from tools.offline.cloud.cloud import Cloud
from tools.offline.cloud.kinds import Kind, Name
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.session import Session
from tools.offline.common.errors import ProviderError
from tools.offline.common.paths import format_path
from tools.offline.common.values import UNKNOWN, Json, as_list, as_map, marshal, unmarshal, without_secrets
from tools.offline.kubernetes.tokens import parse_urn

DEFAULTS = "__defaults"
"""Names the properties that the provider filled in itself, as Pulumi's own does."""


def check(session: Session, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
    """The completed properties of one resource, and what is wrong with them."""
    urn = parse_urn(request.urn)
    kind = session.cloud.table.of_program(urn.type)
    news = unmarshal(request.news)
    news.pop(DEFAULTS, None)
    news |= session.cloud.defaults(kind, news, session.arguments)
    plain = as_map(without_secrets(news))
    failures = [
        provider_pb2.CheckFailure(property=format_path(fault.path), reason=fault.why)
        for fault in _faults(session.cloud, kind, _named_somehow(kind, plain))
    ]
    if not failures:
        _assign_name(session.cloud, kind, urn.name, news, as_map(without_secrets(unmarshal(request.olds))), request)
    return provider_pb2.CheckResponse(inputs=marshal(news), failures=failures)


def _faults(cloud: Cloud, kind: Kind, inputs: Json) -> Iterator[Fault]:
    found = list(schema.faults(inputs, schema.input_properties(kind.token)))
    yield from found
    if found:
        return
    yield from cloud.api_faults(kind, inputs)
    for rule in registry.in_check[kind.token]:
        yield from rule(inputs)


def _named_somehow(kind: Kind, inputs: Json) -> Json:
    """The properties with a name that is unknown as yet, so that a name still to come is not missed."""
    if kind.name is None or inputs.get(kind.name.property) is not None:
        return inputs
    return {**inputs, kind.name.property: UNKNOWN}


def _assign_name(
    cloud: Cloud, kind: Kind, resource_name: str, news: Json, olds: Json, request: provider_pb2.CheckRequest
) -> None:
    name = kind.name
    if name is None or news.get(name.property) is not None or news.get(f"{name.property}Prefix") is not None:
        return
    if name.property in as_list(olds.get(DEFAULTS)):
        news[name.property] = olds[name.property]
    elif (
        request.HasField("autonaming")
        and request.autonaming.mode == provider_pb2.CheckRequest.AutonamingOptions.DISABLE
    ):
        raise ProviderError(f"autonaming is disabled, {kind.token} requires the {name.property} property to be set")
    elif request.HasField("autonaming"):
        news[name.property] = request.autonaming.proposed_name
    else:
        news[name.property] = _unique(cloud, name, resource_name, request.randomSeed)
    news[DEFAULTS] = [name.property]


def _unique(cloud: Cloud, name: Name, resource_name: str, seed: bytes) -> str:
    digits = (hashlib.sha256(seed).hexdigest() if seed else secrets.token_hex(name.digits))[: name.digits]
    made = cloud.made_name(name, resource_name, digits)
    if len(made) > name.most:
        raise ProviderError(
            f"failed to auto-generate value for {name.property!r}. Prefix: {resource_name!r} is too large to fix max "
            f"length constraint of {name.most} with required suffix length {name.digits}"
        )
    return made.lower() if name.lower else made
