"""Claims to devices through Dynamic Resource Allocation, for pools that hand theirs out so.

https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
"""

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s

from modelyard.workspace.workload_spec import WorkloadSpec
from modelyard.workspace.workspace import Workspace

CLAIM = "gpus"
"""The name of the claim in a pod, and of its one request."""


def device_claims(
    logical_name: str,
    workspace: Workspace,
    spec: WorkloadSpec,
    labels: Mapping[str, str],
    parent: pulumi.Resource,
) -> dict[str, pulumi.Output[str]]:
    """The claims of a workload's pods by name, each with its template's name; none where devices are a resource.

    Makes a ResourceClaimTemplate for the workload. Every pod gets a claim of its own from it, which goes with the pod.

    Args:
        logical_name: the workload's, from which the template's name is generated.
        workspace: where it runs.
        spec: a spec without problems on the workspace's cluster.
        labels: the workload's.
        parent: the workload's component.
    """
    needs = spec.resources_on(workspace.cluster.pools[spec.pool])
    if needs.device_class is None:
        return {}
    request = k8s.resource.v1.DeviceRequestArgs(
        name=CLAIM,
        exactly=k8s.resource.v1.ExactDeviceRequestArgs(
            device_class_name=needs.device_class, allocation_mode="ExactCount", count=needs.gpus
        ),
    )
    template = k8s.resource.v1.ResourceClaimTemplate(
        f"{logical_name}-{CLAIM}",
        metadata=k8s.meta.v1.ObjectMetaArgs(namespace=workspace.namespace_for(spec).namespace, labels=dict(labels)),
        spec=k8s.resource.v1.ResourceClaimTemplateSpecArgs(
            metadata=k8s.meta.v1.ObjectMetaArgs(labels=dict(labels)),
            spec=k8s.resource.v1.ResourceClaimSpecArgs(devices=k8s.resource.v1.DeviceClaimArgs(requests=[request])),
        ),
        opts=pulumi.ResourceOptions(
            parent=parent,
            provider=workspace.cluster.kubernetes_provider,
            # Kubernetes lets nobody change one: another makes another, and so rolls the pods.
            replacement_trigger=f"{needs.device_class} {needs.gpus}",
        ),
    )
    return {CLAIM: template.metadata.name}
