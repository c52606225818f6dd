"""Where in Google Cloud a cluster's resources are made, and what all of them have in common."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pulumi
from pulumi_gcp import Provider


@dataclass(frozen=True, kw_only=True)
class Account:
    """One region of a project, as one cluster uses it.

    Attributes:
        name: the Pulumi name that resources' names begin with.
        cluster_name: the cluster's name in GKE, known at preview.
        project: the project's id.
        region: for example `us-central1`.
        apis: Google's APIs by the first part of their host name, `compute`: who uses one depends on it.
        parent: of all resources.
        provider: of all resources in Google Cloud.
    """

    name: str
    cluster_name: str
    project: str
    region: str
    apis: Mapping[str, pulumi.Resource]
    parent: pulumi.Resource
    provider: Provider

    @property
    def workload_pool(self) -> str:
        """The project's pool of identities that Kubernetes gives out."""
        return f"{self.project}.svc.id.goog"

    def options(self, before: Iterable[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        """Options of a resource in Google Cloud, made after `before`."""
        return pulumi.ResourceOptions(parent=self.parent, provider=self.provider, depends_on=list(before))

    def options_in(self, api: str, before: Iterable[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        """Options of a resource that one of Google's APIs makes, made after that is enabled and after `before`."""
        return self.options([self.apis[api], *before])
