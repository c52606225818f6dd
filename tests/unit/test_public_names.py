"""The names that a user may import, and what importing them costs."""

import importlib
import inspect
import subprocess
import sys

import pytest

import modelyard

NAMES = [
    "Accelerators", "AksApiEndpointSpec", "AksCluster", "AksEncryptionSpec", "AksExistingVnetSpec", "AksSpec",
    "AksUpgradeSpec", "AksVnetSpec", "ArtifactSpec", "AutoscalingSpec", "BatchJob", "BatchJobSpec", "CapacityBlockSpec",
    "ChartsSpec", "Cluster", "ClusterSpec", "ClusterTraits", "ConfigError", "ConfigSpec", "ContainerSpec", "EgressSpec",
    "EksApiEndpointSpec", "EksCluster", "EksEncryptionSpec", "EksExistingVpcSpec", "EksSpec", "EksUpgradeSpec",
    "EksVpcSpec", "ExistingCluster", "ExistingSpec", "FabricSpec", "GkeApiEndpointSpec", "GkeBootDiskSpec",
    "GkeCluster", "GkeEncryptionSpec", "GkeExistingVpcSpec", "GkeMaintenanceSpec", "GkeSpec", "GkeUpgradeSpec",
    "GkeVpcSpec", "GpuSliceSpec", "ImageBuildSpec", "LocalCluster", "LocalSpec", "MLStack", "MembersSpec",
    "MetricsSpec", "ModelService", "ModelServiceSpec", "ModelSpec", "Monitoring", "MountSpec", "NetworkSpec",
    "ObjectStore", "ObjectStoreSpec", "ObservabilitySpec", "Operator", "PlatformSpec", "Pool", "PoolSpec", "Problem",
    "QuotaSpec", "ReadArtifactSpec", "ReplicasSpec", "ReservationSpec", "RuntimeSpec", "ScheduledJob",
    "ScheduledJobSpec", "SecretSpec", "SharingSpec", "StackOutputs", "StackSpec", "StoreAccess", "TaintSpec",
    "TargetSpec", "TrainingJob", "TrainingJobSpec", "VllmSpec", "VolumeSpec", "Workspace", "WorkspaceSpec",
    "WorkspaceStackSpec",
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
    program = f"import sys; {statement}; print(' '.join({{name.split('.')[0] for name in sys.modules}}))"
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
