"""What all objects of one service share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from modelyard.kube.labels import VARIANT, labels, selector
from modelyard.kube.names import logical_name
from modelyard.platform.leader_worker_sets_chart import WORKER_INDEX
from modelyard.serving.variants import Variant
from modelyard.workspace.namespace import WorkspaceNamespace
from modelyard.workspace.workspace import Workspace

COMPONENT = "model-service"
"""The value of `app.kubernetes.io/component`."""


@dataclass(frozen=True, kw_only=True)
class ServiceScope:
    """A service as its parts see it.

    Attributes:
        name: the service's name.
        workspace: where it runs.
        parent: the component that its objects belong to.
        home: the namespace of the workspace that it runs in; None for the workspace's own.
        is_monitored: whether a Prometheus reads its metrics.
    """

    name: str
    workspace: Workspace
    parent: pulumi.Resource
    home: WorkspaceNamespace | None = None
    is_monitored: bool = False

    @property
    def namespace(self) -> pulumi.Output[str]:
        """The name of the namespace that its objects are in."""
        return (self.home or self.workspace).namespace

    @property
    def logical(self) -> str:
        """The start of the Pulumi names of its objects."""
        return logical_name(self.workspace.workspace_name, self.name)

    def logical_of(self, variant: Variant) -> str:
        """The start of the Pulumi names of objects of one version."""
        return self.logical if variant.is_main else f"{self.logical}-{variant.label}"

    @property
    def logical_route(self) -> str:
        """The Pulumi name of its route, by which the gateway's metrics know it too."""
        return f"{self.logical}-route"

    @property
    def labels(self) -> dict[str, str]:
        """The labels of all its objects."""
        return labels(self.name, instance=self.logical, component=COMPONENT, workspace=self.workspace.workspace_name)

    def labels_of(self, variant: Variant) -> dict[str, str]:
        """The labels of objects of one version."""
        return {**self.labels, VARIANT: variant.label}

    @property
    def selector(self) -> dict[str, str]:
        """The labels by which the pods of all versions are found."""
        return selector(self.name, instance=self.logical, component=COMPONENT)

    def selector_of(self, variant: Variant) -> dict[str, str]:
        """The labels by which the pods of one version are found."""
        return {**self.selector, VARIANT: variant.label}

    def server_selector_of(self, variant: Variant) -> dict[str, str]:
        """The labels by which those of them are found that serve: of a group the leader alone."""
        return {**self.selector_of(variant), **({WORKER_INDEX: "0"} if variant.spec.spans_nodes else {})}

    def url_of(self, service: pulumi.Input[str]) -> pulumi.Output[str]:
        """The base URL of a Service inside of the cluster, without a slash at the end."""
        return pulumi.Output.concat("http://", service, ".", self.namespace, ".svc")

    def metadata(
        self,
        name: str | None = None,
        *,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> k8s.meta.v1.ObjectMetaArgs:
        """The metadata of an object; without a name one is generated."""
        return k8s.meta.v1.ObjectMetaArgs(
            name=name,
            namespace=self.namespace,
            labels=dict(labels or self.labels),
            annotations=dict(annotations) if annotations else None,
        )

    def options(self, after: Iterable[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        """Pulumi's options of an object."""
        return pulumi.ResourceOptions(
            parent=self.parent, provider=self.workspace.cluster.kubernetes_provider, depends_on=list(after)
        )
