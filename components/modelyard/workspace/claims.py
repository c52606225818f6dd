"""Claims to devices through Dynamic Resource Allocation, for pools that hand theirs out so.

https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
"""

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s

from modelyard.gpu.fabric import FabricClaim
from modelyard.workspace.workload_spec import WorkloadSpec
from modelyard.workspace.workspace import Workspace

CLAIM = "gpus"
"""The name of the claim to GPUs in a pod, and of its one request."""
FABRIC_CLAIM = "fabric"
"""The name of the claim to devices of the fabric between nodes, and of its one request."""


def device_claims(
    logical_name: str,
    workspace: Workspace,
    spec: WorkloadSpec,
    labels: Mapping[str, str],
    parent: pulumi.Resource,
) -> dict[str, pulumi.Output[str]]:
    """The claims of a workload's pods by name, each with its template's name; none where devices are a resource.

    Makes a ResourceClaimTemplate for its GPUs, and one for its devices of the fabric, as far as they are claimed. Every
    pod gets claims of its own from them, which go with the pod.

    Args:
        logical_name: the workload's, from which the template's name is generated.
        workspace: where it runs.
        spec: a spec without problems on the workspace's cluster.
        labels: the workload's.
        parent: the workload's component.
    """
    needs = spec.resources_on(workspace.cluster.pools[spec.pool])
    wanted: dict[str, FabricClaim] = {}
    if needs.device_class is not None:
        wanted[CLAIM] = FabricClaim(device_class=needs.device_class, count=needs.gpus)
    if needs.fabric_claim:
        wanted[FABRIC_CLAIM] = needs.fabric_claim
    return {
        name: _template(f"{logical_name}-{name}", name, claim, workspace, spec, labels, parent).metadata.name
        for name, claim in wanted.items()
    }


def _template(
    logical_name: str,
    name: str,
    claim: FabricClaim,
    workspace: Workspace,
    spec: WorkloadSpec,
    labels: Mapping[str, str],
    parent: pulumi.Resource,
) -> "k8s.resource.v1.ResourceClaimTemplate":  # in quotes: few stacks have claims, and these kinds take long to load
    request = k8s.resource.v1.DeviceRequestArgs(
        name=name,
        exactly=k8s.resource.v1.ExactDeviceRequestArgs(
            device_class_name=claim.device_class, allocation_mode="ExactCount", count=claim.count
        ),
    )
    return k8s.resource.v1.ResourceClaimTemplate(
        logical_name,
        metadata=k8s.meta.v1.ObjectMetaArgs(namespace=workspace.namespace_for(spec).namespace, labels=dict(labels)),
        spec=k8s.resource.v1.ResourceClaimTemplateSpecArgs(
            metadata=k8s.meta.v1.ObjectMetaArgs(labels=dict(labels)),
            spec=k8s.resource.v1.ResourceClaimSpecArgs(devices=k8s.resource.v1.DeviceClaimArgs(requests=[request])),
        ),
        opts=pulumi.ResourceOptions(
            parent=parent,
            provider=workspace.cluster.kubernetes_provider,
            # Kubernetes lets nobody change one: another makes another, and so rolls the pods.
            replacement_trigger=f"{claim.device_class} {claim.count}",
        ),
    )
