"""The table of types agrees with the SDK and with AWS's API models."""

import re

import pytest

from tests.tools.tables import has, registered
from tools.offline.aws import model
from tools.offline.aws.kinds import Kind
from tools.offline.aws.table import KINDS
from tools.offline.cloud import schema
from tools.offline.cloud.table import UnknownTypeError

_OF_PROGRAMS = [kind for kind in KINDS.values() if isinstance(kind, Kind) and not kind.internal]
_REGISTERED = re.compile(r"\baws\.(\w+)\.([A-Z]\w*)\(")


@pytest.mark.parametrize("kind", _OF_PROGRAMS, ids=lambda kind: kind.label)
def test_what_is_said_of_a_type_is_about_properties_that_it_has(kind: Kind) -> None:
    inputs, state = schema.input_properties(kind.token), schema.state_properties(kind.token)
    given = [*kind.replace, *(each.path for each in kind.references), *kind.filled]
    given += [kind.name.property] if kind.name else []
    assert [path for path in given if not has(inputs, path)] == []
    assert [path for path in kind.unique if not has(state, path)] == []
    # The SDK's state classes name nested outputs only where a program may give them too.
    assert [path for path in kind.outputs if not has(state, path.split(".")[0])] == []
    assert {each.to for each in kind.references} <= {*KINDS, ""}
    assert set(kind.refreshed) <= set(kind.outputs)


@pytest.mark.parametrize("kind", [kind for kind in _OF_PROGRAMS if kind.call], ids=lambda kind: kind.label)
def test_every_property_is_held_against_the_api_or_said_to_stand_apart(kind: Kind) -> None:
    assert kind.call is not None
    shape = model.request_shape(kind.call)
    stray = [
        key
        for key in schema.input_properties(kind.token)
        if key not in kind.call.apart and key not in kind.call.renamed and model.member_of(shape, key) is None
    ]
    assert stray == []


def test_a_type_that_the_library_does_not_register_is_refused() -> None:
    with pytest.raises(UnknownTypeError, match="rds/instance:Instance is no type that the simulated AWS knows"):
        KINDS.of_program("aws:rds/instance:Instance")
    with pytest.raises(UnknownTypeError):
        KINDS.of_program("internal:ec2/instance:Instance")


def test_the_types_are_exactly_those_that_the_library_registers() -> None:
    known = {(kind.token.split(":")[1].split("/")[0], kind.label) for kind in _OF_PROGRAMS}
    assert registered("eks", _REGISTERED) == known
