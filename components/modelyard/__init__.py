"""modelyard: one typed Pulumi stack for a machine-learning Kubernetes cluster and everything that runs on it.

Names are loaded when they are first used, so that `import modelyard` costs little and a program loads only what it
needs.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelyard.batch.batch_job import BatchJob
    from modelyard.batch.scheduled_job import ScheduledJob
    from modelyard.batch.spec import BatchJobSpec, ScheduledJobSpec, TrainingJobSpec
    from modelyard.batch.training_job import TrainingJob
    from modelyard.cluster.aks.cluster import AksCluster
    from modelyard.cluster.aks.networks import AksExistingVnetSpec, AksVnetSpec
    from modelyard.cluster.aks.spec import AksApiEndpointSpec, AksEncryptionSpec, AksSpec, AksUpgradeSpec
    from modelyard.cluster.base import Cluster
    from modelyard.cluster.eks.cluster import EksCluster
    from modelyard.cluster.eks.spec import (
        EksApiEndpointSpec,
        EksEncryptionSpec,
        EksExistingVpcSpec,
        EksSpec,
        EksUpgradeSpec,
        EksVpcSpec,
    )
    from modelyard.cluster.existing.cluster import ExistingCluster
    from modelyard.cluster.gke.cluster import GkeCluster
    from modelyard.cluster.gke.networks import GkeExistingVpcSpec, GkeVpcSpec
    from modelyard.cluster.gke.spec import (
        GkeApiEndpointSpec,
        GkeBootDiskSpec,
        GkeEncryptionSpec,
        GkeMaintenanceSpec,
        GkeSpec,
        GkeUpgradeSpec,
    )
    from modelyard.cluster.identities import BoundIdentity
    from modelyard.cluster.local.cluster import LocalCluster
    from modelyard.cluster.object_store_spec import ObjectStoreSpec
    from modelyard.cluster.object_stores import ObjectStore, StoreAccess
    from modelyard.cluster.pools import Pool
    from modelyard.cluster.spec import ClusterSpec, ExistingSpec, ImageBuildSpec, LocalSpec, PoolSpec, TaintSpec
    from modelyard.cluster.traits import ClusterTraits
    from modelyard.errors import ConfigError, Problem
    from modelyard.gpu.spec import CapacityBlockSpec, GpuSliceSpec, ReplicasSpec, ReservationSpec, SharingSpec
    from modelyard.observability.monitoring import Monitoring
    from modelyard.observability.spec import MetricsSpec, ObservabilitySpec
    from modelyard.operators.operator import Operator
    from modelyard.operators.spec import ChartsSpec
    from modelyard.platform.accelerators import Accelerators
    from modelyard.platform.gateway import Gateway
    from modelyard.platform.gateway_spec import GatewaySpec, GatewayTlsSpec
    from modelyard.platform.kserve import KServe
    from modelyard.platform.leader_worker_sets import LeaderWorkerSets
    from modelyard.platform.priorities import Priorities
    from modelyard.platform.priorities_spec import PrioritySpec
    from modelyard.platform.queues import Queues
    from modelyard.platform.queues_spec import QueueQuotaSpec, QueueSpec
    from modelyard.platform.spec import PlatformSpec
    from modelyard.serving.adapter_spec import AdapterSpec
    from modelyard.serving.argo_rollouts import ArgoRollouts
    from modelyard.serving.automatic_spec import AnalysisSpec, AutomaticSpec, AutomaticStepSpec, PrometheusCheckSpec
    from modelyard.serving.autoscaling_spec import (
        AutoscalingSpec,
        PrometheusTargetSpec,
        ScalingScheduleSpec,
        TargetSpec,
    )
    from modelyard.serving.keda import Keda
    from modelyard.serving.model_service import ModelService
    from modelyard.serving.model_source_spec import MlflowModelSpec, ModelCacheSpec
    from modelyard.serving.model_spec import ModelChangeSpec, ModelSpec
    from modelyard.serving.prefill_spec import PrefillSpec
    from modelyard.serving.release_spec import (
        AbTestSpec,
        AbVariantSpec,
        BlueGreenSpec,
        CanarySpec,
        PreviewSpec,
        ReleaseSpec,
        ShadowSpec,
        VariantSpec,
    )
    from modelyard.serving.route_access_spec import ApiKeysSpec, JwtSpec, OidcSpec
    from modelyard.serving.route_spec import RouteSpec
    from modelyard.serving.route_traffic_spec import RateLimitSpec, RetrySpec
    from modelyard.serving.runtimes.container import ContainerSpec
    from modelyard.serving.runtimes.huggingface import HuggingFaceSpec
    from modelyard.serving.runtimes.mlserver import MlserverSpec
    from modelyard.serving.runtimes.sglang import SglangSpec
    from modelyard.serving.runtimes.spec import RuntimeSpec
    from modelyard.serving.runtimes.triton import TritonSpec
    from modelyard.serving.runtimes.vllm import VllmSpec
    from modelyard.serving.spec import ModelServiceSpec
    from modelyard.serving.verify_spec import ExpectJsonSpec, ExpectSpec, VerifyRequestSpec, VerifySpec
    from modelyard.stack.ml_stack import MLStack
    from modelyard.stack.outputs import StackOutputs
    from modelyard.stack.spec import StackSpec, WorkspaceStackSpec
    from modelyard.workspace.container_spec import InitContainerSpec, MountSpec, SidecarSpec
    from modelyard.workspace.object_store_spec import WorkspaceObjectStoreSpec
    from modelyard.workspace.spec import (
        ConfigSpec,
        EgressSpec,
        FabricSpec,
        MembersSpec,
        NetworkSpec,
        QuotaSpec,
        SecretSpec,
        VolumeSpec,
        WorkspaceSpec,
    )
    from modelyard.workspace.workload_spec import ArtifactSpec, ReadArtifactSpec
    from modelyard.workspace.workspace import Workspace

_ROOMS = {
    "batch.batch_job": ("BatchJob",),
    "batch.scheduled_job": ("ScheduledJob",),
    "batch.spec": (
        "BatchJobSpec",
        "ScheduledJobSpec",
        "TrainingJobSpec",
    ),
    "batch.training_job": ("TrainingJob",),
    "cluster.aks.cluster": ("AksCluster",),
    "cluster.aks.networks": ("AksExistingVnetSpec", "AksVnetSpec"),
    "cluster.aks.spec": ("AksApiEndpointSpec", "AksEncryptionSpec", "AksSpec", "AksUpgradeSpec"),
    "cluster.base": ("Cluster",),
    "cluster.eks.cluster": ("EksCluster",),
    "cluster.eks.spec": (
        "EksApiEndpointSpec",
        "EksSpec",
        "EksEncryptionSpec",
        "EksExistingVpcSpec",
        "EksUpgradeSpec",
        "EksVpcSpec",
    ),
    "cluster.existing.cluster": ("ExistingCluster",),
    "cluster.gke.cluster": ("GkeCluster",),
    "cluster.gke.networks": ("GkeExistingVpcSpec", "GkeVpcSpec"),
    "cluster.gke.spec": (
        "GkeApiEndpointSpec",
        "GkeBootDiskSpec",
        "GkeEncryptionSpec",
        "GkeMaintenanceSpec",
        "GkeSpec",
        "GkeUpgradeSpec",
    ),
    "cluster.local.cluster": ("LocalCluster",),
    "cluster.identities": ("BoundIdentity",),
    "cluster.object_store_spec": ("ObjectStoreSpec",),
    "cluster.object_stores": (
        "ObjectStore",
        "StoreAccess",
    ),
    "cluster.pools": ("Pool",),
    "cluster.spec": (
        "ClusterSpec",
        "ExistingSpec",
        "ImageBuildSpec",
        "LocalSpec",
        "PoolSpec",
        "TaintSpec",
    ),
    "cluster.traits": ("ClusterTraits",),
    "errors": (
        "ConfigError",
        "Problem",
    ),
    "gpu.spec": (
        "CapacityBlockSpec",
        "GpuSliceSpec",
        "ReplicasSpec",
        "ReservationSpec",
        "SharingSpec",
    ),
    "observability.monitoring": ("Monitoring",),
    "observability.spec": (
        "MetricsSpec",
        "ObservabilitySpec",
    ),
    "operators.operator": ("Operator",),
    "operators.spec": ("ChartsSpec",),
    "platform.accelerators": ("Accelerators",),
    "platform.gateway": ("Gateway",),
    "platform.gateway_spec": ("GatewaySpec", "GatewayTlsSpec"),
    "platform.kserve": ("KServe",),
    "platform.leader_worker_sets": ("LeaderWorkerSets",),
    "platform.priorities": ("Priorities",),
    "platform.priorities_spec": ("PrioritySpec",),
    "platform.queues": ("Queues",),
    "platform.queues_spec": ("QueueQuotaSpec", "QueueSpec"),
    "platform.spec": ("PlatformSpec",),
    "serving.adapter_spec": ("AdapterSpec",),
    "serving.argo_rollouts": ("ArgoRollouts",),
    "serving.automatic_spec": ("AnalysisSpec", "AutomaticSpec", "AutomaticStepSpec", "PrometheusCheckSpec"),
    "serving.autoscaling_spec": ("AutoscalingSpec", "PrometheusTargetSpec", "ScalingScheduleSpec", "TargetSpec"),
    "serving.keda": ("Keda",),
    "serving.model_service": ("ModelService",),
    "serving.model_source_spec": ("MlflowModelSpec", "ModelCacheSpec"),
    "serving.model_spec": ("ModelChangeSpec", "ModelSpec"),
    "serving.prefill_spec": ("PrefillSpec",),
    "serving.release_spec": (
        "AbTestSpec",
        "AbVariantSpec",
        "BlueGreenSpec",
        "CanarySpec",
        "PreviewSpec",
        "ReleaseSpec",
        "ShadowSpec",
        "VariantSpec",
    ),
    "serving.route_access_spec": (
        "ApiKeysSpec",
        "JwtSpec",
        "OidcSpec",
    ),
    "serving.route_spec": ("RouteSpec",),
    "serving.route_traffic_spec": (
        "RateLimitSpec",
        "RetrySpec",
    ),
    "serving.runtimes.container": ("ContainerSpec",),
    "serving.runtimes.huggingface": ("HuggingFaceSpec",),
    "serving.runtimes.mlserver": ("MlserverSpec",),
    "serving.runtimes.sglang": ("SglangSpec",),
    "serving.runtimes.spec": ("RuntimeSpec",),
    "serving.runtimes.triton": ("TritonSpec",),
    "serving.runtimes.vllm": ("VllmSpec",),
    "serving.spec": ("ModelServiceSpec",),
    "serving.verify_spec": ("ExpectJsonSpec", "ExpectSpec", "VerifyRequestSpec", "VerifySpec"),
    "stack.ml_stack": ("MLStack",),
    "stack.outputs": ("StackOutputs",),
    "stack.spec": (
        "StackSpec",
        "WorkspaceStackSpec",
    ),
    "workspace.container_spec": ("InitContainerSpec", "MountSpec", "SidecarSpec"),
    "workspace.object_store_spec": ("WorkspaceObjectStoreSpec",),
    "workspace.spec": (
        "ConfigSpec",
        "EgressSpec",
        "FabricSpec",
        "MembersSpec",
        "NetworkSpec",
        "QuotaSpec",
        "SecretSpec",
        "VolumeSpec",
        "WorkspaceSpec",
    ),
    "workspace.workload_spec": (
        "ArtifactSpec",
        "ReadArtifactSpec",
    ),
    "workspace.workspace": ("Workspace",),
}
"""Where each public name lives."""

_MODULES = {name: module for module, names in _ROOMS.items() for name in names}

__all__ = [
    "AbTestSpec",
    "AbVariantSpec",
    "Accelerators",
    "AdapterSpec",
    "AksApiEndpointSpec",
    "AksCluster",
    "AksEncryptionSpec",
    "AksExistingVnetSpec",
    "AksSpec",
    "AksUpgradeSpec",
    "AksVnetSpec",
    "AnalysisSpec",
    "ApiKeysSpec",
    "ArgoRollouts",
    "ArtifactSpec",
    "AutomaticSpec",
    "AutomaticStepSpec",
    "AutoscalingSpec",
    "BatchJob",
    "BatchJobSpec",
    "BlueGreenSpec",
    "BoundIdentity",
    "CanarySpec",
    "CapacityBlockSpec",
    "ChartsSpec",
    "Cluster",
    "ClusterSpec",
    "ClusterTraits",
    "ConfigError",
    "ConfigSpec",
    "ContainerSpec",
    "EgressSpec",
    "EksApiEndpointSpec",
    "EksCluster",
    "EksEncryptionSpec",
    "EksExistingVpcSpec",
    "EksSpec",
    "EksUpgradeSpec",
    "EksVpcSpec",
    "ExistingCluster",
    "ExistingSpec",
    "ExpectJsonSpec",
    "ExpectSpec",
    "FabricSpec",
    "Gateway",
    "GatewaySpec",
    "GatewayTlsSpec",
    "GkeApiEndpointSpec",
    "GkeBootDiskSpec",
    "GkeCluster",
    "GkeEncryptionSpec",
    "GkeExistingVpcSpec",
    "GkeMaintenanceSpec",
    "GkeSpec",
    "GkeUpgradeSpec",
    "GkeVpcSpec",
    "GpuSliceSpec",
    "HuggingFaceSpec",
    "ImageBuildSpec",
    "InitContainerSpec",
    "JwtSpec",
    "KServe",
    "Keda",
    "LeaderWorkerSets",
    "LocalCluster",
    "LocalSpec",
    "MLStack",
    "MembersSpec",
    "MetricsSpec",
    "MlflowModelSpec",
    "MlserverSpec",
    "ModelCacheSpec",
    "ModelChangeSpec",
    "ModelService",
    "ModelServiceSpec",
    "ModelSpec",
    "Monitoring",
    "MountSpec",
    "NetworkSpec",
    "ObjectStore",
    "ObjectStoreSpec",
    "ObservabilitySpec",
    "OidcSpec",
    "Operator",
    "PlatformSpec",
    "Pool",
    "PoolSpec",
    "PrefillSpec",
    "PreviewSpec",
    "Priorities",
    "PrioritySpec",
    "Problem",
    "PrometheusCheckSpec",
    "PrometheusTargetSpec",
    "QueueQuotaSpec",
    "QueueSpec",
    "Queues",
    "QuotaSpec",
    "RateLimitSpec",
    "ReadArtifactSpec",
    "ReleaseSpec",
    "ReplicasSpec",
    "ReservationSpec",
    "RetrySpec",
    "RouteSpec",
    "RuntimeSpec",
    "ScalingScheduleSpec",
    "ScheduledJob",
    "ScheduledJobSpec",
    "SecretSpec",
    "SglangSpec",
    "ShadowSpec",
    "SharingSpec",
    "SidecarSpec",
    "StackOutputs",
    "StackSpec",
    "StoreAccess",
    "TaintSpec",
    "TargetSpec",
    "TrainingJob",
    "TrainingJobSpec",
    "TritonSpec",
    "VariantSpec",
    "VerifyRequestSpec",
    "VerifySpec",
    "VllmSpec",
    "VolumeSpec",
    "Workspace",
    "WorkspaceObjectStoreSpec",
    "WorkspaceSpec",
    "WorkspaceStackSpec",
]


if not TYPE_CHECKING:  # a type checker that sees it takes a misspelt name for one of ours

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
