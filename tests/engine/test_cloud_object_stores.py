"""A workspace's object stores in every cloud, with the real engine: made, used without a key, changed and removed."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from tests.engine.cloud_servers import CloudServers
from tests.engine.cloud_stack import CloudStack, Json
from tests.engine.every_cluster import KINDS, ClusterKind
from tests.engine.steps import assert_before, changed

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

STORE = {"eks": "Bucket", "gke": "Bucket", "aks": "StorageAccount"}
TRUST = {
    "eks": "PodIdentityAssociation chat-identity",
    "gke": "BucketIAMMember chat-chat-results",
    "aks": "FederatedIdentityCredential chat-identity",
}
"""What pods get credentials by."""
RIGHT = {
    "eks": "RolePolicy chat-identity",
    "gke": "BucketIAMMember chat-chat-data",
    "aks": "RoleAssignment chat-chat-data",
}
"""What says what they may do with one of the stores."""


def spec_on(kind: ClusterKind) -> Json:
    """One stack on every cloud: two stores, and a job that asks for the URL of one."""
    job = {"image": "registry.example.org/fit:1", "pool": "system", "env_from_object_stores": {"RESULTS": "results"}}
    stores = {"data": {"force_destroy": True}, "results": {"access": "write"}}
    return {
        "cluster": copy.deepcopy(kind.cluster),
        "pools": {"system": copy.deepcopy(kind.system)},
        "workspaces": {"chat": {"object_stores": stores, "jobs": {"fit": job}}},
    }


@pytest.fixture(params=STORE)
def cloud(request: pytest.FixtureRequest) -> str:
    """The key of a cloud."""
    return request.param


@pytest.fixture
def stack(cloud: str, tmp_path: Path, cloud_servers: CloudServers) -> Iterator[CloudStack[Any]]:
    """A stack in that cloud, which is not up."""
    kind = KINDS[cloud]
    with kind.opened(tmp_path, spec_on(kind), cloud_servers) as made:
        yield cast("CloudStack[Any]", made)


def assert_pods_are_known(cloud: str, stack: CloudStack[Any]) -> None:
    """The job's pod runs as the account that the cloud knows, carries what the cloud asks for, and has the URL."""
    [account] = [each for each in stack.get("serviceaccounts") if each["metadata"]["name"] == "workload"]
    [job] = stack.get("jobs", "--selector=app.kubernetes.io/name=fit")
    template = job["spec"]["template"]
    assert template["spec"]["serviceAccountName"] == "workload"
    url = stack.project.outputs()["object_stores"]["chat/results"]
    assert url.startswith(KINDS[cloud].store_url)
    assert {"name": "RESULTS", "value": url} in template["spec"]["containers"][0]["env"]
    if cloud == "aks":
        identity = stack.world.one("FederatedIdentityCredential").inputs["resourceName"]
        [client_id] = [
            each.outputs["clientId"]
            for each in stack.world.resources("UserAssignedIdentity")
            if each.outputs["name"] == identity
        ]
        assert account["metadata"]["annotations"]["azure.workload.identity/client-id"] == client_id
        assert template["metadata"]["labels"]["azure.workload.identity/use"] == "true"


def test_stores_are_made_used_changed_and_removed_but_not_with_objects(cloud: str, stack: CloudStack[Any]) -> None:
    made = stack.project.up()
    assert set(made.changes) == {"create"}
    assert_before(made, f"{STORE[cloud]} chat-results", "Job chat-fit")
    assert_before(made, TRUST[cloud], "Job chat-fit")
    assert_pods_are_known(cloud, stack)
    assert stack.project.preview("--expect-no-changes").unchanged

    stores: Json = stack.spec["workspaces"]["chat"]["object_stores"]
    stores["data"]["access"] = "write"
    stack.configure()
    widened = changed(stack.project.up())
    assert set(widened) == {RIGHT[cloud]}, "no store and no pod"

    del stores["data"]
    stack.configure()
    fewer = changed(stack.project.up())
    assert fewer.pop("RolePolicy chat-identity", {"update"}) == {"update"}
    assert all("chat-data" in name and steps == {"delete"} for name, steps in fewer.items())
    assert f"{STORE[cloud]} chat-data" in fewer
    assert stack.project.outputs()["object_stores"].keys() == {"chat/results"}

    keep_objects(cloud, stack, objects=True)
    refused = stack.project.destroy(fails=True)
    assert {"eks": "BucketNotEmpty", "gke": "is not empty", "aks": "protect"}[cloud] in refused.text
    assert stack.world.resources(STORE[cloud])
    if cloud == "aks":
        # Azure would delete it with its objects, so that Pulumi keeps it; the others can be emptied.
        stores["results"]["force_destroy"] = True
        stack.configure()
        stack.project.up()
    keep_objects(cloud, stack, objects=False)
    destroyed = stack.project.destroy()
    # The first attempt has removed what does not need the store, but where Pulumi itself refused all of it.
    attempts = [destroyed] if cloud == "aks" else [refused, destroyed]
    events = [event for each in attempts for event in each.events]
    assert_before(replace(destroyed, events=events), "Job chat-fit", TRUST[cloud])
    assert stack.world.left() == []
    assert stack.get("namespaces", "--selector=modelyard.dev/stack") == []


def keep_objects(cloud: str, stack: CloudStack[Any], *, objects: bool) -> None:
    """Put objects into every store, or take them out."""
    keys = [store.key for store in stack.world.resources(STORE[cloud])]
    with stack.world.world.open() as account:
        for key in keys:
            account.records[key].notes["objects"] = objects
