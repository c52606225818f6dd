"""`kubernetes:helm.sh/v3:Release`: recorded in the state, not installed.

Charts need Helm, registries and images, none of which a machine that needs the stand-in is sure to have. The stored
state has the real provider's form; its refresh finds the release absent, and its next update installs it.
"""

from pulumi.runtime.proto import provider_pb2

from tools.offline.common.comparison import differences
from tools.offline.common.errors import ProviderError
from tools.offline.common.paths import covers, format_path, parse_path
from tools.offline.common.values import UNKNOWN, Json, Secret, as_map, copy, marshal, unmarshal, without_secrets
from tools.offline.kubernetes.naming import unique_name
from tools.offline.kubernetes.session import Session
from tools.offline.kubernetes.state import INPUTS, mark_secrets
from tools.offline.kubernetes.tokens import parse_urn

_DEFAULT_TIMEOUT_SECONDS = 300
_IDENTITY = (("name",), ("namespace",))
_Property = provider_pb2.PropertyDiff
_KINDS = {"add": _Property.ADD, "update": _Property.UPDATE, "delete": _Property.DELETE}


def check(session: Session, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
    """Completes a release's inputs: name, namespace, timeout."""
    news, olds = unmarshal(request.news), unmarshal(request.olds)
    if not news.get("name"):
        news["name"] = olds.get("name") or unique_name(f"{parse_urn(request.urn).name}-", request.randomSeed)
    if not news.get("namespace"):
        news["namespace"] = session.default_namespace
    if not news.get("skipAwait"):
        news.setdefault("timeout", _DEFAULT_TIMEOUT_SECONDS)
    failures = (
        [] if news.get("chart") else [provider_pb2.CheckFailure(property="chart", reason="a release needs a chart")]
    )
    news.pop("resourceNames", None)
    return provider_pb2.CheckResponse(inputs=marshal(news), failures=failures)


def diff(request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
    """Compares inputs; a new name or namespace replaces the release."""
    old = as_map(without_secrets(unmarshal(request.olds)).get(INPUTS))
    new = as_map(without_secrets(unmarshal(request.news)))
    ignored = [parse_path(path) for path in request.ignoreChanges]
    detailed: dict[str, provider_pb2.PropertyDiff] = {}
    replaces: list[str] = []
    for found in differences(old, new):
        if any(covers(pattern, found.path) for pattern in ignored):
            continue
        path = format_path(found.path)
        replace = found.path in _IDENTITY
        detailed[path] = _Property(kind=_Property.UPDATE_REPLACE if replace else _KINDS[found.kind], inputDiff=True)
        replaces += [path] if replace else []
    changed = provider_pb2.DiffResponse.DIFF_SOME if detailed else provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(changes=changed, replaces=replaces, detailedDiff=detailed, hasDetailedDiff=True)


def create(session: Session, request: provider_pb2.CreateRequest) -> provider_pb2.CreateResponse:
    inputs = unmarshal(request.properties)
    if not request.preview:
        session.reachable()
        _warn(session, request.urn, inputs)
    state = _state(inputs, revision=1, preview=request.preview)
    return provider_pb2.CreateResponse(id="" if request.preview else _id(inputs), properties=marshal(state))


def update(session: Session, request: provider_pb2.UpdateRequest) -> provider_pb2.UpdateResponse:
    inputs = unmarshal(request.news)
    if not request.preview:
        session.reachable()
        _warn(session, request.urn, inputs)
    revision = as_map(unmarshal(request.olds).get("status")).get("revision", 0) + 1
    state = _state(inputs, revision=revision, preview=request.preview)
    return provider_pb2.UpdateResponse(properties=marshal(state))


def read(request: provider_pb2.ReadRequest) -> provider_pb2.ReadResponse:
    """What the state says.

    Raises:
        ProviderError: an import, which would need the release's record in the cluster.
    """
    if not request.properties.fields:
        raise ProviderError("the stand-in provider cannot import Helm releases; use the real kubernetes provider")
    return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)


def delete(session: Session) -> None:
    """Nothing was installed, so there is nothing to remove; like the real provider, it wants the cluster to answer."""
    session.reachable()


def _id(inputs: Json) -> str:
    return f"{inputs['namespace']}/{inputs['name']}"


def _warn(session: Session, urn: str, inputs: Json) -> None:
    chart = without_secrets(inputs.get("chart"))
    session.reporter(urn).warning(
        f"the chart {chart!r} was recorded but not installed: the kubernetes provider is a stand-in (tools/offline)"
    )


def _state(inputs: Json, *, revision: int, preview: bool) -> Json:
    plain = as_map(without_secrets(inputs))
    status = {
        "chart": plain.get("chart"),
        "name": plain.get("name"),
        "namespace": plain.get("namespace"),
        "revision": revision,
        "status": "deployed",
        "version": plain.get("version", ""),
    }
    state = copy(plain) | {"status": UNKNOWN if preview else status}
    if preview:
        state["resourceNames"] = UNKNOWN
    mark_secrets(state, inputs)
    return state | {INPUTS: Secret(value=inputs)}
