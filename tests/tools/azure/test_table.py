"""The table of types agrees with the SDK and with the API model of AKS."""

import re

import pytest

from tests.support.paths import ROOT
from tests.tools.tables import has
from tools.offline.azure import limits, model
from tools.offline.azure.kinds import AzureKind
from tools.offline.azure.kinds_compute import POOL_FIXED
from tools.offline.azure.table import TABLE, azure_kind
from tools.offline.cloud import schema
from tools.offline.cloud.table import UnknownTypeError

_OF_PROGRAMS = [azure_kind(token) for token, kind in TABLE.items() if not kind.internal]
_REGISTERED = re.compile(r"\b(?:azure\.)?(\w+)\.([A-Z]\w*)\(")
_SUBMODULE = re.compile(r"from pulumi_azure_native import (\w+)(?: as (\w+))?")


@pytest.mark.parametrize("kind", _OF_PROGRAMS, ids=lambda kind: kind.label)
def test_what_is_said_of_a_type_is_about_properties_that_it_has(kind: AzureKind) -> None:
    inputs, state = schema.input_properties(kind.token), schema.state_properties(kind.token)
    given = [*kind.replace, *kind.fixed, *(each.path for each in kind.references), *kind.filled, *kind.always_told]
    given += [kind.name.property] if kind.name else []
    given += limits.LIMITS.get(kind.token, {})
    assert [path for path in given if not has(inputs, path)] == []
    assert [path for path in kind.outputs if path.split(".")[0] not in state] == []
    assert {each.to for each in kind.references} <= set(TABLE)
    assert not kind.parent or kind.parent in TABLE


@pytest.mark.parametrize("kind", [kind for kind in _OF_PROGRAMS if kind.model], ids=lambda kind: kind.label)
def test_every_property_of_aks_is_in_the_api_model(kind: AzureKind) -> None:
    known = {name.lower() for name in model.flat_fields(kind.model)}
    address = {"resourcegroupname", "resourcename", "agentpoolname"}
    given = {key.lower() for key in schema.input_properties(kind.token)} - address
    assert given - known == set()


def test_a_pool_keeps_the_same_within_its_cluster_and_beside_it() -> None:
    profile = schema.input_properties("azure-native:containerservice:ManagedCluster")["agentPoolProfiles"].type.item
    assert profile is not None
    assert [path for path in POOL_FIXED if not has(profile.properties(), path)] == []


def test_a_type_that_the_library_does_not_register_is_refused() -> None:
    with pytest.raises(UnknownTypeError, match="sql:Server is no type that the simulated Azure knows"):
        TABLE.of_program("azure-native:sql:Server")
    with pytest.raises(UnknownTypeError):
        TABLE.of_program("internal:keyvault:Vault")


def test_the_types_are_exactly_those_that_the_library_registers() -> None:
    known = {(kind.token.split(":")[1], kind.label) for kind in _OF_PROGRAMS}
    modules = {module for module, _ in known}
    found: set[tuple[str, str]] = set()
    for path in (ROOT / "components" / "modelyard" / "cluster" / "aks").glob("*.py"):
        text = path.read_text("utf-8")
        names = {alias or module: module for module, alias in _SUBMODULE.findall(text)}
        found |= {(names.get(module, module), name) for module, name in _REGISTERED.findall(text)}
    registered = {(module, name) for module, name in found if module in modules and not name.endswith("Args")}
    assert registered == known
