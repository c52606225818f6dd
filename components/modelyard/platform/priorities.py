"""Priorities of pods: PriorityClasses under generated names.

https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
"""

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.base import Cluster
from modelyard.component import checked
from modelyard.kube.labels import labels
from modelyard.platform.priorities_spec import SPARE_PRIORITY, PrioritySpec

_SPARE = "spare"


class Priorities(pulumi.ComponentResource):
    """The priorities that workloads name, and that of pods which keep room for others.

    Creates a PriorityClass for each. Kubernetes lets nobody change one: a changed priority is made anew under another
    generated name, and what uses it is rolled, so that its pods have the new one. None of them is the default of the
    cluster's pods.
    """

    names: Mapping[str, pulumi.Output[str]]
    """The PriorityClasses' names by the priorities' own."""
    spare: pulumi.Output[str] | None
    """The name of the PriorityClass of pods that keep room for others, and give way to all of them; None where there
    is none."""

    def __init__(
        self,
        name: str,
        cluster: Cluster,
        priorities: Mapping[str, PrioritySpec],
        *,
        with_spare: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the priorities; once for a stack.

        Args:
            name: the Pulumi name.
            cluster: where they are made.
            priorities: the priorities by name.
            with_spare: whether to make that of pods which keep room for others.
            opts: Pulumi's options of the component.

        Raises:
            ConfigError: with every problem of the priorities.
        """
        priorities = {key: checked(priority, key) for key, priority in priorities.items()}
        super().__init__("modelyard:platform:Priorities", name, {}, opts)
        self._name, self._cluster = name, cluster
        self.names = {
            key: self._priority_class(key, f"{name}-{key}", each.value, preempts=each.preempts)
            for key, each in priorities.items()
        }
        # Its name has two dashes, which no name of a user's begins with.
        self.spare = (
            self._priority_class(_SPARE, f"{name}--{_SPARE}", SPARE_PRIORITY, preempts=False) if with_spare else None
        )
        self.register_outputs({"names": dict(self.names)})

    def _priority_class(self, name: str, logical_name: str, value: int, *, preempts: bool) -> pulumi.Output[str]:
        made = k8s.scheduling.v1.PriorityClass(
            logical_name,
            metadata=k8s.meta.v1.ObjectMetaArgs(labels=labels(name, instance=self._name, component="priorities")),
            value=value,
            preemption_policy=None if preempts else "Never",
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=self._cluster.kubernetes_provider,
                depends_on=self._cluster.ready,
                replace_on_changes=["value", "preemptionPolicy"],
            ),
        )
        return made.metadata.name
