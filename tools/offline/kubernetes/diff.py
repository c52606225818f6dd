"""Diff: whether an object changes, how, and whether the change replaces it."""

from pulumi.runtime.proto import provider_pb2

from tools.offline.common.comparison import Difference, differences, property_diff
from tools.offline.common.engine import Reporter
from tools.offline.common.paths import covers, format_path, parse_path, reaches
from tools.offline.common.values import Json, as_map, unmarshal
from tools.offline.kubernetes.errors import ApiError, NoMatchError
from tools.offline.kubernetes.naming import is_autonamed, is_named
from tools.offline.kubernetes.normalize import normalize
from tools.offline.kubernetes.objects import (
    REPLACE_UNREADY,
    condition,
    is_true,
    name_of,
    namespace_of,
    pluck,
    prune,
    set_metadata,
)
from tools.offline.kubernetes.replacement import replacing_paths
from tools.offline.kubernetes.session import Session
from tools.offline.kubernetes.state import State, read_state, to_object
from tools.offline.kubernetes.tokens import is_patch, kind_of_object, parse_urn


def diff(session: Session, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
    """Compares the stored object, cut to the shape of its inputs, with the new inputs.

    Fields that only the cluster sets are thus no difference; a field that somebody else changed is one after a refresh.
    """
    urn = parse_urn(request.urn)
    state = read_state(unmarshal(request.olds))
    new = normalize(to_object(unmarshal(request.news)))
    old = _old(session, state, new)
    paths = replacing_paths(
        new,
        is_patch=is_patch(urn, new["kind"]),
        config_map_mutable=session.settings.config_map_mutable,
        secret_mutable=session.settings.secret_mutable,
    )
    ignored = [parse_path(path) for path in request.ignoreChanges]
    detailed: dict[str, provider_pb2.PropertyDiff] = {}
    replaces: list[str] = []
    for found in differences(old, new):
        if any(covers(pattern, found.path) for pattern in ignored):
            continue
        replace = any(reaches(pattern, found.path, found.value) for pattern in paths) or _drops_metadata(found)
        text = format_path(found.path)
        detailed[text] = property_diff(found, replace=replace, input_diff=found.kind == "delete")
        if replace:
            replaces.append(text)
    if is_true(new, REPLACE_UNREADY) and _is_unready(session, session.reporter(request.urn), new, state.live):
        replaces.append(format_path(("metadata", "annotations", REPLACE_UNREADY)))
    changed = detailed or replaces
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
        replaces=replaces,
        deleteBeforeReplace=bool(replaces) and _must_delete_first(new, state.live),
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


def _old(session: Session, state: State, new: Json) -> Json:
    """The stored object in the shape of its inputs; brings both sides' namespaces and names to one form."""
    old = as_map(prune(state.live, normalize(state.inputs)))
    if session.is_namespaced(kind_of_object(new)):
        set_metadata(old, "namespace", namespace_of(old) or "default")
        if not pluck(new, "metadata", "namespace"):
            set_metadata(new, "namespace", "default")
    else:
        set_metadata(old, "namespace", None)
        set_metadata(new, "namespace", None)
    old.setdefault("apiVersion", new.get("apiVersion"))
    old.setdefault("kind", new.get("kind"))
    set_metadata(old, "resourceVersion", None)
    if name_of(new):
        # A program may spell out the name that was made for it.
        set_metadata(old, "name", name_of(state.live))
    return old


def _drops_metadata(found: Difference) -> bool:
    return found.kind == "delete" and found.path == ("metadata",)


def _must_delete_first(new: Json, live: Json) -> bool:
    """An object with a name of its own cannot stand beside its successor."""
    return (
        is_named(new)
        and not is_autonamed(new)
        and name_of(new) == name_of(live)
        and (namespace_of(new) or "default") == (namespace_of(live) or "default")
    )


def _is_unready(session: Session, reporter: Reporter, new: Json, live: Json) -> bool:
    if session.client is None:
        reporter.warning("Cluster is unreachable, skipping replaceUnready check")
        return False
    if new["kind"] != "Job":
        reporter.warning("replaceUnready annotation is not supported for this resource")
        return False
    try:
        return condition(session.client.get(live), "Complete").get("status") != "True"
    except (ApiError, NoMatchError):
        return False
