"""The table of types agrees with the SDK, with Google's API models and with the library."""

import re

import pytest

from tests.tools.tables import has, registered
from tools.offline.cloud import schema
from tools.offline.cloud.table import UnknownTypeError
from tools.offline.gcp import model
from tools.offline.gcp.kinds import Kind
from tools.offline.gcp.table import KINDS

_OF_PROGRAMS = [kind for kind in KINDS.values() if isinstance(kind, Kind) and not kind.internal]
_MODULES = "compute|container|kms|projects|serviceaccount|storage|filestore|artifactregistry"
_REGISTERED = re.compile(rf"(?<![\w.])(?:gcp\.)?({_MODULES})\.([A-Z]\w*)\(")
_NOT_IN_THE_MODEL = {"dataplaneOptimizationMode"}
"""Arguments that are newer than the API model."""


@pytest.mark.parametrize("kind", _OF_PROGRAMS, ids=lambda kind: kind.token)
def test_what_is_said_of_a_type_is_about_properties_that_it_has(kind: Kind) -> None:
    inputs, state = schema.input_properties(kind.token), schema.state_properties(kind.token)
    given = [*kind.replace, *(each.path for each in kind.references), *kind.filled]
    given += [kind.name.property] if kind.name else []
    given += [kind.labels] if kind.labels else []
    assert [path for path in given if not has(inputs, path)] == []
    assert [path for path in kind.unique if not has(state, path)] == []
    assert [path for path in kind.outputs if not has(state, path.split(".")[0])] == []
    assert {each.to for each in kind.references} <= {*KINDS}
    assert set(kind.refreshed) <= set(kind.outputs)


@pytest.mark.parametrize("kind", [kind for kind in _OF_PROGRAMS if kind.api], ids=lambda kind: kind.token)
def test_every_property_is_held_against_the_api_or_said_to_stand_apart(kind: Kind) -> None:
    assert kind.api is not None
    found = model.schema_of(kind.api.document, kind.api.schema)
    stray = {
        key
        for key in schema.input_properties(kind.token)
        if key not in kind.api.apart
        and model.member_of(kind.api.document, found, kind.api.renamed.get(key, key)) is None
    }
    assert stray <= _NOT_IN_THE_MODEL


def test_a_type_that_the_library_does_not_register_is_refused() -> None:
    with pytest.raises(UnknownTypeError, match="sql/databaseInstance:DatabaseInstance is no type that the simulated"):
        KINDS.of_program("gcp:sql/databaseInstance:DatabaseInstance")
    with pytest.raises(UnknownTypeError):
        KINDS.of_program("internal:compute/firewall:Firewall")


def test_the_types_are_exactly_those_that_the_library_registers() -> None:
    known = {(kind.token.split(":")[1].split("/")[0], kind.label) for kind in _OF_PROGRAMS}
    assert registered("gke", _REGISTERED) == known
