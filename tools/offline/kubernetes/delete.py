"""Delete: an object removed with everything that depends on it, waited for until it is gone."""

from pulumi.runtime.proto import provider_pb2

from tools.offline.common.errors import ProviderError
from tools.offline.common.values import unmarshal
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.errors import ApiError, AwaitError, NoMatchError, UnreachableError
from tools.offline.kubernetes.objects import DELETION_PROPAGATION, annotation, pluck, split_id
from tools.offline.kubernetes.readiness import skips_delete_wait
from tools.offline.kubernetes.session import Session
from tools.offline.kubernetes.state import State, read_state
from tools.offline.kubernetes.tokens import is_patch, parse_urn
from tools.offline.kubernetes.update import relinquish
from tools.offline.kubernetes.waiting import Waiter, timeout_seconds, wait_until_gone

_POLICIES = {"orphan": "Orphan", "background": "Background"}


def delete(session: Session, request: provider_pb2.DeleteRequest) -> None:
    """Deletes one object, in the foreground unless `pulumi.com/deletionPropagationPolicy` says otherwise.

    An object that is gone, or whose kind is, is deleted. A patch resource gives up its fields instead.

    Raises:
        ProviderError: the cluster cannot be reached, the server refuses, or the object does not go away in time.
    """
    if session.client is None:
        _unreachable(session, request)
        return
    state = read_state(unmarshal(request.properties))
    try:
        if is_patch(parse_urn(request.urn), str(state.live.get("kind"))):
            relinquish(session.client, state.live, state.field_manager)
        else:
            _delete(session, session.client, request, state)
    except NoMatchError:
        return
    except ApiError as error:
        if not error.is_not_found:
            raise ProviderError(_refusal(error, request), error.code) from None
    except UnreachableError as error:
        raise ProviderError(f"failed to delete {request.id!r}: no answer from {error}") from None


def _delete(session: Session, client: Client, request: provider_pb2.DeleteRequest, state: State) -> None:
    name = split_id(request.id)[1]
    policy = _POLICIES.get(annotation(state.inputs, DELETION_PROPAGATION).lower(), "Foreground")
    try:
        client.delete(state.live, propagation=policy, name=name)
    except ApiError as error:
        # A namespace that is being deleted refuses to be deleted again.
        if not error.is_stale or not pluck(client.get(state.live, name), "metadata", "deletionTimestamp"):
            raise
    if skips_delete_wait(state.inputs):
        return
    waiter = Waiter(
        client=client,
        reporter=session.reporter(request.urn),
        cancelled=session.cancelled,
        timeout_seconds=timeout_seconds(request.timeout, state.inputs),
    )
    try:
        wait_until_gone(waiter, state.live)
    except AwaitError as error:
        raise ProviderError("; ".join((error.message, *error.problems))) from None


def _refusal(error: ApiError, request: provider_pb2.DeleteRequest) -> str:
    required = error.cause_fields("FieldValueRequired")
    if required and error.is_invalid:
        return (
            "this Patch resource is currently managing a required field, so it can't be deleted directly. Either set "
            "the `retainOnDelete` resource option, or transfer ownership of the field before deleting: "
            + ", ".join(required)
        )
    return f"failed to delete {request.id!r}: {error.message}"


def _unreachable(session: Session, request: provider_pb2.DeleteRequest) -> None:
    reporter = session.reporter(request.urn)
    reporter.warning(f"configured Kubernetes cluster is unreachable: {session.unreachable}")
    if not session.settings.delete_unreachable:
        raise ProviderError(
            f"configured Kubernetes cluster is unreachable: {session.unreachable}. If the cluster was deleted, you can "
            "remove this resource from Pulumi state by rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE "
            'environment variable set to "true"'
        )
    reporter.info(
        "configured Kubernetes cluster is unreachable and the `deleteUnreachable` option is enabled. "
        "Deleting the unreachable resource from Pulumi state"
    )
