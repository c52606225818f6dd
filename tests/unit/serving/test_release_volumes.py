"""Pods of a service beside each other, where one node at a time mounts their volume."""

from dataclasses import replace

import pytest

from modelyard.cluster.pools import resolve_pool
from modelyard.cluster.spec import PoolSpec
from modelyard.serving.model_spec import ModelChangeSpec, ModelSpec
from modelyard.serving.release_spec import BlueGreenSpec, CanarySpec, ReleaseSpec, VariantSpec
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.verify_spec import VerifyRequestSpec, VerifySpec
from modelyard.workspace.place import Place
from tests.support.clusters import POOLS
from tests.unit.serving.test_spec import OWN

ONE = resolve_pool("one", PoolSpec(cpus=16, memory_gib=64, max_nodes=1))
PLACE = Place(pools={**POOLS, "one": ONE}, volumes=["models", "more"], unshared_volumes=["models"])
SINGLE = replace(OWN, model=ModelSpec(volume="models", folder="1"), replicas=1, surge=0, route=RouteSpec())
NEXT = ModelChangeSpec(volume="models", folder="2")
VERIFIED = ReleaseSpec(verify=VerifySpec(requests=[VerifyRequestSpec(path="/")]))
CANARY = ReleaseSpec(canary=CanarySpec(model=NEXT))
GREEN = ReleaseSpec(blue_green=BlueGreenSpec(green=VariantSpec(model=NEXT)))


@pytest.mark.parametrize(
    ("release", "pods"),
    [
        (VERIFIED, "the service and its verification"),
        (CANARY, "main and canary"),
        (GREEN, "main and green"),
    ],
)
def test_a_volume_on_one_node_is_refused(release: ReleaseSpec, pods: str) -> None:
    assert list(SINGLE.problems_on(PLACE)) == []
    (problem,) = replace(SINGLE, release=release).problems_on(PLACE)
    why = f"volume models can be on one node at a time, and pods of {pods} mount it at once"
    assert str(problem) == f"release: {why}; set shared: true on volume models"


@pytest.mark.parametrize("release", [VERIFIED, CANARY, GREEN])
def test_where_there_is_one_node_or_the_volume_is_shared_it_passes(release: ReleaseSpec) -> None:
    assert list(replace(SINGLE, pool="one", release=release).problems_on(PLACE)) == []
    assert list(replace(SINGLE, release=release).problems_on(replace(PLACE, unshared_volumes=[]))) == []


def test_versions_on_volumes_of_their_own_pass() -> None:
    place = replace(PLACE, unshared_volumes=["models", "more"])
    other = ReleaseSpec(canary=CanarySpec(model=ModelChangeSpec(volume="more")))
    assert list(replace(SINGLE, release=other).problems_on(place)) == []


def test_the_node_has_to_be_the_same() -> None:
    elsewhere = ReleaseSpec(canary=CanarySpec(model=NEXT, pool="system"))
    (problem,) = replace(SINGLE, pool="one", release=elsewhere).problems_on(PLACE)
    assert problem.path == "release"
