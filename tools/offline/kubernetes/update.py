"""Update: server-side apply of the new inputs, waited for until the object is ready again."""

from pulumi.runtime.proto import provider_pb2

from tools.offline.common.errors import PartialError, ProviderError
from tools.offline.common.paths import parse_path
from tools.offline.common.values import Json, as_list, contains_unknown, copy, marshal, unmarshal
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.create import conflict_message, report_warnings, wait_for_object
from tools.offline.kubernetes.errors import ApiError, AwaitError, NoMatchError, UnreachableError
from tools.offline.kubernetes.managed_fields import settle_ignored, takeover_patch
from tools.offline.kubernetes.normalize import normalize
from tools.offline.kubernetes.objects import PATCH_FORCE, is_true, name_of, object_id, pluck, set_metadata
from tools.offline.kubernetes.session import Session
from tools.offline.kubernetes.state import State, checkpoint, field_manager, read_state, to_object
from tools.offline.kubernetes.tokens import is_crd, is_patch, kind_of_object, parse_urn
from tools.offline.kubernetes.transport import Reply

_STALE_RETRIES = 5
_STALE_PAUSE_SECONDS = 0.1


def update(session: Session, request: provider_pb2.UpdateRequest) -> provider_pb2.UpdateResponse:
    """Applies the new inputs, or previews them by the API server's dry run, so that refusals show in the preview.

    Raises:
        ProviderError: the object could not be updated or read.
        PartialError: the server refused the change, or the object did not become ready.
    """
    properties = unmarshal(request.news)
    inputs = normalize(to_object(properties))
    if request.preview and (contains_unknown(properties) or not session.knows(kind_of_object(inputs))):
        return provider_pb2.UpdateResponse(properties=request.news)
    client = session.reachable()
    old = read_state(unmarshal(request.olds))
    manager = field_manager(old, inputs)

    def state(live: Json) -> Json:
        return checkpoint(inputs, live, properties, initial_api_version=old.initial_api_version, manager=manager)

    try:
        live = _apply(session, client, request, old, inputs, manager)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=marshal(state(live)))
        live = wait_for_object(
            session, client, session.reporter(request.urn), inputs, live, request.timeout, is_update=True
        )
    except AwaitError as error:
        raise _partial(error.live, error.message, state(error.live), error.problems) from None
    except ApiError as error:
        if request.preview and error.is_forbidden:
            return provider_pb2.UpdateResponse(properties=request.news)
        message = conflict_message(error, manager) if error.is_field_conflict else error.message
        live = _read_back(client, old, request.urn, message)
        raise _partial(live, message, state(live), ()) from None
    except NoMatchError as error:
        raise ProviderError(
            f"update of resource {request.urn!r} failed because the Kubernetes API server reported that the apiVersion "
            f"for this resource does not exist. Verify that any required CRDs have been created: {error}"
        ) from None
    except UnreachableError as error:
        raise ProviderError(f"update of resource {request.urn!r} failed: no answer from {error}") from None
    if old.field_manager and old.field_manager != manager:
        relinquish(client, live, old.field_manager)
    return provider_pb2.UpdateResponse(properties=marshal(state(live)))


def _partial(live: Json, message: str, state: Json, problems: tuple[str, ...]) -> PartialError:
    text = f"the Kubernetes API server reported that {object_id(live)!r} failed to fully initialize or become live: "
    return PartialError(text + message, object_id=object_id(live), state=state, reasons=problems)


def _read_back(client: Client, old: State, urn: str, message: str) -> Json:
    try:
        return client.get(old.live)
    except (ApiError, UnreachableError) as error:
        raise ProviderError(
            f"update of resource {urn!r} failed: {message}; unable to get cluster state: {error}"
        ) from None


def _apply(
    session: Session,
    client: Client,
    request: provider_pb2.UpdateRequest,
    old: State,
    inputs: Json,
    manager: str,
) -> Json:
    """The object as the server has it after the change; tries again where a controller wrote in between."""
    for _ in range(_STALE_RETRIES):
        try:
            return _apply_once(session, client, request, old, inputs, manager)
        except ApiError as error:
            if not error.is_stale or session.cancelled.wait(_STALE_PAUSE_SECONDS):
                raise
    return _apply_once(session, client, request, old, inputs, manager)


def _apply_once(
    session: Session,
    client: Client,
    request: provider_pb2.UpdateRequest,
    old: State,
    inputs: Json,
    manager: str,
) -> Json:
    live = client.get({**inputs, "metadata": {**inputs["metadata"], "name": name_of(old.live)}})
    if is_crd(inputs):
        crd = copy(inputs)
        set_metadata(crd, "resourceVersion", pluck(live, "metadata", "resourceVersion"))
        reply = client.replace(crd, manager=manager, dry_run=request.preview)
    else:
        reply = _server_side_apply(session, client, request, live, copy(inputs), manager)
    report_warnings(session, session.reporter(request.urn), reply)
    return reply.body


def _server_side_apply(
    session: Session, client: Client, request: provider_pb2.UpdateRequest, live: Json, inputs: Json, manager: str
) -> Reply:
    patch = is_patch(parse_urn(request.urn), inputs["kind"])
    takeover = [] if patch else takeover_patch(live, manager)
    if takeover and not request.preview:
        live = client.json_patch(live, takeover)
    settle_ignored(inputs, live, [parse_path(path) for path in request.ignoreChanges], manager)
    force = (
        session.settings.patch_force
        or is_true(inputs, PATCH_FORCE)
        or not as_list(pluck(live, "metadata", "managedFields"))
        # A preview leaves managers as they are, so it cannot tell what will have been taken over from a conflict.
        or bool(takeover and request.preview)
    )
    return client.apply(inputs, manager=manager, force=force, dry_run=request.preview, name=name_of(live))


def relinquish(client: Client, live: Json, manager: str) -> None:
    """Gives up all fields that `manager` owns: an apply of nothing but the object's identity."""
    metadata = {key: value for key in ("name", "namespace") if (value := pluck(live, "metadata", key))}
    identity = {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": metadata}
    client.apply(identity, manager=manager, force=False)
