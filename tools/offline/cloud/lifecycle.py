"""Create, Read, Update and Delete of one resource."""

import time
from contextlib import suppress

from pulumi.runtime.proto import provider_pb2

from tools.offline.cloud import calls, registry, states
from tools.offline.cloud.check import DEFAULTS
from tools.offline.cloud.cloud import Cloud
from tools.offline.cloud.errors import CloudError, CreateFailedError
from tools.offline.cloud.kinds import Kind
from tools.offline.cloud.references import refuse_if_held, require_all
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Account, Record, merged, values_at
from tools.offline.common.errors import PartialError, ProviderError
from tools.offline.common.values import (
    UNKNOWN,
    Json,
    as_map,
    marshal,
    unmarshal,
    without_secrets,
)
from tools.offline.kubernetes.errors import ApiError, UnreachableError
from tools.offline.kubernetes.tokens import parse_urn


def create(session: Session, request: provider_pb2.CreateRequest) -> provider_pb2.CreateResponse:
    """Makes a resource, and waits until it is active.

    Raises:
        PartialError: the cloud made it and it then failed.
        ProviderError: the cloud refuses it.
    """
    kind, given = session.cloud.table.of_program(parse_urn(request.urn).type), unmarshal(request.properties)
    if request.preview:
        return provider_pb2.CreateResponse(properties=marshal(states.previewed(session.cloud, kind, given)))
    name = parse_urn(request.urn).name
    with calls.call(session, kind, "create", request.urn) as call:
        record = _add(session, kind, as_map(without_secrets(given)), name)
        try:
            with session.turn(record):
                session.wait(kind.seconds.create)
                call.fail_after()
                for made in registry.when_made[kind.token]:
                    made(session, record)
        except (CreateFailedError, ProviderError, ApiError, UnreachableError) as error:
            raise _incomplete(session, kind, record, given, error) from None
        record = _set_status(session, record, "ACTIVE")
    return provider_pb2.CreateResponse(id=record.id, properties=marshal(states.state_of(session.cloud, record, given)))


def _incomplete(session: Session, kind: Kind, record: Record, given: Json, error: Exception) -> PartialError:
    """What is there although its creation did not end well: the cloud goes on making what was only cancelled."""
    failed = not isinstance(error, ProviderError)
    state = states.state_of(session.cloud, _set_status(session, record, "CREATE_FAILED" if failed else "ACTIVE"), given)
    what = f"waiting for {kind.service} {kind.label} ({record.id}) create"
    text = f"{what}: unexpected state 'CREATE_FAILED': {error}" if failed else f"{what}: {error}"
    return PartialError(text, object_id=record.id, state=state, reasons=(), inputs=given)


def read(session: Session, request: provider_pb2.ReadRequest) -> provider_pb2.ReadResponse:
    """What exists: the program's own properties with the values they have now; nothing, if it is gone."""
    kind = session.cloud.table.of_program(parse_urn(request.urn).type)
    record = session.world.look().get(kind.token, request.id)
    if record is None or record.status == "PENDING_DELETION":
        return provider_pb2.ReadResponse()
    given = unmarshal(request.inputs) or record.inputs
    inputs = {key: value if key == DEFAULTS else states.live_value(record, key, value) for key, value in given.items()}
    state = states.state_of(session.cloud, record, inputs)
    return provider_pb2.ReadResponse(id=record.id, properties=marshal(state), inputs=marshal(inputs))


def update(session: Session, request: provider_pb2.UpdateRequest) -> provider_pb2.UpdateResponse:
    """Changes a resource in place, and waits until that is done."""
    kind, given = session.cloud.table.of_program(parse_urn(request.urn).type), unmarshal(request.news)
    if request.preview:
        old = as_map(unmarshal(request.olds))
        computed = states.computed(session.cloud, kind, given)
        state = merged({key: value for key, value in old.items() if key in computed}, given)
        state = session.cloud.shown(kind, {**state, **dict.fromkeys(kind.refreshed, UNKNOWN)}, None)
        return provider_pb2.UpdateResponse(properties=marshal(state))
    new = as_map(without_secrets(given))
    with calls.call(session, kind, "update", request.urn):
        try:
            with session.world.open() as account:
                record = _existing(session.cloud, account, kind, request.id)
                failed = record.status == "CREATE_FAILED"
                complete = _changed(kind, record, as_map(without_secrets(unmarshal(request.old_inputs))), new)
                if failed and kind.is_lost_when_failed:
                    _refuse_change_of_failed(session.cloud, kind, record, complete)
                    state = states.state_of(session.cloud, record, given)
                    return provider_pb2.UpdateResponse(properties=marshal(state))
                require_all(session.cloud, account, kind, complete)
                for rule in registry.before_update[kind.token]:
                    rule(account, record, complete)
                changed = {key for key in {*complete, *record.inputs} if complete.get(key) != record.inputs.get(key)}
                record.inputs = complete
                record.status = "UPDATING"
                _fill_outputs(session.cloud, account, kind, record)
        except CloudError as error:
            raise session.cloud.worded(error, kind, "updating", request.id) from None
        try:
            with session.turn(record):
                session.wait(kind.seconds.of_update(changed))
                for follow in registry.when_made[kind.token] if failed else registry.when_updated[kind.token]:
                    follow(session, record)
        except (CreateFailedError, ApiError, UnreachableError) as error:
            raise _incomplete(session, kind, record, given, error) from None
        record = _set_status(session, record, "ACTIVE")
    return provider_pb2.UpdateResponse(properties=marshal(states.state_of(session.cloud, record, given)))


def delete(session: Session, request: provider_pb2.DeleteRequest) -> None:
    """Deletes a resource, repeating the call for a while where something else has to go first."""
    kind = session.cloud.table.of_program(parse_urn(request.urn).type)
    with calls.call(session, kind, "delete", request.urn):
        refused: list[CloudError] = []

        def try_once() -> bool:
            refused.clear()
            try:
                with session.world.open() as account:
                    record = account.get(kind.token, request.id)
                    if record is not None:
                        for rule in registry.before_delete[kind.token]:
                            rule(account, record)
                        refuse_if_held(session.cloud, account, kind, record)
                        record.status = "DELETING" if record.status != "PENDING_DELETION" else record.status
            except CloudError as error:
                refused.append(error)
            return not refused

        if not session.until(try_once):
            if not refused:
                raise ProviderError("the update was cancelled")
            raise session.cloud.worded(refused[0], kind, "deleting", request.id)
        record = session.world.look().get(kind.token, request.id)
        if record is None or record.status == "PENDING_DELETION":
            return
        with session.turn(record):
            session.wait(kind.seconds.delete)
            # An API server that is gone has no nodes either.
            with suppress(UnreachableError):
                for ended in registry.when_deleted[kind.token]:
                    ended(session, record)
        with session.world.open() as account:
            account.remove(record)


def _add(session: Session, kind: Kind, given: Json, name: str) -> Record:
    inputs = {**kind.filled, **{key: value for key, value in given.items() if key != DEFAULTS and value is not None}}
    record = Record(token=kind.token, id="", inputs=inputs, region=given.get(session.cloud.where) or session.region)
    record.status = "CREATING"
    session.cloud.placed(record, session.arguments)
    record.notes["active_at"] = time.time() + kind.seconds.create * session.latency
    try:
        with session.world.open() as account:
            require_all(session.cloud, account, kind, inputs)
            _complete_name(session.cloud, kind, record)
            record.id = session.cloud.id_of(kind, record)
            for rule in registry.before_create[kind.token]:
                rule(account, record)
            _refuse_twin(session.cloud, account, kind, record)
            _fill_outputs(session.cloud, account, kind, record)
            account.add(record)
    except CloudError as error:
        raise session.cloud.worded(error, kind, "creating", name) from None
    return record


def _complete_name(cloud: Cloud, kind: Kind, record: Record) -> None:
    """A name with a given prefix."""
    prefix = record.inputs.get(f"{kind.name.property}Prefix") if kind.name else None
    if kind.name and prefix:
        record.outputs[kind.name.property] = cloud.prefixed(prefix)


def _refuse_twin(cloud: Cloud, account: Account, kind: Kind, record: Record) -> None:
    identity = [values_at(record.state, path) for path in kind.unique]
    if not any(identity):
        return
    for other in account.of(kind.token):
        if [values_at(other.state, path) for path in kind.unique] == identity and other.status != "PENDING_DELETION":
            raise cloud.twin(kind, other)


def _fill_outputs(cloud: Cloud, account: Account, kind: Kind, record: Record) -> None:
    for compute in registry.outputs[kind.token]:
        record.outputs = merged(record.outputs, compute(account, record))
    record.outputs |= cloud.outputs(kind, record)


def _existing(cloud: Cloud, account: Account, kind: Kind, resource_id: str) -> Record:
    record = account.get(kind.token, resource_id)
    if record is None:
        raise cloud.not_found(kind.token, resource_id)
    return record


def _changed(kind: Kind, record: Record, old: Json, new: Json) -> Json:
    """What is to be, of what is: the cloud is told only of properties that the program changed, so others stay.

    The size of a node group, for one, that an autoscaler chose since.
    """
    now = record.inputs
    kept = {key: value for key, value in now.items() if key in new or key not in old or key in kind.filled}
    given = {key: value for key, value in new.items() if key != DEFAULTS and value is not None}
    told = {
        key: value for key, value in given.items() if key not in now or old.get(key) != value or key in kind.always_told
    }
    left_out = {key: value for key, value in kind.filled.items() if key in old and key not in new}
    return {**kept, **told, **left_out}


def _refuse_change_of_failed(cloud: Cloud, kind: Kind, record: Record, wanted: Json) -> None:
    """What failed to be made stays failed, whatever is asked of it; an update without a change asks for nothing."""
    if any(value is not None and record.inputs.get(key) != value for key, value in wanted.items()):
        raise cloud.cannot_change(kind, record)


def _set_status(session: Session, record: Record, status: str) -> Record:
    with session.world.open() as account:
        current = account.records.get(record.key, record)
        current.status = status
        _fill_outputs(session.cloud, account, session.cloud.table[record.token], current)
        return current
