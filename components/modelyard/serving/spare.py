"""Room that is kept warm for further replicas of a service."""

import pulumi
import pulumi_kubernetes as k8s

from modelyard.kube.containers import Container
from modelyard.kube.labels import labels, selector
from modelyard.kube.placement import spread
from modelyard.kube.pods import Pod, pod_template
from modelyard.kube.quantities import cpu_quantity, memory_quantity
from modelyard.serving.scope import ServiceScope
from modelyard.serving.spec import ModelServiceSpec
from modelyard.versions import PAUSE_IMAGE
from modelyard.workspace.pods import workload_pod

COMPONENT = "spare-capacity"
"""The value of `app.kubernetes.io/component`: no Service and no budget of the service selects such pods."""
_NOT_AWAITED = {"pulumi.com/skipAwait": "true"}
"""They wait for nodes as long as it takes; the service does not wait for them."""


def make_spare(scope: ServiceScope, spec: ModelServiceSpec) -> k8s.apps.v1.Deployment:
    """Keep room for further replicas: pods that do nothing and ask for what a replica asks for.

    Creates a Deployment. Its pods have the lowest priority: where a replica finds no other room, one of them is ended
    at once and the replica has its place, on a node that is there. The pod that was ended waits for a node, and so has
    the cluster make the next one.

    https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md, "How can I configure
    overprovisioning with Cluster Autoscaler?"

    Args:
        scope: the service.
        spec: the service's spec, with spare replicas, on a workspace with their priority.
    """
    own = selector(scope.name, instance=scope.logical, component=COMPONENT)
    all_labels = labels(
        scope.name, instance=scope.logical, component=COMPONENT, workspace=scope.workspace.workspace_name
    )
    return k8s.apps.v1.Deployment(
        f"{scope.logical}-spare",
        metadata=scope.metadata(labels=all_labels, annotations=_NOT_AWAITED),
        spec=k8s.apps.v1.DeploymentSpecArgs(
            replicas=spec.spare_replicas,
            selector=k8s.meta.v1.LabelSelectorArgs(match_labels=own),
            # The old one goes first: beside it there may be no room.
            strategy=k8s.apps.v1.DeploymentStrategyArgs(
                type="RollingUpdate",
                rolling_update=k8s.apps.v1.RollingUpdateDeploymentArgs(max_surge=0, max_unavailable=1),
            ),
            template=pod_template(_pod(scope, spec, own), all_labels),
        ),
        opts=_options(scope, spec),
    )


def _pod(scope: ServiceScope, spec: ModelServiceSpec, own: dict[str, str]) -> Pod:
    like = workload_pod(scope.workspace, spec, Container(name="spare", image=PAUSE_IMAGE))
    needs = spec.resources_on(scope.workspace.cluster.pools[spec.pool])
    memory = memory_quantity(needs.pod_memory_gib)
    return Pod(
        container=Container(
            name="spare",
            image=like.container.image,
            # One container stands for all that a replica's pod has.
            requests={**like.container.requests, "cpu": cpu_quantity(needs.pod_cpus), "memory": memory},
            limits={
                **{name: amount for name, amount in like.container.limits.items() if name != "cpu"},
                "memory": memory,
            },
        ),
        service_account=like.service_account,
        node_selector=like.node_selector,
        tolerations=like.tolerations,
        priority_class=scope.workspace.spare_priority_class,
        grace_seconds=0,
        spread=spread(own),
    )


def _options(scope: ServiceScope, spec: ModelServiceSpec) -> pulumi.ResourceOptions:
    return scope.options(scope.workspace.before_pods(spec))
