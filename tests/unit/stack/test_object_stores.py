"""Object stores of workspaces in a stack: what its file is refused with, on which clusters, and what others read."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from modelyard.errors import ConfigError
from modelyard.foresight.registered import registered
from modelyard.stack.ml_stack import MLStack
from modelyard.stack.spec import StackSpec, load_stack
from tests.support.azure import SUBSCRIPTION
from tests.support.mocks import run, value_of
from tests.support.paths import ROOT

pytestmark = pytest.mark.filterwarnings("ignore:s3.Bucket:DeprecationWarning")

CLOUDS: Mapping[str, Any] = {
    "eks": {"region": "us-east-1"},
    "gke": {"project": "modelyard-test", "region": "us-central1"},
    "aks": {
        "subscription_id": SUBSCRIPTION,
        "region": "eastus2",
        "admins": ["11111111-1111-1111-1111-111111111111"],
    },
}
NO_CLOUD = (
    "workspaces.chat.object_stores: no cloud is behind the cluster that could make a store; use a cluster of a cloud, "
    "or a store that you run with its key as a secret of the workspace"
)


def stack(cluster: Any, workspaces: Any) -> StackSpec:
    system = {"cpus": 8, "memory_gib": 32, "min_nodes": 2, "max_nodes": 3}
    return load_stack(json.dumps({"cluster": cluster, "pools": {"system": system}, "workspaces": workspaces}))


def with_store(**store: Any) -> Any:
    return {"chat": {"object_stores": {"models": store}}}


def said(cluster: Any, workspaces: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        stack(cluster, workspaces)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("cluster", [{"local": {"engine": "kwok"}}, {"existing": {"context": "on-prem"}}])
def test_a_cluster_without_a_cloud_is_refused_before_there_is_one(cluster: Any) -> None:
    assert said(cluster, with_store()) == [NO_CLOUD]
    assert stack(cluster, {"chat": {"object_stores": {}}})


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_same_file_passes_on_every_cloud(cloud: str) -> None:
    job = {"image": "registry.example.org/a:1", "pool": "system", "env_from_object_stores": {"MODELS": "models"}}
    found = stack({cloud: CLOUDS[cloud]}, {"chat": {**with_store(access="write")["chat"], "jobs": {"fit": job}}})
    assert found.workspaces["chat"].object_stores["models"].access == "write"


def test_what_one_cloud_cannot_do_is_refused_there_alone() -> None:
    store = with_store(keep_former_versions_days=366)
    (line,) = said({"aks": CLOUDS["aks"]}, store)
    assert line == (
        "workspaces.chat.object_stores.models.keep_former_versions_days: 366 days are more than the 365 for which the "
        "cluster's cloud keeps them; use 365 or less"
    )
    assert stack({"eks": CLOUDS["eks"]}, store)
    assert stack({"aks": CLOUDS["aks"]}, with_store(keep_former_versions_days=365))


def test_two_of_which_the_same_name_would_be_made_are_refused() -> None:
    eks = {"eks": CLOUDS["eks"]}
    twins: Any = {"a": {"object_stores": {"b-c": {}}}, "a-b": {"object_stores": {"c": {}}}}
    (line,) = said(eks, twins)
    assert line == (
        "workspaces.a-b.object_stores.c: would be named a-b-c, as workspaces.a.object_stores.b-c is; rename one of them"
    )
    assert stack(eks, {"a": {"object_stores": {"b-c": {}}}, "a-b": {"object_stores": {"d": {}}}})


def test_urls_are_outputs_by_workspace_and_store() -> None:
    found: list[Any] = []
    spec = stack({"gke": CLOUDS["gke"]}, with_store())
    run(lambda: value_of(MLStack("main", spec).outputs.object_stores, found))
    assert found == [{"chat/models": "gs://chat-models-0a1b2c3"}]


@pytest.mark.parametrize(
    ("cloud", "more"),
    [
        # The bucket with its six settings, the role with its policy and association; components of both.
        ("eks", 12),
        # The bucket and the right on it; likewise.
        ("gke", 4),
        # Account, settings and container, the identity with its trust and its right; likewise.
        ("aks", 8),
    ],
)
def test_the_plan_has_the_store_and_what_reaches_it(cloud: str, more: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # The plan works in the program's folder; the other tests do not.
    monkeypatch.chdir(ROOT)

    def count(workspaces: Any) -> int:
        return len(registered(stack({cloud: CLOUDS[cloud]}, workspaces), "main", ROOT / "stacks"))

    assert count(with_store()) - count({"chat": {}}) == more
