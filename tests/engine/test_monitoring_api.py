"""A real API server accepts the monitoring's objects, against the operator's own strict schemas."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelyard.cluster.traits import ClusterTraits
from modelyard.observability.kinds import PROMETHEUS_OPERATOR
from modelyard.observability.monitoring import Monitoring
from modelyard.observability.spec import MetricsSpec
from tests.support.clusters import bare_cluster
from tests.support.control_plane import ApiServer
from tests.support.kinds import served
from tests.support.manifests import apply, delete, manifests
from tests.support.mocks import run

pytestmark = pytest.mark.engine


def objects_of(traits: ClusterTraits) -> list[dict[str, Any]]:
    def program() -> None:
        Monitoring("monitoring", bare_cluster(traits=traits), MetricsSpec())

    return manifests(run(program))


def of_kind(objects: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    return [each for each in objects if each["kind"] in kinds]


@pytest.fixture(scope="module")
def objects(api_server: ApiServer, shared_folder: Path) -> Iterator[list[dict[str, Any]]]:
    """The monitoring's objects on a server where its namespaces and the real kinds exist, for as long as this lasts."""
    traits = ClusterTraits(charts_installed=False, crds=str(shared_folder / "crds"))
    found = objects_of(traits)
    kinds = of_kind(found, "CustomResourceDefinition")
    assert len(kinds) == len(PROMETHEUS_OPERATOR.kinds)
    with served(api_server, kinds):
        assert apply(api_server, of_kind(found, "Namespace"), dry_run=False) == ""
        yield found
        delete(api_server, of_kind(found, "Namespace"))


def test_monitors_and_rules_keep_the_real_schema(api_server: ApiServer, objects: list[dict[str, Any]]) -> None:
    custom = of_kind(objects, "ServiceMonitor", "PrometheusRule")
    assert len(custom) == 2
    assert apply(api_server, custom, dry_run=True) == ""


def test_a_misspelt_field_would_be_refused(api_server: ApiServer, objects: list[dict[str, Any]]) -> None:
    (monitor,) = of_kind(objects, "ServiceMonitor")
    endpoint = {**monitor["spec"]["endpoints"][0], "intervall": "30s"}
    broken = {**monitor, "spec": {**monitor["spec"], "endpoints": [endpoint]}}
    assert "intervall" in apply(api_server, [broken], dry_run=True)


def test_permissive_kinds_are_accepted(api_server: ApiServer) -> None:
    found = objects_of(ClusterTraits(charts_installed=False))
    kinds = of_kind(found, "CustomResourceDefinition")
    assert len(kinds) == len(PROMETHEUS_OPERATOR.kinds)
    # Under a group of their own, since the server may hold the real kinds already.
    for kind in kinds:
        kind["metadata"]["name"] = f"{kind['spec']['names']['plural']}.permissive.example.org"
        kind["spec"]["group"] = "permissive.example.org"
    rule = {
        "apiVersion": "permissive.example.org/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "anything", "namespace": "default"},
        "spec": {"whatever": [{"is": "in it"}]},
    }
    with served(api_server, kinds):
        assert apply(api_server, [rule], dry_run=True) == ""
