"""A workspace's object stores: one spec on every cloud, and pods that use them without a key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from modelyard.batch.batch_job import BatchJob
from modelyard.batch.scheduled_job import ScheduledJob
from modelyard.batch.spec import BatchJobSpec, ScheduledJobSpec, TrainingJobSpec
from modelyard.batch.training_job import TrainingJob
from modelyard.cluster.aks.cluster import AksCluster
from modelyard.cluster.base import Cluster
from modelyard.cluster.eks.cluster import EksCluster
from modelyard.cluster.existing.cluster import ExistingCluster
from modelyard.cluster.gke.cluster import GkeCluster
from modelyard.cluster.spec import ExistingSpec
from modelyard.serving.model_service import ModelService
from modelyard.serving.runtimes.container import ContainerSpec
from modelyard.serving.runtimes.spec import RuntimeSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.workspace.object_store_spec import WorkspaceObjectStoreSpec
from modelyard.workspace.spec import EgressSpec, FabricSpec, NetworkSpec, WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.mocks import Recorded, Registration, refused, run, value_of
from tests.unit.cluster.aks import clusters as aks
from tests.unit.cluster.eks import clusters as eks
from tests.unit.cluster.gke import clusters as gke
from tests.unit.cluster.registrations import waits_for

pytestmark = pytest.mark.filterwarnings("ignore:s3.Bucket:DeprecationWarning")

TYPE = "modelyard:workspace:Workspace"
IMAGE = "registry.example.org/a:1"
SPEC = WorkspaceSpec(
    object_stores={"models": WorkspaceObjectStoreSpec(), "results": WorkspaceObjectStoreSpec(access="write")}
)


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """What one spec becomes in a cloud.

    Attributes:
        make: makes a cluster there.
        store: the type of what holds objects.
        trust: the type of what pods get credentials by.
        rights: which of the resources that give rights has which right, by the name of the resource and the store.
        endpoint: the rule that opens the way to credentials, if one has to.
        labels: what pods carry.
    """

    make: Callable[[], Cluster]
    store: str
    trust: str
    endpoint: Mapping[str, Any] | None = None
    labels: Mapping[str, str]


def opened(address: str) -> dict[str, Any]:
    return {"to": [{"ipBlock": {"cidr": address}}], "ports": [{"port": 80, "protocol": "TCP"}]}


CLOUDS = {
    "eks": Cloud(
        make=lambda: EksCluster("main", eks.SPECS["autoscaler"], eks.POOLS),
        store="aws:s3/bucket:Bucket",
        trust="PodIdentityAssociation",
        endpoint=opened("169.254.170.23/32"),
        labels={},
    ),
    "gke": Cloud(
        make=lambda: GkeCluster("main", gke.SPECS["autoscaler"], gke.POOLS),
        store="gcp:storage/bucket:Bucket",
        trust="BucketIAMMember",
        endpoint=opened("169.254.169.254/32"),
        labels={},
    ),
    "aks": Cloud(
        make=lambda: AksCluster("main", aks.SPECS["existing"], aks.POOLS),
        store="StorageAccount",
        trust="FederatedIdentityCredential",
        labels={"azure.workload.identity/use": "true"},
    ),
}
on_every_cloud = pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)


def made(cloud: Cloud, spec: WorkspaceSpec = SPEC, then: Callable[[Workspace], object] = lambda _: None) -> Recorded:
    return run(lambda: then(Workspace("chat", cloud.make(), spec)))


def workloads(chat: Workspace) -> None:
    """One of each kind; the job asks for the URL of a store, where there is one."""
    urls = {"RESULTS": "results"} if "results" in chat.object_stores else {}
    container = ContainerSpec(image=IMAGE, port=8080, ready_path="/")
    ModelService("web", chat, ModelServiceSpec(pool="system", runtime=RuntimeSpec(container=container)))
    BatchJob("job", chat, BatchJobSpec(pool="system", image=IMAGE, env_from_object_stores=urls))
    ScheduledJob("nightly", chat, ScheduledJobSpec(pool="system", image=IMAGE, schedule="0 2 * * *"))
    TrainingJob("fit", chat, TrainingJobSpec(pool="system", image=IMAGE))


def pod_template(workload: Registration) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = workload.inputs["spec"]
    return (spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec)["template"]


def pods(recorded: Recorded) -> list[Registration]:
    kinds = ("Deployment", "batch/v1:Job", "CronJob")
    return [each for kind in kinds for each in recorded.of(kind) if "chat" in each.name]


@on_every_cloud
def test_each_store_is_the_workspaces_and_named_after_both(cloud: Cloud) -> None:
    recorded = made(cloud)
    stores = recorded.of(cloud.store)
    assert [each.name for each in stores] == ["chat-models", "chat-results"]
    assert all(each in recorded.under(TYPE) for each in stores)


@on_every_cloud
def test_without_stores_nothing_of_it_is_made(cloud: Cloud) -> None:
    recorded = made(cloud, WorkspaceSpec(), workloads)
    (component,) = recorded.of(TYPE)
    children = [each.type.rpartition(":")[2] for each in recorded.registrations if each.parent == component.urn]
    assert sorted(children) == ["Namespace", "NetworkPolicy", "ServiceAccount"]
    assert not recorded.of("modelyard:cluster:WorkloadIdentity")
    assert "annotations" not in recorded.one("ServiceAccount").inputs["metadata"]
    assert len(recorded.one("NetworkPolicy").inputs["spec"]["egress"]) == 3
    for each in pods(recorded):
        assert "azure.workload.identity/use" not in pod_template(each)["metadata"]["labels"]


@on_every_cloud
def test_all_pods_run_as_the_account_that_the_cloud_knows(cloud: Cloud) -> None:
    recorded = made(cloud, SPEC, workloads)
    account = recorded.one("ServiceAccount").inputs
    assert account["metadata"]["name"] == "workload"
    assert account["automountServiceAccountToken"] is False
    found = pods(recorded)
    assert len(found) == 4
    for each in found:
        template = pod_template(each)
        assert template["spec"]["serviceAccountName"] == "workload"
        assert template["spec"]["automountServiceAccountToken"] is False
        assert cloud.labels.items() <= template["metadata"]["labels"].items()
        assert not cloud.labels.keys() & each.inputs["spec"].get("selector", {}).get("matchLabels", {}).keys()


def test_aks_finds_the_identity_by_the_accounts_annotation() -> None:
    recorded = made(CLOUDS["aks"])
    annotations = recorded.one("ServiceAccount").inputs["metadata"]["annotations"]
    assert annotations.keys() == {"azure.workload.identity/client-id"}
    assert recorded.one("FederatedIdentityCredential").inputs["subject"] == "system:serviceaccount:chat:workload"
    assert "annotations" not in made(CLOUDS["eks"]).one("ServiceAccount").inputs["metadata"]


@on_every_cloud
def test_identity_and_stores_are_there_before_pods_and_until_they_are_gone(cloud: Cloud) -> None:
    recorded = made(cloud, SPEC, workloads)
    needed = [*recorded.of(cloud.store), *(each for each in recorded.of(cloud.trust) if "chat" in each.name)]
    first = {f"{each.type.rpartition(':')[2]} {each.name}" for each in needed}
    assert len(first) >= 3
    for each in pods(recorded):
        assert first <= waits_for(recorded, each)


@on_every_cloud
def test_pods_reach_what_gives_them_credentials_and_no_other_address_of_the_node(cloud: Cloud) -> None:
    egress = made(cloud).one("NetworkPolicy").inputs["spec"]["egress"]
    assert egress[3:] == ([cloud.endpoint] if cloud.endpoint else [])


def test_rights_are_those_that_each_store_says() -> None:
    recorded = made(CLOUDS["gke"])
    assert {each.name: each.inputs["role"] for each in recorded.of("BucketIAMMember")} == {
        "chat-chat-models": "roles/storage.objectViewer",
        "chat-chat-results": "roles/storage.objectUser",
    }


@on_every_cloud
def test_workloads_get_the_urls_that_they_ask_for(cloud: Cloud) -> None:
    urls: list[str] = []

    def program(chat: Workspace) -> None:
        workloads(chat)
        value_of(chat.object_stores["results"].url, urls)

    recorded = made(cloud, SPEC, program)
    env = {each.name: pod_template(each)["spec"]["containers"][0]["env"] for each in pods(recorded)}
    assert {"name": "RESULTS", "value": urls[0]} in env["chat-job"]
    assert urls[0].startswith(("s3://chat-results", "gs://chat-results", "https://chatresult"))
    assert not any(variable["name"] == "RESULTS" for name in ("chat-web", "chat-nightly") for variable in env[name])


def test_pods_of_the_companion_have_the_same_rights() -> None:
    spec = replace(SPEC, fabric=FabricSpec())
    recorded = made(CLOUDS["eks"], spec)
    bound = recorded.of("PodIdentityAssociation")
    assert {("chat", "workload"), ("chat-fabric", "workload")} <= {
        (each.inputs["namespace"], each.inputs["serviceAccount"]) for each in bound
    }
    assert [each.name for each in recorded.of("aws:s3/bucket:Bucket")] == ["chat-models", "chat-results"]
    policies = {each.inputs["metadata"]["namespace"]: each.inputs["spec"] for each in recorded.of("NetworkPolicy")}
    to_companion = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "chat-fabric"}}}
    shared = [rule for rule in policies["chat"]["egress"] if rule.get("to") != [to_companion]]
    assert shared == policies["chat-fabric"]["egress"]


def said(spec: WorkspaceSpec, make: Callable[[], Cluster] = CLOUDS["eks"].make, name: str = "chat") -> list[str]:
    return [str(each) for each in refused(lambda: Workspace(name, make(), spec), TYPE).problems]


def stores(**fields: Any) -> WorkspaceSpec:
    return WorkspaceSpec(object_stores={"models": WorkspaceObjectStoreSpec(**fields)})


NO_CLOUD = (
    "chat.object_stores: no cloud is behind the cluster that could make a store; use a cluster of a cloud, or a store "
    "that you run with its key as a secret of the workspace"
)


def test_a_cluster_without_a_cloud_has_no_stores() -> None:
    def existing() -> Cluster:
        return ExistingCluster("main", ExistingSpec(context="on-prem"), {})

    assert said(SPEC, existing) == [NO_CLOUD]
    assert run(lambda: Workspace("chat", existing(), WorkspaceSpec())).one("Namespace")


def test_a_cloud_that_keeps_former_versions_for_a_shorter_time_says_so() -> None:
    spec = stores(keep_former_versions_days=366)
    (line,) = said(spec, CLOUDS["aks"].make)
    assert line == (
        "chat.object_stores.models.keep_former_versions_days: 366 days are more than the 365 for which the cluster's "
        "cloud keeps them; use 365 or less"
    )
    assert made(CLOUDS["aks"], stores(keep_former_versions_days=365)).of("StorageAccount")
    assert made(CLOUDS["eks"], spec).of("aws:s3/bucket:Bucket")


def test_a_name_that_no_bucket_can_have_is_refused() -> None:
    google = WorkspaceSpec(object_stores={"for-google": WorkspaceObjectStoreSpec()})
    (line,) = said(google)
    assert line == (
        "chat.object_stores.for-google: 'chat-for-google' has google in it, which no bucket's name may; "
        "choose another name"
    )
    assert said(stores(), name="goog") == [
        "goog.object_stores.models: 'goog-models' begins with goog, which no bucket's name may; choose another name"
    ]
    goggle = WorkspaceSpec(object_stores={"for-goggle": WorkspaceObjectStoreSpec()})
    assert made(CLOUDS["eks"], goggle).of("aws:s3/bucket:Bucket")


def test_a_name_that_is_too_long_is_refused_once() -> None:
    name = "n" * 36
    (line,) = said(WorkspaceSpec(object_stores={name: WorkspaceObjectStoreSpec()}))
    assert line.startswith(f"chat.object_stores.{name}: 'chat-")
    assert "has 41 characters; use at most 40" in line
    fits = WorkspaceSpec(object_stores={name[1:]: WorkspaceObjectStoreSpec()})
    assert made(CLOUDS["eks"], fits).of("aws:s3/bucket:Bucket")


def test_a_workspace_that_cannot_reach_its_stores_is_refused() -> None:
    def closed(**fields: Any) -> WorkspaceSpec:
        return replace(SPEC, network=NetworkSpec(allow_internet=False, **fields))

    line = (
        "chat.network.allow_internet: closes the way to the workspace's object stores, which have public addresses "
        "that no rule can name; leave it out, or list the addresses of private endpoints with port 443 under "
        "allow_egress"
    )
    assert said(closed()) == [line]
    assert said(closed(allow_egress=[EgressSpec(cidr="10.1.0.0/16", ports=[5432])])) == [line]
    for opens in ({"allow_egress": [EgressSpec(cidr="10.1.0.0/16", ports=[443])]}, {"allow_api_server": True}):
        assert made(CLOUDS["eks"], closed(**opens)).of("aws:s3/bucket:Bucket")
    assert run(lambda: Workspace("chat", bare_cluster(), WorkspaceSpec(network=NetworkSpec(allow_internet=False))))


def test_a_store_that_there_is_not_is_refused() -> None:
    def program(store: str) -> Callable[[], object]:
        spec = BatchJobSpec(pool="system", image=IMAGE, env_from_object_stores={"OUT": store})
        return lambda: BatchJob("job", Workspace("chat", CLOUDS["eks"].make(), SPEC), spec)

    (problem,) = refused(program("result"), "modelyard:batch:BatchJob").problems
    assert str(problem) == (
        "job.env_from_object_stores.OUT: 'result' is no object store of this workspace; "
        "use one of models, results, or add it under object_stores"
    )
    assert run(program("results")).of("batch/v1:Job")


@pytest.mark.parametrize("other", ["env", "env_from_secrets"])
def test_a_variable_is_set_once(other: str) -> None:
    def found(**fields: Any) -> list[str]:
        return [str(each) for each in BatchJobSpec(pool="system", image=IMAGE, **fields).problems()]

    both = found(**{other: {"OUT": "one"}, "env_from_object_stores": {"OUT": "results"}})
    assert both == [f"{other}.OUT: is also set in env_from_object_stores; keep one of the two"]
    assert not found(**{other: {"OUT": "one"}, "env_from_object_stores": {"IN": "results"}})
