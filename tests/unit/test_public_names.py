"""The names that a user may import, and what importing them costs."""

import importlib
import inspect
import subprocess
import sys

import pytest

import modelyard

NAMES = [
    "AbTestSpec", "AbVariantSpec", "Accelerators", "AdapterSpec", "AksApiEndpointSpec", "AksCluster",
    "AksEncryptionSpec", "AksExistingVnetSpec", "AksSpec", "AksUpgradeSpec", "AksVnetSpec", "AnalysisSpec",
    "ApiKeysSpec", "ArgoRollouts", "ArtifactSpec", "AutomaticSpec", "AutomaticStepSpec", "AutoscalingSpec", "BatchJob",
    "BatchJobSpec", "BlueGreenSpec", "BoundIdentity", "CanarySpec",
    "CapacityBlockSpec", "ChartsSpec", "Cluster", "ClusterSpec", "ClusterTraits", "ConfigError", "ConfigSpec",
    "ContainerSpec", "EgressSpec", "EksApiEndpointSpec", "EksCluster", "EksEncryptionSpec", "EksExistingVpcSpec",
    "EksSpec", "EksUpgradeSpec", "EksVpcSpec", "ExistingCluster", "ExistingSpec", "ExpectJsonSpec", "ExpectSpec",
    "FabricSpec", "Gateway", "GatewaySpec", "GatewayTlsSpec", "GkeApiEndpointSpec", "GkeBootDiskSpec", "GkeCluster",
    "GkeEncryptionSpec", "GkeExistingVpcSpec", "GkeMaintenanceSpec", "GkeSpec", "GkeUpgradeSpec", "GkeVpcSpec",
    "GpuSliceSpec", "HuggingFaceSpec", "ImageBuildSpec", "InitContainerSpec", "JwtSpec", "KServe", "Keda",
    "LeaderWorkerSets", "LocalCluster", "LocalSpec", "MLStack", "MembersSpec", "MetricsSpec", "MlflowModelSpec",
    "MlserverSpec", "ModelCacheSpec", "ModelChangeSpec", "ModelService", "ModelServiceSpec", "ModelSpec", "Monitoring",
    "MountSpec", "NetworkSpec", "ObjectStore", "ObjectStoreSpec", "ObservabilitySpec", "OidcSpec", "Operator",
    "PlatformSpec", "Pool", "PoolSpec", "PrefillSpec", "PreviewSpec", "Priorities", "PrioritySpec", "Problem",
    "PrometheusCheckSpec", "PrometheusTargetSpec",
    "QueueQuotaSpec", "QueueSpec", "Queues", "QuotaSpec", "RateLimitSpec", "ReadArtifactSpec", "ReleaseSpec",
    "ReplicasSpec", "ReservationSpec", "RetrySpec", "RouteSpec", "RuntimeSpec", "ScalingScheduleSpec", "ScheduledJob",
    "ScheduledJobSpec", "SecretSpec", "SglangSpec", "ShadowSpec", "SharingSpec", "SidecarSpec", "StackOutputs",
    "StackSpec", "StoreAccess", "TaintSpec", "TargetSpec", "TrainingJob", "TrainingJobSpec", "TritonSpec",
    "VariantSpec", "VerifyRequestSpec", "VerifySpec", "VllmSpec", "VolumeSpec", "Workspace", "WorkspaceObjectStoreSpec",
    "WorkspaceSpec", "WorkspaceStackSpec",
]  # fmt: skip
"""A name that goes breaks somebody's program: this list changes with the changelog."""


def test_the_names_are_these() -> None:
    assert modelyard.__all__ == NAMES
    assert dir(modelyard) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_is_found_where_it_is_defined(name: str) -> None:
    found = getattr(modelyard, name)
    assert found.__name__ == name
    assert inspect.getmodule(found) is importlib.import_module(found.__module__)
    assert found.__module__.startswith("modelyard.")
    assert inspect.getdoc(found)


def test_a_name_that_there_is_not_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'modelyard' has no attribute 'ModelServices'"):
        _ = modelyard.ModelServices  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue, reportUnknownVariableType]


def loaded(statement: str) -> set[str]:
    """The packages that a fresh interpreter has loaded after a statement."""
    return {name.partition(".")[0] for name in modules_loaded(statement)}


def modules_loaded(statement: str) -> set[str]:
    """The modules likewise."""
    program = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


COSTLY = {
    "pulumi",
    "pulumi_aws",
    "pulumi_kubernetes",
    "pydantic",
    "pydantic_core",
    "ruamel",
    "yaml",
    "croniter",
    "grpc",
}


def test_the_import_alone_loads_nothing_costly() -> None:
    assert not loaded("import modelyard") & COSTLY


def test_a_spec_loads_no_pulumi_and_no_validation() -> None:
    assert not loaded("from modelyard import StackSpec, PoolSpec; PoolSpec(cpus=1, memory_gib=1)") & COSTLY


def test_a_component_loads_pulumi() -> None:
    """So that the tests above can fail."""
    assert loaded("from modelyard import Workspace") & COSTLY >= {"pulumi", "pulumi_kubernetes"}


def test_a_local_stack_loads_no_cloud() -> None:
    assert not loaded("from modelyard import MLStack") & {"pulumi_aws", "pulumi_gcp", "pulumi_azure_native"}


CLOUD_SPECS = {
    f"modelyard.cluster.{cloud}.{room}" for cloud in ("eks", "gke", "aks") for room in ("spec", "pool_rules")
}
CLAIM_KINDS = "pulumi_kubernetes.resource.v1._inputs"
READ = "import json; from modelyard.stack.spec import load_stack; load_stack(json.dumps(%s))"


def test_a_local_stack_loads_no_clouds_specs() -> None:
    assert not modules_loaded(f"{READ % {'cluster': {'local': {}}}}; import modelyard; modelyard.MLStack") & CLOUD_SPECS


def test_a_stack_in_a_cloud_loads_the_specs_of_its_own_only() -> None:
    cluster = {"eks": {"region": "us-east-1", "provisioner": "auto_mode"}}
    stack = {"cluster": cluster, "pools": {"system": {"cpus": 4, "memory_gib": 16}}}
    own = {"modelyard.cluster.eks.spec", "modelyard.cluster.eks.pool_rules"}
    assert modules_loaded(READ % stack) & CLOUD_SPECS == own


def test_the_kinds_of_claims_are_loaded_by_stacks_with_claims_only() -> None:
    """They take longer to load than any other kinds but those of core."""
    assert CLAIM_KINDS not in modules_loaded("from modelyard import MLStack")
    assert CLAIM_KINDS in modules_loaded(
        "from modelyard import MLStack; import pulumi_kubernetes as k; k.resource.v1.ResourceClaim"
    )


def test_a_cluster_on_gke_loads_its_own_cloud_only() -> None:
    packages = loaded("from modelyard import GkeCluster")
    assert "pulumi_gcp" in packages
    assert not packages & {"pulumi_aws", "pulumi_azure_native"}


def test_a_cluster_on_aks_loads_its_own_cloud_only() -> None:
    packages = loaded("from modelyard import AksCluster")
    assert "pulumi_azure_native" in packages
    assert not packages & {"pulumi_aws", "pulumi_gcp"}


def test_a_cluster_on_eks_loads_its_own_cloud_only() -> None:
    packages = loaded("from modelyard import EksCluster")
    assert "pulumi_aws" in packages
    assert not packages & {"pulumi_gcp", "pulumi_azure_native"}
