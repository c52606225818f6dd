"""Read: the live object, for a refresh or an import."""

from pulumi.runtime.proto import provider_pb2

from tools.offline.common.errors import PartialError, ProviderError
from tools.offline.common.values import Json, as_map, copy, marshal, unmarshal
from tools.offline.kubernetes.errors import ApiError, NoMatchError, UnreachableError
from tools.offline.kubernetes.normalize import normalize
from tools.offline.kubernetes.objects import name_of, object_id, pluck, prune, set_metadata, split_id
from tools.offline.kubernetes.readiness import read_check
from tools.offline.kubernetes.session import Session
from tools.offline.kubernetes.state import checkpoint, field_manager, mark_secrets, read_state, to_object
from tools.offline.kubernetes.tokens import kind_of_token, parse_urn

_CLUSTER_ANNOTATIONS = ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration")
_GONE = provider_pb2.ReadResponse()


def read(session: Session, request: provider_pb2.ReadRequest) -> provider_pb2.ReadResponse:
    """The live object as state and as inputs; an empty answer if it is gone.

    Raises:
        ProviderError: the cluster cannot be reached, or the id cannot be read.
        PartialError: the object is there but not ready.
    """
    if session.client is None:
        return _unreachable(session, request)
    properties, input_properties = unmarshal(request.properties), unmarshal(request.inputs)
    state = read_state(properties)
    inputs = normalize(to_object(input_properties))
    importing = not inputs.get("kind") and not state.live.get("kind")
    _identify(inputs, state.live, request)
    try:
        live = session.client.get(inputs, split_id(request.id)[1])
    except NoMatchError:
        return _GONE
    except ApiError as error:
        if error.is_not_found:
            return _GONE
        raise ProviderError(f"failed to read {request.id!r}: {error.message}", error.code) from None
    except UnreachableError as error:
        raise ProviderError(f"failed to read {request.id!r}: no answer from {error}") from None
    live_inputs = _all_inputs(live) if importing else as_map(prune(live, inputs))
    stored = checkpoint(
        live_inputs,
        live,
        input_properties,
        initial_api_version=state.initial_api_version or live["apiVersion"],
        manager=field_manager(state, inputs),
    )
    mark_secrets(live_inputs, input_properties)
    if not importing:
        _fail_if_unready(session, inputs, live, stored, live_inputs)
    return provider_pb2.ReadResponse(
        id=request.id or object_id(live), properties=marshal(stored), inputs=marshal(live_inputs)
    )


def _identify(inputs: Json, live: Json, request: provider_pb2.ReadRequest) -> None:
    """Completes the inputs of an object of which little more than its id is known."""
    namespace, name = split_id(request.id)
    if not name:
        raise ProviderError(f"{request.id!r} is no id of an object; it must be NAME or NAMESPACE/NAME")
    if inputs.get("kind"):
        return
    gvk = kind_of_token(parse_urn(request.urn).type)
    inputs["apiVersion"] = live.get("apiVersion") or gvk.api_version
    inputs["kind"] = live.get("kind") or gvk.kind
    if not name_of(inputs):
        set_metadata(inputs, "name", name)
    if not pluck(inputs, "metadata", "namespace"):
        set_metadata(inputs, "namespace", namespace)


def _all_inputs(live: Json) -> Json:
    """What a program would have to say to get `live`: everything but what only the cluster sets."""
    inputs = normalize({key: copy(value) for key, value in live.items() if key != "status"})
    annotations = as_map(pluck(inputs, "metadata", "annotations"))
    kept = {key: value for key, value in annotations.items() if key not in _CLUSTER_ANNOTATIONS}
    set_metadata(inputs, "annotations", kept)
    return inputs


def _fail_if_unready(session: Session, inputs: Json, live: Json, stored: Json, live_inputs: Json) -> None:
    check = read_check(inputs, live)
    if check is None:
        return
    progress = check(session.reachable(), live)
    if not progress.done:
        raise PartialError(
            f"Resource {name_of(live)!r} was created but failed to initialize: {progress.waiting_for}",
            object_id=object_id(live),
            state=stored,
            reasons=progress.problems,
            inputs=live_inputs,
        )


def _unreachable(session: Session, request: provider_pb2.ReadRequest) -> provider_pb2.ReadResponse:
    reporter = session.reporter(request.urn)
    reporter.warning(f"configured Kubernetes cluster is unreachable: {session.unreachable}")
    if session.settings.delete_unreachable:
        reporter.info(
            "configured Kubernetes cluster is unreachable and the `deleteUnreachable` option is enabled. "
            "Deleting the unreachable resource from Pulumi state"
        )
        return _GONE
    if session.settings.skip_update_unreachable:
        reporter.info(
            "configured Kubernetes cluster is unreachable and the `skipUpdateUnreachable` option is enabled. "
            "Returned data could not reflect the actual cluster configuration."
        )
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)
    raise ProviderError(
        f"failed to read resource state due to unreachable cluster: {session.unreachable}. If the cluster was deleted, "
        "you can remove this resource from Pulumi state by rerunning the operation with the "
        'PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
    )
