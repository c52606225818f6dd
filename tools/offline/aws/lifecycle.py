"""Create, Read, Update and Delete of one resource."""

import hashlib
import re
import secrets
import time
from contextlib import suppress

from pulumi.runtime.proto import provider_pb2

from tools.offline.aws import calls, registry, schema, states
from tools.offline.aws.check import DEFAULTS
from tools.offline.aws.errors import AwsError, CreateFailedError
from tools.offline.aws.kinds import Kind
from tools.offline.aws.references import refuse_if_held, require_all
from tools.offline.aws.session import Session
from tools.offline.aws.table import kind_of
from tools.offline.aws.world import ACCOUNT_ID, Account, Record, merged, new_id, values_at
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
        PartialError: AWS made it and it then failed.
        ProviderError: AWS refuses it.
    """
    kind, given = kind_of(parse_urn(request.urn).type), unmarshal(request.properties)
    if request.preview:
        return provider_pb2.CreateResponse(properties=marshal(states.previewed(kind, given)))
    name = parse_urn(request.urn).name
    with calls.call(session, kind, "create", request.urn) as call:
        record = _add(session, kind, as_map(without_secrets(given)), name)
        try:
            session.wait(kind.seconds.create)
            call.fail_after()
            for made in registry.when_made[kind.token]:
                made(session, record)
        except (CreateFailedError, ProviderError, ApiError, UnreachableError) as error:
            raise _incomplete(session, kind, record, given, error) from None
        record = _set_status(session, record, "ACTIVE")
    return provider_pb2.CreateResponse(id=record.id, properties=marshal(states.state_of(record, given)))


def _incomplete(session: Session, kind: Kind, record: Record, given: Json, error: Exception) -> PartialError:
    """What is there although its creation did not end well: of one that was only cancelled AWS goes on making it."""
    failed = not isinstance(error, ProviderError)
    state = states.state_of(_set_status(session, record, "CREATE_FAILED" if failed else "ACTIVE"), given)
    what = f"waiting for {kind.service} {kind.label} ({record.id}) create"
    text = f"{what}: unexpected state 'CREATE_FAILED': {error}" if failed else f"{what}: {error}"
    return PartialError(text, object_id=record.id, state=state, reasons=(), inputs=given)


def read(session: Session, request: provider_pb2.ReadRequest) -> provider_pb2.ReadResponse:
    """What exists: the program's own properties with the values they have now; nothing, if it is gone."""
    kind = kind_of(parse_urn(request.urn).type)
    record = session.world.look().get(kind.token, request.id)
    if record is None or record.status == "PENDING_DELETION":
        return provider_pb2.ReadResponse()
    given = unmarshal(request.inputs) or record.inputs
    inputs = {key: value if key == DEFAULTS else states.live_value(record, key, value) for key, value in given.items()}
    state = states.state_of(record, inputs)
    return provider_pb2.ReadResponse(id=record.id, properties=marshal(state), inputs=marshal(inputs))


def update(session: Session, request: provider_pb2.UpdateRequest) -> provider_pb2.UpdateResponse:
    """Changes a resource in place, and waits until that is done."""
    kind, given = kind_of(parse_urn(request.urn).type), unmarshal(request.news)
    if request.preview:
        old = as_map(unmarshal(request.olds))
        state = merged({key: value for key, value in old.items() if key in states.computed(kind, given)}, given)
        return provider_pb2.UpdateResponse(properties=marshal({**state, **dict.fromkeys(kind.refreshed, UNKNOWN)}))
    new = as_map(without_secrets(given))
    with calls.call(session, kind, "update", request.urn):
        try:
            with session.world.open() as account:
                record = _existing(account, kind, request.id)
                failed = record.status == "CREATE_FAILED"
                complete = _changed(kind, record, as_map(without_secrets(unmarshal(request.old_inputs))), new)
                if failed and kind.is_lost_when_failed:
                    _refuse_change_of_failed(kind, record, complete)
                    return provider_pb2.UpdateResponse(properties=marshal(states.state_of(record, given)))
                require_all(account, kind, complete)
                for rule in registry.before_update[kind.token]:
                    rule(account, record, complete)
                changed = {key for key in {*complete, *record.inputs} if complete.get(key) != record.inputs.get(key)}
                record.inputs = complete
                record.status = "UPDATING"
                _fill_outputs(account, kind, record)
        except AwsError as error:
            raise error.at(kind, "updating", request.id) from None
        session.wait(kind.seconds.of_update(changed))
        try:
            for follow in registry.when_made[kind.token] if failed else registry.when_updated[kind.token]:
                follow(session, record)
        except (CreateFailedError, ApiError, UnreachableError) as error:
            raise _incomplete(session, kind, record, given, error) from None
        record = _set_status(session, record, "ACTIVE")
    return provider_pb2.UpdateResponse(properties=marshal(states.state_of(record, given)))


def delete(session: Session, request: provider_pb2.DeleteRequest) -> None:
    """Deletes a resource, repeating the call for a while where something else has to go first."""
    kind = kind_of(parse_urn(request.urn).type)
    with calls.call(session, kind, "delete", request.urn):
        refused: list[AwsError] = []

        def try_once() -> bool:
            refused.clear()
            try:
                with session.world.open() as account:
                    record = account.get(kind.token, request.id)
                    if record is not None:
                        for rule in registry.before_delete[kind.token]:
                            rule(account, record)
                        refuse_if_held(account, kind, record)
                        record.status = "DELETING" if record.status != "PENDING_DELETION" else record.status
            except AwsError as error:
                refused.append(error)
            return not refused

        if not session.until(try_once):
            raise refused[0].at(kind, "deleting", request.id) if refused else ProviderError("the update was cancelled")
        record = session.world.look().get(kind.token, request.id)
        if record is None or record.status == "PENDING_DELETION":
            return
        session.wait(kind.seconds.delete)
        # An API server that is gone has no nodes either.
        with suppress(UnreachableError):
            for ended in registry.when_deleted[kind.token]:
                ended(session, record)
        with session.world.open() as account:
            account.remove(record)


def _add(session: Session, kind: Kind, given: Json, name: str) -> Record:
    inputs = {**kind.filled, **{key: value for key, value in given.items() if key != DEFAULTS and value is not None}}
    record = Record(token=kind.token, id="", inputs=inputs, region=given.get("region") or session.region)
    record.status = "CREATING"
    record.notes["active_at"] = time.time() + kind.seconds.create * session.latency
    try:
        with session.world.open() as account:
            require_all(account, kind, inputs)
            _complete_name(kind, record)
            record.id = _new_id(kind, record)
            for rule in registry.before_create[kind.token]:
                rule(account, record)
            _refuse_twin(account, kind, record)
            _fill_outputs(account, kind, record)
            account.add(record)
    except AwsError as error:
        raise error.at(kind, "creating", name) from None
    return record


def _complete_name(kind: Kind, record: Record) -> None:
    """A name with a given prefix."""
    prefix = record.inputs.get(f"{kind.name.property}Prefix") if kind.name else None
    if kind.name and prefix:
        record.outputs[kind.name.property] = (
            f"{prefix}{time.strftime('%Y%m%d%H%M%S', time.gmtime())}{secrets.token_hex(6)}"
        )


def _new_id(kind: Kind, record: Record) -> str:
    if kind.id_prefix:
        return new_id(kind.id_prefix)
    return _formatted(kind.id_format, record) if kind.id_format else _uuid()


def _uuid() -> str:
    return re.sub(r"^(.{8})(.{4})(.{4})(.{4})(.{12})$", r"\1-\2-\3-\4-\5", secrets.token_hex(16))


def _formatted(text: str, record: Record) -> str:
    digest = hashlib.sha256(f"{record.token}{record.id}".encode()).hexdigest()[:8]
    return text.format(
        **{**record.state, "id": record.id, "region": record.region, "account": ACCOUNT_ID, "hash": digest}
    )


def _refuse_twin(account: Account, kind: Kind, record: Record) -> None:
    identity = [values_at(record.state, path) for path in kind.unique]
    if not any(identity):
        return
    for other in account.of(kind.token):
        if [values_at(other.state, path) for path in kind.unique] == identity and other.status != "PENDING_DELETION":
            code, text = _TWINS.get(kind.service, ("ResourceAlreadyExistsException", "The resource already exists"))
            raise AwsError(code, f"{text}: {other.id}")


_TWINS = {
    "IAM": ("EntityAlreadyExists", "The entity already exists"),
    "EKS": ("ResourceInUseException", "The resource already exists"),
    "EC2": ("AlreadyExists", "The resource already exists"),
    "KMS": ("AlreadyExistsException", "An alias with the name already exists"),
    "S3": ("BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded"),
}


def _fill_outputs(account: Account, kind: Kind, record: Record) -> None:
    known = schema.state_properties(kind.token)
    for compute in registry.outputs[kind.token]:
        record.outputs = merged(record.outputs, compute(account, record))
    if "tagsAll" in known:
        record.outputs["tagsAll"] = as_map(record.inputs.get("tags"))
    if kind.arn:
        record.outputs["arn"] = _formatted(kind.arn, record)
    if "ownerId" in known:
        record.outputs["ownerId"] = ACCOUNT_ID
    if "region" in known:
        record.outputs["region"] = record.region


def _existing(account: Account, kind: Kind, resource_id: str) -> Record:
    record = account.get(kind.token, resource_id)
    if record is None:
        raise AwsError("ResourceNotFoundException", f"{kind.label} {resource_id} does not exist")
    return record


def _changed(kind: Kind, record: Record, old: Json, new: Json) -> Json:
    """What is to be, of what is: AWS is told only of properties that the program changed, so others keep their value.

    The size of a node group, for one, that an autoscaler chose since.
    """
    now = record.inputs
    kept = {key: value for key, value in now.items() if key in new or key not in old or key in kind.filled}
    given = {key: value for key, value in new.items() if key != DEFAULTS and value is not None}
    told = {key: value for key, value in given.items() if key not in now or old.get(key) != value}
    left_out = {key: value for key, value in kind.filled.items() if key in old and key not in new}
    return {**kept, **told, **left_out}


def _refuse_change_of_failed(kind: Kind, record: Record, wanted: Json) -> None:
    """What failed to be made stays failed, whatever is asked of it; an update without a change asks for nothing."""
    if any(value is not None and record.inputs.get(key) != value for key, value in wanted.items()):
        raise AwsError("InvalidRequestException", f"{kind.label} {record.id} cannot be updated in status CREATE_FAILED")


def _set_status(session: Session, record: Record, status: str) -> Record:
    with session.world.open() as account:
        current = account.records.get(record.key, record)
        current.status = status
        _fill_outputs(account, kind_of(record.token), current)
        return current
