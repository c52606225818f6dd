"""What the cluster itself is told of node auto-provisioning."""

from collections.abc import Mapping

import pulumi
from pulumi_gcp import container

from modelyard.cluster.gke.node_config import CLOUD_PLATFORM_SCOPE
from modelyard.cluster.gke.provisioning import resource_limits
from modelyard.cluster.gke.spec import GkeSpec
from modelyard.cluster.pools import Pool


def cluster_autoscaling(
    spec: GkeSpec, pools: Mapping[str, Pool], service_account: pulumi.Input[str]
) -> container.ClusterClusterAutoscalingArgs | None:
    """Node auto-provisioning of a cluster, with the most that all of its pools may have together; None without it.

    The limits hold for node pools of the stack too. Without them no number of nodes would be too many: a ComputeClass
    names none. What GKE makes for pods that choose no class is as its own nodes are here: private, shielded, and with
    the nodes' service account.
    https://cloud.google.com/kubernetes-engine/docs/how-to/node-auto-provisioning

    Args:
        spec: of the cluster.
        pools: all pools by name.
        service_account: that nodes run as.
    """
    if spec.provisioner != "node_auto_provisioning":
        return None
    args = container.ClusterClusterAutoscalingAutoProvisioningDefaultsArgs(
        service_account=service_account,
        oauth_scopes=[CLOUD_PLATFORM_SCOPE],
        image_type="COS_CONTAINERD",
        disk_type="pd-balanced",
        boot_disk_kms_key=spec.encryption.key,
        shielded_instance_config=container.ClusterClusterAutoscalingAutoProvisioningDefaultsShieldedInstanceConfigArgs(
            enable_secure_boot=True, enable_integrity_monitoring=True
        ),
        management=container.ClusterClusterAutoscalingAutoProvisioningDefaultsManagementArgs(
            auto_repair=True, auto_upgrade=True
        ),
    )
    return container.ClusterClusterAutoscalingArgs(
        enabled=True,
        auto_provisioning_locations=list(spec.zone_names),
        auto_provisioning_defaults=args,
        resource_limits=[
            container.ClusterClusterAutoscalingResourceLimitArgs(resource_type=name, maximum=most)
            for name, most in resource_limits(pools).items()
        ],
    )
