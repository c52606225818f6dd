"""Create: a new object on the API server, waited for until it is ready."""

import threading
from collections.abc import Callable

import grpc
from pulumi.runtime.proto import provider_pb2

from tools.offline.common.engine import Reporter
from tools.offline.common.errors import PartialError, ProviderError
from tools.offline.common.values import Json, contains_unknown, marshal, unmarshal
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.errors import ApiError, AwaitError, NoMatchError, UnreachableError
from tools.offline.kubernetes.managed_fields import CREATE_MANAGER
from tools.offline.kubernetes.objects import PATCH_FORCE, is_true, name_of, object_id
from tools.offline.kubernetes.readiness import default_timeout_seconds, ready_check
from tools.offline.kubernetes.session import Session
from tools.offline.kubernetes.state import checkpoint, field_manager, to_object
from tools.offline.kubernetes.tokens import is_patch, kind_of_object, parse_urn
from tools.offline.kubernetes.transport import Reply
from tools.offline.kubernetes.waiting import Waiter, timeout_seconds, wait_until_ready

_RETRY_PAUSES_SECONDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)

_ALREADY_EXISTS_HELP = """

The resource already exists in the cluster. This can happen when:

  - Renaming a Pulumi resource: use an alias to preserve the identity,
    or use deleteBeforeReplace if the resource needs replacement.
  - Managing an existing resource: use a Patch resource (e.g. NamespacePatch)
    to manage specific fields without owning the resource lifecycle.
  - Adopting a resource into Pulumi: give the resource the option import="{id}",
    or use `pulumi import {type} NAME {id}`.
  - Intentional upsert: set upsertExistingObjects on the provider to allow
    server-side apply to update existing objects on create."""


def create(session: Session, request: provider_pb2.CreateRequest) -> provider_pb2.CreateResponse:
    """Creates one object, or previews it by the API server's dry run where that is possible.

    Raises:
        ProviderError: the server refused it.
        PartialError: it exists, but did not become ready.
    """
    urn = parse_urn(request.urn)
    properties = unmarshal(request.properties)
    inputs = to_object(properties)
    patch = is_patch(urn, inputs["kind"])
    as_given = provider_pb2.CreateResponse(properties=request.properties)
    if request.preview and (contains_unknown(properties) or patch or not session.knows(kind_of_object(inputs))):
        return as_given
    client = session.reachable()
    reporter = session.reporter(request.urn)
    manager = field_manager(None, inputs)
    reply = _send(session, client, request, inputs, manager)
    if reply is None:
        return as_given
    report_warnings(session, reporter, reply)

    def state(live: Json) -> Json:
        return checkpoint(inputs, live, properties, initial_api_version=inputs["apiVersion"], manager=manager)

    if request.preview:
        # A program must see outputs that are not known yet, not the empty status of a dry run.
        return provider_pb2.CreateResponse(
            properties=marshal(state({key: value for key, value in reply.body.items() if key != "status"}))
        )
    try:
        live = wait_for_object(session, client, reporter, inputs, reply.body, request.timeout, is_update=False)
    except AwaitError as error:
        raise PartialError(
            f"resource {request.urn!r} was successfully created, but the Kubernetes API server reported that it failed "
            f"to fully initialize or become live: {error.message}",
            object_id=object_id(error.live),
            state=state(error.live),
            reasons=error.problems,
        ) from None
    return provider_pb2.CreateResponse(id=object_id(live), properties=marshal(state(live)))


def _send(
    session: Session, client: Client, request: provider_pb2.CreateRequest, inputs: Json, manager: str
) -> Reply | None:
    """The server's answer; None if its dry run says nothing about the real thing."""

    def send() -> Reply:
        if session.settings.upsert_existing_objects or is_patch(parse_urn(request.urn), inputs["kind"]):
            force = request.preview or session.settings.patch_force or is_true(inputs, PATCH_FORCE)
            return client.apply(inputs, manager=manager, force=force, dry_run=request.preview)
        return client.create(inputs, manager=CREATE_MANAGER, dry_run=request.preview)

    try:
        return _with_retries(send, session.reporter(request.urn), session.cancelled, preview=request.preview)
    except ApiError as error:
        if request.preview and _is_unpreviewable(error):
            return None
        raise _refusal(error, request, inputs, manager) from None
    except NoMatchError as error:
        raise ProviderError(
            f"creation of resource {request.urn!r} with kind {kind_of_object(inputs)} failed because the Kubernetes "
            "API server reported that the apiVersion for this resource does not exist. "
            f"Verify that any required CRDs have been created: {error}"
        ) from None
    except UnreachableError as error:
        raise ProviderError(
            f"resource {request.urn!r} may not have been created: no answer from {error}", grpc.StatusCode.UNKNOWN
        ) from None


def _with_retries(send: Callable[[], Reply], reporter: Reporter, cancelled: threading.Event, *, preview: bool) -> Reply:
    """Sends again while the namespace or the kind does not exist yet: another resource may be making it."""
    for attempt, pause in enumerate(_RETRY_PAUSES_SECONDS, start=1):
        try:
            reply = send()
        except (ApiError, NoMatchError) as error:
            if isinstance(error, ApiError) and (not error.is_not_found or (preview and error.is_missing_namespace)):
                raise
            reporter.status(f"Retry #{attempt}; creation failed: {error}")
            if cancelled.wait(pause):
                raise
        else:
            reporter.status("")
            return reply
    return send()


def _is_unpreviewable(error: ApiError) -> bool:
    """A dry run says nothing about an object that replaces its namesake, or whose namespace is still to come."""
    return error.is_forbidden or error.is_already_exists or error.is_missing_namespace or error.is_dry_run_unsupported


def _refusal(error: ApiError, request: provider_pb2.CreateRequest, inputs: Json, manager: str) -> ProviderError:
    message = f"resource {request.urn!r} was not successfully created by the Kubernetes API server: {error.message}"
    if error.is_already_exists:
        message += _ALREADY_EXISTS_HELP.format(id=object_id(inputs), type=parse_urn(request.urn).type)
    elif error.is_field_conflict:
        message = conflict_message(error, manager)
    return ProviderError(message, error.code)


def conflict_message(error: ApiError, manager: str) -> str:
    """What to tell about fields that another manager owns."""
    return (
        "server-side apply field conflict detected: leave the fields out of the program, or take them over with the "
        'annotation pulumi.com/patchForce: "true" (the provider\'s enablePatchForce does so for all resources).\n'
        f"The resource managed by field manager {manager!r} had an apply conflict: {error.message}"
    )


def report_warnings(session: Session, reporter: Reporter, reply: Reply) -> None:
    """Shows what the API server warned about: deprecated versions, and fields that it does not know and drops."""
    for warning in reply.warnings:
        if warning.startswith(("unknown field", "duplicate field")):
            reporter.warning(f"the API server ignores a field: {warning}")
        elif "deprecated" in warning and not session.settings.suppress_deprecation_warnings:
            reporter.warning(warning)


def wait_for_object(
    session: Session,
    client: Client,
    reporter: Reporter,
    inputs: Json,
    live: Json,
    custom_timeout_seconds: float,
    *,
    is_update: bool,
) -> Json:
    """The live object once it is ready.

    Raises:
        AwaitError: it did not become ready.
    """
    try:
        check = ready_check(inputs, is_update=is_update)
    except ValueError as error:
        raise AwaitError(f"{name_of(live)!r} cannot be waited for: {error}", live) from None
    if check is None:
        return live
    waiter = Waiter(
        client=client,
        reporter=reporter,
        cancelled=session.cancelled,
        timeout_seconds=timeout_seconds(custom_timeout_seconds, inputs, default_timeout_seconds(inputs)),
    )
    return wait_until_ready(waiter, live, check)
