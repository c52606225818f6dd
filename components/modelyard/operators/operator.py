"""One operator on a cluster: its chart, or only its kinds."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pulumi
import pulumi_kubernetes as k8s

from modelyard.component import checked
from modelyard.kube.labels import labels
from modelyard.kube.pod_security import pod_security_labels
from modelyard.operators.crds import Crd
from modelyard.operators.definition import OperatorDefinition, PodSecurity
from modelyard.operators.kinds import register_kind, registrable
from modelyard.operators.namespaces import kinds_namespace
from modelyard.operators.spec import ChartsSpec
from modelyard.versions import Chart

_OCI = "oci://"
_CRITICAL_PODS = "100000"
"""More than an operator and its agents on all nodes of the largest cluster."""
_KEPT_REVISIONS = 5
"""Helm keeps every revision of a release by default, each a Secret of up to a MiB."""


class ChartTraits(Protocol):
    """What a cluster says of charts."""

    @property
    def charts_installed(self) -> bool:
        """Whether operators come from their charts; otherwise only their kinds are registered."""
        ...

    @property
    def crds(self) -> str | None:
        """A folder of CustomResourceDefinitions to register instead of permissive ones; only without charts."""
        ...


class OperatorHost(Protocol):
    """The part of a cluster that an operator needs; every `Cluster` has it."""

    @property
    def kubernetes_provider(self) -> k8s.Provider:
        """The provider through which objects on it are made."""
        ...

    @property
    def traits(self) -> ChartTraits:
        """Whether charts are installed."""
        ...

    @property
    def ready(self) -> Sequence[pulumi.Resource]:
        """What must exist before the operator and outlive it."""
        ...

    @property
    def control_plane(self) -> pulumi.Resource | None:
        """What everything on the cluster ends with; None where the stack does not make the cluster."""
        ...


class Operator(pulumi.ComponentResource):
    """An operator on a cluster, in a namespace of its own.

    Where the cluster's trait `charts_installed` says so, its Helm chart is installed at the pinned version, after the
    chart of its kinds if it has one. An install that fails is removed and an upgrade that fails is rolled back, so that
    the next update begins from a known state. Elsewhere only its kinds are registered, so that the API server accepts
    custom objects which nothing acts upon: as the trait `crds` says, from a folder of CustomResourceDefinitions, or
    permissive ones.

    Custom objects must depend on `kinds_ready`. Then a destroy removes them while their operator still runs, the
    operator next and its namespaces after it, all while there are nodes. Kinds alone run nothing: where the control
    plane goes with them, they go with it, without a call of their own.

    It makes no secrets and no roles beyond those of the chart, and it does not redirect the chart's images to a mirror.
    """

    namespace_name: str
    """The namespace that it runs in."""
    kinds_ready: Sequence[pulumi.Resource]
    """What objects of its kinds depend on."""
    kinds_known: Sequence[pulumi.Resource]
    """What objects of its kinds depend on that nothing has to clean up after: they do not wait for the operator."""

    def __init__(
        self,
        name: str,
        cluster: OperatorHost,
        definition: OperatorDefinition,
        *,
        values: Mapping[str, Any],
        charts: ChartsSpec | None = None,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Install the operator.

        Args:
            name: the Pulumi name.
            cluster: where.
            definition: which one.
            values: of its chart. They stand in the state in clear text: no secrets here.
            charts: where charts come from.
            after: what the chart needs beside the cluster: kinds of another operator's.
            opts: Pulumi's options of the component.

        Raises:
            ConfigError: the folder of CustomResourceDefinitions cannot be used.
        """
        where = checked(charts or ChartsSpec(), name)
        crds = [] if cluster.traits.charts_installed else registrable(name, definition.kinds, cluster.traits.crds)
        super().__init__("modelyard:platform:Operator", name, {}, opts)
        self._name = name
        self._cluster = cluster
        self._definition = definition
        self.namespace_name = definition.name
        namespaces = self._make_namespaces()
        if cluster.traits.charts_installed:
            kinds = self._install_kinds(where)
            self.kinds_ready = [self._install(where, values, [*namespaces, *kinds, *after])]
            self.kinds_known = kinds or self.kinds_ready
        else:
            self.kinds_ready = self.kinds_known = [*namespaces, *(self._register(crd) for crd in crds)]
        self.register_outputs({"namespace_name": self.namespace_name})

    def _make_namespaces(self) -> list[pulumi.Resource]:
        further, critical = self._definition.further_namespaces, self._definition.has_critical_pods
        # The engine deletes by depth. One with a quota between it and its chart waits for no node, so that the chart is
        # as deep as those without a quota, and goes together with them.
        before = () if critical else self._cluster.ready
        own = self._namespace(self._name, self._definition.name, self._definition.pod_security, before)
        return [
            own,
            *([self._critical_pods(own)] if critical else []),
            *(
                self._namespace(f"{self._name}-{namespace}", namespace, level, self._cluster.ready)
                for namespace, level in further.items()
            ),
        ]

    def _namespace(
        self, logical_name: str, name: str, level: PodSecurity, before: Sequence[pulumi.Resource]
    ) -> k8s.core.v1.Namespace:
        return k8s.core.v1.Namespace(
            logical_name,
            metadata=k8s.meta.v1.ObjectMetaArgs(name=name, labels={**self._labels(), **pod_security_labels(level)}),
            opts=self._options(before),
        )

    def _critical_pods(self, namespace: k8s.core.v1.Namespace) -> k8s.core.v1.ResourceQuota:
        """What lets pods of this namespace have the priority of the system's own.
        https://docs.nvidia.com/datacenter/cloud-native/gpu-operator/latest/google-gke.html"""
        classes = k8s.core.v1.ScopedResourceSelectorRequirementArgs(
            scope_name="PriorityClass", operator="In", values=["system-cluster-critical", "system-node-critical"]
        )
        return k8s.core.v1.ResourceQuota(
            f"{self._name}-critical",
            metadata=k8s.meta.v1.ObjectMetaArgs(namespace=self._definition.name, labels=self._labels()),
            spec=k8s.core.v1.ResourceQuotaSpecArgs(
                hard={"pods": _CRITICAL_PODS},
                scope_selector=k8s.core.v1.ScopeSelectorArgs(match_expressions=[classes]),
            ),
            opts=self._options([namespace, *self._cluster.ready]),
        )

    def _install_kinds(self, charts: ChartsSpec) -> list[pulumi.Resource]:
        """The chart of its kinds, which takes no more than an API server: it waits for no node and outlives them all.

        So it has a namespace of its own, in which there is nothing but Helm's record of it.
        """
        definition = self._definition
        if not definition.crds_chart:
            return []
        name = kinds_namespace(definition.name)
        namespace = self._namespace(f"{self._name}-kinds", name, "restricted", ())
        release = _release_args(definition, f"{definition.name}-crds", name, definition.crds_chart, charts, {})
        return [k8s.helm.v3.Release(f"{self._name}-crds", release, opts=self._ending_with_the_cluster([namespace]))]

    def _install(
        self, charts: ChartsSpec, values: Mapping[str, Any], before: Sequence[pulumi.Resource]
    ) -> pulumi.Resource:
        name = self._definition.name
        release = _release_args(self._definition, name, name, self._definition.chart, charts, values)
        return k8s.helm.v3.Release(self._name, release, opts=self._options([*before, *self._cluster.ready]))

    def _register(self, crd: Crd) -> pulumi.Resource:
        return register_kind(
            self._name,
            crd,
            labels=self._labels(),
            parent=self,
            provider=self._cluster.kubernetes_provider,
            ends_with=self._cluster.control_plane,
        )

    def _labels(self) -> dict[str, str]:
        return labels(self._definition.name, instance=self._definition.name, component="operator")

    def _options(self, before: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, provider=self._cluster.kubernetes_provider, depends_on=list(before))

    def _ending_with_the_cluster(self, before: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        options = self._options(before)
        options.deleted_with = self._cluster.control_plane
        return options


def _release_args(
    definition: OperatorDefinition,
    name: str,
    namespace: str,
    chart: Chart,
    charts: ChartsSpec,
    values: Mapping[str, Any],
) -> "k8s.helm.v3.ReleaseArgs":  # quoted: evaluating it would load Helm's module into programs without charts
    repository = (charts.mirror or chart.repository).rstrip("/")
    oci = repository.startswith(_OCI)
    return k8s.helm.v3.ReleaseArgs(
        # The chart's objects are named after the release: under a second name a second operator would fight the first.
        name=name,
        namespace=namespace,
        chart=f"{repository}/{chart.name}" if oci else chart.name,
        repository_opts=None if oci else k8s.helm.v3.RepositoryOptsArgs(repo=repository),
        version=chart.version,
        values=dict(values),
        atomic=True,
        cleanup_on_fail=True,
        max_history=_KEPT_REVISIONS,
        timeout=definition.timeout_seconds,
    )
