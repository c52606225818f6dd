"""What to ask of a cluster's registrations, whichever cloud's it is."""

import json
from collections.abc import Callable
from typing import Any

import pulumi

from modelyard.cluster.base import Cluster
from modelyard.cluster.pools_made import PoolsMade
from tests.support.mocks import Recorded, Registration, run, value_of


def named(recorded: Recorded, type_: str, name: str) -> Registration:
    """The registration of that type and name."""
    (found,) = (each for each in recorded.of(type_) if each.name == name)
    return found


def names(recorded: Recorded, type_: str) -> list[str]:
    """The names of all registrations of a type, without the cluster's."""
    return [each.name.removeprefix("main-") for each in recorded.of(type_)]


def waits_for(recorded: Recorded, waiting: Registration) -> set[str]:
    """The names and types of all that must exist before a registration, near or far."""
    by_urn = {each.urn: each for each in recorded.registrations}
    seen: dict[str, Registration] = {}
    rest = [waiting]
    while rest:
        each = rest.pop()
        for urn in (*each.depends_on, each.provider.rpartition("::")[0]):
            found = by_urn.get(urn)
            if found and urn not in seen:
                seen[urn] = found
                rest.append(found)
    return {f"{each.type.rpartition(':')[2]} {each.name.removeprefix('main-')}" for each in seen.values()}


def before_ready(make: Callable[[], Cluster], pool: str | None = None) -> set[str]:
    """What exists before something that depends on what the cluster says: `ready`, and `pool_ready` of a pool."""

    def program() -> None:
        cluster = make()
        _waits("marker", [*cluster.ready, *(cluster.pool_ready(pool) if pool else [])])

    recorded = run(program)
    return waits_for(recorded, recorded.one("test:index:Waits"))


def secret_kubeconfig(make: Callable[[], Cluster]) -> Any:
    """The cluster's kubeconfig, which must be a secret."""
    found: list[str] = []
    secret: list[bool] = []

    async def is_secret(output: pulumi.Output[str]) -> None:
        secret.append(await output.is_secret())

    def program() -> None:
        cluster = make()
        value_of(cluster.kubeconfig, found)
        pulumi.Output.from_input(is_secret(cluster.kubeconfig))

    run(program)
    assert secret == [True]
    return json.loads(found[0])


def strays(recorded: Recorded, type_: str) -> list[str]:
    """The URNs of what belongs neither to the component of this type nor to a part of it."""
    root = recorded.one(type_).urn
    components = {each.urn for each in recorded.registrations if each.type.startswith("modelyard:")}
    return [each.urn for each in recorded.registrations if each.urn != root and each.parent not in components]


def let_wait(made: PoolsMade) -> None:
    """In a program with pools: for each pool, and for the system, something that waits for what it is to wait for."""
    for name, resources in {**made.by_pool, "(system)": made.system_ready}.items():
        _waits(name, list(resources))


def waited_for(recorded: Recorded) -> dict[str, set[str]]:
    """For each that `let_wait` made, types and names of what it waits for."""
    types = {each.urn: f"{each.type.rpartition(':')[2]} {each.name}" for each in recorded.registrations}
    return {each.name: {types[urn] for urn in each.depends_on} for each in recorded.of("Waits")}


def assert_pools_are_the_clusters(recorded: Recorded) -> None:
    """Components of pools belong to the cluster `parent`, use its providers, and are finished."""
    components = [each for each in recorded.registrations if each.type.startswith("modelyard:cluster:")]
    assert components
    parent = next(each for each in recorded.registrations if each.name == "parent").urn
    assert {each.parent for each in components} == {parent}
    providers = {each.urn for each in recorded.registrations if each.type.startswith("pulumi:providers:")}
    for each in recorded.under("test:index:Parent"):
        if not each.type.startswith(("modelyard:", "test:")):
            assert any(each.provider.startswith(urn) for urn in providers), each.urn
    made = {each.urn for each in recorded.registrations if each.type.startswith("modelyard:")}
    assert made <= set(recorded.component_outputs)


def _waits(name: str, before: list[pulumi.Resource]) -> pulumi.ComponentResource:
    return pulumi.ComponentResource("test:index:Waits", name, opts=pulumi.ResourceOptions(depends_on=before))
