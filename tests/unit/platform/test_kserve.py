"""KServe on a cluster that has it, and what there is where nothing can be installed."""

from pathlib import Path
from typing import Any

import pytest

from modelyard.cluster.traits import ClusterTraits
from modelyard.platform.kserve import KServe
from modelyard.platform.kserve_kind import is_namable, name_characters
from tests.support.clusters import bare_cluster
from tests.support.mocks import Recorded, refused, run

TYPE = "modelyard:platform:KServe"


def made(**traits: Any) -> tuple[Recorded, KServe]:
    found: list[KServe] = []
    recorded = run(lambda: found.append(KServe("kserve", bare_cluster(traits=ClusterTraits(**traits)))))
    return recorded, found[0]


def test_nothing_is_installed() -> None:
    recorded, kserve = made()
    assert [each.type for each in recorded.under(TYPE)] == [TYPE]
    assert kserve.ready == []
    assert kserve.is_acted_on


def test_without_charts_there_is_the_kind_alone_and_nothing_acts_on_it() -> None:
    recorded, kserve = made(charts_installed=False)
    kind = recorded.one("CustomResourceDefinition")
    assert kind.inputs["metadata"]["name"] == "inferenceservices.serving.kserve.io"
    assert [each["name"] for each in kind.inputs["spec"]["versions"]] == ["v1beta1"]
    assert kind.parent == recorded.one(TYPE).urn
    assert len(kserve.ready) == 1
    assert not kserve.is_acted_on


def test_a_folder_without_the_kind_is_refused(tmp_path: Path) -> None:
    traits = ClusterTraits(charts_installed=False, crds=str(tmp_path))
    error = refused(lambda: KServe("kserve", bare_cluster(traits=traits)), TYPE)
    [line] = [str(each) for each in error.problems]
    assert "has no CustomResourceDefinition inferenceservices.serving.kserve.io" in line


@pytest.mark.parametrize(
    ("namespace", "characters", "is_enough"), [("chat", 39, True), ("w" * 31, 12, True), ("w" * 32, 11, False)]
)
def test_a_name_leaves_room_for_what_kserve_makes_of_it(namespace: str, characters: int, is_enough: bool) -> None:
    """A label `isvc.NAME-predictor`, and `NAME-predictor-NAMESPACE`, both of 63 characters with Pulumi's suffix."""
    assert name_characters(namespace) == characters
    assert is_namable(namespace) == is_enough
    made_name = "n" * (characters + 9)
    longest = max(len(f"isvc.{made_name}-predictor"), len(f"{made_name}-predictor-{namespace}"))
    assert longest == 63
