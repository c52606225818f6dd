"""Google's APIs, which a project has to enable before anything can be made through them."""

from collections.abc import Mapping

import pulumi
from pulumi_gcp import Provider, projects

from modelyard.cluster.gke.spec import GkeSpec

_ALWAYS = (
    "cloudresourcemanager", "compute", "container", "iam", "iamcredentials", "logging", "monitoring", "storage",
)  # fmt: skip


def make_apis(name: str, spec: GkeSpec, provider: Provider, parent: pulumi.Resource) -> Mapping[str, pulumi.Resource]:
    """Enable what the cluster needs, by the first part of each API's host name. They are enabled all at once.

    None is disabled when the stack is destroyed: all of the project uses the same, and to disable one is to take it,
    with everything made through it, from whatever else there is. Service Usage, through which it is done, has to be
    enabled already, as it is in new projects. https://cloud.google.com/service-usage/docs/enabled-service

    Args:
        name: what Pulumi names begin with.
        spec: of the cluster.
        provider: of all resources in Google Cloud.
        parent: of all resources.
    """
    wanted = [
        *_ALWAYS,
        # Image streaming reads images through it: https://cloud.google.com/kubernetes-engine/docs/how-to/image-streaming
        *(("containerfilesystem",) if spec.image_streaming else ()),
        *(("file",) if spec.shared_storage else ()),
        *(("cloudkms",) if spec.encryption.key else ()),
    ]
    options = pulumi.ResourceOptions(parent=parent, provider=provider)
    return {
        api: projects.Service(
            f"{name}-{api}",
            project=spec.project,
            service=f"{api}.googleapis.com",
            disable_on_destroy=False,
            opts=options,
        )
        for api in wanted
    }
