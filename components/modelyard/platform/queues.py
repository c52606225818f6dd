"""Queues in which jobs wait for their quota."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.base import Cluster
from modelyard.cluster.pools import Pool
from modelyard.component import checked, shown
from modelyard.kube.labels import labels
from modelyard.operators.definition import Kind
from modelyard.operators.operator import Operator
from modelyard.operators.spec import ChartsSpec
from modelyard.platform.queues_kueue import (
    ADMISSION_CHECK,
    CHECK,
    CLUSTER_QUEUE,
    DEFINITION,
    LOCAL_QUEUE,
    PRIORITY_CLASS,
    PROVISIONING_CONFIG,
    RESOURCE_FLAVOR,
    admission_check,
    chart_values,
    cluster_queue,
    provisioning_config,
    resource_flavor,
)
from modelyard.platform.queues_rules import Queue, queue_problems, resolve_queues
from modelyard.platform.queues_spec import QueueSpec


class Queues(pulumi.ComponentResource):
    """Kueue, and queues in which jobs wait until their quota has room for all of their pods.

    It installs Kueue into a namespace of its own and makes a ResourceFlavor for each pool of the queues, and for each
    queue a ClusterQueue and a WorkloadPriorityClass; and, where machines of a pool come by queued provisioning, an
    AdmissionCheck with its configuration, through which Kueue requests the machines of a job before it starts. The way
    of a workspace into its queues, a LocalQueue for each, is the Workspace's.

    Kueue stops and starts Jobs by their field `suspend`, which the stack does not set. Where the cluster installs no
    charts, only the kinds are registered: the objects are accepted, and jobs start at once, as nothing lets them wait.
    """

    by_name: Mapping[str, Queue]
    """The queues, with what they can have."""

    def __init__(
        self,
        name: str,
        cluster: Cluster,
        queues: Mapping[str, QueueSpec],
        *,
        charts: ChartsSpec | None = None,
        monitoring_ready: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the queues; once for a cluster.

        Args:
            name: the Pulumi name.
            cluster: whose pools.
            queues: the queues by name.
            charts: where charts come from.
            monitoring_ready: what a ServiceMonitor depends on; empty where nothing reads metrics.
            opts: Pulumi's options of the component.

        Raises:
            ConfigError: with every problem of the queues, on their own and on these pools.
        """
        queues = {key: checked(queue, key) for key, queue in queues.items()}
        found = list(queue_problems(queues, cluster.pools, cluster.pools))
        if found:
            raise shown(found, name)
        super().__init__("modelyard:platform:Queues", name, {}, opts)
        self._name, self._cluster = name, cluster
        self.by_name = resolve_queues(queues, cluster.pools)
        pools = [
            pool for key, pool in cluster.pools.items() if any(key in each.quotas for each in self.by_name.values())
        ]
        operator = Operator(
            name,
            cluster,
            DEFINITION,
            values=chart_values(pools, monitored=bool(monitoring_ready)),
            charts=charts,
            after=monitoring_ready,
            opts=pulumi.ResourceOptions(parent=self),
        )
        before = [*operator.kinds_ready, *cluster.ready]
        flavors = {pool.name: self._object(RESOURCE_FLAVOR, pool.name, resource_flavor(pool), before) for pool in pools}
        check = self._queued_provisioning([pool for pool in pools if pool.is_queued], before)
        self._ready = {key: self._queue(queue, flavors, check, before) for key, queue in self.by_name.items()}
        self.register_outputs({})

    def _queue(
        self,
        queue: Queue,
        flavors: Mapping[str, pulumi.Resource],
        check: Sequence[pulumi.Resource],
        before: Sequence[pulumi.Resource],
    ) -> list[pulumi.Resource]:
        """A queue and its priority, which jobs of it depend on."""
        used = [flavors[pool] for pool in queue.quotas]
        spec = cluster_queue(queue, self._cluster.pools)
        return [
            self._object(CLUSTER_QUEUE, queue.name, spec, [*used, *check, *before]),
            _PriorityClass(
                f"{self._name}-{queue.name}",
                self._metadata(queue.name),
                queue.spec.priority,
                self._options(before),
            ),
        ]

    def _queued_provisioning(
        self, pools: Sequence[Pool], before: Sequence[pulumi.Resource]
    ) -> Sequence[pulumi.Resource]:
        if not pools:
            return ()
        config = self._object(PROVISIONING_CONFIG, CHECK, provisioning_config(pools), before)
        return [self._object(ADMISSION_CHECK, CHECK, admission_check(), [config, *before])]

    def _object(
        self, kind: Kind, name: str, spec: Mapping[str, Any], before: Sequence[pulumi.Resource]
    ) -> k8s.apiextensions.CustomResource:
        return k8s.apiextensions.CustomResource(
            f"{self._name}-{name}",
            api_version=kind.api_version,
            kind=kind.kind,
            metadata=self._metadata(name),
            spec=spec,
            opts=self._options(before),
        )

    def _metadata(self, name: str) -> k8s.meta.v1.ObjectMetaArgs:
        return k8s.meta.v1.ObjectMetaArgs(name=name, labels=labels(name, instance=self._name, component="queues"))

    def _options(self, before: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        # What is in use waits for its users to go, which Kueue sees to: all go before it.
        return pulumi.ResourceOptions(parent=self, provider=self._cluster.kubernetes_provider, depends_on=list(before))

    def open_to(
        self,
        queue: str,
        *,
        logical_name: str,
        namespace: pulumi.Input[str],
        object_labels: Mapping[str, str],
        parent: pulumi.Resource,
    ) -> k8s.apiextensions.CustomResource:
        """Let the jobs of a namespace into a queue, by a LocalQueue of the queue's name, which they depend on.

        Args:
            queue: one of these queues.
            logical_name: the Pulumi name.
            namespace: a namespace with the label that Kueue looks for.
            object_labels: of the LocalQueue.
            parent: the component it belongs to.
        """
        return k8s.apiextensions.CustomResource(
            logical_name,
            api_version=LOCAL_QUEUE.api_version,
            kind=LOCAL_QUEUE.kind,
            metadata=k8s.meta.v1.ObjectMetaArgs(name=queue, namespace=namespace, labels=dict(object_labels)),
            spec={"clusterQueue": queue},
            opts=pulumi.ResourceOptions(
                parent=parent, provider=self._cluster.kubernetes_provider, depends_on=list(self._ready[queue])
            ),
        )


class _PriorityClass(pulumi.CustomResource):
    """The priority of a queue's jobs. Its value stands outside of a `spec`, which the SDK's CustomResource cannot."""

    def __init__(
        self, name: str, metadata: k8s.meta.v1.ObjectMetaArgs, value: int, opts: pulumi.ResourceOptions
    ) -> None:
        super().__init__(
            f"kubernetes:{PRIORITY_CLASS.api_version}:{PRIORITY_CLASS.kind}",
            name,
            {
                "apiVersion": PRIORITY_CLASS.api_version,
                "kind": PRIORITY_CLASS.kind,
                "metadata": metadata,
                "value": value,
            },
            opts,
        )
